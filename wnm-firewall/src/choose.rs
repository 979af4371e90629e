//! From the setting to a firewall.

use std::sync::Arc;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Firewall, HostResult};
use wnm_core::model::{FirewallChoice, PortRule, Scope};
use wnm_core::observe::FaultKind;

use crate::{NullFirewall, Ufw};

/// The firewall that was chosen, for nodes of `scope`. Starts no process: what `auto` means on this
/// machine is found out when there is a port to open or to close, and not once a minute.
pub fn by_choice(
    choice: FirewallChoice,
    scope: Scope,
    runner: Arc<dyn CommandRunner>,
) -> Box<dyn Firewall> {
    match (choice, scope) {
        // No root anywhere in the user scope, unless somebody asks for it by name.
        (FirewallChoice::None, _) | (FirewallChoice::Auto, Scope::User) => Box::new(NullFirewall),
        (FirewallChoice::Auto, Scope::System) => Box::new(IfThere(Ufw::new(runner))),
        (FirewallChoice::Ufw, _) => Box::new(Ufw::new(runner)),
    }
}

/// A firewall that need not be there: where it is missing, or not ours to ask, nothing is managed.
#[derive(Clone, Debug)]
pub struct IfThere<F>(pub F);

impl<F: Firewall> Firewall for IfThere<F> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        unless_there(self.0.open(rule), Change::NotManaged)
    }

    fn close(&self, rule: PortRule) -> HostResult<Change> {
        unless_there(self.0.close(rule), Change::NotManaged)
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        unless_there(self.0.is_open(rule), false)
    }
}

fn unless_there<T>(answer: HostResult<T>, otherwise: T) -> HostResult<T> {
    match answer {
        Err(error) if matches!(error.kind, FaultKind::NotFound | FaultKind::Permission) => {
            tracing::debug!(why = error.chain(), "no firewall is looked after");
            Ok(otherwise)
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::fakes::ScriptedRunner;
    use wnm_core::model::Protocol;

    use super::*;

    const RULE: PortRule = PortRule { port: 55_001, protocol: Protocol::Udp };

    fn chosen(choice: FirewallChoice, scope: Scope, runner: ScriptedRunner) -> Box<dyn Firewall> {
        by_choice(choice, scope, Arc::new(runner))
    }

    #[test]
    fn in_the_user_scope_only_the_name_leads_to_ufw() {
        for choice in [FirewallChoice::Auto, FirewallChoice::None] {
            // An empty script: any call would be an error.
            let firewall = chosen(choice, Scope::User, ScriptedRunner::new());
            assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);
            assert_eq!(firewall.close(RULE).expect("answered"), Change::NotManaged);
        }
        let ufw = chosen(FirewallChoice::Ufw, Scope::User, ScriptedRunner::new());
        assert_eq!(ufw.kind(), "ufw");
    }

    #[test]
    fn auto_manages_nothing_where_there_is_no_ufw_or_no_root() {
        for kind in [FaultKind::NotFound, FaultKind::Permission] {
            let runner = ScriptedRunner::new()
                .failing("(root) ufw status", kind)
                .failing("(root) ufw show added", kind)
                .failing("(root) ufw show added", kind);
            let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
            assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);
            assert_eq!(firewall.close(RULE).expect("answered"), Change::NotManaged);
            assert!(!firewall.is_open(RULE).expect("answered"));

            let runner = ScriptedRunner::new().failing("(root) ufw status", kind);
            let firewall = chosen(FirewallChoice::Ufw, Scope::System, runner);
            assert_eq!(firewall.open(RULE).expect_err("refused").kind, kind, "asked for by name");
        }
        let runner = ScriptedRunner::new().failing("(root) ufw status", FaultKind::Timeout);
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        assert_eq!(
            firewall.open(RULE).expect_err("refused").kind,
            FaultKind::Timeout,
            "it is there"
        );
    }
}
