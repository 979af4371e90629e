//! What speaks against keeping nodes through antctl.

use std::path::PathBuf;

use wnm_core::model::ManagerKind;
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_managers::{SystemRunner, probe_antctl};

use crate::commands::Context;
use crate::compose;

/// Problems, and what to do about each. Nothing is written.
pub(super) fn problems(
    context: &Context<'_>,
    policy: &Policy,
    draft: &PolicyDraft,
) -> Vec<(String, String)> {
    let manager = policy.nodes.manager;
    if !manager.kind.keeps_removed() {
        return Vec::new();
    }
    if manager.kind.counts_in_containers() {
        // The one in the image is asked with Docker.
        return no_program(draft).into_iter().collect();
    }
    let mut problems = Vec::new();
    let program = compose::antctl_program(draft, context.environment);
    if let Err(error) = probe_antctl(&SystemRunner, &program) {
        problems.push((error.chain(), "nodes without antctl: --manager systemd+user".to_owned()));
    }
    if manager.kind == ManagerKind::AntctlZen {
        problems.extend(other_place(policy, context.paths.nodes.clone()));
        problems.extend(no_version(draft));
    }
    problems
}

/// What antctl would download in a container is not kept for the next one, nor for upgrades.
fn no_program(draft: &PolicyDraft) -> Option<(String, String)> {
    let is_empty = |setting| draft.text(setting).is_empty();
    (is_empty(Setting::NodeBinary) && !is_empty(Setting::AntctlVersion)).then(|| {
        (
            "nodes in containers are given a program of this machine, and antctl_version has antctl \
             download one"
                .to_owned(),
            "leave --antctl-version out, and name an antnode with --node-binary".to_owned(),
        )
    })
}

/// antctl+zen means that antctl chooses, and it always chooses this place.
fn other_place(policy: &Policy, own: PathBuf) -> Option<(String, String)> {
    let storage = &policy.nodes.storage;
    if *storage == [own.clone()] {
        return None;
    }
    let named: Vec<String> = storage.iter().map(|path| path.display().to_string()).collect();
    Some((
        format!(
            "node_storage is {}, and antctl+zen keeps nodes in {} only",
            named.join(", "),
            own.display()
        ),
        "leave --node-storage out, or choose --manager antctl+user, which takes it".to_owned(),
    ))
}

/// Left to itself antctl 0.14 takes the newest version of a program that is another by now.
fn no_version(draft: &PolicyDraft) -> Option<(String, String)> {
    let is_empty = |setting| draft.text(setting).is_empty();
    (is_empty(Setting::NodeBinary) && is_empty(Setting::AntctlVersion)).then(|| {
        (
            "antctl+zen needs to be told which antnode to download".to_owned(),
            "give --antctl-version 0.4.17, or --node-binary for one that is here".to_owned(),
        )
    })
}
