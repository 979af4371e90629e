//! Root's hands against a script: every call that is made, and nothing else.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::sync::Arc;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use wnm_core::action::Change;
use wnm_core::fakes::{ScriptedRunner, build};
use wnm_core::host::{NodeFiles, NodeManager};
use wnm_core::model::{Bytes, NodeKey, NodeSpec, RecordId, Release};
use wnm_core::observe::FaultKind;

use super::{Hands, RootHands};
use crate::{DiskFiles, Systemd};

/// A machine in a directory: what is only looked at is real, what root does is scripted.
struct Machine {
    dir: TempDir,
    spec: NodeSpec,
    script: ScriptedRunner,
}

impl Machine {
    fn new() -> Machine {
        let dir = TempDir::new().unwrap();
        let mut spec = build::spec(1);
        spec.storage = dir.path().join("services");
        spec.data = spec.storage.join("antnode0001");
        spec.binary = spec.data.join("ant-node");
        spec.logs = dir.path().join("logs/antnode0001");
        for directory in [&spec.storage, &dir.path().join("units"), &dir.path().join("logs")] {
            fs::create_dir_all(directory).unwrap();
        }
        Machine { dir, spec, script: ScriptedRunner::new() }
    }

    /// `line` with `@` for the directory.
    fn on(mut self, line: &str, code: i32, stdout: &str, stderr: &str) -> Machine {
        let line = quoted(line).replace('@', &self.dir.path().display().to_string());
        self.script = self.script.on(&line, code, stdout, stderr);
        self
    }

    /// Calls that succeed and say nothing.
    fn does(self, lines: &[&str]) -> Machine {
        lines.iter().fold(self, |machine, line| machine.on(line, 0, "", ""))
    }

    fn there(self, path: &str) -> Machine {
        self.on(&format!("(root) /usr/bin/stat '--format=%F' -- {path}"), 0, "regular file\n", "")
    }

    fn absent(self, path: &str) -> Machine {
        let complaint = format!("/usr/bin/stat: cannot statx '{path}': No such file or directory");
        self.on(&format!("(root) /usr/bin/stat '--format=%F' -- {path}"), 1, "", &complaint)
    }

    /// The hands, and a check that the script was played to its end.
    fn play(self) -> (Stage, impl FnOnce()) {
        let runner = Arc::new(self.script);
        let hands = RootHands::new(runner.clone(), "ant", 1000, self.dir.path().to_owned());
        let files = DiskFiles::of_system(self.dir.path().join("identities"), hands.clone());
        let units = self.dir.path().join("units");
        let systemd = Systemd::of_system(runner.clone(), units, Vec::new(), hands.clone());
        let stage = Stage { dir: self.dir, spec: self.spec, hands, files, systemd };
        (stage, move || assert_eq!(runner.left(), Vec::<String>::new()))
    }
}

/// As a runner shows it: words that a shell might take apart are quoted.
fn quoted(line: &str) -> String {
    let word = |word: &str| match word.starts_with("--") && word.contains('=') {
        true => format!("'{word}'"),
        false => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

struct Stage {
    dir: TempDir,
    spec: NodeSpec,
    hands: RootHands,
    files: DiskFiles,
    systemd: Systemd,
}

fn key_of(spec: &NodeSpec) -> NodeKey {
    NodeKey { id: spec.id, record: RecordId(5) }
}

#[test]
fn a_directory_comes_into_being_by_one_rename() {
    let machine = Machine::new()
        .absent("@/services/antnode0001")
        .absent("@/services/.new-antnode0001")
        .does(&[
            "(root) /usr/bin/install --directory --mode=700 --owner=ant --group=ant -- \
             @/services/.new-antnode0001",
            "(root) /usr/bin/install --no-target-directory --mode=755 --owner=ant --group=ant -- \
             /opt/ant-node @/services/.new-antnode0001/ant-node.new",
            "(root) /usr/bin/sync -- @/services/.new-antnode0001/ant-node.new",
            "(root) /usr/bin/mv -fT -- @/services/.new-antnode0001/ant-node.new \
             @/services/.new-antnode0001/ant-node",
        ])
        .absent("/opt/bootstrap_peers.toml")
        .does(&[
            "(root) /usr/bin/sync -- @/services/.new-antnode0001",
            "(root) /usr/bin/install --directory --mode=700 --owner=ant --group=ant -- \
             @/logs/antnode0001",
            "(root) /usr/bin/mv -fT -- @/services/.new-antnode0001 @/services/antnode0001",
            "(root) /usr/bin/sync -- @/services",
        ]);
    let (stage, over) = machine.play();
    let release = Release::new("0.23.1".parse().unwrap(), "/opt/ant-node");
    assert_eq!(stage.files.prepare(&stage.spec, &release).unwrap(), Change::Made);
    over();
}

#[test]
fn what_a_node_may_write_is_read_with_its_rights_only() {
    let as_node = "(root) /usr/sbin/runuser -u ant --";
    let hash = format!("{}  @/own\n", "0".repeat(64));
    let machine = Machine::new();
    let hash = hash.replace('@', &machine.dir.path().display().to_string());
    let machine = machine
        .does(&[
            &format!(
                "{as_node} /usr/bin/install --no-target-directory --mode=600 -- @/own @/to.new"
            ),
            &format!("{as_node} /usr/bin/sync -- @/to.new"),
            &format!("{as_node} /usr/bin/mv -fT -- @/to.new @/to"),
        ])
        .on(&format!("{as_node} /usr/bin/sha256sum -- @/own"), 0, &hash, "");
    let (stage, over) = machine.play();
    let (own, to) = (stage.dir.path().join("own"), stage.dir.path().join("to"));
    stage.hands.copy_own(&own, &to, 0o600).unwrap();
    assert_eq!(stage.hands.sha256(&own).unwrap(), "0".repeat(64));
    over();
}

#[test]
fn what_cannot_be_cleared_away_undoes_no_upgrade() {
    let machine = Machine::new()
        .on(
            "(root) /usr/sbin/runuser -u ant -- @/services/antnode0001/ant-node --version",
            0,
            "ant-node 0.23.1",
            "",
        )
        .there("@/services/.next-antnode0001/ant-node")
        .absent("@/services/.kept-antnode0001")
        .absent("@/services/.kept-antnode0001/ant-node")
        .absent("@/services/.keeping-antnode0001")
        .absent("@/services/.kept-antnode0001")
        .does(&[
            "(root) /usr/bin/install --directory --mode=700 --owner=ant --group=ant -- \
             @/services/.keeping-antnode0001",
            "(root) /usr/bin/ln -PT -- @/services/antnode0001/ant-node \
             @/services/.keeping-antnode0001/ant-node",
        ])
        .absent("@/services/antnode0001/bootstrap_peers.toml")
        .absent("@/services/antnode0001/node_identity.key")
        .does(&[
            "(root) /usr/bin/sync -- @/services/.keeping-antnode0001",
            "(root) /usr/bin/mv -fT -- @/services/.keeping-antnode0001 \
             @/services/.kept-antnode0001",
            "(root) /usr/bin/sync -- @/services",
        ])
        .absent("@/services/.next-antnode0001/bootstrap_peers.toml")
        .does(&["(root) /usr/bin/mv -fT -- @/services/.next-antnode0001/ant-node \
                 @/services/antnode0001/ant-node"])
        .on("(root) /usr/bin/sync -- @/services/antnode0001", 1, "", "Input/output error")
        .on(
            "(root) /usr/bin/rm -rf --one-file-system -- @/services/.next-antnode0001",
            1,
            "",
            "Input/output error",
        );
    fs::create_dir(&machine.spec.data).unwrap();
    let (stage, over) = machine.play();
    let (to, from) = ("0.24.0".parse().unwrap(), "0.23.1".parse().unwrap());
    assert_eq!(stage.files.replace(&stage.spec, &to, Some(&from)).unwrap(), Change::Made);
    over();
}

#[test]
fn a_full_disk_is_told_and_not_kept_full() {
    let full = "/usr/bin/install: error writing 'x': No space left on device";
    let copy = "(root) /usr/bin/install --no-target-directory --mode=755 --owner=ant --group=ant \
                -- /opt/ant-node @/x.new";
    let machine = Machine::new().on(copy, 1, "", full).does(&["(root) /usr/bin/rm -f -- @/x.new"]);
    let (stage, over) = machine.play();
    let to = stage.dir.path().join("x");
    let error = stage.hands.copy("/opt/ant-node".as_ref(), &to, 0o755).unwrap_err();
    assert_eq!(error.kind, FaultKind::Full, "{}", error.chain());
    over();
}

#[test]
fn a_key_is_fetched_archived_and_leaves_no_copy_on_the_way() {
    let key = "@/services/antnode0001/node_identity.key";
    let fetch = format!(
        "(root) /usr/bin/install --no-target-directory --mode=600 --owner=1000 -- {key} @/.incoming"
    );
    let machine =
        Machine::new().there("@/services/antnode0001").there(key).there(key).does(&[&fetch]);
    let (stage, over) = machine.play();
    fs::write(stage.dir.path().join(".incoming"), "secret").unwrap();
    assert_eq!(stage.files.archive(key_of(&stage.spec), &stage.spec).unwrap(), Change::Made);
    let archived = stage.dir.path().join("identities/antnode0001-5-ant-node.key");
    assert_eq!(fs::read_to_string(archived).unwrap(), "secret");
    assert!(!stage.dir.path().join(".incoming").try_exists().unwrap());
    over();
}

#[test]
fn a_link_in_the_place_of_a_key_is_not_followed() {
    let key = "@/services/antnode0001/node_identity.key";
    let link = format!("(root) /usr/bin/stat '--format=%F' -- {key}");
    let machine = Machine::new().there("@/services/antnode0001").there(key).on(
        &link,
        0,
        "symbolic link\n",
        "",
    );
    let (stage, over) = machine.play();
    let error = stage.files.archive(key_of(&stage.spec), &stage.spec).unwrap_err();
    assert_eq!(error.kind, FaultKind::Refused, "{error}");
    over();
}

#[test]
fn data_whose_key_is_not_in_the_archive_is_not_moved() {
    let key = "@/services/antnode0001/node_identity.key";
    let fetch = format!(
        "(root) /usr/bin/install --no-target-directory --mode=600 --owner=1000 -- {key} @/.incoming"
    );
    let machine =
        Machine::new().there("@/services/antnode0001").there(key).there(key).does(&[&fetch]);
    fs::create_dir(&machine.spec.data).unwrap();
    fs::write(machine.dir.path().join(".incoming"), "secret").unwrap();
    let (stage, over) = machine.play();
    let error = stage.files.set_aside(key_of(&stage.spec), &stage.spec).unwrap_err();
    assert_eq!(error.kind, FaultKind::Refused, "{error}");
    over();
}

#[test]
fn nothing_behind_a_link_is_deleted() {
    let machine = Machine::new().there("@/services/.removed-antnode0001-5");
    let aside = machine.spec.storage.join(".removed-antnode0001-5");
    std::os::unix::fs::symlink("/usr", aside).unwrap();
    let (stage, over) = machine.play();
    let error = stage.files.delete(key_of(&stage.spec), &stage.spec).unwrap_err();
    assert_eq!(error.kind, FaultKind::Refused, "{error}");
    over();
}

#[test]
fn without_rights_nothing_is_concluded() {
    let mut machine = Machine::new();
    let line = "(root) /usr/bin/stat '--format=%F' -- @/services/antnode0001";
    let line = line.replace('@', &machine.dir.path().display().to_string());
    fs::create_dir(&machine.spec.data).unwrap();
    machine.script = machine.script.failing(&line, FaultKind::Permission);
    let (stage, over) = machine.play();
    let error = stage.files.check(&stage.spec, None).unwrap_err();
    assert_eq!(error.kind, FaultKind::Permission, "not absent: {error}");
    over();
}

#[test]
fn a_unit_is_made_by_root_and_shown_without() {
    let machine = Machine::new().there("@/units").does(&[
        "(root) /usr/bin/install --no-target-directory --mode=644 --owner=root --group=root -- \
         @/.outgoing @/units/wnm.slice.new",
        "(root) /usr/bin/sync -- @/units/wnm.slice.new",
        "(root) /usr/bin/mv -fT -- @/units/wnm.slice.new @/units/wnm.slice",
        "(root) /usr/bin/sync -- @/units",
        "(root) /usr/bin/install --no-target-directory --mode=644 --owner=root --group=root -- \
         @/.outgoing @/units/antnode0001.service.new",
        "(root) /usr/bin/sync -- @/units/antnode0001.service.new",
        "(root) /usr/bin/mv -fT -- @/units/antnode0001.service.new @/units/antnode0001.service",
        "(root) /usr/bin/sync -- @/units",
        "(root) /usr/bin/systemctl daemon-reload",
        "/usr/bin/systemctl show --property=Id,LoadState,ActiveState,SubState,MainPID,NRestarts,\
         InvocationID,NeedDaemonReload,DropInPaths -- antnode0001.service",
    ]);
    let (stage, over) = machine.play();
    assert_eq!(stage.systemd.manager().to_string(), "systemd+sudo");
    assert_eq!(stage.systemd.create(&stage.spec).unwrap(), Change::Made);
    let error = stage.systemd.states(&[&stage.spec]).unwrap_err();
    assert_eq!(error.kind, FaultKind::Garbled, "an empty answer is none: {error}");
    over();
}

#[test]
fn a_unit_of_somebody_else_is_left_alone() {
    let machine = Machine::new();
    fs::write(machine.dir.path().join("units/antnode0001.service"), "[Service]\n").unwrap();
    let (stage, over) = machine.play();
    assert_eq!(stage.systemd.create(&stage.spec).unwrap_err().kind, FaultKind::Conflict);
    over();
}

#[test]
fn keys_are_made_private_by_their_owner_and_data_is_measured() {
    let machine = Machine::new()
        .on("(root) /usr/bin/stat '--format=%a %F' -- @/key", 0, "644 regular file\n", "")
        .does(&["(root) /usr/sbin/runuser -u ant -- /usr/bin/chmod 600 -- @/key"])
        .on("(root) /usr/bin/stat '--format=%a %F' -- @/key", 0, "777 symbolic link\n", "")
        .on("(root) /usr/bin/du --summarize --block-size=1 -- @/key", 1, "4096\t@/key\n", "gone")
        .does(&["(root) /usr/bin/kill -TERM -- 4194304"]);
    let (stage, over) = machine.play();
    let key = stage.dir.path().join("key");
    assert!(stage.hands.make_private(&key).unwrap());
    assert!(!stage.hands.make_private(&key).unwrap());
    assert_eq!(stage.hands.usage(&key).unwrap(), Bytes(4096));
    stage.hands.signal(4_194_304, Signal::SIGTERM).unwrap();
    over();
}
