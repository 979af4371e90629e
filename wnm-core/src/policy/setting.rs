//! Every setting that the store can hold: its name, default, meaning. One row a setting; the
//! command line, the environment, the file and `config list` all read this table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Resource;

macro_rules! settings {
    ($($name:ident $key:literal = $default:literal $fixed:ident, $help:literal;)*) => {
        /// A setting. Its text is read by [`Policy::parse`](super::Policy::parse).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Setting {
            $(#[doc = $help] $name,)*
        }

        impl Setting {
            /// Every setting, in the order they are listed.
            pub const ALL: &[Setting] = &[$(Setting::$name,)*];

            /// Its name in the store, the file and, with dashes, on the command line.
            pub fn key(self) -> &'static str {
                match self { $(Setting::$name => $key,)* }
            }

            /// Its shipped value; empty when there is none.
            pub fn default_text(self) -> &'static str {
                match self { $(Setting::$name => $default,)* }
            }

            /// What it means, in one line.
            pub fn help(self) -> &'static str {
                match self { $(Setting::$name => $help,)* }
            }

            /// True when it cannot be changed once nodes exist.
            pub fn is_fixed_by_nodes(self) -> bool {
                match self { $(Setting::$name => settings!(@ $fixed),)* }
            }
        }
    };
    (@ fixed) => { true };
    (@ free) => { false };
}

settings! {
    RewardsAddress "rewards_address" = "" free, "Who earns: 0x…, `faucet`, `donate`, or `wallet:weight,…`";
    DonateAddress "donate_address" = "0x00455d78f850b0358E8cea5be24d415E01E107CF" free, "What the word `donate` stands for";
    NodeCap "node_cap" = "20" free, "At most this many nodes; lowering the stored value removes the surplus";
    CpuLessThan "cpu_less_than" = "50" free, "Grow only while CPU use is below this, in percent of the machine";
    CpuRemove "cpu_remove" = "70" free, "Stop nodes while CPU use is above this, in percent of the machine";
    MemLessThan "mem_less_than" = "60" free, "Grow only while memory use is below this, in percent";
    MemRemove "mem_remove" = "75" free, "Stop nodes while memory use is above this, in percent";
    HdLessThan "hd_less_than" = "75" free, "Grow only while a storage file system is used less than this, in percent";
    HdRemove "hd_remove" = "90" free, "Remove nodes while their file system is used more than this, in percent";
    DesiredLoadAverage "desired_load_average" = "auto" free, "Grow only while the 1, 5 and 15 minute load are below this; auto: CPUs x 0.6";
    MaxLoadAverageAllowed "max_load_average_allowed" = "auto" free, "Stop nodes while the 1 and 5 minute load are above this; auto: CPUs x 1.0";
    HdioReadLessThan "hdio_read_less_than" = "0" free, "Grow only while less than this per second of the disks below the storage is read, such as 50MB; 0: not judged";
    HdioReadRemove "hdio_read_remove" = "0" free, "Stop nodes while more than this per second of the disks below the storage is read, such as 80MB; 0: not judged";
    HdioWriteLessThan "hdio_write_less_than" = "0" free, "Grow only while less than this per second of the disks below the storage is written, such as 50MB; 0: not judged";
    HdioWriteRemove "hdio_write_remove" = "0" free, "Stop nodes while more than this per second of the disks below the storage is written, such as 80MB; 0: not judged";
    NetioReadLessThan "netio_read_less_than" = "0" free, "Grow only while less than this per second is received from the network, such as 50MB; 0: not judged";
    NetioReadRemove "netio_read_remove" = "0" free, "Stop nodes while more than this per second is received from the network, such as 80MB; 0: not judged";
    NetioWriteLessThan "netio_write_less_than" = "0" free, "Grow only while less than this per second is sent to the network, such as 50MB; 0: not judged";
    NetioWriteRemove "netio_write_remove" = "0" free, "Stop nodes while more than this per second is sent to the network, such as 80MB; 0: not judged";
    PsiCpuLessThan "psi_cpu_less_than" = "0" free, "Grow only while tasks wait for a CPU less than this share of the last minute, in percent; 0: not judged";
    PsiCpuRemove "psi_cpu_remove" = "0" free, "Stop nodes while tasks wait for a CPU more than this share of the last minute, in percent; 0: not judged";
    PsiMemoryLessThan "psi_memory_less_than" = "0" free, "Grow only while tasks wait for memory less than this share of the last minute, in percent; 0: not judged";
    PsiMemoryRemove "psi_memory_remove" = "0" free, "Stop nodes while tasks wait for memory more than this share of the last minute, in percent; 0: not judged";
    PsiIoLessThan "psi_io_less_than" = "0" free, "Grow only while tasks wait for a disk less than this share of the last minute, in percent; 0: not judged";
    PsiIoRemove "psi_io_remove" = "0" free, "Stop nodes while tasks wait for a disk more than this share of the last minute, in percent; 0: not judged";
    CrisisBytes "crisis_bytes" = "2GB" free, "Free bytes on a storage file system below which nodes are removed without grace, one a cycle";
    MaxConcurrentStarts "max_concurrent_starts" = "auto" free, "How many nodes may be starting at once: a number, or auto";
    MaxConcurrentRemovals "max_concurrent_removals" = "1" free, "How many nodes may be in removal at once";
    MaxConcurrentOperations "max_concurrent_operations" = "auto" free, "How many nodes may be starting or in removal at once: a number, or auto";
    NodeRemovalStrategy "node_removal_strategy" = "youngest" free, "Which node goes first: youngest, oldest, least_records, most_shunned, most_memory, most_cpu, largest_disk";
    DelayStart "delay_start" = "300s" free, "How long a node counts as starting";
    DelayRemove "delay_remove" = "300s" free, "How long a stopped node waits before its data is deleted";
    PressureGrace "pressure_grace" = "600s" free, "CPU or load must exceed its shed threshold for this long";
    MemoryGrace "memory_grace" = "180s" free, "Memory must exceed its shed threshold for this long";
    HdGrace "hd_grace" = "6h" free, "A file system must exceed its shed threshold for this long";
    UrgentCpu "urgent_cpu" = "90" free, "CPU use above this, in percent, has a grace of 180 s";
    GrowWindow "grow_window" = "600s" free, "Everything must be below its grow threshold for this long before a node is started";
    SettleTime "settle_time" = "300s" free, "Time between two starts for growth near a grow threshold, and after any stop";
    QuietTime "quiet_time" = "1800s" free, "No growing for this long after shedding for a resource";
    LearnTime "learn_time" = "900s" free, "How long a first node is watched before more are started; until then what a node costs here is not known";
    DiskPrior "disk_prior" = "20GB" free, "Space that every node is expected to need; growing stops when the disk would not hold it";
    DiskHorizon "disk_horizon" = "14d" free, "How far ahead the growth of the nodes on a disk is reckoned";
    MaxDestructivePerHour "max_destructive_per_hour" = "4" free, "The engine's own removals in an hour, or 5 % of the nodes if that is more";
    MaxDiskRemovalsPerDay "max_disk_removals_per_day" = "2" free, "Removals for disk in a day, or 10 % of the nodes if that is more";
    RestartBackoff "restart_backoff" = "60s" free, "Pause before a node that died twice is started again; doubles up to 1 h";
    RestartMute "restart_mute" = "off" free, "Restart nodes that live but show no sign of life: on or off";
    Autostart "autostart" = "wnm" free, "Who brings nodes back after a reboot: wnm (paced) or system (all at once); for new nodes";
    UpgradeMode "upgrade_mode" = "auto" free, "Who replaces the programs of nodes: self (the program), managed (wnm), off (nobody), or auto: self where the program can";
    DelayUpgrade "delay_upgrade" = "300s" free, "How long a node may take to come back after its program was replaced";
    MaxConcurrentUpgrades "max_concurrent_upgrades" = "1" free, "How many nodes may be upgrading at once, after the first have held";
    CanaryCount "canary_count" = "1" free, "How many nodes are given a release first, while the others wait";
    CanaryTime "canary_time" = "600s" free, "How long a node must hold with a release to be proven";
    UpgradeFailureLimit "upgrade_failure_limit" = "1" free, "How many nodes after the first may fail with a release before it is given up";
    UpgradeSoak "upgrade_soak" = "0s" free, "How long a release must have been known before any node is given it";
    UpgradeWindow "upgrade_window" = "always" free, "The hours in which nodes are upgraded: always, or 02:00-05:00 in UTC, or with the offset of a zone 02:00-05:00+01:00";
    Manager "manager" = "systemd+user" fixed, "What keeps the processes: systemd+user, setsid+user, docker+user, systemd+sudo (root's default), setsid+sudo, docker+sudo, antctl+user, antctl+sudo, antctl+zen, docker-antctl+user, docker-antctl+sudo, antd+user, launchctl+user or launchctl+sudo";
    AntctlPath "antctl_path" = "" free, "The antctl program, for antctl managers; empty: looked up on PATH, ~/.local/bin and /usr/local/bin";
    AntctlVersion "antctl_version" = "" free, "Version of antnode that antctl downloads for new nodes where node_binary names none, such as 0.4.17";
    DockerCommand "docker_command" = "docker" free, "The tool that keeps containers: docker, podman, or a path";
    DockerImage "docker_image" = "wnm-node" free, "The image of containers made from now on, never downloaded in a cycle; `wnm docker image --build` makes the default";
    MaxNodesPerContainer "max_nodes_per_container" = "1" free, "How many nodes share a container; with 1 each new node has one of its own";
    MinContainerCount "min_container_count" = "1" free, "Over how many shared containers new nodes are spread before one of them is full";
    ContainerName "container_name" = "wnm-nodes" free, "Shared containers are called this, with a number";
    Program "program" = "ant-node" fixed, "What nodes run: ant-node or antnode";
    NodeBinary "node_binary" = "" free, "The node program; empty: looked up on PATH, ~/.local/bin and /usr/local/bin";
    ReleaseSource "release_source" = "project" free, "Where releases of node programs are looked for: project (its own page), a URL, or a directory";
    ReleaseChannel "release_channel" = "stable" free, "Which releases are wanted: stable or beta";
    ReleaseKey "release_key" = "" free, "File with the ML-DSA-65 public key that releases are signed with; empty: the project's own";
    ReleaseInterval "release_interval" = "6h" free, "How often a managed upgrade looks for a newer release";
    KeepReleases "keep_releases" = "3" free, "How many versions of a node program are kept, beside pinned ones and those in use";
    NodeStorage "node_storage" = "" free, "Directories that hold node data; several are quoted like shell words";
    LogStorage "log_storage" = "" free, "Directory that holds the nodes' logs";
    PortStart "port_start" = "55" fixed, "Node ports are this x 1000 + id";
    MetricsPortStart "metrics_port_start" = "13" fixed, "Metrics ports are this x 1000 + id";
    RpcPortStart "rpc_port_start" = "30" fixed, "RPC ports are this x 1000 + id";
    WebrtcPortStart "webrtc_port_start" = "off" fixed, "WebRTC ports are this x 1000 + id; off: no WebRTC";
    Network "network" = "evm-arbitrum-one" free, "evm-arbitrum-one, evm-arbitrum-sepolia-test, or evm-custom,RPC_URL,TOKEN,PAYMENTS; for new nodes";
    StartArgs "start_args" = "" free, "Further arguments for new nodes, split like a shell does";
    Environment "environment" = "" free, "KEY=VALUE words for new nodes, quoted like a shell does";
    Bootstrap "bootstrap" = "" free, "Peers that new nodes join through, separated by commas or blanks";
    NoUpnp "no_upnp" = "off" free, "New nodes do not ask the router for a port: on or off";
    LimitMemory "limit_memory" = "0" free, "Memory a node may take at most, such as 2GB, by systemd or Docker; 0: no limit; for new nodes";
    LimitCpu "limit_cpu" = "0" free, "CPU a node may take at most, in percent of one CPU, by systemd or Docker; 0: no limit; for new nodes";
    SliceMemory "slice_memory" = "0" free, "Memory all nodes of systemd may take together, such as 24GB; 0: no limit";
    SliceCpu "slice_cpu" = "0" free, "CPU all nodes of systemd may take together, in percent of one CPU; 0: no limit";
    UpkeepEvery "upkeep_every" = "600s" free, "How often firewall openings and unit files of running nodes are looked at, and put right";
    KeepCycles "keep_cycles" = "14d" free, "How long everything that a cycle saw and decided is kept, for snapshot and replay";
    KeepCyclesBytes "keep_cycles_bytes" = "64MB" free, "At most this much is kept of cycles; the oldest go first";
    IdentityRecipients "identity_recipients" = "" free, "For whom archived keys are sealed: age1… words, as age-keygen prints them; empty: they lie in the archive as they are, for its owner alone";
    Firewall "firewall" = "auto" free, "Which firewall is told about ports: ufw, firewalld, nftables, none, or auto: what is active in the system scope, else none";
}

impl Setting {
    /// Its name as an option, without the dashes in front.
    pub fn option(self) -> String {
        self.key().replace('_', "-")
    }

    /// The grow threshold of `resource`.
    pub fn growing(resource: &Resource) -> Setting {
        Setting::thresholds(resource).0
    }

    /// The shed threshold of `resource`.
    pub fn shedding(resource: &Resource) -> Setting {
        Setting::thresholds(resource).1
    }

    /// Both thresholds of `resource`, for growing and for shedding.
    fn thresholds(resource: &Resource) -> (Setting, Setting) {
        match resource {
            Resource::Cpu => (Setting::CpuLessThan, Setting::CpuRemove),
            Resource::Memory => (Setting::MemLessThan, Setting::MemRemove),
            Resource::Load => (Setting::DesiredLoadAverage, Setting::MaxLoadAverageAllowed),
            Resource::Disk(_) | Resource::Inodes(_) => (Setting::HdLessThan, Setting::HdRemove),
            Resource::DiskRead => (Setting::HdioReadLessThan, Setting::HdioReadRemove),
            Resource::DiskWrite => (Setting::HdioWriteLessThan, Setting::HdioWriteRemove),
            Resource::NetRead => (Setting::NetioReadLessThan, Setting::NetioReadRemove),
            Resource::NetWrite => (Setting::NetioWriteLessThan, Setting::NetioWriteRemove),
            Resource::StallCpu => (Setting::PsiCpuLessThan, Setting::PsiCpuRemove),
            Resource::StallMemory => (Setting::PsiMemoryLessThan, Setting::PsiMemoryRemove),
            Resource::StallIo => (Setting::PsiIoLessThan, Setting::PsiIoRemove),
        }
    }

    /// True when it may be given several times; the texts are then joined by [`Setting::join`].
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Setting::NodeStorage
                | Setting::Environment
                | Setting::Bootstrap
                | Setting::StartArgs
                | Setting::IdentityRecipients
        )
    }

    /// Joins the values of a repeated option into the text that is stored.
    pub fn join(self, values: &[String]) -> String {
        match self {
            // Each is already a text of its own, split like a shell does.
            Setting::StartArgs | Setting::Bootstrap | Setting::IdentityRecipients => {
                values.join(" ")
            }
            Setting::NodeStorage | Setting::Environment => shell_words::join(values),
            _ => values.last().cloned().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A text that names no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no setting `{name}`{}", hint(*nearest))]
pub struct UnknownSetting {
    /// What was given.
    pub name: String,
    /// What was probably meant, if anything is near.
    pub nearest: Option<Setting>,
}

fn hint(nearest: Option<Setting>) -> String {
    match nearest {
        Some(nearest) => format!("; the nearest is `{nearest}`, and `wnm config list` shows all"),
        None => ": `wnm config list` shows all".to_owned(),
    }
}

impl FromStr for Setting {
    type Err = UnknownSetting;

    fn from_str(text: &str) -> Result<Setting, UnknownSetting> {
        let name = text.replace('-', "_");
        match Setting::ALL.iter().find(|setting| setting.key() == name) {
            Some(setting) => Ok(*setting),
            None => Err(UnknownSetting { name: text.to_owned(), nearest: nearest(&name) }),
        }
    }
}

/// The setting with the fewest letters to change, else the first that `name` is a part of. What
/// shares hardly a letter was not meant.
fn nearest(name: &str) -> Option<Setting> {
    let distances = Setting::ALL.iter().map(|it| (edit_distance(name, it.key()), *it));
    let best = distances.min().filter(|(distance, _)| *distance <= name.len().div_ceil(3));
    let part = || Setting::ALL.iter().find(|it| name.len() > 2 && it.key().contains(name)).copied();
    best.map(|(_, setting)| setting).or_else(part)
}

/// Levenshtein distance, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_to_change_are_counted() {
        let table = [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "bc", 1)];
        let more =
            [("kitten", "sitting", 3), ("ab", "ba", 2), ("abcd", "axcd", 1), ("aaaa", "b", 4)];
        for (one, other, expected) in table.into_iter().chain(more) {
            assert_eq!(edit_distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn what_was_probably_meant() {
        let table = [
            ("node_cpa", Some(Setting::NodeCap)),
            ("nodecap", Some(Setting::NodeCap)),
            ("cpu_les_than", Some(Setting::CpuLessThan)),
            ("mem", Some(Setting::MemLessThan)),
            ("psi", Some(Setting::PsiCpuLessThan)),
            ("a", None),
            ("", None),
            ("colour", None),
        ];
        for (name, expected) in table {
            assert_eq!(nearest(name), expected, "{name}");
        }
    }
}
