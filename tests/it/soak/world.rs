//! Where it happens: a private home with plain processes, or the machine itself where that is one to be thrown away.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Wanted;
use super::tally::Tally;
use crate::harness::TestEnv;

/// Whoever takes longer hangs: a node may take a minute and a half to stop, and two hundred are many.
const PATIENCE: Duration = Duration::from_secs(900);

pub(super) struct World {
    pub(super) env: TestEnv,
    /// What wnm keeps.
    pub(super) base: PathBuf,
    /// The nodes' data.
    pub(super) storage: PathBuf,
    pub(super) nodes: u32,
    /// It may fill its disk: nobody else's things lie on it.
    pub(super) is_host: bool,
    /// Its disk is full at the moment.
    pub(super) is_full: bool,
    /// The program that nodes are made from.
    stand_in: PathBuf,
    wnm: PathBuf,
    manager: String,
}

/// What a run of wnm came to.
#[derive(Debug)]
pub(super) struct Ran {
    /// `None` where it was killed, or hung and was ended.
    pub(super) code: Option<i32>,
    pub(super) said: String,
    pub(super) took: Duration,
    /// Memory at its largest.
    pub(super) peak_kb: u64,
}

impl World {
    pub(super) fn new(wanted: &Wanted) -> World {
        let mut env = TestEnv::with_program("antnode");
        let is_host = wanted.manager.ends_with("+sudo");
        let (base, storage) = match is_host {
            true => (PathBuf::from("/var/antctl"), PathBuf::from("/var/antctl/services")),
            false => (env.base_dir(), env.base_dir().join("node")),
        };
        if is_host {
            env.set("WNM_SCOPE", "system");
        }
        let named = |name: &str, usual: &str| {
            std::env::var_os(name).map_or_else(|| PathBuf::from(usual), PathBuf::from)
        };
        World {
            base,
            storage,
            nodes: wanted.nodes,
            is_host,
            is_full: false,
            stand_in: named("WNM_STAND_IN", env!("CARGO_BIN_EXE_stand-in-node")),
            wnm: named("WNM_BIN", env!("CARGO_BIN_EXE_wnm-dup")),
            manager: wanted.manager.clone(),
            env,
        }
    }

    /// The most that the engine may remove in an hour here.
    pub(super) fn removals_an_hour(&self) -> u32 {
        (self.nodes / 4).max(3)
    }

    /// All nodes running, with every time as short as it can be.
    pub(super) fn populate(&mut self, tally: &mut Tally) {
        self.publish("0.4.17", None);
        let (cap, most) = (self.nodes.to_string(), self.removals_an_hour().to_string());
        let program = self.env.path("bin/antnode").display().to_string();
        let more = [
            ("--manager", self.manager.as_str()),
            ("--program", "antnode"),
            ("--node-binary", &program),
            ("--node-cap", &cap),
            ("--max-destructive-per-hour", &most),
            ("--max-concurrent-starts", "16"),
            ("--max-concurrent-operations", "40"),
            ("--max-concurrent-removals", "4"),
            ("--delay-start", "2s"),
            ("--delay-remove", "5s"),
            ("--upgrade-mode", "managed"),
            ("--delay-upgrade", "5s"),
            ("--canary-time", "3s"),
            ("--max-concurrent-upgrades", "16"),
            ("--pressure-grace", "1s"),
            ("--quiet-time", "2s"),
            ("--upkeep-every", "20s"),
            // Groups of cycles are forgotten as a whole, several of them in an eighth of a long run.
            ("--keep-cycles", "5m"),
            ("--keep-cycles-bytes", "4MB"),
            ("--crisis-bytes", "20MB"),
        ];
        let more: Vec<&str> = more.iter().flat_map(|(name, value)| [*name, *value]).collect();
        let args = self.env.init_args(&more);
        let init: Vec<&str> = args.iter().map(String::as_str).collect();
        for args in [&init[..], &["add", "--count", &cap]] {
            let ran = self.wnm(args);
            assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
            tally.ended(self, args[0], &ran);
        }
    }

    /// Puts another program where new nodes and upgrades get theirs.
    pub(super) fn publish(&self, version: &str, does: Option<&str>) {
        let (program, next) = (self.env.path("bin/antnode"), self.env.path("next"));
        let mut trailer = format!("\nwnm-stand-in-version={version}\n");
        if let Some(does) = does {
            trailer += &format!("wnm-stand-in-does={does}\n");
        }
        fs::copy(&self.stand_in, &next)
            .and_then(|_| OpenOptions::new().append(true).open(&next))
            .and_then(|mut file| file.write_all(trailer.as_bytes()))
            .and_then(|()| fs::set_permissions(&next, Permissions::from_mode(0o755)))
            .and_then(|()| fs::rename(&next, program))
            .expect("a program can be put there");
    }

    pub(super) fn node(&self, number: u32) -> PathBuf {
        self.storage.join(format!("antnode{number:04}"))
    }

    /// Every node process, by data directory.
    pub(super) fn processes(&self) -> BTreeMap<PathBuf, Vec<u32>> {
        let found = wnm_managers::processes_below(std::slice::from_ref(&self.storage));
        let pids =
            |keys: Vec<wnm_core::observe::ProcessKey>| keys.iter().map(|it| it.pid).collect();
        let found = found.expect("processes can be listed").into_iter();
        found.map(|(data, keys)| (data, pids(keys))).collect()
    }

    /// The store and its log, in bytes.
    pub(super) fn store_bytes(&self) -> (u64, u64) {
        let size = |name: &str| fs::metadata(self.base.join(name)).map_or(0, |it| it.len());
        (size("colony.db"), size("colony.db-wal"))
    }

    /// Runs wnm to its end.
    pub(super) fn wnm(&self, args: &[&str]) -> Ran {
        self.wnm_until(args, PATIENCE)
    }

    /// Runs wnm, and kills it when it takes longer.
    pub(super) fn wnm_until(&self, args: &[&str], patience: Duration) -> Ran {
        let out = self.env.path("out");
        let began = Instant::now();
        let mut child = self.start(args, &out);
        let status = format!("/proc/{}/status", child.id());
        let mut peak_kb = 0;
        let ended = loop {
            peak_kb = peak_of(&status).unwrap_or(peak_kb);
            if let Some(ended) = child.try_wait().expect("our own child") {
                break ended;
            }
            if began.elapsed() > patience {
                child.kill().expect("our own child");
            }
            thread::sleep(Duration::from_millis(1));
        };
        let said = fs::read(&out).unwrap_or_default();
        let code = if ended.signal() == Some(9) { None } else { Some(ended.code().unwrap_or(128)) };
        let said = String::from_utf8_lossy(&said).into_owned();
        Ran { code, said, took: began.elapsed(), peak_kb }
    }

    /// Starts it, with all that it says in a file: pipes fill.
    pub(super) fn start(&self, args: &[&str], out: &Path) -> Child {
        let file = File::create(out).expect("a file can be made");
        let mut command: Command = self.env.command_of(&self.wnm.display().to_string(), args);
        command.stdout(file.try_clone().expect("a file")).stderr(file).stdin(Stdio::null());
        command.spawn().expect("wnm can be started")
    }
}

/// Of a process that lives.
fn peak_of(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
