//! The takeover itself, step by step.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use wnm_core::host::{Clock, HostError, HostResult, Managers, NodeFiles, Store};
use wnm_core::import::{Taken, Takeover};
use wnm_core::model::{
    Manager, ManagerKind, NodeId, NodeKey, NodeRecord, NodeSpec, RecordId, Timestamp,
};
use wnm_core::policy::{Policy, PolicyDraft};
use wnm_managers::{Containers, Moving, Places, SystemRunner, probe_program};
use wnm_metrics::SystemClock;
use wnm_store::{SqliteStore, StoreErrorKind};

use super::former;
use crate::args::ImportArgs;
use crate::commands::Context;
use crate::commands::init::{first_look, places};
use crate::compose::{self, Adapters};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Counting};

/// All of it, or all as it was.
pub(super) fn carry_out(
    context: &Context<'_>,
    args: &ImportArgs,
    takeover: &Takeover,
    draft: &PolicyDraft,
    policy: &Policy,
) -> Result<PathBuf, CliError> {
    places(context, policy)?;
    let _alone = context.lock(Duration::ZERO)?;
    // Somebody else may have begun since this was asked and agreed to.
    super::refuse_second(context, args)?;
    let mover = compose::mover(&context.paths);
    let at = SystemClock.now()?.wall;
    let roots = Places { storage: &policy.nodes.storage, logs: &policy.nodes.logs };
    let moving = mover.begin(takeover, roots, at)?;
    if let Err(mut error) = steps(context, &moving, takeover, draft, policy, at) {
        error.hints.push(match undo(context, moving) {
            Ok(()) => "everything is as it was before".to_owned(),
            Err(worse) => format!(
                "and not everything could be put back: {}; run the same command again",
                worse.problems.join("; ")
            ),
        });
        if !takeover.aside.is_empty() {
            former::let_go(context);
        }
        return Err(error);
    }
    let backup = moving.finish()?;
    if let Err(error) = first_look(context, draft) {
        // The next cycle looks as well.
        output::complain(&error);
    }
    Ok(backup)
}

fn steps(
    context: &Context<'_>,
    moving: &Moving,
    takeover: &Takeover,
    draft: &PolicyDraft,
    policy: &Policy,
    at: Timestamp,
) -> Result<(), CliError> {
    let containers = compose::containers(&context.paths, draft);
    let copies = takeover.nodes.iter().filter(|node| node.copy_from.is_some()).count();
    let progress = RefCell::new(Counting::new(context.json, copies));
    moving.copy_programs(takeover, &|node| {
        progress.borrow_mut().tell(&format!("{}: copy its program", node.spec.id));
        from_container(&containers, moving, node)
    })?;
    drop(progress);
    moving.set_aside()?;
    SqliteStore::discard(&context.paths.store)?;
    let store = SqliteStore::create(&context.paths.store)?;
    let records: Vec<NodeRecord> = takeover.nodes.iter().map(|node| record(node, at)).collect();
    let numbers = store.adopt(draft, &records, at)?;
    let files = compose::files(&context.paths);
    let mut progress = Counting::new(context.json, takeover.nodes.len());
    for (node, record) in takeover.nodes.iter().zip(numbers) {
        progress.tell(&format!("{}: keep its key", node.spec.id));
        files.archive(NodeKey { id: node.spec.id, record }, &node.spec)?;
    }
    drop(progress);
    moving.claim_roots(&files)?;
    for root in &policy.nodes.storage {
        files.claim_root(root)?;
    }
    let ledger = store.load()?;
    let adapters = Adapters::new(store, &ledger, draft, &context.paths, context.environment);
    hand_over(adapters.host().managers, takeover)?;
    Ok(moving.silence()?)
}

/// The program of a container, copied out of it, which must be one for this machine too: the node's
/// next container has its libraries from here. What the container was is kept beside it.
fn from_container(
    containers: &Containers,
    moving: &Moving,
    node: &Taken,
) -> HostResult<Option<PathBuf>> {
    let Some(inside) = &node.found.inside else { return Ok(None) };
    let name = &node.found.name;
    moving.note(&format!("container-{name}.json"), &containers.describe(inside)?)?;
    let copy = moving.backup().join(format!("{}-of-{name}", node.spec.program.binary_name()));
    containers.fetch(inside, &copy)?;
    let wrong = |error: HostError| {
        let op = format!(
            "the node program of container {name} does not run on this machine, and its next container \
             would have it from here; leave it out by --except {name}"
        );
        HostError::with(op, error.kind, error.chain())
    };
    probe_program(&SystemRunner, &copy).map_err(wrong)?;
    Ok(Some(copy))
}

fn record(node: &Taken, at: Timestamp) -> NodeRecord {
    let created = node.found.created.unwrap_or(at);
    NodeRecord {
        want: node.found.want,
        version: node.found.version.clone(),
        ..NodeRecord::new(RecordId(0), node.spec.clone(), created)
    }
}

/// Every manager takes its own, and afterwards the same processes must be there.
fn hand_over(managers: &dyn Managers, takeover: &Takeover) -> Result<(), CliError> {
    let mut by_manager: BTreeMap<Manager, Vec<&NodeSpec>> = BTreeMap::new();
    for node in &takeover.nodes {
        by_manager.entry(node.spec.manager).or_default().push(&node.spec);
    }
    let pids: BTreeMap<NodeId, Option<u32>> =
        takeover.nodes.iter().map(|node| (node.spec.id, node.found.pid)).collect();
    for (manager, specs) in by_manager {
        let manager = managers.get(manager)?;
        manager.adopt(&specs)?;
        for (spec, reading) in specs.iter().zip(manager.states(&specs)?) {
            let before = pids.get(&spec.id).copied().flatten();
            if before.is_some() && reading.pid != before {
                let problem = format!("{} is another process than before", spec.service());
                return Err(CliError::new(Exit::Failed, problem));
            }
        }
    }
    Ok(())
}

/// The store first: without it nothing of wnm manages anything.
pub(super) fn undo(context: &Context<'_>, moving: Moving) -> Result<(), CliError> {
    match SqliteStore::discard(&context.paths.store) {
        // The former manager's, not set aside yet, or back again.
        Err(error) if error.kind == StoreErrorKind::Foreign => {}
        discarded => discarded?,
    }
    let systemd = Manager { kind: ManagerKind::Systemd, scope: context.paths.scope };
    let reread = || compose::managers_alone(&context.paths).get(systemd)?.reread();
    Ok(moving.undo(&reread)?)
}
