//! The tool that keeps containers: docker, or podman by name.

use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation, Privilege};
use wnm_core::observe::FaultKind;

use super::argv;
use super::found::{self, Found, Status};
use crate::process;

/// Docker answers in 20 to 100 ms, and in a second about hundreds of containers.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Calls one tool, with the rights that its daemon asks for.
#[derive(Clone)]
pub(super) struct Engine {
    runner: Arc<dyn CommandRunner>,
    command: String,
    privilege: Privilege,
}

impl Engine {
    pub(super) fn new(
        runner: Arc<dyn CommandRunner>,
        command: String,
        privilege: Privilege,
    ) -> Engine {
        Engine { runner, command, privilege }
    }

    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// Whatever it answers.
    pub(super) fn call(&self, args: Vec<String>, patience: Duration) -> HostResult<Completed> {
        self.runner.run(&self.invocation(args, patience)).map_err(|error| match error.kind {
            FaultKind::NotFound => {
                let op = format!(
                    "there is no `{}` here: install Docker, or name another tool with \
                     docker_command",
                    self.command
                );
                HostError { op, ..error }
            }
            _ => error,
        })
    }

    /// Its answer, when it succeeded.
    pub(super) fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<String> {
        let line = self.invocation(args.clone(), patience).line();
        let answer = self.call(args, patience)?;
        match answer.ok() {
            true => Ok(answer.stdout),
            false => Err(failure(&line, &answer)),
        }
    }

    /// Those of these containers that there are, from one call. One of which nothing is said is not
    /// gone: nothing is known then.
    pub(super) fn inspect<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> HostResult<Vec<Found>> {
        let names: Vec<&str> = names.collect();
        let answer = self.told(found::FORMAT, names.iter().copied())?;
        let found = found::parse(&answer.stdout)?;
        let is_told = |name: &str| found.iter().any(|it| it.name == name || it.id == name);
        let is_missed = |name: &str| words(&answer.stderr).any(|word| word == name);
        match names.iter().find(|name| !is_told(name) && !is_missed(name)) {
            None => Ok(found),
            Some(name) => {
                let op = format!("`{} inspect` says nothing of container {name}", self.command);
                Err(HostError::new(op, FaultKind::Garbled))
            }
        }
    }

    /// All that it says of these containers: a line of JSON each.
    pub(super) fn tell<'a>(&self, names: impl Iterator<Item = &'a str>) -> HostResult<String> {
        self.told("{{json .}}", names).map(|answer| answer.stdout)
    }

    fn told<'a>(
        &self,
        format: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> HostResult<Completed> {
        let mut args = ["inspect", "--type", "container", "--format", format, "--"]
            .map(str::to_owned)
            .to_vec();
        let fixed = args.len();
        args.extend(names.map(str::to_owned));
        if args.len() == fixed {
            return Ok(Completed { code: Some(0), stdout: String::new(), stderr: String::new() });
        }
        let line = self.invocation(args.clone(), PATIENCE).line();
        let answer = self.call(args, PATIENCE)?;
        // It complains of each that is not there, and tells of the others all the same.
        let is_absence = |line: &str| line.to_lowercase().contains("no such container");
        let complaints = answer.stderr.lines().filter(|line| !line.trim().is_empty());
        if !answer.ok()
            && (complaints.clone().next().is_none() || !complaints.clone().all(is_absence))
        {
            return Err(failure(&line, &answer));
        }
        Ok(answer)
    }

    /// The container of this name, whoever made it.
    pub(super) fn look(&self, name: &str) -> HostResult<Option<Found>> {
        let found = self.inspect(std::iter::once(name))?;
        Ok(found.into_iter().find(|found| found.name == name))
    }

    /// Deletes a container. That it says so is not enough: nobody would look for what stays.
    pub(super) fn remove(&self, name: &str) -> HostResult<()> {
        self.must(argv::remove(name), PATIENCE)?;
        match self.look(name)? {
            None => Ok(()),
            Some(_) => {
                let op = format!(
                    "`{} rm` says that container {name} is gone, and it is there",
                    self.command
                );
                Err(HostError::new(op, FaultKind::Failed))
            }
        }
    }

    /// The names of all containers, whoever made them.
    pub(super) fn names(&self) -> HostResult<Vec<String>> {
        let args = ["ps", "--all", "--format", "{{.Names}}"].map(str::to_owned).to_vec();
        Ok(self.must(args, PATIENCE)?.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// What it calls all containers, for ever.
    pub(super) fn ids(&self) -> HostResult<Vec<String>> {
        let args = ["ps", "--all", "--quiet", "--no-trunc"].map(str::to_owned).to_vec();
        Ok(self.must(args, PATIENCE)?.lines().map(|line| line.trim().to_owned()).collect())
    }

    pub(super) fn is_podman(&self) -> HostResult<bool> {
        let answer = self.must(vec!["--version".to_owned()], PATIENCE)?;
        Ok(answer.to_lowercase().contains("podman"))
    }

    /// An error unless we can see the processes of a container that runs: without them nothing is
    /// known of its nodes, and unknown is not stopped.
    pub(super) fn refuse_unseen(&self, found: &Found) -> HostResult<()> {
        if !found.is_live()
            || found.status == Status::Restarting
            || process::alive(found.pid).is_some()
        {
            return Ok(());
        }
        // It may have ended between the two looks.
        match self.look(&found.name)? {
            Some(again)
                if again.status == Status::Running
                    && again.pid == found.pid
                    && process::alive(again.pid).is_none() =>
            {
                let op = format!(
                    "container {} runs as process {}, which is not seen on this machine",
                    found.name, found.pid
                );
                Err(HostError::new(op, FaultKind::Unavailable))
            }
            _ => Ok(()),
        }
    }

    fn invocation(&self, args: Vec<String>, patience: Duration) -> Invocation {
        let call = Invocation::new(self.command.as_str(), args, patience);
        match self.privilege {
            Privilege::Own => call,
            Privilege::Root => call.as_root(),
        }
    }
}

/// A call that ended badly, with all that the tool said of it.
pub(super) fn failure(line: &str, answer: &Completed) -> HostError {
    let stderr = answer.stderr.trim();
    let says = |what: &str| stderr.to_lowercase().contains(what);
    let kind = match () {
        () if says("permission denied while trying to connect")
            || says("dial unix") && says("permission denied") =>
        {
            FaultKind::Permission
        }
        () if says("cannot connect to the docker daemon")
            || says("is the docker daemon running")
            || says("cannot connect to podman")
            || says("connection refused") =>
        {
            FaultKind::Unavailable
        }
        () if says("already in use") => FaultKind::Conflict,
        () if says("no such")
            // What sudo says of a tool that is not there.
            || says("command not found")
            || says("not known")
            || says("does not exist")
            || says("no container with") =>
        {
            FaultKind::NotFound
        }
        () if says("no space left") => FaultKind::Full,
        () => FaultKind::Failed,
    };
    let exit = match answer.code {
        Some(code) => format!("exit code {code}"),
        None => "ended by a signal".to_owned(),
    };
    let why = if stderr.is_empty() { exit } else { format!("{exit}: {stderr}") };
    HostError::with(format!("run `{line}`"), kind, why)
}

/// What may be the name of a container, each as a whole: `wnm-nodes-10` says nothing of `wnm-nodes-1`.
fn words(complaint: &str) -> impl Iterator<Item = &str> {
    let is_other = |letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter);
    complaint.split(is_other).map(|word| word.trim_matches('.'))
}
