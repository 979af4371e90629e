//! Looking for a newer release, once a cycle has done all its work for nodes.

use std::time::Duration;

use wnm_core::host::Clock;
use wnm_core::model::Program;
use wnm_core::observe::Looked;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_managers::SystemRunner;
use wnm_releases::ReleaseFault;

use super::Context;
use super::binary::Held;
use crate::compose::Adapters;
use crate::error::CliError;
use crate::output;

/// A cycle must not be late for the next one: what has come by then is gone on with there.
const BUDGET: Duration = Duration::from_secs(20);

/// How long to wait for whoever is changing the store, to write down that this looked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks for a newer release where upgrades are wnm's, and it is time. A failure is a note and no
/// more: being offline is a normal state.
pub(super) fn look_for_newer(context: &Context<'_>, adapters: &Adapters, in_force: &PolicyDraft) {
    if let Err(error) = look(context, adapters, in_force) {
        let problems = error.problems.join("; ");
        output::say(&format!("note: no newer release could be looked for: {problems}"));
    }
}

fn look(
    context: &Context<'_>,
    adapters: &Adapters,
    in_force: &PolicyDraft,
) -> Result<(), CliError> {
    let held = Held::of(context, in_force.clone(), None)?;
    if !is_ours(in_force, held.program) {
        return Ok(());
    }
    let now = adapters.clock.now()?;
    let looks = held.store.looks(held.program);
    if !looks.is_due(held.releases.interval, &now.instant) {
        return Ok(());
    }
    let wanted = held.wanted(None, None);
    let terms = held.terms(BUDGET, Duration::ZERO)?;
    let taken = held.store.fetch(&wanted, &terms, &SystemRunner, &mut |_| {});
    let looked = match &taken {
        Ok(taken) => {
            let manifest = &taken.kept.manifest;
            if taken.new {
                let (program, version) = (manifest.program, &manifest.version);
                let how = &manifest.verified;
                output::say(&format!("note: {program} {version} is here now: {how}"));
                held.make_room(version, Duration::ZERO);
            }
            Looked::Done(Some(manifest.version.clone()))
        }
        // Whoever is at it looks for us.
        Err(error) if error.kind == ReleaseFault::Busy => return Ok(()),
        Err(error) if error.kind == ReleaseFault::Unfinished => {
            Looked::Unfinished(error.what.clone())
        }
        Err(error) => Looked::Failed(error.what.clone()),
    };
    let looks = looks.after(looked, now.instant, now.wall);
    if let Err(error) = &taken {
        let then = match looks.unfinished {
            true => "the next cycle goes on".to_owned(),
            false => {
                let minutes = looks.pause(held.releases.interval).as_secs().div_ceil(60);
                format!("the next look is in {minutes} min")
            }
        };
        output::say(&format!("note: no newer release could be had: {error}; {then}"));
    }
    held.store.remember(held.program, looks, PATIENCE).map_err(super::binary::failed)?;
    Ok(())
}

/// Whether the programs of nodes are replaced by wnm.
fn is_ours(in_force: &PolicyDraft, program: Program) -> bool {
    match in_force.text(Setting::UpgradeMode) {
        "managed" => true,
        "auto" => !program.upgrades_itself(),
        _ => false,
    }
}
