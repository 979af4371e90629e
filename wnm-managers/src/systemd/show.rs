//! What `systemctl show` printed.

use std::collections::BTreeMap;

use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

/// What is asked for. Properties come back in systemd's own order.
pub(super) const PROPERTIES: [&str; 9] = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "NRestarts",
    "InvocationID",
    "NeedDaemonReload",
    "DropInPaths",
];

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) reading: UnitReading,
    /// Its file changed since systemd read it.
    pub(crate) needs_reload: bool,
    /// Files that somebody laid beside it. Those for all services of the machine are not among them.
    pub(crate) overridden_by: Vec<String>,
}

/// Blocks of `Key=Value` lines with blank lines between them, one block a unit, by the unit's name. A
/// block without a name or a state is an answer that makes no sense, and nothing is concluded from it.
pub(crate) fn parse(text: &str) -> HostResult<BTreeMap<String, Shown>> {
    let mut units = BTreeMap::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let values: BTreeMap<&str, &str> =
            block.lines().filter_map(|line| line.split_once('=')).collect();
        let name = values.get("Id").filter(|name| name.ends_with(".service"));
        let (Some(name), Some(shown)) = (name, shown(&values)) else {
            let op = format!("systemctl show answered without id or state: {block:?}");
            return Err(HostError::new(op, FaultKind::Garbled));
        };
        units.insert((*name).to_owned(), shown);
    }
    Ok(units)
}

fn shown(values: &BTreeMap<&str, &str>) -> Option<Shown> {
    let load = *values.get("LoadState")?;
    let active = *values.get("ActiveState")?;
    let sub = values.get("SubState").copied().unwrap_or("");
    let pid = values.get("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 0);
    let reading = UnitReading {
        state: state(load, active, sub, pid),
        pid,
        restarts: values.get("NRestarts").and_then(|count| count.parse().ok()),
        invocation: values
            .get("InvocationID")
            .filter(|id| !id.is_empty())
            .map(|id| (*id).to_owned()),
        definition_lost: false,
    };
    let needs_reload = values.get("NeedDaemonReload") == Some(&"yes");
    let own = format!("/{}.d/", values.get("Id").copied().unwrap_or_default());
    let beside = values.get("DropInPaths").copied().unwrap_or_default().split_whitespace();
    let overridden_by = beside.filter(|path| path.contains(&own)).map(str::to_owned).collect();
    Some(Shown { reading, needs_reload, overridden_by })
}

/// A unit whose file is gone may still run: what it does counts before what is known of it.
fn state(load: &str, active: &str, sub: &str, pid: Option<u32>) -> UnitState {
    match (active, sub) {
        ("active" | "reloading", _) if pid.is_some() => UnitState::Running,
        ("activating", _) => UnitState::Activating,
        ("deactivating", _) => UnitState::Stopping,
        ("failed", _) => UnitState::Failed,
        _ if load == "not-found" => UnitState::Missing,
        _ => UnitState::Stopped,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn block(id: u32, load: &str, active: &str, sub: &str, pid: u32) -> String {
        format!(
            "SubState={sub}\nMainPID={pid}\nNRestarts=2\nId=antnode{id:04}.service\n\
             LoadState={load}\nActiveState={active}\nInvocationID=\nNeedDaemonReload=no\n"
        )
    }

    #[test]
    fn the_status_table() {
        let table = [
            ("loaded", "active", "running", 7, UnitState::Running),
            ("not-found", "active", "running", 7, UnitState::Running),
            ("loaded", "active", "exited", 0, UnitState::Stopped),
            ("loaded", "activating", "auto-restart", 0, UnitState::Activating),
            ("loaded", "deactivating", "stop-sigterm", 7, UnitState::Stopping),
            ("loaded", "failed", "failed", 0, UnitState::Failed),
            ("loaded", "inactive", "dead", 0, UnitState::Stopped),
            ("not-found", "inactive", "dead", 0, UnitState::Missing),
            ("masked", "inactive", "dead", 0, UnitState::Stopped),
        ];
        for (load, active, sub, pid, expected) in table {
            let units = parse(&block(1, load, active, sub, pid)).unwrap();
            assert_eq!(
                units["antnode0001.service"].reading.state, expected,
                "{load} {active} {sub}"
            );
        }
    }

    #[test]
    fn many_units_in_any_order() {
        let text =
            [block(2, "loaded", "active", "running", 9), block(1, "loaded", "failed", "failed", 0)]
                .join("\n");
        let units = parse(&text).unwrap();
        assert_eq!(units["antnode0002.service"].reading.pid, Some(9));
        assert_eq!(units["antnode0001.service"].reading.pid, None);
        assert_eq!(units["antnode0001.service"].reading.restarts, Some(2));
    }

    #[test]
    fn what_lies_beside_one_unit_is_told_from_what_lies_beside_all() {
        let line = "DropInPaths=/etc/systemd/system/antnode0001.service.d/a.conf \
                    /usr/lib/systemd/system/service.d/b.conf\n";
        let text = format!("{}{line}", block(1, "loaded", "active", "running", 7));
        let beside = &parse(&text).unwrap()["antnode0001.service"].overridden_by;
        assert_eq!(*beside, ["/etc/systemd/system/antnode0001.service.d/a.conf"]);
    }

    #[test]
    fn nothing_is_concluded_from_half_an_answer() {
        let whole = block(1, "loaded", "active", "running", 7);
        let without_state = whole.replace("ActiveState=active\n", "");
        for text in [without_state.as_str(), "LoadState=loaded\nActiveState=active\n", "hello"] {
            assert_eq!(parse(text).unwrap_err().kind, FaultKind::Garbled, "{text}");
        }
        assert!(parse("").unwrap().is_empty());
    }
}
