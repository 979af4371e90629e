//! What every manager must do, told once: the same story runs on the simulated host, on scripts and
//! on the real programs.

use crate::action::Change;
use crate::host::{NodeFiles, NodeManager};
use crate::model::{NodeId, NodeKey, NodeSpec, RecordId, Release};
use crate::observe::{FaultKind, UnitState};

/// The life of one node, every verb twice. `has_units` says that the manager keeps something of a
/// node while it does not run. Panics where the manager breaks its promise.
pub fn manager(
    manager: &dyn NodeManager,
    files: &dyn NodeFiles,
    spec: &NodeSpec,
    release: &Release,
    has_units: bool,
) {
    let state = || manager.states(&[spec]).unwrap().remove(0);
    let is_known = || manager.discover().unwrap().contains(&spec.id);
    let made_once = if has_units { Change::Made } else { Change::AlreadySo };
    let numbers = manager.manager().kind.numbers_nodes();
    let resting = if has_units { UnitState::Stopped } else { UnitState::Missing };

    assert_eq!(state().state, UnitState::Missing, "nothing is known before anything was made");
    assert!(!is_known());
    assert!(manager.start(spec).is_err(), "nothing starts without its data");
    assert_eq!(manager.stop(spec).unwrap(), Change::AlreadySo, "what is not there is stopped");
    assert_eq!(manager.remove(spec).unwrap(), Change::AlreadySo);

    if numbers {
        let next = || next_of(manager, spec);
        assert_eq!(next(), spec.id, "it gives the number that comes next");
        assert!(manager.create(spec).is_err(), "what it has not made it does not know");
        assert_eq!(manager.enrol(spec, release).unwrap(), Change::Made);
        assert_eq!(manager.enrol(spec, release).unwrap(), Change::AlreadySo);
        assert_eq!(next(), spec.id.next());
    } else {
        assert_eq!(files.prepare(spec, release).unwrap(), Change::Made);
        assert_eq!(files.prepare(spec, release).unwrap(), Change::AlreadySo);
        assert_eq!(manager.create(spec).unwrap(), made_once);
    }
    assert_eq!(manager.create(spec).unwrap(), Change::AlreadySo, "written only when different");
    assert_eq!(state().state, resting);
    assert_eq!(is_known(), has_units);

    assert_eq!(manager.start(spec).unwrap(), Change::Made);
    assert_eq!(manager.start(spec).unwrap(), Change::AlreadySo);
    let running = state();
    assert_eq!(running.state, UnitState::Running);
    assert!(running.pid.is_some(), "a running node has a process");
    assert!(is_known());
    let refused = manager.remove(spec).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Refused, "a running node is not taken apart: {refused}");
    assert_eq!(state().pid, running.pid, "and is none the worse for it");

    assert_eq!(manager.stop(spec).unwrap(), Change::Made);
    assert_eq!(manager.stop(spec).unwrap(), Change::AlreadySo);
    assert_eq!(state().state, resting);
    assert_eq!(state().pid, None);
    assert_eq!(manager.start(spec).unwrap(), Change::Made, "it can be started again");
    assert_ne!(state().pid, running.pid);
    assert_eq!(manager.stop(spec).unwrap(), Change::Made);

    assert_eq!(manager.remove(spec).unwrap(), made_once);
    assert_eq!(manager.remove(spec).unwrap(), Change::AlreadySo);
    assert_eq!(state().state, UnitState::Missing);
    let keeps_removed = manager.manager().kind.keeps_removed();
    assert_eq!(is_known(), keeps_removed, "what was removed stays known only where it is said so");
    if numbers {
        numbers_go_on(manager, spec, release);
    }
    data_goes(files, spec);
}

/// Moving out: `spec` runs. It runs on as the same process, twice told, and its name is not free.
/// Panics where the manager breaks its promise.
pub fn handed_over(manager: &dyn NodeManager, spec: &NodeSpec) {
    let pid = || manager.states(&[spec]).unwrap().remove(0).pid;
    let before = pid();
    assert!(before.is_some(), "it runs");
    let first = manager.hand_over(spec).unwrap();
    let again = manager.hand_over(spec).unwrap();
    assert!(first != Change::AlreadySo, "it was not handed over before");
    assert!(first != Change::NotManaged || again == Change::NotManaged);
    assert_eq!(pid(), before, "its process is not touched");
    assert!(manager.discover().unwrap().contains(&spec.id), "its name is not free");
}

/// The number that comes next, in its container where each counts by itself. The story is told with the
/// first node of all, whose number is its id.
fn next_of(manager: &dyn NodeManager, spec: &NodeSpec) -> NodeId {
    let numbering = manager.numbering().unwrap().unwrap();
    match &spec.container {
        Some(container) => numbering.next_in(container).unwrap(),
        None => numbering.next,
    }
}

/// A number and its ports are spent until everything is forgotten.
fn numbers_go_on(manager: &dyn NodeManager, spec: &NodeSpec, release: &Release) {
    let numbering = || manager.numbering().unwrap().unwrap();
    assert_eq!(next_of(manager, spec), spec.id.next(), "it is not given again");
    assert!(manager.enrol(spec, release).is_err());
    if !manager.manager().kind.keeps_removed() {
        return;
    }
    let kept = numbering().ports;
    assert!(spec.ports.all().all(|port| kept.contains(&port)), "nor are its ports");
    assert_eq!(manager.reset().unwrap(), Change::Made);
    assert_eq!(manager.reset().unwrap(), Change::AlreadySo);
    assert_eq!(next_of(manager, spec), NodeId::FIRST);
}

/// The end of a node's data: archived, set aside, deleted, each of it twice.
fn data_goes(files: &dyn NodeFiles, spec: &NodeSpec) {
    let key = NodeKey { id: spec.id, record: RecordId(77) };
    let name = spec.service();
    let is_listed = || files.survey(&spec.storage).entries.unwrap().contains(&name);
    assert!(is_listed());
    assert_eq!(files.archive(key, spec).unwrap(), Change::Made, "it ran, so it has an identity");
    assert_eq!(files.archive(key, spec).unwrap(), Change::AlreadySo);
    assert_eq!(files.set_aside(key, spec).unwrap(), Change::Made);
    assert_eq!(files.set_aside(key, spec).unwrap(), Change::AlreadySo);
    assert!(!is_listed());
    assert_eq!(files.delete(key, spec).unwrap(), Change::Made);
    assert_eq!(files.delete(key, spec).unwrap(), Change::AlreadySo);
    assert!(files.check(spec, None).is_err(), "what is gone must not be started");
}

/// P4 for one manager: while somebody else's process uses the data of a node, no second one comes to
/// be. `spec` is created and does not run, and does not run afterwards either. `begin` starts such a
/// process, waits until it can be seen for what it is, and answers its number; `count` counts the
/// processes with this data. A manager that knows processes by nothing but their data may take it
/// for its own. Panics where the manager breaks its promise.
pub fn one_process(
    manager: &dyn NodeManager,
    spec: &NodeSpec,
    begin: &dyn Fn() -> u32,
    count: &dyn Fn() -> usize,
) {
    begin();
    assert_eq!(count(), 1);
    match manager.start(spec) {
        Ok(change) => assert_eq!(change, Change::AlreadySo, "it runs, or it does not"),
        Err(error) => assert_eq!(error.kind, FaultKind::Conflict, "{}", error.chain()),
    }
    assert_eq!(count(), 1, "one identity never runs in two processes");
    assert!(manager.discover().unwrap().contains(&spec.id), "its name is not free");
    assert_eq!(manager.stop(spec).unwrap(), Change::Made, "whoever started it, it is stopped");
    assert_eq!(count(), 0);
    assert_eq!(manager.start(spec).unwrap(), Change::Made);
    assert_eq!(count(), 1);

    // The other way round: no third one beside two, and both go. Some programs refuse to be second.
    begin();
    if let Err(error) = manager.start(spec) {
        assert_eq!(error.kind, FaultKind::Conflict, "{}", error.chain());
    }
    assert!((1..=2).contains(&count()));
    assert_eq!(manager.stop(spec).unwrap(), Change::Made);
    assert_eq!(count(), 0);
}
