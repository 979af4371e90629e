//! Builders for tests: everything has a sensible value, and a test sets what it is about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{
    Bytes, NodeId, NodeRecord, NodeSpec, Phase, RecordId, Release, Timestamp, Want,
};
use crate::policy::{Policy, PolicyDraft, Setting};

/// The storage root of built nodes.
pub const STORAGE: &str = "/srv/nodes";
/// The log root of built nodes.
pub const LOGS: &str = "/srv/logs";
/// CPUs of the built machine.
pub const CPUS: u32 = 4;

/// Complete stored settings with every waiting time at its default.
pub fn draft() -> PolicyDraft {
    PolicyDraft::default()
        .with(Setting::RewardsAddress, "0x00455d78f850b0358E8cea5be24d415E01E107CF")
        .with(Setting::NodeStorage, STORAGE)
        .with(Setting::LogStorage, LOGS)
}

/// Settings that never wait: one action follows the other, cycle by cycle.
pub fn eager_draft() -> PolicyDraft {
    let waits = [
        Setting::DelayStart,
        Setting::DelayRemove,
        Setting::GrowWindow,
        Setting::SettleTime,
        Setting::QuietTime,
        Setting::LearnTime,
        Setting::RestartBackoff,
        Setting::UpkeepEvery,
        Setting::DelayUpgrade,
        Setting::CanaryTime,
    ];
    waits.into_iter().fold(draft(), |draft, setting| draft.with(setting, "0s"))
}

/// The policy of a draft that is known to be sound.
pub fn policy(draft: &PolicyDraft) -> Policy {
    Policy::parse(draft, &PolicyDraft::default(), CPUS).unwrap()
}

/// The id with this number.
pub fn id(number: u32) -> NodeId {
    NodeId::new(number).unwrap()
}

/// A release to install.
pub fn release() -> Release {
    Release::new("0.23.1".parse().unwrap(), PathBuf::from("/opt/ant-node"))
}

/// The spec that the engine itself would make for node `number`.
pub fn spec(number: u32) -> NodeSpec {
    let defaults = policy(&draft()).nodes;
    let wallet = defaults.wallets.shares()[0].address;
    defaults.spec(id(number), wallet, Path::new(STORAGE)).unwrap()
}

/// A settled record of node `number`, wanted to run; younger ones have higher numbers.
pub fn record(number: u32) -> NodeRecord {
    NodeRecord {
        record: RecordId(i64::from(number)),
        spec: spec(number),
        want: Want::Run,
        phase: Phase::Steady,
        version: Some(release().version),
        created: Timestamp(1_000_000_000_000 + i64::from(number) * 60_000),
        upgrade: None,
    }
}

/// `n` thousand million bytes.
pub fn gb(n: u64) -> Bytes {
    Bytes(n * Bytes::GB)
}

/// `n` seconds.
pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
