//! The contract story of every manager, on the real setsid and real processes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wnm_core::fakes::{hand_over_contract, manager_contract, one_process_contract};
use wnm_core::host::{CommandRunner, Completed, HostResult, Invocation, NodeFiles, NodeManager};
use wnm_core::model::{NodeSpec, Release};
use wnm_core::observe::FaultKind;
use wnm_managers::{Antd, DiskFiles, Launchd, Setsid, SystemRunner, processes_of};

use crate::antd::Daemon;
use crate::harness::{self, TestEnv, is_there, wait_until};

#[test]
fn setsid_keeps_the_contract() {
    let env = TestEnv::new();
    let spec = env.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let setsid = Setsid::new(Arc::new(SystemRunner), vec![spec.storage.clone()]);
    let version = "0.23.1".parse().expect("a version");
    let release = Release::new(version, env.program());
    manager_contract(&setsid, &files, &spec, &release, false);
}

#[test]
fn setsid_hands_over_what_nobody_keeps() {
    let env = TestEnv::new();
    let spec = env.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let setsid = Setsid::new(Arc::new(SystemRunner), vec![spec.storage.clone()]);
    let version = "0.23.1".parse().expect("a version");
    files.prepare(&spec, &Release::new(version, env.program())).expect("prepared");
    setsid.start(&spec).expect("started");
    hand_over_contract(&setsid, &spec);
    setsid.stop(&spec).expect("stopped");
}

#[test]
fn setsid_never_runs_one_identity_twice() {
    let env = TestEnv::new();
    let spec = env.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let setsid = Setsid::new(Arc::new(SystemRunner), vec![spec.storage.clone()]);
    let version = "0.23.1".parse().expect("a version");
    files.prepare(&spec, &Release::new(version, env.program())).expect("prepared");
    // Another port, or the second one would end by itself.
    let mut other = env.spec(2);
    (other.data, other.logs) = (spec.data.clone(), spec.logs.clone());
    never_twice(&setsid, &spec, &other);
}

/// Somebody starts `other`, which has the data of `spec`, by hand; a child that ended is waited for,
/// as whoever started it would.
pub(crate) fn never_twice(manager: &dyn NodeManager, spec: &NodeSpec, other: &NodeSpec) {
    let children = std::cell::RefCell::new(Vec::new());
    let begin = || {
        let mut command = Command::new(&spec.binary);
        command.args(other.program.arguments(other)).stdout(Stdio::null());
        let child = harness::begin(&mut command);
        let pid = child.id();
        children.borrow_mut().push(child);
        pid
    };
    let count = || processes_of(spec).expect("asked").len();
    one_process_contract(manager, spec, &begin, &count);
    for mut child in children.into_inner() {
        child.wait().expect("it has ended");
    }
}

#[test]
fn antd_keeps_the_contract() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    let spec = daemon.spec(&env, 1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let antd = Antd::new(daemon.home.clone(), vec![spec.storage.clone()]);
    manager_contract(&antd, &files, &spec, &daemon.release(&env), true);
}

/// Somebody reset the daemon and added a node of the same number in the same place.
#[test]
fn antd_leaves_a_node_with_another_wallet_or_port_alone() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    let spec = daemon.spec(&env, 1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let antd = Antd::new(daemon.home.clone(), vec![spec.storage.clone()]);
    antd.enrol(&spec, &daemon.release(&env)).expect("the daemon makes it");
    antd.start(&spec).expect("it starts");
    let mut port = spec.clone();
    port.ports.node += 1;
    let wallet = format!("0x{}", "1".repeat(40)).parse().expect("a wallet");
    for other in [port, NodeSpec { wallet, ..spec.clone() }] {
        for refused in
            [antd.stop(&other), antd.start(&other), antd.remove(&other), antd.create(&other)]
        {
            let error = refused.expect_err("it is not the recorded one");
            assert_eq!(error.kind, FaultKind::Conflict, "{error}");
            assert!(error.to_string().contains("`wnm remove 1`"), "{error}");
        }
    }
    assert_eq!(processes_of(&spec).expect("asked").len(), 1, "it runs on");
    antd.stop(&spec).expect("stopped");
}

#[test]
fn what_came_of_a_lost_race_for_a_number_of_antd_is_told() {
    if crate::antd::is_real() {
        return;
    }
    for (how, told) in [("race", "was taken back"), ("race-keep", "`ant node remove 2`")] {
        let env = TestEnv::new();
        let daemon = Daemon::start(&env);
        let spec = daemon.spec(&env, 1);
        DiskFiles::prepare_root(&spec.storage).expect("prepared");
        let antd = Antd::new(daemon.home.clone(), vec![spec.storage.clone()]);
        daemon.behave(how);
        let error = antd.enrol(&spec, &daemon.release(&env)).expect_err("somebody was faster");
        assert_eq!(error.kind, FaultKind::Conflict, "{error}");
        assert!(error.to_string().contains(told), "{error}");
        daemon.behave("");
        let known = antd.discover().expect("it answers");
        assert_eq!(known.len(), if how == "race" { 1 } else { 2 }, "theirs stays: {known:?}");
    }
}

/// `launchctl` as its manual has it: one domain, jobs with processes.
#[derive(Debug, Default)]
struct Launchctl {
    jobs: Mutex<BTreeMap<String, Child>>,
    disabled: Mutex<BTreeSet<String>>,
}

impl Launchctl {
    fn answer(&self, args: &[&str]) -> (i32, String) {
        let mut jobs = self.jobs.lock().expect("nobody panics");
        let label = |target: &str| target.strip_prefix("user/501/").expect("our domain").to_owned();
        match args {
            ["print", "gui/501"] => (113, "Could not find domain for user gui: 501".into()),
            ["print", "user/501"] => {
                let line = |(label, job): (&String, &mut Child)| match job.try_wait() {
                    Ok(None) => format!("\t\t {} - \t{label}\n", job.id()),
                    _ => format!("\t\t 0 78 \t{label}\n"),
                };
                let lines: String = jobs.iter_mut().map(line).collect();
                (0, format!("user/501 = {{\n\tservices = {{\n{lines}\t}}\n}}\n"))
            }
            ["enable", target] => {
                self.disabled.lock().expect("nobody panics").remove(&label(target));
                (0, String::new())
            }
            ["disable", target] => {
                self.disabled.lock().expect("nobody panics").insert(label(target));
                (0, String::new())
            }
            ["bootstrap", "user/501", list] => {
                let (label, argv, directory) = read_list(Path::new(list));
                if self.disabled.lock().expect("nobody panics").contains(&label) {
                    return (119, "Bootstrap failed: 119: Service is disabled".into());
                }
                if jobs.contains_key(&label) {
                    return (5, "Bootstrap failed: 5: Input/output error".into());
                }
                let mut command = Command::new(&argv[0]);
                command.args(&argv[1..]).current_dir(&directory).stdin(Stdio::null());
                jobs.insert(label, command.spawn().expect("it can be started"));
                // The story stops it at once, and it is to have an identity by then.
                let key = Path::new(&directory).join("node_identity.key");
                wait_until(Duration::from_secs(10), "it has a key", || is_there(&key));
                (0, String::new())
            }
            ["bootout", target] => match jobs.remove(&label(target)) {
                None => (3, "Boot-out failed: 3: No such process".into()),
                Some(mut job) => {
                    let pid = nix::unistd::Pid::from_raw(job.id() as i32);
                    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
                    job.wait().expect("our own child");
                    (0, String::new())
                }
            },
            other => panic!("launchctl does not know {other:?}"),
        }
    }
}

impl CommandRunner for Launchctl {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        assert_eq!(call.program, "/bin/launchctl");
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let (code, said) = self.answer(&args);
        let (stdout, stderr) =
            if code == 0 { (said, String::new()) } else { (String::new(), said) };
        Ok(Completed { code: Some(code), stdout, stderr })
    }
}

/// Label, arguments and working directory of a property list.
fn read_list(path: &Path) -> (String, Vec<String>, String) {
    let text = std::fs::read_to_string(path).expect("a property list");
    let after = |key: &str| text.split_once(&format!("<key>{key}</key>")).expect(key).1;
    let strings = |part: &str| -> Vec<String> {
        let cut =
            part.split("<string>").skip(1).map(|it| it.split_once("</string>").expect("closed").0);
        cut.map(|it| it.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).collect()
    };
    let array = after("ProgramArguments").split_once("</array>").expect("closed").0;
    let one = |key: &str| strings(after(key)).remove(0);
    (one("Label"), strings(array), one("WorkingDirectory"))
}

#[test]
fn launchd_keeps_the_contract_with_a_stand_in_for_launchctl() {
    let env = TestEnv::new();
    let mut spec = env.spec(1);
    spec.manager = "launchctl+user".parse().expect("a manager");
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let lists = env.path("home/Library/LaunchAgents");
    let version = "0.23.1".parse().expect("a version");
    let release = Release::new(version, env.program());
    for autostart in [false, true] {
        spec.autostart = autostart;
        let roots = vec![spec.storage.clone()];
        let launchd = Launchd::new(Arc::new(Launchctl::default()), lists.clone(), 501, roots);
        manager_contract(&launchd, &files, &spec, &release, true);
    }
    spec.autostart = false;
    let launchctl = Arc::new(Launchctl::default());
    let launchd = Launchd::new(launchctl.clone(), lists, 501, vec![spec.storage.clone()]);
    files.prepare(&spec, &release).expect("prepared");
    launchd.create(&spec).and_then(|_| launchd.start(&spec)).expect("started");
    hand_over_contract(&launchd, &spec);
    assert!(launchctl.disabled.lock().expect("nobody panics").is_empty(), "it comes back");
    assert!(launchd.stop(&spec).is_ok_and(|_| launchd.create(&spec).is_err()), "not ours any more");
}
