use super::{HostError, HostResult};
use crate::action::Change;
use crate::model::{
    Bytes, FileStamp, Installed, KnownProgram, NodeKey, NodeSpec, Program, Release, Returning,
    Version,
};
use crate::observe::{FaultKind, StorageReading};

/// Data, logs and identities of nodes. The one place where anything is deleted: nothing outside a
/// storage root or the log root is ever touched, links resolved.
pub trait NodeFiles: Send + Sync {
    /// Looks at a storage root. Absent, or without our marker, is an error: not mounted is not
    /// empty.
    fn survey(&self, root: &std::path::Path) -> StorageReading;

    /// Makes the node's directories with its own copy of the program in them. A copy that is there
    /// stays: programs replace themselves.
    fn prepare(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change>;

    /// The same with a key that a node had before: the directory comes into being with the key in it,
    /// or not at all. Refused where the directory is there without this key, and where anything else
    /// on this machine has it: a recorded node, a data directory, a process, or the word that it has
    /// moved to another machine. The waiting file goes once the key is in its place.
    fn bring_back(&self, spec: &NodeSpec, release: &Release, key: &Returning)
    -> HostResult<Change>;

    /// Answers an error unless the node's data directory is there: what is started must not begin
    /// a new identity under an old name. Puts back the log directory and, from `release`, a program
    /// copy that is missing; makes the key private.
    fn check(&self, spec: &NodeSpec, release: Option<&Release>) -> HostResult<Change>;

    /// Bytes that the node's data takes on disk. Walks the directory: ask only when it matters.
    fn usage(&self, spec: &NodeSpec) -> HostResult<Bytes>;

    /// Copies the identity into the archive, durably, before anything else is removed. Without an
    /// identity file, or without data, there is nothing to keep: `NotManaged`.
    fn archive(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// True when the node's key is in the archive, or when it has none yet.
    fn is_archived(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<bool>;

    /// The file that each of these nodes would run, one answer per node in their order; `None` where
    /// there is none, or none can be seen. Cheap: asked for whoever may have changed.
    fn stamps(&self, specs: &[&NodeSpec]) -> Vec<Option<FileStamp>>;

    /// What the node would run, and whose it is. `known` is what was found before: where the file is
    /// the same, neither its version nor its hash is found out again.
    fn examine(&self, spec: &NodeSpec, known: Option<&Installed>) -> HostResult<Installed>;

    /// Puts `release`, with what lies beside it, next to the node's data and sees that it runs and is
    /// what it should be. The node is not touched; what fails leaves nothing behind. `AlreadySo` when
    /// the node has that very version already, with its own kept.
    fn stage(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change>;

    /// Keeps the program of a stopped node, with what lies beside it and its key, then puts the staged
    /// one in its place: by one rename, so that there is a whole program at any moment. Refuses when
    /// what is there is newer than `from`: it came by itself since that was decided. An error says
    /// that the staged one is not in its place.
    fn replace(
        &self,
        spec: &NodeSpec,
        version: &Version,
        from: Option<&Version>,
    ) -> HostResult<Change>;

    /// Puts what was kept back in its place, and with it the key that `replace` kept: a node whose key
    /// is another one gets that one back, and the other goes into the archive.
    /// `AlreadySo` when nothing is kept.
    fn put_back(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// Deletes what was kept and what was staged.
    fn drop_kept(&self, spec: &NodeSpec) -> HostResult<Change>;

    /// Copies the data of a stopped node to where `to` says, whole or not at all, and sees that the key
    /// is the same there. What an earlier try left there is made anew. `AlreadySo` when the node's data
    /// was set aside and is there.
    fn carry(&self, node: NodeKey, spec: &NodeSpec, to: &NodeSpec) -> HostResult<Change>;

    /// Deletes the data that was set aside where the node lay before, if it lay elsewhere.
    fn clear_left(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// Renames the data directory within its root to a name that no node carries.
    fn set_aside(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;

    /// Deletes what was set aside, and the logs.
    fn delete(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change>;
}

/// Node programs on this machine.
pub trait Binaries: Send + Sync {
    /// What a new node running `program` would be given. Wrong programs and programs that do not
    /// answer are errors.
    fn available(&self, program: Program) -> HostResult<Release> {
        self.look(program, None).map(|(release, _)| release)
    }

    /// The same, not asked again as long as the file is the one that was `known`. Also what is known now, where
    /// a program was asked.
    fn look(
        &self,
        program: Program,
        known: Option<&KnownProgram>,
    ) -> HostResult<(Release, Option<KnownProgram>)>;

    /// The release of exactly this version, for whoever asks for it by name.
    fn release(&self, program: Program, version: &Version) -> HostResult<Release> {
        let release = self.available(program)?;
        if release.version == *version {
            return Ok(release);
        }
        let why = format!("{program} {version} is not on this machine: it has {}", release.version);
        Err(HostError::new(why, FaultKind::NotFound))
    }
}
