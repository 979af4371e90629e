//! From intentions to effects.

use crate::action::{Action, Step};
use crate::model::{ManagerKind, NodeSpec, Release, Removal};

/// The steps of an action on the node `spec`, in the order in which they are safe: data is there
/// before a process starts, a process is gone before its data moves, the identity is safe before
/// anything is deleted.
pub fn lower(action: &Action, spec: &NodeSpec) -> Vec<Step> {
    match action {
        Action::Add { release, .. } if spec.manager.kind.numbers_nodes() => {
            enrolled(spec, Some(release))
        }
        Action::Add { release, key, .. } => {
            let release = release.clone();
            let prepare = match key.as_deref() {
                None => Step::Prepare { release },
                Some(key) => Step::BringBack { release, key: key.clone() },
            };
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
        Action::Mend { .. } => {
            // The key first, whatever else is wrong with the node: what the manager deletes does not
            // come back.
            let keep = spec.manager.kind.deletes_data().then_some(Step::Archive);
            let open = spec.ports.public().map(|rule| Step::OpenPort { rule });
            let check = Step::Check { release: None };
            keep.into_iter().chain([check, Step::Create]).chain(open).collect()
        }
        Action::Recognise { .. } => Vec::new(),
        Action::Upgrade { release, start, upgrade, .. } => {
            // The key first, then all that can fail while the node still runs.
            let mut steps = vec![
                Step::Check { release: None },
                Step::Archive,
                Step::Stage { release: release.clone() },
                Step::Stop,
                Step::Replace {
                    version: release.version.clone(),
                    from: Some(upgrade.from.clone()),
                },
            ];
            steps.extend(running_if(*start, spec));
            steps
        }
        Action::Revert { to, start, .. } => {
            let mut steps = vec![Step::Stop, Step::PutBack { version: to.clone() }];
            steps.extend(running_if(*start, spec));
            steps
        }
        Action::Prove { .. } => vec![Step::DropKept],
        // The old data goes out of the way only when the new is whole: there is one node's data under
        // its name on either disk at any moment, and what was set aside runs nowhere.
        Action::Move { to, .. } => {
            let mut steps = vec![Step::Stop, Step::Archive, Step::Carry { to: to.clone() }];
            // What a container mounts is fixed when it is made, and its name would be in the way of
            // the one for the new place.
            let stays = spec.manager.kind == ManagerKind::Docker;
            steps.extend(stays.then_some(Step::Dismantle));
            steps.push(Step::SetAside);
            steps
        }
        Action::Clear { .. } => vec![Step::ClearLeft],
        // Its port stays open, for it goes on.
        Action::Release { .. } => vec![Step::Archive, Step::HandOver],
        Action::Stop { .. } | Action::Retire { .. } => {
            std::iter::once(Step::Stop).chain(close_ports(spec)).collect()
        }
        Action::Remove { cause, .. } => {
            let mut steps = vec![Step::Stop, Step::Archive, Step::Dismantle, Step::SetAside];
            steps.extend(spec.left.is_some().then_some(Step::ClearLeft));
            steps.extend(close_ports(spec));
            steps.push(Step::Delete);
            // Every key is in the archive by then: whoever comes last finds nothing else left.
            if *cause == Removal::Teardown && spec.manager.kind.numbers_nodes() {
                steps.push(Step::Reset);
            }
            steps
        }
    }
}

fn running_if(start: bool, spec: &NodeSpec) -> Vec<Step> {
    if start { running(spec) } else { Vec::new() }
}

fn start(spec: &NodeSpec, release: &Option<Release>) -> Vec<Step> {
    let check = Step::Check { release: release.clone() };
    let running = match spec.manager.kind.numbers_nodes() {
        true => enrolled(spec, release.as_ref()),
        false => running(spec),
    };
    std::iter::once(check).chain(running).collect()
}

/// A manager that makes nodes itself needs to be told with what.
fn enrolled(spec: &NodeSpec, release: Option<&Release>) -> Vec<Step> {
    let told = release.map(|release| Step::Enrol { release: release.clone() });
    running_after(told.unwrap_or(Step::Create), spec)
}

fn running(spec: &NodeSpec) -> Vec<Step> {
    running_after(Step::Create, spec)
}

fn running_after(known: Step, spec: &NodeSpec) -> Vec<Step> {
    let mut steps = vec![known];
    steps.extend(spec.ports.public().map(|rule| Step::OpenPort { rule }));
    steps.push(Step::Start);
    steps
}

fn close_ports(spec: &NodeSpec) -> impl Iterator<Item = Step> {
    spec.ports.public().map(|rule| Step::ClosePort { rule })
}
