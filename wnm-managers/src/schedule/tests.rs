//! Both kinds against scripts: every call that is made, and nothing else.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use wnm_core::action::Change;
use wnm_core::fakes::ScriptedRunner;
use wnm_core::host::{CommandRunner, Completed, HostResult, Invocation};
use wnm_core::model::{Scope, Timestamp};
use wnm_core::observe::FaultKind;

use super::{Cron, Drift, Every, Job, Schedule, Timer, drift, program_of};
use crate::RootHands;

/// A cycle of a user.
pub(super) fn job() -> Job {
    Job {
        program: "/home/op/.cargo/bin/wnm".into(),
        arguments: vec!["--scope".into(), "user".into(), "run".into()],
        environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        user: None,
        every: Every::MINUTE,
    }
}

const SHOW: &str = "--property=ActiveState,UnitFileState,LastTriggerUSec,NextElapseUSecRealtime";
const RUNS: &str = "ActiveState=active\nUnitFileState=enabled\nLastTriggerUSec=\n\
                    NextElapseUSecRealtime=Sat 2026-11-21 02:52:10 UTC\n";

fn timer(dir: &TempDir, script: ScriptedRunner) -> (Timer, Arc<ScriptedRunner>) {
    let runner = Arc::new(script);
    let units = dir.path().join("units");
    (Timer::new(runner.clone(), units, "/run/user/7".into(), "op".into()), runner)
}

#[test]
fn a_timer_is_installed_once_and_removed_after_the_cycle() {
    let dir = TempDir::new().unwrap();
    let show = format!("systemctl --user show '{SHOW}' -- wnm.timer");
    let script = ScriptedRunner::new()
        .on("systemctl --user daemon-reload", 0, "", "")
        .on("systemctl --user enable --quiet -- wnm.timer", 0, "", "")
        .on("systemctl --user restart -- wnm.timer", 0, "", "")
        .on(&show, 0, RUNS, "")
        .on(&show, 0, RUNS, "")
        .on("systemctl --user disable --quiet --now -- wnm.timer", 0, "", "")
        .on(
            "systemctl --user show '--property=ActiveState' --value -- wnm.service",
            0,
            "activating\n",
            "",
        )
        .on(
            "systemctl --user show '--property=ActiveState' --value -- wnm.service",
            0,
            "inactive\n",
            "",
        )
        .on("systemctl --user clean '--what=state' -- wnm.timer", 1, "", "too old for that")
        .on("systemctl --user daemon-reload", 0, "", "")
        .on("systemctl --user reset-failed --quiet -- wnm.service", 1, "", "not loaded");
    let (timer, runner) = timer(&dir, script);
    assert!(!timer.found(Timestamp(0)).unwrap().is_there());
    assert_eq!(timer.install(&job()).unwrap(), Change::Made);
    assert_eq!(timer.install(&job()).unwrap(), Change::AlreadySo);
    let found = timer.found(Timestamp(0)).unwrap();
    assert_eq!(found.pieces, timer.pieces(&job()).unwrap());
    assert!(found.fires && found.next.is_some() && found.last.is_none(), "{found:?}");
    assert_eq!(timer.remove().unwrap(), Change::Made);
    assert_eq!(timer.remove().unwrap(), Change::AlreadySo);
    assert_eq!(fs::read_dir(dir.path().join("units")).unwrap().count(), 0);
    assert_eq!(runner.left(), Vec::<String>::new());
}

#[test]
fn a_timer_that_was_turned_off_is_told_and_turned_on_again() {
    let dir = TempDir::new().unwrap();
    let show = format!("systemctl --user show '{SHOW}' -- wnm.timer");
    let off = "ActiveState=inactive\nUnitFileState=disabled\n";
    let script = ScriptedRunner::new()
        .on(&show, 0, off, "")
        .on(&show, 0, off, "")
        .on("systemctl --user enable --quiet -- wnm.timer", 0, "", "")
        .on("systemctl --user restart -- wnm.timer", 1, "", "no such thing");
    let (timer, runner) = timer(&dir, script);
    fs::create_dir_all(dir.path().join("units")).unwrap();
    for piece in timer.pieces(&job()).unwrap() {
        fs::write(piece.place, piece.text).unwrap();
    }
    let found = timer.found(Timestamp(0)).unwrap();
    assert_eq!(found.why_not.as_deref(), Some("wnm.timer is not active"));
    assert!(timer.install(&job()).is_err(), "a failure is not hidden");
    assert_eq!(runner.left(), Vec::<String>::new());
}

#[test]
fn units_of_somebody_else_are_left_alone() {
    let dir = TempDir::new().unwrap();
    let (timer, _) = timer(&dir, ScriptedRunner::new());
    let unit = dir.path().join("units/wnm.timer");
    fs::create_dir_all(dir.path().join("units")).unwrap();
    fs::write(&unit, "[Timer]\nOnCalendar=daily\n").unwrap();
    for answer in [timer.install(&job()), timer.remove()] {
        assert_eq!(answer.unwrap_err().kind, FaultKind::Conflict);
    }
    assert!(fs::read_to_string(&unit).unwrap().contains("daily"));
}

#[test]
fn a_timer_of_the_machine_is_written_by_roots_hands() {
    let dir = TempDir::new().unwrap();
    let runner = Arc::new(ScriptedRunner::new().failing(
        &format!("(root) /usr/bin/stat '--format=%F' -- {}/units", dir.path().display()),
        FaultKind::Permission,
    ));
    let hands = RootHands::new(runner.clone(), "ant", 1000, dir.path().to_owned());
    let timer = Timer::of_system(runner.clone(), dir.path().join("units"), hands);
    assert_eq!(timer.install(&job()).unwrap_err().kind, FaultKind::Permission);
    assert_eq!(runner.left(), Vec::<String>::new());
}

/// A runner that also looks into each file it is told to load, at the moment it is told.
struct Loads {
    script: ScriptedRunner,
    seen: Mutex<Vec<(String, u32)>>,
}

impl CommandRunner for Loads {
    fn run(&self, invocation: &Invocation) -> HostResult<Completed> {
        for file in invocation.args.iter().filter(|arg| arg.starts_with('/')) {
            let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
            self.seen.lock().unwrap().push((fs::read_to_string(file).unwrap(), mode));
        }
        self.script.run(invocation)
    }
}

fn cron(dir: &TempDir, script: ScriptedRunner) -> (Cron, Arc<Loads>) {
    let runner = Arc::new(Loads { script, seen: Mutex::default() });
    let cron = Cron::new(runner.clone(), Scope::User, "op".into());
    (cron.through(dir.path().to_owned()), runner)
}

/// How a text is handed over, `number` names being taken.
fn load(dir: &TempDir, number: u32) -> String {
    let file = format!("wnm-crontab-{}-{number}", std::process::id());
    format!("crontab {}", dir.path().join(file).display())
}

fn block() -> String {
    let nobody = Arc::new(ScriptedRunner::new());
    Cron::new(nobody, Scope::User, "op".into()).pieces(&job()).unwrap().remove(0).text
}

const OTHERS: &str = "MAILTO=me\n1 2 * * * backup\n";

#[test]
fn a_block_is_added_and_taken_away_again() {
    let dir = TempDir::new().unwrap();
    let block = block();
    let with = format!("{OTHERS}{block}");
    let script = ScriptedRunner::new()
        .on("crontab -l", 0, OTHERS, "")
        .on("crontab -l", 0, OTHERS, "")
        .on(&load(&dir, 0), 0, "", "")
        .on("crontab -l", 0, &with, "")
        .on("crontab -l", 0, &with, "")
        .on("crontab -l", 0, &with, "")
        .on("crontab -l", 0, &with, "")
        .on(&load(&dir, 0), 0, "", "")
        .on("crontab -l", 0, OTHERS, "")
        .on("crontab -l", 0, OTHERS, "");
    let (cron, runner) = cron(&dir, script);
    assert_eq!(cron.install(&job()).unwrap(), Change::Made);
    assert_eq!(cron.install(&job()).unwrap(), Change::AlreadySo);
    assert_eq!(cron.remove().unwrap(), Change::Made);
    assert_eq!(cron.remove().unwrap(), Change::AlreadySo);
    let seen = runner.seen.lock().unwrap().clone();
    assert_eq!(seen, [(with, 0o600), (OTHERS.to_owned(), 0o600)], "whole when it is loaded");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "and gone afterwards");
    assert_eq!(runner.script.left(), Vec::<String>::new());
}

#[test]
fn a_text_never_goes_through_a_file_that_is_there_already() {
    let dir = TempDir::new().unwrap();
    let taken = dir.path().join(format!("wnm-crontab-{}-0", std::process::id()));
    let victim = dir.path().join("victim");
    std::os::unix::fs::symlink(&victim, &taken).unwrap();
    let with = format!("{OTHERS}{}", block());
    let script = ScriptedRunner::new()
        .on("crontab -l", 0, OTHERS, "")
        .on("crontab -l", 0, OTHERS, "")
        .on(&load(&dir, 1), 1, "", "disk full");
    let (cron, runner) = cron(&dir, script);
    assert_eq!(cron.install(&job()).unwrap_err().kind, FaultKind::Failed);
    assert_eq!(runner.seen.lock().unwrap()[0].0, with);
    assert!(!victim.try_exists().unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only what was there before");
}

#[test]
fn without_a_place_for_the_text_nothing_is_loaded() {
    let dir = TempDir::new().unwrap();
    let script =
        ScriptedRunner::new().on("crontab -l", 0, OTHERS, "").on("crontab -l", 0, OTHERS, "");
    let (cron, runner) = cron(&dir, script);
    let cron = cron.through(dir.path().join("nowhere"));
    assert_eq!(cron.install(&job()).unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(runner.script.left(), Vec::<String>::new());
}

#[test]
fn a_crontab_of_ours_alone_comes_and_goes_as_a_whole() {
    let dir = TempDir::new().unwrap();
    let block = block();
    let script = ScriptedRunner::new()
        .on("crontab -l", 1, "", "no crontab for op\n")
        .on("crontab -l", 1, "", "no crontab for op\n")
        .on(&load(&dir, 0), 0, "", "")
        .on("crontab -l", 0, &block, "")
        .on("crontab -l", 0, &block, "")
        .on("crontab -l", 0, &block, "")
        .on("crontab -r", 0, "", "")
        .on("crontab -l", 1, "", "no crontab for op\n");
    let (cron, runner) = cron(&dir, script);
    assert_eq!(cron.install(&job()).unwrap(), Change::Made);
    assert_eq!(cron.remove().unwrap(), Change::Made);
    assert_eq!(runner.script.left(), Vec::<String>::new());
}

#[test]
fn a_crontab_that_cannot_be_read_or_changes_is_not_written() {
    let refused = "You (op) are not allowed to use this program (crontab)\n";
    let dir = TempDir::new().unwrap();
    let (denied, _) = cron(&dir, ScriptedRunner::new().on("crontab -l", 1, "", refused));
    assert_eq!(denied.install(&job()).unwrap_err().kind, FaultKind::Failed);
    let script =
        ScriptedRunner::new().on("crontab -l", 0, OTHERS, "").on("crontab -l", 0, "x\n", "");
    let (raced, runner) = cron(&dir, script);
    assert_eq!(raced.install(&job()).unwrap_err().kind, FaultKind::Conflict);
    assert!(runner.seen.lock().unwrap().is_empty());
}

#[test]
fn without_the_tool_there_is_nothing_and_any_other_failure_is_one() {
    let dir = TempDir::new().unwrap();
    let failing = |kind| {
        let script = ScriptedRunner::new().failing("crontab -l", kind);
        cron(&dir, script.failing("crontab -l", kind)).0
    };
    let absent = failing(FaultKind::NotFound);
    assert!(!absent.found(Timestamp(0)).unwrap().is_there());
    assert_eq!(absent.remove().unwrap(), Change::AlreadySo);
    assert_eq!(failing(FaultKind::NotFound).install(&job()).unwrap_err().kind, FaultKind::NotFound);
    let garbled = failing(FaultKind::Garbled);
    assert_eq!(garbled.found(Timestamp(0)).unwrap_err().kind, FaultKind::Garbled);
    assert_eq!(garbled.remove().unwrap_err().kind, FaultKind::Garbled);
}

#[test]
fn drift_is_told_line_by_line_and_an_interval_is_none() {
    let dir = TempDir::new().unwrap();
    let (cron, _) = cron(&dir, ScriptedRunner::new());
    let found = cron.pieces(&Job { every: Every::ALL[6], ..job() }).unwrap();
    assert_eq!(drift(&cron, &found, &job()).unwrap(), Drift { every: Some(120), lines: vec![] });
    let elsewhere = Job { program: "/usr/local/bin/wnm".into(), ..job() };
    let found = cron.pieces(&job()).unwrap();
    insta::assert_snapshot!(drift(&cron, &found, &elsewhere).unwrap().lines.join("\n"), @"
    - * * * * * /usr/bin/env 'PATH=/usr/local/bin:/usr/bin:/bin' /home/op/.cargo/bin/wnm --scope user run >/dev/null 2>&1
    + * * * * * /usr/bin/env 'PATH=/usr/local/bin:/usr/bin:/bin' /usr/local/bin/wnm --scope user run >/dev/null 2>&1
    ");
    assert_eq!(drift(&cron, &[], &job()).unwrap().lines.len(), 3);
}

#[test]
fn the_program_that_is_scheduled_can_be_read_again() {
    let dir = TempDir::new().unwrap();
    let kinds: [Box<dyn Schedule>; 2] = [
        Box::new(cron(&dir, ScriptedRunner::new()).0),
        Box::new(timer(&dir, ScriptedRunner::new()).0),
    ];
    for kind in kinds {
        for program in ["/usr/bin/wnm", "/srv/my tools/wnm"] {
            let found = kind.pieces(&Job { program: program.into(), ..job() }).unwrap();
            assert_eq!(program_of(&found), Some(program.into()), "{}", kind.kind());
        }
        assert_eq!(program_of(&[]), None);
    }
}
