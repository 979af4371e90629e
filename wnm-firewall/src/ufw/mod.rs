//! ufw, the firewall of Ubuntu and Debian.

mod argv;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Firewall, HostError, HostResult, Invocation};
use wnm_core::model::PortRule;
use wnm_core::observe::FaultKind;

use parse::{Found, Others};

/// The machine's ufw. Keeps rules with the comment `wnm` and leaves all others alone.
#[derive(Clone)]
pub struct Ufw {
    runner: Arc<dyn CommandRunner>,
}

impl fmt::Debug for Ufw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ufw")
    }
}

impl Ufw {
    /// The ufw that `runner` reaches.
    pub fn new(runner: Arc<dyn CommandRunner>) -> Ufw {
        Ufw { runner }
    }

    /// Whether it is active; an error when it is not there or not ours to ask.
    pub fn is_active(&self) -> HostResult<bool> {
        let call = argv::status();
        parse::is_active(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    fn find(&self, rule: PortRule) -> HostResult<Found> {
        let call = argv::show_added();
        parse::find(&self.ask(&call)?, rule).ok_or_else(|| garbled(&call))
    }

    fn ask(&self, call: &Invocation) -> HostResult<String> {
        let answer = self.runner.run(call).map_err(|error| match error.chain() {
            // Through sudo a missing program is a refusal of sudo.
            chain if chain.contains("ufw: command not found") => {
                HostError::with(format!("run `{}`", call.line()), FaultKind::NotFound, chain)
            }
            _ => error,
        })?;
        if answer.ok() {
            return Ok(answer.stdout);
        }
        let complaint = format!("{}{}", answer.stdout, answer.stderr);
        let kind = parse::fault(&complaint);
        Err(HostError::with(format!("run `{}`", call.line()), kind, complaint.trim().to_owned()))
    }
}

fn garbled(call: &Invocation) -> HostError {
    let why = "its answer makes no sense";
    HostError::with(format!("run `{}`", call.line()), FaultKind::Garbled, why)
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
        let call = argv::allow(rule);
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
        let call = argv::delete(rule);
        parse::change(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        Ok(self.find(rule)?.ours)
    }
}
