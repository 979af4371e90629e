//! What must hold of the texts that the engine's own nouns are read from.

use std::fmt::{Debug, Display};
use std::path::Component;
use std::str::FromStr;

use wnm_core::import::{Told, number_in};
use wnm_core::model::{
    Address, Channel, DayWindow, FirewallChoice, Manager, NodeId, Program, ReleaseSource, Resource,
    Timestamp, Version, WalletShares, parse_node_list,
};
use wnm_core::policy::{Policy, PolicyDraft, Setting, parse_duration};

/// Nodes as an operator names them, a word a line.
pub(crate) fn node_list(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words: Vec<&str> = text.lines().collect();
    if let Ok(nodes) = parse_node_list(&words) {
        assert!(nodes.len() <= 65_536, "{} nodes at once", nodes.len());
        let shown: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
        assert_eq!(parse_node_list(&shown).ok(), Some(nodes));
    }
    number_in(&text);
}

/// Everything that is shown as it is read.
pub(crate) fn nouns(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    again::<Address>(&text);
    again::<Channel>(&text);
    again::<FirewallChoice>(&text);
    again::<Manager>(&text);
    again::<NodeId>(&text);
    again::<Program>(&text);
    again::<ReleaseSource>(&text);
    again::<Resource>(&text);
    again::<Version>(&text);
    again::<Setting>(&text);
    if let Ok(time) = text.parse::<Timestamp>() {
        let shown = time.to_string();
        // Shown to the second.
        let read = shown.parse::<Timestamp>().unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(read.0, time.0.div_euclid(1000) * 1000, "{shown}");
    }
    parse_duration(&text);
    let _ = text.parse::<DayWindow>();
    Program::identify(&text);
    let donate: Address = "0x00455d78f850b0358E8cea5be24d415E01E107CF".parse().expect("a wallet");
    if let Ok(shares) = WalletShares::parse(&text, donate) {
        assert!(!shares.shares().is_empty());
    }
}

fn again<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let shown = read.to_string();
    assert_eq!(shown.parse::<T>().ok(), Some(read), "{shown}");
}

/// Settings, `key value` a line: a policy that is made of them is within all bounds.
pub(crate) fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut draft = PolicyDraft::default()
        .with(Setting::RewardsAddress, "donate")
        .with(Setting::NodeStorage, "/srv/nodes");
    for line in text.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        if let Ok(setting) = key.parse() {
            draft = draft.with(setting, value);
        }
    }
    let Ok(policy) = Policy::parse(&draft, &PolicyDraft::default(), 4) else { return };
    let nodes = &policy.nodes;
    for number in [1, 9, 999, 65_535] {
        let Some(id) = NodeId::new(number) else { continue };
        let wallet = nodes.wallets.shares()[0].address;
        let Ok(spec) = nodes.spec(id, wallet, "/srv/nodes".as_ref()) else { continue };
        for path in [&spec.data, &spec.logs, &spec.binary, &spec.storage] {
            assert!(path.is_absolute(), "{}", path.display());
            let up = path.components().any(|it| matches!(it, Component::ParentDir));
            assert!(!up, "{}", path.display());
        }
        assert!(spec.data.starts_with(&spec.storage));
        let words = spec.program.arguments(&spec);
        assert!(words.iter().all(|it| !it.contains('\0')), "{words:?}");
    }
    let kept = serde_json::to_string(&policy).expect("a policy is JSON");
    let read: Policy = serde_json::from_str(&kept).unwrap_or_else(|why| panic!("{why}: {kept}"));
    assert_eq!(read, policy);
}

/// The words that a node of others was started with.
pub(crate) fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words: Vec<String> = text.split('\0').flat_map(str::lines).map(str::to_owned).collect();
    let Ok(told) = Told::read(&words) else { return };
    assert!(told.data.is_absolute(), "{}", told.data.display());
    let up = told.data.components().any(|it| matches!(it, Component::ParentDir));
    assert!(!up, "{}", told.data.display());
    let ports = [told.ports.node, told.ports.metrics, told.ports.webrtc, told.ports.rpc];
    assert!(ports.into_iter().flatten().all(|port| port > 0), "{:?}", told.ports);
}
