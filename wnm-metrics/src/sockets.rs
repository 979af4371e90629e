//! Which sockets are bound to a port, and which belong to a process. The inode of a socket links
//! the two: the tables of `proc/net` list it, and the descriptors of a process point to it.
#![expect(clippy::disallowed_methods, reason = "shell module: walks the descriptors of a process")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ::procfs::net::{TcpNetEntries, TcpState, UdpNetEntries};
use ::procfs::{FromReadSI, current_system_info};
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

use crate::{diag, error, files};

/// A line has 150 bytes: half a million sockets.
const TABLE_LIMIT: u64 = 64 << 20;

/// Where `proc` is mounted, except in tests.
pub(crate) const PROC: &str = "/proc";

/// The inode number of a socket.
pub(crate) type Inode = u64;

/// Bound sockets of one transport, both address families, in our network namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketTable(BTreeMap<u16, Vec<(IpAddr, Inode)>>);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Every bound UDP socket.
    Udp,
    /// Every listening TCP socket. The local port of a connection is not taken: others may bind it.
    TcpListeners,
}

impl SocketTable {
    /// Of the kernel whose `proc` is mounted at `root`.
    pub(crate) fn of(root: &Path, transport: Transport) -> HostResult<SocketTable> {
        if root == Path::new(PROC) {
            match diag::bound(transport) {
                Ok(sockets) => return Ok(SocketTable::from_all(sockets)),
                Err(error) => tracing::debug!("{transport:?} is read from proc: {error}"),
            }
        }
        in_files(root, transport).map(SocketTable::from_all)
    }

    fn from_all(sockets: Vec<(SocketAddr, Inode)>) -> SocketTable {
        let mut table = SocketTable::default();
        for (address, inode) in sockets.into_iter().filter(|(address, _)| address.port() != 0) {
            table.0.entry(address.port()).or_default().push((address.ip(), inode));
        }
        table
    }

    /// The ports that are bound.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.0.keys().copied()
    }

    /// The sockets that are bound to `port`, at whichever address.
    pub(crate) fn at(&self, port: u16) -> impl Iterator<Item = Inode> {
        self.0.get(&port).into_iter().flatten().map(|(_, inode)| *inode)
    }

    /// The sockets that take what is sent to `port` of 127.0.0.1.
    pub(crate) fn on_loopback(&self, port: u16) -> impl Iterator<Item = Inode> {
        let bound = self.0.get(&port).into_iter().flatten();
        bound.filter(|(address, _)| takes_loopback(*address)).map(|(_, inode)| *inode)
    }
}

/// The same by the tables below `root`.
pub(crate) fn in_files(root: &Path, transport: Transport) -> HostResult<Vec<(SocketAddr, Inode)>> {
    let mut sockets = Vec::new();
    match transport {
        Transport::Udp => {
            for UdpNetEntries(entries) in both(root, ["udp", "udp6"], |_| true)? {
                sockets.extend(entries.into_iter().map(|it| (it.local_address, it.inode)));
            }
        }
        // The kernel lists those that listen first, and behind them every connection, even if it is
        // long over: with many nodes those are many more.
        Transport::TcpListeners => {
            for TcpNetEntries(entries) in both(root, ["tcp", "tcp6"], is_no_connection)? {
                let listening = entries.into_iter().filter(|it| it.state == TcpState::Listen);
                sockets.extend(listening.map(|it| (it.local_address, it.inode)));
            }
        }
    }
    Ok(sockets)
}

/// An IPv6 socket bound to no address takes IPv4 as well, unless it was told not to; the table does
/// not show that.
fn takes_loopback(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address.is_unspecified()
}

/// The table of IPv4, which must be there, and that of IPv6, which is not where IPv6 is off.
fn both<T: FromReadSI>(
    root: &Path,
    [v4, v6]: [&str; 2],
    more: fn(&[u8]) -> bool,
) -> HostResult<Vec<T>> {
    let mut tables = vec![table(&root.join("net").join(v4), more)?];
    match table(&root.join("net").join(v6), more) {
        Ok(entries) => tables.push(entries),
        Err(error) if error.kind == FaultKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(tables)
}

/// The headline, or a socket that listens, which is state 0A.
fn is_no_connection(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    words.nth(3).is_none_or(|state| state == b"0A" || state == b"st")
}

fn table<T: FromReadSI>(path: &Path, more: fn(&[u8]) -> bool) -> HostResult<T> {
    let bytes = files::read_while(path, TABLE_LIMIT, more)
        .map_err(|error| HostError::io(format!("read {}", path.display()), error))?;
    T::from_read(bytes.as_slice(), current_system_info()).map_err(|e| error::garbled(path, e))
}

/// Which of the `wanted` sockets a process has open. Needs the same user, or the right to trace it: root in a
/// container may list the descriptors of others there, and not see what they are.
///
/// Nodes have hundreds of descriptors, and each costs a call: the walk ends when all are found. If none is
/// wanted it goes to the end, for that the descriptors can be seen is an answer too.
pub(crate) fn of_process(
    directory: &Path,
    wanted: &BTreeSet<Inode>,
) -> io::Result<BTreeSet<Inode>> {
    let mut sockets = BTreeSet::new();
    for entry in fs::read_dir(directory.join("fd"))? {
        match fs::read_link(entry?.path()) {
            Ok(target) => {
                sockets.extend(socket_inode(&target).filter(|inode| wanted.contains(inode)));
            }
            // A descriptor may be closed while we walk.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if !wanted.is_empty() && sockets.len() == wanted.len() {
            break;
        }
    }
    Ok(sockets)
}

/// The network namespace of a process: `net:[4026531840]`. `None` when that cannot be seen.
pub(crate) fn namespace(directory: &Path) -> Option<PathBuf> {
    fs::read_link(directory.join("ns").join("net")).ok()
}

/// `socket:[4711]` is the socket with inode 4711.
fn socket_inode(target: &Path) -> Option<Inode> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
