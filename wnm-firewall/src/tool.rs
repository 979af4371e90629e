//! Calls of the tools of firewalls, and what their failures mean.

use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

/// cron's PATH has no directory for administrators' programs, where these and what they call live.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A question; these tools wait for each other.
pub(crate) const ASKING: Duration = Duration::from_secs(20);
/// A change that is cut off may have written its files and not told the kernel.
pub(crate) const CHANGING: Duration = Duration::from_secs(60);

/// One tool, called with root's rights.
pub(crate) fn call(program: &str, args: &[&str], timeout: Duration) -> Invocation {
    let mut call = Invocation::new(program, args.iter().copied(), timeout).as_root();
    call.env.push(("PATH".to_owned(), PATH.to_owned()));
    call
}

/// Runs it; through sudo a missing program is a refusal of sudo.
pub(crate) fn run(runner: &Arc<dyn CommandRunner>, call: &Invocation) -> HostResult<Completed> {
    runner.run(call).map_err(|error| match error.chain() {
        chain if chain.contains(&format!("{}: command not found", call.program)) => {
            HostError::with(format!("run `{}`", call.line()), FaultKind::NotFound, chain)
        }
        _ => error,
    })
}

/// A call that failed.
pub(crate) fn failed(call: &Invocation, answer: &Completed, kind: FaultKind) -> HostError {
    let complaint = format!("{}{}", answer.stdout, answer.stderr);
    let why = match (complaint.trim(), answer.code) {
        ("", Some(code)) => format!("exit code {code}"),
        ("", None) => "ended by a signal".to_owned(),
        (why, _) => why.to_owned(),
    };
    HostError::with(format!("run `{}`", call.line()), kind, why)
}

/// An answer from which nothing can be concluded.
pub(crate) fn garbled(call: &Invocation) -> HostError {
    let why = "its answer makes no sense";
    HostError::with(format!("run `{}`", call.line()), FaultKind::Garbled, why)
}
