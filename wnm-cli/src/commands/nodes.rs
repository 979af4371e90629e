//! Requests about nodes: stored first, then a cycle for them, then the outcome.

use std::collections::BTreeSet;

use wnm_core::action::{PlannedAction, Reason};
use wnm_core::host::{Clock, Store};
use wnm_core::model::{
    Answer, BadNodeId, NodeId, NodeKey, NodeRecord, RequestId, Verb, Want, parse_node_list,
};
use wnm_core::observe::Ledger;
use wnm_core::plan::PlanScope;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_core::run::{CycleOptions, cycle, withdraw};
use wnm_core::select::{Order, Weighed, pick};

use super::Context;
use crate::args::{AddArgs, Which};
use crate::compose::{Access, Adapters};
use crate::error::CliError;
use crate::exit::Exit;
use crate::{interrupt, output};

/// More removals than this at once need a confirmation.
const UNCONFIRMED: u32 = 4;

pub(super) fn add(context: &Context<'_>, args: &AddArgs) -> Result<Exit, CliError> {
    let count = args.count;
    if let Some(word) = args.stray.first() {
        return Err(CliError::usage(format!(
            "`add` takes no names, and `{word}` is one word too many"
        ))
        .hint(format!("new nodes get the next free names: `wnm add --count {word}`")));
    }
    let (adapters, _) = context.adapters(Access::Write)?;
    carry_out(context, &adapters, &Verb::Add { count })
}

pub(super) fn start(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let stopped =
        |record: &&NodeRecord| is_ours(record) && (record.want != Want::Run || !record.counts());
    let nodes = named(which, &ledger, &adapters, Order::Oldest, stopped)?;
    carry_out(context, &adapters, &Verb::Start { nodes })
}

pub(super) fn stop(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let wanted = |record: &&NodeRecord| record.want == Want::Run && record.counts();
    let nodes = named(which, &ledger, &adapters, removal_order(&ledger.draft), wanted)?;
    carry_out(context, &adapters, &Verb::Stop { nodes })
}

pub(super) fn restart(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let wanted = |record: &&NodeRecord| record.want == Want::Run && record.counts();
    let nodes = named(which, &ledger, &adapters, Order::Oldest, wanted)?;
    carry_out(context, &adapters, &Verb::Restart { nodes })
}

pub(super) fn remove(
    context: &Context<'_>,
    which: &Which,
    confirmed: bool,
) -> Result<Exit, CliError> {
    let many = which.all || which.count.is_some_and(|count| count > UNCONFIRMED);
    if many && !confirmed {
        return Err(unconfirmed());
    }
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let nodes = named(which, &ledger, &adapters, removal_order(&ledger.draft), is_ours)?;
    if nodes.len() > UNCONFIRMED as usize && !confirmed {
        return Err(unconfirmed());
    }
    carry_out(context, &adapters, &Verb::Remove { nodes })
}

fn unconfirmed() -> CliError {
    let problem = "removing all nodes, or more than four at once, needs --confirm";
    CliError::new(Exit::Refused, problem).hint("nothing was done")
}

pub(super) fn disable(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let counted = |record: &&NodeRecord| record.counts();
    let nodes = named(which, &ledger, &adapters, removal_order(&ledger.draft), counted)?;
    carry_out(context, &adapters, &Verb::Disable { nodes })
}

pub(super) fn enable(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let disabled = |record: &&NodeRecord| !is_ours(record);
    let nodes = if which.all {
        ledger.nodes.iter().filter(disabled).map(NodeRecord::key).collect()
    } else {
        named(which, &ledger, &adapters, Order::Oldest, disabled)?
    };
    carry_out(context, &adapters, &Verb::Enable { nodes })
}

/// The nodes that were pointed at, the oldest first where only a number was given.
pub(super) fn to_upgrade(
    which: &Which,
    ledger: &Ledger,
    adapters: &Adapters,
) -> Result<Vec<NodeKey>, CliError> {
    let wanted = |record: &&NodeRecord| record.want == Want::Run && record.counts();
    named(which, ledger, adapters, Order::Oldest, wanted)
}

/// The nodes that were pointed at and are to go on without wnm.
pub(super) fn to_release(
    which: &Which,
    ledger: &Ledger,
    adapters: &Adapters,
) -> Result<Vec<NodeKey>, CliError> {
    let wanted = |record: &&NodeRecord| record.want == Want::Run && record.counts();
    named(which, ledger, adapters, removal_order(&ledger.draft), wanted)
}

/// Disabled nodes are left alone unless they are named.
fn is_ours(record: &&NodeRecord) -> bool {
    record.want != Want::Disabled
}

/// Stores the request, then runs a cycle for it. When another cycle does not end in time the
/// request stays, and that cycle or the next one carries it out.
pub(super) fn carry_out(
    context: &Context<'_>,
    adapters: &Adapters,
    verb: &Verb,
) -> Result<Exit, CliError> {
    let is_empty =
        !matches!(verb, Verb::Add { .. } | Verb::Restore { .. }) && verb.nodes().is_empty();
    if is_empty {
        output::say(&format!("no node to {}", verb.name()));
        return Ok(Exit::Done);
    }
    let now = adapters.clock.now()?;
    // From here on an interruption takes the request back: nobody else should carry it out later.
    let stop = interrupt::listen();
    let request = adapters.intents().request(verb, &now)?;
    let stopped = || stop.is_asked();
    let lock = crate::lock::acquire_unless(&context.paths.lock, context.patience, &stopped)?;
    let Some(_lock) = lock else {
        if stop.is_asked() {
            return take_back(adapters, request);
        }
        output::say(&format!("queued: request {request} waits for the cycle that is running"));
        return Ok(Exit::Busy);
    };
    super::require_in_place(adapters)?;
    // The cycle that held the lock may have done it already.
    let answered = adapters.intents().answer_to(request)?;
    let mut left = Vec::new();
    if answered.is_none() {
        let ledger = super::reload(adapters)?;
        let options = context.options(&ledger, PlanScope::RequestsOnly);
        let options = CycleOptions { stop, ..options };
        let mut progress = output::Progress::new(context.json, &options.stop);
        let report = cycle(&adapters.host(), &options, &mut |event| progress.tell(event))?;
        output::cycle(&report, context.json)?;
        withdraw(&adapters.host(), request, &report)?;
        left = report.left;
    }
    let answer = adapters.intents().answer_to(request)?.ok_or_else(|| {
        CliError::new(
            Exit::Failed,
            format!("request {request} was not answered; see `wnm history`"),
        )
    })?;
    let is_own = |planned: &PlannedAction| planned.reason == Reason::Request { id: request };
    let (own, others): (Vec<_>, Vec<_>) = left.into_iter().partition(is_own);
    output::left(&others, "others asked for it, and the next cycle does it");
    if !own.is_empty() {
        output::left(&own, "nothing will do it by itself; ask for it again");
        return Ok(Exit::of_counts(answer.done as usize, own.len()));
    }
    for why in &answer.refused {
        output::say(&format!("refused: {why}"));
    }
    Ok(match (answer.done, answer.failed, answer.refused.len()) {
        (_, 0, 0) => Exit::Done,
        (0, 0, _) => Exit::Refused,
        (0, _, _) => Exit::Failed,
        _ => Exit::Partly,
    })
}

/// A request whose turn had not come when it was interrupted.
fn take_back(adapters: &Adapters, request: RequestId) -> Result<Exit, CliError> {
    let begun = super::reload(adapters)?.begun.contains_key(&request);
    if begun || adapters.intents().answer_to(request)?.is_some() {
        output::say(&format!("request {request} is in the hands of the cycle that is running"));
        return Ok(Exit::Busy);
    }
    let why = "interrupted before anything was begun".to_owned();
    let answer = Answer { done: 0, failed: 0, refused: vec![why] };
    adapters.store.answer(request, &answer, adapters.clock.now()?.wall)?;
    output::say(&format!(
        "interrupted: request {request} is taken back; `wnm history` shows whether the cycle that is running had begun it"
    ));
    Ok(Exit::Failed)
}

/// The nodes that were pointed at, by name and record.
fn named(
    which: &Which,
    ledger: &Ledger,
    adapters: &Adapters,
    order: Order,
    eligible: impl Fn(&&NodeRecord) -> bool,
) -> Result<Vec<NodeKey>, CliError> {
    if which.all {
        return Ok(ledger.nodes.iter().filter(is_ours).map(NodeRecord::key).collect());
    }
    if let Some(count) = which.count {
        let candidates: Vec<&NodeRecord> = ledger.nodes.iter().filter(eligible).collect();
        let weighed = weigh(&candidates, adapters)?;
        let ids = pick(weighed, order, count as usize);
        return ids.into_iter().map(|id| key(ledger, id)).collect();
    }
    listed(&which.nodes, ledger)
}

/// Nodes by name. A range goes from the first to the last that there is and has holes where nodes were
/// removed; a single name means that very node.
fn listed(words: &[String], ledger: &Ledger) -> Result<Vec<NodeKey>, CliError> {
    let usage = |error: BadNodeId| CliError::usage(error.to_string());
    let all = parse_node_list(words).map_err(usage)?;
    let single = words.iter().flat_map(|word| word.split(',')).filter(|part| !part.contains('-'));
    let single: Vec<&str> = single.filter(|part| !part.trim().is_empty()).collect();
    let single = match single.is_empty() {
        true => BTreeSet::new(),
        false => parse_node_list(&single).map_err(usage)?,
    };
    let is_meant = |id: &NodeId| single.contains(id) || ledger.node(*id).is_some();
    let meant: Vec<NodeId> = all.iter().copied().filter(is_meant).collect();
    match (meant.is_empty(), all.first()) {
        (true, Some(first)) => Err(missing(*first)),
        _ => meant.into_iter().map(|id| key(ledger, id)).collect(),
    }
}

fn key(ledger: &Ledger, id: NodeId) -> Result<NodeKey, CliError> {
    ledger.node(id).map(NodeRecord::key).ok_or_else(|| missing(id))
}

fn missing(id: NodeId) -> CliError {
    CliError::usage(format!("there is no {id}; nothing was done"))
        .hint("`wnm status` shows the nodes there are")
}

/// What the last cycle saw of them.
fn weigh(candidates: &[&NodeRecord], adapters: &Adapters) -> Result<Vec<Weighed>, CliError> {
    let last = adapters.intents().last_seen()?;
    let weigh = |record: &&NodeRecord| {
        let seen = last.as_ref().and_then(|last| last.node(record.spec.id));
        Weighed {
            id: record.spec.id,
            stopped: seen.is_some_and(|node| node.seen.alive == Some(false)),
            created: record.created,
            records: seen.and_then(|node| node.facts.records),
            shunned: seen.and_then(|node| node.facts.shunned),
            memory: seen.and_then(|node| node.memory).map(|bytes| bytes.0),
            cpu_ms: seen.and_then(|node| node.cpu_ms),
            disk: seen.and_then(|node| node.disk).map(|bytes| bytes.0),
        }
    };
    Ok(candidates.iter().map(weigh).collect())
}

/// The stored order; what is stored was checked when it was stored.
fn removal_order(draft: &PolicyDraft) -> Order {
    draft.text(Setting::NodeRemovalStrategy).parse().unwrap_or(Order::Youngest)
}
