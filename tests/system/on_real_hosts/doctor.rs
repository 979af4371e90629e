//! `wnm doctor` where there is a real systemd.

use super::operator::{Operator, Who, json};

/// What depends on the machine below the host.
const OF_THE_MACHINE: [&str; 8] = [
    // The stand-in comes by itself.
    "program-alone",
    "clock-unsynchronised",
    "open-files",
    "memory-low",
    "no-swap",
    "disk-filling",
    "inodes-filling",
    "no-pressure-stall",
];

#[track_caller]
fn found(op: &Operator, args: &[&str]) -> Vec<String> {
    let ran = op.wnm(&[&["doctor", "--json"], args].concat());
    let findings = json(&ran)["findings"].as_array().expect("a list").clone();
    let ids = findings.iter().map(|found| found["id"].as_str().expect("a name").to_owned());
    ids.filter(|id| !OF_THE_MACHINE.contains(&id.as_str())).collect()
}

fn a_sound_host_with_strays(op: &Operator) {
    op.init(&["--node-cap", "1"]);
    // By name: however busy the machine below the host is.
    op.wnm(&["add"]).ok();
    op.rest_with(1);
    assert_eq!(found(op, &[]), ["no-schedule"]);
    op.wnm(&["schedule", "install", "--every", "30s"]).ok();
    assert_eq!(found(op, &[]), Vec::<String>::new(), "{}", op.wnm(&["doctor"]).stdout);

    let units = op.unit_dir();
    op.shell(&format!(
        "sed s/antnode0001/antnode0009/g {units}/antnode0001.service >{units}/antnode0009.service"
    ))
    .ok();
    assert_eq!(found(op, &["--fix"]), ["stray-unit"], "units are not for --fix");
    op.shell(&format!("rm {units}/antnode0009.service")).ok();

    op.shell(&format!("{} stop wnm.timer", op.systemctl())).ok();
    assert_eq!(found(op, &[]), ["schedule-off"]);
    op.wnm(&["schedule", "install", "--every", "30s"]).ok();

    // Its unit goes while it runs.
    op.wnm(&["schedule", "remove"]).ok();
    op.shell(&format!("rm {units}/antnode0001.service")).ok();
    assert_eq!(found(op, &[]), ["unit-gone", "no-schedule"]);
    op.rest_with(1);
    // What is written anew holds from the next start on, and so far nobody knows that it is the same.
    assert_eq!(found(op, &[]), ["no-schedule", "older-than-unit"]);
    op.wnm(&["restart", "1"]).ok();
    assert_eq!(found(op, &[]), ["no-schedule"]);
    assert_eq!(op.processes(), 1);
}

#[test]
fn a_user_is_told_what_is_wrong() {
    let Some(op) = Operator::new("doctor") else {
        return;
    };
    a_sound_host_with_strays(&op);
    // Keys that others may read, and a systemd that ends with the last session: both it mends.
    op.host.sh("chmod 644 /home/op/.local/share/autonomi/node/antnode0001/node_identity.key").ok();
    assert_eq!(found(&op, &[]), ["not-private", "no-schedule"]);
    assert_eq!(found(&op, &["--fix"]), ["no-schedule"]);
    op.host.exec(&["loginctl", "disable-linger", "op"]).ok();
    let gone = "for i in $(seq 600); do [ -S /run/user/$(id -u op)/bus ] || exit 0; sleep 0.1; done; \
                exit 1";
    op.host.sh(gone).ok();
    assert_eq!(found(&op, &[]), ["no-systemd", "node-unknown", "no-schedule"]);
    op.wnm(&["doctor", "--fix"]);
    let linger = op.host.exec(&["loginctl", "show-user", "op", "--property=Linger", "--value"]);
    assert_eq!(linger.ok().stdout.trim(), "yes");
}

#[test]
fn an_operator_with_sudo_is_told_what_is_wrong() {
    let Some(op) = Operator::of("sysdoctor", Who::Sudo) else {
        return;
    };
    a_sound_host_with_strays(&op);
    op.host.sh("echo 'op ALL=(ALL) ALL' >/etc/sudoers.d/op").ok();
    let without = found(&op, &[]);
    assert!(without.contains(&"no-root-rights".to_owned()), "{without:?}");
}
