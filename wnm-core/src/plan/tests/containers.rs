//! Nodes that share containers.

use super::*;
use crate::action::Action;
use crate::model::NodeSpec;

/// Adds nodes by request until there are `count` more; each with its container.
fn added(snapshot: &mut Snapshot, policy: &Policy, count: u32) -> Vec<(u32, Option<String>)> {
    snapshot.requests = vec![request(1, Verb::Add { count })];
    let plan = plan(snapshot, policy, PlanScope::RequestsOnly);
    assert_eq!(check(&plan, snapshot, policy), vec![]);
    let specs: Vec<NodeSpec> = plan
        .actions
        .iter()
        .filter_map(|it| match &it.action {
            Action::Add { spec, .. } => Some((**spec).clone()),
            _ => None,
        })
        .collect();
    specs.into_iter().map(|spec| (spec.id.number(), spec.container)).collect()
}

fn sharing(most: &str, least: &str) -> Policy {
    let settings = [
        (Setting::Manager, "docker+user"),
        (Setting::MaxNodesPerContainer, most),
        (Setting::MinContainerCount, least),
        (Setting::NodeCap, "1000"),
    ];
    with(draft(), &settings)
}

fn show(added: &[(u32, Option<String>)]) -> String {
    let one = |(id, container): &(u32, Option<String>)| {
        format!("{id} {}", container.as_deref().unwrap_or("-"))
    };
    added.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A node in a container, as `sharing` would make it.
fn kept(number: u32, container: u32, policy: &Policy) -> NodeView {
    let mut node = running(number);
    node.record.spec.manager = policy.nodes.manager;
    node.record.spec.container = Some(policy.nodes.containers.name(container));
    node
}

#[test]
fn alone_each_node_has_a_container_of_its_own() {
    let found = added(&mut quiet(0), &sharing("1", "3"), 2);
    assert_eq!(show(&found), "1 -, 2 -");
}

#[test]
fn other_managers_know_no_containers() {
    let settings = [(Setting::MaxNodesPerContainer, "5"), (Setting::NodeCap, "9")];
    assert_eq!(show(&added(&mut quiet(0), &with(draft(), &settings), 2)), "1 -, 2 -");
}

#[test]
fn one_is_filled_before_the_next_is_made() {
    let found = added(&mut quiet(0), &sharing("2", "1"), 5);
    let expected = "1 wnm-nodes-1, 2 wnm-nodes-1, 3 wnm-nodes-2, 4 wnm-nodes-2, 5 wnm-nodes-3";
    assert_eq!(show(&found), expected);
}

#[test]
fn the_least_number_is_filled_evenly_with_a_block_of_ids_each() {
    let found = added(&mut quiet(0), &sharing("100", "3"), 4);
    let expected = "1 wnm-nodes-1, 101 wnm-nodes-2, 201 wnm-nodes-3, 2 wnm-nodes-1";
    assert_eq!(show(&found), expected);
}

#[test]
fn the_emptiest_gets_the_next_one() {
    let policy = sharing("3", "1");
    let mut snapshot = quiet(0);
    snapshot.nodes = vec![kept(1, 1, &policy), kept(2, 1, &policy), kept(4, 2, &policy)];
    assert_eq!(
        show(&added(&mut snapshot, &policy, 3)),
        "5 wnm-nodes-2, 3 wnm-nodes-1, 6 wnm-nodes-2"
    );
}

#[test]
fn a_container_that_does_not_see_a_storage_is_not_for_its_nodes() {
    let policy = sharing("3", "1");
    let mut snapshot = quiet(0);
    snapshot.nodes = vec![kept(1, 1, &policy)];
    snapshot.nodes[0].record.spec.storage = "/mnt/other".into();
    assert_eq!(show(&added(&mut snapshot, &policy, 1)), "4 wnm-nodes-2");
    let mut snapshot = quiet(0);
    snapshot.nodes = vec![kept(1, 1, &policy)];
    snapshot.nodes[0].record.spec.logs = "/mnt/logs/antnode0001".into();
    assert_eq!(show(&added(&mut snapshot, &policy, 1)), "4 wnm-nodes-2");
}

#[test]
fn what_is_taken_is_passed_over_and_another_size_of_blocks_does_no_harm() {
    let policy = sharing("3", "1");
    let mut snapshot = quiet(0);
    snapshot.occupied = Ok([id(1)].into());
    snapshot.ports = Ok([55_002].into());
    assert_eq!(show(&added(&mut snapshot, &policy, 2)), "3 wnm-nodes-1, 4 wnm-nodes-2");
    // Made when five shared a container: the second block is taken by nodes of the first one.
    let mut snapshot = quiet(0);
    snapshot.nodes = (1..=5).map(|number| kept(number, 1, &policy)).collect();
    assert_eq!(show(&added(&mut snapshot, &policy, 1)), "6 wnm-nodes-2");
}

#[test]
fn ports_end_with_containers_as_well() {
    let settings = [(Setting::PortStart, "65"), (Setting::NodeCap, "500")];
    let policy = settings.iter().fold(
        draft()
            .with(Setting::Manager, "docker+user")
            .with(Setting::MaxNodesPerContainer, "268")
            .with(Setting::MinContainerCount, "3"),
        |draft, (setting, text)| draft.with(*setting, *text),
    );
    let policy = super::policy(&policy);
    let mut snapshot = quiet(0);
    snapshot.requests = vec![request(1, Verb::Add { count: 3 })];
    let plan = plan(&snapshot, &policy, PlanScope::RequestsOnly);
    // The third container would begin at 65537: the first one takes another node instead.
    let names: Vec<String> = plan.actions.iter().map(|it| it.action.to_string()).collect();
    assert_eq!(names.join(", "), "add antnode0001, add antnode0269, add antnode0002");
}

/// A container is full when it has as many nodes as it may, whatever their numbers are.
#[test]
fn a_full_container_gets_no_more_though_its_numbers_are_free() {
    let policy = sharing("2", "1");
    let mut snapshot = quiet(0);
    snapshot.nodes = vec![kept(11, 1, &policy), kept(12, 1, &policy)];
    assert_eq!(show(&added(&mut snapshot, &policy, 1)), "3 wnm-nodes-2");
}
