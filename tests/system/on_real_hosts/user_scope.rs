//! The main job under a real systemd, as an unprivileged lingering user.

use super::operator::Operator;
use super::story;

#[test]
fn nodes_are_created_healed_shed_and_taken_down() {
    if let Some(op) = Operator::new("user") {
        story::main_job(&op);
    }
}

#[test]
fn wnm_killed_in_the_middle_of_cycles_loses_nothing() {
    if let Some(op) = Operator::new("kill") {
        story::killed_in_the_middle(&op);
    }
}

#[test]
fn a_node_that_keeps_dying_is_left_to_wnm_and_backs_off() {
    let Some(op) = Operator::new("dying") else {
        return;
    };
    op.init(&["--node-cap", "1", "--environment", "WNM_STANDIN=die-after=0:9"]);
    op.wnm(&["config", "set", "restart_backoff", "60s"]).ok();
    op.wnm(&["add"]);
    // systemd gives up after five starts in ten minutes, five seconds apart.
    let failed = "for i in $(seq 600); do systemctl --user is-failed -q antnode0001 && exit 0; \
                  sleep 0.1; done; exit 1";
    op.shell(failed).ok();
    op.cycle();
    let ran = op.wnm(&["run"]).ok();
    assert!(ran.stdout.contains("antnode0001"), "{ran:?}");
    assert!(ran.stdout.contains("died"), "it says why it waits: {ran:?}");
    op.wnm(&["remove", "1"]).ok();
    assert!(op.units().is_empty());
}

#[test]
fn a_released_node_stays_with_systemd_through_teardown_and_reboot() {
    let Some(op) = Operator::new("release") else {
        return;
    };
    op.init(&["--node-cap", "2"]);
    op.rest_with(2);
    op.wnm(&["db", "backup"]).ok();
    let pid = op.pid(1);
    let said = op.wnm(&["release", "1"]).ok();
    assert!(said.stderr.contains("antnode0001 is yours"), "{said:?}");
    assert_eq!(op.pid(1), pid, "its process is not touched");
    let unit = op.shell("head -n1 ~/.config/systemd/user/antnode0001.service").ok();
    assert!(unit.stdout.starts_with("# Made by wnm and released"), "{unit:?}");
    op.wnm(&["run"]).ok();
    assert!(op.states().keys().all(|name| name != "antnode0001"), "its number is taken");
    let doctor = op.wnm(&["doctor"]);
    assert!(!doctor.stdout.contains("antnode0001"), "nothing is wrong with it: {doctor:?}");
    let back = op.wnm(&["db", "restore", "--latest", "--dry-run"]).ok();
    let given = "antnode0001: its unit is not wnm's any more";
    assert!(back.stdout.contains(given), "a backup does not take it back: {back:?}");
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.pid(1), pid, "a teardown leaves it alone");
    assert_eq!(op.units(), ["antnode0001.service", "default.target.wants"]);
    op.host.reboot();
    let up = "for i in $(seq 300); do systemctl --user is-active -q antnode0001 && exit 0; \
              sleep 0.1; done; exit 1";
    op.shell(up).ok();
    assert_ne!(op.pid(1), 0);
}

#[test]
fn without_a_systemd_of_ones_own_init_says_what_to_do() {
    let Some(op) = Operator::new("nobus") else {
        return;
    };
    op.host.sh("useradd -m visitor").ok();
    let init = [
        "runuser",
        "-u",
        "visitor",
        "--",
        "env",
        "HOME=/home/visitor",
        "PATH=/usr/bin:/bin",
        "/usr/local/bin/wnm",
        "init",
        "--rewards-address",
        "faucet",
    ];
    let ran = op.host.exec(&init);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("the systemd of user visitor does not answer"), "{ran:?}");
    assert!(ran.stderr.contains("loginctl enable-linger visitor"), "{ran:?}");
    let made = op.host.sh("ls -A /home/visitor/.local /home/visitor/.config 2>/dev/null | wc -l");
    assert_eq!(made.stdout.trim(), "0", "nothing was made");

    // A home that cannot be written to, and a store that may not be read.
    op.host.sh("chown root /home/visitor && chmod 755 /home/visitor").ok();
    let ran = op.host.exec(&[&init[..], &["--manager", "setsid+user"]].concat());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("is not writable"), "{ran:?}");
}

#[test]
fn a_unit_of_somebody_else_is_left_alone() {
    let Some(op) = Operator::new("foreign") else {
        return;
    };
    let unit = "/home/op/.config/systemd/user/antnode0001.service";
    op.shell(&format!(
        "mkdir -p ~/.config/systemd/user && printf '[Service]\\nExecStart=/bin/sleep 1000\\n' > {unit} \
         && systemctl --user daemon-reload && systemctl --user start antnode0001"
    ))
    .ok();
    let pid = op.pid(1);
    op.init(&["--node-cap", "1"]);
    op.rest_with(1);
    assert_eq!(op.states().into_keys().collect::<Vec<_>>(), ["antnode0002"]);
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.pid(1), pid, "it runs on");
    assert_eq!(op.units(), ["antnode0001.service"]);
}
