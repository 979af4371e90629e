//! Which program nodes are given: a kept version, or what the machine has otherwise.

use wnm_core::host::{Binaries, HostError, HostResult};
use wnm_core::model::{Channel, KnownProgram, Program, Release, Version};
use wnm_core::observe::FaultKind;

use crate::error::{ReleaseError, ReleaseFault};
use crate::store::BinaryStore;

/// The store of versions, with something behind it for programs that it does not have.
#[derive(Debug)]
pub struct Chosen<B> {
    store: BinaryStore,
    channel: Channel,
    behind: B,
}

impl<B: Binaries> Chosen<B> {
    /// Versions of `channel` in `store`, else what `behind` has.
    pub fn new(store: BinaryStore, channel: Channel, behind: B) -> Chosen<B> {
        Chosen { store, channel, behind }
    }
}

impl<B: Binaries> Binaries for Chosen<B> {
    /// A pinned version, whatever else there is. Otherwise the newest: what an operator or a package
    /// put on the machine by hand may be newer than what was fetched.
    fn look(
        &self,
        program: Program,
        known: Option<&KnownProgram>,
    ) -> HostResult<(Release, Option<KnownProgram>)> {
        let Some(kept) = self.store.wanted(program, self.channel).map_err(host_error)? else {
            return self.behind.look(program, known);
        };
        let release = kept.release();
        if kept.pinned {
            return Ok((release, None));
        }
        match self.behind.look(program, known) {
            Ok((other, told)) if other.version > release.version => Ok((other, told)),
            Ok((_, told)) => Ok((release, told)),
            Err(_) => Ok((release, None)),
        }
    }

    fn release(&self, program: Program, version: &Version) -> HostResult<Release> {
        if let Some(kept) = self.store.find(program, version).map_err(host_error)? {
            return Ok(kept.release());
        }
        match self.behind.available(program) {
            Ok(release) if release.version == *version => Ok(release),
            Ok(_) | Err(_) => {
                let op = format!(
                    "{program} {version} is not on this machine: `wnm binary fetch {version}` gets it"
                );
                Err(HostError::new(op, FaultKind::NotFound))
            }
        }
    }
}

fn host_error(error: ReleaseError) -> HostError {
    let kind = match error.kind {
        ReleaseFault::NotThere => FaultKind::NotFound,
        ReleaseFault::Busy => FaultKind::Conflict,
        ReleaseFault::Untrusted | ReleaseFault::Misshapen => FaultKind::Refused,
        _ => FaultKind::Failed,
    };
    let way = error.way_out.map_or(String::new(), |way| format!(": {way}"));
    HostError::new(format!("{}{way}", error.what), kind)
}
