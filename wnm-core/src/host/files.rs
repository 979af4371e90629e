use super::HostResult;
use crate::action::Change;
use crate::model::{Bytes, NodeKey, NodeSpec, Program, Release};
use crate::observe::StorageReading;

/// Data, logs and identities of nodes. The one place where anything is deleted: nothing outside a
/// storage root or the log root is ever touched, links resolved.
pub trait NodeFiles: Send + Sync {
    /// Looks at a storage root. Absent, or without our marker, is an error: not mounted is not
    /// empty.
    fn survey(&self, root: &std::path::Path) -> StorageReading;

    /// Makes the node's directories with its own copy of the program in them. A copy that is there
    /// stays: programs replace themselves.
    fn prepare(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change>;

    /// Answers an error unless the node's data directory is there: what is started must not begin
    /// a new identity under an old name. Puts back the log directory and, from `release`, a program
    /// copy that is missing; makes the key private.
    fn check(&self, spec: &NodeSpec, release: Option<&Release>) -> HostResult<Change>;

    /// Bytes that the node's data takes on disk. Walks the directory: ask only when it matters.
    fn usage(&self, spec: &NodeSpec) -> HostResult<Bytes>;

    /// Copies the identity into the archive, durably, before anything else is removed. Without an
    /// identity file, or without data, there is nothing to keep: `NotManaged`.
    fn archive(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// Renames the data directory within its root to a name that no node carries.
    fn set_aside(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// Deletes what was set aside, and the logs.
    fn delete(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;
}

/// Node programs on this machine.
pub trait Binaries: Send + Sync {
    /// What a new node running `program` would be given. Wrong programs and programs that do not
    /// answer are errors.
    fn available(&self, program: Program) -> HostResult<Release>;
}
