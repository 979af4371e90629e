//! Random settings: every one at its default, at an end, and somewhere between.

use super::super::*;
use super::tape::Tape;

pub(super) const ROOTS: [&str; 3] = [STORAGE, "/mnt/b", "/mnt/c"];

/// Any combination of these is a sound draft. The first of each is the default.
const CHOICES: &[(Setting, &[&str])] = &[
    (Setting::CpuLessThan, &["50", "0", "69"]),
    (Setting::CpuRemove, &["70", "70.5", "99"]),
    (Setting::MemLessThan, &["60", "1", "74"]),
    (Setting::MemRemove, &["75", "99"]),
    (Setting::HdLessThan, &["75", "10", "85"]),
    (Setting::HdRemove, &["90", "86", "100"]),
    (Setting::DesiredLoadAverage, &["auto", "0.5"]),
    (Setting::MaxLoadAverageAllowed, &["auto", "8"]),
    (Setting::HdioReadLessThan, &["0", "50MB"]),
    (Setting::HdioReadRemove, &["0", "80MB"]),
    (Setting::HdioWriteLessThan, &["0", "50MB"]),
    (Setting::HdioWriteRemove, &["0", "80MB"]),
    (Setting::NetioReadLessThan, &["0", "50MB"]),
    (Setting::NetioReadRemove, &["0", "80MB"]),
    (Setting::NetioWriteLessThan, &["0", "50MB"]),
    (Setting::NetioWriteRemove, &["0", "80MB"]),
    (Setting::PsiCpuLessThan, &["0", "10"]),
    (Setting::PsiCpuRemove, &["0", "20"]),
    (Setting::PsiMemoryLessThan, &["0", "10"]),
    (Setting::PsiMemoryRemove, &["0", "20"]),
    (Setting::PsiIoLessThan, &["0", "10"]),
    (Setting::PsiIoRemove, &["0", "20"]),
    (Setting::CrisisBytes, &["2GB", "0", "60GB"]),
    (Setting::MaxConcurrentStarts, &["auto", "1", "3"]),
    (Setting::MaxConcurrentRemovals, &["1", "3"]),
    (Setting::MaxConcurrentOperations, &["auto", "1", "2"]),
    (
        Setting::NodeRemovalStrategy,
        &[
            "youngest",
            "oldest",
            "least_records",
            "most_shunned",
            "most_memory",
            "most_cpu",
            "largest_disk",
        ],
    ),
    (Setting::DelayStart, &["300s", "0s"]),
    (Setting::DelayRemove, &["300s", "0s"]),
    (Setting::PressureGrace, &["600s", "0s", "60s"]),
    (Setting::MemoryGrace, &["180s", "0s"]),
    (Setting::HdGrace, &["6h", "0s", "60s"]),
    (Setting::UrgentCpu, &["90", "71"]),
    (Setting::GrowWindow, &["600s", "0s", "60s"]),
    (Setting::SettleTime, &["300s", "0s"]),
    (Setting::QuietTime, &["1800s", "0s"]),
    (Setting::DiskPrior, &["20GB", "0", "1GB"]),
    (Setting::DiskHorizon, &["14d", "0s", "1d"]),
    (Setting::MaxDestructivePerHour, &["4", "0", "1"]),
    (Setting::MaxDiskRemovalsPerDay, &["2", "0", "1"]),
    (Setting::RestartBackoff, &["60s", "0s"]),
    (Setting::RestartMute, &["off", "on"]),
    (Setting::UpgradeMode, &["auto", "managed", "managed", "off"]),
    (Setting::DelayUpgrade, &["300s", "60s"]),
    (Setting::MaxConcurrentUpgrades, &["1", "3"]),
    (Setting::CanaryCount, &["1", "0", "2"]),
    (Setting::CanaryTime, &["600s", "60s"]),
    (Setting::UpgradeFailureLimit, &["1", "0"]),
    (Setting::UpgradeSoak, &["0s", "1h"]),
    (Setting::UpgradeWindow, &["always", "2-5", "22-4+02:00"]),
    (Setting::WebrtcPortStart, &["off", "40"]),
    (Setting::Program, &["ant-node", "antnode"]),
    (Setting::RewardsAddress, &["faucet", "faucet:2,0x1111111111111111111111111111111111111111:1"]),
];

/// Stored settings for about so many nodes.
pub(super) fn stored(tape: &mut Tape<'_>, nodes: u32) -> PolicyDraft {
    let cap = tape.pick(&[20, 0, nodes, nodes + 1, nodes + 3, nodes.saturating_sub(1), nodes / 2]);
    let roots = tape.pick(&[1, 2, 3]);
    let base = PolicyDraft::default()
        .with(Setting::LogStorage, "/srv/logs")
        .with(Setting::NodeStorage, ROOTS[..roots].join(" "))
        .with(Setting::NodeCap, cap.to_string());
    // 65535 is the last port: few ids fit above 65000.
    let base = match cap.max(nodes) < 500 && tape.once_in(4) {
        true => base.with(Setting::PortStart, "65"),
        false => base,
    };
    let drawn =
        CHOICES.iter().fold(base, |draft, (setting, texts)| draft.with(*setting, tape.pick(texts)));
    match tape.pick(&["", "", "", "antctl+user", "antd+user", "docker-antctl+user"]) {
        "" => drawn,
        // As few nodes in each as make several of them.
        "docker-antctl+user" => drawn
            .with(Setting::Manager, "docker-antctl+user")
            .with(Setting::Program, "antnode")
            .with(Setting::MaxNodesPerContainer, tape.pick(&["3", "1", "200"]))
            .with(Setting::MinContainerCount, tape.pick(&["1", "2"])),
        // Each keeps one program only.
        "antctl+user" => {
            drawn.with(Setting::Manager, "antctl+user").with(Setting::Program, "antnode")
        }
        antd => drawn.with(Setting::Manager, antd).with(Setting::Program, "ant-node"),
    }
}

/// What is given for one run: mostly nothing.
pub(super) fn overrides(tape: &mut Tape<'_>, nodes: u32) -> PolicyDraft {
    let none = PolicyDraft::default();
    if !tape.once_in(3) {
        return none;
    }
    let cap = match tape.once_in(2) {
        true => none.with(Setting::NodeCap, tape.pick(&[nodes / 2, 0, nodes + 2]).to_string()),
        false => none,
    };
    // What nodes are made of stays: a fixed setting is refused long before a plan.
    let loose = CHOICES.iter().filter(|(setting, _)| !setting.is_fixed_by_nodes());
    loose.fold(cap, |draft, (setting, texts)| match tape.once_in(6) {
        true => draft.with(*setting, tape.pick(texts)),
        false => draft,
    })
}
