use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use procfs::{page_size, ticks_per_second};
use wnm_core::model::Bytes;
use wnm_core::observe::{FaultKind, ProcessKey, ProcessReading, ProcessState};

use super::support::{ESTABLISHED, FakeProc, LISTEN, NOBODY, UNCONNECTED, socket};
use crate::process::{Network, Processes, Server};

const PORT: u16 = 12_001;

const GONE: ProcessReading = ProcessReading {
    state: ProcessState::Gone,
    key: None,
    age_ms: None,
    memory: None,
    cpu_ms: None,
    port_bound: None,
};

/// Process `NOBODY` with sockets 41 and 42, the latter at `PORT`; 43 at the next port is another's.
fn one_node() -> FakeProc {
    let proc = FakeProc::empty();
    proc.process(NOBODY, 'S', &[41, 42]);
    proc.table("udp", &[socket(Ipv4Addr::UNSPECIFIED, PORT + 1, UNCONNECTED, 43)]);
    proc.table("udp6", &[socket(Ipv6Addr::UNSPECIFIED, PORT, UNCONNECTED, 42)]);
    proc.table("tcp", &[]);
    proc
}

fn port_bound(proc: &FakeProc, port: u16) -> Option<bool> {
    Processes::below(proc.root()).look(NOBODY, port, None).unwrap().reading.port_bound
}

#[test]
fn golden_numbers() {
    let proc = one_node();
    let hour = 3_600_000;
    let processes = Processes { uptime_ms: Some(hour), ..Processes::below(proc.root()) };
    let seen = processes.look(NOBODY, PORT, None).unwrap();
    let tick = |ticks: u64| ticks * 1000 / ticks_per_second();
    let expected = ProcessReading {
        state: ProcessState::Alive,
        key: Some(ProcessKey { pid: NOBODY, start_ticks: 1000 }),
        age_ms: Some(hour - tick(1000)),
        memory: Some(Bytes(300 * page_size())),
        // 150 in user mode and 50 in the kernel; those of its children are not its own.
        cpu_ms: Some(tick(200)),
        port_bound: Some(true),
    };
    assert_eq!(seen.reading, expected);
    assert_eq!(seen.network, Network::Ours([42].into()), "it is not asked whose 41 is");

    let early = Processes { uptime_ms: Some(1), ..Processes::below(proc.root()) };
    assert_eq!(early.look(NOBODY, PORT, None).unwrap().reading.age_ms, Some(0));
}

#[test]
fn a_port_is_bound_by_the_process_that_has_its_socket() {
    let proc = one_node();
    assert_eq!(port_bound(&proc, PORT), Some(true));
    assert_eq!(port_bound(&proc, PORT + 1), Some(false), "somebody else's");
    assert_eq!(port_bound(&proc, PORT + 2), Some(false), "nobody's");
}

#[test]
fn what_cannot_be_seen_is_neither_bound_nor_free() {
    let proc = one_node();
    let descriptors = proc.root().join(format!("{NOBODY}/fd"));
    fs::remove_dir_all(&descriptors).unwrap();
    // Root may read any directory, so permission is not taken away here: it is no directory at all.
    fs::write(&descriptors, "").unwrap();
    let seen = Processes::below(proc.root()).look(NOBODY, PORT, None).unwrap();
    assert_eq!(seen.reading.state, ProcessState::Alive);
    assert_eq!((seen.reading.port_bound, seen.network), (None, Network::Hidden));

    // One descriptor that does not say what it is may be the socket.
    let proc = one_node();
    fs::write(proc.root().join(format!("{NOBODY}/fd/99")), "").unwrap();
    assert_eq!(port_bound(&proc, PORT + 1), None);

    let proc = one_node();
    fs::remove_file(proc.root().join("net/udp")).unwrap();
    assert_eq!(port_bound(&proc, PORT), None, "no tables");
}

#[test]
fn ports_of_another_network_namespace_are_not_ours_to_judge() {
    let proc = one_node();
    proc.link("self/ns/net", "net:[1]");
    assert_eq!(port_bound(&proc, PORT), Some(true), "hidden: taken for ours");
    proc.link(&format!("{NOBODY}/ns/net"), "net:[2]");
    assert_eq!(port_bound(&proc, PORT), None);
    let seen = Processes::below(proc.root()).look(NOBODY, PORT, None).unwrap();
    assert_eq!(seen.network, Network::Foreign);
}

#[test]
fn zombies_and_corpses_are_gone() {
    for (state, expected) in [
        ('R', ProcessState::Alive),
        ('S', ProcessState::Alive),
        ('D', ProcessState::Alive),
        ('T', ProcessState::Alive),
        ('Z', ProcessState::Gone),
        ('X', ProcessState::Gone),
    ] {
        let proc = one_node();
        proc.process(NOBODY + 1, state, &[]);
        let reading = Processes::below(proc.root()).look(NOBODY + 1, PORT, None).unwrap().reading;
        assert_eq!(reading.state, expected, "{state}");
        if expected == ProcessState::Gone {
            assert_eq!(reading, GONE);
        }
    }
}

#[test]
fn no_such_process_is_gone() {
    let proc = one_node();
    for pid in [NOBODY + 9, u32::MAX, 0] {
        let reading = Processes::below(proc.root()).look(pid, PORT, None).unwrap().reading;
        assert_eq!(reading, GONE, "{pid}");
    }
}

#[test]
fn a_living_process_that_proc_does_not_show_is_unknown() {
    let proc = FakeProc::empty();
    let error = Processes::below(proc.root()).look(std::process::id(), PORT, None).unwrap_err();
    assert_eq!(error.kind, FaultKind::Permission);
}

#[test]
fn a_garbled_process_is_an_error() {
    let proc = one_node();
    for text in ["", "1 (x) S", "rubbish"] {
        proc.write(&format!("{NOBODY}/stat"), text);
        let error = Processes::below(proc.root()).look(NOBODY, PORT, None).unwrap_err();
        assert_eq!(error.kind, FaultKind::Garbled, "{text}");
    }
}

#[test]
fn the_server_of_a_port_is_the_process_that_listens_on_loopback() {
    let (any6, lan) = (Ipv6Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 1));
    let local = Ipv4Addr::LOCALHOST;
    let proc = one_node();
    let mapped = local.to_ipv6_mapped();
    let tcp = [
        socket(local, 1, LISTEN, 41),
        socket(local, 2, LISTEN, 99),
        socket(lan, 3, LISTEN, 99),
        socket(local, 4, ESTABLISHED, 99),
        socket(Ipv4Addr::UNSPECIFIED, 5, LISTEN, 99),
    ];
    let tcp6 = [
        socket(any6, 6, LISTEN, 99),
        socket(mapped, 7, LISTEN, 99),
        socket(Ipv6Addr::LOCALHOST, 8, LISTEN, 99),
    ];
    proc.table("tcp", &tcp);
    proc.table("tcp6", &tcp6);
    let processes = Processes::below(proc.root());
    let ours = Network::Ours([41, 42].into());
    let another: Vec<u16> =
        (1..=9).filter(|port| processes.server(&ours, *port) == Server::Another).collect();
    assert_eq!(another, [2, 5, 6, 7]);
    assert_eq!(processes.server(&Network::Hidden, 2), Server::Possible);
}

#[test]
fn a_process_is_asked_for_the_sockets_of_its_ports_alone() {
    let proc = one_node();
    proc.table("tcp", &[socket(Ipv4Addr::LOCALHOST, 1, LISTEN, 41)]);
    let processes = Processes::below(proc.root());
    let network = |udp, tcp| processes.look(NOBODY, udp, tcp).unwrap().network;
    assert_eq!(network(PORT, Some(1)), Network::Ours([41, 42].into()));
    assert_eq!(network(PORT + 1, Some(1)), Network::Ours([41].into()));
    assert_eq!(network(PORT, Some(2)), Network::Ours([42].into()));
    assert_eq!(network(PORT + 2, None), Network::Ours([].into()));
}

#[test]
fn this_process() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, tcp_port) =
        (socket.local_addr().unwrap().port(), listener.local_addr().unwrap().port());
    let processes = Processes::below(Path::new("/proc"));
    let seen = processes.look(std::process::id(), port, Some(tcp_port)).unwrap();

    assert_eq!(seen.reading.state, ProcessState::Alive);
    assert_eq!(seen.reading.port_bound, Some(true));
    assert!(seen.reading.memory.unwrap() > Bytes(1_000_000));
    assert!(seen.reading.cpu_ms.is_some());
    assert_eq!(processes.server(&seen.network, tcp_port), Server::Possible);
    assert_eq!(processes.server(&Network::Ours([].into()), tcp_port), Server::Another);

    // A port that was free a moment ago.
    drop(socket);
    let free = Processes::below(Path::new("/proc")).look(std::process::id(), port, None).unwrap();
    assert_eq!(free.reading.port_bound, Some(false));
    assert_eq!(free.reading.key, seen.reading.key);
}

#[test]
fn a_child_from_its_birth_to_its_burial() {
    let mut child: Child =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let look = || Processes::below(Path::new("/proc")).look(pid, PORT, None).unwrap().reading;

    let alive = look();
    assert_eq!(alive.state, ProcessState::Alive);
    // Only with one clock for both can it be this young on a machine that was suspended.
    assert!(alive.age_ms.unwrap() < 60_000, "{alive:?}");
    assert_eq!(alive.key.unwrap().pid, pid);
    assert_eq!(alive.port_bound, Some(false));

    drop(child.stdin.take());
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(Pid::from_raw(pid.try_into().unwrap())), ended).unwrap();
    assert_eq!(look(), GONE, "a zombie");
    child.wait().unwrap();
    assert_eq!(look(), GONE);
}
