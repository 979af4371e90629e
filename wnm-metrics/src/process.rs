//! A node's process, by its directory in `proc`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use ::procfs::process::Stat;
use ::procfs::{FromRead, page_size, ticks_per_second};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::Bytes;
use wnm_core::observe::{FaultKind, ProcessKey, ProcessReading, ProcessState};

use crate::sockets::{self, Inode, SocketTable, Transport};
use crate::{clock, error, files};

/// One line of some fifty numbers.
const STAT_LIMIT: u64 = 64 << 10;

/// Processes, with everything that needs to be read only once for all of them.
#[derive(Debug)]
pub(crate) struct Processes<'a> {
    /// Where `proc` is mounted.
    pub(crate) root: &'a Path,
    /// Milliseconds since boot.
    pub(crate) uptime_ms: Option<u64>,
    /// Our own network namespace: the tables below are those of it.
    pub(crate) namespace: Option<PathBuf>,
    /// Bound UDP ports.
    pub(crate) udp: Option<SocketTable>,
    /// Listening TCP ports.
    pub(crate) tcp: Option<SocketTable>,
}

/// What can be told of a process and of its sockets.
#[derive(Debug)]
pub(crate) struct Seen {
    /// For the engine.
    pub(crate) reading: ProcessReading,
    /// Whether its network is ours.
    pub(crate) network: Network,
}

/// How a process is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// As we are, with these of the sockets that were looked for.
    Ours(BTreeSet<Inode>),
    /// In another namespace: its ports are not those that we see, nor is its loopback.
    Foreign,
    /// That cannot be seen, for want of permission most likely.
    Hidden,
}

/// Who serves a TCP port of the loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The process in question, or nobody as yet, or that cannot be seen.
    Possible,
    /// A different process, without doubt.
    Another,
}

impl<'a> Processes<'a> {
    /// Reads what is common to all.
    pub(crate) fn below(root: &'a Path) -> Processes<'a> {
        let known = |table: HostResult<SocketTable>| {
            table.inspect_err(|error| tracing::debug!("no socket table: {}", error.chain())).ok()
        };
        Processes {
            root,
            uptime_ms: clock::uptime_ms().ok(),
            namespace: sockets::namespace(&root.join("self")),
            udp: known(SocketTable::of(root, Transport::Udp)),
            tcp: known(SocketTable::of(root, Transport::TcpListeners)),
        }
    }

    /// Looks at process `pid`, which should have bound UDP port `port` and should listen at TCP port
    /// `endpoint`, if that is one. That there is no process is a reading; that it cannot be seen whether there
    /// is one is an error.
    pub(crate) fn look(&self, pid: u32, port: u16, endpoint: Option<u16>) -> HostResult<Seen> {
        let Some(stat) = self.stat(pid)? else {
            return Ok(Seen { reading: gone(), network: Network::Hidden });
        };
        let network = self.network(pid, &self.wanted(port, endpoint));
        let reading = ProcessReading {
            state: ProcessState::Alive,
            key: Some(ProcessKey { pid, start_ticks: stat.starttime }),
            age_ms: self.uptime_ms.map(|now| now.saturating_sub(ticks_to_ms(stat.starttime))),
            memory: Some(Bytes(stat.rss.saturating_mul(page_size()))),
            cpu_ms: Some(ticks_to_ms(stat.utime.saturating_add(stat.stime))),
            port_bound: match (&network, &self.udp) {
                (Network::Ours(sockets), Some(udp)) => {
                    Some(udp.at(port).any(|it| sockets.contains(&it)))
                }
                _ => None,
            },
        };
        Ok(Seen { reading, network })
    }

    /// Whether the process may be the one that answers at `port` of 127.0.0.1, at which it was looked for.
    pub(crate) fn server(&self, network: &Network, port: u16) -> Server {
        let (Network::Ours(sockets), Some(tcp)) = (network, &self.tcp) else {
            return Server::Possible;
        };
        let mut listeners = tcp.on_loopback(port).peekable();
        let nobody = listeners.peek().is_none();
        match nobody || listeners.any(|inode| sockets.contains(&inode)) {
            true => Server::Possible,
            false => Server::Another,
        }
    }

    /// The process, unless there is none or only what its parent has yet to collect.
    fn stat(&self, pid: u32) -> HostResult<Option<Stat>> {
        let path = self.directory(pid).join("stat");
        let stat = match files::read(&path, STAT_LIMIT) {
            Ok(bytes) => Stat::from_read(bytes.as_slice()).map_err(|e| error::garbled(&path, e))?,
            Err(error) if no_process(&error) => return confirm_gone(pid).map(|()| None),
            Err(error) => {
                return Err(HostError::io(format!("read {}", path.display()), error));
            }
        };
        Ok(Some(stat).filter(|stat| !matches!(stat.state, 'Z' | 'X' | 'x')))
    }

    /// The sockets that tell whether a process has those ports.
    fn wanted(&self, port: u16, endpoint: Option<u16>) -> BTreeSet<Inode> {
        let own = self.udp.iter().flat_map(|udp| udp.at(port));
        let endpoint = self.tcp.iter().zip(endpoint).flat_map(|(tcp, port)| tcp.on_loopback(port));
        own.chain(endpoint).collect()
    }

    fn network(&self, pid: u32, wanted: &BTreeSet<Inode>) -> Network {
        let directory = self.directory(pid);
        match (&self.namespace, sockets::namespace(&directory)) {
            (Some(ours), Some(its)) if *ours != its => return Network::Foreign,
            _ => {}
        }
        match sockets::of_process(&directory, wanted) {
            Ok(sockets) => Network::Ours(sockets),
            Err(error) => {
                tracing::debug!("cannot see the descriptors of process {pid}: {error}");
                Network::Hidden
            }
        }
    }

    fn directory(&self, pid: u32) -> PathBuf {
        self.root.join(pid.to_string())
    }
}

fn gone() -> ProcessReading {
    ProcessReading {
        state: ProcessState::Gone,
        key: None,
        age_ms: None,
        memory: None,
        cpu_ms: None,
        port_bound: None,
    }
}

/// No directory, or a process that ended between opening and reading its file.
fn no_process(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

/// A missing directory proves nothing: `hidepid` hides the processes of others, and `proc` may not
/// be mounted at all. To take a living node for a stopped one would start it twice, so the kernel
/// is asked with the null signal, which is delivered to nobody.
fn confirm_gone(pid: u32) -> HostResult<()> {
    let op = || format!("see process {pid}");
    // 0 and negative numbers would ask for whole groups.
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0) else {
        return Ok(());
    };
    match kill(Pid::from_raw(pid), None) {
        Err(Errno::ESRCH) => Ok(()),
        Ok(()) | Err(Errno::EPERM) => {
            Err(HostError::with(op(), FaultKind::Permission, "it lives, but proc does not show it"))
        }
        Err(errno) => Err(HostError::io(op(), errno.into())),
    }
}

/// Wide, because a machine that is up for long has more ticks than fit times 1000.
fn ticks_to_ms(ticks: u64) -> u64 {
    let ms = u128::from(ticks) * 1000 / u128::from(ticks_per_second().max(1));
    u64::try_from(ms).unwrap_or(u64::MAX)
}
