//! What firewalld is asked: pure.

use wnm_core::host::Invocation;
use wnm_core::model::{PortRule, Protocol};

use crate::owner::Owner;
use crate::tool::{ASKING, CHANGING, call};

/// Which of firewalld's configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// In force.
    Runtime,
    /// In force after the next start or reload.
    Permanent,
    /// The permanent one, while firewalld does not run.
    Offline,
}

/// The zone of interfaces that no zone names.
pub(super) fn default_zone() -> Invocation {
    call("firewall-cmd", &["--get-default-zone"], ASKING)
}

/// Everything of every zone.
pub(super) fn zones(layer: Layer) -> Invocation {
    tool(layer, &["--list-all-zones"], ASKING)
}

/// Our rule for a port. Not a plain port, which could not be told from one that somebody else
/// opened.
pub(super) fn rich_rule(owner: &Owner, rule: PortRule) -> String {
    let protocol = match rule.protocol {
        Protocol::Udp => "udp",
        Protocol::Tcp => "tcp",
    };
    let Owner { priority, .. } = owner;
    format!(
        "rule priority=\"{priority}\" port port=\"{}\" protocol=\"{protocol}\" accept",
        rule.port
    )
}

pub(super) fn add(layer: Layer, zone: &str, rule: &str) -> Invocation {
    let (zone, rule) = (format!("--zone={zone}"), format!("--add-rich-rule={rule}"));
    tool(layer, &[&zone, &rule], CHANGING)
}

pub(super) fn remove(layer: Layer, zone: &str, rule: &str) -> Invocation {
    let (zone, rule) = (format!("--zone={zone}"), format!("--remove-rich-rule={rule}"));
    tool(layer, &[&zone, &rule], CHANGING)
}

fn tool(layer: Layer, args: &[&str], timeout: std::time::Duration) -> Invocation {
    match layer {
        Layer::Runtime => call("firewall-cmd", args, timeout),
        Layer::Permanent => call("firewall-cmd", &[&["--permanent"], args].concat(), timeout),
        Layer::Offline => call("firewall-offline-cmd", args, timeout),
    }
}
