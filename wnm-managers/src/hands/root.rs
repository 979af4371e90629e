//! Root's hands: fixed calls of coreutils by absolute path. The nodes belong to a user of their
//! own, whose files we may neither read nor write.
//!
//! Nothing here follows a link that a node could have made: storage roots belong to root, so a node
//! cannot put a link in the place of its directory; what lies in that directory is touched as the
//! node's user, or by tools that replace and delete names instead of following them.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that hands files to and from root"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::model::{Bytes, FileStamp};
use wnm_core::observe::FaultKind;

use super::{COPY_PATIENCE, Hands, VERSION_PATIENCE, version_text};
use crate::files::write_durably;
use crate::process::alive;

/// For tools that touch one file.
const PATIENCE: Duration = Duration::from_secs(60);
/// For tools that walk a node's data, which may be millions of files.
const LONG_PATIENCE: Duration = Duration::from_secs(900);

/// Effects with root's rights, for nodes that run as a user of their own.
#[derive(Clone)]
pub struct RootHands {
    runner: Arc<dyn CommandRunner>,
    user: String,
    owner: u32,
    desk: PathBuf,
}

impl std::fmt::Debug for RootHands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootHands").field("user", &self.user).finish_non_exhaustive()
    }
}

impl RootHands {
    /// Nodes belong to `user`, and to the group of that name. Files on their way from or to root
    /// lie in `desk` for a moment, a directory of `owner`, who we are.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        user: impl Into<String>,
        owner: u32,
        desk: PathBuf,
    ) -> RootHands {
        RootHands { runner, user: user.into(), owner, desk }
    }

    /// Whom nodes belong to.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Deletes what a killed run left on the desk.
    pub fn clear_desk(&self) {
        for path in [self.incoming(), self.outgoing()] {
            // Nothing there is the usual case, and anything else is met again by who uses it.
            let _ = fs::remove_file(path);
        }
    }

    fn incoming(&self) -> PathBuf {
        self.desk.join(".incoming")
    }

    fn outgoing(&self) -> PathBuf {
        self.desk.join(".outgoing")
    }

    fn call(&self, program: &str, args: &[&str], patience: Duration) -> HostResult<Completed> {
        self.runner.run(&Invocation::new(program, args.iter().copied(), patience).as_root())
    }

    fn must(&self, op: &str, program: &str, args: &[&str]) -> HostResult<Completed> {
        let answer = self.call(program, args, PATIENCE)?;
        if answer.ok() { Ok(answer) } else { Err(failed(op, &answer)) }
    }

    /// With the rights of the nodes.
    fn must_as_node(&self, op: &str, call: &[&str]) -> HostResult<Completed> {
        let args: Vec<&str> = ["-u", &self.user, "--"].iter().chain(call).copied().collect();
        self.must(op, "/usr/sbin/runuser", &args)
    }

    /// What `stat` says of `path` itself, `None` when nothing is there.
    fn stat(&self, format: &str, path: &Path) -> HostResult<Option<String>> {
        let answer = self.call("/usr/bin/stat", &[format, "--", text(path)?], PATIENCE)?;
        match failed(&format!("look at {}", path.display()), &answer) {
            _ if answer.ok() => Ok(Some(answer.stdout.trim().to_owned())),
            error if error.kind == FaultKind::NotFound => Ok(None),
            error => Err(error),
        }
    }

    /// `to` is a directory in which only root and the owners named here make names, or one of the
    /// node: `install` never writes through what is in its way.
    fn place(&self, from: &Path, to: &Path, mode: u32, owner: &str) -> HostResult<()> {
        let op = format!("copy {} to {}", from.display(), to.display());
        let beside = beside(to);
        let mode = format!("--mode={mode:o}");
        let (user, group) = (format!("--owner={owner}"), format!("--group={owner}"));
        let (from, to, beside) = (text(from)?, text(to)?, text(&beside)?);
        let install = ["--no-target-directory", &mode, &user, &group, "--", from, beside];
        let placed = self
            .must(&op, "/usr/bin/install", &install)
            .and_then(|_| self.must(&op, "/usr/bin/sync", &["--", beside]))
            .and_then(|_| self.must(&op, "/usr/bin/mv", &["-fT", "--", beside, to]));
        if placed.is_err() {
            // A half-made copy on a full disk would keep it full; the first error is the one.
            let _ = self.must(&op, "/usr/bin/rm", &["-f", "--", beside]);
        }
        placed.map(|_| ())
    }
}

impl Hands for RootHands {
    fn is_there(&self, path: &Path) -> HostResult<bool> {
        Ok(self.stat("--format=%F", path)?.is_some())
    }

    fn read_key(&self, key: &Path) -> HostResult<Vec<u8>> {
        let op = format!("read {}", key.display());
        // A link in its place would have root fetch any file of the machine.
        if self.stat("--format=%F", key)?.as_deref() != Some("regular file") {
            return Err(HostError::new(format!("{op}: it is no file"), FaultKind::Refused));
        }
        let incoming = self.incoming();
        let owner = format!("--owner={}", self.owner);
        let (from, to) = (text(key)?, text(&incoming)?);
        let install = ["--no-target-directory", "--mode=600", &owner, "--", from, to];
        self.must(&op, "/usr/bin/install", &install)?;
        let bytes = fs::read(&incoming).map_err(|error| HostError::io(op, error));
        self.clear_desk();
        bytes
    }

    fn make_directory(&self, path: &Path) -> HostResult<()> {
        let (owner, group) = (format!("--owner={}", self.user), format!("--group={}", self.user));
        let args = ["--directory", "--mode=700", &owner, &group, "--", text(path)?];
        self.must(&format!("make {}", path.display()), "/usr/bin/install", &args).map(|_| ())
    }

    fn make_root(&self, path: &Path) -> HostResult<()> {
        if self.is_there(path)? {
            return Ok(());
        }
        let args = ["--directory", "--mode=755", "--owner=root", "--group=root", "--", text(path)?];
        self.must(&format!("make {}", path.display()), "/usr/bin/install", &args).map(|_| ())
    }

    fn copy(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()> {
        self.place(from, to, mode, &self.user)
    }

    fn copy_own(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()> {
        // As the node's user: `install` follows links, and that user gets nothing by it that it could
        // not have had anyway.
        let op = format!("copy {} to {}", from.display(), to.display());
        let (beside, mode) = (beside(to), format!("--mode={mode:o}"));
        let (from, to, beside) = (text(from)?, text(to)?, text(&beside)?);
        let install = ["/usr/bin/install", "--no-target-directory", &mode, "--", from, beside];
        let placed = self
            .must_as_node(&op, &install)
            .and_then(|_| self.must_as_node(&op, &["/usr/bin/sync", "--", beside]))
            .and_then(|_| self.must_as_node(&op, &["/usr/bin/mv", "-fT", "--", beside, to]));
        if placed.is_err() {
            // A half-made copy on a full disk would keep it full; the first error is the one.
            let _ = self.must_as_node(&op, &["/usr/bin/rm", "-f", "--", beside]);
        }
        placed.map(|_| ())
    }

    fn copy_tree(&self, from: &Path, to: &Path) -> HostResult<()> {
        let op = format!("copy {} to {}", from.display(), to.display());
        let (from, to) = (text(from)?, text(to)?);
        for (program, args) in
            [("/usr/bin/cp", vec!["-aT", "--", from, to]), ("/usr/bin/sync", vec!["-f", "--", to])]
        {
            let answer = self.call(program, &args, COPY_PATIENCE)?;
            if !answer.ok() {
                return Err(failed(&op, &answer));
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        let outgoing = self.outgoing();
        write_durably(&outgoing, bytes, 0o600)?;
        let placed = self.place(&outgoing, path, mode, "root").and_then(|()| match path.parent() {
            Some(parent) => self.sync_directory(parent),
            None => Ok(()),
        });
        self.clear_desk();
        placed
    }

    fn rename(&self, from: &Path, to: &Path) -> HostResult<()> {
        let op = format!("rename {} to {}", from.display(), to.display());
        self.must(&op, "/usr/bin/mv", &["-fT", "--", text(from)?, text(to)?]).map(|_| ())
    }

    fn sync_directory(&self, path: &Path) -> HostResult<()> {
        let op = format!("flush {}", path.display());
        self.must(&op, "/usr/bin/sync", &["--", text(path)?]).map(|_| ())
    }

    fn remove_file(&self, path: &Path) -> HostResult<()> {
        let op = format!("delete {}", path.display());
        // With it what a killed run left beside it.
        let beside = beside(path);
        let args = ["-f", "--", text(path)?, text(&beside)?];
        self.must(&op, "/usr/bin/rm", &args).map(|_| ())
    }

    fn remove_tree(&self, path: &Path) -> HostResult<()> {
        let args = ["-rf", "--one-file-system", "--", text(path)?];
        let answer = self.call("/usr/bin/rm", &args, LONG_PATIENCE)?;
        match answer.ok() {
            true => Ok(()),
            false => Err(failed(&format!("delete {}", path.display()), &answer)),
        }
    }

    fn remove_if_empty(&self, path: &Path) {
        let Ok(shown) = text(path) else { return };
        let _ = self.must("tidy up", "/usr/bin/rmdir", &["--", shown]);
    }

    fn make_private(&self, key: &Path) -> HostResult<bool> {
        let Some(found) = self.stat("--format=%a %F", key)? else { return Ok(false) };
        let (mode, kind) = found.split_once(' ').unwrap_or(("", ""));
        let mode = u32::from_str_radix(mode, 8).unwrap_or(0);
        if kind != "regular file" || mode & 0o077 == 0 {
            return Ok(false);
        }
        let op = format!("make private {}", key.display());
        // As the node's user: `chmod` follows links, and that user can only spoil its own.
        self.must_as_node(&op, &["/usr/bin/chmod", "600", "--", text(key)?])?;
        Ok(true)
    }

    fn usage(&self, path: &Path) -> HostResult<Bytes> {
        let op = format!("measure {}", path.display());
        let args = ["--summarize", "--block-size=1", "--", text(path)?];
        let answer = self.call("/usr/bin/du", &args, LONG_PATIENCE)?;
        let total = answer.stdout.split_whitespace().next().and_then(|total| total.parse().ok());
        match total {
            // Files come and go while a node works: `du` complains of those, and counts the rest.
            Some(total) => Ok(Bytes(total)),
            None => Err(failed(&op, &answer)),
        }
    }

    fn stamps(&self, paths: &[&Path]) -> Vec<Option<FileStamp>> {
        let names: Vec<&str> = paths.iter().filter_map(|path| text(path).ok()).collect();
        let args = ["--format=%i %s %Y %F/%n", "--"].into_iter().chain(names);
        let args: Vec<&str> = args.collect();
        // It complains of those that are missing, and tells of the others.
        let told = self.call("/usr/bin/stat", &args, PATIENCE).map(|answer| answer.stdout);
        let told = told.unwrap_or_default();
        let found: BTreeMap<&str, FileStamp> = told.lines().filter_map(stamp).collect();
        paths.iter().map(|path| found.get(path.to_str()?).copied()).collect()
    }

    fn sha256(&self, path: &Path) -> HostResult<String> {
        let op = format!("hash {}", path.display());
        // A node's program, which it may have made a link to what is not its own.
        let answer = self.must_as_node(&op, &["/usr/bin/sha256sum", "--", text(path)?])?;
        let hash = answer.stdout.split_whitespace().next().map(str::to_owned);
        // A backslash in front says that the name was quoted.
        let hash = hash.map(|hash| hash.trim_start_matches('\\').to_owned());
        hash.filter(|hash| hash.len() == 64)
            .ok_or_else(|| HostError::with(op, FaultKind::Garbled, answer.stdout.clone()))
    }

    fn ask_version(&self, program: &Path) -> HostResult<String> {
        // Never as root: a node may write its own program.
        let args = ["-u", &self.user, "--", text(program)?, "--version"];
        let answer = self.call("/usr/sbin/runuser", &args, VERSION_PATIENCE)?;
        version_text(program, answer)
    }

    fn link(&self, from: &Path, to: &Path) -> HostResult<()> {
        let op = format!("link {} to {}", from.display(), to.display());
        let args = ["-PT", "--", text(from)?, text(to)?];
        match self.must(&op, "/usr/bin/ln", &args) {
            Ok(_) => Ok(()),
            Err(_) => self.copy_own(from, to, 0o755),
        }
    }

    fn signal(&self, pid: u32, signal: Signal) -> HostResult<()> {
        let op = format!("send {signal} to process {pid}");
        let name = format!("-{}", signal.as_str().trim_start_matches("SIG"));
        let answer = self.call("/usr/bin/kill", &[&name, "--", &pid.to_string()], PATIENCE)?;
        match answer.ok() || alive(pid).is_none() {
            true => Ok(()),
            false => Err(failed(&op, &answer)),
        }
    }
}

/// `inode size seconds kind/name`, of a file only.
fn stamp(line: &str) -> Option<(&str, FileStamp)> {
    let (head, rest) = line.split_once("regular file/")?;
    let mut numbers = head.split(' ');
    let mut next = || numbers.next();
    let (inode, size) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let changed_ms = next()?.parse::<i64>().ok()? * 1000;
    Some((rest, FileStamp { inode, size, changed_ms }))
}

/// Where a copy is made whole before it gets its name.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Tools take their operands as text, and so do unit files.
fn text(path: &Path) -> HostResult<&str> {
    let op = || format!("{} is not UTF-8", path.display());
    path.to_str().ok_or_else(|| HostError::new(op(), FaultKind::Refused))
}

/// The tools' words in the C locale are the system's own.
fn failed(op: &str, answer: &Completed) -> HostError {
    let says = |what: &str| answer.stderr.contains(what);
    let kind = match () {
        () if says("No such file or directory") => FaultKind::NotFound,
        () if says("No space left on device") || says("Disk quota exceeded") => FaultKind::Full,
        () if says("Read-only file system") => FaultKind::ReadOnly,
        () if says("Permission denied") || says("not permitted") => FaultKind::Permission,
        () => FaultKind::Failed,
    };
    let why = match answer.stderr.trim() {
        "" => format!("exit code {:?}", answer.code),
        why => why.to_owned(),
    };
    HostError::with(op, kind, why)
}
