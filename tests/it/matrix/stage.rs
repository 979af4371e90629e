//! A home with nodes in it, in a state that can be had again and again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use wnm_core::model::NodeId;

use super::daemon;
use crate::harness::{TestEnv, is_there, wait_until};

/// A node as it ran when the state was kept.
struct Ran {
    data: PathBuf,
    words: Vec<String>,
    directory: PathBuf,
}

/// What wnm calls containers that nodes share, with a number behind it.
const SHARED: &str = "wnm-nodes-";

/// Nothing else is as large.
const PROGRAM: u64 = 2 << 20;

/// Who starts nodes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Nobody: they are plain processes.
    Nobody,
    /// `systemctl` of the user.
    Units,
    /// `docker`, a container a node.
    Containers,
    /// `docker`, all nodes in one container, which goes on as long as it is not ended.
    Shared,
    /// `antctl`, which makes units of `systemctl` for them.
    Antctl,
    /// `docker`, with an `antctl` and a `systemctl` in each container.
    Boxes,
    /// The `ant` daemon, whose children they are. It brings them back by itself.
    Daemon,
}

/// The home as it was, beside it.
pub(super) struct Stage {
    pub(super) env: TestEnv,
    keeper: Keeper,
    nodes: Vec<Ran>,
}

/// What is put back: everything that wnm or a node may write to.
const PARTS: &[&str] = &["home", "nodes", "other", "bin", "crontab", KEEPER];

/// What the stand-in for docker and systemd knows.
const KEEPER: &str = "keeper";

impl Drop for Stage {
    fn drop(&mut self) {
        end_containers(&self.env);
        if self.keeper == Keeper::Daemon {
            daemon::end(&self.env);
        }
    }
}

impl Stage {
    /// Keeps the state that `env` is in. Its nodes go on.
    pub(super) fn keep(env: TestEnv, keeper: Keeper) -> Stage {
        let nodes = env.running().iter().map(|(data, pid)| ran(data, *pid)).collect();
        let stage = Stage { env, keeper, nodes };
        fs::create_dir_all(stage.env.path("kept")).expect("a directory");
        for part in PARTS.iter().filter(|part| stage.env.path(part).exists()) {
            copy(&stage.env.path(part), &stage.env.path("kept").join(part));
        }
        stage
    }

    /// Makes it so again. A node that may have been touched, or is not what it was, is begun anew; the
    /// others go on.
    pub(super) fn again(&self, touched: &[&str]) {
        // Whoever would start them again first.
        end_containers(&self.env);
        if self.keeper == Keeper::Daemon {
            daemon::end(&self.env);
        }
        let running = self.env.running();
        let is_one = |data: &Path| running.iter().filter(|(it, _)| it == data).count() == 1;
        let of_plan = |data: &Path| touched.iter().any(|name| node_name(data) == *name);
        let stays = |data: &Path| {
            let is_kept = self.nodes.iter().any(|node| node.data == data);
            let is_by_itself =
                !matches!(self.keeper, Keeper::Shared | Keeper::Boxes | Keeper::Daemon);
            is_by_itself && is_kept && is_one(data) && !of_plan(data)
        };
        for (_, pid) in running.iter().filter(|(data, _)| !stays(data)) {
            let pid = nix::unistd::Pid::from_raw(*pid as i32);
            // It may have ended meanwhile.
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok();
        }
        wait_until(Duration::from_secs(20), "they have ended", || {
            self.env.running().iter().all(|(data, _)| stays(data))
        });
        for part in PARTS {
            level(&self.env.path("kept").join(part), &self.env.path(part), &stays);
        }
        if self.keeper == Keeper::Daemon {
            daemon::begin(&self.env);
        }
        let begun = self.nodes.iter().filter(|node| !stays(&node.data));
        begun.for_each(|node| self.begin(node));
        wait_until(Duration::from_secs(20), "all nodes run again", || {
            self.env.running().len() == self.nodes.len()
        });
        // It knows by now which processes they are.
        if self.keeper != Keeper::Nobody {
            let (is, was) = (self.env.path(KEEPER), self.env.path("kept").join(KEEPER));
            level(&is, &was, &|_| false);
        }
    }

    fn begin(&self, node: &Ran) {
        let name = node.data.file_name().expect("a name").to_string_lossy().into_owned();
        let unit = format!("{name}.service");
        match self.keeper {
            Keeper::Nobody => return begin(&node.words, &node.directory),
            Keeper::Daemon => return daemon::start(&self.env, &name),
            Keeper::Units | Keeper::Antctl => {
                self.env.run_tool("systemctl", &["--user", "start", "--quiet", "--", &unit])
            }
            Keeper::Containers => self.env.run_tool("docker", &["start", "--", &name]),
            Keeper::Shared => self.env.run_tool("docker", &["start", "--", &format!("{SHARED}1")]),
            Keeper::Boxes => {
                let container = container_of(&node.data).expect("it is in one");
                self.env.run_tool("docker", &["start", "--", &container]).expect(0);
                let start = ["/usr/bin/systemctl", "start", "--quiet", "--", &unit];
                self.env.run_tool("docker", &[&["exec", &container][..], &start].concat())
            }
        }
        .expect(0);
    }
}

/// The first processes of containers that nodes share, or that begin them: they would start them again.
pub(crate) fn end_containers(env: &TestEnv) {
    for entry in fs::read_dir(env.path(KEEPER)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(SHARED) || !name.ends_with(".json") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let known: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(pid) = known["pid"].as_i64().filter(|pid| *pid > 0) {
            let pid = nix::unistd::Pid::from_raw(pid as i32);
            // It may have ended long ago.
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok();
            let line = format!("/proc/{pid}/cmdline");
            wait_until(Duration::from_secs(20), "it has ended", || {
                fs::read(&line).unwrap_or_default().is_empty()
            });
        }
    }
}

/// The node whose data lies there, by its id whatever its manager calls it.
pub(super) fn node_name(data: &Path) -> String {
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(id) = wnm_core::model::node_of_directory(&name) else { return name };
    // Each container counts from 1: there is one container here, or one node in each.
    let before = container_of(data).map_or(0, |it| it[SHARED.len()..].parse().unwrap_or(1) - 1);
    NodeId::new(id.number() + before).map_or(name, |id| id.to_string())
}

/// Of those that have a directory of their own for the data of their nodes.
fn container_of(data: &Path) -> Option<String> {
    let name = data.parent()?.file_name()?.to_string_lossy().into_owned();
    name.starts_with(SHARED).then_some(name)
}

/// Makes `to` what `from` is. Of a directory that somebody works in only the names are made equal.
fn level(from: &Path, to: &Path, in_use: &dyn Fn(&Path) -> bool) {
    let is_used = |path: &Path| path.ancestors().any(in_use);
    let both_directories = is_real_directory(from) && is_real_directory(to);
    if !both_directories {
        if is_there(from) && is_there(to) && is_used(to) {
            return;
        }
        remove(to);
        if is_there(from) {
            copy(from, to);
        }
        return;
    }
    let names = [from, to].map(|it| fs::read_dir(it).expect("a directory"));
    let names = names.into_iter().flatten().map(|entry| entry.expect("an entry").file_name());
    for name in names.collect::<BTreeSet<_>>() {
        level(&from.join(&name), &to.join(&name), in_use);
    }
    let mode = fs::metadata(from).expect("there").permissions();
    fs::set_permissions(to, mode).expect("our own");
}

fn is_real_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.is_dir())
}

fn remove(path: &Path) {
    match is_real_directory(path) {
        true => fs::remove_dir_all(path).expect("our own"),
        // It may not be there.
        false => drop(fs::remove_file(path)),
    }
}

fn ran(data: &Path, pid: u32) -> Ran {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it runs");
    let words = line.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    let directory = fs::read_link(format!("/proc/{pid}/cwd")).expect("it runs");
    Ran { data: data.to_owned(), words, directory }
}

/// As wnm starts them: nobody's children, so that nothing of them stays when they end.
pub(super) fn begin(words: &[String], directory: &Path) {
    let mut command = Command::new("setsid");
    command.arg("--fork").args(words).env_clear().current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().expect("setsid is there");
    assert!(status.success(), "{words:?} cannot be started");
}

/// With links and modes. A program is never written to in its place, so it keeps its inode, by which wnm
/// knows it again without reading it.
fn copy(from: &Path, place: &Path) {
    let data = fs::symlink_metadata(from).expect("it is there");
    if data.is_symlink() {
        let aim = fs::read_link(from).expect("a link");
        symlink(aim, place).expect("linked");
    } else if data.is_dir() {
        fs::create_dir(place).expect("a directory");
        for entry in fs::read_dir(from).expect("a directory") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &place.join(entry.file_name()));
        }
        fs::set_permissions(place, data.permissions()).expect("our own");
    } else if data.len() > PROGRAM {
        fs::hard_link(from, place).expect("linked");
    } else if data.is_file() {
        fs::copy(from, place).expect("copied");
    }
}
