//! Ports of nodes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NodeId, Program};

/// The ports one node uses. All differ from each other and from those of every other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePorts {
    /// UDP, public.
    pub node: u16,
    /// TCP on loopback; only programs with a metrics endpoint have one.
    pub metrics: Option<u16>,
    /// UDP, public: `ant-node`'s WebRTC listener; `None` while WebRTC is off.
    pub webrtc: Option<u16>,
    /// TCP on loopback: where antctl asks its nodes; `None` for nodes of other managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc: Option<u16>,
}

impl NodePorts {
    /// Every port number of the node, for collision checks.
    pub fn all(&self) -> impl Iterator<Item = u16> {
        [Some(self.node), self.metrics, self.webrtc, self.rpc].into_iter().flatten()
    }

    /// The ports that the outside must reach.
    pub fn public(&self) -> impl Iterator<Item = PortRule> {
        [Some(self.node), self.webrtc]
            .into_iter()
            .flatten()
            .map(|port| PortRule { port, protocol: Protocol::Udp })
    }
}

/// Transport protocol of a firewall rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// User datagrams.
    Udp,
    /// Streams.
    Tcp,
}

/// One opening in the firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortRule {
    /// Port number.
    pub port: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl fmt::Display for PortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        };
        write!(f, "{}/{protocol}", self.port)
    }
}

/// How ports follow from ids: `base * 1000 + id`. Fixed once nodes exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPlan {
    /// `port_start`.
    pub node: u16,
    /// `metrics_port_start`.
    pub metrics: u16,
    /// `rpc_port_start`: kept apart from the others although only antctl uses it.
    pub rpc: u16,
    /// `webrtc_port_start`; `None` turns WebRTC off.
    pub webrtc: Option<u16>,
}

/// An id whose ports do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {base} gives {id} port {port}, but ports end at 65535")]
pub struct PortError {
    /// The setting that leads there.
    pub setting: &'static str,
    /// Its value.
    pub base: u16,
    /// The node.
    pub id: NodeId,
    /// The impossible port.
    pub port: u32,
}

impl PortPlan {
    /// The ports of node `id` running `program`.
    pub fn ports(&self, id: NodeId, program: Program) -> Result<NodePorts, PortError> {
        let metrics = match program.has_metrics_endpoint() {
            true => Some(port("metrics_port_start", self.metrics, id)?),
            false => None,
        };
        let webrtc = match self.webrtc.filter(|_| program.has_webrtc()) {
            Some(base) => Some(port("webrtc_port_start", base, id)?),
            None => None,
        };
        Ok(NodePorts { node: port("port_start", self.node, id)?, metrics, webrtc, rpc: None })
    }

    /// The same with a port for remote calls.
    pub fn ports_with_rpc(&self, id: NodeId, program: Program) -> Result<NodePorts, PortError> {
        let rpc = Some(port("rpc_port_start", self.rpc, id)?);
        Ok(NodePorts { rpc, ..self.ports(id, program)? })
    }

    /// Pairs of settings whose ranges run into each other within the first `count` ids.
    pub fn overlaps(&self, count: u32) -> Vec<(&'static str, &'static str)> {
        let bases = [
            ("port_start", Some(self.node)),
            ("metrics_port_start", Some(self.metrics)),
            ("rpc_port_start", Some(self.rpc)),
            ("webrtc_port_start", self.webrtc),
        ];
        let mut found = Vec::new();
        for (at, (name, base)) in bases.iter().enumerate() {
            for (other_name, other) in &bases[at + 1..] {
                if let (Some(a), Some(b)) = (base, other) {
                    let distance = u32::from(a.abs_diff(*b)) * 1000;
                    if distance < count.max(1) {
                        found.push((*name, *other_name));
                    }
                }
            }
        }
        found
    }
}

fn port(setting: &'static str, base: u16, id: NodeId) -> Result<u16, PortError> {
    let port = u32::from(base).saturating_mul(1000).saturating_add(id.number());
    u16::try_from(port).map_err(|_| PortError { setting, base, id, port })
}
