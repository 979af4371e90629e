use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::HostResult;
use crate::action::Change;
use crate::model::{Manager, NodeId, NodeSpec, Release, UnitDrift};
use crate::observe::{Numbering, UnitReading};

/// Keeps the processes of nodes. Implementations never touch what they did not make.
pub trait NodeManager: Send + Sync {
    /// Which manager.
    fn manager(&self) -> Manager;

    /// Makes the manager know the node: afterwards its unit is as `spec` says. Writes only what
    /// differs. Does not start anything.
    fn create(&self, spec: &NodeSpec) -> HostResult<Change>;

    /// The same for managers that make a node's directories and program copy themselves: what is
    /// not there yet is made, with `release` to run. Data and identity that are there stay.
    fn enrol(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        let _ = release;
        self.create(spec)
    }

    /// Takes nodes over that were defined by somebody else under the names in `specs`: afterwards
    /// their definitions are as `specs` say. Processes that run go on as they are. Whoever calls this
    /// has kept what is replaced.
    fn adopt(&self, specs: &[&NodeSpec]) -> HostResult<Change> {
        let _ = specs;
        Ok(Change::AlreadySo)
    }

    /// Makes the manager read definitions again that somebody put back.
    fn reread(&self) -> HostResult<()> {
        Ok(())
    }

    /// Afterwards exactly one process of this node runs. A process with the node's data directory
    /// that the manager does not know is a conflict, and nothing is started.
    fn start(&self, spec: &NodeSpec) -> HostResult<Change>;

    /// Afterwards no process of this node runs and the manager will start none by itself.
    /// Waits for the process to end; ends it by force only when it will not.
    fn stop(&self, spec: &NodeSpec) -> HostResult<Change>;

    /// Afterwards the manager knows nothing of the node. The node must be stopped: a running one
    /// is refused.
    fn remove(&self, spec: &NodeSpec) -> HostResult<Change>;

    /// Afterwards the node is the manager's alone: nothing of it is taken for wnm's any more, and it
    /// comes back after a restart of the machine where the manager can see to that. Its process is
    /// not touched. `NotManaged` where there is nothing to hand over.
    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let _ = spec;
        Ok(Change::NotManaged)
    }

    /// One answer per node, in their order, from one call of the manager's tool. An error means
    /// that the manager could not be asked, so that nothing is known of any node.
    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>>;

    /// Ids that this manager has a unit or a process for, recorded or not.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>>;

    /// The same for who has asked [`Managers::processes`] already: ids that are told by nothing but a
    /// process may be left out, so that a cycle walks over the processes of the machine once.
    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        self.discover()
    }

    /// What comes next, for managers that number nodes themselves; where each container counts by
    /// itself, in each of them, and why not where that is not known.
    fn numbering(&self) -> HostResult<Option<Numbering>> {
        Ok(None)
    }

    /// Lets the manager forget the nodes it once had, so that numbers and ports are free again.
    /// While it knows any node that was not removed, nothing is done: `NotManaged`.
    fn reset(&self) -> HostResult<Change> {
        Ok(Change::NotManaged)
    }

    /// Nodes of which this manager knows something else than it should; those of which it knows
    /// nothing are not among them. Nothing, for managers that keep no definitions.
    fn drift(&self, specs: &[&NodeSpec]) -> HostResult<BTreeMap<NodeId, UnitDrift>> {
        let _ = specs;
        Ok(BTreeMap::new())
    }
}

/// The managers there are; nodes of several kinds may coexist.
pub trait Managers: Send + Sync {
    /// The one asked for, or an error that says why there is none.
    fn get(&self, manager: Manager) -> HostResult<&dyn NodeManager>;

    /// Those whose units and processes are looked for whatever manager nodes have: it costs no
    /// call of a tool. A node's name is free only when none of them knows it.
    fn at_hand(&self) -> Vec<&dyn NodeManager>;

    /// The living processes that use a data directory below one of `roots`, by that directory,
    /// whoever started them.
    fn processes(&self, roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<u32>>>;
}
