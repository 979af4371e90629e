//! What a shared container is told: a file a node. Written whole, by a rename, so that whoever
//! reads one reads all of it.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads orders")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeId, NodeSpec};
use wnm_core::observe::FaultKind;

/// How a node is run, and whether it is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) directory: PathBuf,
    pub(super) run: bool,
    /// Another number says: now, whatever you were waiting for.
    pub(super) turn: u64,
}

impl Order {
    /// For a node that is not told to run yet.
    pub(super) fn of(spec: &NodeSpec) -> Order {
        let home = ("HOME".to_owned(), spec.data.to_string_lossy().into_owned());
        Order {
            program: spec.binary.clone(),
            args: spec.program.arguments(spec),
            env: std::iter::once(home).chain(spec.launch.environment.iter().cloned()).collect(),
            directory: spec.data.clone(),
            run: false,
            turn: 0,
        }
    }

    pub(super) fn text(&self) -> HostResult<Vec<u8>> {
        let failed = |error| HostError::with("write an order", FaultKind::Failed, error);
        serde_json::to_vec_pretty(self).map_err(failed)
    }
}

pub(super) fn file(directory: &Path, id: NodeId) -> PathBuf {
    directory.join(format!("{id}.json"))
}

/// The order for a node, if there is one. One that cannot be read is no reason to write another.
pub(super) fn read(directory: &Path, id: NodeId) -> HostResult<Option<Order>> {
    let path = file(directory, id);
    let op = || format!("read {}", path.display());
    match fs::read(&path) {
        Ok(bytes) => {
            let order = serde_json::from_slice(&bytes);
            order.map(Some).map_err(|error| {
                let why = format!("{error}: delete the file, and wnm writes it again");
                HostError::with(op(), FaultKind::Garbled, why)
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(op(), error)),
    }
}

/// The nodes that there are orders for in one container.
pub(super) fn ids(directory: &Path) -> HostResult<BTreeSet<NodeId>> {
    let id_of = |name: &str| {
        let stem = name.strip_suffix(".json")?;
        stem.starts_with("antnode").then(|| stem.parse().ok()).flatten()
    };
    Ok(names(directory)?.iter().filter_map(|name| id_of(name)).collect())
}

/// The same for all containers.
pub(super) fn all(containers: &Path) -> HostResult<BTreeSet<NodeId>> {
    let mut found = BTreeSet::new();
    for name in self::containers(containers)? {
        found.extend(ids(&containers.join(name))?);
    }
    Ok(found)
}

/// The containers that there are orders for.
pub(super) fn containers(containers: &Path) -> HostResult<Vec<String>> {
    let names = names(containers)?;
    Ok(names.into_iter().filter(|name| containers.join(name).is_dir()).collect())
}

fn names(directory: &Path) -> HostResult<Vec<String>> {
    match fs::read_dir(directory) {
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|it| it.file_name().into_string().ok()).collect())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(HostError::io(format!("list {}", directory.display()), error)),
    }
}

/// A program to be copied into a container's orders.
pub(super) fn program(path: &Path) -> HostResult<Vec<u8>> {
    fs::read(path).map_err(|error| HostError::io(format!("read {}", path.display()), error))
}
