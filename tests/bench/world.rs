//! A world to measure in: a home with a store and nodes, on ports that nobody uses. It is gone with
//! its value, and so are its processes.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wnm_core::model::NodeSpec;

use crate::args::Args;
use crate::measure::{self, Measured};
use crate::node::Manner;
use crate::{Done, median, seed};

/// Files in the data directory of a node: records have names of their own and little in them.
const RECORDS: u32 = 64;

pub(crate) struct World {
    dir: TempDir,
    wnm: PathBuf,
    bench: PathBuf,
    pub(crate) specs: Vec<NodeSpec>,
}

impl World {
    /// A home where `count` nodes are recorded.
    pub(crate) fn new(args: &Args, count: u32) -> Done<World> {
        let dir = tempfile::Builder::new().prefix("wnm-bench-").tempdir_in(&args.dir);
        let dir = dir.map_err(|error| format!("{}: {error}", args.dir.display()))?;
        let bench = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
        let mut world = World { dir, wnm: args.wnm.clone(), bench, specs: Vec::new() };
        let bin = world.path("bin");
        let made = fs::create_dir_all(&bin)
            .and_then(|()| fs::create_dir_all(world.path("home")))
            .and_then(|()| fs::copy(&world.bench, bin.join("antnode")));
        made.map_err(|error| format!("{}: {error}", bin.display()))?;
        world.init(count)?;
        if count > 0 {
            let store = world.store();
            world.specs = seed::seed(&store, count, &bin.join("antnode"))?;
        }
        for spec in &world.specs {
            fill(spec).map_err(|error| format!("{}: {error}", spec.data.display()))?;
        }
        Ok(world)
    }

    fn init(&self, count: u32) -> Done {
        let base = free_ports(count).ok_or("no free range of ports was found")?;
        let (cap, ports, metrics) =
            (count.max(1).to_string(), base.to_string(), (base + 1).to_string());
        let mut command = self.measure(&[]);
        command.args(["init", "--manager", "setsid+user", "--program", "antnode"]);
        command.args(["--rewards-address", "faucet", "--node-cap", &cap]);
        command.args(["--port-start", &ports, "--metrics-port-start", &metrics]);
        // Whatever else this machine does must not make a cycle act.
        command.args(["--cpu-less-than", "99.8", "--cpu-remove", "99.9"]);
        command.args(["--mem-less-than", "99.8", "--mem-remove", "99.9"]);
        command.args(["--hd-less-than", "99.8", "--hd-remove", "99.9"]);
        command.args(["--desired-load-average", "9999", "--max-load-average-allowed", "10000"]);
        measure::run(&mut command).map(drop)
    }

    /// `wnm ARGS…` in this home, to be measured.
    fn measure(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.bench);
        command.arg("measure").arg(&self.wnm).args(args);
        self.at_home(&mut command);
        command
    }

    fn at_home(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("WNM_SCOPE", "user");
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done<(String, Measured)> {
        measure::run(&mut self.measure(args))
    }

    /// The median of several runs, and what `strace` counts in one more.
    pub(crate) fn rounds(&self, args: &Args, words: &[&str]) -> Done<Measured> {
        let runs = (0..args.rounds).map(|_| self.run(words).map(|(_, measured)| measured));
        let middle = median(runs.collect::<Done<Vec<_>>>()?);
        let counted = measure::calls(&self.wnm, words, |command| self.at_home(command));
        let (calls, syncs) = counted.unwrap_or_default();
        Ok(Measured { calls, syncs, ..middle })
    }

    /// The floor under a cycle of this world: with as many threads as are best.
    pub(crate) fn floor(&self, args: &Args) -> Done<Measured> {
        let first = self.specs.first().and_then(|spec| spec.ports.metrics).unwrap_or(1);
        let (first, count) = (first.to_string(), self.specs.len().to_string());
        let file = self.path("floor").display().to_string();
        let with = |threads: &str| {
            let runs = (0..args.rounds).map(|_| {
                let mut command = Command::new(&self.bench);
                command.arg("measure").arg(&self.bench);
                command.args(["floor", &first, &count, &file, threads]);
                measure::run(&mut command).map(|(_, measured)| measured)
            });
            runs.collect::<Done<Vec<_>>>().map(median)
        };
        let tries = ["1", "2", "4"].into_iter().map(with).collect::<Done<Vec<_>>>()?;
        tries.into_iter().min_by_key(|tried| tried.wall_us).ok_or_else(|| "no floor".to_owned())
    }

    /// A cycle that finds everything well and does nothing; else what is measured is not what is
    /// said.
    pub(crate) fn expect_idle(&self) -> Done {
        let (said, _) = self.run(&["run"])?;
        let count = self.specs.len();
        let all = said.contains(&format!("{count} of {} nodes, {count} running", count.max(1)));
        let idle = said.starts_with("nothing to do");
        let shown = self.run(&["status", "--json"])?.0;
        // Every endpoint was read.
        let peers = shown.matches("\"peers\": 6").count();
        match all && idle && peers >= count {
            true => Ok(()),
            false => {
                Err(format!("not an idle cycle of {count} nodes, {peers} with peers:\n{said}"))
            }
        }
    }

    /// The last cycle found so many endpoints silent, and heard all others.
    pub(crate) fn expect_silent(&self, count: u32) -> Done {
        let shown = self.run(&["status", "--json"])?.0;
        let known = shown.matches("\"peers\": 6").count();
        match self.specs.len().checked_sub(known) == Some(count as usize) {
            true => Ok(()),
            false => Err(format!("{count} nodes hang, and {known} have peers")),
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("home/.local/share/autonomi/colony.db")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// What is on disk of a node.
fn fill(spec: &NodeSpec) -> std::io::Result<()> {
    let records = spec.data.join("record_store");
    fs::create_dir_all(&records)?;
    fs::create_dir_all(&spec.logs)?;
    (0..RECORDS).try_for_each(|number| fs::write(records.join(format!("{number:064x}")), "record"))
}

/// The first of two neighbouring port bases of which nobody uses any port: base x 1000 + id, below
/// the ports that connections get.
fn free_ports(count: u32) -> Option<u16> {
    // More nodes than this would reach into the ports of the next base.
    let last = u16::try_from(count).ok().filter(|count| *count <= 1000)?;
    let free = |port: u16| {
        UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
    };
    (20..31).find(|base| {
        let first = base * 1000 + 1;
        (first..=first + 999 + last).all(free)
    })
}

/// The processes of a world's nodes.
pub(crate) struct Nodes(Vec<Child>);

impl Nodes {
    pub(crate) fn start(world: &World, manner: impl Fn(u32) -> Manner) -> Done<Nodes> {
        let mut nodes = Nodes(Vec::new());
        for spec in &world.specs {
            let started = start(&world.bench, spec, manner(spec.id.number()));
            nodes.0.push(started.map_err(|error| format!("{}: {error}", spec.id))?);
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        for spec in &world.specs {
            await_port(spec, deadline)?;
        }
        Ok(nodes)
    }
}

fn start(bench: &Path, spec: &NodeSpec, manner: Manner) -> std::io::Result<Child> {
    let mut command = Command::new(bench);
    command
        .arg0(&spec.binary)
        .args(["node", "--root-dir"])
        .arg(&spec.data)
        .args(["--port", &spec.ports.node.to_string()])
        .args(["--metrics-server-port", &spec.ports.metrics.unwrap_or(0).to_string()])
        .stdin(Stdio::null());
    if manner == Manner::Hangs {
        command.arg("--hang");
    }
    command.spawn()
}

/// Waits until the node listens. One that hangs begins to hang with this.
fn await_port(spec: &NodeSpec, deadline: Instant) -> Done {
    let port = spec.ports.metrics.unwrap_or(0);
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    while !listens() {
        if Instant::now() > deadline {
            return Err(format!("{} does not listen at port {port}", spec.id));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}
