//! Keys are money: what nobody else may read.

use super::super::facts::Facts;
use super::super::finding::{Finding, Remedy, Severity};
use super::{quoted, sudo};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let open = facts.private.iter().filter(|fact| fact.mode & fact.forbidden != 0);
    open.map(|fact| {
        let subject = format!("{}, mode {:o}", fact.path.display(), fact.mode & 0o7777);
        let means = format!("other users of this machine can get at {}", fact.what);
        let finding = Finding::new(Severity::Error, "not-private", subject, means);
        let command = format!("chmod go-rwx {}", quoted(&fact.path));
        match fact.is_ours {
            true => finding.fix(command).remedy(Remedy::MakePrivate(fact.path.clone())),
            false => finding.fix(sudo(facts, &command)),
        }
    })
    .collect()
}
