//! Where nodes are taken from by what a former manager wrote down: the database of the Python tool,
//! and antctl's registry.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks at old databases")]

use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::host::Clock;
use wnm_core::import::{Findings, Origin, Scheduler};
use wnm_core::model::{Manager, ManagerKind, Scope};
use wnm_core::policy::Setting;
use wnm_metrics::SystemClock;
use wnm_store::{LegacyError, SqliteStore, StoreErrorKind, read_python};

use crate::commands::{Context, schedule};
use crate::compose;
use crate::error::CliError;
use crate::exit::Exit;
use crate::python::takeover;

/// What the database in `file` says, and what keeps its nodes.
pub(super) fn of_python(context: &Context<'_>, file: &Path) -> Result<Findings, CliError> {
    let file = named(file);
    let shown = file.display().to_string();
    refuse_at_work(context)?;
    let database = read_python(&file).map_err(unreadable)?;
    let manager = takeover::keeper(&database, context.paths.scope)
        .map_err(|why| refused(format!("{shown}: {why}")))?;
    refuse_other_scope(context, &shown, manager)?;
    let kept = match manager.kind {
        ManagerKind::Antctl | ManagerKind::AntctlZen => antctls(context, manager)?,
        _ => compose::foreign_units(&context.paths).read(Origin::PythonDb, &|_| true)?,
    };
    let home = context.environment.get("HOME");
    let mut findings = takeover::findings(database, kept, &shown, home);
    findings.aside = set_aside(context, &file)?;
    if findings.aside.is_empty() {
        findings.notes.push(format!("{shown} stays as it is, and nothing reads it any more"));
    }
    findings.keep.push(file);
    schedules(context, &mut findings)?;
    Ok(findings)
}

/// What antctl's registry says.
pub(super) fn of_antctl(context: &Context<'_>) -> Result<Findings, CliError> {
    let given = context.layers.merged();
    let manager = given.text(Setting::Manager).parse::<Manager>().ok();
    let scope = context.paths.scope;
    let usual = Manager { kind: ManagerKind::Antctl, scope };
    let manager = manager.filter(|it| it.kind.keeps_removed()).unwrap_or(usual);
    antctls(context, manager)
}

fn antctls(context: &Context<'_>, manager: Manager) -> Result<Findings, CliError> {
    let paths = &context.paths;
    let mut findings =
        compose::foreign_units(paths).read_antctl(&paths.antctl_registry(), manager)?;
    let draft = findings.settings.with(Setting::Manager, manager.to_string());
    findings.settings = draft.with(Setting::Program, "antnode");
    Ok(findings)
}

/// Its lock and ours are one file: while it is there, that tool does nothing. It writes the time into
/// it, and we nothing.
fn refuse_at_work(context: &Context<'_>) -> Result<(), CliError> {
    let lock = &context.paths.lock;
    match fs::metadata(lock) {
        Ok(found) if found.len() > 0 => {
            let problem = format!("{} is there: the Python wnm is at work", lock.display());
            let hint = "wait for it; when none of it runs it was killed at it: delete that file";
            Err(refused(problem).hint(hint))
        }
        _ => Ok(()),
    }
}

/// After a takeover that failed that tool may go on.
pub(super) fn let_go(context: &Context<'_>) {
    if let Err(error) = fs::remove_file(&context.paths.lock) {
        tracing::warn!(%error, file = %context.paths.lock.display(), "the lock stays");
    }
}

/// As that tool's `--dbpath` had it as well.
fn named(file: &Path) -> PathBuf {
    let bare = file.to_str().and_then(|text| text.strip_prefix("sqlite:///"));
    let file = bare.map_or(file, Path::new);
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn refuse_other_scope(context: &Context<'_>, file: &str, manager: Manager) -> Result<(), CliError> {
    let scope = manager.scope;
    if scope == context.paths.scope {
        return Ok(());
    }
    let error = refused(format!("{file}: its nodes are kept by {manager}"));
    Err(error.hint(format!("choose --scope {scope} for them")))
}

/// The old database lies where wnm's own must lie: it goes to another name.
fn set_aside(context: &Context<'_>, file: &Path) -> Result<Vec<PathBuf>, CliError> {
    let store = &context.paths.store;
    match SqliteStore::open_read_only(store) {
        Err(error) if error.kind == StoreErrorKind::Foreign => {}
        _ => return Ok(Vec::new()),
    }
    let same = |path: &Path| fs::canonicalize(path).ok();
    if same(store) != same(file) {
        // Another one than was named, but of that tool: else it is nobody's to move.
        read_python(store).map_err(unreadable)?;
    }
    Ok(vec![store.clone()])
}

/// Lines of our crontab that run it. One that runs this very program goes on: its old command line
/// is understood.
fn schedules(context: &Context<'_>, findings: &mut Findings) -> Result<(), CliError> {
    let [_, cron] = compose::schedules(&context.paths, &schedule::user_name());
    let found = cron.found(SystemClock.now()?.wall)?;
    let own = std::env::current_exe().and_then(fs::canonicalize).ok();
    for line in found.others {
        let runs_us = |word: &str| own.is_some() && fs::canonicalize(word).ok() == own;
        if line.split_whitespace().any(runs_us) {
            findings.notes.push(format!("the crontab line `{line}` runs this wnm, and stays"));
        } else {
            findings.schedulers.push(Scheduler::CrontabLine(line));
        }
    }
    if !findings.schedulers.is_empty() {
        let scope = match context.paths.scope {
            Scope::User => "",
            Scope::System => " --scope system",
        };
        findings.notes.push(format!(
            "nothing starts cycles afterwards: `wnm{scope} schedule install` makes a timer"
        ));
    }
    Ok(())
}

fn unreadable(error: LegacyError) -> CliError {
    match error {
        LegacyError::File(error) if error.kind == StoreErrorKind::Foreign => {
            let file = error.file.display();
            refused(format!("{file} is no database of the Python wnm, and was left untouched"))
        }
        LegacyError::File(error) => CliError::from(error).hint("nothing was changed"),
        content @ LegacyError::Content { .. } => {
            let hint = "--import takes nodes that run over without their database";
            refused(content.to_string()).hint(hint)
        }
    }
}

fn refused(problem: String) -> CliError {
    CliError::new(Exit::Refused, problem).hint("nothing was changed")
}
