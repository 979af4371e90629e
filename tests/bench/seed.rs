//! Fills the store of a world with nodes, by the store's own hands.

use std::path::Path;

use wnm_core::action::{Action, Change, Outcome, PlannedAction, Reason};
use wnm_core::host::{Clock, HostResult, Store};
use wnm_core::model::{BadVersion, NodeId, NodeSpec, Now, Program, Release};
use wnm_core::policy::{Policy, PolicyDraft};
use wnm_metrics::SystemClock;
use wnm_store::SqliteStore;

use crate::Done;

/// Records `count` nodes as started an hour ago; answers their specs.
pub(crate) fn seed(store: &Path, count: u32, program: &Path) -> Done<Vec<NodeSpec>> {
    let store = SqliteStore::open(store).map_err(|error| error.to_string())?;
    let now = SystemClock.now().map(hour_ago).map_err(|error| error.chain())?;
    let ledger = store.load().map_err(|error| error.chain())?;
    let policy = Policy::parse(&ledger.draft, &PolicyDraft::default(), 1)
        .map_err(|errors| format!("{errors:?}"))?;
    let specs: Vec<NodeSpec> =
        (1..=count).filter_map(NodeId::new).filter_map(|id| spec(&policy, id)).collect();
    let version = "0.4.17".parse().map_err(|error: BadVersion| error.to_string())?;
    let release = Release::new(version, program);
    for spec in &specs {
        add(&store, spec, &release, &now).map_err(|error| error.chain())?;
    }
    Ok(specs)
}

fn hour_ago(mut now: Now) -> Now {
    now.instant.uptime_ms = now.instant.uptime_ms.saturating_sub(3_600_000);
    now.wall.0 -= 3_600_000;
    now
}

fn spec(policy: &Policy, id: NodeId) -> Option<NodeSpec> {
    let nodes = &policy.nodes;
    let storage = nodes.storage.first()?.clone();
    let data = storage.join(id.to_string());
    Some(NodeSpec {
        id,
        program: nodes.program,
        manager: nodes.manager,
        wallet: nodes.wallets.shares().first()?.address,
        ports: nodes.ports.ports(id, nodes.program).ok()?,
        binary: data.join(Program::Antnode.binary_name()),
        logs: nodes.logs.join(id.to_string()),
        data,
        storage,
        autostart: false,
        service: None,
        container: None,
        adopted: None,
        left: None,
        launch: nodes.launch.clone(),
    })
}

fn add(store: &SqliteStore, spec: &NodeSpec, release: &Release, now: &Now) -> HostResult<()> {
    let action = Action::Add { spec: Box::new(spec.clone()), release: release.clone(), key: None };
    let begun = store.begin(&PlannedAction { action, reason: Reason::NeverMade }, now)?;
    store.finish(begun.op, &Outcome::Done { changes: vec![Change::Made] }, now.wall)
}
