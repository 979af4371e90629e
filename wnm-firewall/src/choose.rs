//! From the setting to a firewall.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Firewall, HostError, HostResult};
use wnm_core::model::{FirewallChoice, PortRule, Scope};
use wnm_core::observe::{FaultKind, Openings};

use crate::routes::outer_interfaces;
use crate::{Firewalld, Nftables, NullFirewall, Owner, Ufw};

/// The firewall that was chosen, for nodes of `scope`. Starts no process: what `auto` means on this
/// machine is found out when it is first asked.
pub fn by_choice(
    choice: FirewallChoice,
    scope: Scope,
    owner: Owner,
    runner: Arc<dyn CommandRunner>,
) -> Box<dyn Firewall> {
    match (choice, scope) {
        // No root anywhere in the user scope, unless somebody asks for it by name.
        (FirewallChoice::None, _) | (FirewallChoice::Auto, Scope::User) => Box::new(NullFirewall),
        (FirewallChoice::Auto, Scope::System) => Box::new(Detected::new(runner, owner)),
        (FirewallChoice::Ufw, _) => Box::new(Ufw::new(runner, owner)),
        (FirewallChoice::Firewalld, _) => Box::new(Firewalld::new(runner, owner, outer_interfaces)),
        (FirewallChoice::Nftables, _) => Box::new(Nftables::new(runner, owner)),
    }
}

/// Why a firewall that was asked for by name cannot do what it is for, if so.
pub fn problem(choice: FirewallChoice, runner: Arc<dyn CommandRunner>) -> Option<String> {
    let owner = Owner::machine();
    let why = match choice {
        FirewallChoice::Auto | FirewallChoice::None => None,
        FirewallChoice::Ufw => Ufw::new(runner, owner).is_active().err().map(|error| error.chain()),
        FirewallChoice::Firewalld => {
            match Firewalld::new(runner, owner, outer_interfaces).is_active() {
                Ok(true) => None,
                Ok(false) => Some("it does not run: `systemctl enable --now firewalld`".to_owned()),
                Err(error) => Some(error.chain()),
            }
        }
        FirewallChoice::Nftables => match Nftables::new(runner, owner).obstacle() {
            Ok(obstacle) => obstacle,
            Err(error) => Some(error.chain()),
        },
    };
    why.map(|why| format!("firewall is `{choice}`, which cannot be used: {why}"))
}

/// Which of all firewalls is on, if any; or why that is not known.
type Known = Result<Option<usize>, (FaultKind, String)>;

/// The firewall that is on, found out when it is first asked: ufw where it is active, else firewalld
/// where it runs, else nftables where a rule asks for our mark, else none.
struct Detected {
    /// All there may be, in this order.
    all: [Box<dyn Firewall>; 3],
    ufw: Ufw,
    firewalld: Firewalld,
    nftables: Nftables,
    /// Which of `all`, once that was asked; or why that is not known. Not asked again in a cycle: one
    /// that hangs takes its time each time.
    on: Mutex<Option<Known>>,
}

impl fmt::Debug for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detected").field("on", &self.on).finish_non_exhaustive()
    }
}

impl Detected {
    fn new(runner: Arc<dyn CommandRunner>, owner: Owner) -> Detected {
        let ufw = Ufw::new(Arc::clone(&runner), owner.clone());
        let firewalld = Firewalld::new(Arc::clone(&runner), owner.clone(), outer_interfaces);
        let nftables = Nftables::new(runner, owner);
        let all: [Box<dyn Firewall>; 3] =
            [Box::new(ufw.clone()), Box::new(firewalld.clone()), Box::new(nftables.clone())];
        Detected { all, ufw, firewalld, nftables, on: Mutex::new(None) }
    }

    /// The one that is on. One that is there and does not answer is not passed over: the next one
    /// would be the wrong one.
    fn on(&self) -> HostResult<Option<&dyn Firewall>> {
        Ok(self.which()?.map(|at| self.all[at].as_ref()))
    }

    fn which(&self) -> HostResult<Option<usize>> {
        let mut known = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        let look = || self.look().map_err(|error| (error.kind, error.chain()));
        known.get_or_insert_with(look).clone().map_err(|(kind, why)| HostError::new(why, kind))
    }

    /// Whether this one of `all` is known to be off: another one is on, or it says so itself. One that
    /// does not answer may be on.
    fn is_off(&self, at: usize) -> bool {
        match (self.which(), at) {
            (Ok(on), _) => on != Some(at),
            (Err(_), 0) => if_there(self.ufw.is_active(), false).is_ok_and(|is_on| !is_on),
            (Err(_), _) => false,
        }
    }

    fn look(&self) -> HostResult<Option<usize>> {
        if if_there(self.ufw.is_active(), false)? {
            return Ok(Some(0));
        }
        if if_there(self.firewalld.is_active(), false)? {
            return Ok(Some(1));
        }
        // The last one, and nobody has it unless a rule asks for us: one that is broken says no.
        let asks = if_there(self.nftables.is_asked_for(), false).unwrap_or_else(|error| {
            tracing::warn!(why = error.chain(), "nftables is not looked after");
            false
        });
        Ok(asks.then_some(2))
    }
}

impl Firewall for Detected {
    fn kind(&self) -> &'static str {
        "detected"
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        match self.on()? {
            Some(firewall) => firewall.open(rule),
            None => Ok(Change::NotManaged),
        }
    }

    /// In all of them: the rule may be from a time when another one was on. One that is not on lets
    /// nothing in, and no node waits for it to be mended. All are asked before one of them refuses.
    fn close(&self, rule: PortRule) -> HostResult<Change> {
        let mut change = Change::NotManaged;
        let mut refusal = None;
        for (at, firewall) in self.all.iter().enumerate() {
            match if_there(firewall.close(rule), Change::NotManaged) {
                Ok(Change::Made) => change = Change::Made,
                Ok(Change::AlreadySo) if change == Change::NotManaged => change = Change::AlreadySo,
                Ok(Change::AlreadySo | Change::NotManaged) => {}
                Err(error) if self.is_off(at) => {
                    let (kind, why) = (firewall.kind(), error.chain());
                    tracing::warn!(why, "{kind} is not on, and a rule of ours may stay in it");
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or(Ok(change), Err)
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        self.on()?.map_or(Ok(false), |firewall| firewall.is_open(rule))
    }

    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        self.on()?.map_or(Ok(None), |firewall| firewall.openings(wanted))
    }
}

/// A firewall that need not be there: where it is missing, or not ours to ask, nothing is managed.
fn if_there<T>(answer: HostResult<T>, otherwise: T) -> HostResult<T> {
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
    const UFW: &str = "(root) ufw status";
    const ADDED: &str = "(root) ufw show added";
    const FIREWALLD: &str = "(root) firewall-cmd --get-default-zone";
    const NFT: &str = "(root) nft -j -t list ruleset";
    const TABLE: &str = "(root) nft -j list table inet wnm";
    const EMPTY: &str = "{\"nftables\": []}";

    fn chosen(choice: FirewallChoice, scope: Scope, runner: ScriptedRunner) -> Box<dyn Firewall> {
        by_choice(choice, scope, Owner::machine(), Arc::new(runner))
    }

    #[test]
    fn in_the_user_scope_only_a_name_leads_to_a_firewall() {
        for choice in [FirewallChoice::Auto, FirewallChoice::None] {
            // An empty script: any call would be an error.
            let firewall = chosen(choice, Scope::User, ScriptedRunner::new());
            assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);
            assert_eq!(firewall.close(RULE).expect("answered"), Change::NotManaged);
            assert_eq!(firewall.openings(&BTreeSet::new()).expect("answered"), None);
        }
        for choice in [FirewallChoice::Ufw, FirewallChoice::Firewalld, FirewallChoice::Nftables] {
            let firewall = chosen(choice, Scope::User, ScriptedRunner::new());
            assert_eq!(firewall.kind(), choice.to_string());
        }
    }

    #[test]
    fn auto_manages_nothing_where_there_is_no_firewall_or_no_root() {
        for kind in [FaultKind::NotFound, FaultKind::Permission] {
            let runner = ScriptedRunner::new()
                .failing(UFW, kind)
                .failing(FIREWALLD, kind)
                .failing(NFT, kind)
                .failing(ADDED, kind)
                .failing(FIREWALLD, kind)
                .failing(TABLE, kind);
            let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
            assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);
            assert_eq!(firewall.close(RULE).expect("answered"), Change::NotManaged);
            // What was found out once holds for the rest of the cycle.
            assert!(!firewall.is_open(RULE).expect("answered"));

            let runner = ScriptedRunner::new().failing(UFW, kind);
            let firewall = chosen(FirewallChoice::Ufw, Scope::System, runner);
            assert_eq!(firewall.open(RULE).expect_err("refused").kind, kind, "asked for by name");
        }
    }

    #[test]
    fn one_that_is_there_and_does_not_answer_is_not_passed_over() {
        let off = || ScriptedRunner::new().on(UFW, 0, "Status: inactive\n", "");
        for runner in [
            ScriptedRunner::new().failing(UFW, FaultKind::Timeout),
            off().failing(FIREWALLD, FaultKind::Timeout),
        ] {
            let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
            assert_eq!(firewall.open(RULE).expect_err("refused").kind, FaultKind::Timeout);
        }
        // Off, not running, and no rule that asks for us.
        let runner =
            off().on(FIREWALLD, 252, "", "FirewallD is not running\n").on(NFT, 0, EMPTY, "");
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);
    }

    #[test]
    fn one_that_is_broken_and_not_on_is_in_nobodys_way() {
        let off = || ScriptedRunner::new().on(UFW, 0, "Status: inactive\n", "");
        let stopped = || off().on(FIREWALLD, 252, "", "FirewallD is not running\n");
        let runner = stopped().failing(NFT, FaultKind::Failed);
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        assert_eq!(firewall.open(RULE).expect("answered"), Change::NotManaged);

        // ufw is on, and has none of ours; the others are broken.
        let runner = ScriptedRunner::new()
            .on(ADDED, 0, "Added user rules (see 'ufw status' for running firewall):\n(None)\n", "")
            .failing(FIREWALLD, FaultKind::Failed)
            .on(UFW, 0, "Status: active\n", "")
            .failing(TABLE, FaultKind::Failed);
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        assert_eq!(firewall.close(RULE).expect("answered"), Change::AlreadySo);

        // The one that is on says why it did not.
        let runner = ScriptedRunner::new().failing(ADDED, FaultKind::Timeout).on(
            UFW,
            0,
            "Status: active\n",
            "",
        );
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        assert_eq!(firewall.close(RULE).expect_err("refused").kind, FaultKind::Timeout);
    }

    #[test]
    fn one_that_is_off_is_in_nobodys_way_whatever_is_broken_beside_it() {
        // ufw is off and its rules cannot be read; firewalld answers nothing and may be on.
        let off = "Status: inactive\n";
        let runner = ScriptedRunner::new()
            .failing(ADDED, FaultKind::Failed)
            .on(UFW, 0, off, "")
            .failing(FIREWALLD, FaultKind::Timeout)
            .on(UFW, 0, off, "")
            .failing(FIREWALLD, FaultKind::Timeout)
            .failing(TABLE, FaultKind::NotFound);
        let firewall = chosen(FirewallChoice::Auto, Scope::System, runner);
        let error = firewall.close(RULE).expect_err("firewalld may be on, and lets nodes in");
        assert!(error.chain().contains("firewall-cmd"), "{}", error.chain());
    }

    #[test]
    fn what_cannot_work_is_told_with_the_way_out() {
        let told = |choice, runner| problem(choice, Arc::new(runner)).unwrap_or_default();
        let runner = ScriptedRunner::new().on(FIREWALLD, 252, "", "FirewallD is not running\n");
        let why = told(FirewallChoice::Firewalld, runner);
        assert!(why.contains("systemctl enable --now firewalld"), "{why}");
        let shut = include_str!("../fixtures/nft-shut.json");
        let why = told(FirewallChoice::Nftables, ScriptedRunner::new().on(NFT, 0, shut, ""));
        assert!(why.contains("chain `input` of table `inet filter`"), "{why}");
        assert!(why.contains("meta mark & 0x10000000 != 0 accept"), "{why}");
        let asked = include_str!("../fixtures/nft-asked.json");
        let runner = ScriptedRunner::new().on(NFT, 0, asked, "");
        assert_eq!(told(FirewallChoice::Nftables, runner), "");
        assert_eq!(told(FirewallChoice::None, ScriptedRunner::new()), "");
    }
}
