//! The main job under a real systemd, as an unprivileged lingering user.

use super::operator::Operator;

#[test]
fn nodes_are_created_healed_shed_and_taken_down() {
    let Some(op) = Operator::new("user") else {
        return;
    };
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
    for reload in ["true", "systemctl --user daemon-reload"] {
        let pid = op.pid(1);
        let delete = "rm /home/op/.config/systemd/user/antnode0001.service";
        op.shell(&format!("{delete} && {reload}")).ok();
        op.rest_with(3);
        assert!(op.units().contains(&"antnode0001.service".to_owned()));
        assert_eq!(op.pid(1), pid);
    }

    op.shell("systemctl --user stop antnode0003").ok();
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
    assert_eq!(keys, ["antnode0002-2-ant-node.key", "antnode0003-3-ant-node.key"]);

    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.processes(), 0);
    assert_eq!(op.names(""), ["identities"]);
    assert!(op.units().is_empty());
    let loaded = op.shell("systemctl --user list-units --all --plain 'antnode*'").ok().stdout;
    assert!(!loaded.contains("antnode0"), "{loaded}");
}

#[test]
fn wnm_killed_in_the_middle_of_cycles_loses_nothing() {
    let Some(op) = Operator::new("kill") else {
        return;
    };
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
