//! Every option of the Python tool, and what becomes of it here.

/// What an old option means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    /// A setting of this name, if this version has it.
    Setting(&'static str),
    /// It decides which command is run, and how.
    Line,
    /// It is accepted and has no effect; why.
    Nothing(&'static str),
}

use Becomes::{Line, Nothing, Setting};

/// One option, with underscores as the Python tool spelled it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Old {
    pub(super) name: &'static str,
    pub(super) takes_value: bool,
    pub(super) becomes: Becomes,
}

const fn value(name: &'static str, becomes: Becomes) -> Old {
    Old { name, takes_value: true, becomes }
}

const fn flag(name: &'static str, becomes: Becomes) -> Old {
    Old { name, takes_value: false, becomes }
}

const PARALLEL: &str = "nodes are looked at all at once, which no pause would make easier";
const PACED: &str = "what is asked for by name is carried out without a pause between nodes";
const TALKATIVE: &str = "antctl always says why it fails";

/// In the order of the Python tool's own help.
pub(super) const OPTIONS: &[Old] = &[
    value("config", Line),
    flag("show_machine_config", Nothing("`wnm report machine-config` prints it")),
    flag("show_machine_metrics", Nothing("`wnm report machine-metrics` prints them")),
    flag("show_decisions", Nothing("`wnm explain` prints them")),
    flag("quiet", Nothing("a cycle says little anyway")),
    value("loglevel", Line),
    flag("version", Line),
    flag("remove_lockfile", Line),
    value("dbpath", Line),
    flag("dry_run", Line),
    flag("enable_upgrade", Line),
    flag("init", Line),
    flag("migrate_anm", Line),
    flag("import", Line),
    flag("confirm", Line),
    value("node_cap", Setting("node_cap")),
    value("cpu_less_than", Setting("cpu_less_than")),
    value("cpu_remove", Setting("cpu_remove")),
    value("mem_less_than", Setting("mem_less_than")),
    value("mem_remove", Setting("mem_remove")),
    value("hd_less_than", Setting("hd_less_than")),
    value("hd_remove", Setting("hd_remove")),
    value("desired_load_average", Setting("desired_load_average")),
    value("max_load_average_allowed", Setting("max_load_average_allowed")),
    value("hdio_read_less_than", Setting("hdio_read_less_than")),
    value("hdio_read_remove", Setting("hdio_read_remove")),
    value("hdio_write_less_than", Setting("hdio_write_less_than")),
    value("hdio_write_remove", Setting("hdio_write_remove")),
    value("netio_read_less_than", Setting("netio_read_less_than")),
    value("netio_read_remove", Setting("netio_read_remove")),
    value("netio_write_less_than", Setting("netio_write_less_than")),
    value("netio_write_remove", Setting("netio_write_remove")),
    value("delay_start", Setting("delay_start")),
    value("delay_restart", Nothing("the Python tool never used it either")),
    value("delay_upgrade", Setting("delay_upgrade")),
    value("delay_remove", Setting("delay_remove")),
    value("survey_delay", Nothing(PARALLEL)),
    value("this_survey_delay", Nothing(PARALLEL)),
    value("action_delay", Nothing(PACED)),
    value("this_action_delay", Nothing(PACED)),
    value("interval", Nothing(PACED)),
    value("max_concurrent_upgrades", Setting("max_concurrent_upgrades")),
    value("max_concurrent_starts", Setting("max_concurrent_starts")),
    value("max_concurrent_removals", Setting("max_concurrent_removals")),
    value("max_concurrent_operations", Setting("max_concurrent_operations")),
    value("node_storage", Setting("node_storage")),
    value("rewards_address", Setting("rewards_address")),
    value("donate_address", Setting("donate_address")),
    value("port_start", Setting("port_start")),
    value("metrics_port_start", Setting("metrics_port_start")),
    value("rpc_port_start", Setting("rpc_port_start")),
    value("highest_node_id_used", Nothing("free numbers are found by looking")),
    // There it only fed a forecast; here nodes are removed below it.
    value(
        "crisis_bytes",
        Nothing(
            "it was a forecast there, but nodes are removed for it here: set it by its new name",
        ),
    ),
    value("last_stopped_at", Nothing("the Python tool ignored it as well")),
    value("host", Nothing("nodes are looked at on this machine only")),
    value("environment", Setting("environment")),
    value("start_args", Nothing("the Python tool stored it and never used it")),
    value("process_manager", Setting("manager")),
    flag("no_upnp", Setting("no_upnp")),
    value("antnode_path", Setting("node_binary")),
    value("antctl_path", Setting("antctl_path")),
    flag("antctl_debug", Nothing(TALKATIVE)),
    value("antctl_version", Setting("antctl_version")),
    value("rust_backtrace", Nothing(TALKATIVE)),
    value("force_action", Line),
    value("service_name", Line),
    value("count", Line),
    value("report", Line),
    value("report_format", Line),
    flag("json", Line),
];

/// What our own command line takes before its command as well.
const SHARED: [&str; 3] = ["config", "version", "json"];

impl Old {
    /// True when nobody would write it before a command of ours.
    pub(super) fn is_only_old(&self) -> bool {
        !SHARED.contains(&self.name)
    }

    /// The option called `name`, or the only one that begins so, as Python's parser had it.
    pub(super) fn find(name: &str) -> Option<&'static Old> {
        if let Some(exact) = Old::exact(name) {
            return Some(exact);
        }
        let mut begins =
            OPTIONS.iter().filter(|old| !name.is_empty() && old.name.starts_with(name));
        begins.next().filter(|_| begins.next().is_none())
    }

    /// The option called exactly `name`.
    pub(super) fn exact(name: &str) -> Option<&'static Old> {
        OPTIONS.iter().find(|old| old.name == name)
    }
}
