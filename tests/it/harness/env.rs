//! A private home with wnm in it: its own directories, ports and node program.

use std::ffi::OsString;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;
use wnm_core::model::NodeSpec;

use super::{StandIn, wait_until};

/// A home with wnm and a node program. What runs in it ends with it.
#[derive(Debug)]
pub(crate) struct TestEnv {
    dir: TempDir,
    base: u16,
    /// Held as long as the ports are used.
    _claim: Flock<fs::File>,
    variables: Vec<(String, String)>,
    /// What wnm is begun through: a program that becomes it.
    through: Vec<String>,
}

/// What a run of wnm came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    dir: String,
    base: u16,
}

impl Ran {
    /// Itself, when it ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.block());
        self
    }

    /// Everything in one block of text, for snapshots.
    pub(crate) fn block(&self) -> String {
        let mut text = format!("exit {}\n", self.code.unwrap_or(-1));
        for (name, part) in [("out", &self.stdout), ("err", &self.stderr)] {
            for line in part.lines() {
                let line = format!("{name}| {}", self.redact(line));
                text += line.trim_end();
                text.push('\n');
            }
        }
        text
    }

    /// What changes from run to run, replaced by what it is.
    fn redact(&self, line: &str) -> String {
        let line = line.replace(&self.dir, "[DIR]");
        let words = line.split(' ').map(|word| redact_port(word, self.base));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Data in one block, with everything that changes from run to run replaced by what it is.
    pub(crate) fn json_block(&self) -> String {
        let value = super::json::steady(self.json(), &|text| self.redact(text), self.base);
        serde_json::to_string_pretty(&value).expect("it was JSON before")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl TestEnv {
    /// A home with the stand-in of the current generation on PATH.
    pub(crate) fn new() -> TestEnv {
        TestEnv::with_program("ant-node")
    }

    /// The same with a program of this name.
    pub(crate) fn with_program(name: &str) -> TestEnv {
        let dir = TempDir::new().expect("a directory");
        let bin = dir.path().join("bin");
        fs::create_dir_all(&bin).expect("a directory");
        fs::create_dir_all(dir.path().join("home")).expect("a directory");
        StandIn::install(&bin, name);
        install_crontab(dir.path());
        let (base, _claim) = claim_base();
        TestEnv { dir, base, _claim, variables: Vec::new(), through: Vec::new() }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The base directory of wnm.
    pub(crate) fn base_dir(&self) -> PathBuf {
        self.path("home/.local/share/autonomi")
    }

    /// Sets a variable for all later runs.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable back.
    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// Has all later runs of wnm begun through this program, which becomes what its last words say.
    pub(crate) fn begin_through(&mut self, words: Vec<String>) {
        self.through = words;
    }

    /// Initialised for the setsid manager, with every waiting time at nothing; `more` goes before
    /// what would otherwise be said.
    pub(crate) fn init(&self, more: &[&str]) -> Ran {
        let args = self.init_args(more);
        self.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What [`TestEnv::init`] says, as a configuration file: for commands that are run as they stand.
    /// Waiting times that pages speak of stay as they are shipped.
    pub(crate) fn configure_for_guide(&self) {
        let (ports, metrics) = (self.base, self.base + 1);
        let text = format!(
            "manager = \"setsid+user\"\nport_start = {ports}\nmetrics_port_start = {metrics}\n\
             hd_less_than = 99.8\nhd_remove = 99.9\ndelay_start = \"0s\"\ndelay_remove = \"0s\"\n"
        );
        let place = self.path("home/.config/wnm");
        fs::create_dir_all(&place)
            .and_then(|()| fs::write(place.join("config.toml"), text))
            .expect("a file can be written");
    }

    /// What [`TestEnv::init`] is run with.
    pub(crate) fn init_args(&self, more: &[&str]) -> Vec<String> {
        let (ports, metrics) = (self.base.to_string(), (self.base + 1).to_string());
        let usual = [
            ("--manager", "setsid+user"),
            ("--rewards-address", "faucet"),
            ("--port-start", &ports),
            ("--metrics-port-start", &metrics),
            ("--delay-start", "0"),
            ("--delay-remove", "0"),
            ("--grow-window", "0"),
            ("--settle-time", "0"),
            ("--quiet-time", "0"),
            ("--learn-time", "0"),
            ("--restart-backoff", "0"),
            // Test machines may have little memory left and full disks; that is no part of most stories.
            ("--cpu-less-than", "99.8"),
            ("--cpu-remove", "99.9"),
            ("--mem-less-than", "99.8"),
            ("--mem-remove", "99.9"),
            ("--hd-less-than", "99.8"),
            ("--hd-remove", "99.9"),
            ("--desired-load-average", "9999"),
            ("--max-load-average-allowed", "10000"),
            ("--disk-prior", "1MB"),
            ("--max-concurrent-starts", "1"),
            ("--max-destructive-per-hour", "1000"),
        ];
        let mut args = vec!["init"];
        args.extend(more);
        for (option, value) in usual {
            if !more.contains(&option) {
                args.extend([option, value]);
            }
        }
        args.into_iter().map(str::to_owned).collect()
    }

    /// Runs wnm to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.ended(self.command(args))
    }

    /// Starts wnm and leaves it running, with what it says in pipes.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("wnm can be started")
    }

    fn ended(&self, mut command: Command) -> Ran {
        let output = command.output().expect("wnm can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            dir: self.dir.path().display().to_string(),
            base: self.base,
        }
    }

    /// As a cycle that is running would.
    pub(crate) fn hold_lock(&self) -> Flock<fs::File> {
        let lock = fs::File::create(self.base_dir().join("wnm_active")).expect("opened");
        Flock::lock(lock, FlockArg::LockExclusiveNonblock).expect("free")
    }

    /// Runs wnm with these variables instead of all others.
    pub(crate) fn run_in(&self, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.command(args);
        command.env_clear().envs(variables.iter().copied());
        self.ended(command)
    }

    /// Starts wnm and kills it after `delay`, or sooner where it ended before that: one that was at
    /// work is always hit, however fast the machine is.
    pub(crate) fn kill_in_the_middle(&self, args: &[&str], mut delay: Duration) {
        while !self.run_and_kill(args, delay) {
            delay /= 2;
        }
    }

    /// Starts wnm and kills it after `delay`; true when it was still running.
    pub(crate) fn run_and_kill(&self, args: &[&str], delay: Duration) -> bool {
        let mut child: Child = self
            .command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("wnm can be started");
        std::thread::sleep(delay);
        // It may have ended before.
        child.kill().ok();
        child.wait().expect("our own child").signal() == Some(9)
    }

    /// Runs another program where wnm is on PATH, in the same world.
    pub(crate) fn run_tool(&self, program: &str, args: &[&str]) -> Ran {
        let wnm = self.path("bin/wnm");
        if !wnm.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wnm-dup"), wnm).expect("linked");
        }
        self.ended(self.command_of(program, args))
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_through(env!("CARGO_BIN_EXE_wnm-dup"), args)
    }

    /// A program that is begun as wnm is.
    pub(crate) fn command_through(&self, program: &str, args: &[&str]) -> Command {
        let Some((first, rest)) = self.through.split_first() else {
            return self.command_of(program, args);
        };
        let words = rest.iter().map(String::as_str).chain([program]).chain(args.iter().copied());
        self.command_of(first, &words.collect::<Vec<_>>())
    }

    /// Another program in the same world, yet to be started.
    pub(crate) fn command_of(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let mut path = OsString::from(self.path("tools"));
        path.push(":");
        path.push(self.path("bin"));
        path.push(":/usr/bin:/bin");
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", path)
            .env("WNM_SCOPE", "user")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs cycles until `count` nodes run and a cycle has nothing to do; panics after a while.
    #[track_caller]
    pub(crate) fn cycle_until_resting_with(&self, count: usize) {
        wait_until(Duration::from_secs(60), &format!("{count} nodes run and rest"), || {
            let ran = self.run(&["run", "--json"]).json();
            let is_idle = ran["done"].as_array().is_some_and(Vec::is_empty);
            is_idle && self.running().len() == count && self.states() == vec!["running"; count]
        });
    }

    /// The states of the nodes as `status` tells them.
    pub(crate) fn states(&self) -> Vec<String> {
        let status = self.run(&["status", "--json"]).expect(0).json();
        let nodes = status["nodes"].as_array().expect("a list").clone();
        nodes.iter().map(|node| node["state"].as_str().expect("a word").to_owned()).collect()
    }

    /// The data directories of the nodes whose processes live: one entry a process.
    pub(crate) fn running(&self) -> Vec<(PathBuf, u32)> {
        let found = wnm_managers::processes_below(&[self.dir.path().to_owned()]);
        let found = found.expect("processes can be listed");
        let pids = found
            .into_iter()
            .flat_map(|(data, keys)| keys.into_iter().map(move |key| (data.clone(), key.pid)));
        pids.collect()
    }

    /// The process of node `number`.
    pub(crate) fn pid(&self, number: u32) -> u32 {
        let data = self.base_dir().join(format!("node/antnode{number:04}"));
        let running = self.running();
        running.iter().find(|(running, _)| *running == data).expect("it runs").1
    }

    /// Names in a directory of the base directory.
    pub(crate) fn names(&self, below: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.base_dir().join(below)) else { return Vec::new() };
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("UTF-8")).collect();
        names.sort();
        names
    }

    /// For tests of adapters: a node of this home that nothing knows of yet.
    pub(crate) fn spec(&self, number: u32) -> NodeSpec {
        let mut spec = wnm_core::fakes::build::spec(number);
        let name = spec.id.to_string();
        spec.storage = self.path("nodes");
        spec.data = spec.storage.join(&name);
        spec.binary = spec.data.join(spec.program.binary_name());
        spec.logs = self.path("logs").join(&name);
        spec.ports.node = self.base * 1000 + number as u16;
        spec
    }

    /// The program that nodes are given.
    pub(crate) fn program(&self) -> PathBuf {
        fs::read_dir(self.path("bin"))
            .expect("a directory")
            .next()
            .expect("the program")
            .expect("an entry")
            .path()
    }
}

/// A `crontab` of this home alone, kept in the file `crontab`: tests leave that of the machine alone.
fn install_crontab(dir: &Path) {
    let file = dir.join("crontab");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\n-l) cat {file} 2>/dev/null || {{ echo 'no crontab for op' >&2; \
         exit 1; }} ;;\n-r) rm {file} ;;\n-) exit 2 ;;\n*) cat \"$1\" >{file} ;;\nesac\n",
        file = file.display()
    );
    let tool = dir.join("tools/crontab");
    fs::create_dir_all(dir.join("tools"))
        .and_then(|()| fs::write(&tool, script))
        .and_then(|()| fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)))
        .expect("a script can be written");
}

fn redact_port(word: &str, base: u16) -> String {
    match word.strip_prefix(&base.to_string()) {
        Some(rest) if rest.len() >= 3 && rest.as_bytes()[..3].iter().all(u8::is_ascii_digit) => {
            format!("[PORT]{rest}")
        }
        _ => word.to_owned(),
    }
}

/// A base whose first ports are free, two a test and all below the ephemeral range, and what keeps it from
/// others.
fn claim_base() -> (u16, Flock<fs::File>) {
    let mut chosen = None;
    wait_until(Duration::from_secs(120), "a free range of ports", || {
        let is_free =
            |base: u16| (1..=9).all(|id| UdpSocket::bind(("127.0.0.1", base * 1000 + id)).is_ok());
        let claimed = |base: u16| Some((base, lock_base(base).filter(|_| is_free(base))?));
        chosen = (11..=27).step_by(2).find_map(claimed);
        chosen.is_some()
    });
    chosen.expect("just found")
}

/// `None` while another test has it, of this run or of another: ports are the machine's, so the lock lies
/// where all runs look, whatever their own temporary directory is.
fn lock_base(base: u16) -> Option<Flock<fs::File>> {
    let file = PathBuf::from(format!("/tmp/wnm-test-ports-{base}"));
    // Another user's cannot be written to, but locked.
    let file = fs::File::open(&file).or_else(|_| fs::File::create(&file)).expect("a lock file");
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        for (_, pid) in self.running() {
            let pid = nix::unistd::Pid::from_raw(pid as i32);
            // It may have ended meanwhile.
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok();
        }
    }
}

/// Whether anything is there.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[test]
fn ports_are_claimed_for_all_runs_of_tests_of_the_machine() {
    let env = TestEnv::new();
    assert!(lock_base(env.base).is_none(), "as a test of another run would find it");
}
