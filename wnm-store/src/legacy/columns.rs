//! What columns the Python wnm's tables had, under which names, and what stands in them.

/// What a cell must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A whole number, not negative.
    Count,
    /// Seconds. The first generation counted minutes, under the old name.
    Seconds,
    /// A number, not negative; the first generation had fractions where later ones have none.
    Number,
    /// 0 or 1.
    Switch,
    /// A text.
    Text,
}

/// A column that is of use here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its name since version 0.0.10, which was also an option's.
    pub(super) name: &'static str,
    /// Its name until version 0.0.9, where that was another.
    pub(super) first: Option<&'static str>,
    pub(super) holds: Holds,
    /// Without it a row says nothing.
    pub(super) is_needed: bool,
}

const fn setting(name: &'static str, first: &'static str, holds: Holds) -> Column {
    Column { name, first: Some(first), holds, is_needed: false }
}

const fn later(name: &'static str, holds: Holds) -> Column {
    Column { name, first: None, holds, is_needed: false }
}

const fn needed(name: &'static str, holds: Holds) -> Column {
    Column { name, first: None, holds, is_needed: true }
}

use Holds::{Count, Number, Seconds, Switch, Text};

/// Of `machine`. `rewards_address` is the one setting that nothing stands in for.
pub(super) const MACHINE: &[Column] = &[
    setting("cpu_count", "CpuCount", Count),
    setting("node_cap", "NodeCap", Count),
    setting("cpu_less_than", "CpuLessThan", Count),
    setting("cpu_remove", "CpuRemove", Count),
    setting("mem_less_than", "MemLessThan", Count),
    setting("mem_remove", "MemRemove", Count),
    setting("hd_less_than", "HDLessThan", Count),
    setting("hd_remove", "HDRemove", Count),
    setting("hdio_read_less_than", "HDIOReadLessThan", Number),
    setting("hdio_read_remove", "HDIOReadRemove", Number),
    setting("hdio_write_less_than", "HDIOWriteLessThan", Number),
    setting("hdio_write_remove", "HDIOWriteRemove", Number),
    setting("netio_read_less_than", "NetIOReadLessThan", Number),
    setting("netio_read_remove", "NetIOReadRemove", Number),
    setting("netio_write_less_than", "NetIOWriteLessThan", Number),
    setting("netio_write_remove", "NetIOWriteRemove", Number),
    setting("max_load_average_allowed", "MaxLoadAverageAllowed", Number),
    setting("desired_load_average", "DesiredLoadAverage", Number),
    setting("delay_start", "DelayStart", Seconds),
    later("delay_restart", Count),
    setting("delay_upgrade", "DelayUpgrade", Seconds),
    setting("delay_remove", "DelayRemove", Seconds),
    later("survey_delay", Count),
    later("action_delay", Count),
    setting("node_storage", "NodeStorage", Text),
    Column { is_needed: true, ..setting("rewards_address", "RewardsAddress", Text) },
    setting("donate_address", "DonateAddress", Text),
    setting("port_start", "PortStart", Count),
    setting("metrics_port_start", "MetricsPortStart", Count),
    later("rpc_port_start", Count),
    later("highest_node_id_used", Count),
    setting("last_stopped_at", "LastStoppedAt", Count),
    setting("host", "Host", Text),
    setting("crisis_bytes", "CrisisBytes", Number),
    setting("environment", "Environment", Text),
    setting("start_args", "StartArgs", Text),
    later("max_concurrent_upgrades", Count),
    later("max_concurrent_starts", Count),
    later("max_concurrent_removals", Count),
    later("max_concurrent_operations", Count),
    later("node_removal_strategy", Text),
    later("process_manager", Text),
    later("max_node_per_container", Count),
    later("min_container_count", Count),
    later("docker_image", Text),
    later("no_upnp", Switch),
    later("antnode_path", Text),
    later("antctl_path", Text),
    later("antctl_debug", Switch),
    later("antctl_version", Text),
];

/// Of `node`: what a node is. What it measured of itself is read again from the node.
pub(super) const NODE: &[Column] = &[
    needed("id", Count),
    Column { first: Some("nodename"), ..needed("node_name", Text) },
    needed("service", Text),
    needed("binary", Text),
    needed("root_dir", Text),
    needed("port", Count),
    needed("metrics_port", Count),
    needed("status", Text),
    later("manager_type", Text),
    later("container_id", Count),
    later("user", Text),
    later("version", Text),
    later("log_dir", Text),
    later("rpc_port", Count),
    later("network", Text),
    later("wallet", Text),
    later("peer_id", Text),
    later("age", Count),
    later("host", Text),
    later("environment", Text),
];

/// Columns that are known and told nothing.
pub(super) const UNUSED: &[&str] = &[
    "id",
    "machine_id",
    "method",
    "layout",
    "timestamp",
    "records",
    "uptime",
    "shunned",
    "connected_peers",
    "gets",
    "puts",
    "mem",
    "cpu",
    "open_connections",
    "total_peers",
    "bad_peers",
    "rel_records",
    "max_records",
    "rewards",
    "payment_count",
    "live_time",
    "network_size",
];
