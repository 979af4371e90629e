//! Cycles that nobody types: run by a user's timer, by the machine's, and by cron.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::operator::{Operator, Who, json};

/// cron fires once a minute, and CPU use is known only ten seconds after init.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn a_timer_of_a_user_creates_nodes_and_brings_them_back_after_a_reboot() {
    let Some(op) = Operator::new("usertimer") else {
        return;
    };
    op.init(&["--node-cap", "2"]);
    fired_by_systemd(&op);
    let left = op.host.sh("find /home/op -name '*wnm.timer*' -o -name 'wnm.service'").stdout;
    assert_eq!(left, "", "nothing is left");
}

#[test]
fn a_timer_of_the_machine_runs_wnm_as_its_operator() {
    let Some(op) = Operator::of("systimer", Who::Sudo) else {
        return;
    };
    op.init(&["--node-cap", "2"]);
    fired_by_systemd(&op);
    let owner = op.host.sh("stat --format=%U /var/antctl/colony.db /var/antctl/wnm_active").ok();
    assert_eq!(owner.stdout, "op\nop\n");
    let stamps =
        "find /etc/systemd /var/lib/systemd/timers -name '*wnm.timer*' -o -name wnm.service";
    assert_eq!(op.host.sh(stamps).stdout, "", "nothing is left");
}

fn fired_by_systemd(op: &Operator) {
    let ran = op.wnm(&["schedule", "install", "--every", "10s"]).ok();
    assert!(ran.stdout.contains("KillMode=process"), "it is shown: {ran:?}");
    ask_for(op, 2);
    wait_for(op, 2);
    let again = op.wnm(&["schedule", "install", "--every", "10s"]).ok();
    assert!(again.stderr.contains("was there already"), "{again:?}");

    let shown = json(&op.wnm(&["schedule", "show", "--json"]).ok());
    let timer = &shown["scheduled"][0];
    assert_eq!(timer["kind"], "systemd", "{shown}");
    assert_eq!(timer["fires"], true, "{shown}");
    assert_eq!(timer["drift"]["every"], 10, "{shown}");
    let times = [&timer["last"], &shown["last_cycle"]].map(|time| time.as_i64().expect("a time"));
    assert!((times[0] - times[1]).abs() < 60_000, "both clocks are the same: {shown}");

    // Somebody turns it off: that is told, and another install turns it on.
    let systemctl = op.systemctl();
    op.shell(&format!("{systemctl} stop wnm.timer")).ok();
    let shown = op.wnm(&["schedule", "show"]).ok();
    assert!(shown.stdout.contains("DOES NOT FIRE: wnm.timer is not active"), "{shown:?}");
    op.wnm(&["schedule", "install"]).ok();
    let shown = op.wnm(&["schedule", "show"]).ok();
    assert!(shown.stdout.contains("every 60 s"), "{shown:?}");
    op.wnm(&["schedule", "install", "--every", "10s"]).ok();

    op.host.reboot();
    wait_for(op, 2);

    let ran = op.wnm(&["schedule", "remove"]).ok();
    assert!(ran.stderr.contains("the systemd timer is gone"), "{ran:?}");
    let timers = op.shell(&format!("{systemctl} list-timers --all --no-pager")).ok().stdout;
    assert!(!timers.contains("wnm"), "{timers}");
    assert_eq!(op.processes(), 2, "nodes stay");
}

#[test]
fn nodes_without_units_survive_the_service_that_started_them() {
    let Some(op) = Operator::new("setsidtimer") else {
        return;
    };
    op.init(&["--node-cap", "2", "--manager", "setsid+user"]);
    op.wnm(&["schedule", "install", "--systemd", "--every", "10s"]).ok();
    ask_for(&op, 2);
    wait_for(&op, 2);
    let pids = op.host.sh("pgrep -u op -f -- --root-dir").ok().stdout;
    let cycle = json(&op.wnm(&["schedule", "show", "--json"]).ok())["last_cycle"].clone();
    wait_until("two more cycles", || {
        let shown = json(&op.wnm(&["schedule", "show", "--json"]).ok());
        shown["last_cycle"].as_i64() > cycle.as_i64().map(|first| first + 15_000)
    });
    assert_eq!(op.host.sh("pgrep -u op -f -- --root-dir").ok().stdout, pids);
    // While cycles come and go: the service must not be taken from under one of them.
    for _ in 0..3 {
        op.wnm(&["schedule", "remove"]).ok();
        op.wnm(&["schedule", "install", "--systemd", "--every", "10s"]).ok();
    }
    op.wnm(&["schedule", "remove"]).ok();
    assert_eq!(op.host.sh("pgrep -u op -f -- --root-dir").ok().stdout, pids);
}

#[test]
fn cron_creates_nodes_and_every_other_line_stays_as_it_was() {
    let Some(op) = Operator::new("cron") else {
        return;
    };
    let theirs = "# mine: 100% of it\nMAILTO=\"\"\n\n17 3 * * *   true \\% x\n";
    op.host.sh(&format!("printf '%s' '{theirs}' | runuser -u op -- crontab -")).ok();
    op.init(&["--node-cap", "1", "--manager", "setsid+user"]);
    let ran = op.wnm(&["schedule", "install"]).ok();
    assert!(ran.stdout.contains("crontab of op"), "cron suits such nodes: {ran:?}");
    ask_for(&op, 1);
    wait_for(&op, 1);
    let shown = op.wnm(&["schedule", "show"]).ok();
    assert!(shown.stdout.starts_with("crontab line, every 60 s\n"), "{shown:?}");
    assert!(!shown.stdout.contains("DOES NOT FIRE"), "{shown:?}");

    let ran = op.wnm(&["schedule", "install", "--systemd"]).ok();
    assert!(ran.stderr.contains("took away the crontab line"), "one is enough: {ran:?}");
    op.wnm(&["schedule", "install", "--cron"]).ok();
    assert!(!op.units().iter().any(|name| name.contains("wnm")), "{:?}", op.units());
    op.wnm(&["schedule", "remove"]).ok();
    let after = op.host.sh("runuser -u op -- crontab -l").ok().stdout;
    assert_eq!(after, theirs);
    assert_eq!(op.processes(), 1, "nodes stay");
    op.wnm(&["teardown", "--confirm"]).ok();
}

#[test]
fn cron_runs_cycles_of_root() {
    let Some(op) = Operator::of("rootcron", Who::Root) else {
        return;
    };
    op.init(&["--node-cap", "1"]);
    op.wnm(&["schedule", "install", "--cron"]).ok();
    ask_for(&op, 1);
    wait_for(&op, 1);
    op.wnm(&["schedule", "remove"]).ok();
    assert_ne!(op.host.sh("crontab -l").code, Some(0), "an empty crontab goes as a whole");
}

/// Requests that nobody carries out but what is scheduled: a lock that is held makes wnm queue them.
/// Left to itself wnm would grow as well, but not while other work takes all of the machine's CPU.
#[track_caller]
fn ask_for(op: &Operator, count: u32) {
    let lock = format!("{}/wnm_active", op.base());
    let add = format!("WNM_LOCK_PATIENCE=0 flock {lock} /usr/local/bin/wnm add --count {count}");
    let ran = op.run(&["sh", "-c", &add]);
    assert_eq!(ran.code, Some(3), "it is queued: {ran:?}");
}

/// Until so many nodes run, with nobody typing `wnm run`.
#[track_caller]
fn wait_for(op: &Operator, count: usize) {
    wait_until(&format!("{count} nodes run by themselves"), || {
        let states = op.states();
        states.len() == count
            && states.values().all(|state| state == "running")
            && op.processes() == count
    });
}

#[track_caller]
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_secs(1));
    }
}
