//! `wnm history`: the journal.

use std::time::Duration;

use wnm_core::host::{Clock, HistoryQuery, Intents};
use wnm_core::model::{Timestamp, parse_node_list};
use wnm_core::policy::parse_duration;
use wnm_metrics::SystemClock;

use super::Context;
use crate::args::HistoryArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &HistoryArgs) -> Result<Exit, CliError> {
    let nodes = parse_node_list(&args.nodes).map_err(|error| CliError::usage(error.to_string()))?;
    let since = args.since.as_deref().map(since).transpose()?;
    let (store, _) = open(&context.paths, Access::Read)?;
    let query = HistoryQuery { nodes: nodes.into_iter().collect(), since, limit: Some(args.limit) };
    let filtered = !query.nodes.is_empty() || query.since.is_some();
    output::history(&store.history(&query)?, filtered, context.json)?;
    Ok(Exit::Done)
}

fn since(text: &str) -> Result<Timestamp, CliError> {
    let ago: Duration = parse_duration(text).ok_or_else(|| {
        CliError::usage(format!("--since is `{text}`: give a time such as 90s, 10min, 6h or 3d"))
    })?;
    let now = SystemClock.now()?.wall;
    Ok(Timestamp(now.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))))
}
