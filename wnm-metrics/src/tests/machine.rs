use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use wnm_core::host::MachineProbe;
use wnm_core::model::{BootId, Bytes, Instant, LoadAverage, Now, Timestamp};
use wnm_core::observe::{
    CpuTimes, Exhaustible, FaultKind, IoCounters, MachineSample, MemorySample, Stall,
};

use super::support::{ESTABLISHED, FakeProc, LISTEN, UNCONNECTED, socket};
use crate::ProcProbe;
use crate::disk::Counts;
use crate::sockets::{PROC, Transport};

const STAT: &str = "\
cpu  100 20 30 4000 500 6 7 8 90 91
cpu0 50 10 15 2000 250 3 3 4 45 46
cpu1 50 10 15 2000 250 3 4 4 45 45
intr 12345 1 2 3
ctxt 999
btime 1700000000
processes 4242
procs_running 2
procs_blocked 0
";

const MEMINFO: &str = "\
MemTotal:        8000000 kB
MemFree:          100000 kB
MemAvailable:    3000000 kB
Buffers:           10000 kB
Cached:          2900000 kB
SwapTotal:             0 kB
HugePages_Total:       0
";

const LOADAVG: &str = "0.52 1.25 12.07 3/456 7890\n";

fn now() -> Now {
    let instant = Instant { boot: BootId("boot".to_owned()), uptime_ms: 7 };
    Now { wall: Timestamp(1), instant }
}

fn machine() -> FakeProc {
    let proc = FakeProc::empty();
    proc.write("stat", STAT);
    proc.write("meminfo", MEMINFO);
    proc.write("loadavg", LOADAVG);
    proc
}

fn sample(proc: &FakeProc) -> MachineSample {
    probe(proc).sample(&[], &now()).unwrap()
}

fn probe(proc: &FakeProc) -> ProcProbe {
    ProcProbe { root: proc.root().to_path_buf(), sys: proc.root().join("sys") }
}

#[test]
fn golden_numbers() {
    let sample = sample(&machine());
    // Guest time (90, 91) is in user and nice time already.
    assert_eq!(sample.cpu, Some(CpuTimes { total: 4671, idle: 4000, iowait: 500 }));
    let memory = MemorySample { total: Bytes(8_192_000_000), available: Bytes(3_072_000_000) };
    assert_eq!(sample.memory, Some(memory));
    assert_eq!(sample.load, Some(LoadAverage { one: 0.52, five: 1.25, fifteen: 12.07 }));
    assert_eq!(sample.at, now());
}

#[test]
fn one_missing_value_leaves_the_others() {
    let files = ["stat", "meminfo", "loadavg"];
    for missing in files {
        for spoil in [true, false] {
            let proc = machine();
            match spoil {
                true => proc.write(missing, "nonsense\n"),
                false => fs::remove_file(proc.root().join(missing)).unwrap(),
            }
            let sample = sample(&proc);
            let there = [sample.cpu.is_some(), sample.memory.is_some(), sample.load.is_some()];
            assert_eq!(there, files.map(|file| file != missing), "{missing}, spoilt: {spoil}");
        }
    }
}

#[test]
fn memory_without_available_is_absent_and_not_what_is_free() {
    let proc = machine();
    proc.write("meminfo", &MEMINFO.replace("MemAvailable", "MemAvailed"));
    assert_eq!(sample(&proc).memory, None);
    for spoilt in
        ["MemAvailable:  x kB", "MemAvailable: 3000000", "MemAvailable: 36028797018963968 kB"]
    {
        proc.write("meminfo", &MEMINFO.replace("MemAvailable:    3000000 kB", spoilt));
        assert_eq!(sample(&proc).memory, None, "{spoilt}");
    }
}

#[test]
fn nothing_at_all_is_an_error_but_a_disk_is_something() {
    let proc = FakeProc::empty();
    let error = probe(&proc).sample(&[PathBuf::from("/nowhere")], &now()).unwrap_err();
    assert_eq!(error.kind, FaultKind::NotFound);
    assert!(error.chain().contains("stat"), "{}", error.chain());

    let root = proc.root().to_path_buf();
    let sample = probe(&proc).sample(std::slice::from_ref(&root), &now()).unwrap();
    assert_eq!(sample.cpu, None);
    assert!(sample.file_systems.contains_key(&root));
}

#[test]
fn file_systems_of_the_roots_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b, gone) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("gone"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();

    let roots = [a.clone(), b.clone(), gone];
    let systems = probe(&machine()).sample(&roots, &now()).unwrap().file_systems;

    assert_eq!(systems.keys().collect::<Vec<_>>(), [&a, &b]);
    assert_eq!(systems[&a].device, fs::metadata(&a).unwrap().dev());
    assert_eq!(systems[&a].device, systems[&b].device);
    assert!(systems[&a].space.free > 0 && systems[&a].space.free <= systems[&a].space.total);
}

#[test]
fn space_leaves_out_what_is_for_root_only() {
    // 1000 blocks, 300 of them free, 50 of those for root only.
    let counts = Counts {
        fragment: 4096,
        blocks: 1000,
        blocks_free: 300,
        blocks_available: 250,
        files: 100,
        files_free: 60,
        files_available: 55,
    };
    let sample = counts.file_system(7);
    assert_eq!(sample.device, 7);
    assert_eq!(sample.space, Exhaustible { total: 950 * 4096, free: 250 * 4096 });
    assert_eq!(sample.inodes, Some(Exhaustible { total: 95, free: 55 }));

    let uncounted = Counts { files: 0, files_free: 0, files_available: 0, ..counts };
    assert_eq!(uncounted.file_system(7).inodes, None);
}

#[test]
fn cpus_are_those_allowed_to_the_caller() {
    let proc = machine();
    let one = thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            let me = Pid::from_raw(0);
            let allowed = sched_getaffinity(me).unwrap();
            let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap()).unwrap();
            let mut set = CpuSet::new();
            set.set(first).unwrap();
            sched_setaffinity(me, &set).unwrap();
            sample(&proc).cpus
        });
        pinned.join().unwrap()
    });
    assert_eq!(one, 1);
    let all = thread::available_parallelism().unwrap().get();
    assert!(sample(&proc).cpus as usize >= all);
}

#[test]
fn bound_ports_are_udp_and_listening_tcp() {
    let proc = FakeProc::empty();
    let (any, any6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    proc.table("udp", &[socket(any, 5000, UNCONNECTED, 1), socket(any, 5003, ESTABLISHED, 5)]);
    proc.table("udp6", &[socket(any6, 5001, UNCONNECTED, 2)]);
    proc.table("tcp", &[socket(any, 6000, LISTEN, 3), socket(any, 6001, ESTABLISHED, 4)]);
    proc.table("tcp6", &[socket(any6, 6002, LISTEN, 6), socket(any6, 6003, 6, 0)]);
    let ports = probe(&proc).bound_ports().unwrap();
    assert_eq!(ports, BTreeSet::from([5000, 5001, 5003, 6000, 6002]));
}

#[test]
fn tables_of_ipv6_may_be_missing_but_not_those_of_ipv4() {
    let proc = FakeProc::empty();
    proc.table("udp", &[socket(Ipv4Addr::LOCALHOST, 5000, UNCONNECTED, 1)]);
    let error = probe(&proc).bound_ports().unwrap_err();
    assert_eq!(error.kind, FaultKind::NotFound);

    proc.table("tcp", &[]);
    assert_eq!(probe(&proc).bound_ports().unwrap(), BTreeSet::from([5000]));

    proc.write("net/tcp6", "header\n  0: garbage\n");
    assert_eq!(probe(&proc).bound_ports().unwrap_err().kind, FaultKind::Garbled);
}

#[test]
fn this_machine() {
    let probe = ProcProbe::default();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    let sample = probe.sample(&[], &now()).unwrap();
    let cpu = sample.cpu.unwrap();
    assert!(cpu.idle + cpu.iowait <= cpu.total && cpu.total > 0);
    let memory = sample.memory.unwrap();
    assert!(memory.available <= memory.total && memory.available > Bytes(0));
    assert!(sample.load.is_some());

    let ports = probe.bound_ports().unwrap();
    assert!(ports.contains(&udp.local_addr().unwrap().port()));
    assert!(ports.contains(&listener.local_addr().unwrap().port()));
    assert!(!ports.contains(&connection.local_addr().unwrap().port()));
}

/// What the kernel is asked, and what its tables say where it may not be.
#[test]
fn the_kernel_tells_of_sockets_what_its_tables_tell() {
    let local4 = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let any4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let connected = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    connected.connect(local4.local_addr().unwrap()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    // Some machines have no IPv6.
    let any6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok();
    let listener6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok();
    let mut udp = vec![&local4, &any4, &connected];
    udp.extend(&any6);
    let udp: Vec<u16> = udp.iter().map(|it| it.local_addr().unwrap().port()).collect();
    let mut tcp = vec![listener.local_addr().unwrap().port()];
    tcp.extend(listener6.iter().map(|it| it.local_addr().unwrap().port()));
    for (transport, ports) in [(Transport::Udp, udp), (Transport::TcpListeners, tcp)] {
        let told = crate::diag::bound(transport).unwrap();
        let kernel: BTreeSet<_> =
            told.into_iter().filter(|(it, _)| ports.contains(&it.port())).collect();
        let tables = crate::sockets::in_files(Path::new(PROC), transport).unwrap();
        let tables: BTreeSet<_> =
            tables.into_iter().filter(|(it, _)| ports.contains(&it.port())).collect();
        assert_eq!(kernel, tables);
        let found: BTreeSet<u16> = kernel.iter().map(|(address, _)| address.port()).collect();
        assert_eq!(found, ports.into_iter().collect(), "{transport:?}");
    }
    let listening = crate::diag::bound(Transport::TcpListeners).unwrap();
    let port = connection.local_addr().unwrap().port();
    assert!(listening.iter().all(|(it, _)| it.port() != port), "a connection takes no port");
}

const DISKSTATS: &str = "   8       0 sda 10 0 1000 5 20 0 4000 7 0 9 12 0 0 0 0 0 0
   8       1 sda1 9 0 900 5 19 0 3900 7 0 9 12 0 0 0 0 0 0
 253       0 dm-0 1 0 7 5 1 0 9 7 0 9 12 0 0 0 0 0 0
";

const NETDEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999999      10    0    0    0     0          0         0   999999      10    0    0    0     0       0          0
  eth0:    1234       7    0    0    0     0          0         0     5678       9    0    0    0     0       0          0
 veth1:    4444       7    0    0    0     0          0         0     4444       9    0    0    0     0       0          0
 ghost:       1       7    0    0    0     0          0         0        1       9    0    0    0     0       0          0
";

#[test]
fn disks_are_those_below_the_storage() {
    let proc = machine();
    proc.write("diskstats", DISKSTATS);
    let device = nix::sys::stat::makedev(8, 1);
    let found = crate::io::disks(proc.root(), &[device, 12].into());
    let expected = IoCounters { read: 900 * 512, written: 3900 * 512 };
    assert_eq!(found, [(device, expected)].into());
    proc.write("diskstats", "8 1 sda1 nonsense\n");
    assert!(crate::io::disks(proc.root(), &[device].into()).is_empty());
}

#[test]
fn interfaces_are_those_that_lead_out() {
    let proc = machine();
    assert_eq!(sample(&proc).network, None, "not asked is not silent");
    proc.write("net/dev", NETDEV);
    let devices =
        [("lo", "virtual/net/lo"), ("eth0", "pci0/net/eth0"), ("veth1", "virtual/net/veth1")];
    for (name, place) in devices {
        proc.link(&format!("sys/class/net/{name}"), &format!("../../devices/{place}"));
    }
    let expected = IoCounters { read: 1234, written: 5678 };
    assert_eq!(sample(&proc).network, Some([("eth0".to_owned(), expected)].into()));
}

#[test]
fn stall_is_what_some_task_waited_in_the_last_minute() {
    let proc = machine();
    assert_eq!(sample(&proc).stall, None);
    let text = "some avg10=1.00 avg60=5.62 avg300=17.62 total=430\nfull avg10=0.00 avg60=9.00 avg300=0.00 total=0\n";
    proc.write("pressure/cpu", text);
    proc.write("pressure/io", "nonsense");
    let stall = Stall { cpu: Some(5.62), memory: None, io: None };
    assert_eq!(sample(&proc).stall, Some(stall));
}
