use std::time::Duration;

use super::HostResult;
use crate::model::NodeSpec;
use crate::observe::{EndpointReading, NodeFacts, ProcessReading};

/// A node to look at.
#[derive(Clone, Copy, Debug)]
pub struct NodeTarget<'a> {
    /// Which.
    pub spec: &'a NodeSpec,
    /// The process its manager names.
    pub pid: Option<u32>,
}

/// What a node shows of itself.
#[derive(Debug)]
pub struct NodeSigns {
    /// Its process; `None` when no process id is known.
    pub process: Option<HostResult<ProcessReading>>,
    /// Its endpoint; `None` for programs without one, and without a process.
    pub endpoint: Option<EndpointReading>,
    /// Numbers.
    pub facts: NodeFacts,
}

/// Looks at nodes from outside their managers.
pub trait NodeProbe: Send + Sync {
    /// One answer per target, in their order, all within `deadline`: what has not answered by then
    /// is silent. A refused connection is a reading, not an error.
    fn read(&self, targets: &[NodeTarget<'_>], deadline: Duration) -> Vec<NodeSigns>;
}
