use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::model::ManagerKind;
use crate::policy::Setting;

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

fn manager() -> Manager {
    Manager { kind: ManagerKind::Systemd, scope: Scope::User }
}

fn line(data: &str, port: u16) -> String {
    format!(
        "{data}/ant-node --root-dir {data} --port {port} --rewards-address {WALLET} --disable-webrtc-direct"
    )
}

fn told(line: &str) -> Result<Told, NotANode> {
    Told::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

/// A running node called `name` with its data in `/srv/nodes`.
fn found(name: &str, port: u16) -> Found {
    let data = format!("/srv/nodes/{name}");
    let told = told(&line(&data, port)).expect("a node");
    let mut found = Found::told(Origin::Unit, name, &format!("/u/{name}.service"), told, manager());
    found.service = Some(name.to_owned());
    found.disk = OnDisk::Seen { real: data.into(), directory: true, key: true };
    found
}

fn around() -> Around {
    let root = PathBuf::from("/srv/nodes");
    Around {
        scope: Scope::User,
        user: "op".into(),
        roots: vec![Root { path: root.clone(), real: root }],
        logs: "/srv/logs".into(),
        own: vec!["/home/op".into(), "/home/op/.local/share/autonomi".into()],
        numbers: BTreeSet::new(),
        ports: BTreeMap::new(),
        kept: BTreeSet::new(),
        except: BTreeSet::new(),
    }
}

fn with(nodes: Vec<Found>) -> Findings {
    Findings { nodes, ..Findings::default() }
}

fn taken(nodes: Vec<Found>) -> Takeover {
    decide(with(nodes), &around()).expect("a takeover")
}

/// Why the one node is left.
fn left(found: Found) -> String {
    let takeover = taken(vec![found]);
    assert_eq!(takeover.nodes, Vec::new());
    takeover.left.first().expect("it is left").why.clone()
}

fn ids(takeover: &Takeover) -> Vec<(String, u32)> {
    let name = |node: &Taken| (node.found.name.clone(), node.spec.id.number());
    takeover.nodes.iter().map(name).collect()
}

#[test]
fn a_node_keeps_everything_it_has() {
    let mut node = found("antnode0007", 41007);
    node.want = Want::StoppedByOperator;
    node.autostart = true;
    let takeover = taken(vec![node]);
    let [only] = &takeover.nodes[..] else { panic!("{takeover:?}") };
    let spec = &only.spec;
    assert_eq!(spec.id.number(), 7);
    assert_eq!(spec.service, None, "it is its name");
    assert_eq!(spec.ports.node, 41007);
    assert_eq!(spec.data, Path::new("/srv/nodes/antnode0007"));
    assert_eq!(spec.storage, Path::new("/srv/nodes"));
    assert_eq!(spec.logs, Path::new("/srv/logs/antnode0007"));
    assert!(spec.owns_program() && spec.autostart);
    assert_eq!(only.copy_from, None);
}

#[test]
fn numbers_are_kept_where_they_are_free() {
    let nodes = ["node", "antnode007", "antnode0007", "ant-node-2", "x0", "antnode3"];
    let nodes = nodes.iter().enumerate().map(|(at, name)| found(name, 41001 + at as u16));
    let takeover = taken(nodes.collect());
    let expected = [
        ("node", 1),
        ("ant-node-2", 2),
        ("antnode3", 3),
        ("x0", 4),
        ("antnode0007", 7),
        ("antnode007", 5),
    ];
    let mut expected: Vec<(String, u32)> = expected.map(|(name, id)| (name.to_owned(), id)).into();
    expected.sort_by_key(|(_, id)| *id);
    let mut found = ids(&takeover);
    found.sort_by_key(|(_, id)| *id);
    assert_eq!(found, expected);
    let service = |id| {
        let node = takeover.nodes.iter().find(|node| node.spec.id.number() == id);
        node.and_then(|node| node.spec.service.clone())
    };
    assert_eq!(service(7), None);
    assert_eq!(service(5).as_deref(), Some("antnode007"));
    assert_eq!(service(3).as_deref(), Some("antnode3"));
}

#[test]
fn what_stays_behind_keeps_its_number() {
    let mut far = found("antnode0001", 41001);
    far.data = "/elsewhere/antnode0001".into();
    let takeover = taken(vec![far, found("node", 41002)]);
    assert_eq!(ids(&takeover), [("node".to_owned(), 2)]);
    let around = Around { numbers: [NodeId::FIRST].into(), ..around() };
    let takeover = decide(with(vec![found("antnode0001", 41001)]), &around).expect("a takeover");
    assert_eq!(ids(&takeover), [("antnode0001".to_owned(), 2)]);
    assert_eq!(takeover.nodes[0].found.notes, ["its number is taken: wnm calls it antnode0002"]);
}

#[test]
fn every_reason_to_leave_a_node_alone() {
    let change = |change: &dyn Fn(&mut Found)| {
        let mut node = found("one", 41001);
        change(&mut node);
        left(node)
    };
    let seen = |real: &str, directory, key| OnDisk::Seen { real: real.into(), directory, key };
    let reasons = [
        change(&|node| node.manager.scope = Scope::System),
        change(&|node| node.user = Some("root".into())),
        change(&|node| node.data = "/home/op/one".into()),
        change(&|node| node.data = "/home/op".into()),
        change(&|node| node.data = "/home".into()),
        change(&|node| node.data = "/".into()),
        change(&|node| node.data = "/srv/nodes/deeper/one".into()),
        change(&|node| node.data = "/srv/nodes".into()),
        change(&|node| node.disk = OnDisk::Unseen),
        change(&|node| node.disk = OnDisk::Missing),
        change(&|node| node.disk = seen("/srv/nodes/one", false, true)),
        change(&|node| node.disk = seen("/home/op/secret", true, true)),
        change(&|node| node.disk = seen("/srv/nodes/one", true, false)),
        change(&|node| node.ports.node = None),
        change(&|node| node.wallet = None),
        change(&|node| node.service = Some("a b".into())),
        change(&|node| node.service = Some("../x".into())),
        change(&|node| node.service = Some("-x".into())),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @r"
    it belongs to the system scope: choose --scope system for it
    it runs as `root`, and nodes of the user scope as `op`
    its data /home/op/one lies directly in none of the storage roots (/srv/nodes): give --node-storage /home/op as well to take it
    its data directory /home/op holds /home/op as well
    its data directory /home holds /home/op as well
    its data directory / holds /home/op as well
    its data /srv/nodes/deeper/one lies directly in none of the storage roots (/srv/nodes): give --node-storage /srv/nodes/deeper as well to take it
    its data /srv/nodes lies directly in none of the storage roots (/srv/nodes): give --node-storage /srv as well to take it
    its data directory /srv/nodes/one could not be looked at
    its data directory /srv/nodes/one is not there
    /srv/nodes/one is a link, or no directory: it could lead anywhere
    /srv/nodes/one leads through a link to /home/op/secret
    there is no key /srv/nodes/one/node_identity.key: it would come back as another node
    it has no fixed --port: it gets another one at every start
    it has no --rewards-address: nobody knows who earns
    `a b` is no plain name of a unit
    `../x` is no plain name of a unit
    `-x` is no plain name of a unit
    ");
}

#[test]
fn whatever_was_excepted_is_left_and_hinders_nothing() {
    let broken = Broken { name: Some("two".into()), what: "/u/two.service:3: no".into() };
    let findings = Findings { broken: vec![broken], ..with(vec![found("one", 41001)]) };
    let problems = decide(findings.clone(), &around()).expect_err("it is broken");
    assert_eq!(problems, ["/u/two.service:3: no"]);
    let around = Around { except: ["two".to_owned()].into(), ..around() };
    let takeover = decide(findings, &around).expect("a takeover");
    assert_eq!((takeover.nodes.len(), takeover.left.len()), (1, 1));
}

#[test]
fn two_that_want_one_thing_refuse_all() {
    let mut twin = found("two", 41002);
    twin.data = "/srv/nodes/one".into();
    twin.disk = OnDisk::Seen { real: twin.data.clone(), directory: true, key: true };
    let mut metrics = found("three", 41003);
    metrics.ports.metrics = Some(41001);
    let nodes = vec![found("one", 41001), twin, metrics, found("four", 41003)];
    let problems = decide(with(nodes.clone()), &around()).expect_err("they conflict");
    insta::assert_snapshot!(problems.join("\n"), @r"
    one (/u/one.service) and two (/u/two.service) have one data directory, /srv/nodes/one: its key would run twice; except one of them by --except
    one (/u/one.service) and three (/u/three.service) have one port, 41001: except one of them by --except
    three (/u/three.service) and four (/u/four.service) have one port, 41003: except one of them by --except
    ");
    let except = ["two", "three"].map(str::to_owned).into();
    let takeover = decide(with(nodes), &Around { except, ..around() }).expect("a takeover");
    assert_eq!(takeover.nodes.len(), 2);
    let ports = [(41001, "antnode0001".to_owned())].into();
    let around = Around { ports, ..around() };
    decide(with(vec![found("one", 41001)]), &around).expect_err("the port is taken");
}

#[test]
fn a_shared_program_is_copied_and_foreign_logs_are_left() {
    let mut node = found("one", 41001);
    node.binary = "/usr/local/bin/ant-node".into();
    node.logs = Some("/var/log/all".into());
    let takeover = taken(vec![node]);
    let only = &takeover.nodes[0];
    assert_eq!(only.spec.binary, Path::new("/srv/nodes/one/ant-node"));
    assert_eq!(only.copy_from.as_deref(), Some(Path::new("/usr/local/bin/ant-node")));
    assert_eq!(only.spec.logs, Path::new("/srv/logs/antnode0001"));
    assert_eq!(only.found.notes.len(), 2, "{:?}", only.found.notes);
    for own in ["/srv/nodes/one/logs", "/var/log/one", "/var/log/antnode0001"] {
        let mut node = found("one", 41001);
        node.logs = Some(own.into());
        assert_eq!(taken(vec![node]).nodes[0].spec.logs, Path::new(own));
    }
}

#[test]
fn settings_follow_from_the_nodes() {
    let nodes = taken(vec![found("antnode0001", 41001), found("antnode0002", 41002)]).nodes;
    let draft = implied(&nodes);
    assert_eq!(draft.text(Setting::PortStart), "41");
    assert_eq!(draft.text(Setting::NodeCap), "2");
    assert_eq!(draft.text(Setting::RewardsAddress), WALLET);
    assert_eq!(draft.text(Setting::Manager), "systemd+user");
    let mut other = found("antnode0003", 41005);
    other.wallet = "0x1234567890123456789012345678901234567890".parse().ok();
    let nodes = taken(vec![found("antnode0001", 41001), other]).nodes;
    let draft = implied(&nodes);
    assert!(!draft.values.contains_key(&Setting::PortStart), "they follow no rule");
    assert_eq!(
        draft.text(Setting::RewardsAddress),
        format!("{WALLET}:1,0x1234567890123456789012345678901234567890:1")
    );
}

/// What wnm itself would start a node with, it reads as the same node.
#[test]
fn words_of_wnm_are_read_back() {
    let spec = crate::fakes::build::spec(7);
    let words: Vec<String> = std::iter::once(spec.binary.to_string_lossy().into_owned())
        .chain(spec.program.arguments(&spec))
        .collect();
    let told = Told::read(&words).expect("a node");
    assert_eq!((told.data, told.binary), (spec.data, spec.binary));
    assert_eq!(told.logs, Some(spec.logs));
    assert_eq!(told.wallet, Some(spec.wallet));
    assert_eq!(told.ports.node, Some(spec.ports.node));
    assert_eq!(told.launch, spec.launch);
    assert_eq!(told.notes, Vec::<String>::new());
}

#[test]
fn words_that_are_not_ours_stay_as_they_are() {
    let line = format!(
        "/o/antnode --bootstrap-cache-dir /c --root-dir=/n/1 --port 5 --max-log-files 1 --owner me \
         --rewards-address {WALLET} --rpc 127.0.0.1:30001 --peer /ip4/1,/ip4/2 --no-upnp \
         evm-custom --rpc-url u --payment-token-address t --data-payments-address p"
    );
    let told = told(&line).expect("a node");
    assert_eq!(
        told.launch.start_args,
        ["--bootstrap-cache-dir", "/c", "--max-log-files", "1", "--owner", "me"]
    );
    assert_eq!(told.ports.rpc, Some(30001));
    assert_eq!(told.launch.bootstrap, ["/ip4/1", "/ip4/2"]);
    assert!(told.launch.no_upnp);
}

#[test]
fn words_that_make_no_node() {
    let table = [
        ("/bin/sh -c x", "it runs `/bin/sh`, which is no node program"),
        (
            "/o/ant-node --port 5",
            "it has no --root-dir: which data and which key are its own, its line does not say",
        ),
        ("/o/ant-node --root-dir", "`--root-dir` has no value"),
        ("/o/ant-node --root-dir /n/1 --port 70000", "`--port 70000` is no fixed port"),
        ("/o/ant-node --root-dir /n/1 --root-dir /n/2", "`--root-dir` is given twice"),
        (
            "/o/ant-node --root-dir /n/1 -c /x",
            "it reads a configuration file, which may say anything at any time",
        ),
        ("/o/ant-node --root-dir /n/1 --evm-rpc-url u", "it names only a part of a custom network"),
        ("/o/ant-node --root-dir /n/1 --evm-network moon", "--evm-network is `moon`"),
        ("ant-node --root-dir /n/1", "its program is not named by an absolute path"),
    ];
    for (line, expected) in table {
        assert_eq!(told(line).expect_err(line).to_string(), expected, "{line}");
    }
    for path in ["n/1", "/n/../1", "/n//1", "/n/1/", "/n/./1", "/n/1/."] {
        let line = format!("/o/ant-node --root-dir {path}");
        assert!(told(&line).is_err(), "{path}");
    }
}

/// A node of the ant daemon, which numbers and names it.
fn of_daemon(number: u32, port: u16) -> Found {
    let mut node = found(&format!("node-{number}"), port);
    node.origin = Origin::Antd;
    node.manager.kind = ManagerKind::Antd;
    node.logs = Some(format!("/elsewhere/node-{number}/logs").into());
    node
}

#[test]
fn nodes_of_the_ant_daemon_keep_their_numbers_before_all_others() {
    let takeover = taken(vec![found("one", 1), found("antnode0002", 2), of_daemon(2, 3)]);
    assert_eq!(
        ids(&takeover),
        [("one".to_owned(), 1), ("node-2".to_owned(), 2), ("antnode0002".to_owned(), 3)]
    );
    let spec = &takeover.nodes[1].spec;
    assert_eq!(spec.service.as_deref(), Some("node-2"));
    assert_eq!(spec.logs, Path::new("/elsewhere/node-2/logs"), "they are its own");
    assert_eq!(takeover.nodes[1].copy_from, None);
    let mut around = around();
    around.numbers.extend(NodeId::new(2));
    let takeover = decide(with(vec![of_daemon(2, 3)]), &around).expect("a takeover");
    assert_eq!(takeover.nodes, Vec::new());
    let why = &takeover.left[0].why;
    assert_eq!(why, "its number is taken, and the ant daemon cannot give it another");
    // A directory of logs that is not its own is not the node's to delete.
    let mut shared = of_daemon(4, 4);
    shared.logs = Some("/home/op/logs".into());
    let spec = taken(vec![shared]).nodes.remove(0).spec;
    assert_eq!(spec.logs, Path::new("/srv/logs/node-4/logs"));
}

#[test]
fn a_container_of_somebody_else_is_known_by_its_id() {
    let mut node = found("antnode0007", 7);
    node.manager.kind = ManagerKind::Docker;
    node.binary = "/usr/local/bin/ant-node".into();
    node.inside = Some(Inside { container: "f00d".into(), programs: Vec::new() });
    let taken_over = taken(vec![node.clone()]).nodes.remove(0);
    assert_eq!(taken_over.spec.adopted.as_deref(), Some("f00d"));
    assert_eq!(taken_over.spec.service.as_deref(), Some("antnode0007"), "though it is its name");
    assert!(taken_over.spec.owns_program() && taken_over.copy_from.is_some());
    // One that is left alone is in the way of ours by that name, wherever its data lies.
    node.data = "/elsewhere/x".into();
    let mut other = found("node7", 8);
    other.number = NodeId::new(7);
    assert_eq!(ids(&taken(vec![node, other])), [("node7".to_owned(), 1)]);
}
