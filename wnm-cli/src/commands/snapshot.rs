//! `wnm snapshot` and `wnm plan --snapshot`: a cycle in one file, and its decisions from it.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads such files")]

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wnm_core::host::Intents;
use wnm_core::observe::{SCHEMA, Snapshot};
use wnm_core::plan::{PlanScope, check, plan as decide};
use wnm_core::policy::Policy;
use wnm_core::run::CycleError;

use super::Context;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// Everything that planning needs.
#[derive(Serialize, Deserialize)]
struct Recorded {
    schema: u32,
    snapshot: Snapshot,
    policy: Policy,
}

pub(super) fn run(context: &Context<'_>) -> Result<Exit, CliError> {
    let (store, _) = open(&context.paths, Access::Read)?;
    let Some(last) = store.last_seen()? else {
        return Err(CliError::new(Exit::Failed, "no cycle has run yet"));
    };
    let recorded = Recorded { schema: SCHEMA, snapshot: last.snapshot, policy: last.policy };
    let text = serde_json::to_string_pretty(&recorded)
        .map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    output::print(&text);
    Ok(Exit::Done)
}

/// The plan that this very program makes of a recorded cycle. Looks at nothing but the file.
pub(super) fn plan(file: &Path, as_json: bool) -> Result<Exit, CliError> {
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
    let Recorded { snapshot, policy, .. } = recorded;
    let plan = decide(&snapshot, &policy, PlanScope::Everything);
    let violations = check(&plan, &snapshot, &policy);
    if !violations.is_empty() {
        return Err(CycleError::Unsound { violations, plan: Box::new(plan) }.into());
    }
    output::plan(&snapshot, &policy, &plan, as_json)?;
    Ok(if plan.actions.is_empty() { Exit::Done } else { Exit::SomethingToDo })
}
