//! `wnm schedule`: what runs cycles by themselves.

mod job;
mod program;

use std::path::Path;

use wnm_core::action::Change;
use wnm_core::host::{Clock, HostError, HostResult, Intents};
use wnm_core::model::{Manager, ManagerKind, Scope};
use wnm_core::observe::Ledger;
use wnm_core::policy::{Setting, parse_duration};
use wnm_managers::{Every, Found, Job, Schedule, ScheduleKind, drift, program_of};
use wnm_metrics::SystemClock;

use super::Context;
use crate::args::{InstallArgs, Kind, ScheduleCommand};
use crate::compose::{self, Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, ScheduleReport, Scheduled};

pub(super) use job::user_name;

pub(super) fn run(
    context: &Context<'_>,
    config: Option<&Path>,
    command: &ScheduleCommand,
) -> Result<Exit, CliError> {
    match command {
        ScheduleCommand::Install(args) => install(context, config, args),
        ScheduleCommand::Show => show(context, config),
        ScheduleCommand::Remove(kind) => {
            context.paths.refuse_other_owner()?;
            remove(context, *kind)
        }
    }
}

fn install(
    context: &Context<'_>,
    config: Option<&Path>,
    args: &InstallArgs,
) -> Result<Exit, CliError> {
    let every = every(&args.every)?;
    let (adapters, ledger) = context.adapters(Access::Read)?;
    context.paths.refuse_other_owner()?;
    let program = program::lasting(args.binary.as_deref(), context)?;
    let release = job::release(context, &adapters, &ledger);
    let job = job::job(context, config, program, release.as_ref(), every)?;
    let schedules = compose::schedules(&context.paths, &user_name());
    let chosen = choose(&schedules, args.kind, manager(context, &ledger))?;
    let mut pieces = chosen.pieces(&job)?;
    let now = SystemClock.now()?.wall;
    // Somebody else's unit is a reason not to begin, known before anything is written.
    chosen.found(now)?;
    output::pieces(&pieces, context.json)?;
    tell_what_is_left_out(context);
    if args.dry_run {
        output::say("nothing was written");
        return Ok(Exit::Done);
    }
    let made = chosen.install(&job)?;
    pieces.clear();
    for other in schedules.iter().filter(|other| other.kind() != chosen.kind()) {
        match other.found(now) {
            Ok(found) if found.is_there() => {
                other.remove()?;
                output::say(&format!("took away the {}, which this one replaces", other.kind()));
            }
            Ok(_) => {}
            Err(error) => output::say(&format!("warning: {}", not_known(other.as_ref(), &error))),
        }
    }
    let found = chosen.found(now)?;
    output::say(&match made {
        Change::AlreadySo => format!("this {} was there already", chosen.kind()),
        Change::Made | Change::NotManaged => {
            format!("a {} runs wnm every {every} from now on", chosen.kind())
        }
    });
    warn(&found);
    Ok(Exit::Done)
}

fn every(text: &str) -> Result<Every, CliError> {
    parse_duration(text).and_then(Every::of).ok_or_else(|| {
        let all = Every::ALL.map(|every| every.to_string()).join(", ");
        CliError::usage(format!("--every is `{text}`: give one of {all}")).hint(
            "rates need 10 s between cycles, and after a gap of more than 150 s the engine's \
             waiting times begin anew",
        )
    })
}

/// What was asked for, else the first that this machine has.
fn choose(
    schedules: &[Box<dyn Schedule>],
    asked: Kind,
    manager: ManagerKind,
) -> Result<&dyn Schedule, CliError> {
    let mut error = CliError { exit: Exit::Failed, ..CliError::default() };
    for kind in preferred(asked, manager) {
        let schedule = schedules.iter().find(|schedule| schedule.kind() == kind);
        let Some(schedule) = schedule else { continue };
        match schedule.obstacle() {
            None => return Ok(schedule.as_ref()),
            Some(obstacle) => {
                error.problems.push(obstacle.problem);
                error.hints.push(obstacle.hint);
            }
        }
    }
    Err(error.hint("nothing was written"))
}

/// Nodes that are plain processes would stay in the service's cgroup: it works, but systemd warns
/// of each of them with each cycle.
fn preferred(asked: Kind, manager: ManagerKind) -> Vec<ScheduleKind> {
    match (asked.systemd, asked.cron, manager) {
        (true, _, _) => vec![ScheduleKind::Systemd],
        (_, true, _) => vec![ScheduleKind::Cron],
        (_, _, ManagerKind::Setsid) => vec![ScheduleKind::Cron, ScheduleKind::Systemd],
        // macOS has no systemd.
        (_, _, ManagerKind::Launchd) => vec![ScheduleKind::Cron],
        (_, _, _) => vec![ScheduleKind::Systemd, ScheduleKind::Cron],
    }
}

fn manager(context: &Context<'_>, ledger: &Ledger) -> ManagerKind {
    let in_force = ledger.draft.under(&context.layers.merged());
    let manager = in_force.text(Setting::Manager).parse();
    manager.map_or(ManagerKind::Systemd, |manager: Manager| manager.kind)
}

fn tell_what_is_left_out(context: &Context<'_>) {
    let names = context.environment.setting_names();
    if !names.is_empty() {
        output::say(&format!(
            "note: {} will not be set there: store settings with `wnm config set`",
            names.join(", ")
        ));
    }
}

fn warn(found: &Found) {
    if let Some(why) = &found.why_not {
        output::say(&format!("warning: it does not fire: {why}"));
    }
    for line in &found.others {
        output::say(&format!("warning: another line runs wnm as well: {line}"));
    }
}

fn show(context: &Context<'_>, config: Option<&Path>) -> Result<Exit, CliError> {
    let report = report(context, config)?;
    output::schedules(&report, context.json)?;
    Ok(if report.unread.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Everything there is to know of the schedules of this scope.
pub(super) fn report(
    context: &Context<'_>,
    config: Option<&Path>,
) -> Result<ScheduleReport, CliError> {
    let now = SystemClock.now()?.wall;
    let mut report = ScheduleReport { now, ..ScheduleReport::default() };
    let mut release = None;
    // Without a store a schedule may be there all the same.
    if let Ok((store, ledger)) = open(&context.paths, Access::Read) {
        report.last_cycle = store.last_seen()?.map(|last| last.snapshot.now.wall);
        let (adapters, _) = context.adapters(Access::Read)?;
        release = job::release(context, &adapters, &ledger);
    }
    let program = program::this(context)?;
    let job = job::job(context, config, program, release.as_ref(), Every::MINUTE)?;
    for schedule in compose::schedules(&context.paths, &user_name()) {
        match look(schedule.as_ref(), &job, report.now) {
            Ok((scheduled, others)) => {
                report.scheduled.extend(scheduled);
                report.others.extend(others);
            }
            Err(error) => report.unread.push(not_known(schedule.as_ref(), &error)),
        }
    }
    Ok(report)
}

fn look(
    schedule: &dyn Schedule,
    job: &Job,
    now: wnm_core::model::Timestamp,
) -> HostResult<(Option<Scheduled>, Vec<String>)> {
    let found = schedule.found(now)?;
    let others = found.others.clone();
    if !found.is_there() {
        return Ok((None, others));
    }
    // Which path calls us now says nothing about the one that was scheduled, as long as that is
    // there.
    let scheduled = program_of(&found.pieces).and_then(|path| program::executable(&path).ok());
    let program = scheduled.unwrap_or_else(|| job.program.clone());
    let drift = drift(schedule, &found.pieces, &Job { program, ..job.clone() })?;
    Ok((Some(Scheduled { kind: schedule.kind(), found, drift }), others))
}

fn remove(context: &Context<'_>, asked: Kind) -> Result<Exit, CliError> {
    let kinds = preferred(asked, ManagerKind::Systemd);
    let (mut done, mut failed) = (0, 0);
    for schedule in compose::schedules(&context.paths, &user_name()) {
        let (kind, is_named) = (schedule.kind(), asked.systemd || asked.cron);
        if !kinds.contains(&kind) {
            continue;
        }
        match schedule.remove() {
            Ok(Change::AlreadySo) if is_named => output::say(&format!("there is no {kind}")),
            Ok(Change::AlreadySo) => {}
            Ok(Change::Made | Change::NotManaged) => {
                done += 1;
                output::say(&format!("the {kind} is gone"));
            }
            Err(error) => {
                failed += 1;
                let why = error.chain();
                output::say(&format!("FAILED: a {kind} may still be there: {why}"));
            }
        }
    }
    if done == 0 && failed == 0 && !(asked.systemd || asked.cron) {
        output::say("nothing runs cycles by itself; nothing was done");
    }
    Ok(Exit::of_counts(done, failed))
}

/// What is said of each schedule that is there or may be, to whoever takes everything else away.
pub(super) fn left(context: &Context<'_>) -> Result<Vec<String>, CliError> {
    let now = SystemClock.now()?.wall;
    let remove = command_for(context.paths.scope, "schedule remove");
    let mut said = Vec::new();
    for schedule in compose::schedules(&context.paths, &user_name()) {
        match schedule.found(now) {
            Ok(found) if !found.is_there() => {}
            Ok(_) => {
                let kind = schedule.kind();
                said.push(format!("a {kind} still runs wnm: `{remove}` takes it away"));
            }
            Err(error) => {
                let unknown = not_known(schedule.as_ref(), &error);
                said.push(format!("{unknown}; `{remove}` takes it away if there is one"));
            }
        }
    }
    Ok(said)
}

/// An error is not absence: what could not be looked at may run cycles all the same.
fn not_known(schedule: &dyn Schedule, error: &HostError) -> String {
    format!("whether a {} runs wnm is not known: {}", schedule.kind(), error.chain())
}

/// How to call wnm for this scope in a hint.
pub(super) fn command_for(scope: Scope, rest: &str) -> String {
    format!("wnm --scope {scope} {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_what_was_asked_and_then_the_nodes() {
        let kind = |systemd, cron| Kind { systemd, cron };
        let table = [
            (kind(true, false), ManagerKind::Setsid, vec![ScheduleKind::Systemd]),
            (kind(false, true), ManagerKind::Systemd, vec![ScheduleKind::Cron]),
            (
                kind(false, false),
                ManagerKind::Systemd,
                vec![ScheduleKind::Systemd, ScheduleKind::Cron],
            ),
            (
                kind(false, false),
                ManagerKind::Setsid,
                vec![ScheduleKind::Cron, ScheduleKind::Systemd],
            ),
        ];
        for nodes in [ManagerKind::Docker, ManagerKind::Antctl, ManagerKind::Antd] {
            // Without a user's systemd, or lingering, cron is next.
            let both = vec![ScheduleKind::Systemd, ScheduleKind::Cron];
            assert_eq!(preferred(kind(false, false), nodes), both, "{nodes}");
        }
        for (asked, manager, expected) in table {
            assert_eq!(preferred(asked, manager), expected, "{asked:?} {manager}");
        }
    }

    #[test]
    fn an_interval_that_cannot_be_had_names_those_that_can() {
        assert_eq!(every("1min").ok(), Some(Every::MINUTE));
        for text in ["45s", "5min", "0", "often"] {
            let error = every(text).expect_err("refused").to_string();
            assert!(error.contains(text) && error.contains("30s, 60s, 120s"), "{error}");
        }
    }
}
