use std::collections::BTreeSet;

use super::HostResult;
use crate::action::Change;
use crate::model::PortRule;
use crate::observe::Openings;

/// Opens ports to the outside. Never touches a rule it did not make.
pub trait Firewall: Send + Sync {
    /// Its name.
    fn kind(&self) -> &'static str;

    /// Afterwards the port can be reached, or `NotManaged` when no firewall is looked after. Where
    /// somebody else has a rule for it, that rule stands and none of ours is added.
    fn open(&self, rule: PortRule) -> HostResult<Change>;

    /// Afterwards our opening is gone; others' stay.
    fn close(&self, rule: PortRule) -> HostResult<Change>;

    /// Whether our opening is there.
    fn is_open(&self, rule: PortRule) -> HostResult<bool>;

    /// All our openings, and for which of `wanted` somebody else's rule decides. `None` when no
    /// firewall is looked after, or when it is off.
    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>>;
}
