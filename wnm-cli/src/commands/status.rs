//! `wnm status`: the store only; no lock, no sampling.
#![expect(clippy::disallowed_methods, reason = "a status that is watched waits between two looks")]

use std::thread;
use std::time::Duration;

use wnm_core::host::{Clock, Intents, LastSeen};
use wnm_core::model::{NodeId, parse_node_list};
use wnm_core::observe::Ledger;
use wnm_core::plan::{Capacity, capacity};
use wnm_core::policy::Policy;
use wnm_metrics::SystemClock;
use wnm_store::SqliteStore;

use super::Context;
use crate::args::{ShowArgs, StatusArgs};
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::status::{self, Shown, View};
use crate::output::{self, Terminal};

/// The states of nodes, as `status` and its JSON call them.
const STATES: [&str; 9] = [
    "running",
    "mute",
    "stopped",
    "starting",
    "upgrading",
    "removing",
    "dead",
    "unknown",
    "disabled",
];

pub(super) fn run(context: &Context<'_>, args: &ShowArgs) -> Result<Exit, CliError> {
    if let Some(state) = args.state.iter().find(|state| !STATES.contains(&state.as_str())) {
        let states = STATES.join(", ");
        return Err(CliError::usage(format!("`{state}` is no state: give {states}")));
    }
    if args.watch.is_some() && context.json {
        return Err(CliError::usage("--watch is for people, and --json for programs: give one"));
    }
    let how = (View { sort: args.sort, details: args.details, each: args.each }, terminal(context));
    let Some(seconds) = args.watch else {
        let look = look(context, args)?;
        output::status(&look.shown(), how, context.json)?;
        return Ok(Exit::Done);
    };
    let pause = || {
        thread::sleep(Duration::from_secs(seconds.into()));
        true
    };
    let screen = || {
        let look = look(context, args)?;
        let text = status::status(&look.shown(), how.0, how.1);
        Ok(match status::warning(look.age) {
            Some(warning) => format!("{text}{warning}\n"),
            None => text,
        })
    };
    watch(screen, |text| output::frame(text, how.1), pause)
}

/// Shows `screen` again and again, until nobody reads or `pause` says that it is enough.
fn watch(
    mut screen: impl FnMut() -> Result<String, CliError>,
    mut show: impl FnMut(&str) -> bool,
    mut pause: impl FnMut() -> bool,
) -> Result<Exit, CliError> {
    while show(&screen()?) && pause() {}
    Ok(Exit::Done)
}

/// One look at the store.
struct Look {
    ledger: Ledger,
    last: Option<LastSeen>,
    /// How many nodes are in none of the states that were asked for.
    hidden: u32,
    capacity: Option<Capacity>,
    age: Option<Duration>,
}

impl Look {
    /// How many nodes the machine holds is said by the settings of now. What is wrong with those is
    /// shown by other commands; the nodes are shown whatever it is.
    fn new(
        context: &Context<'_>,
        ledger: Ledger,
        last: Option<LastSeen>,
    ) -> Result<Look, CliError> {
        let overrides = context.layers.overrides(&ledger.draft);
        let capacity = last.as_ref().and_then(|LastSeen { snapshot, plan, .. }| {
            let policy = Policy::parse(&ledger.draft, &overrides, snapshot.machine.cpus).ok()?;
            Some(capacity(snapshot, &plan.memory.cost, &policy))
        });
        let age = age(last.as_ref())?;
        Ok(Look { ledger, last, hidden: 0, capacity, age })
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            ledger: &self.ledger,
            last: self.last.as_ref(),
            hidden: self.hidden,
            capacity: self.capacity.as_ref(),
            age: self.age,
        }
    }
}

fn look(context: &Context<'_>, args: &ShowArgs) -> Result<Look, CliError> {
    let (store, mut ledger) = open(&context.paths, Access::Read)?;
    let only = known(&args.of, &ledger)?;
    keep_only(&mut ledger, &only);
    let last = store.last_seen()?;
    let all = ledger.nodes.len();
    if !args.state.is_empty() {
        let in_state = |word: &str| args.state.iter().any(|state| state == word);
        ledger.nodes.retain(|record| in_state(output::state_word(record, last.as_ref())));
    }
    let hidden = (all - ledger.nodes.len()) as u32;
    Ok(Look { hidden, ..Look::new(context, ledger, last)? })
}

/// How long ago the last cycle looked. In the same boot by the clock that does not jump.
fn age(last: Option<&LastSeen>) -> Result<Option<Duration>, CliError> {
    let Some(last) = last else { return Ok(None) };
    let (then, now) = (&last.snapshot.now, SystemClock.now()?);
    Ok(Some(match then.instant.boot == now.instant.boot {
        true => now.age(&then.instant),
        false => now.wall.since(then.wall),
    }))
}

fn terminal(context: &Context<'_>) -> Terminal {
    Terminal::of(context.environment)
}

/// The nodes that were named; all of them must be there.
pub(super) fn known(args: &StatusArgs, ledger: &Ledger) -> Result<Vec<NodeId>, CliError> {
    let only = parse_node_list(&args.nodes).map_err(|error| CliError::usage(error.to_string()))?;
    match only.iter().find(|id| ledger.node(**id).is_none()) {
        Some(id) => Err(CliError::usage(format!("there is no {id}"))
            .hint("`wnm status` shows the nodes there are")),
        None => Ok(only.into_iter().collect()),
    }
}

pub(super) fn show(
    context: &Context<'_>,
    store: &SqliteStore,
    mut ledger: Ledger,
    only: &[NodeId],
) -> Result<Exit, CliError> {
    keep_only(&mut ledger, only);
    let last = store.last_seen()?;
    let look = Look::new(context, ledger, last)?;
    output::status(&look.shown(), (View::default(), terminal(context)), context.json)?;
    Ok(Exit::Done)
}

/// None named means all.
pub(super) fn keep_only(ledger: &mut Ledger, only: &[NodeId]) {
    if !only.is_empty() {
        ledger.nodes.retain(|record| only.contains(&record.spec.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_ends_when_nobody_reads_and_not_before() {
        let (mut looks, mut pauses, mut shown) = (0, 0, Vec::new());
        let screen = || {
            looks += 1;
            Ok(format!("look {looks}"))
        };
        let show = |text: &str| {
            shown.push(text.to_owned());
            shown.len() < 3
        };
        let pause = || {
            pauses += 1;
            true
        };
        watch(screen, show, pause).expect("it ends");
        assert_eq!((shown.join(", "), pauses), ("look 1, look 2, look 3".to_owned(), 2));
    }

    #[test]
    fn watching_ends_with_an_error() {
        let mut looks = 0;
        let screen = || {
            looks += 1;
            if looks < 3 { Ok(String::new()) } else { Err(CliError::usage("the store is gone")) }
        };
        let ended = watch(screen, |_| true, || true);
        assert_eq!(ended.expect_err("the third look").to_string(), "error: the store is gone\n");
    }
}
