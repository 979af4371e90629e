use std::fs;
use std::time::{Duration, SystemTime};

use wnm_core::host::Clock;
use wnm_core::model::Timestamp;

use crate::SystemClock;

fn proc_uptime_ms() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
    (seconds * 1000.0).round() as u64
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
}

#[test]
fn both_clocks_agree_with_the_kernel() {
    let (uptime_before, wall_before) = (proc_uptime_ms(), wall_ms());
    let now = SystemClock.now().unwrap();
    let (uptime_after, wall_after) = (proc_uptime_ms(), wall_ms());

    // The kernel's file ends at hundredths.
    assert!((uptime_before..=uptime_after + 10).contains(&now.instant.uptime_ms));
    assert!((Timestamp(wall_before)..=Timestamp(wall_after)).contains(&now.wall));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(now.instant.boot.0, boot.trim());
    assert_eq!(now.instant.boot.0.len(), 36);
}

#[test]
fn sleeping_takes_at_least_as_long_as_asked() {
    let before = SystemClock.now().unwrap();
    SystemClock.sleep(Duration::from_millis(20));
    assert!(SystemClock.now().unwrap().age(&before.instant) >= Duration::from_millis(19));
}
