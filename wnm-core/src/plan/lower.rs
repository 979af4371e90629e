//! From intentions to effects.

use crate::action::{Action, Step};
use crate::model::{NodeSpec, Release};

/// The steps of an action on the node `spec`, in the order in which they are safe: data is there
/// before a process starts, a process is gone before its data moves, the identity is safe before
/// anything is deleted.
pub fn lower(action: &Action, spec: &NodeSpec) -> Vec<Step> {
    match action {
        Action::Add { release, .. } => {
            let prepare = Step::Prepare { release: release.clone() };
            std::iter::once(prepare).chain(running(spec)).collect()
        }
        Action::Start { release, .. } => start(spec, release),
        // Healing starts it again, by the rules that hold for everybody.
        Action::Reprieve { .. } => Vec::new(),
        Action::Restart { release, .. } => {
            std::iter::once(Step::Stop).chain(start(spec, release)).collect()
        }
        // Both are words in the record, which `begin` has written.
        Action::Disable { .. } | Action::Enable { .. } => Vec::new(),
        Action::Mend { .. } => vec![Step::Check { release: None }, Step::Create],
        Action::Stop { .. } | Action::Retire { .. } => {
            std::iter::once(Step::Stop).chain(close_ports(spec)).collect()
        }
        Action::Remove { .. } => {
            let mut steps = vec![Step::Stop, Step::Archive, Step::Dismantle, Step::SetAside];
            steps.extend(close_ports(spec));
            steps.push(Step::Delete);
            steps
        }
    }
}

fn start(spec: &NodeSpec, release: &Option<Release>) -> Vec<Step> {
    let check = Step::Check { release: release.clone() };
    std::iter::once(check).chain(running(spec)).collect()
}

fn running(spec: &NodeSpec) -> Vec<Step> {
    let mut steps = vec![Step::Create];
    steps.extend(spec.ports.public().map(|rule| Step::OpenPort { rule }));
    steps.push(Step::Start);
    steps
}

fn close_ports(spec: &NodeSpec) -> impl Iterator<Item = Step> {
    spec.ports.public().map(|rule| Step::ClosePort { rule })
}
