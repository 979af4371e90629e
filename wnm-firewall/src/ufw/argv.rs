//! What ufw is asked: pure.

use std::time::Duration;

use wnm_core::host::Invocation;
use wnm_core::model::PortRule;

/// By this comment our rules are known.
pub(super) const COMMENT: &str = "wnm";

/// cron's PATH has no directory for administrators' programs, where ufw and what it calls live.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// ufw waits without limit for another ufw to end.
const ASKING: Duration = Duration::from_secs(20);
/// A change that is cut off may have written its files and not told the kernel.
const CHANGING: Duration = Duration::from_secs(60);

/// Whether ufw is active.
pub(super) fn status() -> Invocation {
    ufw(&["status"], ASKING)
}

/// All rules that people and programs added, as commands; also while ufw is inactive.
pub(super) fn show_added() -> Invocation {
    ufw(&["show", "added"], ASKING)
}

/// Opens. Takes over a rule for the same port that is there already: look first.
pub(super) fn allow(rule: PortRule) -> Invocation {
    ufw(&["allow", &rule.to_string(), "comment", COMMENT], CHANGING)
}

/// Closes. With a comment ufw deletes only a rule that has the very same one; without it would
/// delete anybody's.
pub(super) fn delete(rule: PortRule) -> Invocation {
    ufw(&["delete", "allow", &rule.to_string(), "comment", COMMENT], CHANGING)
}

fn ufw(args: &[&str], timeout: Duration) -> Invocation {
    let mut call = Invocation::new("ufw", args.iter().copied(), timeout).as_root();
    call.env.push(("PATH".to_owned(), PATH.to_owned()));
    call
}
