//! What must hold after wnm died, at once and after the cycles that follow: the promises P1 to P5 of
//! the README.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use wnm_core::model::{Phase, Want};

use super::seen::{Seen, State};
use super::strace::Struck;

/// What a scenario may do.
pub(super) struct Bounds<'a> {
    /// How it was before, with new processes after each run.
    pub(super) before: &'a Seen,
    /// How it is when nothing goes wrong.
    pub(super) done: &'a State,
    /// Nodes that the plan names.
    pub(super) touches: &'a [&'a str],
    /// Nodes that run on without a record afterwards.
    pub(super) released: &'a [PathBuf],
}

/// P1, P4 and P5, at once.
pub(super) fn at_once(bounds: &Bounds<'_>, struck: &Struck, after: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    untouched(bounds, after, &mut wrong);
    for key in bounds.before.all_keys().difference(&after.all_keys()) {
        wrong.push(format!("LOST: the key {} is nowhere", name_of(bounds.before, key)));
    }
    // What was deleted with its store can be asked no more.
    if let Some(journal) = &after.journal {
        for (action, step) in struck.steps() {
            let is_written = journal.iter().any(|line| line.planned.action.to_string() == action);
            if !is_written {
                wrong.push(format!("P5: `{action}: {step}` was begun and is not in the journal"));
            }
        }
    }
    wrong
}

/// P1, P2 and P4, when a cycle has nothing to do.
pub(super) fn at_rest(
    bounds: &Bounds<'_>,
    begun: bool,
    known: &BTreeSet<Vec<u8>>,
    after: &Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    untouched(bounds, after, &mut wrong);
    let is_done = after.state == *bounds.done;
    if !is_done && (begun || after.state != bounds.before.state) {
        let what = if begun { "begun and not done" } else { "neither done nor as before" };
        wrong.push(format!("P2: {what}: {}", difference(bounds.done, &after.state)));
    }
    let mut left: BTreeSet<&PathBuf> = after.processes.keys().collect();
    for record in &after.records {
        let runs = left.remove(&record.spec.data);
        // A node that is left alone may run or not.
        let is_to_run = record.want == Want::Run && !matches!(record.phase, Phase::Removing { .. });
        if record.want != Want::Disabled && runs != is_to_run {
            let is = if runs { "runs" } else { "does not run" };
            wrong.push(format!("P2: {} {is}, wanted {:?}", record.spec.id, record.want));
        }
    }
    for data in left.into_iter().filter(|data| !bounds.released.contains(data)) {
        wrong.push(format!("P2: {} runs and is nobody's", data.display()));
    }
    for key in known.difference(&after.kept_keys(bounds.released)) {
        wrong.push(format!("LOST: a key is neither in its node nor archived: {}", id(key)));
    }
    wrong
}

/// Nodes that are none of the plan's are the same processes; nobody runs twice.
fn untouched(bounds: &Bounds<'_>, after: &Seen, wrong: &mut Vec<String>) {
    for (data, pids) in &after.processes {
        if pids.len() > 1 {
            wrong.push(format!("P4: {} runs {} times", data.display(), pids.len()));
        }
    }
    let mut runs = BTreeMap::<&Vec<u8>, &PathBuf>::new();
    for (path, key) in after.keys.iter().filter(|(path, _)| is_running(after, path)) {
        if let Some(other) = runs.insert(key, path) {
            wrong.push(format!("P4: one key runs in {} and {}", other.display(), path.display()));
        }
    }
    let of_plan = |data: &Path| {
        let name = super::stage::node_name(data);
        bounds.touches.iter().any(|touched| name == *touched)
    };
    let before = &bounds.before.processes;
    let all: BTreeSet<&PathBuf> = before.keys().chain(after.processes.keys()).collect();
    for data in all.into_iter().filter(|data| !of_plan(data)) {
        let (was, is) = (before.get(data), after.processes.get(data));
        if was != is {
            wrong.push(format!("P1: {} was {was:?}, is {is:?}", data.display()));
        }
    }
}

fn is_running(seen: &Seen, key: &Path) -> bool {
    key.parent().is_some_and(|data| seen.processes.contains_key(data))
}

fn name_of(seen: &Seen, key: &[u8]) -> String {
    let mut places = seen.keys.iter().filter(|(_, known)| *known == key);
    places.next().map(|(path, _)| path.display().to_string()).unwrap_or_else(|| id(key))
}

fn id(key: &[u8]) -> String {
    blake3::hash(key).to_hex()[..12].to_owned()
}

fn difference(wanted: &State, found: &State) -> String {
    let list = |mark: &str, from: &State, without: &State| {
        let files = from.files.difference(&without.files);
        let all = files.chain(from.nodes.difference(&without.nodes));
        all.map(|it| format!("\n      {mark} {it}")).collect::<String>()
    };
    list("-", wanted, found) + &list("+", found, wanted)
}

/// Which step of which action it died in, by the names they have in the journal.
pub(super) fn step_of(struck: &Struck) -> Option<(String, String)> {
    let (told, text) = struck.steps().pop()?;
    let action = told.split(' ').next()?;
    Some((action.to_owned(), super::reach::kind_of(&text)?))
}
