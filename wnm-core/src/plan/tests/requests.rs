//! What operators ask for.

use super::*;

#[test]
fn requests_are_answered_one_by_one() {
    let policy = with(draft(), &[(Setting::NodeCap, "4")]);
    let mut snapshot = quiet(3);
    let gone = NodeKey { record: crate::model::RecordId(99), ..key(2) };
    snapshot.requests = vec![
        request(1, Verb::Stop { nodes: vec![key(1), gone] }),
        request(2, Verb::Restart { nodes: vec![key(1), key(2)] }),
        request(3, Verb::Add { count: 1 }),
        request(4, Verb::Add { count: 1 }),
        request(5, Verb::Remove { nodes: vec![key(3)] }),
    ];
    insta::assert_snapshot!(planned(&snapshot, &policy), @"
    stop antnode0001: request 1
    restart antnode0002: request 2
    add antnode0004: request 3
    remove antnode0003: request 5
    refused: antnode0002: it is gone since it was asked for
    refused: antnode0001: something else is done with it in this cycle; ask again
    refused: 1 more would make 5 nodes and node_cap is 4: raise it with `wnm config set node_cap 5`
    ");
}

#[test]
fn a_request_expires_after_an_hour() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    // Within one boot its age decides, across a reboot the wall clock as well.
    let table = [
        ("b", 3600, 0, false),
        ("b", 3601, 0, true),
        ("old", 0, 3600, false),
        ("old", 0, 3601, true),
    ];
    for (boot, ago_s, wall_ago_s, expired) in table {
        let mut snapshot = quiet(3);
        let mut old = request(1, Verb::Stop { nodes: vec![key(1)] });
        old.made = Timestamp(snapshot.now.wall.0 - wall_ago_s * 1000);
        old.made_at = at(ago_s);
        if boot == "old" {
            // The machine came up five minutes ago.
            snapshot.now.instant.uptime_ms = 300_000;
            old.made_at = Instant { boot: BootId("old".into()), uptime_ms: 7 };
        }
        snapshot.requests = vec![old];
        let plan = sound(&snapshot, &policy);
        assert_eq!(plan.actions.is_empty(), expired, "{boot}: {ago_s} s, {wall_ago_s} s");
    }
}

#[test]
fn the_last_place_below_the_cap_is_for_whoever_asks_first() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, NodeState::Disabled, Some(true));
    snapshot.nodes[1].record.want = Want::Disabled;
    let asked = |cap: &str, requests: Vec<Request>| {
        let snapshot = Snapshot { requests, ..snapshot.clone() };
        let plan =
            plan(&snapshot, &with(draft(), &[(Setting::NodeCap, cap)]), PlanScope::RequestsOnly);
        assert_eq!(check(&plan, &snapshot, &with(draft(), &[(Setting::NodeCap, cap)])), vec![]);
        render(&plan)
    };
    let add = || request(1, Verb::Add { count: 1 });
    let enable = || request(2, Verb::Enable { nodes: vec![key(2)] });
    insta::assert_snapshot!(asked("2", vec![enable()]), @"enable antnode0002: request 2");
    insta::assert_snapshot!(asked("1", vec![enable()]), @"refused: antnode0002: it would make 2 nodes and node_cap is 1: raise it with `wnm config set node_cap 2`");
    insta::assert_snapshot!(asked("3", vec![add(), enable()]), @"
    add antnode0003: request 1
    enable antnode0002: request 2
    ");
    insta::assert_snapshot!(asked("2", vec![add(), enable()]), @"
    add antnode0003: request 1
    refused: antnode0002: it would make 3 nodes and node_cap is 2: raise it with `wnm config set node_cap 3`
    ");
}
