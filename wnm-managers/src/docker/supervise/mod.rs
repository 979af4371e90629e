//! The first process of a shared container: starts and stops nodes as their orders say, starts
//! again what ended by itself, buries whatever dies in the container, and ends with all nodes ended.
//!
//! What to do is decided by [`decide`], a function of what is known; this file looks and does.
#![expect(clippy::disallowed_methods, reason = "the shell module that keeps nodes in a container")]

mod decide;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use wnm_core::host::HostError;
use wnm_core::model::NodeId;

use super::orders::{self, Order};
use decide::{Do, Nodes};

/// How late an order or a death is noticed.
const TICK: Duration = Duration::from_millis(200);
/// Two changes within this time may carry the same time of modification.
const GRAIN: Duration = Duration::from_secs(1);

/// Keeps nodes by the orders in `directory` until `is_over` says that all shall end, and they have.
pub fn supervise(directory: &Path, is_over: &dyn Fn() -> bool) {
    // `ant-node` leaves the permissions of its key to whoever starts it.
    umask(Mode::from_bits_truncate(0o077));
    let begun = Instant::now();
    let mut nodes = Nodes::default();
    let mut seen = None;
    loop {
        let changed = modified(directory);
        if changed != seen || changed.is_none_or(is_fresh) {
            // What cannot be looked at says nothing, and what runs then runs on.
            if let Some(said) = changed.and_then(|_| read(directory)) {
                nodes.hear(said);
            }
            if changed.is_none() && (seen.is_some() || begun.elapsed() < TICK) {
                tracing::error!("{} cannot be looked at", directory.display());
            }
            seen = changed;
        }
        for pid in buried() {
            nodes.has_ended(pid, begun.elapsed());
        }
        let over = is_over();
        for order in nodes.decide(begun.elapsed(), over) {
            match order {
                Do::Start(id, order) => match start(&order) {
                    Ok(pid) => nodes.has_started(id, pid, begun.elapsed()),
                    Err(error) => {
                        tracing::error!("{id} was not started: {error}");
                        nodes.has_failed(id, begun.elapsed());
                    }
                },
                Do::Signal(pid, signal) => send(pid, signal),
            }
        }
        if over && nodes.is_at_rest() {
            return;
        }
        thread::sleep(TICK);
    }
}

fn modified(directory: &Path) -> Option<SystemTime> {
    fs::metadata(directory).and_then(|found| found.modified()).ok()
}

fn is_fresh(changed: SystemTime) -> bool {
    changed.elapsed().map_or(true, |age| age < GRAIN)
}

/// Every order that can be read. A file that makes no sense is told of, and changes nothing.
fn read(directory: &Path) -> Option<BTreeMap<NodeId, Option<Order>>> {
    let complain = |error: HostError| tracing::error!("{}", error.chain());
    let ids = orders::ids(directory).map_err(complain).ok()?;
    let mut heard = BTreeMap::new();
    for id in ids {
        match orders::read(directory, id) {
            Ok(Some(order)) => drop(heard.insert(id, Some(order))),
            Ok(None) => {}
            Err(error) => {
                complain(error);
                heard.insert(id, None);
            }
        }
    }
    Some(heard)
}

fn start(order: &Order) -> std::io::Result<i32> {
    let child = Command::new(&order.program)
        .args(&order.args)
        .envs(order.env.iter().map(|(key, value)| (key, value)))
        .current_dir(&order.directory)
        .stdin(Stdio::null())
        .spawn()?;
    i32::try_from(child.id()).map_err(std::io::Error::other)
}

/// The dead since the last look, ours and what they left behind.
fn buried() -> Vec<i32> {
    let mut dead = Vec::new();
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => {
                dead.push(pid.as_raw())
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return dead,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::error!("the dead cannot be counted: {error}");
                return dead;
            }
        }
    }
}

fn send(pid: i32, signal: Signal) {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::error!("{signal} was not sent to process {pid}: {error}"),
    }
}
