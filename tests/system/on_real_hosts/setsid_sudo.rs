//! Nodes of the machine as plain processes of their own user, started and stopped through root's hands:
//! `setsid+sudo`, as root and as an operator with sudo.

use super::operator::{Operator, Who, json};

const INIT: [&str; 4] = ["--node-cap", "3", "--manager", "setsid+sudo"];

#[test]
fn root_has_plain_processes_of_another_user() {
    if let Some(op) = Operator::of("setroot", Who::Root) {
        main_job(&op.logged_in());
    }
}

#[test]
fn an_operator_with_sudo_has_plain_processes_of_another_user() {
    if let Some(op) = Operator::of("setsudo", Who::Sudo) {
        main_job(&op.logged_in());
    }
}

fn main_job(op: &Operator) {
    op.init(&INIT);
    op.rest_with(3);
    assert_eq!(op.processes(), 3);
    assert_eq!(op.cycle(), 0, "a machine at rest stays at rest");
    assert!(op.units().is_empty(), "no units are made");
    nothing_of_root_stays(op);

    let before = pid(op, 2);
    op.host.sh(&format!("kill -9 {before}")).ok();
    op.rest_with(3);
    assert_ne!(pid(op, 2), before);

    op.wnm(&["stop", "3"]).ok();
    assert_eq!(op.processes(), 2);
    op.wnm(&["start", "3"]).ok();
    op.wnm(&["restart", "1"]).ok();
    op.rest_with(3);

    op.host.reboot();
    assert_eq!(op.processes(), 0);
    op.rest_with(3);

    op.wnm(&["config", "set", "node_cap", "1"]).ok();
    op.rest_with(1);
    assert_eq!(op.processes(), 1);
    assert_eq!(op.names("node"), [".wnm-storage", "antnode0001"]);
    assert_eq!(op.names("logs"), ["antnode0001"]);
    assert_eq!(op.names("output"), ["antnode0001.log"]);
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.processes(), 0);
    assert_eq!(op.names(""), ["identities"]);
    assert_eq!(op.names("identities").len(), 6, "a key and its description each");
}

/// Neither rights nor surroundings of whoever started it.
fn nothing_of_root_stays(op: &Operator) {
    let pid = pid(op, 1);
    let status = op.host.sh(&format!("cat /proc/{pid}/status")).ok().stdout;
    let line = |key: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(key));
        found.expect("a line").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let ant = op.host.sh("id -u ant").ok().stdout.trim().to_owned();
    assert_eq!(line("Uid:"), [ant.as_str(); 4].join(" "));
    assert_eq!(line("NoNewPrivs:"), "1");
    assert_eq!(line("CapEff:"), "0000000000000000");
    assert_eq!(line("CapInh:"), "0000000000000000");
    let session = op.host.sh(&format!("ps -o sid= -p {pid}")).ok().stdout;
    assert_eq!(session.trim(), pid.to_string(), "a session of its own");
    let variables =
        op.host.sh(&format!("tr '\\0' '\\n' </proc/{pid}/environ | cut -d= -f1 | sort"));
    let variables = variables.ok().stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(variables, "HOME LOGNAME PATH USER");
    let key = "/var/antctl/services/antnode0001/node_identity.key";
    let owner = op.host.sh(&format!("stat --format='%U %a' {key}")).ok().stdout;
    assert_eq!(owner.trim(), "ant 600");
    let files =
        op.host.sh(&format!("readlink /proc/{pid}/fd/1 /proc/{pid}/fd/2 /proc/{pid}/cwd")).ok();
    let output = "/var/antctl/output/antnode0001.log";
    let data = "/var/antctl/services/antnode0001";
    assert_eq!(files.stdout.split_whitespace().collect::<Vec<_>>(), [output, output, data]);
}

#[test]
fn a_node_that_ends_at_once_is_told_in_its_own_words() {
    let Some(op) = Operator::of("setbad", Who::Sudo).map(Operator::logged_in) else {
        return;
    };
    op.init(&["--node-cap", "1", "--manager", "setsid+sudo", "--start-args", "--no-such-option"]);
    let ran = op.wnm(&["add"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("it ended at once: error: unexpected argument"), "{ran:?}");
    assert!(ran.stdout.contains("see /var/antctl/output/antnode0001.log"), "{ran:?}");
    // Rights that are taken away in between: a refusal in sudo's words, and nothing changes.
    op.host.sh("echo 'op ALL=(ALL) ALL' >/etc/sudoers.d/op").ok();
    let ran = op.wnm(&["start", "1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("sudo refuses: "), "{ran:?}");
}

#[test]
fn processes_of_another_user_survive_the_timer_that_started_them() {
    let Some(op) = Operator::of("settimer", Who::Sudo).map(Operator::logged_in) else {
        return;
    };
    op.init(&["--node-cap", "2", "--manager", "setsid+sudo"]);
    op.wnm(&["schedule", "install", "--systemd", "--every", "10s"]).ok();
    super::schedule::wait_until("two nodes run", || op.processes() == 2);
    let pids = op.host.sh("pgrep -u ant -f -- --root-dir").ok().stdout;
    let last = || json(&op.wnm(&["schedule", "show", "--json"]).ok())["last_cycle"].as_i64();
    let cycle = last();
    super::schedule::wait_until("two more cycles", || last() > cycle.map(|it| it + 15_000));
    op.wnm(&["schedule", "remove"]).ok();
    assert_eq!(op.host.sh("pgrep -u ant -f -- --root-dir").ok().stdout, pids);
}

fn pid(op: &Operator, number: u32) -> u32 {
    let find = format!("pgrep -u ant -f -- '--root-dir /var/antctl/services/antnode{number:04} '");
    op.host.sh(&find).ok().stdout.trim().parse().expect("one process")
}
