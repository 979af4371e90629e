//! Programs in a container.

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

use super::super::engine::{Engine, failure};
use super::argv;

/// Runs what it is told inside of one container, as root there. Whoever gives up on an answer leaves
/// the program running in the container: what changes anything looks for that first.
pub(super) struct Inside {
    pub(super) engine: Engine,
    /// What it is called, for people.
    pub(super) name: String,
    /// What the engine calls it for ever; `None` while it does not run.
    pub(super) id: Option<String>,
}

impl CommandRunner for Inside {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        let Some(id) = &self.id else {
            let op = format!("container {} does not run", self.name);
            return Err(HostError::new(op, FaultKind::Unavailable));
        };
        let args = argv::exec(id, &call.env, &call.program, &call.args);
        let answer = self.engine.call(args, call.timeout)?;
        match refusal(&answer) {
            None => Ok(answer),
            Some(kind) => {
                let line = format!("{} exec {} {}", self.engine.command(), self.name, call.line());
                Err(HostError { kind, ..failure(&line, &answer) })
            }
        }
    }
}

/// What the engine itself says when it could not run the program.
fn refusal(answer: &Completed) -> Option<FaultKind> {
    let says = |what: &str| answer.stderr.contains(what);
    match () {
        () if answer.ok() => None,
        () if says("OCI runtime exec failed") && (says("not found") || says("no such file")) => {
            Some(FaultKind::NotFound)
        }
        () if says("OCI runtime exec failed")
            || says("Error response from daemon")
            || says("Cannot connect to the Docker daemon") =>
        {
            Some(FaultKind::Unavailable)
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_is_no_word_of_the_program() {
        let of = |code, stderr: &str| {
            refusal(&Completed {
                code: Some(code),
                stdout: String::new(),
                stderr: stderr.to_owned(),
            })
        };
        let gone = "OCI runtime exec failed: exec failed: container_linux.go:380: starting container \
                    process caused: exec: \"antctl\": executable file not found in $PATH: unknown";
        assert_eq!(of(126, gone), Some(FaultKind::NotFound));
        let paused =
            "Error response from daemon: Container x is paused, unpause the container before exec";
        assert_eq!(of(1, paused), Some(FaultKind::Unavailable));
        assert_eq!(of(1, "Error: \n 0: Port 1 is being used by another service"), None);
        assert_eq!(of(0, paused), None);
    }
}
