//! Collects the facts. Looks only: nothing is measured twice, stored or changed.

mod machine;
mod nodes;
mod places;
mod programs;

use wnm_core::host::Clock;
use wnm_core::model::{Manager, ManagerKind};
use wnm_core::observe::{Ledger, Snapshot};
use wnm_core::plan::PlanScope;
use wnm_core::policy::{Policy, Setting};
use wnm_core::run::{CycleError, preview};
use wnm_metrics::SystemClock;

use super::facts::{BackupFact, Facts, StoreFact, ToolFacts};
use crate::commands::{Context, Inspected, inspected};
use crate::compose::{self, Access, Adapters, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::ScheduleReport;
use crate::settings::Paths;

/// What a cycle would look at, if one could run.
struct Looked {
    adapters: Adapters,
    ledger: Ledger,
    seen: Result<(Snapshot, Policy), Vec<String>>,
}

/// Everything, as far as it can be had. `schedule` is asked once nothing else is at work: a cycle
/// that we waited for is the last one, not the one before.
pub(crate) fn collect(
    context: &Context<'_>,
    schedule: impl FnOnce() -> Result<ScheduleReport, CliError>,
    user: String,
) -> Result<Facts, CliError> {
    let paths = &context.paths;
    // A cycle that is half done would look like disagreement; where we may not wait for it, or
    // it takes too long, that is how it looks.
    let store_is_there = open(paths, Access::Read).is_ok();
    let _alone = store_is_there.then(|| crate::lock::acquire(&paths.lock, context.patience));
    let schedule = schedule()?;
    let (store, looked) = look(context);
    let seen = looked.as_ref().and_then(|looked| looked.seen.as_ref().ok());
    let draft = looked.as_ref().map(|l| l.ledger.draft.under(&context.layers.merged()));
    let manager: Option<Manager> =
        draft.as_ref().and_then(|draft| draft.text(Setting::Manager).parse().ok());
    let manager = manager.unwrap_or(Manager { kind: ManagerKind::Systemd, scope: paths.scope });
    let mut facts = Facts {
        now: SystemClock.now()?.wall,
        scope: paths.scope,
        is_root: nix::unistd::geteuid().is_root(),
        store,
        backups: backups(paths),
        bad_settings: looked
            .as_ref()
            .and_then(|looked| looked.seen.as_ref().err().cloned())
            .unwrap_or_default(),
        machine: machine::facts(seen),
        tools: ToolFacts {
            missing: machine::missing_tools(
                context,
                manager,
                draft.as_ref().map_or("docker", |draft| draft.text(Setting::DockerCommand)),
            ),
            node_program: seen.map_or(Ok(String::new()), |(snapshot, _)| match &snapshot.release {
                Ok(release) => Ok(release.path.display().to_string()),
                Err(unread) => Err(unread.why.clone()),
            }),
            missing_companions: seen.map_or_else(Vec::new, |(snapshot, policy)| {
                programs::missing_companions(context, snapshot, policy)
            }),
            spoiled_versions: programs::spoiled(paths),
            no_manager: compose::manager_problem(paths, manager),
            no_firewall: None,
        },
        cap: seen.map_or(0, |(_, policy)| policy.cap.stored),
        manager,
        nodes: Vec::new(),
        strays: Default::default(),
        roots: Vec::new(),
        private: places::private(paths, looked.as_ref().map(|looked| &looked.ledger)),
        schedule,
        user,
    };
    let is_podman = draft.as_ref().is_some_and(|draft| compose::is_podman_of_user(manager, draft));
    machine::managers(context, &mut facts, is_podman);
    if let Some(looked) = &looked {
        let in_force = looked.ledger.draft.under(&context.layers.merged());
        if let Ok((snapshot, _)) = &looked.seen {
            facts.roots = places::roots(snapshot);
            (facts.nodes, facts.tools.no_firewall) =
                nodes::facts(context, &looked.adapters, &in_force, snapshot);
        }
        facts.strays = places::strays(paths, &looked.ledger);
    }
    Ok(facts)
}

fn backups(paths: &Paths) -> Option<Vec<BackupFact>> {
    let fact = |(backup, looked): Inspected| BackupFact {
        file: backup.file,
        made: backup.made,
        problem: looked.err(),
    };
    inspected(paths).ok().map(|all| all.into_iter().map(fact).collect())
}

fn look(context: &Context<'_>) -> (StoreFact, Option<Looked>) {
    let path = context.paths.store.clone();
    let (adapters, ledger) = match context.adapters(Access::Read) {
        Ok(opened) => opened,
        Err(error) if error.exit == Exit::NotInitialised => {
            return (StoreFact::Missing { path }, None);
        }
        Err(error) => return (StoreFact::Unusable { why: error.problems.join("; ") }, None),
    };
    let store = match adapters.store.check() {
        Ok(complaints) if complaints.is_empty() => StoreFact::Sound,
        Ok(complaints) => StoreFact::Damaged { path, complaints: complaints.len() },
        Err(error) => StoreFact::Unusable { why: error.to_string() },
    };
    let options = context.options(&ledger, PlanScope::Everything);
    let seen = match preview(&adapters.host(), &options) {
        Ok((snapshot, policy, _)) => Ok((snapshot, policy)),
        Err(CycleError::Policy(errors)) => Err(errors.iter().map(ToString::to_string).collect()),
        Err(error) => Err(vec![error.to_string()]),
    };
    (store, Some(Looked { adapters, ledger, seen }))
}
