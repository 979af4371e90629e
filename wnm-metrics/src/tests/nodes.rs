use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use wnm_core::host::{NodeProbe, NodeSigns, NodeTarget};
use wnm_core::model::{NodeSpec, Program};
use wnm_core::observe::{EndpointReading, FaultKind, NodeFacts, ProcessState};

use super::support::{
    FakeProc, LISTEN, METADATA, METRICS, NOBODY, ROUTING, Server, UNCONNECTED, hanging, node,
    respond, socket,
};
use crate::ScrapeProbe;
use crate::parse::node_facts;

/// Time for what must answer; far more than it takes.
const PLENTY: Duration = Duration::from_secs(20);
const PORT: u16 = 12_001;

fn antnode(port: u16, metrics: u16) -> NodeSpec {
    node(Program::Antnode, port, Some(metrics), PathBuf::from("/nowhere/antnode0001"))
}

fn ask(probe: &ScrapeProbe, spec: &NodeSpec, pid: Option<u32>) -> NodeSigns {
    let mut signs = probe.read(&[NodeTarget { spec, pid }], PLENTY);
    assert_eq!(signs.len(), 1);
    signs.remove(0)
}

fn me() -> Option<u32> {
    Some(std::process::id())
}

fn silent(why: &str) -> Option<EndpointReading> {
    Some(EndpointReading::Silent { why: why.to_owned() })
}

/// A `proc` in which process `NOBODY` listens at `port` with socket 42.
fn listening(port: u16) -> (FakeProc, ScrapeProbe) {
    let proc = FakeProc::empty();
    proc.process(NOBODY, 'S', &[42]);
    proc.table("udp", &[socket(Ipv4Addr::UNSPECIFIED, PORT, UNCONNECTED, 7)]);
    proc.table("tcp", &[socket(Ipv4Addr::LOCALHOST, port, LISTEN, 42)]);
    let probe = ScrapeProbe { proc_root: proc.root().to_path_buf() };
    (proc, probe)
}

#[test]
fn a_healthy_antnode() {
    // Both the port of the node and its endpoint are this process's own.
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = Server::healthy();
    let spec = antnode(udp.local_addr().unwrap().port(), server.port);

    let signs = ask(&ScrapeProbe::default(), &spec, me());
    let process = signs.process.unwrap().unwrap();
    assert_eq!((process.state, process.port_bound), (ProcessState::Alive, Some(true)));
    assert_eq!(signs.endpoint, Some(EndpointReading::Alive));
    assert_eq!(signs.facts, node_facts(METRICS, Some(METADATA)).unwrap());
}

#[test]
fn one_without_metadata_lives_too() {
    let server = Server::new(|path, stream| match path {
        "/metrics" => respond(stream, "200 OK", "", METRICS.as_bytes()),
        _ => respond(stream, "500 Oh", "", b""),
    });
    let signs = ask(&ScrapeProbe::default(), &antnode(PORT, server.port), me());
    assert_eq!(signs.endpoint, Some(EndpointReading::Alive));
    assert_eq!((signs.facts.version, signs.facts.peers), (None, Some(6)));
}

#[test]
fn garbage_is_no_sign_of_life() {
    let server = Server::fixed("200 OK", "", b"up 1\n");
    let signs = ask(&ScrapeProbe::default(), &antnode(PORT, server.port), me());
    let why = "garbage: 1 samples and 0 other lines, none of them from a node";
    assert_eq!(signs.endpoint, silent(why));
    assert_eq!(signs.facts, NodeFacts::default());
}

#[test]
fn without_a_process_id_nobody_is_asked() {
    let server = Server::healthy();
    let signs = ask(&ScrapeProbe::default(), &antnode(PORT, server.port), None);
    assert!(signs.process.is_none());
    assert_eq!(signs.endpoint, None);
    assert_eq!(server.hits(), 0);
}

#[test]
fn a_dead_process_is_not_asked() {
    let server = Server::healthy();
    let signs = ask(&ScrapeProbe::default(), &antnode(PORT, server.port), Some(NOBODY));
    assert_eq!(signs.process.unwrap().unwrap().state, ProcessState::Gone);
    assert_eq!((signs.endpoint, server.hits()), (None, 0));
}

#[test]
fn an_endpoint_of_another_process_is_no_sign_of_life() {
    let server = Server::healthy();
    let (proc, probe) = listening(server.port);
    let spec = antnode(PORT, server.port);
    assert_eq!(ask(&probe, &spec, Some(NOBODY)).endpoint, Some(EndpointReading::Alive));
    let asked = server.hits();

    proc.process(NOBODY + 1, 'S', &[41, 43]);
    let signs = ask(&probe, &spec, Some(NOBODY + 1));
    assert_eq!(signs.process.unwrap().unwrap().state, ProcessState::Alive);
    assert_eq!(
        signs.endpoint,
        silent(&format!("port {} is served by another process", server.port))
    );
    assert_eq!(signs.facts, NodeFacts::default());
    assert_eq!(server.hits(), asked);
}

#[test]
fn an_owner_that_cannot_be_seen_is_trusted() {
    let server = Server::healthy();
    let (proc, probe) = listening(server.port);
    fs::create_dir(proc.root().join((NOBODY + 1).to_string())).unwrap();
    fs::copy(
        proc.root().join(format!("{NOBODY}/stat")),
        proc.root().join(format!("{}/stat", NOBODY + 1)),
    )
    .unwrap();
    let signs = ask(&probe, &antnode(PORT, server.port), Some(NOBODY + 1));
    assert_eq!(signs.process.unwrap().unwrap().port_bound, None);
    assert_eq!(signs.endpoint, Some(EndpointReading::Alive));
}

#[test]
fn a_process_that_cannot_be_seen_may_still_answer() {
    let server = Server::healthy();
    let proc = FakeProc::empty();
    let probe = ScrapeProbe { proc_root: proc.root().to_path_buf() };
    let signs = ask(&probe, &antnode(PORT, server.port), me());
    assert_eq!(signs.process.unwrap().unwrap_err().kind, FaultKind::Permission);
    assert_eq!(signs.endpoint, Some(EndpointReading::Alive));
}

#[test]
fn the_loopback_of_another_namespace_is_out_of_reach() {
    let server = Server::healthy();
    let (proc, probe) = listening(server.port);
    proc.link("self/ns/net", "net:[1]");
    proc.link(&format!("{NOBODY}/ns/net"), "net:[2]");
    let signs = ask(&probe, &antnode(PORT, server.port), Some(NOBODY));
    assert_eq!((signs.endpoint, server.hits()), (None, 0));
}

#[test]
fn ant_node_is_known_by_its_snapshot_dead_or_alive() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("routing_snapshot.json"), ROUTING).unwrap();
    let spec = node(Program::AntNode, PORT, None, dir.path().to_path_buf());
    for pid in [None, me()] {
        let signs = ask(&ScrapeProbe::default(), &spec, pid);
        assert_eq!(signs.process.is_some(), pid.is_some());
        assert_eq!(signs.endpoint, None);
        assert_eq!(signs.facts.peers, Some(8));
        assert!(signs.facts.peer_id.unwrap().starts_with("4a5d883c"));
        assert_eq!(signs.facts.version, None);
    }
}

#[test]
fn odd_snapshots_are_no_snapshots() {
    let facts = |make: &dyn Fn(&std::path::Path)| {
        let dir = tempfile::tempdir().unwrap();
        make(&dir.path().join("routing_snapshot.json"));
        let spec = node(Program::AntNode, PORT, None, dir.path().to_path_buf());
        ask(&ScrapeProbe::default(), &spec, None).facts
    };
    let unknown = NodeFacts::default();
    assert_eq!(facts(&|_| {}), unknown, "none");
    assert_eq!(facts(&|path| fs::write(path, "{").unwrap()), unknown, "cut off");
    assert_eq!(
        facts(&|path| fs::write(path, b"{\"owner\":\"\xff\"}").unwrap()),
        unknown,
        "no text"
    );
    assert_eq!(facts(&|path| fs::create_dir(path).unwrap()), unknown, "a directory");
    // Opened the plain way it would wait for a writer, for ever.
    assert_eq!(facts(&|path| mkfifo(path, Mode::S_IRWXU).unwrap()), unknown, "a fifo");

    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), ROUTING).unwrap();
    assert_eq!(facts(&|path| symlink(elsewhere.path(), path).unwrap()), unknown, "a link");

    let padded = |size: usize| format!("{ROUTING}{}", " ".repeat(size - ROUTING.len()));
    let limit = 4 << 20;
    assert_eq!(facts(&|path| fs::write(path, padded(limit)).unwrap()).peers, Some(8));
    assert_eq!(facts(&|path| fs::write(path, padded(limit + 1)).unwrap()), unknown, "too large");
}

#[test]
fn answers_come_in_the_order_of_the_targets() {
    let dir = tempfile::tempdir().unwrap();
    let (_listener, hang) = hanging();
    let mut specs = vec![antnode(PORT, hang)];
    for peers in 0..200 {
        let data = dir.path().join(peers.to_string());
        fs::create_dir(&data).unwrap();
        let text = format!(r#"{{"peers":[{}]}}"#, vec!["0"; peers].join(","));
        fs::write(data.join("routing_snapshot.json"), text).unwrap();
        specs.push(node(Program::AntNode, PORT, None, data));
    }
    let targets: Vec<NodeTarget<'_>> =
        specs.iter().map(|spec| NodeTarget { spec, pid: me() }).collect();
    let signs = ScrapeProbe::default().read(&targets, Duration::from_secs(2));
    let peers: Vec<Option<u64>> = signs.iter().map(|signs| signs.facts.peers).collect();
    let expected: Vec<Option<u64>> = [None].into_iter().chain((0..200).map(Some)).collect();
    assert_eq!(peers, expected);
    assert!(matches!(signs[0].endpoint, Some(EndpointReading::Silent { .. })));
}

#[test]
fn no_targets_no_answers() {
    assert!(ScrapeProbe::default().read(&[], PLENTY).is_empty());
}

#[test]
fn a_thousand_hanging_endpoints_end_with_the_deadline() {
    let (_listener, port) = hanging();
    let spec = antnode(PORT, port);
    let targets = vec![NodeTarget { spec: &spec, pid: me() }; 1000];
    let deadline = Duration::from_secs(2);

    let started = Instant::now();
    let signs = ScrapeProbe::default().read(&targets, deadline);
    let took = started.elapsed();

    assert!(took < deadline + Duration::from_secs(60), "{took:?}");
    assert_eq!(signs.len(), 1000);
    let why = |signs: &NodeSigns| match &signs.endpoint {
        Some(EndpointReading::Silent { why }) => why.clone(),
        other => format!("{other:?}"),
    };
    let is_late = |why: &String| why.starts_with("no answer within");
    let whys: BTreeSet<String> = signs.iter().map(why).collect();
    assert!(whys.iter().any(is_late), "{whys:?}");
    // A busy machine does not come to ask all of them.
    let unasked = "not asked: the time for all nodes was up";
    assert!(whys.iter().all(|why| is_late(why) || why == unasked), "{whys:?}");
}

#[test]
fn hanging_nodes_leave_time_for_those_behind_them() {
    let (_listener, port) = hanging();
    let server = Server::healthy();
    let (hung, well) = (antnode(PORT, port), antnode(PORT, server.port));
    let mut targets = vec![NodeTarget { spec: &hung, pid: me() }; 150];
    targets.push(NodeTarget { spec: &well, pid: me() });

    let signs = ScrapeProbe::default().read(&targets, Duration::from_secs(4));
    let alive = |signs: &NodeSigns| signs.endpoint == Some(EndpointReading::Alive);
    assert_eq!(signs.iter().position(alive), Some(150));
}

#[test]
fn without_time_all_are_silent_but_seen() {
    let server = Server::healthy();
    let spec = antnode(PORT, server.port);
    let signs =
        ScrapeProbe::default().read(&[NodeTarget { spec: &spec, pid: me() }], Duration::ZERO);
    assert_eq!(signs[0].endpoint, silent("not asked: the time for all nodes was up"));
    assert!(matches!(&signs[0].process, Some(Ok(process)) if process.state == ProcessState::Alive));
}
