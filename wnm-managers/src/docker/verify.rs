//! Whether containers can be kept here at all: asked before anything is written.

use std::sync::Arc;

use wnm_core::host::{CommandRunner, HostResult, Privilege};
use wnm_core::model::Scope;
use wnm_core::observe::FaultKind;

use super::engine::{Engine, PATIENCE, failure};

/// Everything that speaks against keeping nodes in containers, each with what to do about it.
pub fn docker_problems(
    runner: Arc<dyn CommandRunner>,
    command: &str,
    image: &str,
    scope: Scope,
) -> Vec<(String, String)> {
    let privilege = match scope {
        Scope::User => Privilege::Own,
        Scope::System => Privilege::Root,
    };
    let engine = Engine::new(runner, command.to_owned(), privilege);
    if let Err(error) = answers(&engine) {
        let hint = match error.kind {
            FaultKind::NotFound => {
                "install docker.io or podman, name the tool by its path with --docker-command, or \
                 choose another --manager"
                    .to_owned()
            }
            FaultKind::Permission => {
                "the daemon obeys members of its group, who have root's power over this machine: \
                 `sudo usermod -aG docker $USER` and a new login, or --manager docker+sudo"
                    .to_owned()
            }
            FaultKind::Unavailable => {
                "start it: `systemctl enable --now docker`, with sudo unless you are root"
                    .to_owned()
            }
            _ => format!("`{command} ps` should work without a question"),
        };
        return vec![(error.chain(), hint)];
    }
    [rootless(&engine, command), missing(&engine, command, image)].into_iter().flatten().collect()
}

/// The same for containers with an antctl of their own, which must be in the image.
pub fn docker_antctl_problems(
    runner: Arc<dyn CommandRunner>,
    command: &str,
    image: &str,
    scope: Scope,
) -> Vec<(String, String)> {
    let problems = docker_problems(Arc::clone(&runner), command, image, scope);
    if scope == Scope::User && nix::unistd::geteuid().is_root() {
        // They would have all that the container's systemd has.
        let problem = "nodes of root's own would run as root in a container that may mount things";
        return vec![(problem.to_owned(), "choose --manager docker-antctl+sudo".to_owned())];
    }
    let hint = "`wnm docker image --antctl --build` makes an image with systemd and antctl in it";
    if !problems.is_empty() {
        // The small image would not do.
        let told = |other: String| match other.contains("docker image") {
            true => hint.to_owned(),
            false => other,
        };
        return problems.into_iter().map(|(problem, other)| (problem, told(other))).collect();
    }
    let privilege = match scope {
        Scope::User => Privilege::Own,
        Scope::System => Privilege::Root,
    };
    let engine = Engine::new(runner, command.to_owned(), privilege);
    if says_of_security(&engine, "userns") {
        let problem =
            format!("`{command}` gives the users of containers other numbers (userns-remap)");
        return vec![(problem, "what antctl gives to nodes would belong to nobody".to_owned())];
    }
    let program = "/usr/local/bin/antctl";
    let args = ["run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", program];
    let args = args.into_iter().chain([image, "--version"]).map(str::to_owned).collect();
    let asked = engine.call(args, PATIENCE).and_then(|answer| {
        crate::antctl::known_version(&format!("{program} of the image {image}"), &answer)
    });
    asked.err().map(|error| (error.chain(), hint.to_owned())).into_iter().collect()
}

fn answers(engine: &Engine) -> HostResult<()> {
    engine.names().map(drop)
}

/// Its containers have a network of their own, whatever they are told, so that nodes could neither
/// be reached nor seen. podman without root has not, and does not know the question.
fn rootless(engine: &Engine, command: &str) -> Option<(String, String)> {
    says_of_security(engine, "rootless").then(|| {
        let problem = format!("`{command}` runs without root and with a network of its own");
        (problem, "use podman with docker_command, or a Docker that runs as root".to_owned())
    })
}

fn says_of_security(engine: &Engine, what: &str) -> bool {
    let args = ["info", "--format", "{{json .SecurityOptions}}"].map(str::to_owned).to_vec();
    let answer = engine.call(args, PATIENCE);
    answer.is_ok_and(|answer| answer.ok() && answer.stdout.contains(what))
}

fn missing(engine: &Engine, command: &str, image: &str) -> Option<(String, String)> {
    let args = ["image", "inspect", "--format", "{{.Id}}", "--", image].map(str::to_owned).to_vec();
    let line = format!("{command} image inspect {image}");
    match engine.call(args, PATIENCE) {
        Ok(answer) if answer.ok() => None,
        Ok(answer) if failure(&line, &answer).kind == FaultKind::NotFound => Some((
            format!("there is no image `{image}`"),
            format!(
                "`wnm docker image --build` makes a small one from this machine's libraries; \
                 another one: `{command} pull NAME` and --docker-image NAME"
            ),
        )),
        Ok(answer) => Some((failure(&line, &answer).chain(), format!("try `{line}`"))),
        Err(error) => Some((error.chain(), format!("try `{line}`"))),
    }
}
