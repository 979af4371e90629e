//! Node data on a real file system; the contract story on scripts and on real processes is in the
//! hermetic tier, which has a node program.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use wnm_core::action::Change;
use wnm_core::fakes::build;
use wnm_core::host::NodeFiles;
use wnm_core::model::{NodeKey, NodeSpec, RecordId, Release};
use wnm_core::observe::FaultKind;

use crate::{DiskFiles, MARKER};

struct Place {
    dir: TempDir,
    files: DiskFiles,
    spec: NodeSpec,
    release: Release,
    key: NodeKey,
}

/// A storage root with one planned node, and a release with a companion file.
fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("release")).unwrap();
    fs::write(at("release/ant-node"), "program").unwrap();
    fs::write(at("release/bootstrap_peers.toml"), "peers").unwrap();
    DiskFiles::prepare_root(&at("nodes")).unwrap();
    let mut spec = build::spec(1);
    spec.storage = at("nodes");
    spec.data = at("nodes/antnode0001");
    spec.binary = at("nodes/antnode0001/ant-node");
    spec.logs = at("logs/antnode0001");
    fs::create_dir_all(at("logs")).unwrap();
    let files = DiskFiles::new(at("identities"));
    let release = Release::new("0.23.1".parse().unwrap(), at("release/ant-node"));
    let key = NodeKey { id: spec.id, record: RecordId(5) };
    Place { dir, files, spec, release, key }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_node_gets_its_own_program_with_what_lies_beside_it() {
    let p = place();
    assert_eq!(p.files.prepare(&p.spec, &p.release).unwrap(), Change::Made);
    assert_eq!(fs::read_to_string(&p.spec.binary).unwrap(), "program");
    assert_eq!(fs::read_to_string(p.spec.data.join("bootstrap_peers.toml")).unwrap(), "peers");
    assert_eq!((mode(&p.spec.binary), mode(&p.spec.data)), (0o755, 0o700));
    // The node upgraded itself meanwhile: its copy stays.
    fs::write(&p.spec.binary, "newer").unwrap();
    assert_eq!(p.files.prepare(&p.spec, &p.release).unwrap(), Change::AlreadySo);
    assert_eq!(fs::read_to_string(&p.spec.binary).unwrap(), "newer");
}

#[test]
fn a_directory_left_half_made_is_made_anew() {
    let p = place();
    fs::create_dir_all(p.spec.storage.join(".new-antnode0001/junk")).unwrap();
    assert_eq!(p.files.prepare(&p.spec, &p.release).unwrap(), Change::Made);
    assert!(!p.spec.data.join("junk").try_exists().unwrap());
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let p = place();
    let missing = Release { path: p.dir.path().join("nowhere"), ..p.release.clone() };
    assert_eq!(p.files.prepare(&p.spec, &missing).unwrap_err().kind, FaultKind::NotFound);
    let left: Vec<_> = fs::read_dir(&p.spec.storage).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "only the marker is left: {left:?}");
}

#[test]
fn the_key_is_made_private_and_a_lost_program_put_back() {
    let p = place();
    p.files.prepare(&p.spec, &p.release).unwrap();
    let key = p.spec.data.join("node_identity.key");
    fs::write(&key, "secret").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(&p.spec.binary).unwrap();
    assert_eq!(p.files.check(&p.spec, None).unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(p.files.check(&p.spec, Some(&p.release)).unwrap(), Change::Made);
    assert_eq!(mode(&key), 0o600);
    assert_eq!(fs::read_to_string(&p.spec.binary).unwrap(), "program");
    assert_eq!(p.files.check(&p.spec, None).unwrap(), Change::AlreadySo);
}

#[test]
fn data_leaves_only_after_its_key_is_in_the_archive() {
    let p = place();
    p.files.prepare(&p.spec, &p.release).unwrap();
    fs::write(p.spec.data.join("node_identity.key"), "secret").unwrap();
    let refused = p.files.set_aside(p.key, &p.spec).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Refused, "{refused}");
    assert_eq!(p.files.archive(p.key, &p.spec).unwrap(), Change::Made);
    let archived = p.dir.path().join("identities/antnode0001-5-ant-node.key");
    assert_eq!(fs::read_to_string(&archived).unwrap(), "secret");
    assert_eq!(mode(&archived), 0o600);
    assert!(archived.with_extension("json").try_exists().unwrap());
    assert_eq!(p.files.set_aside(p.key, &p.spec).unwrap(), Change::Made);
    assert_eq!(p.files.archive(p.key, &p.spec).unwrap(), Change::AlreadySo, "found aside");
    assert_eq!(p.files.delete(p.key, &p.spec).unwrap(), Change::Made);
    assert_eq!(p.files.delete(p.key, &p.spec).unwrap(), Change::AlreadySo);
    assert_eq!(fs::read_to_string(&archived).unwrap(), "secret");
}

#[test]
fn another_key_never_goes_over_an_archived_one() {
    let p = place();
    p.files.prepare(&p.spec, &p.release).unwrap();
    let key = p.spec.data.join("node_identity.key");
    for secret in ["one", "two", "two"] {
        fs::write(&key, secret).unwrap();
        p.files.archive(p.key, &p.spec).unwrap();
    }
    let archived = |name: &str| fs::read_to_string(p.dir.path().join("identities").join(name));
    assert_eq!(archived("antnode0001-5-ant-node.key").unwrap(), "one");
    assert_eq!(archived("antnode0001-5-ant-node-2.key").unwrap(), "two");
    assert!(archived("antnode0001-5-ant-node-3.key").is_err());
}

#[test]
fn nothing_behind_a_link_is_touched() {
    let p = place();
    let outside = p.dir.path().join("precious");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("photo"), "x").unwrap();
    std::os::unix::fs::symlink(&outside, &p.spec.data).unwrap();
    assert_eq!(p.files.set_aside(p.key, &p.spec).unwrap_err().kind, FaultKind::Refused);
    assert_eq!(p.files.check(&p.spec, None).unwrap_err().kind, FaultKind::Refused);
    let aside = p.spec.storage.join(".removed-antnode0001-5");
    std::os::unix::fs::symlink(&outside, &aside).unwrap();
    assert_eq!(p.files.delete(p.key, &p.spec).unwrap_err().kind, FaultKind::Refused);
    assert!(outside.join("photo").try_exists().unwrap());
}

#[test]
fn a_place_outside_of_the_root_is_refused() {
    let p = place();
    for data in ["/etc", "../antnode0001", "sub/antnode0001", "antnode0002", ""] {
        let mut spec = p.spec.clone();
        spec.data = p.spec.storage.join(data);
        let refused = p.files.prepare(&spec, &p.release).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Refused, "{data}: {refused}");
    }
    let mut spec = p.spec.clone();
    spec.logs = p.dir.path().join("release");
    assert_eq!(p.files.delete(p.key, &spec).unwrap_err().kind, FaultKind::Refused);
}

#[test]
fn a_root_without_its_marker_is_not_mounted() {
    let p = place();
    p.files.prepare(&p.spec, &p.release).unwrap();
    let names = p.files.survey(&p.spec.storage).entries.unwrap();
    assert!(names.contains("antnode0001"));
    fs::remove_file(p.spec.storage.join(MARKER)).unwrap();
    let unread = p.files.survey(&p.spec.storage).entries.unwrap_err();
    assert_eq!(unread.kind, FaultKind::NotFound);
    assert!(p.files.survey(Path::new("/nowhere/at/all")).entries.is_err());
}

#[test]
fn what_data_takes_is_measured_without_following_links() {
    let p = place();
    p.files.prepare(&p.spec, &p.release).unwrap();
    let before = p.files.usage(&p.spec).unwrap();
    fs::create_dir_all(p.spec.data.join("chunks/ab")).unwrap();
    fs::write(p.spec.data.join("chunks/ab/c"), vec![1; 100_000]).unwrap();
    std::os::unix::fs::symlink("/usr", p.spec.data.join("link")).unwrap();
    let grown = p.files.usage(&p.spec).unwrap().0 - before.0;
    assert!((100_000..200_000).contains(&grown), "{grown}");
}
