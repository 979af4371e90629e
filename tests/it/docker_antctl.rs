//! Containers with a systemd and an antctl of their own: the contract, and what may go wrong with one
//! of several, on processes of our own. A small docker of the test's own has a small systemd in each
//! container, and the stand-in for antctl. The real ones are asked in the system tier.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wnm_core::action::Change;
use wnm_core::fakes::{build, manager_contract};
use wnm_core::host::{CommandRunner, Completed, HostResult, Invocation, NodeManager};
use wnm_core::model::{NodeId, NodeSpec, Release};
use wnm_core::observe::{FaultKind, UnitState};
use wnm_core::policy::{NodeDefaults, Setting};
use wnm_managers::{
    DiskFiles, DockerAntctl, DockerAntctlSettings, MARKER, SystemRunner, processes_of,
};

use crate::harness::{TestEnv, node_of, wait_until};

/// What is behind one name.
#[derive(Default)]
struct Fake {
    labels: BTreeMap<String, String>,
    /// From the places in the container to those here.
    mounts: BTreeMap<String, PathBuf>,
    /// Its first process, while it runs.
    first: Option<(Child, BufReader<ChildStdout>)>,
    has_run: bool,
    paused: bool,
    units: BTreeMap<String, u32>,
}

impl Fake {
    fn unit(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.mounts["/etc/systemd/system"].join(name)).ok()
    }

    /// Begins the first process: a shell, which starts what it is told to.
    fn stand_up(&mut self) {
        let mut shell = Command::new("sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let answers = BufReader::new(shell.stdout.take().expect("piped"));
        self.first = Some((shell, answers));
        self.has_run = true;
    }

    fn first(&self) -> u32 {
        self.first.as_ref().map_or(0, |(shell, _)| shell.id())
    }

    /// What the first process answers to `line`.
    fn told(&mut self, line: &str) -> String {
        let (shell, answers) = self.first.as_mut().expect("it runs");
        let stdin = shell.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").expect("it reads");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    fn lives(&self, name: &str) -> Option<u32> {
        self.units.get(name).copied().filter(|pid| lives(*pid))
    }

    fn show(&mut self, names: &[&str]) -> String {
        let mut block = |name: &&str| {
            let pid = self.lives(name).unwrap_or(0);
            let load = if self.unit(name).is_some() { "loaded" } else { "not-found" };
            let active = if pid == 0 { "inactive" } else { "active" };
            format!(
                "Id={name}\nLoadState={load}\nActiveState={active}\nSubState=x\nMainPID={pid}\n\
                 NRestarts=0\nInvocationID=\nNeedDaemonReload=no\n"
            )
        };
        names.iter().map(&mut block).collect::<Vec<_>>().join("\n")
    }

    fn start(&mut self, name: &str) -> Result<String, String> {
        let text = self.unit(name).ok_or(format!("Unit {name} not found."))?;
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a unit");
        let words: Vec<&str> = line.split(' ').collect();
        let root = words.iter().position(|word| *word == "--root-dir").expect("a node") + 1;
        let pid_file = Path::new(words[root]).join("antnode.pid");
        let pid = self.told(&format!("{line} </dev/null >/dev/null 2>&1 & echo $!"));
        self.units.insert(name.to_owned(), pid.parse().expect("a pid"));
        wait_until(Duration::from_secs(10), "the node has its key", || {
            fs::read_to_string(&pid_file).is_ok_and(|text| text == pid)
        });
        Ok(String::new())
    }

    fn stop(&mut self, name: &str) {
        if let Some(pid) = self.units.remove(name) {
            kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), Signal::SIGTERM).ok();
            wait_until(Duration::from_secs(10), "the node ends", || !lives(pid));
            self.told(&format!("wait {pid}; echo done"));
        }
    }

    fn stop_all(&mut self) {
        let names: Vec<String> = self.units.keys().cloned().collect();
        names.iter().for_each(|name| self.stop(name));
        if let Some((mut shell, _)) = self.first.take() {
            drop(shell.stdin.take());
            shell.wait().expect("our own child");
        }
    }

    fn systemctl(&mut self, args: &[&str]) -> Result<String, String> {
        match args {
            ["show", "--property=Version", "--value"] => Ok("252\n".to_owned()),
            ["show", _, "--", names @ ..] => Ok(self.show(names)),
            ["start", .., name] => self.start(name),
            ["stop", .., name] => {
                self.stop(name);
                Ok(String::new())
            }
            ["daemon-reload"] | ["reset-failed" | "disable", ..] => Ok(String::new()),
            other => panic!("systemctl {other:?}"),
        }
    }
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !"ZXx".contains(state))
}

/// Strict about what it is told, like the real one.
struct Engine {
    antctl: PathBuf,
    containers: Mutex<BTreeMap<String, Fake>>,
}

impl Engine {
    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Fake) -> T) -> T {
        let mut containers = self.containers.lock().expect("whole");
        act(containers.get_mut(name).expect("a container"))
    }

    fn exec(&self, words: &[&str]) -> HostResult<Result<String, String>> {
        let mut words = words;
        let mut env = Vec::new();
        while let ["--env", pair, rest @ ..] = words {
            env.extend(pair.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())));
            words = rest;
        }
        let [id, program, args @ ..] = words else { panic!("exec {words:?}") };
        let mut containers = self.containers.lock().expect("whole");
        let Some(fake) = containers.get_mut(*id) else {
            return Ok(Err(format!("Error: No such container: {id}")));
        };
        if fake.first.is_none() || fake.paused {
            let why = if fake.paused { "paused, unpause it first" } else { "not running" };
            return Ok(Err(format!("Error response from daemon: Container {id} is {why}")));
        }
        if *program == "/usr/bin/systemctl" {
            return Ok(fake.systemctl(args));
        }
        assert_eq!(*program, "antctl");
        let (home, units) =
            (fake.mounts["/var/antctl"].clone(), &fake.mounts["/etc/systemd/system"]);
        // What the container sees under another name.
        let seen = |word: &&str| word.replace("/var/antctl/", &format!("{}/", home.display()));
        let args: Vec<String> = args.iter().map(seen).collect();
        let program = self.antctl.display().to_string();
        let mut call = Invocation::new(program, args, Duration::from_secs(2));
        call.env.push(("WNM_STANDIN_HOME".to_owned(), home.display().to_string()));
        call.env.push(("WNM_STANDIN_UNITS".to_owned(), units.display().to_string()));
        drop(containers);
        SystemRunner.run(&call).map(|answer| match answer.ok() {
            true => Ok(answer.stdout),
            false => Err(answer.stderr),
        })
    }

    fn create(&self, options: &[&str]) -> Result<String, String> {
        let mut fake = Fake::default();
        let mut name = String::new();
        let mut words = options.iter().copied();
        loop {
            let option = words.next().expect("an image");
            match option {
                "--read-only" | "--tty" => continue,
                _ if !option.starts_with("--") => break,
                _ => {}
            }
            let value = words.next().expect("a value");
            match option {
                "--name" => name = value.to_owned(),
                "--label" => {
                    let (key, value) = value.split_once('=').expect("a label");
                    fake.labels.insert(key.to_owned(), value.to_owned());
                }
                "--mount" => {
                    let part = |key: &str| {
                        let rest = value.split(key).nth(1).and_then(|it| it.split('"').next());
                        rest.expect("a place").to_owned()
                    };
                    let source = PathBuf::from(part("\"source="));
                    if !source.exists() {
                        return Err(format!("bind source path does not exist: {source:?}"));
                    }
                    fake.mounts.insert(part("\"target="), source);
                }
                "--pull" | "--restart" | "--stop-timeout" | "--stop-signal" | "--network"
                | "--cgroupns" | "--tmpfs" | "--cap-drop" | "--cap-add" | "--security-opt"
                | "--log-driver" | "--log-opt" | "--env" | "--entrypoint" => {}
                other => panic!("no option of docker create: {other}"),
            }
        }
        let mut containers = self.containers.lock().expect("whole");
        if containers.contains_key(&name) {
            return Err(format!("The container name \"/{name}\" is already in use"));
        }
        containers.insert(name, fake);
        Ok("0123456789ab\n".to_owned())
    }

    fn inspect(&self, names: &[&str]) -> Result<String, String> {
        let containers = self.containers.lock().expect("whole");
        let mut told = String::new();
        for name in names {
            let Some(fake) = containers.get(*name) else {
                return Err(format!("Error response from daemon: No such container: {name}\n"));
            };
            let status = match (fake.first.is_some(), fake.paused, fake.has_run) {
                (true, true, _) => "paused",
                (true, false, _) => "running",
                (false, _, true) => "exited",
                (false, _, false) => "created",
            };
            let pid = fake.first();
            let labels = serde_json::to_string(&fake.labels).expect("labels");
            told += &format!("\"/{name}\"\t\"{status}\"\t{pid}\t0\t0\t\"{name}\"\t{labels}\n");
        }
        Ok(told)
    }
}

impl CommandRunner for Engine {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        assert_eq!(call.program, "docker");
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let done = || Ok(String::new());
        let answer = match args.as_slice() {
            ["create", options @ ..] => self.create(options),
            ["inspect", "--type", "container", "--format", _, "--", names @ ..] => {
                self.inspect(names)
            }
            ["exec", words @ ..] => self.exec(words)?,
            ["start", "--", name] => {
                self.with(name, Fake::stand_up);
                done()
            }
            ["unpause", "--", name] => {
                self.with(name, |fake| fake.paused = false);
                done()
            }
            ["stop", "-t", _, "--", name] => {
                self.with(name, Fake::stop_all);
                done()
            }
            ["rm", "--", name] => {
                assert_eq!(self.with(name, |fake| fake.first()), 0, "a running one is not removed");
                self.containers.lock().expect("whole").remove(*name);
                done()
            }
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

impl Drop for Engine {
    fn drop(&mut self) {
        // A test that failed may have held the lock.
        let containers = self.containers.get_mut().unwrap_or_else(PoisonError::into_inner);
        containers.values_mut().for_each(Fake::stop_all);
    }
}

struct World {
    env: TestEnv,
    engine: Arc<Engine>,
    manager: DockerAntctl,
    nodes: NodeDefaults,
}

impl World {
    fn new() -> World {
        let env = TestEnv::with_program("antnode");
        let antctl = env.path("tools/antctl-stand-in");
        fs::create_dir_all(env.path("tools")).expect("a directory");
        fs::copy(env!("CARGO_BIN_EXE_antctl-stand-in"), &antctl).expect("it can be copied");
        let storage = env.path("nodes");
        DiskFiles::prepare_root(&storage).expect("prepared");
        let draft = build::draft()
            .with(Setting::Manager, "docker-antctl+user")
            .with(Setting::Program, "antnode")
            .with(Setting::MaxNodesPerContainer, "10")
            .with(Setting::NodeStorage, storage.display().to_string())
            .with(Setting::LogStorage, env.path("logs").display().to_string());
        let engine = Arc::new(Engine { antctl, containers: Mutex::default() });
        let settings = DockerAntctlSettings {
            command: "docker".into(),
            image: "wnm-node".into(),
            boxes: env.path("boxes"),
            copies: env.path("copies"),
            roots: vec![storage],
            logs: env.path("logs"),
        };
        let manager = DockerAntctl::new(engine.clone(), settings);
        World { env, engine, manager, nodes: build::policy(&draft).nodes }
    }

    /// 1 and 2 are the first ones of the first container, 11 and 12 those of the second.
    fn spec(&self, number: u32) -> NodeSpec {
        node_of(&self.nodes, number)
    }

    fn release(&self) -> Release {
        Release::new("0.4.17".parse().expect("a version"), self.env.program())
    }

    fn running(&self, number: u32) -> NodeSpec {
        let spec = self.spec(number);
        self.manager.enrol(&spec, &self.release()).expect("antctl makes it");
        self.manager.start(&spec).expect("it starts");
        spec
    }

    fn state(&self, spec: &NodeSpec) -> Result<UnitState, FaultKind> {
        self.manager
            .states(&[spec])
            .map(|mut read| read.remove(0).state)
            .map_err(|error| error.kind)
    }

    fn registry(&self, container: &str) -> PathBuf {
        self.env.path("boxes").join(container).join("antctl/node_registry.json")
    }
}

fn count(spec: &NodeSpec) -> usize {
    processes_of(spec).expect("asked").len()
}

#[test]
fn antctl_in_a_container_keeps_the_contract() {
    let world = World::new();
    let files = DiskFiles::new(world.env.path("identities"));
    let spec = world.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    manager_contract(&world.manager, &files, &spec, &world.release(), true);
    assert!(world.engine.containers.lock().expect("whole").is_empty(), "its container is gone");
    assert!(!world.env.path("boxes").exists(), "and all that was kept of it");
}

#[test]
fn antctl_in_a_container_never_runs_one_identity_twice() {
    let world = World::new();
    let spec = world.spec(1);
    world.manager.enrol(&spec, &world.release()).expect("antctl makes it");
    let mut other = world.spec(2);
    (other.data, other.logs) = (spec.data.clone(), spec.logs.clone());
    crate::contract::never_twice(&world.manager, &spec, &other);
}

#[test]
fn each_container_has_its_own_antnode1_and_every_command_goes_to_the_right_one() {
    let world = World::new();
    let (one, two) = (world.running(1), world.running(11));
    assert_eq!((one.service(), two.service()), ("antnode1".to_owned(), "antnode1".to_owned()));
    assert_ne!((&one.container, &one.data), (&two.container, &two.data));
    let numbering = world.manager.numbering().expect("it answers").expect("it counts");
    for name in ["wnm-nodes-1", "wnm-nodes-2"] {
        assert_eq!(numbering.next_in(name), Ok(build::id(2)), "{name}");
    }
    assert_eq!(numbering.next_in("wnm-nodes-3"), Ok(NodeId::FIRST));
    assert!(one.ports.all().chain(two.ports.all()).all(|port| numbering.ports.contains(&port)));
    let both = world.manager.discover().expect("asked");
    assert_eq!(both, [one.id, two.id].into());

    assert_eq!(world.manager.stop(&two).expect("it stops"), Change::Made);
    assert_eq!((count(&one), count(&two)), (1, 0));
    assert_eq!(world.manager.remove(&two).expect("it goes"), Change::Made);
    assert_eq!(world.state(&one), Ok(UnitState::Running));
    assert_eq!(world.engine.with("wnm-nodes-2", |fake| fake.first()), 0, "nobody needs it now");
    assert_eq!(world.manager.reset().expect("asked"), Change::Made, "it alone goes");
    assert!(!world.registry("wnm-nodes-2").exists() && world.registry("wnm-nodes-1").exists());
    assert_eq!(count(&one), 1);
    // What it would write over stands in its way until it is deleted.
    world.manager.enrol(&two, &world.release()).expect_err("there is a key");
    fs::remove_dir_all(&two.data).expect("deleted");
    let again = world.running(11);
    assert_eq!(count(&again), 1, "and begins with 1 again");
}

#[test]
fn a_container_that_does_not_answer_says_nothing_of_others() {
    let world = World::new();
    let (one, two) = (world.running(1), world.running(11));
    world.engine.with("wnm-nodes-2", |fake| fake.paused = true);
    assert_eq!(world.state(&two), Err(FaultKind::Unavailable), "unknown is not stopped");
    assert_eq!(world.state(&one), Ok(UnitState::Running));
    world.engine.with("wnm-nodes-2", |fake| fake.paused = false);

    // Half a registry: no number, nothing is concluded, and what runs can be stopped all the same.
    let whole = fs::read_to_string(world.registry("wnm-nodes-2")).expect("a registry");
    fs::write(world.registry("wnm-nodes-2"), &whole[..40]).expect("written");
    assert_eq!(world.state(&two), Err(FaultKind::Garbled));
    assert_eq!(world.state(&one), Ok(UnitState::Running));
    let numbering = world.manager.numbering().expect("it answers").expect("it counts");
    assert!(numbering.next_in("wnm-nodes-2").is_err());
    assert_eq!(numbering.next_in("wnm-nodes-1"), Ok(build::id(2)));
    world.manager.enrol(&world.spec(12), &world.release()).expect_err("nothing is made there");
    world.manager.remove(&two).expect_err("nor removed");
    assert_eq!(world.manager.stop(&two).expect("it stops"), Change::Made);
    fs::write(world.registry("wnm-nodes-2"), whole).expect("put back");
    assert_eq!(world.state(&two), Ok(UnitState::Stopped));
}

#[test]
fn a_container_that_ended_is_started_and_starts_no_node_by_itself() {
    let world = World::new();
    let specs = [world.running(1), world.running(2)];
    world.engine.with("wnm-nodes-1", Fake::stop_all);
    let states = || specs.each_ref().map(|spec| world.state(spec));
    assert_eq!(states(), [Ok(UnitState::Stopped), Ok(UnitState::Stopped)]);
    assert_eq!(world.manager.start(&specs[1]).expect("it starts"), Change::Made);
    assert_eq!(states(), [Ok(UnitState::Stopped), Ok(UnitState::Running)]);

    // Somebody removed it: it is made anew over the same registry, and nobody is numbered anew.
    world.engine.with("wnm-nodes-1", Fake::stop_all);
    world.engine.containers.lock().expect("whole").clear();
    assert_eq!(states(), [Ok(UnitState::Missing), Ok(UnitState::Missing)]);
    assert_eq!(world.manager.enrol(&specs[0], &world.release()).expect("known"), Change::Made);
    assert_eq!(world.manager.start(&specs[0]).expect("it starts"), Change::Made);
    assert_eq!(states(), [Ok(UnitState::Running), Ok(UnitState::Stopped)]);
}

/// Its systemd goes on, and counts with the registry that a second one would have as well.
#[test]
fn beside_a_container_that_was_renamed_no_other_is_made() {
    let world = World::new();
    let spec = world.running(1);
    let mut containers = world.engine.containers.lock().expect("whole");
    let renamed = containers.remove("wnm-nodes-1").expect("it is there");
    containers.insert("another".into(), renamed);
    drop(containers);
    let error = world.manager.start(&spec).expect_err("it runs elsewhere");
    assert_eq!(error.kind, FaultKind::Conflict, "{}", error.chain());
    let there = world.engine.containers.lock().expect("whole").len();
    assert_eq!((there, count(&spec)), (1, 1));
}

#[test]
fn what_is_not_ours_and_where_a_disk_is_missing_nothing_is_done() {
    let world = World::new();
    let mut theirs = Fake::default();
    theirs.stand_up();
    world.engine.containers.lock().expect("whole").insert("wnm-nodes-1".into(), theirs);
    let spec = world.spec(1);
    let error = world.manager.enrol(&spec, &world.release()).expect_err("somebody else's");
    assert_eq!(error.kind, FaultKind::Conflict, "{}", error.chain());
    assert_eq!(world.state(&spec), Ok(UnitState::Missing));
    assert!(world.engine.with("wnm-nodes-1", |fake| fake.first()) > 0);

    let spec = world.spec(11);
    fs::remove_file(world.nodes.storage[0].join(MARKER)).expect("the disk is gone");
    let error = world.manager.enrol(&spec, &world.release()).expect_err("no disk");
    assert!(error.to_string().contains("is not mounted"), "{}", error.chain());
    assert!(!spec.storage.exists(), "nothing is made in its place");
}

#[test]
fn what_antctl_says_of_its_success_counts_for_nothing_in_a_container_either() {
    for (how, expected) in [
        ("fail=add", Ok(())),
        ("hang-after=add", Ok(())),
        ("lie=add", Err(FaultKind::Failed)),
        ("refuse=add", Err(FaultKind::Full)),
        ("hang=add", Err(FaultKind::Timeout)),
        ("empty", Err(FaultKind::Garbled)),
        ("misnumber", Err(FaultKind::Conflict)),
    ] {
        let world = World::new();
        let first = world.running(1);
        let conf = world.env.path("tools/antctl-stand-in.conf");
        fs::write(&conf, how).expect("written");
        let spec = world.spec(2);
        let made = world.manager.enrol(&spec, &world.release());
        let made = made.map(drop).map_err(|error| error.kind);
        assert_eq!(made, expected, "{how}");
        fs::write(&conf, "").expect("written");
        assert_eq!(count(&first), 1, "{how}: the other one goes on");
    }
}
