//! Nodes through antctl: the contract on a stand-in that does what the real one does, and a table
//! of what happens when it lies. Real processes; a small systemd of the test's own starts them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wnm_core::fakes::{build, manager_contract};
use wnm_core::host::{CommandRunner, Completed, HostResult, Invocation, NodeFiles, NodeManager};
use wnm_core::model::{ManagerKind, NodeId, NodeSpec, Release, Version};
use wnm_core::observe::UnitState;
use wnm_core::policy::{NodeDefaults, Setting};
use wnm_managers::{Antctl, AntctlPlaces, DiskFiles, SystemRunner};

use crate::harness::{StandIn, TestEnv, node_of, wait_until};

/// Runs antctl for real, and is systemd.
struct Tools {
    home: PathBuf,
    running: Mutex<BTreeMap<String, Child>>,
}

impl Tools {
    fn unit(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.home.join(".config/systemd/user").join(name)).ok()
    }

    fn show(&self, names: &[String]) -> String {
        let mut running = self.running.lock().expect("not poisoned");
        let block = |name: &String| {
            let ended = |child: &mut Child| child.try_wait().expect("our own child").is_some();
            let gone = running.get_mut(name).is_none_or(ended);
            let pid = running.get(name).filter(|_| !gone).map_or(0, Child::id);
            let load = if self.unit(name).is_some() { "loaded" } else { "not-found" };
            let active = if gone { "inactive" } else { "active" };
            format!(
                "Id={name}\nLoadState={load}\nActiveState={active}\nSubState=x\nMainPID={pid}\n\
                 NRestarts=0\nInvocationID=\nNeedDaemonReload=no\n"
            )
        };
        names.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    fn start(&self, name: &str) -> i32 {
        let Some(text) = self.unit(name) else { return 5 };
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a unit");
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("a program");
        let root = words.iter().position(|word| *word == "--root-dir").expect("a node") + 1;
        let pid_file = Path::new(words[root]).join("antnode.pid");
        let pid = child.id().to_string();
        self.running.lock().expect("not poisoned").insert(name.to_owned(), child);
        wait_until(Duration::from_secs(10), "the node has its key", || {
            fs::read_to_string(&pid_file).is_ok_and(|text| text == pid)
        });
        0
    }

    fn stop(&self, name: &str) {
        if let Some(mut child) = self.running.lock().expect("not poisoned").remove(name) {
            let pid = i32::try_from(child.id()).expect("a pid");
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
            child.wait().expect("our own child");
        }
    }

    fn systemctl(&self, args: &[String]) -> Completed {
        let name = args.last().cloned().unwrap_or_default();
        let mut answer = Completed { code: Some(0), stdout: String::new(), stderr: String::new() };
        match args[1].as_str() {
            "show" => answer.stdout = self.show(&args[4..]),
            "start" => answer.code = Some(self.start(&name)),
            "stop" => self.stop(&name),
            "daemon-reload" | "reset-failed" | "enable" | "disable" => {}
            verb => panic!("systemctl {verb}"),
        }
        answer
    }
}

impl CommandRunner for Tools {
    fn run(&self, invocation: &Invocation) -> HostResult<Completed> {
        if invocation.program == "systemctl" {
            return Ok(self.systemctl(&invocation.args));
        }
        let mut call = invocation.clone();
        call.timeout = Duration::from_secs(2);
        for (name, value) in [
            ("HOME", self.home.clone()),
            ("XDG_DATA_HOME", self.home.join(".local/share")),
            ("XDG_CONFIG_HOME", self.home.join(".config")),
            ("WNM_STANDIN_USER_MODE", "1".into()),
        ] {
            call.env.push((name.to_owned(), value.display().to_string()));
        }
        SystemRunner.run(&call)
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let names: Vec<String> = self.running.lock().expect("whole").keys().cloned().collect();
        names.iter().for_each(|name| self.stop(name));
    }
}

struct Place {
    env: TestEnv,
    tools: Arc<Tools>,
    antctl: Antctl,
    nodes: NodeDefaults,
}

impl Place {
    fn of(kind: &str) -> Place {
        let env = TestEnv::with_program("antnode");
        let home = env.path("home");
        let program = env.path("tools/antctl-stand-in");
        fs::create_dir_all(env.path("tools")).expect("a directory");
        fs::copy(env!("CARGO_BIN_EXE_antctl-stand-in"), &program).expect("it can be copied");
        let own = home.join(".local/share/autonomi/node");
        let storage = if kind == "zen" { own.clone() } else { env.path("nodes") };
        DiskFiles::prepare_root(&storage).expect("prepared");
        let draft = build::draft()
            .with(Setting::Manager, format!("antctl+{kind}"))
            .with(Setting::Program, "antnode")
            .with(Setting::NodeStorage, storage.display().to_string())
            .with(Setting::LogStorage, env.path("logs").display().to_string());
        let tools = Arc::new(Tools { home: home.clone(), running: Mutex::default() });
        let places = AntctlPlaces {
            program: program.display().to_string(),
            registry: own.join("node_registry.json"),
            units: home.join(".config/systemd/user"),
            copies: env.path("copies"),
            roots: vec![storage],
        };
        let manager = if kind == "zen" { ManagerKind::AntctlZen } else { ManagerKind::Antctl };
        let antctl = Antctl::of_user(manager, tools.clone(), "/run/user/0".into(), places);
        Place { env, tools, antctl, nodes: build::policy(&draft).nodes }
    }

    fn spec(&self, number: u32) -> NodeSpec {
        node_of(&self.nodes, number)
    }

    fn release(&self) -> Release {
        Release::new("0.4.17".parse().expect("a version"), self.env.program())
    }

    fn enrolled(&self, number: u32) -> NodeSpec {
        let spec = self.spec(number);
        self.antctl.enrol(&spec, &self.release()).expect("antctl makes it");
        spec
    }

    fn misbehave(&self, how: &str) {
        fs::write(self.env.path("tools/antctl-stand-in.conf"), how).expect("written");
    }

    fn registry(&self) -> PathBuf {
        self.tools.home.join(".local/share/autonomi/node/node_registry.json")
    }

    fn next(&self) -> NodeId {
        self.antctl.numbering().expect("it answers").expect("it counts").next
    }

    /// What is said, without what changes from run to run.
    fn said<T: std::fmt::Debug>(&self, result: HostResult<T>) -> String {
        let text = match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{:?}: {}", error.kind, error.chain()),
        };
        let text = text.replace(&self.env.path("").display().to_string(), "[DIR]/");
        // Which arguments antctl gets is told by a test of those.
        let text = match text.split_once(" add ").zip(text.split_once("evm-arbitrum-one")) {
            Some(((before, _), (_, after))) => format!("{before} add …{after}"),
            None => text,
        };
        let words = text.split(' ').map(|word| match word.parse::<u16>() {
            Ok(port) if port > 9_999 => "[PORT]",
            _ => word,
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn antctl_keeps_the_contract() {
    for kind in ["user", "zen"] {
        let place = Place::of(kind);
        let files = DiskFiles::new(place.env.path("identities"));
        manager_contract(&place.antctl, &files, &place.spec(1), &place.release(), true);
    }
}

#[test]
fn antctl_never_runs_one_identity_twice() {
    for kind in ["user", "zen"] {
        let place = Place::of(kind);
        let spec = place.enrolled(1);
        let mut other = place.spec(2);
        (other.data, other.logs) = (spec.data.clone(), spec.logs.clone());
        crate::contract::never_twice(&place.antctl, &spec, &other);
    }
}

#[test]
fn a_nodes_program_is_replaced_and_put_back_beside_antctl() {
    for kind in ["user", "zen"] {
        let place = Place::of(kind);
        let files = DiskFiles::new(place.env.path("identities"));
        let spec = place.enrolled(1);
        assert!(spec.owns_program(), "{kind}");
        let registry = || fs::read_to_string(place.registry()).expect("a registry");
        let (before, key) = (registry(), spec.data.join(spec.program.identity_file()));
        place.antctl.start(&spec).expect("it starts");
        let identity = fs::read(&key).expect("it has a key");
        fs::create_dir_all(place.env.path("next")).expect("made");
        let next = StandIn::install_version(&place.env.path("next"), "antnode", "0.99.0");
        let version: Version = "0.99.0".parse().expect("a version");
        let release = Release::new(version.clone(), next.path);
        let runs = |version: &str| {
            place.antctl.start(&spec).expect("it starts");
            let unit = place.antctl.states(&[&spec]).expect("it is seen").remove(0);
            assert_eq!(unit.state, UnitState::Running, "{kind}");
            let has = files.examine(&spec, None).expect("it answers").version.to_string();
            assert_eq!(has, version, "{kind}");
            assert_eq!(fs::read(&key).expect("it has a key"), identity, "it is who it was");
            let number = place.next().number();
            assert_eq!((registry(), number), (before.clone(), 2), "antctl knows what it knew");
        };

        let old = Some("0.4.17".parse().expect("a version"));
        assert_eq!(place.said(files.stage(&spec, &release)), "Made");
        let refused = files.replace(&spec, &version, old.as_ref()).expect_err("it runs");
        assert!(refused.to_string().contains("its program is not replaced"), "{refused}");
        place.antctl.stop(&spec).expect("it stops");
        assert_eq!(place.said(files.replace(&spec, &version, old.as_ref())), "Made");
        runs("0.99.0");
        place.antctl.stop(&spec).expect("it stops");
        assert_eq!(place.said(files.put_back(build::record(1).key(), &spec)), "Made");
        runs("0.4.17");
        place.antctl.stop(&spec).expect("it stops");
        assert_eq!(place.said(place.antctl.remove(&spec)), "Made");
    }
}

#[test]
fn what_antctl_says_of_its_success_counts_for_nothing() {
    let mut said = Vec::new();
    let lies = [
        "noise",
        "fail=add",
        "hang-after=add",
        "hang=add",
        "lie=add",
        "refuse=add",
        "misnumber",
        "misnumber fail=add",
        "empty",
        "half",
    ];
    for how in lies {
        let place = Place::of("user");
        place.enrolled(1);
        place.misbehave(how);
        let added = place.said(place.antctl.enrol(&place.spec(2), &place.release()));
        said.push(format!("{how}: {added}"));
        place.misbehave("");
        // What was there before is not lost over it.
        let text = fs::read_to_string(place.env.path("copies/node_registry.before.json"));
        assert!(text.expect("a copy").contains("\"antnode1\""), "{how}");
    }
    for how in
        ["noise", "fail=remove", "hang-after=remove", "hang=remove", "lie=remove", "lose-first"]
    {
        let place = Place::of("user");
        let spec = place.enrolled(1);
        place.enrolled(2);
        place.misbehave(how);
        said.push(format!("{how}: {}", place.said(place.antctl.remove(&spec))));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    noise: Made
    fail=add: Made
    hang-after=add: Made
    hang=add: Timeout: failed to run `[DIR]/tools/antctl-stand-in -v --debug add …`: no answer within 2 s
    lie=add: Failed: failed to run `[DIR]/tools/antctl-stand-in -v --debug add …`: exit 0, but its registry says that nothing was done
    refuse=add: Full: failed to run `[DIR]/tools/antctl-stand-in -v --debug add …`: exit 1: No space left on device (os error 28)
    misnumber: Conflict: antctl made antnode3 in [DIR]/nodes/antnode3 instead of antnode2 in [DIR]/nodes/antnode2; it was removed again, and its directory stays
    misnumber fail=add: Conflict: antctl's registry has antnode3 in [DIR]/nodes/antnode3 now instead of antnode2: somebody else uses antctl, and it is left alone
    empty: Garbled: antctl's registry [DIR]/home/.local/share/autonomi/node/node_registry.json has lost antnode1, and is not believed: put it back from [DIR]/copies/node_registry.last.json, or delete that copy if antctl was reset on purpose
    half: Garbled: failed to read [DIR]/home/.local/share/autonomi/node/node_registry.json, of which [DIR]/copies/node_registry.last.json is a copy: antctl's registry makes no sense: it begins with `{"daemon":null,"nodes":[{"alpha":fal`
    noise: Made
    fail=remove: Made
    hang-after=remove: Made
    hang=remove: Timeout: failed to run `[DIR]/tools/antctl-stand-in -v --debug remove --service-name antnode1 --keep-directories`: no answer within 2 s
    lie=remove: Failed: failed to run `[DIR]/tools/antctl-stand-in -v --debug remove --service-name antnode1 --keep-directories`: exit 0, but its registry says that nothing was done
    lose-first: Garbled: antctl's registry [DIR]/home/.local/share/autonomi/node/node_registry.json has lost antnode1, and is not believed: put it back from [DIR]/copies/node_registry.last.json, or delete that copy if antctl was reset on purpose
    "#);
}

#[test]
fn a_registry_that_shrank_is_not_believed() {
    let mut said = Vec::new();
    for (how, text) in [("emptied", ""), ("half", "{\"nodes\":[{\"alph"), ("two fewer", "")] {
        let place = Place::of("user");
        let specs = [place.enrolled(1), place.enrolled(2), place.enrolled(3)];
        let whole = fs::read_to_string(place.registry()).expect("a registry");
        place.antctl.start(&specs[0]).expect("it starts");
        match how {
            "two fewer" => {
                let mut value: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
                value["nodes"].as_array_mut().expect("a list").truncate(1);
                fs::write(place.registry(), value.to_string()).expect("written");
            }
            _ => fs::write(place.registry(), text).expect("written"),
        }
        let refs: Vec<&NodeSpec> = specs.iter().collect();
        said.push(format!("{how}: states: {}", place.said(place.antctl.states(&refs))));
        for error in [
            place.antctl.numbering().map(drop),
            place.antctl.discover().map(drop),
            place.antctl.remove(&specs[1]).map(drop),
            place.antctl.enrol(&place.spec(4), &place.release()).map(drop),
        ] {
            error.expect_err("nothing is concluded, and nothing done");
        }
        // What runs can be stopped all the same.
        assert_eq!(place.said(place.antctl.stop(&specs[0])), "Made");
        fs::write(place.registry(), &whole).expect("put back");
        let states = place.antctl.states(&refs).expect("it is believed again");
        assert!(states.iter().all(|unit| unit.state == UnitState::Stopped), "{states:?}");
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    emptied: states: Garbled: antctl's registry [DIR]/home/.local/share/autonomi/node/node_registry.json has lost antnode1, antnode2, antnode3, and is not believed: put it back from [DIR]/copies/node_registry.last.json, or delete that copy if antctl was reset on purpose
    half: states: Garbled: failed to read [DIR]/home/.local/share/autonomi/node/node_registry.json, of which [DIR]/copies/node_registry.last.json is a copy: antctl's registry makes no sense: it begins with `{"nodes":[{"alph`
    two fewer: states: Garbled: antctl's registry [DIR]/home/.local/share/autonomi/node/node_registry.json has lost antnode2, antnode3, and is not believed: put it back from [DIR]/copies/node_registry.last.json, or delete that copy if antctl was reset on purpose
    "#);
}

#[test]
fn what_antctl_would_write_over_is_not_written_over() {
    let mut said = Vec::new();
    let place = Place::of("user");
    let spec = place.spec(1);
    let release = place.release();
    let mut tried = |what: &str, spec: &NodeSpec, release: &Release| {
        let result = place.antctl.enrol(spec, release);
        said.push(format!("{what}: {}", place.said(result)));
        assert!(!place.registry().try_exists().expect("looked"), "{what}: antctl was called");
    };
    tried("another number", &place.spec(3), &release);
    let other = Release { path: place.env.path("bin/node-program"), ..release.clone() };
    tried("another name", &spec, &other);
    fs::create_dir_all(&spec.data).expect("made");
    fs::write(spec.data.join("secret-key"), "secret").expect("written");
    tried("an identity", &spec, &release);
    fs::remove_dir_all(&spec.data).expect("removed");
    let unit = place.tools.home.join(".config/systemd/user/antnode1.service");
    fs::create_dir_all(unit.parent().expect("a directory")).expect("made");
    fs::write(&unit, "[Service]\nExecStart=/bin/sleep 1\n").expect("written");
    tried("a unit", &spec, &release);
    fs::remove_file(&unit).expect("removed");
    insta::assert_snapshot!(said.join("\n"), @"
    another number: Conflict: antctl would make antnode1 now, not antnode3: nothing was made, and the next cycle plans anew
    another name: Conflict: antctl names a node's program as it finds it, and processes are known by that name: call [DIR]/bin/node-program antnode
    an identity: Conflict: there is a node's identity in [DIR]/nodes/antnode1, and antctl knows nothing of it: move the directory away, or put antctl's registry back
    a unit: Conflict: [DIR]/home/.config/systemd/user/antnode1.service is there already
    ");

    assert_eq!(place.said(place.antctl.enrol(&spec, &release)), "Made");
    let mut elsewhere = spec.clone();
    elsewhere.data = place.env.path("elsewhere/antnode1");
    place.antctl.start(&elsewhere).expect_err("antctl's node of this number is another");
    place.antctl.remove(&elsewhere).expect_err("and is not removed for it");
    assert_eq!(place.next(), build::id(2));
}

#[test]
fn a_unit_deleted_by_hand_is_made_again_and_never_in_the_way() {
    let place = Place::of("user");
    let (spec, other) = (place.enrolled(1), place.enrolled(2));
    let unit = |spec: &NodeSpec| {
        place.tools.home.join(format!(".config/systemd/user/{}.service", spec.service()))
    };
    let written = fs::read_to_string(unit(&spec)).expect("antctl wrote it");
    fs::remove_file(unit(&spec)).expect("removed");
    let reading = place.antctl.states(&[&spec]).expect("it answers").remove(0);
    assert_eq!((reading.state, reading.definition_lost), (UnitState::Stopped, true));
    assert_eq!(place.said(place.antctl.enrol(&spec, &place.release())), "Made");
    let again = fs::read_to_string(unit(&spec)).expect("it is there again");
    let words = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(words(&written), words(&again), "as antctl had written it");
    assert_eq!(place.said(place.antctl.start(&spec)), "Made");

    fs::remove_file(unit(&other)).expect("removed");
    assert_eq!(place.said(place.antctl.remove(&other)), "Made");
    assert!(!unit(&other).try_exists().expect("looked"));
    assert_eq!(place.said(place.antctl.reset()), "NotManaged", "antnode1 is still there");
}

#[test]
fn a_process_with_a_nodes_data_is_never_joined_by_another() {
    let place = Place::of("user");
    let spec = place.enrolled(1);
    let mut stranger = Command::new(&spec.binary)
        .args(spec.program.arguments(&spec))
        .stdout(Stdio::null())
        .spawn()
        .expect("it can be started by hand");
    wait_until(Duration::from_secs(10), "it runs", || {
        fs::read_to_string(spec.data.join("antnode.pid"))
            .is_ok_and(|text| text == stranger.id().to_string())
    });
    let refused = place.said(place.antctl.start(&spec));
    assert!(refused.contains("uses its data already"), "{refused}");
    place.tools.running.lock().expect("whole").clear();
    // As a reaper would: otherwise it stays, ended, and is waited for.
    let waiter = std::thread::spawn(move || stranger.wait());
    assert_eq!(place.said(place.antctl.stop(&spec)), "Made");
    waiter.join().expect("joined").expect("our own child");
    assert_eq!(place.said(place.antctl.start(&spec)), "Made");
}
