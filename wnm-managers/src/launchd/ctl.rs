//! `launchctl`: every call as data, and what it answers. Written from its manual and from what others
//! have published of its output: it has not run here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

/// It answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a job's own time to end, so that launchd decides, not we.
const STOP_PATIENCE: Duration = Duration::from_secs(super::plist::STOP_SECONDS + 30);

/// Where jobs live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domains {
    /// A user's: the one with a screen while there is a login, and the one without.
    User(u32),
    /// The machine's.
    System,
}

impl Domains {
    /// Their names, the preferred one last: it is always there.
    fn names(&self) -> Vec<String> {
        match self {
            Domains::User(uid) => vec![format!("gui/{uid}"), format!("user/{uid}")],
            Domains::System => vec!["system".to_owned()],
        }
    }

    /// The one in which new jobs are made: it does not end when somebody logs out.
    fn lasting(&self) -> String {
        match self {
            Domains::User(uid) => format!("user/{uid}"),
            Domains::System => "system".to_owned(),
        }
    }
}

/// A job that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) domain: String,
    /// None while launchd waits to start it again.
    pub(super) pid: Option<u32>,
}

/// Asks launchd without rights, and tells it what to do with those it takes.
pub(super) struct Launchctl {
    pub(super) runner: Arc<dyn CommandRunner>,
    pub(super) domains: Domains,
}

impl Launchctl {
    /// Every job that is loaded, by its label.
    pub(super) fn jobs(&self) -> HostResult<BTreeMap<String, Job>> {
        let mut jobs = BTreeMap::new();
        for domain in self.domains.names() {
            let answer = self.runner.run(&call(["print", &domain], PATIENCE))?;
            if !answer.ok() && is_absent(&answer) && domain != self.domains.lasting() {
                continue;
            }
            if !answer.ok() {
                let why = answer.stderr.trim().to_owned();
                let op = format!("ask launchd for the jobs of {domain}");
                return Err(HostError::with(op, FaultKind::Unavailable, why));
            }
            let found = services(&answer.stdout).ok_or_else(|| {
                let op = format!("launchctl print {domain} tells of no services");
                HostError::new(op, FaultKind::Garbled)
            })?;
            let job = |pid| Job { domain: domain.clone(), pid };
            jobs.extend(found.into_iter().map(|(label, pid)| (label, job(pid))));
        }
        Ok(jobs)
    }

    /// Loads and starts a job. One that shall not come back with the machine is marked so afterwards,
    /// which leaves it running.
    pub(super) fn bootstrap(&self, label: &str, list: &Path, autostart: bool) -> HostResult<()> {
        let domain = self.domains.lasting();
        let target = format!("{domain}/{label}");
        self.must(["enable", &target], PATIENCE)?;
        self.must(["bootstrap", &domain, &list.to_string_lossy()], PATIENCE)?;
        if !autostart {
            self.must(["disable", &target], PATIENCE)?;
        }
        Ok(())
    }

    /// From now on it comes back with the machine.
    pub(super) fn enable(&self, label: &str) -> HostResult<()> {
        self.must(["enable", &format!("{}/{label}", self.domains.lasting())], PATIENCE)
    }

    /// Ends a job and forgets it.
    pub(super) fn bootout(&self, label: &str, job: &Job) -> HostResult<()> {
        self.must(["bootout", &format!("{}/{label}", job.domain)], STOP_PATIENCE)
    }

    /// Forgets that it was ever enabled or disabled, as far as launchd can.
    pub(super) fn disable(&self, label: &str) -> HostResult<()> {
        self.must(["disable", &format!("{}/{label}", self.domains.lasting())], PATIENCE)
    }

    fn must<const N: usize>(&self, args: [&str; N], patience: Duration) -> HostResult<()> {
        let line = args.join(" ");
        let call = call(args, patience);
        let answer = self.runner.run(&match self.domains {
            Domains::User(_) => call,
            Domains::System => call.as_root(),
        })?;
        if answer.ok() {
            return Ok(());
        }
        let why = match answer.stderr.trim() {
            "" => format!("it ended with {:?}", answer.code),
            why => why.to_owned(),
        };
        Err(HostError::with(format!("run launchctl {line}"), FaultKind::Failed, why))
    }
}

fn call<const N: usize>(args: [&str; N], patience: Duration) -> Invocation {
    Invocation::new("/bin/launchctl", args, patience)
}

/// Nobody is logged in at the screen.
fn is_absent(answer: &Completed) -> bool {
    let said = format!("{}{}", answer.stdout, answer.stderr);
    ["Could not find domain", "Domain does not support specified action", "Bad request"]
        .iter()
        .any(|words| said.contains(words))
}

/// The services of a domain with their processes; `None` when the text tells of none at all.
pub(super) fn services(text: &str) -> Option<Vec<(String, Option<u32>)>> {
    let mut lines = text.lines().skip_while(|line| line.trim() != "services = {");
    lines.next()?;
    let mut found = Vec::new();
    for line in lines {
        if line.trim() == "}" {
            return Some(found);
        }
        let mut words = line.split_whitespace();
        // Process, last exit, label.
        let (pid, label) = (words.next()?, words.nth(1)?);
        let pid: u32 = if pid == "-" { 0 } else { pid.parse().ok()? };
        found.push((label.to_owned(), (pid > 0).then_some(pid)));
    }
    // The end is missing, so there may be more.
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use wnm_core::fakes::ScriptedRunner;

    const USER: &str = include_str!("../../fixtures/launchd/print-user.txt");

    #[test]
    fn jobs_and_their_processes() {
        let found = services(USER).expect("there are services");
        let of = |name: &str| found.iter().find(|(label, _)| label == name).map(|(_, pid)| *pid);
        assert_eq!(of("com.autonomi.wnm.antnode0001"), Some(Some(4711)));
        assert_eq!(of("com.autonomi.wnm.antnode0002"), Some(None), "it waits to be started");
        assert_eq!(of("com.autonomi.wnm.antnode0003"), None);
        assert_eq!(found.len(), 4);
        assert_eq!(services("user/501 = {\n\ttype = user\n}\n"), None);
        let cut = &USER[..USER.find("antnode0002").expect("it is there")];
        assert_eq!(services(cut), None, "half an answer says nothing of what is missing");
    }

    fn ctl(runner: ScriptedRunner) -> Launchctl {
        Launchctl { runner: Arc::new(runner), domains: Domains::User(501) }
    }

    #[test]
    fn a_screen_that_nobody_uses_is_no_failure() {
        let absent = "Could not find domain for user gui: 501\n";
        let ctl = ctl(ScriptedRunner::new()
            .on("/bin/launchctl print gui/501", 113, "", absent)
            .on("/bin/launchctl print user/501", 0, USER, ""));
        let jobs = ctl.jobs().expect("it answers");
        assert_eq!(jobs["com.autonomi.wnm.antnode0001"].domain, "user/501");
    }

    #[test]
    fn silence_is_not_absence() {
        let ctl = ctl(ScriptedRunner::new()
            .on("/bin/launchctl print gui/501", 113, "", "Could not find domain for gui\n")
            .on("/bin/launchctl print user/501", 113, "", "Could not find domain for user\n"));
        assert_eq!(ctl.jobs().expect_err("nobody answers").kind, FaultKind::Unavailable);
    }

    #[test]
    fn every_call() {
        let runner = Arc::new(
            ScriptedRunner::new()
                .on("(root) /bin/launchctl enable system/l", 0, "", "")
                .on("(root) /bin/launchctl bootstrap system '/L D/l.plist'", 0, "", "")
                .on("(root) /bin/launchctl disable system/l", 0, "", "")
                .on("(root) /bin/launchctl bootout system/l", 5, "", "Boot-out failed: 5\n"),
        );
        let ctl = Launchctl { runner: runner.clone(), domains: Domains::System };
        ctl.bootstrap("l", Path::new("/L D/l.plist"), false).expect("all succeed");
        let job = Job { domain: "system".to_owned(), pid: None };
        let error = ctl.bootout("l", &job).expect_err("it failed").chain();
        assert_eq!(error, "failed to run launchctl bootout system/l: Boot-out failed: 5");
        assert!(runner.left().is_empty());
    }
}
