//! ufw, the firewall of Ubuntu and Debian.

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
use wnm_core::observe::Openings;

use crate::owner::Owner;
use crate::tool::{failed, garbled, run};
use parse::{Found, Others};

/// The machine's ufw. Keeps rules with a comment of its owner and leaves all others alone.
#[derive(Clone)]
pub struct Ufw {
    runner: Arc<dyn CommandRunner>,
    owner: Owner,
}

impl fmt::Debug for Ufw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ufw").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Ufw {
    /// The ufw that `runner` reaches; openings are `owner`'s.
    pub fn new(runner: Arc<dyn CommandRunner>, owner: Owner) -> Ufw {
        Ufw { runner, owner }
    }

    /// Whether it is active; an error when it is not there or not ours to ask.
    pub fn is_active(&self) -> HostResult<bool> {
        let call = argv::status();
        parse::is_active(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    fn find(&self, rule: PortRule) -> HostResult<Found> {
        let call = argv::show_added();
        parse::find(&self.ask(&call)?, rule, &self.owner.comment).ok_or_else(|| garbled(&call))
    }

    fn ask(&self, call: &Invocation) -> HostResult<String> {
        let answer = run(&self.runner, call)?;
        if answer.ok() {
            return Ok(answer.stdout);
        }
        let kind = parse::fault(&format!("{}{}", answer.stdout, answer.stderr));
        Err(failed(call, &answer, kind))
    }
}

impl Firewall for Ufw {
    fn kind(&self) -> &'static str {
        "ufw"
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        if !self.is_active()? {
            tracing::info!("ufw is not active: no rule for {rule} is added");
            return Ok(Change::NotManaged);
        }
        // Adding would put our comment on a rule that somebody else made, and closing would then
        // delete it. Between this look and the call a rule could still appear; ufw has no way to
        // add only what is not there, so that is told and no more.
        match self.find(rule)? {
            Found { ours: true, .. } | Found { others: Some(Others::Opens), .. } => {
                return Ok(Change::AlreadySo);
            }
            Found { others: Some(Others::Shuts), .. } => {
                tracing::warn!("somebody's own rule in ufw shuts {rule}: it is left alone");
                return Ok(Change::NotManaged);
            }
            Found { ours: false, others: None } => {}
        }
        let call = argv::allow(rule, &self.owner.comment);
        let answer = self.ask(&call)?;
        if parse::replaced(&answer) {
            tracing::warn!("a rule for {rule} that appeared in ufw this moment is now wnm's");
        }
        parse::change(&answer).ok_or_else(|| garbled(&call))
    }

    fn close(&self, rule: PortRule) -> HostResult<Change> {
        // Also while ufw is inactive: a rule that stays would open the port once it is active.
        if !self.find(rule)?.ours {
            return Ok(Change::AlreadySo);
        }
        let call = argv::delete(rule, &self.owner.comment);
        parse::change(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        Ok(self.find(rule)?.ours)
    }

    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        if !self.is_active()? {
            return Ok(None);
        }
        let call = argv::show_added();
        let added = self.ask(&call)?;
        let comment = &self.owner.comment;
        let ours = parse::ours(&added, comment).ok_or_else(|| garbled(&call))?;
        let mut settled = BTreeSet::new();
        for rule in wanted {
            let found = parse::find(&added, *rule, comment).ok_or_else(|| garbled(&call))?;
            if !found.ours && found.others.is_some() {
                settled.insert(*rule);
            }
        }
        Ok(Some(Openings { ours, settled }))
    }
}
