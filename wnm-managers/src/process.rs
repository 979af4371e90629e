//! Which processes use a node's data directory. Both programs are started with
//! `--root-dir DIRECTORY`, which names the node beyond doubt, whoever started it, however often the
//! program replaced its own file.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads /proc and ends nodes")]

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeSpec, Program};
use wnm_core::observe::{FaultKind, ProcessKey};

use crate::hands::Hands;
use crate::mounts::{self, Mounts};

/// Longer ones are rare.
const COMMAND_LINE: usize = 4 << 10;
/// What the kernel lets a command line have.
const MOST_COMMAND: u64 = 2 << 20;

/// The living node processes of this machine by their data directory, for every directory below
/// one of `roots`. Processes that we may not look at are not among them.
pub fn processes_below(roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<ProcessKey>>> {
    let mut found: BTreeMap<PathBuf, Vec<ProcessKey>> = BTreeMap::new();
    for (data, pids) in pids_below(roots)? {
        let keys: Vec<ProcessKey> = pids.into_iter().filter_map(alive).collect();
        if !keys.is_empty() {
            found.insert(data, keys);
        }
    }
    Ok(found)
}

/// The same by their numbers alone. What has died and was not collected yet has no command line.
pub(crate) fn pids_below(roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<u32>>> {
    let mut found: BTreeMap<PathBuf, Vec<u32>> = BTreeMap::new();
    let entries =
        fs::read_dir("/proc").map_err(|error| HostError::io("list the processes", error))?;
    let mut command = Vec::with_capacity(COMMAND_LINE);
    let places = Places::default();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process that ends while we look is simply not there.
        if read_command(pid, &mut command).is_err() {
            continue;
        }
        let Some(data) = data_directory(&command) else {
            continue;
        };
        let is_below = |data: &Path| roots.iter().any(|root| data.starts_with(root));
        // All that we started has its data where it says; only for others it is worth a look.
        let is_known = is_below(&data) && !roots.iter().any(|root| root == Path::new("/"));
        let meant = if is_known { Vec::new() } else { places.of(pid, &data) };
        for data in if meant.is_empty() { vec![data] } else { meant } {
            if is_below(&data) {
                found.entry(data).or_default().push(pid);
            }
        }
    }
    Ok(found)
}

/// Where the paths of processes lie for us: in a container they may have other names.
#[derive(Default)]
struct Places {
    view: OnceCell<Option<[PathBuf; 2]>>,
    mounts: OnceCell<Mounts>,
}

impl Places {
    /// Nothing where a path means what it says.
    fn of(&self, pid: u32, path: &Path) -> Vec<PathBuf> {
        let view = self.view.get_or_init(|| mounts::view_of(std::process::id()));
        if view.is_some() && *view == mounts::view_of(pid) {
            return Vec::new();
        }
        self.mounts.get_or_init(Mounts::own).place_of(path, &Mounts::of(pid))
    }
}

/// Into room that is used again; the file system does not say how much there is.
fn read_command(pid: u32, command: &mut Vec<u8>) -> std::io::Result<usize> {
    command.clear();
    let file = fs::File::open(format!("/proc/{pid}/cmdline"))?;
    file.take(MOST_COMMAND).read_to_end(command)
}

/// Processes of this name, root's or our own.
pub(crate) fn called(name: &str, of_root: bool) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let owner = if of_root { 0 } else { nix::unistd::geteuid().as_raw() };
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let is_theirs = entry.metadata().ok()?.uid() == owner;
        let found = fs::read_to_string(entry.path().join("comm")).ok()?;
        (is_theirs && found.trim_end() == name).then_some(pid)
    });
    pids.filter(|pid| alive(*pid).is_some()).collect()
}

/// The living processes of one node.
pub fn processes_of(spec: &NodeSpec) -> HostResult<Vec<ProcessKey>> {
    let mut found = processes_below(std::slice::from_ref(&spec.storage))?;
    Ok(found.remove(&spec.data).unwrap_or_default())
}

/// A process that is about to become a node with this data, through a chain of tools that each become
/// the next: it has the node's whole command line, behind its own.
pub(crate) fn becoming(spec: &NodeSpec) -> HostResult<Option<u32>> {
    let entries =
        fs::read_dir("/proc").map_err(|error| HostError::io("list the processes", error))?;
    let pids = entries.flatten().filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let mut command = Vec::with_capacity(COMMAND_LINE);
    let mut is_it = |pid: &u32| {
        read_command(*pid, &mut command).is_ok() && leads_to(&command, &spec.binary, &spec.data)
    };
    Ok(pids.into_iter().find(|pid| is_it(pid)))
}

/// True when the words of `command` have `binary` anywhere but at their beginning, followed by its
/// `--root-dir`.
fn leads_to(command: &[u8], binary: &Path, data: &Path) -> bool {
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let (binary, data) = (binary.as_os_str().as_bytes(), data.as_os_str().as_bytes());
    let behind = words.iter().skip(1).position(|word| *word == binary);
    behind.is_some_and(|at| words[at + 1..].windows(2).any(|two| two == [b"--root-dir", data]))
}

/// The directory that a node's command line names; `None` for anything that is no node.
fn data_directory(command: &[u8]) -> Option<PathBuf> {
    let mut words = command.split(|byte| *byte == 0);
    let program = Path::new(std::str::from_utf8(words.next()?).ok()?).file_name()?;
    let is_node = Program::ALL.iter().any(|known| program == known.binary_name());
    let data = loop {
        let word = words.next()?;
        if word == b"--root-dir" {
            break words.next()?;
        }
        if let Some(joined) = word.strip_prefix(b"--root-dir=") {
            break joined;
        }
    };
    let data = std::str::from_utf8(data).ok()?;
    is_node.then(|| PathBuf::from(data))
}

/// The process behind a pid, unless it is only what is left of one.
pub(crate) fn alive(pid: u32) -> Option<ProcessKey> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (state, start_ticks) = parse_stat(&stat)?;
    (!matches!(state, 'Z' | 'X' | 'x')).then_some(ProcessKey { pid, start_ticks })
}

/// State and start time, fields 3 and 22. The name in field 2 may hold anything, so the fields are
/// counted from its last parenthesis.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// Ends processes: asks, waits, and only then insists. Each is checked by its start time before
/// every signal, so that no stranger who got its number is hit.
pub(crate) fn end(hands: &dyn Hands, keys: &[ProcessKey], patience: Duration) -> HostResult<()> {
    signal(hands, keys, Signal::SIGTERM)?;
    if wait_for_end(keys, patience) {
        return Ok(());
    }
    signal(hands, keys, Signal::SIGKILL)?;
    if wait_for_end(keys, Duration::from_secs(10)) {
        return Ok(());
    }
    let pids: Vec<String> = keys.iter().map(|key| key.pid.to_string()).collect();
    let op = format!("process {} does not end, not even by SIGKILL", pids.join(", "));
    Err(HostError::new(op, FaultKind::Timeout))
}

fn signal(hands: &dyn Hands, keys: &[ProcessKey], signal: Signal) -> HostResult<()> {
    keys.iter()
        .filter(|key| alive(key.pid) == Some(**key))
        .try_for_each(|key| hands.signal(key.pid, signal))
}

fn wait_for_end(keys: &[ProcessKey], patience: Duration) -> bool {
    wait_until(patience, || keys.iter().all(|key| alive(key.pid) != Some(*key)))
}

/// As whom a process runs.
pub(crate) fn owner(pid: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(format!("/proc/{pid}")).ok().map(|found| found.uid())
}

/// The process that started `pid`, as far as it still lives.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The number that a process has for itself: another one than ours in a container.
pub(crate) fn number_inside(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    innermost(&status)
}

/// The last of the numbers of one process, which are told from the outside to the inside.
fn innermost(status: &str) -> Option<u32> {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    numbers.split_ascii_whitespace().next_back()?.parse().ok()
}

pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

/// Asks again and again, with growing pauses; false when the time is over.
pub(crate) fn wait_until(patience: Duration, is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(2);
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_node_has_its_words_behind_its_own() {
        let leads = |line: &str| {
            let command = line.replace(' ', "\0");
            leads_to(command.as_bytes(), Path::new("/d/1/ant-node"), Path::new("/d/1"))
        };
        assert!(leads("/usr/bin/setpriv -- env HOME=/d/1 /d/1/ant-node --root-dir /d/1 --port 5"));
        assert!(leads("env /d/1/ant-node --port 5 --root-dir /d/1"));
        assert!(!leads("/d/1/ant-node --root-dir /d/1"), "that is the node itself");
        assert!(!leads("env /d/1/ant-node --root-dir /d/12"));
        assert!(!leads("env /d/2/ant-node --root-dir /d/1"));
        assert!(!leads("env --root-dir /d/1 /d/1/ant-node --version"));
        assert!(!leads(""));
    }

    #[test]
    fn a_node_is_known_by_its_root_dir() {
        let of = |line: &str| data_directory(line.replace(' ', "\0").as_bytes());
        assert_eq!(of("/d/ant-node --port 5 --root-dir /d/1"), Some("/d/1".into()));
        assert_eq!(of("antnode --root-dir /d/1 evm-arbitrum-one"), Some("/d/1".into()));
        assert_eq!(of("ant-node --port=5 --root-dir=/d/1"), Some("/d/1".into()));
        assert_eq!(of("ant-node --root-directory /d/1"), None);
        assert_eq!(of("vim --root-dir /d/1"), None);
        assert_eq!(of("/d/ant-node --version"), None);
        assert_eq!(of("/d/ant-node --root-dir"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_name_cannot_disguise_the_state() {
        let stat = "7 (a) Z 1 (b) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
        assert_eq!(parse_stat("7 (x) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_process_in_a_container_has_a_number_of_its_own() {
        assert_eq!(innermost("Name:\ta\nNSpid:\t4711\t12\nNSpgid:\t1\n"), Some(12));
        assert_eq!(innermost("NSpid:\t4711\n"), Some(4711));
        assert_eq!(innermost("Name:\ta\n"), None);
        assert_eq!(number_inside(std::process::id()), Some(std::process::id()));
    }

    #[test]
    fn this_process_lives_and_no_process_has_the_highest_number() {
        assert!(alive(std::process::id()).is_some());
        assert_eq!(alive(u32::MAX), None);
    }
}
