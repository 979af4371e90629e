//! The stand-in node program, installed and started like a real one.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wnm_core::fakes::build;
use wnm_core::model::NodeSpec;
use wnm_core::policy::NodeDefaults;

use super::wait_until;

/// The program file, installed under the name of one of the real programs.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// Where it was put.
    pub(crate) path: PathBuf,
}

impl StandIn {
    /// Puts it at `dir/name`; `ant-node` and `antnode` are the names that mean something.
    pub(crate) fn install(dir: &Path, name: &str) -> StandIn {
        let path = dir.join(name);
        fs::copy(env!("CARGO_BIN_EXE_stand-in-node"), &path).expect("the stand-in can be copied");
        StandIn { path }
    }

    /// The same, as a program of another version: one that keeps its version when it is copied.
    pub(crate) fn install_version(dir: &Path, name: &str, version: &str) -> StandIn {
        let stand_in = StandIn::install(dir, name);
        OpenOptions::new()
            .append(true)
            .open(&stand_in.path)
            .and_then(|mut file| writeln!(file, "\nwnm-stand-in-version={version}"))
            .expect("a trailer can be added");
        stand_in
    }

    /// The same, as a release that does something wrong wherever it is copied to.
    pub(crate) fn install_bad(dir: &Path, name: &str, version: &str, does: &str) -> StandIn {
        let stand_in = StandIn::install_version(dir, name, version);
        OpenOptions::new()
            .append(true)
            .open(&stand_in.path)
            .and_then(|mut file| writeln!(file, "wnm-stand-in-does={does}"))
            .expect("a trailer can be added");
        stand_in
    }

    /// Starts it with nothing in its environment.
    pub(crate) fn spawn(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Running {
        let mut command = Command::new(&self.path);
        command.args(args).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: spawn_copied(&mut command) }
    }

    /// Runs it to its end, with little output: more than a pipe holds would wait for ever.
    pub(crate) fn output(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.spawn(args).output()
    }
}

/// A node that was started. It does not outlive the test, even one that fails.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// As in its pid file.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.id().try_into().expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("our own child, not yet waited for");
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// How it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(Duration::from_secs(10), "the node ends", || {
            status = self.ended();
            status.is_some()
        });
        status.expect("just seen")
    }

    fn output(mut self) -> Output {
        let status = self.wait();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let pipes = (self.child.stdout.take(), self.child.stderr.take());
        let (mut out, mut err) = pipes.0.zip(pipes.1).expect("both are piped");
        out.read_to_end(&mut stdout).expect("readable");
        err.read_to_end(&mut stderr).expect("readable");
        Output { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A program that was just written may be open in a child that another test is about to start.
fn spawn_copied(command: &mut Command) -> Child {
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(5));
            }
            result => return result.expect("the stand-in can be started"),
        }
    }
}

/// A node as these settings have it, on ports that nobody uses.
pub(crate) fn node_of(nodes: &NodeDefaults, number: u32) -> NodeSpec {
    let (id, wallet) = (build::id(number), nodes.wallets.shares()[0].address);
    let mut spec = nodes.spec(id, wallet, &nodes.storage[0]).expect("it has ports");
    spec.ports.node = free_port();
    spec.ports.metrics = Some(free_port());
    spec.ports.rpc = Some(free_port());
    spec
}

/// A port that nobody has at this moment, for UDP and for TCP, and that this process hands out once.
///
/// Below the range from which the kernel serves whoever asks for any port, so that nobody takes it
/// between here and its use.
pub(crate) fn free_port() -> u16 {
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    // Test processes run beside each other: they start at different places.
    let start = process::id().wrapping_mul(97);
    loop {
        let step = HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (start.wrapping_add(step) % 22_000) as u16;
        let address = ("127.0.0.1", port);
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return port;
        }
    }
}
