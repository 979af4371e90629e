//! What becomes of a container that has no node any more.

use std::path::PathBuf;

use wnm_core::action::Change;
use wnm_core::host::HostResult;

use super::super::found::Found;
use super::super::{STOP_PATIENCE, argv as calls};
use super::{DockerAntctl, places};
use crate::antctl::Service;
use crate::files::MARKER;
use crate::process::{self, pids_below};

impl DockerAntctl {
    /// A container without a node does nothing but take memory.
    pub(super) fn let_rest(&self, name: &str, found: &Found) -> HostResult<()> {
        let services = self.antctl(name, None).services()?;
        if services.iter().all(Service::is_removed) && self.children(found)?.is_empty() {
            let stop = calls::stop(name, calls::SHARED_STOP_SECONDS);
            self.engine.must(stop, STOP_PATIENCE)?;
        }
        Ok(())
    }

    /// Processes of nodes that the container has started, whether anybody knows of them or not.
    fn children(&self, found: &Found) -> HostResult<Vec<u32>> {
        // Wherever its data lies: the settings may have named another place then.
        let running = pids_below(&[PathBuf::from("/")])?;
        let all = running.into_values().flatten();
        Ok(all.filter(|pid| process::parent(*pid) == Some(found.pid)).collect())
    }

    /// Lets go of a container all of whose nodes were removed, with all that it counted.
    pub(super) fn forget(&self, name: &str) -> HostResult<Change> {
        let antctl = self.antctl(name, None);
        if !antctl.services()?.iter().all(Service::is_removed) {
            return Ok(Change::NotManaged);
        }
        if let Some(found) = self.look(name)? {
            self.engine.refuse_unseen(&found)?;
            if found.is_live() && !self.children(&found)?.is_empty() {
                return Ok(Change::NotManaged);
            }
            if found.is_live() {
                let stop = calls::stop(name, calls::SHARED_STOP_SECONDS);
                self.engine.must(stop, STOP_PATIENCE)?;
            }
            self.engine.remove(name)?;
        }
        // Without the copies nobody misses what is half deleted.
        antctl.forget_copies()?;
        self.forget_places(name)?;
        self.hands.rename(&self.place(name).root, &places::going(&self.settings.boxes, name))?;
        self.sweep()?;
        Ok(Change::Made)
    }

    /// Deletes what a run that was killed had let go of.
    pub(super) fn sweep(&self) -> HostResult<()> {
        for gone in places::gone(&self.settings.boxes)? {
            self.hands.remove_tree(&gone)?;
        }
        for root in &self.settings.roots {
            for gone in places::gone(root)? {
                if places::is_bare(&gone, MARKER) {
                    self.hands.remove_file(&gone.join(MARKER))?;
                }
                self.hands.remove_if_empty(&gone);
            }
        }
        Ok(())
    }

    /// Its storage root, unless anything is left in it. It goes under another name: one without its marker
    /// would be a disk that is not there.
    fn forget_places(&self, name: &str) -> HostResult<()> {
        for above in &self.settings.roots {
            let root = above.join(name);
            if places::is_bare(&root, MARKER) {
                self.hands.rename(&root, &places::going(above, name))?;
            }
        }
        self.hands.remove_if_empty(&self.settings.logs.join(name));
        Ok(())
    }
}
