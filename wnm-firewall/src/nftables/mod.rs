//! nftables, where an administrator writes the rules himself.
//!
//! No table of ours can open what another table's chain drops: every base chain of the hook is
//! asked, and a drop is final. So our table decides nothing. It marks the packets that go to our
//! ports, before any filter sees them, and the administrator lets marked packets in with one line
//! of his own, wherever he wants it.

mod argv;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Firewall, HostError, HostResult, Invocation};
use wnm_core::model::{PortRule, Protocol};
use wnm_core::observe::{FaultKind, Openings};

use crate::owner::Owner;
use crate::tool::{failed, garbled, run};
use parse::{Others, Table};

/// The one bit that our table sets. Others' marks are left as they are.
const MARK: u32 = 0x1000_0000;

/// The line that lets marked packets in.
const LINE: &str = "meta mark & 0x10000000 != 0 accept";

/// A table of our own in the machine's nftables.
#[derive(Clone)]
pub struct Nftables {
    runner: Arc<dyn CommandRunner>,
    owner: Owner,
}

impl fmt::Debug for Nftables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nftables").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Nftables {
    /// The nftables that `runner` reaches; openings are `owner`'s.
    pub fn new(runner: Arc<dyn CommandRunner>, owner: Owner) -> Nftables {
        Nftables { runner, owner }
    }

    /// Whether some rule of the machine asks for our mark; an error when nft is not there or not
    /// ours to ask.
    pub fn is_asked_for(&self) -> HostResult<bool> {
        Ok(parse::is_asked_for(&self.ruleset()?))
    }

    /// What would keep our ports shut whatever is opened, with the way out.
    pub fn obstacle(&self) -> HostResult<Option<String>> {
        let obstacles = parse::obstacles(&self.ruleset()?);
        let shown: Vec<String> = obstacles
            .iter()
            .map(|found| format!("chain `{}` of table `{}`", found.chain, found.table))
            .collect();
        let why = format!(
            "{} drops what it does not know, and no table of wnm can overrule it: put the line \
             `{LINE}` into it",
            shown.join(" and ")
        );
        Ok((!shown.is_empty()).then_some(why))
    }

    fn ask(&self, call: &Invocation) -> HostResult<String> {
        let answer = run(&self.runner, call)?;
        match answer.ok() {
            true => Ok(answer.stdout),
            false => Err(failed(call, &answer, parse::fault(&answer.stderr))),
        }
    }

    fn ruleset(&self) -> HostResult<Vec<Value>> {
        let call = argv::ruleset();
        parse::objects(&self.ask(&call)?).ok_or_else(|| garbled(&call))
    }

    fn table(&self) -> HostResult<Table> {
        let call = argv::table();
        let answer = run(&self.runner, &call)?;
        if answer.ok() {
            let objects = parse::objects(&answer.stdout).ok_or_else(|| garbled(&call))?;
            return Ok(parse::table(&objects));
        }
        match parse::fault(&answer.stderr) {
            FaultKind::NotFound => Ok(Table::new()),
            kind => Err(failed(&call, &answer, kind)),
        }
    }

    fn is_ours(&self, table: &Table, rule: PortRule) -> bool {
        table.get(&rule) == Some(&self.owner.comment)
    }
}

impl Firewall for Nftables {
    fn kind(&self) -> &'static str {
        "nftables"
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        if rule.protocol != Protocol::Udp {
            let op = format!("open {rule}: nodes are reached by UDP");
            return Err(HostError::new(op, FaultKind::Refused));
        }
        // Also when it is another installation's: marked is marked.
        if self.table()?.contains_key(&rule) {
            return Ok(Change::AlreadySo);
        }
        match parse::others(&self.ruleset()?, rule) {
            Some(Others::Opens) => return Ok(Change::AlreadySo),
            Some(Others::Shuts) => {
                tracing::warn!("somebody's own rule in nftables shuts {rule}: it stands");
                return Ok(Change::NotManaged);
            }
            None => {}
        }
        self.ask(&argv::open(rule, &self.owner.comment))?;
        Ok(Change::Made)
    }

    fn close(&self, rule: PortRule) -> HostResult<Change> {
        let table = self.table()?;
        if !self.is_ours(&table, rule) {
            return Ok(Change::AlreadySo);
        }
        let call = if table.len() == 1 { argv::close_last() } else { argv::close(rule) };
        self.ask(&call)?;
        Ok(Change::Made)
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        Ok(self.is_ours(&self.table()?, rule))
    }

    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        let table = self.table()?;
        let ruleset = self.ruleset()?;
        let ours = table.keys().copied().filter(|rule| self.is_ours(&table, *rule));
        let settled = wanted.iter().copied().filter(|rule| {
            let foreign = table.contains_key(rule) && !self.is_ours(&table, *rule);
            foreign || parse::others(&ruleset, *rule).is_some()
        });
        Ok(Some(Openings { ours: ours.collect(), settled: settled.collect() }))
    }
}
