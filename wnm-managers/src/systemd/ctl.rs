//! systemctl, a user's own or the machine's.

use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

use super::user_environment;

/// Whose systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A user's own, listening in this directory.
    User { runtime_dir: String },
    /// The machine's.
    System,
}

/// Asks systemd without rights, and tells it what to do with those it takes.
#[derive(Clone)]
pub(crate) struct Systemctl {
    runner: Arc<dyn CommandRunner>,
    whose: Whose,
}

impl Systemctl {
    pub(crate) fn new(runner: Arc<dyn CommandRunner>, whose: Whose) -> Systemctl {
        Systemctl { runner, whose }
    }

    fn invocation(&self, args: Vec<String>, patience: Duration) -> Invocation {
        let mut call = match &self.whose {
            Whose::User { runtime_dir } => {
                let args = std::iter::once("--user".to_owned()).chain(args);
                let mut call = Invocation::new("systemctl", args, patience);
                call.env = user_environment(runtime_dir);
                call
            }
            Whose::System => Invocation::new("/usr/bin/systemctl", args, patience),
        };
        // Times are told in the time zone of who asks.
        call.env.push(("TZ".to_owned(), "UTC".to_owned()));
        call
    }

    fn call(&self, call: &Invocation) -> HostResult<Completed> {
        let answer = self.runner.run(call)?;
        let silent = ["Failed to connect to bus", "System has not been booted with systemd"];
        if silent.iter().any(|complaint| answer.stderr.contains(complaint)) {
            let whose = match self.whose {
                Whose::User { .. } => "the user's systemd",
                Whose::System => "systemd",
            };
            let op = format!("{whose} does not answer: {}", answer.stderr.trim());
            return Err(HostError::new(op, FaultKind::Unavailable));
        }
        Ok(answer)
    }

    /// A question, which changes nothing.
    pub(crate) fn ask(&self, args: Vec<String>, patience: Duration) -> HostResult<Completed> {
        self.call(&self.invocation(args, patience))
    }

    /// A call that must succeed.
    pub(crate) fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<()> {
        let line = args.join(" ");
        let call = self.invocation(args, patience);
        let answer = self.call(&match self.whose {
            Whose::User { .. } => call,
            Whose::System => call.as_root(),
        })?;
        if answer.ok() {
            return Ok(());
        }
        let why = answer.stderr.trim().to_owned();
        Err(HostError::with(format!("systemctl {line}"), FaultKind::Failed, why))
    }
}
