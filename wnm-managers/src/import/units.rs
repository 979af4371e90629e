//! Units that somebody else wrote, in the directory where wnm would write its own.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads foreign units")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::import::{Broken, Findings, Found, Left, Origin};
use wnm_core::model::{Manager, ManagerKind, Scope, Want};
use wnm_core::observe::{FaultKind, UnitState};

use super::unit_file::{self, NodeUnit, Unusable};
use crate::systemd::{
    Shown, Systemctl, Whose, parse_shown, show_args, unit_is_ours, unit_is_released,
};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// Larger ones are none of a node.
const MOST: u64 = 64 << 10;

/// Where to look, and whom to ask.
#[derive(Clone)]
pub struct Units {
    ctl: Systemctl,
    scope: Scope,
    directory: PathBuf,
    /// Units that belong to antctl by its own registry, or why that is not known.
    of_antctl: Result<BTreeSet<String>, String>,
}

impl std::fmt::Debug for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Units").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Units {
    /// A user's own, whose systemd listens in `runtime_dir`.
    pub fn of_user(
        runner: std::sync::Arc<dyn wnm_core::host::CommandRunner>,
        directory: PathBuf,
        runtime_dir: String,
    ) -> Units {
        let ctl = Systemctl::new(runner, Whose::User { runtime_dir });
        Units { ctl, scope: Scope::User, directory, of_antctl: Ok(BTreeSet::new()) }
    }

    /// The machine's.
    pub fn of_system(
        runner: std::sync::Arc<dyn wnm_core::host::CommandRunner>,
        directory: PathBuf,
    ) -> Units {
        let ctl = Systemctl::new(runner, Whose::System);
        Units { ctl, scope: Scope::System, directory, of_antctl: Ok(BTreeSet::new()) }
    }

    /// The same, leaving those alone that antctl's registry names.
    #[must_use]
    pub fn beside_antctl(mut self, registry: &Path) -> Units {
        let names = match fs::read_to_string(registry) {
            Ok(text) => registered(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(error.to_string()),
        };
        self.of_antctl = names.map_err(|why| {
            format!("{} does not tell what antctl keeps: {why}", registry.display())
        });
        self
    }

    /// Every unit whose text mentions a node program; nothing is changed. `only` are the names that
    /// are wanted, without ending.
    pub fn read(&self, origin: Origin, only: &dyn Fn(&str) -> bool) -> HostResult<Findings> {
        // Which of them are antctl's must be known, or two managers would have them.
        let of_antctl = self.of_antctl.as_ref();
        of_antctl.map_err(|why| HostError::new(why, FaultKind::Garbled))?;
        let mut findings = Findings::default();
        for file in self.files()? {
            let Some(name) = file.file_stem().and_then(|name| name.to_str()) else { continue };
            if only(name) {
                self.one(&file, name, origin, &mut findings);
            }
        }
        self.ask(&mut findings)?;
        Ok(findings)
    }

    fn files(&self) -> HostResult<Vec<PathBuf>> {
        let failed = |error| HostError::io(format!("list {}", self.directory.display()), error);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|kind| kind == "service") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn one(&self, file: &Path, name: &str, origin: Origin, findings: &mut Findings) {
        let place = file.display().to_string();
        let left = |why: String| Left::new(name, &place, why);
        let text = match text_of(file) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(why) => return findings.left.push(left(why)),
        };
        if let Some(why) = self.not_for_us(file, name) {
            return findings.left.push(left(why));
        }
        match unit_file::read(&text) {
            Ok(unit) => findings.nodes.push(self.found(file, name, origin, unit, &text)),
            Err(Unusable::Left(why)) => findings.left.push(left(why)),
            Err(Unusable::Broken(line, why)) => findings.broken.push(Broken {
                name: Some(name.to_owned()),
                what: format!(
                    "{place}:{line}: {why}; mend it, or leave the unit out by --except {name}"
                ),
            }),
        }
    }

    fn not_for_us(&self, file: &Path, name: &str) -> Option<String> {
        if fs::symlink_metadata(file).is_ok_and(|found| found.is_symlink()) {
            return Some("it is a link to a file elsewhere".to_owned());
        }
        if name.contains('@') {
            return Some("it is a template, or one of its instances".to_owned());
        }
        if self.of_antctl.as_ref().is_ok_and(|names| names.contains(name)) {
            return Some("antctl keeps it: --from-antctl takes it over".to_owned());
        }
        let beside = file.with_extension("service.d");
        fs::symlink_metadata(&beside)
            .is_ok()
            .then(|| format!("files in {} change it", beside.display()))
    }

    fn found(&self, file: &Path, name: &str, origin: Origin, unit: NodeUnit, text: &str) -> Found {
        let manager = Manager { kind: ManagerKind::Systemd, scope: self.scope };
        let NodeUnit { told, user, dropped } = unit;
        let mut found = Found::told(origin, name, &file.display().to_string(), told, manager);
        found.service = Some(name.to_owned());
        // A unit of the machine without a user runs as root.
        found.user = match self.scope {
            Scope::User => user,
            Scope::System => Some(user.unwrap_or_else(|| "root".to_owned())),
        };
        found.replaces = vec![file.to_owned()];
        if !dropped.is_empty() && !unit_is_ours(text) && !unit_is_released(text) {
            found.notes.push(format!("wnm's unit is without its {}", dropped.join(", ")));
        }
        found
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Which of them run, and which come back after a reboot.
    pub(super) fn ask(&self, findings: &mut Findings) -> HostResult<()> {
        if findings.nodes.is_empty() {
            return Ok(());
        }
        let names: Vec<String> =
            findings.nodes.iter().map(|found| format!("{}.service", found.name)).collect();
        let answer = self.ctl.ask(show_args(names.iter().cloned()), PATIENCE)?;
        let mut shown = parse_shown(&answer.stdout)?;
        let enabled = self.enabled(&names)?;
        let nodes = std::mem::take(&mut findings.nodes);
        for (mut found, name) in nodes.into_iter().zip(&names) {
            let missing =
                || HostError::new(format!("systemctl left out {name}"), FaultKind::Garbled);
            let shown = shown.remove(name).ok_or_else(missing)?;
            found.autostart = enabled.contains(name);
            match reason_in(&shown) {
                Some(why) => findings.left.push(Left::new(&found.name, &found.place, why)),
                None => {
                    settle(&mut found, &shown);
                    findings.nodes.push(found);
                }
            }
        }
        Ok(())
    }

    fn enabled(&self, names: &[String]) -> HostResult<BTreeSet<String>> {
        let args = ["is-enabled".to_owned(), "--".to_owned()].into_iter().chain(names.to_vec());
        let answer = self.ctl.ask(args.collect(), PATIENCE)?;
        let lines: Vec<&str> = answer.stdout.lines().collect();
        if lines.len() != names.len() {
            let op = format!("systemctl is-enabled: {}", answer.stderr.trim());
            return Err(HostError::new(op, FaultKind::Garbled));
        }
        let on = names.iter().zip(lines).filter(|(_, line)| *line == "enabled");
        Ok(on.map(|(name, _)| name.clone()).collect())
    }
}

/// The services in a registry of antctl that it has not removed.
fn registered(text: &str) -> Result<BTreeSet<String>, String> {
    let registry: serde_json::Value =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let nodes = registry.get("nodes").and_then(|it| it.as_array()).ok_or("it lists no nodes")?;
    let gone = |node: &&serde_json::Value| node.get("status").is_some_and(|it| it == "Removed");
    let named = nodes.iter().filter(|node| !gone(node));
    let name = |node: &serde_json::Value| Some(node.get("service_name")?.as_str()?.to_owned());
    named.map(|node| name(node).ok_or_else(|| "one of its nodes has no name".to_owned())).collect()
}

fn reason_in(shown: &Shown) -> Option<String> {
    if !shown.overridden_by.is_empty() {
        return Some(format!("{} changes it", shown.overridden_by.join(", ")));
    }
    shown.needs_reload.then(|| {
        "its file was changed since systemd read it: `systemctl daemon-reload` first".to_owned()
    })
}

fn settle(found: &mut Found, shown: &Shown) {
    found.pid = shown.reading.pid;
    found.want = match shown.reading.state {
        UnitState::Running | UnitState::Activating => Want::Run,
        _ => Want::StoppedByOperator,
    };
    if shown.reading.state == UnitState::Failed {
        found.notes.push("its unit has failed: it stays stopped until you start it".to_owned());
    }
}

/// The text of a unit that may be a node's; `None` for what is surely none.
fn text_of(file: &Path) -> Result<Option<String>, String> {
    let failed = |error: std::io::Error| format!("it cannot be read: {error}");
    let size = match fs::metadata(file) {
        Ok(found) if !found.is_file() => return Ok(None),
        Ok(found) => found.len(),
        // A link to nowhere, or a mask.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if size > MOST {
        return Ok(None);
    }
    let bytes = fs::read(file).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mentions = ["antnode", "ant-node"].iter().any(|program| text.contains(program));
    Ok(mentions.then_some(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_cannot_be_read_is_no_empty_one() {
        let text = r#"{"nodes":[{"service_name":"antnode1","status":"Running"},
            {"service_name":"antnode2","status":"Removed"}]}"#;
        assert_eq!(registered(text).unwrap(), BTreeSet::from(["antnode1".to_owned()]));
        for end in 0..text.len() {
            registered(&text[..end]).unwrap_err();
        }
        registered("{}").unwrap_err();
        registered(r#"{"nodes":[{"status":"Running"}]}"#).unwrap_err();
    }
}
