//! Having antctl make one node: what must be so before, and what must have come of it.

use std::path::Path;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{Completed, HostError, HostResult, Invocation};
use wnm_core::model::{ManagerKind, NodeSpec, Release, Scope};
use wnm_core::observe::FaultKind;

use super::registry::{Service, numbering};
use super::{Antctl, call, find, unit};
use crate::process::processes_of;

pub(super) fn enrol(antctl: &Antctl, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
    let (text, services) = antctl.look()?;
    if find(&services, spec).is_some() {
        let service = antctl.known(spec)?;
        refuse_other_place(&service, spec)?;
        return antctl.mend(spec);
    }
    refuse_other_number(&services, spec)?;
    refuse_unfit(antctl, spec, release)?;
    let call = antctl.invocation(call::add(antctl.manager.kind, spec, release), call::ADD_PATIENCE);
    let ran = antctl.change(&text, &call)?;
    let (after, now) = antctl.look()?;
    let made: Vec<&Service> =
        now.iter().filter(|it| services.iter().all(|old| old.number != it.number)).collect();
    match made.as_slice() {
        [] => Err(did_nothing(&call, ran)),
        [one] if refuse_other_place(one, spec).is_ok() => {
            antctl.copies.keep_after(&after)?;
            own_places(antctl, spec)?;
            Ok(Change::Made)
        }
        [other] if is_of_our_call(&ran, other, spec) => Err(undo(antctl, &after, other, spec)),
        [other] => Err(HostError::new(
            format!(
                "antctl's registry has {} in {} now instead of {}: somebody else uses antctl, and it \
                 is left alone",
                other.service_name,
                other.data_dir_path.display(),
                spec.service()
            ),
            FaultKind::Conflict,
        )),
        several => Err(HostError::new(
            format!(
                "antctl's registry has {} new nodes instead of {}: somebody else uses antctl",
                several.len(),
                spec.service()
            ),
            FaultKind::Conflict,
        )),
    }
}

/// Planning gave the number that antctl would give, then.
fn refuse_other_number(services: &[Service], spec: &NodeSpec) -> HostResult<()> {
    let next = numbering(services).next;
    if spec.manager.kind.service_name(next) == spec.service() {
        return Ok(());
    }
    let op = format!(
        "antctl would make antnode{} now, not {}: nothing was made, and the next cycle plans anew",
        next.number(),
        spec.service()
    );
    Err(HostError::new(op, FaultKind::Conflict))
}

/// What antctl would take no notice of: it writes over what is there.
fn refuse_unfit(antctl: &Antctl, spec: &NodeSpec, release: &Release) -> HostResult<()> {
    let refuse = |op: String| Err(HostError::new(op, FaultKind::Conflict));
    if release.path.file_name() != Some(spec.program.binary_name().as_ref()) {
        return refuse(format!(
            "antctl names a node's program as it finds it, and processes are known by that name: \
             call {} {}",
            release.path.display(),
            spec.program.binary_name()
        ));
    }
    let own = antctl.places.registry.parent().unwrap_or(Path::new("/"));
    if antctl.manager.kind == ManagerKind::AntctlZen && spec.storage != own {
        return refuse(format!(
            "antctl+zen keeps nodes in {} only, and node_storage is {}",
            own.display(),
            spec.storage.display()
        ));
    }
    if let Some(process) = processes_of(spec)?.first() {
        let (data, pid) = (spec.data.display(), process.pid);
        return refuse(format!("process {pid} uses {data}, of which antctl knows nothing"));
    }
    if antctl.hands.is_there(&spec.data.join(spec.program.identity_file()))? {
        return refuse(format!(
            "there is a node's identity in {}, and antctl knows nothing of it: move the directory \
             away, or put antctl's registry back",
            spec.data.display()
        ));
    }
    if antctl.unit_text(spec)?.is_some_and(|text| !unit::runs(&text, spec)) {
        return refuse(format!("{} is there already", antctl.unit_file(spec).display()));
    }
    Ok(())
}

/// An error unless antctl's node is the one that is recorded.
pub(super) fn refuse_other_place(service: &Service, spec: &NodeSpec) -> HostResult<()> {
    let same = service.service_name == spec.service()
        && format!("antnode{}", service.number) == spec.service()
        && service.data_dir_path == spec.data
        && service.antnode_path == spec.binary
        && service.node_port == Some(spec.ports.node)
        && spec.ports.rpc.is_none_or(|port| port == service.rpc_port())
        && spec.ports.metrics == service.metrics_port;
    if same {
        return Ok(());
    }
    let op = format!(
        "antctl's {} is not the recorded {}: it lies in {} and has port {}",
        service.service_name,
        spec.id,
        service.data_dir_path.display(),
        service.node_port.map_or_else(|| "none".to_owned(), |port| port.to_string())
    );
    Err(HostError::new(op, FaultKind::Conflict))
}

/// antctl gives its directory of directories to the nodes' user each time. It becomes root's again,
/// or a node could put a link in the place of another's directory.
fn own_places(antctl: &Antctl, spec: &NodeSpec) -> HostResult<()> {
    if antctl.manager.scope == Scope::User {
        return Ok(());
    }
    for place in [Some(spec.storage.as_path()), spec.logs.parent()].into_iter().flatten() {
        let shown = place.display().to_string();
        let args = ["--directory", "--mode=755", "--owner=root", "--group=root", "--", &shown];
        let patience = Duration::from_secs(60);
        let call = Invocation::new("/usr/bin/install", args, patience).as_root();
        let answer = antctl.host.run(&call)?;
        if !answer.ok() {
            return Err(call::failure(&call, &answer));
        }
    }
    Ok(())
}

/// Only a call that succeeded has made something, and it has our port.
fn is_of_our_call(ran: &HostResult<Completed>, made: &Service, spec: &NodeSpec) -> bool {
    ran.as_ref().is_ok_and(Completed::ok) && made.node_port == Some(spec.ports.node)
}

/// Takes back what antctl made instead: it was made a moment ago, and never ran.
fn undo(antctl: &Antctl, text: &str, other: &Service, spec: &NodeSpec) -> HostError {
    let call = antctl.invocation(call::remove(&other.service_name), call::PATIENCE);
    let gone = antctl.change(text, &call).is_ok_and(|ran| ran.is_ok_and(|answer| answer.ok()));
    let op = format!(
        "antctl made {} in {} instead of {} in {}; it {}, and its directory stays",
        other.service_name,
        other.data_dir_path.display(),
        spec.service(),
        spec.data.display(),
        if gone { "was removed again" } else { "could not be removed again" }
    );
    HostError::new(op, FaultKind::Conflict)
}

/// Why nothing came of a call: what failed, or that it claims to have succeeded.
pub(super) fn did_nothing(call: &Invocation, ran: HostResult<Completed>) -> HostError {
    match ran {
        Err(error) => error,
        Ok(answer) if answer.ok() => {
            let why = "exit 0, but its registry says that nothing was done";
            HostError::with(format!("run `{}`", call.line()), FaultKind::Failed, why)
        }
        Ok(answer) => call::failure(call, &answer),
    }
}
