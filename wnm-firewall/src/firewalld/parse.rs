//! What firewalld answers: pure.

use std::collections::BTreeSet;

use wnm_core::model::{PortRule, Protocol};
use wnm_core::observe::FaultKind;

use crate::owner::Owner;

/// One zone, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) interfaces: Vec<String>,
    /// Everything is let in that no rule shuts.
    pub(super) accepts_all: bool,
    /// As in `55000-55100/udp`.
    ports: Vec<String>,
    /// As in `rule port port="55001" protocol="udp" accept`.
    pub(super) rules: Vec<String>,
}

/// What somebody else's settings do with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Opens,
    Shuts,
}

/// The zones of `--list-all-zones`; `None` when that is no such list.
pub(super) fn zones(text: &str) -> Option<Vec<Zone>> {
    let mut zones: Vec<Zone> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(rule) =
            line.trim_start().strip_prefix("rule ").filter(|_| line.starts_with('\t'))
        {
            zones.last_mut()?.rules.push(format!("rule {}", rule.trim_end()));
        } else if line.starts_with([' ', '\t']) {
            let (key, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
            let zone = zones.last_mut()?;
            let words = || value.split_whitespace().map(str::to_owned).collect();
            match key {
                "interfaces" => zone.interfaces = words(),
                "ports" => zone.ports = words(),
                "target" => zone.accepts_all = value.trim() == "ACCEPT",
                _ => {}
            }
        } else {
            let name = line.split_whitespace().next()?.to_owned();
            zones.push(Zone { name, ..Zone::default() });
        }
    }
    (!zones.is_empty()).then_some(zones)
}

impl Zone {
    /// What somebody else's settings do with the port, for everybody who sends to it. Those for some
    /// addresses or for one family are other rules: ours comes after them, and takes nothing from
    /// them.
    pub(super) fn others(&self, rule: PortRule, ours: &str) -> Option<Others> {
        let mut found = self.ports.iter().any(|port| covers(port, rule)).then_some(Others::Opens);
        for text in self.rules.iter().filter(|text| *text != ours) {
            let (Some(port), Some(protocol)) = (value(text, " port"), value(text, "protocol"))
            else {
                continue;
            };
            let for_some = [" source ", " destination ", " family="];
            if for_some.iter().any(|word| text.contains(word))
                || !text.contains(" port port=")
                || !covers(&format!("{port}/{protocol}"), rule)
            {
                continue;
            }
            let shuts = text.split(' ').any(|word| matches!(word, "drop" | "reject"));
            match shuts {
                true => found = Some(Others::Shuts),
                false => found = found.or(Some(Others::Opens)),
            }
        }
        found.or(self.accepts_all.then_some(Others::Opens))
    }

    /// The ports of our rules.
    pub(super) fn ours(&self, owner: &Owner) -> BTreeSet<PortRule> {
        let mark = format!("rule priority=\"{}\" port port=", owner.priority);
        let ours = self.rules.iter().filter(|rule| rule.starts_with(&mark));
        ours.filter(|rule| rule.ends_with(" accept")).filter_map(|rule| port_of(rule)).collect()
    }
}

fn port_of(rule: &str) -> Option<PortRule> {
    let protocol = match value(rule, "protocol")? {
        "udp" => Protocol::Udp,
        "tcp" => Protocol::Tcp,
        _ => return None,
    };
    Some(PortRule { port: value(rule, " port")?.parse().ok()?, protocol })
}

/// The value of `key="value"`.
fn value<'a>(rule: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = rule.split_once(&format!("{key}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn covers(port: &str, rule: PortRule) -> bool {
    let Some((range, protocol)) = port.split_once('/') else { return false };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return false };
    rule.to_string().ends_with(&format!("/{protocol}")) && (first..=last).contains(&rule.port)
}

/// What kind of failure a complaint is.
pub(super) fn fault(complaint: &str) -> FaultKind {
    if complaint.contains("not running") {
        FaultKind::Unavailable
    } else if complaint.contains("NOT_AUTHORIZED") || complaint.contains("Authorization failed") {
        FaultKind::Permission
    } else {
        FaultKind::Failed
    }
}
