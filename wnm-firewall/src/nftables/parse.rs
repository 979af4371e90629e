//! What nft answers: pure.

use std::collections::BTreeMap;

use serde_json::Value;
use wnm_core::model::{PortRule, Protocol};
use wnm_core::observe::FaultKind;

use super::MARK;

/// The openings in our table, with whose they are.
pub(super) type Table = BTreeMap<PortRule, String>;

/// What somebody else's rules do with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Opens,
    Shuts,
}

/// The objects of `nft -j list …`; `None` when that is no such list.
pub(super) fn objects(text: &str) -> Option<Vec<Value>> {
    let mut whole: Value = serde_json::from_str(text).ok()?;
    match whole.get_mut("nftables")?.take() {
        Value::Array(objects) => Some(objects),
        _ => None,
    }
}

/// The openings in our table. It counts only while the rule that marks is in it.
pub(super) fn table(objects: &[Value]) -> Table {
    let marks = objects.iter().any(|object| {
        object.pointer("/rule/chain").and_then(Value::as_str) == Some("input")
            && mentions(object, MARK)
            && object.to_string().contains("@ports")
    });
    let set = objects.iter().find_map(|object| {
        let set = object.get("set")?;
        (set.get("name")?.as_str()? == "ports").then_some(set)
    });
    let elements = set.filter(|_| marks).and_then(|set| set.get("elem")?.as_array().cloned());
    elements.unwrap_or_default().iter().filter_map(element).collect()
}

/// A bare number, or one with a comment.
fn element(value: &Value) -> Option<(PortRule, String)> {
    let of = |port: &Value| u16::try_from(port.as_u64()?).ok();
    let (port, comment) = match value.get("elem") {
        Some(element) => (of(element.get("val")?)?, element.get("comment").and_then(Value::as_str)),
        None => (of(value)?, None),
    };
    Some((PortRule { port, protocol: Protocol::Udp }, comment.unwrap_or_default().to_owned()))
}

/// A chain that shuts what it does not know and does not ask for our mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) table: String,
    pub(super) chain: String,
}

/// What keeps marked packets out. An accepting verdict of ours would be worth nothing: every chain
/// of every table is asked, and the first that drops has the last word.
pub(super) fn obstacles(objects: &[Value]) -> Vec<Obstacle> {
    let chains = objects.iter().filter_map(|object| object.get("chain"));
    let guards = chains.filter(|chain| {
        text(chain, "hook") == Some("input") && place(chain).is_some() && !is_our_table(chain)
    });
    let shuts = |chain: &&Value| {
        let last = rules_of(objects, chain).last().and_then(verdict);
        let by_rule = matches!(last, Some((None, Others::Shuts)));
        text(chain, "policy") == Some("drop") || by_rule
    };
    let asks = |chain: &Value| {
        let mut rules = objects.iter().filter_map(|object| object.get("rule"));
        rules.any(|rule| place(rule) == place(chain) && mentions(rule, MARK))
    };
    let blocking = guards.filter(shuts).filter(|chain| !asks(chain));
    blocking
        .filter_map(|chain| {
            let (family, table) = place(chain)?;
            let chain = text(chain, "name")?.to_owned();
            Some(Obstacle { table: format!("{family} {table}"), chain })
        })
        .collect()
}

/// True when some rule of somebody asks for our mark: he wants us to look after ports.
pub(super) fn is_asked_for(objects: &[Value]) -> bool {
    let mut rules = objects.iter().filter_map(|object| object.get("rule"));
    rules.any(|rule| !is_our_table(rule) && mentions(rule, MARK))
}

/// What plain rules of others do with the port, in chains for what comes in.
pub(super) fn others(objects: &[Value], rule: PortRule) -> Option<Others> {
    let chains = objects.iter().filter_map(|object| object.get("chain"));
    let inputs = chains.filter(|it| text(it, "hook") == Some("input") && !is_our_table(it));
    let verdicts = inputs.flat_map(|chain| rules_of(objects, chain)).filter_map(verdict);
    let mut of_port = verdicts.filter(|(ports, _)| {
        ports
            .is_some_and(|ports| protocol_of(ports) == Some(rule.protocol) && has(ports, rule.port))
    });
    // The first that matches decides.
    of_port.next().map(|(_, others)| others)
}

fn rules_of<'a>(objects: &'a [Value], chain: &'a Value) -> impl Iterator<Item = &'a Value> {
    let rules = objects.iter().filter_map(|object| object.get("rule"));
    rules.filter(move |rule| {
        place(rule) == place(chain) && text(rule, "chain") == text(chain, "name")
    })
}

/// A rule of at most one match, on a port, with its verdict; `None` for anything else.
fn verdict(rule: &Value) -> Option<(Option<&Value>, Others)> {
    let mut ports = None;
    let mut others = None;
    for part in rule.get("expr")?.as_array()? {
        let (name, value) = part.as_object()?.iter().next()?;
        match name.as_str() {
            "match" if ports.is_none() && text(value, "op") == Some("==") => ports = Some(value),
            "counter" | "log" | "limit" => {}
            "accept" => others = Some(Others::Opens),
            "drop" | "reject" => others = Some(Others::Shuts),
            _ => return None,
        }
    }
    Some((ports, others?))
}

fn protocol_of(matched: &Value) -> Option<Protocol> {
    let payload = matched.get("left")?.get("payload")?;
    match (text(payload, "field")?, text(payload, "protocol")?) {
        ("dport", "udp") => Some(Protocol::Udp),
        ("dport", "tcp") => Some(Protocol::Tcp),
        _ => None,
    }
}

/// A number, a range, or an anonymous set of both.
fn has(matched: &Value, port: u16) -> bool {
    fn holds(value: &Value, port: u64) -> bool {
        if let Some(Value::Array(range)) = value.get("range") {
            let at = |end: usize| range.get(end).and_then(Value::as_u64);
            return at(0) <= Some(port) && at(1).is_some_and(|last| port <= last);
        }
        match value.get("set") {
            Some(Value::Array(all)) => all.iter().any(|one| holds(one, port)),
            _ => value.as_u64() == Some(port),
        }
    }
    matched.get("right").is_some_and(|right| holds(right, u64::from(port)))
}

/// Family and table of a chain or a rule that sees packets of the Internet.
fn place(object: &Value) -> Option<(&str, &str)> {
    let family = text(object, "family").filter(|family| ["inet", "ip", "ip6"].contains(family))?;
    Some((family, text(object, "table")?))
}

fn is_our_table(object: &Value) -> bool {
    place(object) == Some(("inet", "wnm"))
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn mentions(value: &Value, number: u32) -> bool {
    match value {
        Value::Number(found) => found.as_u64() == Some(u64::from(number)),
        Value::Array(all) => all.iter().any(|one| mentions(one, number)),
        Value::Object(all) => all.values().any(|one| mentions(one, number)),
        _ => false,
    }
}

/// What kind of failure a complaint is.
pub(super) fn fault(complaint: &str) -> FaultKind {
    if complaint.contains("Operation not permitted") {
        FaultKind::Permission
    } else if complaint.contains("No such file or directory") {
        FaultKind::NotFound
    } else if complaint.contains("Device or resource busy") {
        FaultKind::Conflict
    } else {
        FaultKind::Failed
    }
}
