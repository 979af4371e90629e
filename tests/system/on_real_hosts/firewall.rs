//! A real ufw: the contract, and nodes whose ports come and go with them.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wnm_core::action::Change;
use wnm_core::fakes::firewall_contract;
use wnm_core::host::Firewall;
use wnm_core::model::{NodePorts, PortRule, Protocol};
use wnm_core::observe::FaultKind;
use wnm_firewall::{Owner, Ufw};
use wnm_managers::SystemRunner;

use super::operator::json;
use super::packets::{answered, join};
use crate::host::{Host, Ran, stand_in_bin, wnm_bin};

/// Set inside the host.
const INSIDE: &str = "WNM_CONTRACT_UFW";
/// A rule of somebody else, for a port that a node will have.
const THEIRS: &str = "ufw allow 55002/udp comment 'theirs'";
const SSH: &str = "ufw allow 22/tcp comment 'ssh'";

#[test]
fn ufw_keeps_the_contract() {
    if env::var_os(INSIDE).is_some() {
        return keep_the_contract();
    }
    let Some(host) = with_ufw("ufwcontract") else {
        return;
    };
    let this = env::current_exe().expect("this test has a file");
    host.put(&this, "/opt/wnm-test/system");
    let name = "on_real_hosts::firewall::ufw_keeps_the_contract";
    // With the PATH of cron, which does not lead to ufw.
    let again = format!("{INSIDE}=1 PATH=/usr/bin:/bin /opt/wnm-test/system --exact {name}");
    let ran = host.exec(&["sh", "-c", &again]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
    assert_eq!(rules(&host), [SSH, THEIRS]);

    // Inactive, it opens nothing; what is ours still goes, what is theirs does not.
    host.sh("ufw allow 55001/udp comment wnm && ufw disable").ok();
    let again = again.replace("=1 ", "=inactive ");
    host.exec(&["sh", "-c", &again]).ok();
    assert_eq!(rules(&host), [SSH, THEIRS]);

    // Somebody else's ufw that takes its time: the lock is a real one.
    host.sh("ufw --force enable").ok();
    let again = again.replace("=inactive ", "=locked ");
    let hold = "import fcntl, os, sys\n\
                lock = open('/run/ufw.lock', 'w')\n\
                fcntl.lockf(lock, fcntl.LOCK_EX)\n\
                sys.exit(os.waitstatus_to_exitcode(os.system(sys.argv[1])))";
    host.exec(&["python3", "-c", hold, &again]).ok();
}

fn keep_the_contract() {
    let ufw = Ufw::new(Arc::new(SystemRunner), Owner::machine());
    let others = || {
        let shown = Command::new("/usr/sbin/ufw").args(["show", "added"]).output().expect("ufw");
        let shown = String::from_utf8(shown.stdout).expect("text");
        let foreign = shown.lines().filter(|line| !line.ends_with("comment 'wnm'"));
        foreign.collect::<Vec<_>>().join("\n")
    };
    let taken = udp(55_002);
    match env::var(INSIDE).as_deref() {
        Ok("inactive") => {
            assert_eq!(ufw.open(udp(55_003)).expect("asked"), Change::NotManaged);
            assert!(ufw.is_open(udp(55_001)).expect("asked"), "the rule is there");
            assert_eq!(ufw.close(udp(55_001)).expect("asked"), Change::Made);
            assert_eq!(ufw.close(udp(55_001)).expect("asked"), Change::AlreadySo);
            assert_eq!(ufw.close(taken).expect("asked"), Change::AlreadySo);
        }
        Ok("locked") => {
            let error = ufw.open(udp(55_001)).expect_err("ufw waits for the other");
            assert_eq!(error.kind, FaultKind::Timeout, "{}", error.chain());
        }
        _ => {
            let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
            firewall_contract(&ufw, ports, taken, &others);
            // A rule that shuts is nobody's to open.
            let ran = |args: &[&str]| {
                let ran = Command::new("/usr/sbin/ufw").args(args).status().expect("ufw");
                assert!(ran.success(), "{args:?}");
            };
            ran(&["deny", "55009/udp"]);
            assert_eq!(ufw.open(udp(55_009)).expect("asked"), Change::NotManaged);
            assert_eq!(ufw.close(udp(55_009)).expect("asked"), Change::AlreadySo);
            assert!(others().contains("ufw deny 55009/udp"));
            ran(&["delete", "deny", "55009/udp"]);
        }
    }
}

#[test]
fn ports_come_and_go_with_their_nodes() {
    let Some(host) = with_ufw("ufwnodes") else {
        return;
    };
    init(&host, &["--node-cap", "3", "--webrtc-port-start", "45"]);
    rest_with(&host, 3);
    let ours = |ports: &[u16]| -> Vec<String> {
        ports.iter().map(|port| format!("ufw allow {port}/udp comment 'wnm'")).collect()
    };
    let all = |ports: &[u16]| {
        let mut all = ours(ports);
        all.extend([SSH.to_owned(), THEIRS.to_owned()]);
        all.sort();
        all
    };
    // Node 2 has a port that somebody opened already: that rule stays theirs.
    assert_eq!(rules(&host), all(&[45_001, 55_001, 45_002, 45_003, 55_003]));
    let shown = host.sh("ufw status").ok().stdout;
    assert!(shown.contains("55001/udp (v6)"), "{shown}");

    wnm(&host, &["stop", "1"]).ok();
    assert_eq!(rules(&host), all(&[45_002, 45_003, 55_003]));
    wnm(&host, &["start", "1"]).ok();
    wnm(&host, &["remove", "2"]).ok();
    assert_eq!(rules(&host), all(&[45_001, 55_001, 45_003, 55_003]));
    wnm(&host, &["config", "set", "node_cap", "1"]).ok();
    rest_with(&host, 1);
    assert_eq!(rules(&host).len(), 4, "{:?}", rules(&host));

    wnm(&host, &["teardown", "--confirm"]).ok();
    assert_eq!(rules(&host), [SSH, THEIRS]);
}

/// A rule for nodes that run already when ufw becomes active, and rules of ours without a node.
#[test]
fn a_firewall_switched_on_later_is_told_of_nodes_that_run() {
    let Some(host) = with_ufw("ufwlater") else {
        return;
    };
    host.sh("ufw disable").ok();
    init(&host, &["--node-cap", "2", "--upkeep-every", "0"]);
    rest_with(&host, 2);
    assert_eq!(rules(&host), [SSH, THEIRS], "an inactive ufw is told nothing");
    let pids = || host.sh("pgrep -x ant-node | sort").ok().stdout;
    let before = pids();

    host.sh("ufw allow 55777/udp comment wnm && ufw --force enable").ok();
    rest_with(&host, 2);
    // Node 2 has a port that somebody opened already; 55777 has no node.
    assert_eq!(rules(&host), [SSH, "ufw allow 55001/udp comment 'wnm'", THEIRS]);
    assert_eq!(pids(), before, "nothing is restarted for it");
    let done = json(&wnm(&host, &["run", "--json"]).ok())["done"].as_array().map(Vec::len);
    assert_eq!(done, Some(0), "at rest");
}

#[test]
fn wnm_killed_in_the_middle_leaves_no_opening_behind() {
    let Some(host) = with_ufw("ufwkill") else {
        return;
    };
    init(&host, &["--node-cap", "2"]);
    rest_with(&host, 2);
    let mut killed = 0;
    for round in 0_u32..8 {
        let cap = [1, 3][round as usize % 2];
        wnm(&host, &["config", "set", "node_cap", &cap.to_string()]).ok();
        for shot in 0_u32..3 {
            let seconds = f64::from((round * 37 + shot * 83) % 240 + 10) / 1000.0;
            let kill = format!("{ENV} timeout -s KILL {seconds} /usr/local/bin/wnm run");
            killed += u32::from(spared(&host, &["sh", "-c", &kill]).code == Some(137));
        }
        rest_with(&host, cap as usize);
        let numbers = numbers(&host);
        let mut expected: Vec<String> = vec![SSH.into(), THEIRS.into()];
        let ours = numbers.iter().filter(|number| **number != 2);
        expected.extend(ours.map(|number| format!("ufw allow 5500{number}/udp comment 'wnm'")));
        expected.sort();
        assert_eq!(rules(&host), expected, "round {round}");
    }
    assert!(killed >= 6, "many of the 24 shots must hit; {killed} did");
    wnm(&host, &["teardown", "--confirm"]).ok();
    assert_eq!(rules(&host), [SSH, THEIRS]);
}

#[test]
fn without_root_ufw_is_refused_at_init() {
    let Some(host) = with_ufw("ufwuser") else {
        return;
    };
    host.sh("useradd -m visitor").ok();
    let wnm = |args: &str| {
        let env = "env HOME=/home/visitor PATH=/usr/bin:/bin /usr/local/bin/wnm";
        let script = format!("{env} {args}");
        spared(&host, &["runuser", "-u", "visitor", "--", "sh", "-c", &script])
    };
    let init = "init --rewards-address faucet --manager setsid+user --node-cap 1 \
                --disk-prior 1MB --crisis-bytes 100MB --hd-less-than 98 --hd-remove 99";
    let refused = |firewall: &str| {
        let ran = wnm(&format!("{init} --firewall {firewall}"));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.stderr
    };
    let why = refused("ufw");
    assert!(why.contains("firewall is `ufw`, which cannot be used"), "{why}");
    assert!(why.contains("--firewall none"), "{why}");
    let why = refused("firewalld");
    assert!(why.contains("firewall is `firewalld`, which cannot be used"), "{why}");
    assert_eq!(host.sh("ls -A /home/visitor/.local 2>/dev/null | wc -l").stdout.trim(), "0");

    // With a sudo that asks nothing the same user may.
    host.sh("echo 'visitor ALL=(root) NOPASSWD: /usr/sbin/ufw' >/etc/sudoers.d/visitor").ok();
    wnm(&format!("{init} --firewall ufw")).ok();
    wnm("add").ok();
    let uid = host.sh("id -u visitor").ok().stdout;
    let ours = format!("ufw allow 55001/udp comment 'wnm-{}'", uid.trim());
    assert!(rules(&host).contains(&ours), "{:?}", rules(&host));
    wnm("teardown --confirm").ok();
    assert_eq!(rules(&host), [SSH, THEIRS]);
}

#[test]
fn datagrams_pass_while_the_port_is_open_and_not_after() {
    let Some(outside) = Host::up_whole("ufwout") else {
        return;
    };
    let Some(inside) = with_ufw("ufwin") else {
        return;
    };
    join(&inside, &outside);
    assert!(!answered(&outside), "shut by ufw from the start");
    for verb in ["open", "close"] {
        let this = env::current_exe().expect("this test has a file");
        inside.put(&this, "/opt/wnm-test/system");
        let name = "on_real_hosts::firewall::one_port_is_opened_or_closed";
        let again = format!("WNM_UFW_VERB={verb} /opt/wnm-test/system --exact {name}");
        inside.exec(&["sh", "-c", &again]).ok();
        assert_eq!(answered(&outside), verb == "open", "after {verb}");
    }
}

/// The half of the story above that runs inside a host; by itself nothing.
#[test]
fn one_port_is_opened_or_closed() {
    let ufw = Ufw::new(Arc::new(SystemRunner), Owner::machine());
    let change = match env::var("WNM_UFW_VERB").as_deref() {
        Ok("open") => ufw.open(udp(55_001)),
        Ok("close") => ufw.close(udp(55_001)),
        _ => return,
    };
    assert_eq!(change.expect("changed"), Change::Made);
}

fn udp(port: u16) -> PortRule {
    PortRule { port, protocol: Protocol::Udp }
}

/// A host with wnm, a node program and an active ufw that has two rules of somebody else.
fn with_ufw(label: &str) -> Option<Host> {
    let host = Host::up(label)?;
    host.put(&wnm_bin(), "/usr/local/bin/wnm");
    host.put(&stand_in_bin(), "/usr/local/bin/ant-node");
    host.sh("ufw allow 22/tcp comment ssh && ufw allow 55002/udp comment theirs").ok();
    host.sh("ufw --force enable").ok();
    Some(host)
}

/// Every rule that somebody added, sorted.
fn rules(host: &Host) -> Vec<String> {
    let shown = host.sh("ufw show added").ok().stdout;
    let mut rules: Vec<String> = shown.lines().skip(1).map(str::to_owned).collect();
    rules.sort();
    rules
}

/// What cron gives to root, and the scope.
const ENV: &str = "env HOME=/home/keeper PATH=/usr/bin:/bin WNM_SCOPE=user";

fn wnm(host: &Host, args: &[&str]) -> Ran {
    let mut argv: Vec<&str> = ENV.split(' ').collect();
    argv.push("/usr/local/bin/wnm");
    spared(host, &[&argv, args].concat())
}

/// Runs a program in a unit that lets live what it started, as cron does.
fn spared(host: &Host, argv: &[&str]) -> Ran {
    let run = ["systemd-run", "-q", "--wait", "--pipe", "--collect", "-p", "KillMode=process"];
    host.exec(&[&run, argv].concat())
}

/// Plain processes of root, with ufw, and waiting times at nothing.
fn init(host: &Host, more: &[&str]) {
    host.sh("mkdir -p /home/keeper").ok();
    let args = "init --rewards-address faucet --manager setsid+user --firewall ufw \
                --delay-start 0 --delay-remove 0 --grow-window 0 --settle-time 0 --quiet-time 0 \
                --learn-time 0 --restart-backoff 0 --max-concurrent-starts 1 --max-destructive-per-hour 1000 \
                --disk-prior 1MB --crisis-bytes 100MB --cpu-less-than 99.8 --cpu-remove 99.9 \
                --mem-less-than 98 --mem-remove 99 --hd-less-than 98 --hd-remove 99 \
                --desired-load-average 9999 --max-load-average-allowed 10000";
    let args: Vec<&str> = args.split_whitespace().collect();
    wnm(host, &[&args, more].concat()).ok();
}

/// Cycles until one has nothing to do while `count` nodes are there and run.
#[track_caller]
fn rest_with(host: &Host, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while Instant::now() < deadline {
        let done = json(&wnm(host, &["run", "--json"]).ok())["done"].as_array().map(Vec::len);
        if done == Some(0) && numbers(host).len() == count {
            return;
        }
    }
    panic!("no rest with {count} nodes: {}", wnm(host, &["status"]).stdout);
}

/// The numbers of the nodes there are.
fn numbers(host: &Host) -> Vec<u32> {
    let status = json(&wnm(host, &["status", "--json"]).ok());
    let nodes = status["nodes"].as_array().expect("a list").iter();
    let name = |node: &serde_json::Value| {
        let name = node["record"]["spec"]["id"].as_str().expect("a text");
        name.trim_start_matches("antnode").parse().expect("a number")
    };
    nodes.map(name).collect()
}
