//! Settings that follow from the nodes that are taken over, where nobody says otherwise.

use std::collections::BTreeMap;

use super::Taken;
use crate::model::Address;
use crate::policy::{PolicyDraft, Setting};

/// What the nodes themselves say: who earns, what keeps them, what they run, how many there are, and
/// which ports belong to which number. Nothing grows by itself after a takeover: the cap is their
/// number.
pub fn implied(nodes: &[Taken]) -> PolicyDraft {
    let mut draft = PolicyDraft::default().with(Setting::NodeCap, nodes.len().to_string());
    let Some(first) = nodes.first() else { return draft };
    draft = draft
        .with(Setting::Manager, first.spec.manager.to_string())
        .with(Setting::Program, first.spec.program.to_string())
        .with(Setting::RewardsAddress, wallets(nodes));
    let node = |node: &Taken| Some(node.spec.ports.node);
    let metrics = |node: &Taken| node.spec.ports.metrics;
    if let Some(base) = base(nodes, &node) {
        draft = draft.with(Setting::PortStart, base.to_string());
    }
    if let Some(base) = base(nodes, &metrics) {
        draft = draft.with(Setting::MetricsPortStart, base.to_string());
    }
    draft
}

/// Each wallet with as many shares as it has nodes.
fn wallets(nodes: &[Taken]) -> String {
    let mut counts: BTreeMap<Address, u32> = BTreeMap::new();
    for node in nodes {
        *counts.entry(node.spec.wallet).or_default() += 1;
    }
    match counts.len() {
        1 => counts.keys().map(ToString::to_string).collect(),
        _ => {
            let shares = counts.iter().map(|(wallet, count)| format!("{wallet}:{count}"));
            shares.collect::<Vec<_>>().join(",")
        }
    }
}

/// The base that all ports follow from, if there is one.
fn base(nodes: &[Taken], port: &dyn Fn(&Taken) -> Option<u16>) -> Option<u16> {
    let base_of = |node: &Taken| {
        let number = u16::try_from(node.spec.id.number()).ok().filter(|number| *number < 1000)?;
        let base = port(node)?.checked_sub(number)?;
        (base % 1000 == 0 && base > 0).then_some(base / 1000)
    };
    let mut bases = nodes.iter().map(base_of);
    let first = bases.next()??;
    bases.all(|base| base == Some(first)).then_some(first)
}
