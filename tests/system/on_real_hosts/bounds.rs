//! Slice, limits, confinement and drift of real units.

use super::operator::{Operator, Who};

#[test]
fn a_users_units_are_bounded_and_put_right() {
    let Some(op) = Operator::new("bounds") else {
        return;
    };
    bounded_and_put_right(&op, 6.5);
}

#[test]
fn the_machines_units_are_bounded_and_put_right() {
    let Some(op) = Operator::of("sysbounds", Who::Root) else {
        return;
    };
    bounded_and_put_right(&op, 2.0);
}

fn bounded_and_put_right(op: &Operator, exposure: f64) {
    let limits = ["--limit-memory", "1GB", "--limit-cpu", "150", "--slice-memory", "4GB"];
    op.init(&[&limits[..], &["--node-cap", "2", "--upkeep-every", "0"]].concat());
    op.rest_with(2);
    let systemctl = op.systemctl();
    let property = |unit: &str, name: &str| {
        let line = format!("{systemctl} show {unit} --property={name} --value");
        op.shell(&line).ok().stdout.trim().to_owned()
    };
    assert_eq!(property("antnode0001", "Slice"), "wnm.slice");
    assert_eq!(property("antnode0001", "MemoryMax"), "1000000000");
    assert_eq!(property("antnode0001", "CPUQuotaPerSecUSec"), "1.500000s");
    assert_eq!(property("wnm.slice", "MemoryMax"), "4000000000");
    assert_eq!(op.cycle(), 0, "a machine at rest stays at rest");

    confinement(op, exposure);

    // Edited by hand, with and without systemd knowing: written again, nothing restarted.
    let unit = format!("{}/antnode0001.service", op.unit_dir());
    let pid = op.pid(1);
    let edit = format!("sed -i 's/^RestartSec=.*/RestartSec=77/' {unit}");
    for reload in ["true".to_owned(), format!("{systemctl} daemon-reload")] {
        op.shell(&format!("{edit} && {reload}")).ok();
        assert_eq!(op.cycle(), 1, "one is mended");
        assert_eq!(property("antnode0001", "RestartUSec"), "5s");
        assert_eq!(property("antnode0001", "NeedDaemonReload"), "no");
        assert_eq!(op.cycle(), 0);
    }
    // Touched and not read again.
    op.shell(&format!("sleep 1; touch {unit}")).ok();
    assert_eq!(property("antnode0001", "NeedDaemonReload"), "yes");
    assert_eq!(op.cycle(), 1);
    assert_eq!(property("antnode0001", "NeedDaemonReload"), "no");

    // What somebody lays beside it is his: read, and left.
    let beside = format!("mkdir -p {unit}.d && printf '[Service]\\nNice=5\\n' >{unit}.d/mine.conf");
    op.shell(&format!("{beside} && {systemctl} daemon-reload")).ok();
    assert_eq!(op.cycle(), 0);
    assert_eq!(property("antnode0001", "Nice"), "5");
    let told = op.wnm(&["doctor"]).stdout;
    assert!(told.contains("unit-overridden") && told.contains("mine.conf"), "{told}");
    op.shell(&format!("rm -r {unit}.d && {systemctl} daemon-reload")).ok();

    // New bounds for all together hold at once.
    op.wnm(&["config", "set", "slice_memory", "3GB"]).ok();
    assert_eq!(op.cycle(), 1);
    assert_eq!(property("wnm.slice", "MemoryMax"), "3000000000");
    assert_eq!(op.cycle(), 0);
    assert_eq!(op.pid(1), pid, "nothing was restarted for any of it");

    op.wnm(&["teardown", "--confirm"]).ok();
    let left = op.shell(&format!("ls {} | grep -c wnm.slice || true", op.unit_dir())).ok().stdout;
    assert_eq!(left.trim(), "0", "the slice goes with the last unit");
}

/// As systemd itself judges it: from 0, safe, to 10.
fn confinement(op: &Operator, most: f64) {
    let analyze = match op.systemctl() {
        "systemctl --user" => "systemd-analyze --user",
        _ => "systemd-analyze",
    };
    let line = format!("{analyze} security --no-pager antnode0001.service | tail -1");
    let told = op.shell(&line).ok().stdout;
    println!("{}", told.trim());
    let figure = told.split(": ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let exposure: f64 = figure.and_then(|figure| figure.parse().ok()).expect("a figure");
    assert!(exposure <= most, "{told}");
}
