//! The crash matrix: wnm killed before, in and after every step of everything it does, on every manager
//! that runs here, at moments that are found by looking at what it does to the world. Then the same
//! moments again with a disk that is full, failing or read-only.
//!
//! `cargo xtask crash-matrix` runs all of it. `WNM_CRASH_BUDGET` says how many blows each scenario gets: without it a
//! few scenarios of plain processes get a few, and nothing is asked to be whole. `WNM_CRASH_ONLY=SCENARIO` or
//! `SCENARIO:CALL:NTH`, as a finding names it, repeats one.

mod campaign;
mod daemon;
mod homes;
mod judge;
mod lessons;
mod moments;
mod python;
mod reach;
mod scenarios;
mod seen;
mod stage;
mod strace;

pub(crate) use stage::end_containers;

use std::io::Write;

use campaign::{Ground, Tally};
use stage::Keeper;
use strace::Blow;

use crate::harness::{as_a_user, not_tested};

const PLAIN: Ground = Ground {
    manager: "setsid+user",
    keeper: Keeper::Nobody,
    more: &[],
    // A plain process has no definition, and no firewall is told of it in the user scope.
    never: &["mend"],
};

const UNITS: Ground =
    Ground { manager: "systemd+user", keeper: Keeper::Units, more: &[], never: &[] };

const CONTAINERS: Ground = Ground {
    manager: "docker+user",
    keeper: Keeper::Containers,
    more: &[],
    // A container that runs has its definition, and keeps its data where it is.
    never: &["mend", "move", "clear", "remove clear-left"],
};

const SHARED: Ground = Ground {
    manager: "docker+user",
    keeper: Keeper::Shared,
    more: &["--max-nodes-per-container", "4"],
    // Nor is a node of a shared one released, or brought back with its key.
    never: &["move", "clear", "remove clear-left", "release", "prove", "retire", "add bring-back"],
};

const ANTCTL: Ground = Ground {
    manager: "antctl+user",
    keeper: Keeper::Antctl,
    more: &["--program", "antnode"],
    // Its nodes stay where they are, and what they are made from is known.
    never: &["move", "clear", "remove clear-left", "start create", "restart create"],
};

const BOXES: Ground = Ground {
    manager: "docker-antctl+user",
    keeper: Keeper::Boxes,
    more: &["--program", "antnode"],
    // As of antctl; and its container is not released with it.
    never: &["move", "clear", "remove clear-left", "start create", "restart create", "release"],
};

/// Many in one of them.
const BOX: Ground =
    Ground { more: &["--program", "antnode", "--max-nodes-per-container", "10"], ..BOXES };

const DAEMON: Ground = Ground {
    manager: "antd+user",
    keeper: Keeper::Daemon,
    more: &[],
    // Nor does wnm give them other programs.
    never: &[
        "move",
        "clear",
        "remove clear-left",
        "start create",
        "restart create",
        "upgrade",
        "revert",
        "prove",
    ],
};

#[test]
fn plain_processes_survive_every_death_of_wnm() {
    kill_in(&PLAIN);
}

#[test]
fn plain_processes_survive_every_fault_of_the_disk() {
    fail_in(&PLAIN);
}

#[test]
fn units_survive_every_death_of_wnm() {
    kill_in(&UNITS);
}

#[test]
fn containers_survive_every_death_of_wnm() {
    kill_in(&CONTAINERS);
}

#[test]
fn a_shared_container_survives_every_death_of_wnm() {
    kill_in(&SHARED);
}

#[test]
fn nodes_of_antctl_survive_every_death_of_wnm() {
    kill_in(&ANTCTL);
}

#[test]
fn containers_with_an_antctl_each_survive_every_death_of_wnm() {
    if as_a_user().is_none() {
        return not_tested("containers with an antctl each: nobody may be another user here");
    }
    kill_in(&BOXES);
}

#[test]
fn a_shared_container_with_an_antctl_survives_every_death_of_wnm() {
    if as_a_user().is_none() {
        return not_tested("a container with an antctl: nobody may be another user here");
    }
    kill_in(&BOX);
}

#[test]
fn nodes_of_the_ant_daemon_survive_every_death_of_wnm() {
    kill_in(&DAEMON);
}

/// Blows for each scenario of an everyday run, which has few of them.
const EVERYDAY: usize = 8;
/// What an everyday run has.
const OF_EVERY_DAY: &[&str] = &["add", "remove", "upgrade", "restore"];

/// Blows for each scenario of a campaign; `None` on every day.
fn budget() -> Option<usize> {
    let wanted = std::env::var("WNM_CRASH_BUDGET").ok();
    wanted.map(|text| text.parse().expect("WNM_CRASH_BUDGET is a number"))
}

/// False where it cannot be tried, which is told; on a machine of CI it has to be.
fn can_strike() -> bool {
    let can = strace::is_here();
    if !can {
        assert!(std::env::var_os("CI").is_none(), "CI needs strace: cargo xtask host-setup");
        tell("NOT TESTED: strace is not here or may not trace\n");
    }
    can
}

/// Past the capture of the test harness.
fn tell(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

/// Kills wnm in all of them; on every day in some, of plain processes.
fn kill_in(ground: &Ground) {
    let is_everyday = budget().is_none() && ground.keeper == Keeper::Nobody;
    if !is_everyday && is_left_out() || !can_strike() {
        return;
    }
    let tally = campaign::run(ground, scenarios::ALL, &[Blow::Kill]);
    tell(&table(ground.manager, &tally));
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    if budget().is_some() && std::env::var_os("WNM_CRASH_ONLY").is_none() {
        let missing = campaign::missing(&tally, ground);
        assert!(missing.is_empty(), "nobody died in {missing:?}");
    }
}

/// True, and told, on every day.
fn is_left_out() -> bool {
    let is_left_out = budget().is_none();
    if is_left_out {
        tell("not run: WNM_CRASH_BUDGET is not set; `cargo xtask crash-matrix` sets it\n");
    }
    is_left_out
}

/// A disk that is full, fails or cannot be written to, once and from then on.
const FAULTS: &[Blow] = &[
    Blow::Fault("ENOSPC"),
    Blow::Lasting("ENOSPC"),
    Blow::Fault("EIO"),
    Blow::Lasting("EIO"),
    Blow::Lasting("EROFS"),
    Blow::Short,
];

/// Lets calls that write fail in all of them.
fn fail_in(ground: &Ground) {
    if is_left_out() || !can_strike() {
        return;
    }
    let tally = campaign::run(ground, scenarios::ALL, FAULTS);
    let mut text = format!("\n| {}: a write answers | times |\n|---|---|\n", ground.manager);
    for (what, times) in &tally.faults {
        text += &format!("| {what} | {times} |\n");
    }
    let (missed, wrong) = (tally.missed, tally.wrong.len());
    text += &format!("{missed} came too late; {wrong} violations\n");
    tell(&text);
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
}

fn table(manager: &str, tally: &Tally) -> String {
    let mut text = format!("\n| {manager}: action | step | kills |\n|---|---|---|\n");
    for ((action, step), deaths) in &tally.deaths {
        text += &format!("| {action} | {step} | {deaths} |\n");
    }
    text += &format!(
        "{} kills, {} of them between actions; {} hit a child alone, {} came too late; at most {} \
         cycles had work; {} violations\n",
        tally.kills(),
        tally.between,
        tally.children,
        tally.missed,
        tally.cycles,
        tally.wrong.len()
    );
    text
}
