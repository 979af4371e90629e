//! `wnm snapshot` and `wnm plan --snapshot`: a cycle in one file, and its decisions from it.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads such files")]

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wnm_core::host::{CycleQuery, Intents, LastSeen};
use wnm_core::model::CycleId;
use wnm_core::observe::{SCHEMA, Snapshot};
use wnm_core::plan::{Plan, PlanScope, check, plan as decide};
use wnm_core::policy::{Drafts, Policy};
use wnm_core::run::CycleError;
use wnm_store::SqliteStore;

use super::Context;
use super::when::when;
use crate::args::SnapshotArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// Everything that planning needs, and what came of it. Files of earlier versions have less.
#[derive(Serialize, Deserialize)]
struct Recorded {
    schema: u32,
    /// The version that printed it.
    #[serde(default)]
    wnm: Option<String>,
    #[serde(default)]
    cycle: Option<CycleId>,
    #[serde(default)]
    scope: PlanScope,
    #[serde(default)]
    drafts: Drafts,
    policy: Policy,
    snapshot: Snapshot,
    #[serde(default)]
    plan: Option<Plan>,
}

pub(super) fn run(context: &Context<'_>, args: &SnapshotArgs) -> Result<Exit, CliError> {
    let (store, _) = open(&context.paths, Access::Read)?;
    if args.list {
        let query = CycleQuery { limit: Some(args.limit), ..CycleQuery::default() };
        output::cycles(&store.cycles(&query)?, context.json)?;
        return Ok(Exit::Done);
    }
    let Some(cycle) = asked_for(&store, args)? else {
        return Err(CliError::new(Exit::Failed, "no cycle has run yet"));
    };
    let Some(seen) = store.recorded(cycle)? else {
        let problem = format!("cycle {cycle} is not kept, or cannot be read any more");
        return Err(
            CliError::new(Exit::Failed, problem).hint("`wnm snapshot --list` shows what is")
        );
    };
    let LastSeen { snapshot, policy, plan, scope, drafts } = seen;
    let recorded = Recorded {
        schema: SCHEMA,
        wnm: Some(env!("CARGO_PKG_VERSION").to_owned()),
        cycle: Some(cycle),
        scope,
        drafts,
        policy,
        snapshot,
        plan: Some(plan),
    };
    let text = serde_json::to_string_pretty(&recorded)
        .map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    output::print(&text);
    Ok(Exit::Done)
}

fn asked_for(store: &SqliteStore, args: &SnapshotArgs) -> Result<Option<CycleId>, CliError> {
    if let Some(number) = args.cycle {
        return Ok(Some(CycleId(number)));
    }
    let until = args.at.as_deref().map(|text| when("--at", text)).transpose()?;
    let latest = store.cycles(&CycleQuery { until, limit: Some(1), ..CycleQuery::default() })?;
    match (latest.last(), until) {
        (Some(cycle), _) => Ok(Some(cycle.cycle)),
        (None, None) => Ok(None),
        (None, Some(until)) => {
            let problem = format!("no cycle of {until} UTC or before is kept");
            let error = CliError::new(Exit::Failed, problem);
            Err(error.hint("`wnm snapshot --list` shows what is"))
        }
    }
}

/// The plan that this very program makes of a recorded cycle. Looks at nothing but the file.
pub(super) fn plan(file: &Path, as_json: bool) -> Result<Exit, CliError> {
    let Recorded { snapshot, policy, scope, plan: then, .. } = read(file)?;
    let plan = decide(&snapshot, &policy, scope);
    let violations = check(&plan, &snapshot, &policy);
    if !violations.is_empty() {
        return Err(CycleError::Unsound { violations, plan: Box::new(plan) }.into());
    }
    output::plan_again(&snapshot, &policy, &plan, then.as_ref(), as_json)?;
    Ok(if plan.actions.is_empty() { Exit::Done } else { Exit::SomethingToDo })
}

fn read(file: &Path) -> Result<Recorded, CliError> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("failed to read {shown}: {error}")))?;
    let recorded: Recorded = serde_json::from_str(&text).map_err(|error| {
        CliError::usage(format!("{shown} is no snapshot: {error}"))
            .hint("`wnm snapshot` prints what this reads")
    })?;
    if recorded.schema != SCHEMA {
        let problem = format!(
            "{shown} has schema {}, and this version reads {SCHEMA}: use the version that wrote it",
            recorded.schema
        );
        return Err(CliError::usage(problem));
    }
    Ok(recorded)
}
