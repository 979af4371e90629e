//! The shipped numbers, and what a draft is refused for.

use super::*;
use crate::policy::PolicyError;

#[test]
fn every_default_is_the_documented_one() {
    use Setting as S;
    let table = [
        (S::NodeCap, "20"),
        (S::CpuLessThan, "50"),
        (S::CpuRemove, "70"),
        (S::MemLessThan, "60"),
        (S::MemRemove, "75"),
        (S::HdLessThan, "75"),
        (S::HdRemove, "90"),
        (S::DesiredLoadAverage, "auto"),
        (S::MaxLoadAverageAllowed, "auto"),
        (S::CrisisBytes, "2GB"),
        (S::MaxConcurrentStarts, "auto"),
        (S::MaxConcurrentRemovals, "1"),
        (S::MaxConcurrentOperations, "auto"),
        (S::NodeRemovalStrategy, "youngest"),
        (S::DelayStart, "300s"),
        (S::DelayRemove, "300s"),
        (S::PressureGrace, "600s"),
        (S::MemoryGrace, "180s"),
        (S::HdGrace, "6h"),
        (S::UrgentCpu, "90"),
        (S::GrowWindow, "600s"),
        (S::SettleTime, "300s"),
        (S::QuietTime, "1800s"),
        (S::DiskPrior, "20GB"),
        (S::DiskHorizon, "14d"),
        (S::MaxDestructivePerHour, "4"),
        (S::MaxDiskRemovalsPerDay, "2"),
        (S::RestartBackoff, "60s"),
        (S::RestartMute, "off"),
        (S::Autostart, "wnm"),
        (S::PortStart, "55"),
        (S::MetricsPortStart, "13"),
        (S::RpcPortStart, "30"),
        (S::DonateAddress, "0x00455d78f850b0358E8cea5be24d415E01E107CF"),
    ];
    for (setting, expected) in table {
        assert_eq!(setting.default_text(), expected, "{setting}");
    }
    for (_, low, high) in OFF {
        assert_eq!((low.default_text(), high.default_text()), ("0", "0"), "{low}");
    }
}

/// Rates and pressure stall, off unless asked for.
const OFF: [(Resource, Setting, Setting); 7] = [
    (Resource::DiskRead, Setting::HdioReadLessThan, Setting::HdioReadRemove),
    (Resource::DiskWrite, Setting::HdioWriteLessThan, Setting::HdioWriteRemove),
    (Resource::NetRead, Setting::NetioReadLessThan, Setting::NetioReadRemove),
    (Resource::NetWrite, Setting::NetioWriteLessThan, Setting::NetioWriteRemove),
    (Resource::StallCpu, Setting::PsiCpuLessThan, Setting::PsiCpuRemove),
    (Resource::StallMemory, Setting::PsiMemoryLessThan, Setting::PsiMemoryRemove),
    (Resource::StallIo, Setting::PsiIoLessThan, Setting::PsiIoRemove),
];

#[test]
fn the_defaults_become_these_numbers() {
    let policy = policy(&draft());
    let seconds = |duration: Duration| duration.as_secs();
    let stability = &policy.stability;
    assert_eq!((policy.cap.limit, policy.cap.stored), (20, 20));
    assert!(policy.optional.is_empty(), "nothing is judged that nobody asked for");
    let waits = [
        (stability.pressure_grace, 600),
        (stability.memory_grace, 180),
        (stability.disk_grace, 6 * 3600),
        (stability.grow_window, 600),
        (stability.settle_time, 300),
        (stability.quiet_time, 1800),
        (stability.disk_horizon, 14 * 86_400),
        (stability.restart_backoff, 60),
        (policy.delays.start, 300),
        (policy.delays.remove, 300),
    ];
    for (wait, expected) in waits {
        assert_eq!(seconds(wait), expected);
    }
    assert_eq!((stability.disk_prior, policy.crisis_bytes), (gb(20), gb(2)));
    assert_eq!((stability.destructive_per_hour, stability.disk_removals_per_day), (4, 2));
}

#[test]
fn load_follows_the_cpus() {
    for (cpus, low, high) in [(0, 0.6, 1.0), (1, 0.6, 1.0), (4, 2.4, 4.0), (64, 38.4, 64.0)] {
        let policy = Policy::parse(&draft(), &PolicyDraft::default(), cpus).unwrap();
        let load = policy.load;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(load.add_below(), low) && close(load.remove_above(), high), "{load:?}");
    }
}

fn errors(draft: &PolicyDraft) -> Vec<String> {
    let parsed = Policy::parse(draft, &PolicyDraft::default(), CPUS);
    parsed.err().unwrap_or_default().iter().map(PolicyError::to_string).collect()
}

#[test]
fn a_grow_threshold_must_be_below_its_shed_threshold() {
    let pairs = [
        (Setting::CpuLessThan, Setting::CpuRemove, "69", "70", "71"),
        (Setting::MemLessThan, Setting::MemRemove, "74", "75", "76"),
        (Setting::HdLessThan, Setting::HdRemove, "89", "90", "91"),
        (Setting::DesiredLoadAverage, Setting::MaxLoadAverageAllowed, "3.9", "4", "4.1"),
    ];
    for (grow, shed, below, at, above) in pairs {
        assert_eq!(errors(&draft().with(grow, below)), Vec::<String>::new(), "{grow} {below}");
        for text in [at, above] {
            let found = errors(&draft().with(grow, text));
            let expected =
                format!("{grow} {text} is not below {shed} {at}: lower {grow} or raise {shed}");
            assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        }
    }
    for (_, grow, shed) in OFF {
        let of = |low: &str, high: &str| errors(&draft().with(grow, low).with(shed, high));
        for (low, high, refused) in [
            ("0", "0", 0),
            ("9", "0", 0),
            ("0", "9", 0),
            ("8", "9", 0),
            ("9", "9", 1),
            ("9", "8", 1),
        ] {
            assert_eq!(of(low, high).len(), refused, "{grow} {low}, {shed} {high}");
        }
    }
}

#[test]
fn every_error_is_said_at_once() {
    let bad = [
        (Setting::CpuLessThan, "80"),
        (Setting::MemRemove, "101"),
        (Setting::NodeCap, "-1"),
        (Setting::HdioReadLessThan, "9MB"),
        (Setting::HdioReadRemove, "8MB"),
        (Setting::MaxConcurrentStarts, "0"),
        (Setting::NodeRemovalStrategy, "fattest"),
        (Setting::DelayStart, "soon"),
        (Setting::RestartMute, "maybe"),
        (Setting::CrisisBytes, "2 apples"),
        (Setting::RewardsAddress, "faucet:0"),
    ];
    let draft = bad.iter().fold(draft(), |draft, (setting, text)| draft.with(*setting, *text));
    insta::assert_snapshot!(errors(&draft).join("\n"), @"
    node_cap is `-1`: give a whole number from 0 to 10000
    cpu_less_than 80 is not below cpu_remove 70: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    mem_remove is `101`: give a number from 0 to 100
    hdio_read_less_than 9MB is not below hdio_read_remove 8MB: lower hdio_read_less_than or raise hdio_read_remove, so that growing and shedding do not undo each other
    crisis_bytes is `2 apples`: give a size such as 500MB, 2GB or 2GiB
    max_concurrent_starts is `0`: give auto, or a whole number from 1 to 1000
    delay_start is `soon`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d
    node_removal_strategy is `fattest`: give youngest, oldest, least_records, most_shunned, most_memory, most_cpu or largest_disk
    restart_mute is `maybe`: give on or off
    rewards_address is `faucet:0`: `0` is not a weight: weights are positive whole numbers
    ");
}

#[test]
fn numbers_at_their_ends() {
    let table = [
        (Setting::NodeCap, "0", true),
        (Setting::NodeCap, "10000", true),
        (Setting::NodeCap, "10001", false),
        (Setting::CpuRemove, "100", true),
        (Setting::CpuRemove, "100.1", false),
        (Setting::CpuRemove, "NaN", false),
        (Setting::CpuLessThan, "0", true),
        (Setting::CpuLessThan, "-0.1", false),
        (Setting::MaxConcurrentRemovals, "0", false),
        (Setting::MaxConcurrentRemovals, "1000", true),
        (Setting::MaxConcurrentRemovals, "1001", false),
        (Setting::MaxConcurrentStarts, "1000", true),
        (Setting::MaxConcurrentStarts, "1001", false),
        (Setting::MaxDestructivePerHour, "0", true),
        (Setting::DiskHorizon, "365d", true),
        (Setting::DiskHorizon, "366d", false),
        (Setting::PortStart, "1", false),
        (Setting::PortStart, "2", true),
        (Setting::PortStart, "65", true),
        (Setting::PortStart, "66", false),
    ];
    for (setting, text, sound) in table {
        let found = errors(&draft().with(setting, text));
        assert_eq!(found.is_empty(), sound, "{setting} {text}: {found:?}");
    }
    let ports = |cap: &str| {
        errors(&draft().with(Setting::PortStart, "65").with(Setting::NodeCap, cap)).len()
    };
    assert_eq!((ports("535"), ports("536")), (0, 1), "65535 is the last port");
}
