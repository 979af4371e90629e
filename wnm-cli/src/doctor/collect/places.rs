//! Files and directories: whose they are, who may read them, and what lies around.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks at our places")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wnm_core::model::{ManagerKind, NodeId, Scope, node_of_directory};
use wnm_core::observe::{Ledger, NodeView, Snapshot};
use wnm_core::policy::Setting;
use wnm_managers::{MARKER, processes_below, service_of_process, unit_is_ours, unit_is_released};

use super::super::facts::{PrivateFact, RootFact, StrayProcess, Strays};
use crate::settings::Paths;

pub(super) fn roots(snapshot: &Snapshot) -> Vec<RootFact> {
    let of = |(path, seen): (&PathBuf, &Result<(), _>)| RootFact {
        path: path.clone(),
        problem: seen.as_ref().err().map(ToString::to_string),
        marker_is_sound: fs::read_to_string(path.join(MARKER)).ok().map(|text| is_uuid(&text)),
    };
    snapshot.storage.iter().map(of).collect()
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.concat().chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether a node of systemd was started before its unit was last written. What it was started with
/// stays until its next start.
pub(super) fn is_older_than_unit(paths: &Paths, node: &NodeView) -> bool {
    // A unit is written a moment before its node starts, and clocks have grains.
    const MOMENT: Duration = Duration::from_secs(2);
    let spec = &node.record.spec;
    let Some(age) = node.process_age.filter(|_| spec.manager.kind == ManagerKind::Systemd) else {
        return false;
    };
    let unit = paths.units.join(format!("{}.service", spec.service()));
    let written = fs::metadata(unit).and_then(|found| found.modified()).ok();
    let since = written.and_then(|written| written.elapsed().ok());
    since.is_some_and(|since| since + MOMENT < age)
}

/// What nobody else may read, as far as it is there and can be looked at.
pub(super) fn private(paths: &Paths, ledger: Option<&Ledger>) -> Vec<PrivateFact> {
    const OTHERS: u32 = 0o077;
    let mut facts = Vec::new();
    let mut add = |path: &Path, what: &'static str| facts.extend(fact(path, what, OTHERS));
    if paths.scope == Scope::User {
        add(&paths.base, "everything of wnm");
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = paths.store.clone().into_os_string();
        name.push(suffix);
        add(Path::new(&name), "the store");
    }
    let backups = wnm_store::Backups::of(&paths.store);
    add(backups.directory(), "backups of the store");
    for backup in backups.list().unwrap_or_default() {
        add(&backup.file, "a backup of the store");
    }
    add(&paths.identities, "the archive of keys");
    for path in listed(&paths.identities).unwrap_or_default() {
        add(&path, "an archived key");
    }
    for record in ledger.map(|ledger| ledger.nodes.as_slice()).unwrap_or_default() {
        let spec = &record.spec;
        add(&spec.data, "a node's data");
        add(&spec.data.join(spec.program.identity_file()), "a node's key");
    }
    facts
}

/// Links are not followed: what they lead to is somebody else's.
fn fact(path: &Path, what: &'static str, forbidden: u32) -> Option<PrivateFact> {
    let found = fs::symlink_metadata(path).ok().filter(|found| !found.is_symlink())?;
    let is_ours = found.uid() == nix::unistd::geteuid().as_raw();
    Some(PrivateFact { path: path.to_owned(), what, mode: found.mode(), forbidden, is_ours })
}

/// Nothing there is nothing found; anything else is an error.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// What carries a node's name and has no record.
pub(super) fn strays(paths: &Paths, ledger: &Ledger) -> Strays {
    let mut strays = Strays::default();
    let settings = shell_words::split(ledger.draft.text(Setting::NodeStorage)).unwrap_or_default();
    let recorded = ledger.nodes.iter().map(|record| record.spec.storage.clone());
    let roots: BTreeSet<PathBuf> =
        settings.into_iter().map(PathBuf::from).chain(recorded).collect();
    for root in &roots {
        match listed(root) {
            Ok(entries) => entries.iter().for_each(|path| sort_in(path, ledger, &mut strays)),
            Err(why) => {
                strays.unread.insert(why);
            }
        }
    }
    match listed(&paths.units) {
        Ok(entries) => strays.units.extend(entries.iter().filter_map(|path| unit(path, ledger))),
        Err(why) => {
            strays.unread.insert(why);
        }
    }
    match processes_below(&roots.into_iter().collect::<Vec<_>>()) {
        Ok(processes) => {
            let strange = processes.into_iter().filter(|(data, _)| !is_recorded(data, ledger));
            let each = |(data, keys): (PathBuf, Vec<wnm_core::observe::ProcessKey>)| {
                keys.into_iter().map(move |key| StrayProcess {
                    data: data.clone(),
                    pid: key.pid,
                    service: service_of_process(key.pid),
                })
            };
            strays.processes.extend(strange.flat_map(each));
        }
        Err(error) => {
            strays.processes_unread = true;
            strays.unread.insert(error.chain());
        }
    }
    without_released(strays, &paths.units)
}

/// A node that was released is its owner's, and nothing about it is wrong: its unit says so.
fn without_released(mut strays: Strays, units: &Path) -> Strays {
    let says_so = |unit: &Path| fs::read_to_string(unit).is_ok_and(|text| unit_is_released(&text));
    let is_released = |data: &Path| {
        let name = data.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        says_so(&units.join(format!("{name}.service")))
    };
    strays.units.retain(|(unit, _)| !says_so(unit));
    strays.directories.retain(|data| !is_released(data));
    strays.processes.retain(|stray| !is_released(&stray.data));
    strays
}

fn is_recorded(data: &Path, ledger: &Ledger) -> bool {
    ledger.nodes.iter().any(|record| record.spec.data == data)
}

fn sort_in(path: &Path, ledger: &Ledger, strays: &mut Strays) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    if node_of_directory(name).is_some() && !is_bare_number(name) {
        if !is_recorded(path, ledger) {
            strays.directories.push(path.to_owned());
        }
    } else if is_leftover(name, ledger) {
        strays.leftovers.push(path.to_owned());
    }
}

/// A fine way to name a node on the command line, but no directory of ours.
fn is_bare_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_node_name(name: &str) -> bool {
    name.starts_with("antnode") && name.parse::<NodeId>().is_ok()
}

/// `.removed-antnode0003-5` of a record 5 that is gone, `.new-antnode0003` without any record: as
/// long as there is a record, the next cycles finish what was begun.
fn is_leftover(name: &str, ledger: &Ledger) -> bool {
    if let Some((id, record)) =
        name.strip_prefix(".removed-").and_then(|rest| rest.rsplit_once('-'))
    {
        let known = |node: &wnm_core::model::NodeRecord| node.record.to_string() == record;
        return is_node_name(id) && !ledger.nodes.iter().any(known);
    }
    let id = name.strip_prefix(".new-").filter(|id| is_node_name(id));
    id.and_then(|id| id.parse().ok()).is_some_and(|id| ledger.node(id).is_none())
}

fn unit(path: &Path, ledger: &Ledger) -> Option<(PathBuf, bool)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".service")?;
    let id: NodeId = name.parse().ok().filter(|_| is_node_name(name))?;
    // An adopted unit has the name that somebody gave it.
    let is_kept = ledger.nodes.iter().any(|record| record.spec.service() == name);
    if is_kept || ledger.node(id).is_some() {
        return None;
    }
    let is_ours = fs::read_to_string(path).is_ok_and(|text| unit_is_ours(&text));
    Some((path.to_owned(), is_ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_hold_a_uuid() {
        assert!(is_uuid("0f8fad5b-d9cb-469f-a165-70867728950e\n"));
        for odd in ["", "mounted", "0f8fad5b-d9cb-469f-a165-70867728950x", "0f8f-ad5b"] {
            assert!(!is_uuid(odd), "{odd}");
        }
    }

    #[test]
    fn leftovers_are_those_of_records_that_are_gone() {
        let ledger = Ledger { nodes: vec![wnm_core::fakes::build::record(3)], ..Ledger::default() };
        let table = [
            (".removed-antnode0003-3", false),
            (".removed-antnode0003-2", true),
            (".new-antnode0003", false),
            (".new-antnode0004", true),
            (".removed-photos-2", false),
            (".wnm-storage", false),
            ("antnode0009", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_leftover(name, &ledger), expected, "{name}");
        }
    }
}
