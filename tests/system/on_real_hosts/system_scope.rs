//! The main job for the whole machine, as root and as an operator with sudo.

use super::operator::{Operator, Who};
use super::story;

#[test]
fn root_has_nodes_created_healed_shed_and_taken_down() {
    if let Some(op) = Operator::of("sysroot", Who::Root) {
        story::main_job(&op);
        nothing_is_left(&op);
    }
}

#[test]
fn an_operator_with_sudo_has_nodes_created_healed_shed_and_taken_down() {
    if let Some(op) = Operator::of("syssudo", Who::Sudo) {
        story::main_job(&op);
        nothing_is_left(&op);
    }
}

#[test]
fn wnm_killed_in_the_middle_of_cycles_loses_nothing() {
    if let Some(op) = Operator::of("syskill", Who::Sudo) {
        story::killed_in_the_middle(&op);
        assert_eq!(stat(&op, "%U", "/var/antctl/services/antnode0001"), "ant");
    }
}

/// The user of the nodes stays, as teardown says, and the archive, which the story has looked at.
#[track_caller]
fn nothing_is_left(op: &Operator) {
    op.host.sh("getent passwd ant").ok();
    let left = op.host.sh("ls -d /var/log/antnode /var/antctl/services 2>/dev/null | wc -l");
    assert_eq!(left.stdout.trim(), "0");
    let units = op.host.sh("find /etc/systemd/system -name '*antnode*'").stdout;
    assert_eq!(units, "");
}

#[track_caller]
fn stat(op: &Operator, format: &str, path: &str) -> String {
    let ran = op.host.sh(&format!("stat --format='{format}' {path}")).ok();
    ran.stdout.trim().to_owned()
}

#[test]
fn everything_belongs_to_whom_it_should() {
    let Some(op) = Operator::of("owners", Who::Sudo) else {
        return;
    };
    op.init(&["--node-cap", "1"]);
    op.rest_with(1);
    let table = [
        ("op 755", "/var/antctl"),
        ("op 600", "/var/antctl/colony.db"),
        ("op 600", "/var/antctl/wnm_active"),
        ("op 700", "/var/antctl/identities"),
        ("root 755", "/var/antctl/services"),
        ("root 600", "/var/antctl/services/.wnm-storage"),
        ("ant 700", "/var/antctl/services/antnode0001"),
        ("ant 755", "/var/antctl/services/antnode0001/ant-node"),
        ("ant 600", "/var/antctl/services/antnode0001/node_identity.key"),
        ("root 755", "/var/log/antnode"),
        ("ant 700", "/var/log/antnode/antnode0001"),
        ("root 644", "/etc/systemd/system/antnode0001.service"),
    ];
    for (expected, path) in table {
        assert_eq!(stat(&op, "%U %a", path), expected, "{path}");
    }

    // The other scope is named where this one has no store, and root does not spoil this one.
    let ran = op.wnm(&["--scope", "user", "status"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("the system scope is: choose --scope system"), "{ran:?}");
    let ran = op.host.exec(&["env", "PATH=/usr/bin:/bin", "/usr/local/bin/wnm", "run"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("run wnm as op"), "{ran:?}");
    op.host.exec(&["env", "PATH=/usr/bin:/bin", "/usr/local/bin/wnm", "status"]).ok();

    // A node that puts a link where its key was does not get at the files of others.
    let data = "/var/antctl/services/antnode0001";
    let archived = op.names("identities");
    op.host
        .sh(&format!("rm {data}/node_identity.key && ln -s /etc/shadow {data}/node_identity.key"))
        .ok();
    let ran = op.wnm(&["remove", "1"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(op.names("identities"), archived);
    assert_eq!(stat(&op, "%U %a", "/etc/shadow"), "root 640");
}

#[test]
fn a_stray_process_is_a_conflict_and_ended_before_its_data_goes() {
    let Some(op) = Operator::of("stray", Who::Sudo) else {
        return;
    };
    op.init(&["--node-cap", "1"]);
    op.wnm(&["add"]).ok();
    op.wnm(&["stop", "1"]).ok();
    assert_eq!(op.processes(), 0);
    // It looks like a node of this data, and systemd did not start it as one.
    let stray = "exec -a ant-node perl -e 'sleep 1000' -- \
                 --root-dir /var/antctl/services/antnode0001";
    op.host.exec(&["systemd-run", "--uid=ant", "--unit=stray", "bash", "-c", stray]).ok();
    let there = "for i in $(seq 100); do pgrep -f -u ant -- --root-dir && exit 0; sleep 0.1; done; \
                 exit 1";
    op.host.sh(there).ok();
    let ran = op.wnm(&["start", "1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("uses its data already"), "{ran:?}");
    let with_data = || op.host.sh("pgrep -u ant -f -c -- --root-dir").stdout.trim().to_owned();
    assert_eq!(with_data(), "1");
    op.wnm(&["remove", "1"]).ok();
    assert_eq!(with_data(), "0");
    assert_eq!(op.names("node"), [".wnm-storage"]);
    assert_eq!(op.names("identities").len(), 2, "a key and its description");
}

#[test]
fn without_root_rights_nothing_is_begun() {
    let Some(op) = Operator::of("nosudo", Who::Sudo) else {
        return;
    };
    let init = ["init", "--rewards-address", "faucet", "--scope", "system"];
    for sudoers in ["op ALL=(ALL) ALL", "somebody ALL=(ALL) ALL"] {
        op.host.sh(&format!("echo '{sudoers}' >/etc/sudoers.d/op")).ok();
        let ran = op.wnm(&init);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("needs root's rights without a password: "), "{ran:?}");
        assert!(ran.stderr.contains("op ALL=(ALL) NOPASSWD: ALL"), "{ran:?}");
        assert!(ran.stderr.contains("nothing was written"), "{ran:?}");
    }
    let made = op.host.sh("ls -d /var/antctl /var/log/antnode 2>/dev/null | wc -l");
    assert_eq!(made.stdout.trim(), "0", "nothing was made");
    assert_ne!(op.host.sh("getent passwd ant").code, Some(0), "nobody was made");
    // With the rights, but with places that are not safe for nodes.
    op.host.sh("echo 'op ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/op").ok();
    op.host.sh("mkdir -p /srv/open && chmod 777 /srv/open").ok();
    for (storage, why) in [("/srv/open", "nodes could write to"), ("/home/op/n", "lies in a home")]
    {
        let ran = op.wnm(&[&init[..], &["--node-storage", storage]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
    assert_ne!(op.host.sh("ls -d /var/antctl").code, Some(0), "nothing was made");
}
