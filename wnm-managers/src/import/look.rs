//! What lies on disk and which processes live, for nodes that a reader has found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::host::HostResult;
use wnm_core::import::{Broken, Findings, Found, OnDisk, Origin};

use super::Mover;
use crate::hands::Hands;
use crate::process::pids_below;

/// Fills in what a reader cannot know: what lies in the place of each node's data, and the process
/// that uses it. A process that nobody accounts for makes a node below `roots` broken. Changes
/// nothing.
pub fn look(mover: &Mover, mut findings: Findings, roots: &[PathBuf]) -> HostResult<Findings> {
    let parents: BTreeSet<PathBuf> =
        findings.nodes.iter().filter_map(|node| Some(node.data.parent()?.to_owned())).collect();
    let processes = pids_below(&parents.into_iter().collect::<Vec<_>>())?;
    for found in &mut findings.nodes {
        if found.disk == OnDisk::Unseen {
            found.disk = on_disk(mover.hands(), found);
        }
        let pids = processes.get(&found.data).map(Vec::as_slice).unwrap_or_default();
        // Who keeps it was asked, and would know of the process.
        let told = found.origin != Origin::Process;
        if let ([only], None, false) = (pids, found.pid, told) {
            found.pid = Some(*only);
        }
        let strangers: Vec<String> =
            pids.iter().filter(|pid| found.pid != Some(**pid)).map(u32::to_string).collect();
        let is_inside = roots.iter().any(|root| found.data.starts_with(root));
        if !strangers.is_empty() && is_inside {
            findings
                .broken
                .push(Broken { name: Some(found.name.clone()), what: stranger(found, &strangers) });
        }
    }
    Ok(findings)
}

fn stranger(found: &Found, pids: &[String]) -> String {
    format!(
        "{}: process {} uses its data {}, and what keeps {} did not start it: end it first, or \
         leave the node out by --except {}",
        found.place,
        pids.join(", "),
        found.data.display(),
        found.name,
        found.name
    )
}

fn on_disk(hands: &dyn Hands, found: &Found) -> OnDisk {
    let kind = match fs::symlink_metadata(&found.data) {
        Ok(kind) => kind,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return OnDisk::Missing,
        Err(_) => return OnDisk::Unseen,
    };
    let key = found.data.join(found.program.identity_file());
    match (fs::canonicalize(&found.data), is_key(hands, &key)) {
        (Ok(real), Ok(key)) => OnDisk::Seen { real, directory: kind.is_dir(), key },
        _ => OnDisk::Unseen,
    }
}

/// A key that can be read, and so can be archived.
fn is_key(hands: &dyn Hands, key: &Path) -> HostResult<bool> {
    Ok(hands.is_there(key)? && !hands.read_key(key)?.is_empty())
}
