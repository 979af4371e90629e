//! What the tool tells of a container.

use std::collections::BTreeMap;

use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

/// One line a container. docker and podman have these fields in common.
pub(super) const FORMAT: &str = "{{json .Name}}\t{{json .State.Status}}\t{{.State.Pid}}\t\
                                 {{.State.ExitCode}}\t{{.RestartCount}}\t{{json .Id}}\t\
                                 {{json .Config.Labels}}";

/// A container, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) status: Status,
    /// Of its first process, by the numbers of the machine; 0 while it does not run.
    pub(super) pid: u32,
    pub(super) exit_code: i32,
    /// By the engine itself, since it was last started by somebody.
    pub(super) restarts: u32,
    /// What the engine calls it, for ever and for it alone.
    pub(super) id: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    Paused,
    /// The engine waits to start it again.
    Restarting,
    /// It does not run, or has never run.
    Resting,
    /// The engine cannot get rid of it.
    Dead,
}

impl Found {
    /// True while processes of it may live, or the engine will start some.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.status, Status::Running | Status::Paused | Status::Restarting)
    }

    pub(super) fn has_label(&self, key: &str, value: &str) -> bool {
        self.labels.get(key).is_some_and(|found| found == value)
    }
}

/// Lines of [`FORMAT`]. A line that makes no sense is an answer from which nothing is concluded.
pub(super) fn parse(text: &str) -> HostResult<Vec<Found>> {
    // podman prints an empty list for those that are not there.
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "[]");
    lines
        .map(|line| {
            let garbled =
                || HostError::new(format!("a container is told as `{line}`"), FaultKind::Garbled);
            parse_line(line).ok_or_else(garbled)
        })
        .collect()
}

fn parse_line(line: &str) -> Option<Found> {
    let mut fields = line.splitn(7, '\t');
    let mut next = || fields.next();
    let name: String = serde_json::from_str(next()?).ok()?;
    let status: String = serde_json::from_str(next()?).ok()?;
    Some(Found {
        name: name.trim_start_matches('/').to_owned(),
        status: status_of(&status)?,
        pid: next()?.parse().ok()?,
        exit_code: next()?.parse().ok()?,
        restarts: next()?.parse().ok()?,
        id: serde_json::from_str(next()?).ok()?,
        labels: serde_json::from_str::<Option<_>>(next()?).ok()?.unwrap_or_default(),
    })
}

/// The words of docker, then those that only podman has.
pub(super) fn status_of(word: &str) -> Option<Status> {
    Some(match word {
        "running" => Status::Running,
        "paused" => Status::Paused,
        "restarting" => Status::Restarting,
        "created" | "exited" | "removing" => Status::Resting,
        "dead" => Status::Dead,
        "stopping" => Status::Running,
        "configured" | "initialized" | "stopped" => Status::Resting,
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn containers_of_docker_and_podman() {
        let text = "\"/antnode0001\"\t\"running\"\t4711\t0\t2\t\"f00d\"\t{\"wnm.data\":\"/srv/a,b/n 1\"}\n\
                    \"antnode0002\"\t\"stopped\"\t0\t137\t0\t\"beef\"\tnull\n[]\n\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].status), ("antnode0001", Status::Running));
        assert_eq!((found[0].pid, found[0].restarts, &*found[0].id), (4711, 2, "f00d"));
        assert!(found[0].has_label("wnm.data", "/srv/a,b/n 1") && found[0].is_live());
        assert_eq!((found[1].status, found[1].exit_code), (Status::Resting, 137));
        assert!(!found[1].has_label("wnm.data", ""));
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for line in [
            "Usage: docker inspect",
            "\"a\"\t\"sleeping\"\t0\t0\t0\t\"f\"\tnull",
            "\"a\"\t\"running\"\t<no value>\t0\t0\t\"f\"\tnull",
            "\"a\"\t\"running\"\t1\t0\t0\t\"f\"",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind, FaultKind::Garbled, "{line}");
            assert!(error.to_string().contains(line));
        }
    }
}
