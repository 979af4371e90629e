//! Docker's bad days, on scripts. The good ones are told by the contract story, on processes in the
//! hermetic tier and on the real docker in the system tier.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tempfile::TempDir;
use wnm_core::action::Change;
use wnm_core::fakes::{ScriptedRunner, build};
use wnm_core::host::{HostError, NodeManager};
use wnm_core::model::{NodeSpec, Scope};
use wnm_core::observe::{FaultKind, UnitState};

use super::found::FORMAT;
use super::{Docker, DockerSettings, docker_problems};

const DOWN: &str = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
const DENIED: &str = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied";

struct Stage {
    dir: TempDir,
    script: ScriptedRunner,
}

impl Stage {
    fn new() -> Stage {
        Stage { dir: TempDir::new().unwrap(), script: ScriptedRunner::new() }
    }

    fn spec(&self) -> NodeSpec {
        let mut spec = build::spec(1);
        spec.storage = self.dir.path().join("nodes");
        spec.data = spec.storage.join("antnode0001");
        spec
    }

    /// Expects a call of docker.
    fn on(mut self, words: &[&str], code: i32, stdout: &str, stderr: &str) -> Stage {
        let line = shell_words::join(std::iter::once(&"docker").chain(words));
        self.script = self.script.on(&line, code, stdout, stderr);
        self
    }

    /// Expects a look at `name`.
    fn look(self, name: &str, code: i32, stdout: &str, stderr: &str) -> Stage {
        let words = ["inspect", "--type", "container", "--format", FORMAT, "--", name];
        self.on(&words, code, stdout, stderr)
    }

    /// The container of node 1 with this label for its data.
    fn found(self, status: &str, data: &str) -> Stage {
        let labels = serde_json::json!({ "wnm.data": data, "wnm.definition": "older" });
        // A process that is seen: this very one.
        let pid = std::process::id();
        let line = format!("\"/antnode0001\"\t\"{status}\"\t{pid}\t3\t0\t\"f00d\"\t{labels}\n");
        self.look("antnode0001", 0, &line, "")
    }

    fn play<T>(self, act: impl FnOnce(&Docker, &NodeSpec) -> T) -> T {
        let spec = self.spec();
        let settings = DockerSettings {
            command: "docker".into(),
            image: "wnm-node".into(),
            orders: self.dir.path().join("containers"),
            init: "/proc/self/exe".into(),
            roots: vec![spec.storage.clone()],
        };
        let script = Arc::new(self.script);
        let result = act(&Docker::new(script.clone(), settings), &spec);
        assert_eq!(script.left(), Vec::<String>::new());
        result
    }
}

fn told(error: &HostError) -> String {
    format!("{:?}: {}", error.kind, error.chain())
}

#[test]
fn a_daemon_that_is_down_or_refuses_says_nothing_about_nodes() {
    for (stderr, kind) in [(DOWN, FaultKind::Unavailable), (DENIED, FaultKind::Permission)] {
        let stage = Stage::new().look("antnode0001", 1, "", stderr);
        let error = stage.play(|docker, spec| docker.states(&[spec])).unwrap_err();
        assert_eq!(error.kind, kind);
        let text = error.chain();
        assert!(text.contains("docker inspect") && text.contains("exit code 1"), "{text}");
        assert!(text.contains(stderr), "{text}");
        let stage = Stage::new().on(&["ps", "--all", "--format", "{{.Names}}"], 1, "", stderr);
        assert_eq!(stage.play(|docker, _| docker.discover()).unwrap_err().kind, kind);
    }
}

#[test]
fn absence_is_believed_only_when_nothing_else_is_complained_of() {
    let absent = "Error response from daemon: No such container: antnode0001\n";
    let stage = Stage::new().look("antnode0001", 1, "", absent);
    let found = stage.play(|docker, spec| docker.states(&[spec])).unwrap();
    assert_eq!(found[0].state, UnitState::Missing);
    for stderr in ["", "timed out\n", &format!("{absent}context deadline exceeded\n")] {
        let stage = Stage::new().look("antnode0001", 1, "", stderr);
        let error = stage.play(|docker, spec| docker.states(&[spec])).unwrap_err();
        assert_eq!(
            error.kind,
            if stderr.contains("No such") { FaultKind::NotFound } else { FaultKind::Failed }
        );
    }
    // Nor is one gone of which nothing is said, or nothing but that another one is.
    let other = "Error response from daemon: No such container: antnode0009\n";
    let longer = "Error response from daemon: No such container: antnode00012\n";
    for (code, stderr) in [(0, ""), (1, other), (1, longer)] {
        let stage = Stage::new().look("antnode0001", code, "", stderr);
        let error = stage.play(|docker, spec| docker.states(&[spec])).unwrap_err();
        assert_eq!(error.kind, FaultKind::Garbled, "{stderr}");
    }
}

#[test]
fn a_container_of_somebody_else_is_never_touched() {
    let other = "/srv/others/antnode0001";
    let error = Stage::new().found("running", other).play(|docker, spec| docker.create(spec));
    assert_eq!(
        told(&error.unwrap_err()),
        "Conflict: the container antnode0001 was not made for this node and is left alone: rename or remove it"
    );
    let state = Stage::new().found("running", other).play(|docker, spec| docker.states(&[spec]));
    assert_eq!(state.unwrap()[0].state, UnitState::Missing);
    let start = Stage::new().found("exited", other).play(|docker, spec| docker.start(spec));
    assert_eq!(start.unwrap_err().kind, FaultKind::NotFound);
    for verb in [Docker::stop, Docker::remove] {
        let done = Stage::new().found("running", other).play(verb);
        assert_eq!(done.unwrap(), Change::AlreadySo);
    }
}

#[test]
fn what_runs_is_neither_remade_nor_removed() {
    let stage = Stage::new();
    let data = stage.spec().data.to_string_lossy().into_owned();
    let made = stage.found("running", &data).play(|docker, spec| docker.create(spec));
    assert_eq!(made.unwrap(), Change::AlreadySo, "made differently, but it runs");
    let stage = Stage::new();
    let data = stage.spec().data.to_string_lossy().into_owned();
    let error = stage.found("paused", &data).play(|docker, spec| docker.remove(spec)).unwrap_err();
    assert_eq!(error.kind, FaultKind::Refused);
}

#[test]
fn states_by_every_word_of_the_engine() {
    let table = [
        ("created", UnitState::Stopped),
        ("exited", UnitState::Stopped),
        ("dead", UnitState::Failed),
        ("restarting", UnitState::Activating),
    ];
    for (word, expected) in table {
        let stage = Stage::new();
        let data = stage.spec().data.to_string_lossy().into_owned();
        let found = stage.found(word, &data).play(|docker, spec| docker.states(&[spec])).unwrap();
        assert_eq!((found[0].state, found[0].pid), (expected, None), "{word}");
    }
}

#[test]
fn a_missing_tool_and_a_tool_that_hangs_are_told_apart() {
    for (kind, expected) in
        [(FaultKind::NotFound, "there is no `docker` here"), (FaultKind::Timeout, "docker inspect")]
    {
        let mut stage = Stage::new();
        let words =
            ["docker", "inspect", "--type", "container", "--format", FORMAT, "--", "antnode0001"];
        stage.script = stage.script.failing(&shell_words::join(words), kind);
        let error = stage.play(|docker, spec| docker.states(&[spec])).unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.chain().contains(expected), "{}", error.chain());
    }
}

#[test]
fn names_lead_to_nodes_whoever_made_them() {
    let names = "antnode0007\nantnode12\n7\nwnm-nodes-1\nantnode0\n";
    let stage = Stage::new().on(&["ps", "--all", "--format", "{{.Names}}"], 0, names, "");
    let found = stage.play(|docker, _| docker.discover()).unwrap();
    assert_eq!(found, [build::id(7), build::id(12)].into());
}

#[test]
fn what_speaks_against_containers_is_told_with_what_to_do() {
    let line = |words: &[&str]| shell_words::join([&["docker"], words].concat());
    let ps = &line(&["ps", "--all", "--format", "{{.Names}}"]);
    let info = &line(&["info", "--format", "{{json .SecurityOptions}}"]);
    let image = &line(&["image", "inspect", "--format", "{{.Id}}", "--", "wnm-node"]);
    let ask = |script: ScriptedRunner| {
        let script = Arc::new(script);
        let found = docker_problems(script.clone(), "docker", "wnm-node", Scope::User);
        assert_eq!(script.left(), Vec::<String>::new());
        found
            .iter()
            .map(|(problem, hint)| format!("{problem}\n  {hint}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let well = ScriptedRunner::new().on(ps, 0, "", "").on(info, 0, "[\"name=seccomp\"]", "");
    assert_eq!(ask(well.on(image, 0, "sha256:1\n", "")), "");
    assert!(
        ask(ScriptedRunner::new().on(ps, 1, "", DOWN)).contains("systemctl enable --now docker")
    );
    assert!(ask(ScriptedRunner::new().on(ps, 1, "", DENIED)).contains("usermod -aG docker"));
    let absent = ScriptedRunner::new().failing(ps, FaultKind::NotFound);
    assert!(ask(absent).contains("install docker.io or podman"));
    let odd = ScriptedRunner::new().on(ps, 0, "", "").on(info, 0, "[\"name=rootless\"]", "");
    let odd = ask(odd.on(image, 1, "", "Error: No such image: wnm-node"));
    assert!(
        odd.contains("a network of its own") && odd.contains("wnm docker image --build"),
        "{odd}"
    );
}
