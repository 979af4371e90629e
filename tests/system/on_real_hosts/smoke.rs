//! The throw-away host itself can be trusted.

use std::fs;
use std::process::Command;

use crate::host::{Host, stand_in_bin};

#[test]
fn a_host_boots_serves_a_lingering_user_and_leaves_nothing() {
    let Some(host) = Host::up("smoke") else {
        return;
    };
    let name = host.name().to_owned();

    let state = host.exec(&["systemctl", "is-system-running"]);
    assert_eq!(state.stdout.trim(), "running", "{state:?}");

    host.lingering_user("ant");
    let state = host.exec_as("ant", &["systemctl", "--user", "is-system-running"]);
    assert_eq!(state.stdout.trim(), "running", "{state:?}");

    host.put(&stand_in_bin(), "/opt/wnm-test/ant-node");
    let version = host.exec_as("ant", &["/opt/wnm-test/ant-node", "--version"]).ok();
    assert_eq!(version.stdout, "ant-node 0.23.1\n");

    assert_eq!(host.sh("exit 7").code, Some(7));
    assert_eq!(host.exec(&["sh", "-c", "exit 8"]).code, Some(8));

    host.down();
    let mounts = fs::read_to_string("/proc/self/mounts").expect("readable");
    assert!(!mounts.contains(&name), "{mounts}");
    let processes = Command::new("pgrep").args(["-f", &name]).output().expect("pgrep runs");
    assert!(processes.stdout.is_empty(), "{processes:?}");
    let groups = Command::new("find")
        .args(["/sys/fs/cgroup", "/run/netns", "-name", &format!("*{name}*")])
        .output()
        .expect("find runs");
    assert!(groups.stdout.is_empty(), "{groups:?}");
}

#[test]
fn a_reboot_keeps_files_and_ends_processes() {
    let Some(host) = Host::up_whole("reboot") else {
        return;
    };
    host.put(&stand_in_bin(), "/opt/wnm-test/ant-node");
    let boot_id = host.sh("cat /proc/sys/kernel/random/boot_id").ok().stdout;
    host.exec(&["systemd-run", "--unit=before", "sleep", "1000"]).ok();
    assert_eq!(host.exec(&["systemctl", "is-active", "before"]).stdout, "active\n");

    host.reboot();
    assert_ne!(host.sh("cat /proc/sys/kernel/random/boot_id").ok().stdout, boot_id);
    assert_eq!(host.exec(&["systemctl", "is-active", "before"]).stdout, "inactive\n");
    host.exec(&["/opt/wnm-test/ant-node", "--version"]).ok();
}
