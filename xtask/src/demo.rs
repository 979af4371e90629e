//! The main job of wnm, shown in a private directory: init, cycles, nodes that really run, one
//! killed and brought back, status and history, everything taken down.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Done;
use crate::shell::{cargo, run as shell};

/// How many nodes the demonstration keeps.
const NODES: usize = 3;
/// The first cycles only look: CPU use is known from two samples ten seconds apart.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the demonstration.
pub(crate) fn run() -> Done {
    shell(&mut cargo(&["build", "--quiet", "-p", "wnm-cli", "-p", "wnm-tests", "--bins"]))?;
    let demo = Demo::new()?;
    // An earlier demonstration that was interrupted may have left its nodes running.
    if demo.is_initialised() {
        say("an earlier demonstration was interrupted: taking it down first");
        demo.wnm(&["teardown", "--confirm", "--no-archive"])?;
    }
    let shown = demo.show();
    if shown.is_err() && demo.is_initialised() {
        say("it failed: taking everything down");
        demo.wnm(&["teardown", "--confirm", "--no-archive"])?;
    }
    shown
}

struct Demo {
    /// Everything happens below it.
    dir: PathBuf,
    wnm: PathBuf,
    program: PathBuf,
    /// Arguments that keep a real node on this machine.
    closed_network: Vec<String>,
    port_start: u16,
}

impl Demo {
    fn new() -> Result<Demo, String> {
        let target = PathBuf::from(crate::test::metadata()?.target_directory);
        let (built, dir) = (target.join("debug"), target.join("demo"));
        fs::create_dir_all(dir.join("home")).map_err(|error| error.to_string())?;
        let (program, closed_network) = match on_path("ant-node") {
            Some(real) => (real, closed_network()),
            None => (stand_in(&built, &dir)?, Vec::new()),
        };
        let port_start = free_ports().ok_or("no free range of UDP ports was found")?;
        Ok(Demo { wnm: built.join("wnm"), dir, program, closed_network, port_start })
    }

    fn show(&self) -> Done {
        say(&format!("everything happens in {}", self.dir.display()));
        let version = output(Command::new(&self.program).arg("--version"))?;
        say(&format!("nodes run {} ({})", self.program.display(), version.trim()));

        say("init: which wallet earns, and how many nodes at most");
        self.init()?;
        say("the first cycle only looks; it says what it waits for");
        self.wnm(&["run"])?;
        say(&format!("one cycle after the other, until {NODES} nodes run"));
        self.cycle_until_all_run()?;
        self.wnm(&["status"])?;
        say("everything runs, so another cycle changes nothing");
        self.wnm(&["run"])?;

        let pid = self.pid_of_second_node()?;
        say(&format!("kill -9 {pid}, which is antnode0002; the next cycle brings it back"));
        output(Command::new("kill").args(["-9", &pid]))?;
        self.cycle_until_all_run()?;
        self.wnm(&["status"])?;

        say("fewer nodes wanted: the surplus goes, its keys stay in the archive");
        self.wnm(&["config", "set", "node_cap", "2"])?;
        self.wnm(&["run"])?;
        self.wnm(&["run"])?;
        say("what was done, and why");
        self.wnm(&["history"])?;

        say("and everything is taken down");
        self.wnm(&["teardown", "--confirm"])?;
        say(&format!("the keys are in {}", self.base().join("identities").display()));
        Ok(())
    }

    fn init(&self) -> Done {
        let (program, port) = (self.program.display().to_string(), self.port_start.to_string());
        let nodes = NODES.to_string();
        let mut args = vec!["init", "--manager", "setsid+user", "--rewards-address", "faucet"];
        args.extend(["--node-cap", &nodes, "--node-binary", &program, "--port-start", &port]);
        // Shipped settings take their time; a demonstration does not have it.
        for wait in ["--delay-start", "--delay-remove", "--grow-window", "--settle-time"] {
            args.extend([wait, "0"]);
        }
        args.extend([
            "--quiet-time",
            "0",
            "--learn-time",
            "0",
            "--restart-backoff",
            "0",
            "--disk-prior",
            "50MB",
        ]);
        // It was built a moment ago: the machine may still be busy, and its disk rather full.
        args.extend(["--cpu-less-than", "98", "--cpu-remove", "99"]);
        args.extend(["--hd-less-than", "98", "--hd-remove", "99"]);
        args.extend(["--desired-load-average", "999", "--max-load-average-allowed", "1000"]);
        args.extend(self.closed_network.iter().map(String::as_str));
        self.wnm(&args)
    }

    fn cycle_until_all_run(&self) -> Done {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.wnm(&["run"])?;
            if self.states()? == vec!["running"; NODES] {
                return Ok(());
            }
            thread::sleep(Duration::from_secs(2));
        }
        Err(format!("{NODES} nodes did not run within {} s", PATIENCE.as_secs()))
    }

    fn states(&self) -> Result<Vec<String>, String> {
        let status = self.status()?;
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        Ok(nodes.iter().filter_map(|node| node["state"].as_str().map(str::to_owned)).collect())
    }

    fn pid_of_second_node(&self) -> Result<String, String> {
        let pid = &self.status()?["nodes"][1]["seen"]["process"]["pid"];
        pid.as_u64().map(|pid| pid.to_string()).ok_or_else(|| "antnode0002 has no process".into())
    }

    fn status(&self) -> Result<serde_json::Value, String> {
        let text = output(self.command(&["status", "--json"]).stderr(Stdio::inherit()))?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Runs wnm and shows what it prints.
    fn wnm(&self, args: &[&str]) -> Done {
        println!("$ wnm {}", args.join(" "));
        let status = self.command(args).status().map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("wnm {} ended with {status}", args.join(" "))),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.wnm);
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.join("home"))
            .env("PATH", env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")))
            .env("WNM_SCOPE", "user")
            .stdin(Stdio::null());
        command
    }

    fn base(&self) -> PathBuf {
        self.dir.join("home/.local/share/autonomi")
    }

    fn is_initialised(&self) -> bool {
        self.base().join("colony.db").is_file()
    }
}

/// The real program in development mode: it binds loopback only and pays nobody.
fn closed_network() -> Vec<String> {
    let chain = "evm-custom,http://127.0.0.1:61611,0x5FbDB2315678afecb367f032d93F642f64180aa3,\
                 0x8464135c8F25Da09e49BC8782676a84730C318bC";
    let args = "--network-mode development --ipv4-only";
    ["--network", chain, "--start-args", args].map(str::to_owned).to_vec()
}

/// The stand-in under the name that makes it one of the current generation.
fn stand_in(built: &Path, dir: &Path) -> Result<PathBuf, String> {
    let program = dir.join("ant-node");
    fs::copy(built.join("stand-in-node"), &program)
        .map_err(|error| format!("the stand-in node cannot be copied: {error}"))?;
    Ok(program)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|program| program.is_file())
}

/// A base whose first ports nobody has, below the ephemeral range.
fn free_ports() -> Option<u16> {
    let is_free = |base: &u16| {
        (1..=NODES as u16).all(|id| UdpSocket::bind(("127.0.0.1", base * 1000 + id)).is_ok())
    };
    (14..=29).rev().find(is_free)
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?} ended with {}", output.status)),
    }
}

fn say(text: &str) {
    println!("\n# {text}");
}
