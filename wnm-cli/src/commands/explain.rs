//! `wnm explain`: why the last cycle decided as it did. The store only; no lock, no sampling.

use wnm_core::explain::explain;
use wnm_core::host::{HistoryQuery, Intents, LastSeen};
use wnm_core::model::NodeRecord;
use wnm_core::observe::OpRecord;
use wnm_core::plan::{PlanScope, plan};
use wnm_store::SqliteStore;

use super::{Context, status};
use crate::args::StatusArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Explained};

/// Operations shown of a node.
const LATEST: usize = 5;
/// Operations looked through for them: numbers are used again, and so is their history.
const LOOKED_THROUGH: u32 = 50;

pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<Exit, CliError> {
    let (store, mut ledger) = open(&context.paths, Access::Read)?;
    let only = status::known(args, &ledger)?;
    let Some(last) = store.last_seen()? else {
        return Err(CliError::new(
            Exit::Failed,
            "no cycle has run yet: there is nothing to explain",
        )
        .hint("`wnm survey` looks without doing anything"));
    };
    status::keep_only(&mut ledger, &only);
    let mut explanation = whole(&last);
    let mut nodes = Vec::new();
    for record in &ledger.nodes {
        let journal = (!only.is_empty()).then(|| latest(&store, record)).transpose()?;
        nodes.push((record, journal));
    }
    explanation.nodes.retain(|story| nodes.iter().any(|(it, _)| it.record == story.record));
    let explained = Explained { last: &last, explanation, nodes };
    output::explain(&explained, !only.is_empty(), context.json)?;
    Ok(Exit::Done)
}

/// A cycle that only looked or only answered has little to explain. Planning is a function: what
/// a whole cycle makes of what it saw can be asked at any time.
fn whole(last: &LastSeen) -> wnm_core::explain::Explanation {
    let LastSeen { snapshot, policy, plan: decided, .. } = last;
    match decided.scope {
        PlanScope::Everything => explain(snapshot, policy, decided),
        PlanScope::RequestsOnly | PlanScope::Nothing => {
            explain(snapshot, policy, &plan(snapshot, policy, PlanScope::Everything))
        }
    }
}

/// The latest operations on this very record.
fn latest(store: &SqliteStore, record: &NodeRecord) -> Result<Vec<OpRecord>, CliError> {
    let query =
        HistoryQuery { nodes: vec![record.spec.id], since: None, limit: Some(LOOKED_THROUGH) };
    let mut found = store.history(&query)?;
    found.retain(|op| op.node.record == record.record);
    Ok(found.split_off(found.len().saturating_sub(LATEST)))
}
