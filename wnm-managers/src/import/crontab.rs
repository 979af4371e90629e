//! Lines of our own crontab that ran the former manager.
#![expect(clippy::disallowed_methods, reason = "the shell module that keeps a copy of the crontab")]

use std::fs;
use std::time::Duration;

use wnm_core::host::{HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

use super::{Mover, Moving};
use crate::files::write_durably;

const PATIENCE: Duration = Duration::from_secs(60);
/// The copy, beside the manifest.
pub(super) const COPY: &str = "crontab";

impl Mover {
    pub(super) fn crontab(&self) -> HostResult<String> {
        let answer = self.runner.run(&Invocation::new("crontab", ["-l"], PATIENCE))?;
        match answer.ok() {
            true => Ok(answer.stdout),
            false if answer.stderr.contains("no crontab") => Ok(String::new()),
            false => {
                Err(HostError::with("read the crontab", FaultKind::Failed, answer.stderr.trim()))
            }
        }
    }
}

impl Moving {
    pub(super) fn without_line(&self, line: &str) -> HostResult<()> {
        let text = self.mover.crontab()?;
        let left = without(&text, line);
        if left == text { Ok(()) } else { self.set_crontab(&left) }
    }

    pub(super) fn put_back_crontab(&self) -> HostResult<()> {
        let copy = self.journal.directory.join(COPY);
        let Ok(text) = fs::read_to_string(&copy) else { return Ok(()) };
        if self.mover.crontab()? == text { Ok(()) } else { self.set_crontab(&text) }
    }

    fn set_crontab(&self, text: &str) -> HostResult<()> {
        let file = self.journal.directory.join("crontab.new");
        write_durably(&file, text.as_bytes(), 0o600)?;
        let call = Invocation::new("crontab", [file.to_string_lossy()], PATIENCE);
        let answer = self.mover.runner.run(&call)?;
        match answer.ok() {
            true => Ok(()),
            false => {
                Err(HostError::with("write the crontab", FaultKind::Failed, answer.stderr.trim()))
            }
        }
    }
}

/// A crontab without a line, with whatever blanks around it: those mean nothing to cron.
fn without(text: &str, line: &str) -> String {
    text.split_inclusive('\n').filter(|it| it.trim() != line.trim()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_with_its_blanks_and_all_others_stay() {
        let text = "# mine\n \t* * * * * /v/wnm >> /l 2>&1 \n0 3 * * * true\n* * * * * /v/wnm\n";
        let left = without(text, "* * * * * /v/wnm >> /l 2>&1");
        assert_eq!(left, "# mine\n0 3 * * * true\n* * * * * /v/wnm\n");
        assert_eq!(without("a\n  b", "b"), "a\n");
        assert_eq!(without(text, "0 4 * * * true"), text);
    }
}
