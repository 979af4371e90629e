//! antctl's registry, and its `status --json`, which has the same shape.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeId, Version};
use wnm_core::observe::{FaultKind, Numbering};

/// One node as antctl wrote it down. What is not used here is not read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Service {
    pub(crate) number: u32,
    pub(crate) service_name: String,
    pub(crate) status: Status,
    pub(crate) antnode_path: PathBuf,
    pub(crate) data_dir_path: PathBuf,
    pub(crate) node_port: Option<u16>,
    pub(crate) metrics_port: Option<u16>,
    rpc_socket_addr: SocketAddr,
    #[serde(default)]
    version: Option<String>,
}

/// What antctl last wrote of it. Only `Removed` can be relied on: the others were true when it
/// looked, and it looks only while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Status {
    Added,
    Running,
    Stopped,
    Removed,
}

impl Service {
    pub(crate) fn is_removed(&self) -> bool {
        self.status == Status::Removed
    }

    pub(crate) fn rpc_port(&self) -> u16 {
        self.rpc_socket_addr.port()
    }

    /// The version that antctl last knew.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version.as_ref().and_then(|text| text.parse().ok())
    }
}

#[derive(Deserialize)]
struct Written {
    nodes: Vec<Service>,
}

/// Reads a registry. Nothing at all is an empty one, which antctl prints as no bytes; around it
/// may stand lines of its log, with colours. Anything else is no answer.
pub(super) fn parse(text: &str) -> HostResult<Vec<Service>> {
    let text = without_colours(text);
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let services = find(&text).ok_or_else(|| garbled(&text))?;
    let mut names = BTreeSet::new();
    match services.iter().find(|service| !names.insert(&service.service_name)) {
        Some(twice) => Err(HostError::new(
            format!("antctl's registry names {} twice", twice.service_name),
            FaultKind::Garbled,
        )),
        None => Ok(services),
    }
}

/// Reads the file itself, in which nothing else may stand. antctl writes it in place, so that a full
/// disk or a crash leaves half of it.
pub(crate) fn in_file(text: &str) -> Result<Vec<Service>, String> {
    if text.trim().is_empty() {
        return Err("it is empty: antctl never made a node here, or died while it wrote".to_owned());
    }
    serde_json::from_str(text)
        .map(|written: Written| written.nodes)
        .map_err(|error| format!("it is no registry of antctl 0.14, or half of one: {error}"))
}

/// The first object at the beginning of a line that is one.
fn find(text: &str) -> Option<Vec<Service>> {
    let starts = text.char_indices().filter(|(at, c)| {
        *c == '{' && (*at == 0 || text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'\n'))
    });
    let read = |(at, _): (usize, char)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Written>();
        values.next()?.ok()
    };
    starts.filter_map(read).map(|written| written.nodes).next()
}

fn garbled(text: &str) -> HostError {
    let shown: String = text.trim().chars().take(80).collect();
    let op = format!("antctl's registry makes no sense: it begins with `{shown}`");
    HostError::new(op, FaultKind::Garbled)
}

/// Text without the escape sequences that colour it.
pub(super) fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| !c.is_ascii_digit() && c != ';');
        rest = end.map_or("", |end| sequence.get(end + 1..).unwrap_or(""));
    }
    plain.push_str(rest);
    plain
}

/// Every number that was ever given: removed ones are not given again.
pub(super) fn ids(services: &[Service]) -> BTreeSet<NodeId> {
    let counted = 1..=u32::try_from(services.len()).unwrap_or(u32::MAX);
    let numbers = services.iter().map(|service| service.number);
    counted.chain(numbers).filter_map(NodeId::new).collect()
}

/// antctl counts the nodes it has, removed or not, and keeps the ports of them all.
pub(crate) fn numbering(services: &[Service]) -> Numbering {
    let next = (0..services.len()).fold(NodeId::FIRST, |id, _| id.next());
    let ports = services.iter().flat_map(|service| {
        [service.node_port, service.metrics_port, Some(service.rpc_port())].into_iter().flatten()
    });
    Numbering::together(next, ports.collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use wnm_core::fakes::build::id;

    use super::*;

    const MIXED: &str = include_str!("../../fixtures/antctl/status-mixed.json");
    const REMOVED: &str = include_str!("../../fixtures/antctl/registry-removed.json");

    fn shown(services: &[Service]) -> Vec<String> {
        let line = |it: &Service| format!("{} {:?} {}", it.service_name, it.status, it.rpc_port());
        services.iter().map(line).collect()
    }

    #[test]
    fn what_antctl_really_printed() {
        let services = [parse(MIXED).unwrap(), parse(REMOVED).unwrap()].concat();
        insta::assert_snapshot!(shown(&services).join("\n"), @"
        antnode1 Running 15201
        antnode2 Stopped 15202
        antnode1 Stopped 30001
        antnode2 Running 30002
        antnode3 Removed 30003
        ");
    }

    #[test]
    fn noise_and_colours_around_it_are_no_part_of_it() {
        let plain = parse(MIXED).unwrap();
        let noise = "[2026-11-30T01:35:46.478624Z INFO antctl 827] Executing {cmd}\n\
                     {not json\n\x1b[91mred\x1b[0m\n";
        assert_eq!(parse(&format!("{noise}{MIXED}")).unwrap(), plain);
        assert_eq!(parse(&format!("{MIXED}\nThe ant user already exists\n")).unwrap(), plain);
        let coloured = MIXED.replace("\"nodes\"", "\x1b[1;32m\"nodes\"\x1b[0m");
        assert_eq!(parse(&coloured).unwrap(), plain);
    }

    #[test]
    fn nothing_is_an_empty_registry_and_half_of_it_is_none() {
        for nothing in ["", "\n", "{\"daemon\":null,\"nodes\":[]}"] {
            assert!(parse(nothing).unwrap().is_empty(), "{nothing}");
        }
        let half = &MIXED[..MIXED.len() / 2];
        for garbage in [half, "{}", "[]", "null", "Error: no", "{\"nodes\":[{}]}"] {
            assert_eq!(parse(garbage).unwrap_err().kind, FaultKind::Garbled, "{garbage}");
        }
        let twice = MIXED.replace("antnode2", "antnode1");
        assert!(parse(&twice).unwrap_err().to_string().contains("antnode1 twice"));
    }

    #[test]
    fn numbers_go_on_and_ports_are_kept() {
        let services = parse(REMOVED).unwrap();
        let numbering = numbering(&services);
        assert_eq!(numbering.next.number() as usize, services.len() + 1);
        let removed = services.iter().find(|it| it.is_removed()).unwrap();
        assert!(numbering.ports.contains(&removed.node_port.unwrap()));
        assert!(numbering.ports.contains(&removed.rpc_port()));
        assert!(ids(&services).contains(&id(removed.number)));
        assert_eq!(super::numbering(&[]).next, id(1));
    }
}
