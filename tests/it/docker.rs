//! The contract story of containers, and what a shared one does by itself, on processes of our own: a
//! stand-in for docker that starts what it is told to. The real one is asked in the system tier.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wnm_core::action::Change;
use wnm_core::fakes::manager_contract;
use wnm_core::host::{CommandRunner, Completed, HostResult, Invocation, NodeFiles, NodeManager};
use wnm_core::model::{NodeSpec, Release};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};
use wnm_managers::{DiskFiles, Docker, DockerSettings, processes_of};

use crate::harness::{TestEnv, wait_until};

/// Strict about what it is told, like the real one.
#[derive(Default)]
struct FakeDocker(Mutex<BTreeMap<String, Fake>>);

#[derive(Default)]
struct Fake {
    program: String,
    args: Vec<String>,
    env: Vec<String>,
    directory: Option<String>,
    labels: BTreeMap<String, String>,
    child: Option<Child>,
    has_run: bool,
}

impl CommandRunner for FakeDocker {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        assert_eq!(call.program, "docker");
        let mut containers = self.0.lock().expect("nobody panicked");
        for fake in containers.values_mut() {
            fake.collect();
        }
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let answer = match args.as_slice() {
            ["create", options @ ..] => create(&mut containers, options),
            ["inspect", "--type", "container", "--format", _, "--", names @ ..] => {
                inspect(&containers, names)
            }
            ["ps", "--all", "--format", "{{.Names}}"] => {
                Ok(containers.keys().map(|name| format!("{name}\n")).collect())
            }
            ["start", "--", name] => with(&mut containers, name, Fake::start),
            ["stop", "-t", _, "--", name] => with(&mut containers, name, Fake::stop),
            ["rm", "--", name] => match containers.get(*name) {
                Some(fake) if fake.child.is_none() => {
                    containers.remove(*name);
                    Ok(String::new())
                }
                Some(_) => Err(format!("You cannot remove a running container {name}")),
                None => Err(format!("No such container: {name}")),
            },
            ["logs", "--tail", "3", "--", _] => Ok("its last words\n".to_owned()),
            ["--version"] => Ok("Docker version 20.10.24\n".to_owned()),
            other => panic!("no call of docker: {other:?}"),
        };
        Ok(match answer {
            Ok(stdout) => Completed { code: Some(0), stdout, stderr: String::new() },
            Err(stderr) => Completed { code: Some(1), stdout: String::new(), stderr },
        })
    }
}

impl Drop for FakeDocker {
    fn drop(&mut self) {
        let containers = self.0.get_mut().expect("nobody panicked");
        containers.values_mut().for_each(|fake| drop(fake.stop()));
    }
}

fn create(containers: &mut BTreeMap<String, Fake>, options: &[&str]) -> Result<String, String> {
    let mut fake = Fake::default();
    let mut name = String::new();
    let mut words = options.iter().copied();
    let image = loop {
        let option = words.next().expect("an image");
        match option {
            "--init" | "--read-only" => continue,
            _ if !option.starts_with("--") => break option,
            _ => {}
        }
        let value = words.next().expect("a value").to_owned();
        match option {
            "--name" => name = value,
            "--env" => fake.env.push(value),
            "--entrypoint" => fake.program = value,
            "--workdir" => fake.directory = Some(value),
            "--label" => {
                let (key, value) = value.split_once('=').expect("a label");
                fake.labels.insert(key.to_owned(), value.to_owned());
            }
            "--mount" => {
                let source = value.split("\"source=").nth(1).and_then(|it| it.split('"').next());
                let source = source.expect("a source");
                if !Path::new(source).exists() {
                    return Err(format!("bind source path does not exist: {source}"));
                }
            }
            "--pull" | "--restart" | "--stop-timeout" | "--network" | "--user" | "--tmpfs"
            | "--cap-drop" | "--security-opt" | "--log-driver" | "--log-opt" => {}
            other => panic!("no option of docker create: {other}"),
        }
    };
    assert_eq!(image, "wnm-node");
    fake.args = words.map(str::to_owned).collect();
    if containers.contains_key(&name) {
        return Err(format!("The container name \"/{name}\" is already in use"));
    }
    containers.insert(name, fake);
    Ok("0123456789ab\n".to_owned())
}

fn inspect(containers: &BTreeMap<String, Fake>, names: &[&str]) -> Result<String, String> {
    let mut told = String::new();
    let mut missing = String::new();
    for name in names {
        let Some(fake) = containers.get(*name) else {
            missing += &format!("Error response from daemon: No such container: {name}\n");
            continue;
        };
        let pid = fake.child.as_ref().map_or(0, Child::id);
        let status = match (pid, fake.has_run) {
            (0, false) => "created",
            (0, true) => "exited",
            _ => "running",
        };
        let labels = serde_json::to_string(&fake.labels).expect("labels");
        told += &format!("\"/{name}\"\t\"{status}\"\t{pid}\t0\t0\t\"{name}\"\t{labels}\n");
    }
    // The real one prints what it found in either case; one name at a time is enough here.
    if missing.is_empty() { Ok(told) } else { Err(missing) }
}

fn with(
    containers: &mut BTreeMap<String, Fake>,
    name: &str,
    act: fn(&mut Fake) -> Result<String, String>,
) -> Result<String, String> {
    containers.get_mut(name).map_or_else(|| Err(format!("No such container: {name}")), act)
}

impl Fake {
    fn collect(&mut self) {
        if self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
            self.child = None;
        }
    }

    fn start(&mut self) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().stdin(Stdio::null());
        command.envs(self.env.iter().filter_map(|word| word.split_once('=')));
        command.current_dir(self.directory.as_deref().unwrap_or("/"));
        self.child = Some(command.spawn().map_err(|error| error.to_string())?);
        self.has_run = true;
        Ok(String::new())
    }

    fn stop(&mut self) -> Result<String, String> {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(child.id() as i32);
            kill(pid, Signal::SIGTERM).map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
        }
        Ok(String::new())
    }
}

struct Place {
    env: TestEnv,
    engine: Arc<FakeDocker>,
    files: DiskFiles,
    release: Release,
}

impl Place {
    fn new() -> Place {
        let env = TestEnv::new();
        DiskFiles::prepare_root(&env.spec(1).storage).expect("prepared");
        fs::create_dir_all(env.spec(1).logs.parent().expect("a parent")).expect("made");
        let files = DiskFiles::new(env.path("identities"));
        let version = "0.23.1".parse().expect("a version");
        let release = Release::new(version, env.program());
        Place { env, engine: Arc::default(), files, release }
    }

    fn docker(&self) -> Docker {
        let settings = DockerSettings {
            command: "docker".into(),
            image: "wnm-node".into(),
            orders: self.env.path("containers"),
            init: env!("CARGO_BIN_EXE_wnm-dup").into(),
            roots: vec![self.env.spec(1).storage],
        };
        Docker::new(self.engine.clone(), settings)
    }

    fn shared(&self, number: u32) -> NodeSpec {
        NodeSpec { container: Some("wnm-nodes-1".into()), ..self.env.spec(number) }
    }

    /// Made and started in the shared container.
    fn begin(&self, docker: &Docker, number: u32) -> NodeSpec {
        let spec = self.shared(number);
        self.files.prepare(&spec, &self.release).expect("prepared");
        docker.create(&spec).expect("created");
        assert_eq!(docker.start(&spec).expect("started"), Change::Made);
        spec
    }
}

fn pid(spec: &NodeSpec) -> Option<u32> {
    processes_of(spec).expect("processes").first().map(|key| key.pid)
}

#[test]
fn a_container_a_node_keeps_the_contract() {
    let place = Place::new();
    manager_contract(&place.docker(), &place.files, &place.env.spec(1), &place.release, true);
}

#[test]
fn a_shared_container_keeps_the_contract() {
    let place = Place::new();
    let docker = place.docker();
    manager_contract(&docker, &place.files, &place.shared(1), &place.release, true);
    assert!(!place.env.path("containers").exists(), "nothing of it is left");
    // The same beside another node.
    let other = place.begin(&docker, 2);
    let before = pid(&other);
    manager_contract(&docker, &place.files, &place.shared(3), &place.release, true);
    assert_eq!(pid(&other), before, "the other one noticed nothing");
}

#[test]
fn a_container_never_runs_one_identity_twice() {
    let place = Place::new();
    let docker = place.docker();
    for spec in [place.env.spec(1), place.shared(2)] {
        place.files.prepare(&spec, &place.release).expect("prepared");
        docker.create(&spec).expect("created");
        // Another port, or the second one would end by itself.
        let mut other = place.env.spec(3);
        (other.data, other.logs) = (spec.data.clone(), spec.logs.clone());
        crate::contract::never_twice(&docker, &spec, &other);
    }
}

#[test]
fn a_container_stays_for_a_node_whose_order_is_lost() {
    let place = Place::new();
    let docker = place.docker();
    let (one, two) = (place.begin(&docker, 1), place.begin(&docker, 2));
    let before = pid(&two);
    fs::remove_file(place.env.path("containers/wnm-nodes-1/antnode0002.json")).expect("removed");
    docker.stop(&one).expect("stopped");
    assert_eq!(docker.remove(&one).expect("removed"), Change::Made);
    assert_eq!(docker.remove(&one).expect("removed"), Change::AlreadySo);
    assert!(before.is_some());
    assert_eq!(pid(&two), before, "nobody has said that it shall stop");
    let unit = docker.states(&[&two]).expect("states").remove(0);
    assert_eq!((unit.state, unit.definition_lost), (UnitState::Running, true));
    assert_eq!(docker.create(&two).expect("created"), Change::Made);
    docker.stop(&two).expect("stopped");
    assert_eq!(docker.remove(&two).expect("removed"), Change::Made);
    assert!(place.engine.0.lock().expect("whole").is_empty());
}

#[test]
fn a_shared_containers_name_that_is_taken_leads_to_the_setting() {
    let place = Place::new();
    let docker = place.docker();
    let spec = place.shared(1);
    place.files.prepare(&spec, &place.release).expect("prepared");
    place.engine.0.lock().expect("whole").insert("wnm-nodes-1".into(), Fake::default());
    let error = docker.create(&spec).expect_err("it is somebody else's").chain();
    insta::assert_snapshot!(error, @"the container wnm-nodes-1 was not made for these nodes and is left alone: rename or remove it, or give new nodes containers of another name with container_name");
}

fn install(env: &TestEnv, tool: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let tool = env.path("tools").join(tool);
    fs::write(&tool, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("our own");
}

/// A docker that has everything and does nothing.
const DOCKER: &str = "[ \"$1\" = info ] && echo '[]'; exit 0";

#[test]
fn nodes_in_containers_need_no_systemd_of_the_user() {
    let mut env = TestEnv::new();
    install(&env, "docker", DOCKER);
    // Where no systemd can answer, even on a machine that has one.
    let nowhere = env.path("nowhere").display().to_string();
    env.set("XDG_RUNTIME_DIR", &nowhere);
    let refused = env.init(&["--node-cap", "1", "--manager", "systemd+user"]).expect(2);
    assert!(refused.stderr.contains("loginctl enable-linger"), "{refused:?}");
    env.init(&["--node-cap", "1", "--manager", "docker+user"]).expect(0);
    let found = env.run(&["doctor", "--json"]).json();
    let ids: Vec<&str> = found["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    assert!(!ids.contains(&"no-systemd") && !ids.contains(&"no-linger"), "{ids:?}");
}

#[test]
fn podman_of_a_user_wants_lingering_and_docker_does_not() {
    if nix::unistd::geteuid().is_root() {
        let note = b"NOT TESTED: podman of a user: root's needs no session\n";
        // Past the capture of the test harness.
        return std::io::Write::write_all(&mut std::io::stderr(), note).expect("told");
    }
    let env = TestEnv::new();
    for tool in ["docker", "podman"] {
        install(&env, tool, DOCKER);
    }
    install(&env, "systemctl", "echo 252");
    install(&env, "loginctl", "echo no");
    let podman = ["--manager", "docker+user", "--docker-command", "podman", "--node-cap", "1"];
    let refused = env.init(&podman).expect(2);
    assert!(refused.stderr.contains("lingering is off"), "{refused:?}");
    env.init(&["--manager", "docker+user", "--node-cap", "1"]).expect(0);
}

#[test]
fn what_dies_in_a_shared_container_comes_back_and_what_was_stopped_does_not() {
    let place = Place::new();
    let docker = place.docker();
    let (one, two) = (place.begin(&docker, 1), place.begin(&docker, 2));
    let (first, second) = (pid(&one).expect("it runs"), pid(&two));
    kill(Pid::from_raw(first as i32), Signal::SIGKILL).expect("killed");
    wait_until(Duration::from_secs(20), "the node is back", || {
        pid(&one).is_some_and(|it| it != first)
    });
    assert_eq!(pid(&two), second);
    assert_eq!(docker.stop(&two).expect("stopped"), Change::Made);
    let states = docker.states(&[&one, &two]).expect("states");
    assert_eq!([states[0].state, states[1].state], [UnitState::Running, UnitState::Stopped]);
    assert_eq!(docker.discover().expect("known"), [one.id, two.id].into());
}

#[test]
fn a_container_that_was_stopped_by_hand_brings_back_one_node_at_a_time() {
    let place = Place::new();
    let docker = place.docker();
    let (mut one, mut two) = (place.begin(&docker, 1), place.begin(&docker, 2));
    // Nor does it if they are to be there after a reboot.
    (one.autostart, two.autostart) = (true, true);
    place.engine.0.lock().expect("whole").get_mut("wnm-nodes-1").map(Fake::stop);
    assert_eq!((pid(&one), pid(&two)), (None, None), "all nodes ended with it");
    let states = docker.states(&[&one, &two]).expect("states");
    assert!(states.iter().all(|unit| unit.state == UnitState::Stopped), "{states:?}");
    docker.start(&one).expect("started");
    assert!(pid(&one).is_some() && pid(&two).is_none());
    docker.start(&two).expect("started");
    assert!(pid(&two).is_some());
}

#[test]
fn a_lost_order_stops_nobody_and_is_written_again() {
    let place = Place::new();
    let docker = place.docker();
    let spec = place.begin(&docker, 1);
    let before = pid(&spec);
    let order = place.env.path("containers/wnm-nodes-1/antnode0001.json");
    fs::remove_file(&order).expect("removed");
    let unit = docker.states(&[&spec]).expect("states").remove(0);
    assert_eq!((unit.state, unit.definition_lost), (UnitState::Running, true));
    assert_eq!(docker.create(&spec).expect("created"), Change::Made);
    assert_eq!(docker.states(&[&spec]).expect("states")[0].pid, before);
    fs::write(&order, "{").expect("spoiled");
    let error = docker.stop(&spec).expect_err("an order that makes no sense is not guessed at");
    assert_eq!(error.kind, FaultKind::Garbled);
    assert_eq!(pid(&spec), before);
    assert!(error.chain().contains("delete the file"), "{}", error.chain());
    let other = place.begin(&docker, 2);
    let states = docker.states(&[&spec, &other]).expect("one such file hides no other node");
    let running = |it: &UnitReading| it.state == UnitState::Running && it.pid.is_some();
    assert!(states.iter().all(running), "{states:?}");
    assert!(states[0].definition_lost && !states[1].definition_lost);
    fs::remove_file(&order).expect("removed");
    assert_eq!(docker.stop(&spec).expect("stopped"), Change::Made);
}

#[test]
fn a_node_that_ends_at_once_is_told_with_its_last_words() {
    let place = Place::new();
    let docker = place.docker();
    let mut spec = place.env.spec(1);
    spec.launch.environment = vec![("WNM_STANDIN".into(), "refuse=3".into())];
    place.files.prepare(&spec, &place.release).expect("prepared");
    docker.create(&spec).expect("created");
    let error = docker.start(&spec).expect_err("it ends at once").chain();
    assert!(error.contains("ended at once") && error.contains("its last words"), "{error}");
}

#[test]
fn a_second_process_with_the_same_data_is_a_conflict() {
    let place = Place::new();
    let docker = place.docker();
    for spec in [place.env.spec(1), place.shared(2)] {
        place.files.prepare(&spec, &place.release).expect("prepared");
        docker.create(&spec).expect("created");
        let mut stranger = Command::new(&spec.binary);
        stranger.args(spec.program.arguments(&spec)).env_clear().stdin(Stdio::null());
        let mut stranger = stranger.spawn().expect("started");
        wait_until(Duration::from_secs(10), "it is seen", || pid(&spec).is_some());
        let error = docker.start(&spec).expect_err("one identity, one process");
        assert_eq!(error.kind, FaultKind::Conflict, "{error}");
        assert!(error.to_string().contains(&stranger.id().to_string()), "{error}");
        let reaper = std::thread::spawn(move || stranger.wait());
        assert_eq!(docker.stop(&spec).expect("stopped"), Change::Made, "a stop ends it as well");
        reaper.join().expect("joined").expect("reaped");
        assert_eq!(pid(&spec), None);
    }
}
