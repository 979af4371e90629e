//! wnm killed at its effects under a real systemd, in both scopes, and beside a real ufw: the hermetic
//! tier has many more kills, with stand-ins (`tests/it/matrix`).
//!
//! `WNM_CRASH_BUDGET` says how often each command is killed.

#[path = "../../it/matrix/moments.rs"]
mod moments;

use std::collections::{BTreeMap, BTreeSet};

use moments::Moment;

use super::operator::{Operator, Who};
use crate::host::Ran;

/// Each once whole, then killed at a moment and done to its end, round after round.
const COMMANDS: [&str; 5] = ["add", "stop 3", "start 3", "restart 3", "remove 3"];

/// Nodes that no command names.
const OTHERS: [u32; 2] = [1, 2];

/// So many cycles may have something to do afterwards.
const CYCLES: usize = 3;

#[test]
fn every_step_of_a_user_survives_the_death_of_wnm() {
    if let Some(op) = Operator::new("crash") {
        swept(&op.logged_in(), &[]);
    }
}

#[test]
fn every_step_of_the_machine_survives_the_death_of_wnm() {
    if let Some(op) = Operator::of("crashsys", Who::Root) {
        swept(&op.logged_in(), &[]);
    }
}

#[test]
fn every_opening_of_ufw_survives_the_death_of_wnm() {
    let Some(op) = Operator::of("crashufw", Who::Root) else { return };
    let op = op.logged_in();
    op.host.sh("ufw --force enable && ufw allow 22/tcp comment 'ssh'").ok();
    swept(&op, &["--firewall", "ufw"]);
    let rules = op.host.sh("ufw show added").ok().stdout;
    assert!(rules.contains("comment 'ssh'"), "what is not ours stays: {rules}");
}

fn budget() -> usize {
    let wanted = std::env::var("WNM_CRASH_BUDGET").ok();
    wanted.map_or(5, |text| text.parse().expect("WNM_CRASH_BUDGET is a number"))
}

fn swept(op: &Operator, more: &[&str]) {
    if op.run(&["strace", "-f", "-qq", "-b", "execve", "-o", "/dev/null", "true"]).code != Some(0) {
        assert!(std::env::var_os("CI").is_none(), "CI needs strace: cargo xtask host-setup");
        println!("NOT TESTED: strace is not here or may not trace");
        return;
    }
    op.init(&[&["--node-cap", "9"], more].concat());
    // Only operators add nodes from here on.
    op.wnm(&["config", "set", "grow_window", "1d"]).ok();
    op.wnm(&["add", "--count", "2"]).ok();
    op.rest_with(2);
    let mut moments = BTreeMap::new();
    for command in COMMANDS {
        // Observing is killed often enough in the hermetic tier.
        let in_steps = traced(op, command).into_iter().filter(|it| it.at.contains("antnode"));
        moments.insert(command, moments::spread(in_steps.collect()));
        rested(op, "undisturbed");
    }
    let (mut kills, mut at) = (0, BTreeSet::new());
    for round in 0..budget() {
        for command in COMMANDS {
            let Some(moment) = moments[command].get(round) else { continue };
            if strike(op, command, moment) {
                kills += 1;
                at.insert(moment.at.clone());
            }
            whole(op, command);
        }
    }
    println!(
        "{kills} kills in {} places: {}",
        at.len(),
        at.into_iter().collect::<Vec<_>>().join("; ")
    );
    assert!(kills > budget() * COMMANDS.len() / 2, "most of them must hit");
}

/// strace as who runs wnm, with the options given.
fn below(op: &Operator, command: &str, options: &[&str]) -> Ran {
    let fixed = ["env", "WNM_LOG=info", "strace", "-f", "-qq", "-b", "execve", "-y"];
    let fixed = [&fixed[..], &["-o", "/tmp/trace"], options, &["/usr/local/bin/wnm"]].concat();
    op.run(&[fixed, command.split(' ').collect()].concat())
}

fn traced(op: &Operator, command: &str) -> Vec<Moment> {
    below(op, command, &["-s", "400", "-e", &moments::traced()]).ok();
    let trace = op.host.sh("cat /tmp/trace").ok().stdout;
    moments::read(&trace)
}

/// False when it had ended before.
fn strike(op: &Operator, command: &str, moment: &Moment) -> bool {
    let before = Seen::look(op);
    let Moment { call, nth, at, args } = moment;
    let what = format!("{command} killed at {call} {nth} ({args}), {at}");
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let ran = below(op, command, &["-e", &format!("trace={call}"), "-e", &inject]);
    let after = Seen::look(op);
    after.is_safe(&before, &what);
    rested(op, &what).is_safe(&after, &what);
    ran.code != Some(0)
}

/// The command done to its end, whatever became of the one before.
fn whole(op: &Operator, command: &str) {
    let wanted = if command == "remove 3" { 2 } else { 3 };
    let has_third = op.states().contains_key("antnode0003");
    let is_done = match command {
        "add" => has_third,
        "remove 3" => !has_third,
        _ => false,
    };
    if !is_done {
        op.wnm(&command.split(' ').collect::<Vec<_>>()).ok();
    }
    assert_eq!(op.states().len(), wanted, "{command}");
}

/// Cycles until one has nothing to do, and what is there then.
fn rested(op: &Operator, what: &str) -> Seen {
    let mut worked = 0;
    while op.cycle() > 0 {
        worked += 1;
        assert!(worked <= CYCLES, "P2: {what}: {}", op.wnm(&["history"]).stdout);
    }
    let seen = Seen::look(op);
    let states = op.states();
    let ids: BTreeSet<String> = states.keys().cloned().collect();
    // One that has just started may be mute as yet.
    let running = states.values().filter(|state| *state != "stopped").count();
    assert_eq!(op.processes(), running, "P2, P4: {what}: {states:?}");
    let named = |names: Vec<String>, end: &str| -> BTreeSet<String> {
        let names = names.into_iter().filter(|name| name != ".wnm-storage");
        let names = names.filter(|name| !name.ends_with(".target.wants"));
        names.map(|name| name.trim_end_matches(end).to_owned()).collect()
    };
    assert_eq!(named(op.units(), ".service"), ids, "P2: {what}: units");
    assert_eq!(named(op.names("node"), ""), ids, "P2: {what}: directories");
    assert_eq!(named(op.names("logs"), ""), ids, "P2: {what}: logs");
    let hidden = op.names("identities").into_iter().filter(|name| name.starts_with('.'));
    assert_eq!(hidden.count(), 0, "P2: {what}: private temporary files");
    let openings = op.host.sh("ufw show added | grep -c \"comment 'wnm'\"").stdout;
    if seen.has_firewall {
        assert_eq!(openings.trim(), running.to_string(), "P2: {what}: openings");
    }
    seen
}

struct Seen {
    /// Of those that no command names.
    pids: Vec<u32>,
    /// Hashes of every key, wherever it lies.
    keys: BTreeSet<String>,
    has_firewall: bool,
}

impl Seen {
    fn look(op: &Operator) -> Seen {
        let find = format!(
            "find {} {} -name node_identity.key -o -name '*.key' | xargs -r sha256sum | cut -c1-64",
            op.data_root(),
            op.base()
        );
        let keys = op.host.sh(&find).ok().stdout.lines().map(str::to_owned).collect();
        let has_firewall = op.host.sh("ufw status | grep -q 'Status: active'").code == Some(0);
        Seen { pids: OTHERS.map(|number| op.pid(number)).to_vec(), keys, has_firewall }
    }

    /// P1: nobody else was touched, and no key is gone.
    fn is_safe(&self, before: &Seen, what: &str) {
        assert_eq!(self.pids, before.pids, "P1: {what}");
        let lost: Vec<_> = before.keys.difference(&self.keys).collect();
        assert!(lost.is_empty(), "LOST: {what}: {lost:?}");
    }
}
