//! firewalld, the firewall of Fedora, RHEL and openSUSE.

mod argv;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Firewall, HostResult, Invocation};
use wnm_core::model::PortRule;
use wnm_core::observe::{FaultKind, Openings};

use crate::owner::Owner;
use crate::tool::{failed, garbled, run};
use argv::Layer;
use parse::{Others, Zone};

/// The machine's firewalld. Keeps rich rules of a priority that is ours, in the zones that the
/// world reaches the machine by, in force and for good, and leaves all others alone.
#[derive(Clone)]
pub struct Firewalld {
    runner: Arc<dyn CommandRunner>,
    owner: Owner,
    /// The interfaces that the world is behind.
    outer: fn() -> Vec<String>,
}

impl fmt::Debug for Firewalld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Firewalld").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// All zones, in force and for good.
struct Zones {
    runtime: Vec<Zone>,
    permanent: Vec<Zone>,
    /// Those that the world reaches the machine by.
    outer: BTreeSet<String>,
}

impl Zones {
    fn in_force(&self, name: &str) -> Option<&Zone> {
        self.runtime.iter().find(|zone| zone.name == name)
    }

    fn for_good(&self, name: &str) -> Option<&Zone> {
        self.permanent.iter().find(|zone| zone.name == name)
    }
}

impl Firewalld {
    /// The firewalld that `runner` reaches; openings are `owner`'s, in the zones of the interfaces
    /// that `outer` answers, or in the default zone.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        owner: Owner,
        outer: fn() -> Vec<String>,
    ) -> Firewalld {
        Firewalld { runner, owner, outer }
    }

    /// Whether it runs; an error when it is not there or not ours to ask.
    pub fn is_active(&self) -> HostResult<bool> {
        match self.ask(&argv::default_zone()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == FaultKind::Unavailable => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn ask(&self, call: &Invocation) -> HostResult<String> {
        let answer = run(&self.runner, call)?;
        if answer.ok() {
            return Ok(answer.stdout);
        }
        let kind = parse::fault(&format!("{}{}", answer.stdout, answer.stderr));
        Err(failed(call, &answer, kind))
    }

    fn zones_of(&self, layer: Layer) -> HostResult<Vec<Zone>> {
        let call = argv::zones(layer);
        parse::zones(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    /// `None` while firewalld does not run.
    fn zones(&self) -> HostResult<Option<Zones>> {
        let default = match self.ask(&argv::default_zone()) {
            Ok(zone) => zone.trim().to_owned(),
            Err(error) if error.kind == FaultKind::Unavailable => return Ok(None),
            Err(error) => return Err(error),
        };
        let runtime = self.zones_of(Layer::Runtime)?;
        let zone_of = |interface: &String| {
            let zone = runtime.iter().find(|zone| zone.interfaces.contains(interface));
            zone.map_or_else(|| default.clone(), |zone| zone.name.clone())
        };
        let mut outer: BTreeSet<String> = (self.outer)().iter().map(zone_of).collect();
        if outer.is_empty() {
            outer.insert(default);
        }
        Ok(Some(Zones { permanent: self.zones_of(Layer::Permanent)?, runtime, outer }))
    }

    /// Takes our rule out of every zone that has it: an interface may have moved to another.
    fn take_out(&self, layer: Layer, zones: &[Zone], rule: PortRule) -> HostResult<bool> {
        let text = argv::rich_rule(&self.owner, rule);
        let mut found = false;
        for zone in zones.iter().filter(|zone| zone.rules.contains(&text)) {
            self.ask(&argv::remove(layer, &zone.name, &text))?;
            found = true;
        }
        Ok(found)
    }
}

impl Firewall for Firewalld {
    fn kind(&self) -> &'static str {
        "firewalld"
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        let Some(zones) = self.zones()? else {
            tracing::info!("firewalld does not run: no rule for {rule} is added");
            return Ok(Change::NotManaged);
        };
        let text = argv::rich_rule(&self.owner, rule);
        let mut change = Change::AlreadySo;
        for name in &zones.outer {
            let ours = |zone: Option<&Zone>| zone.is_some_and(|zone| zone.rules.contains(&text));
            let (now, later) = (zones.in_force(name), zones.for_good(name));
            match now.and_then(|zone| zone.others(rule, &text)) {
                Some(Others::Opens) => continue,
                Some(Others::Shuts) => {
                    tracing::warn!("somebody's own rule in zone {name} shuts {rule}: it stands");
                    return Ok(Change::NotManaged);
                }
                None => {}
            }
            // For good first: what a reload would forget is not open.
            if !ours(later) {
                self.ask(&argv::add(Layer::Permanent, name, &text))?;
                change = Change::Made;
            }
            if !ours(now) {
                self.ask(&argv::add(Layer::Runtime, name, &text))?;
                change = Change::Made;
            }
        }
        Ok(change)
    }

    fn close(&self, rule: PortRule) -> HostResult<Change> {
        let found = match self.zones()? {
            Some(zones) => {
                let now = self.take_out(Layer::Runtime, &zones.runtime, rule)?;
                self.take_out(Layer::Permanent, &zones.permanent, rule)? || now
            }
            // A rule that stays would open the port once firewalld runs again.
            None => {
                let zones = self.zones_of(Layer::Offline)?;
                self.take_out(Layer::Offline, &zones, rule)?
            }
        };
        Ok(if found { Change::Made } else { Change::AlreadySo })
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        let zones = match self.zones()? {
            Some(zones) => zones.runtime,
            None => self.zones_of(Layer::Offline)?,
        };
        Ok(zones.iter().any(|zone| zone.ours(&self.owner).contains(&rule)))
    }

    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        let Some(zones) = self.zones()? else { return Ok(None) };
        let every = zones.runtime.iter().chain(&zones.permanent);
        let mut ours: BTreeSet<PortRule> = every.flat_map(|zone| zone.ours(&self.owner)).collect();
        let mut settled = BTreeSet::new();
        for rule in wanted {
            let text = argv::rich_rule(&self.owner, *rule);
            let has = |zone: Option<&Zone>| zone.is_some_and(|zone| zone.rules.contains(&text));
            let theirs = |name: &String| {
                zones.in_force(name).is_some_and(|zone| zone.others(*rule, &text).is_some())
            };
            let whole = |name: &String| has(zones.in_force(name)) && has(zones.for_good(name));
            // One that a reload would lose, or that is missing in a zone, is to be made whole.
            if !zones.outer.iter().all(|name| whole(name) || theirs(name)) {
                ours.remove(rule);
            }
            if zones.outer.iter().all(theirs) {
                settled.insert(*rule);
            }
        }
        Ok(Some(Openings { ours, settled }))
    }
}
