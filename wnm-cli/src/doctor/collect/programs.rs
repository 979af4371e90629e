//! Programs for nodes: what is kept, and what lies beside the one that nodes are given.
#![expect(clippy::disallowed_methods, reason = "whether files lie beside a program")]

use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::model::Program;
use wnm_core::observe::Snapshot;
use wnm_core::policy::Policy;

use crate::commands::Context;
use crate::compose;
use crate::settings::Paths;

/// Companions that a new node would miss. Peers that are named in the settings, or that lie where the
/// program looks by itself, serve as well.
pub(super) fn missing_companions(
    context: &Context<'_>,
    snapshot: &Snapshot,
    policy: &Policy,
) -> Vec<String> {
    let Ok(release) = &snapshot.release else { return Vec::new() };
    if !policy.nodes.launch.bootstrap.is_empty() {
        return Vec::new();
    }
    let home = context.environment.get("HOME").map(|home| Path::new(home).join(".config/ant"));
    let elsewhere: Vec<PathBuf> = home.into_iter().chain(["/etc/ant".into()]).collect();
    let is_there = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file());
    let program = policy.nodes.program;
    let missing = program.companions().iter().filter(|name| {
        let mut places = elsewhere.iter().map(|place| place.join(name));
        !is_there(&release.path.with_file_name(name)) && !places.any(|it| is_there(&it))
    });
    missing.map(|name| release.path.with_file_name(name).display().to_string()).collect()
}

/// Kept versions that are not as they came. Reads all of them.
pub(super) fn spoiled(paths: &Paths) -> Vec<(String, String)> {
    let store = compose::binary_store(paths);
    let mut spoiled = Vec::new();
    for program in Program::ALL {
        match store.shelf(program) {
            Ok(shelf) => {
                for kept in &shelf.kept {
                    let place = kept.directory.display().to_string();
                    spoiled.extend(store.check(kept).into_iter().map(|why| (place.clone(), why)));
                }
                let broken = shelf.broken.into_iter();
                spoiled.extend(broken.map(|it| (it.directory.display().to_string(), it.why)));
            }
            Err(error) => spoiled.push((store.root().display().to_string(), error.what)),
        }
    }
    spoiled
}
