//! What lies on this machine of a container with an antctl of its own: its registry, the units of its
//! nodes, its users, and which node of ours each of its services is.
#![expect(clippy::disallowed_methods, reason = "the shell module that lists these places")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::model::NodeId;

use crate::hands::Hands;

const GOING: &str = ".going-";

/// The directory of one container.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
}

impl Place {
    pub(super) fn of(boxes: &Path, name: &str) -> Place {
        Place { root: boxes.join(name) }
    }

    /// antctl's own directory.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("antctl")
    }

    pub(super) fn registry(&self) -> PathBuf {
        self.home().join("node_registry.json")
    }

    pub(super) fn units(&self) -> PathBuf {
        self.root.join("units")
    }

    pub(super) fn users(&self) -> PathBuf {
        self.root.join("passwd")
    }

    pub(super) fn groups(&self) -> PathBuf {
        self.root.join("group")
    }

    /// A file for each node, with the name of its service in it.
    pub(super) fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }

    pub(super) fn node(&self, id: NodeId) -> PathBuf {
        self.nodes().join(id.to_string())
    }

    /// Where a program lies while antctl copies it, as seen from here.
    pub(super) fn coming(&self) -> PathBuf {
        self.home().join("coming")
    }

    /// Makes all of it, with these users in it.
    pub(super) fn make(&self, hands: &dyn Hands, users: &str, groups: &str) -> HostResult<()> {
        for directory in [self.root.parent(), Some(&self.root)].into_iter().flatten() {
            hands.make_root(directory)?;
        }
        for directory in [self.home(), self.units(), self.nodes()] {
            hands.make_root(&directory)?;
        }
        hands.write(&self.users(), users.as_bytes(), 0o644)?;
        hands.write(&self.groups(), groups.as_bytes(), 0o644)
    }

    /// The nodes that were ever made in this container.
    pub(super) fn ids(&self) -> HostResult<BTreeSet<NodeId>> {
        Ok(names(&self.nodes())?.iter().filter_map(|name| name.parse().ok()).collect())
    }
}

/// The containers that there are places of.
pub(super) fn containers(boxes: &Path) -> HostResult<Vec<String>> {
    let mut found = names(boxes)?;
    // What is on its way to be deleted begins with a dot.
    found.retain(|name| !name.starts_with('.') && boxes.join(name).is_dir());
    found.sort();
    Ok(found)
}

/// What the directory of a container is called while it is deleted.
pub(super) fn going(boxes: &Path, name: &str) -> PathBuf {
    boxes.join(format!("{GOING}{name}"))
}

/// Directories that are on their way.
pub(super) fn gone(boxes: &Path) -> HostResult<Vec<PathBuf>> {
    let mut found = names(boxes)?;
    found.retain(|name| name.starts_with(GOING));
    Ok(found.iter().map(|name| boxes.join(name)).collect())
}

/// True when nothing is left in a storage root but its marker.
pub(super) fn is_bare(root: &Path, marker: &str) -> bool {
    names(root).is_ok_and(|names| names == [marker])
}

fn names(directory: &Path) -> HostResult<Vec<String>> {
    let failed = |error| HostError::io(format!("list {}", directory.display()), error);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}
