//! The stories that are the same for everybody who runs wnm.

use super::operator::Operator;

/// What makes the engine eager, and blind to the machine below the host.
pub(super) const EAGER: &[&str] = &[
    "--delay-start",
    "0",
    "--grow-window",
    "0",
    "--settle-time",
    "0",
    "--quiet-time",
    "0",
    "--learn-time",
    "0",
    "--restart-backoff",
    "0",
    "--disk-prior",
    "1MB",
    "--crisis-bytes",
    "100MB",
    "--cpu-less-than",
    "99.99",
    "--cpu-remove",
    "100",
    "--hd-less-than",
    "98",
    "--hd-remove",
    "99",
    "--mem-less-than",
    "99.8",
    "--mem-remove",
    "99.9",
    "--desired-load-average",
    "9999",
    "--max-load-average-allowed",
    "10000",
];

/// Nodes are created one by one, healed in every way, brought back after a reboot, shed and taken
/// down.
pub(super) fn main_job(op: &Operator) {
    op.init(&["--node-cap", "3"]);

    let cycles = op.rest_with(3);
    assert!(cycles.iter().all(|done| *done <= 1), "one a cycle: {cycles:?}");
    assert_eq!(cycles.iter().sum::<usize>(), 3, "{cycles:?}");
    assert_eq!(op.processes(), 3);
    assert_eq!(op.cycle(), 0, "a machine at rest stays at rest");
    assert_eq!(op.wnm(&["plan"]).code, Some(0));

    // Killed: systemd brings it back after five seconds, or the next cycle does, whoever is first.
    let pid = op.pid(2);
    op.host.sh(&format!("kill -9 {pid}")).ok();
    op.rest_with(3);
    assert_ne!(op.pid(2), pid);
    assert_eq!(op.processes(), 3);

    // The unit's file is deleted, with and without systemd knowing: written again, nothing restarted.
    let (systemctl, units) = (op.systemctl(), op.unit_dir());
    for reload in ["true".to_owned(), format!("{systemctl} daemon-reload")] {
        let pid = op.pid(1);
        let delete = format!("rm {units}/antnode0001.service");
        op.shell(&format!("{delete} && {reload}")).ok();
        op.rest_with(3);
        assert!(op.units().contains(&"antnode0001.service".to_owned()));
        assert_eq!(op.pid(1), pid);
    }

    op.shell(&format!("{systemctl} stop antnode0003")).ok();
    op.rest_with(3);
    assert_eq!(op.processes(), 3);

    op.host.reboot();
    assert_eq!(op.processes(), 0, "wnm brings nodes back, not systemd");
    op.rest_with(3);
    assert_eq!(op.processes(), 3);

    op.wnm(&["config", "set", "node_cap", "1"]).ok();
    op.rest_with(1);
    assert_eq!(op.processes(), 1);
    assert_eq!(op.units(), ["antnode0001.service"]);
    assert_eq!(op.names("node"), [".wnm-storage", "antnode0001"]);
    assert_eq!(op.names("logs"), ["antnode0001"]);
    let mut keys = op.names("identities");
    keys.retain(|name| name.ends_with(".key"));
    let kept = [1, 2, 3].map(|number| format!("antnode000{number}-{number}-ant-node.key"));
    assert_eq!(keys, kept, "of those that were removed, and of the one that runs");

    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.processes(), 0);
    assert_eq!(op.names(""), ["identities"]);
    assert!(op.units().is_empty());
    let list = format!("{systemctl} list-units --all --plain 'antnode*'");
    let loaded = op.shell(&list).ok().stdout;
    assert!(!loaded.contains("antnode0"), "{loaded}");
}

/// wnm is killed at swept moments of growing and shedding, and three cycles later all is well.
pub(super) fn killed_in_the_middle(op: &Operator) {
    op.init(&["--node-cap", "2"]);
    op.rest_with(2);
    let mut killed = 0;
    for round in 0_u32..12 {
        let cap = 1 + round % 2;
        op.wnm(&["config", "set", "node_cap", &cap.to_string()]).ok();
        for shot in 0_u32..3 {
            let seconds = f64::from((round * 7 + shot * 29) % 80 + 5) / 1000.0;
            let kill = format!("timeout -s KILL {seconds} /usr/local/bin/wnm run");
            killed += u32::from(op.run(&["sh", "-c", &kill]).code != Some(0));
        }
        let mut cycles = 0;
        while op.cycle() > 0 {
            cycles += 1;
            assert!(cycles <= 3, "round {round}: {}", op.wnm(&["history"]).stdout);
        }
        assert_eq!(op.states().len(), cap as usize, "round {round}");
        assert_eq!(op.processes(), cap as usize, "round {round}");
        assert_eq!(op.units().len(), cap as usize, "round {round}");
        assert_eq!(op.names("node").len(), cap as usize + 1, "round {round}");
        assert_eq!(op.names("logs").len(), cap as usize, "round {round}");
    }
    assert!(killed >= 12, "many of the 36 shots must hit; {killed} did");
}
