//! Programs that are replaced and put back, on a real file system with programs that answer.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use wnm_core::action::Change;
use wnm_core::fakes::build;
use wnm_core::host::NodeFiles;
use wnm_core::model::{NodeKey, NodeSpec, RecordId, Release, Version};
use wnm_core::observe::FaultKind;

use crate::DiskFiles;
use crate::hands::{Hands, OwnHands};

struct Place {
    dir: TempDir,
    files: DiskFiles,
    spec: NodeSpec,
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Comes in the place of what is there by rename, as programs do.
fn install(path: &Path, script: &str) {
    let beside = path.with_extension("came");
    fs::write(&beside, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&beside, path).unwrap();
}

impl Place {
    /// A stopped node of 0.23.1.
    fn new() -> Place {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        DiskFiles::prepare_root(&at("nodes")).unwrap();
        fs::create_dir_all(at("logs")).unwrap();
        let mut spec = build::spec(1);
        spec.storage = at("nodes");
        spec.data = at("nodes/antnode0001");
        spec.binary = at("nodes/antnode0001/ant-node");
        spec.logs = at("logs/antnode0001");
        let place = Place { files: DiskFiles::new(at("identities")), spec, dir };
        place.files.prepare(&place.spec, &place.release("0.23.1")).unwrap();
        fs::write(place.spec.data.join("node_identity.key"), "secret").unwrap();
        place
    }

    /// Its companion carries the version as well.
    fn release(&self, text: &str) -> Release {
        let path = self.dir.path().join(text).join("ant-node");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        install(&path, &format!("echo ant-node {text}"));
        fs::write(path.with_file_name("bootstrap_peers.toml"), text).unwrap();
        Release::new(version(text), path)
    }

    fn replace(&self) -> wnm_core::host::HostResult<Change> {
        self.files.replace(&self.spec, &version("0.24.0"), Some(&version("0.23.1")))
    }

    fn has(&self) -> String {
        let script = fs::read_to_string(&self.spec.binary).unwrap();
        let peers = fs::read_to_string(self.spec.data.join("bootstrap_peers.toml")).unwrap();
        format!("{} with {peers}", script.lines().last().unwrap())
    }

    fn put_back(&self) -> Change {
        let node = NodeKey { id: self.spec.id, record: RecordId(5) };
        self.files.put_back(node, &self.spec).unwrap()
    }
}

#[test]
fn what_came_by_itself_is_not_replaced_by_something_older() {
    let p = Place::new();
    p.files.stage(&p.spec, &p.release("0.24.0")).unwrap();
    install(&p.spec.binary, "echo ant-node 0.25.0");
    let refused = p.replace().unwrap_err();
    assert_eq!(refused.kind, FaultKind::Refused, "{refused}");
    assert_eq!(p.has(), "echo ant-node 0.25.0 with 0.23.1");
}

/// A kept program may change between the day it was verified and the day a node gets it.
#[test]
fn only_what_was_verified_becomes_a_nodes_program() {
    let p = Place::new();
    let release = p.release("0.24.0");
    let hash = OwnHands.sha256(&release.path).unwrap();
    let verified = Release { sha256: Some(hash), ..release };
    install(&verified.path, "echo ant-node 0.24.0; echo and more");
    let (staging, data) = (p.spec.storage.join(".next-antnode0001"), &p.spec.data);
    let refused = p.files.stage(&p.spec, &verified).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Conflict);
    assert!(refused.chain().contains("`wnm binary fetch 0.24.0` brings it again"), "{refused}");
    assert!(!staging.exists());
    // Nor where a program is put back that somebody deleted, or where a node begins.
    fs::remove_file(&p.spec.binary).unwrap();
    assert!(p.files.check(&p.spec, Some(&verified)).is_err());
    let names = |dir: &Path| fs::read_dir(dir).unwrap().count();
    assert_eq!((p.spec.binary.exists(), names(data)), (false, 2), "the key and its companion");
    let mut other = p.spec.clone();
    other.data = p.spec.storage.join("antnode0002");
    other.binary = other.data.join("ant-node");
    assert!(p.files.prepare(&other, &verified).is_err());
    assert!(!other.data.exists());
    install(&verified.path, "echo ant-node 0.24.0");
    assert_eq!(p.files.check(&p.spec, Some(&verified)).unwrap(), Change::Made);
    assert!(p.spec.binary.exists());
}

#[test]
fn a_repetition_keeps_what_was_there_first() {
    let p = Place::new();
    p.files.stage(&p.spec, &p.release("0.24.0")).unwrap();
    assert_eq!(p.replace().unwrap(), Change::Made);
    assert_eq!(p.replace().unwrap(), Change::AlreadySo);
    // As if it had been killed with the companion in its place, and the program not yet.
    fs::remove_file(&p.spec.binary).unwrap();
    fs::hard_link(p.spec.storage.join(".kept-antnode0001/ant-node"), &p.spec.binary).unwrap();
    assert_eq!(p.files.stage(&p.spec, &p.release("0.24.0")).unwrap(), Change::Made);
    assert_eq!(p.replace().unwrap(), Change::Made);
    assert_eq!(p.has(), "echo ant-node 0.24.0 with 0.24.0");
    assert_eq!(p.put_back(), Change::Made);
    assert_eq!(p.has(), "echo ant-node 0.23.1 with 0.23.1");
}

#[test]
fn a_program_that_does_not_answer_is_not_kept_for_a_good_one() {
    let p = Place::new();
    p.files.stage(&p.spec, &p.release("0.24.0")).unwrap();
    assert_eq!(p.replace().unwrap(), Change::Made);
    install(&p.spec.binary, "exit 1");
    assert_eq!(p.files.stage(&p.spec, &p.release("0.24.0")).unwrap_err().kind, FaultKind::Garbled);
    assert_eq!(p.replace().unwrap_err().kind, FaultKind::Garbled);
    assert_eq!(p.put_back(), Change::Made);
    assert_eq!(p.has(), "echo ant-node 0.23.1 with 0.23.1");
}

#[test]
fn nothing_that_was_kept_is_deleted_behind_a_link() {
    let p = Place::new();
    let outside = p.dir.path().join("precious");
    fs::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, p.spec.storage.join(".kept-antnode0001")).unwrap();
    assert_eq!(p.files.drop_kept(&p.spec).unwrap_err().kind, FaultKind::Refused);
    assert!(outside.try_exists().unwrap());
}
