//! wnm below strace: what it does to the world, call by call, and how it dies at one of them or is
//! refused it. The nodes and tools that it starts are let go of before they run, so that nothing of
//! theirs is counted or hit.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::moments::{self, Moment, TELLS, split_step};
use crate::harness::TestEnv;

/// A run that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done to wnm at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blow {
    /// SIGKILL, before the call is carried out.
    Kill,
    /// The call is not carried out and answers this.
    Fault(&'static str),
    /// Nor is any later one of its name.
    Lasting(&'static str),
    /// Nothing is written, and the call says so.
    Short,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Struck {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The call that was hit, as strace wrote it down; `None` where it never came to it.
    pub(super) hit: Option<String>,
    /// A child died instead, before it became another program.
    pub(super) children_killed: bool,
}

impl Struck {
    pub(super) fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// Every step that it said it began: the action, its node and the step, each as displayed.
    pub(super) fn steps(&self) -> Vec<(String, String)> {
        let lines = self.stderr.lines().filter_map(|line| line.split_once(TELLS));
        lines.filter_map(|(_, told)| split_step(told)).collect()
    }
}

/// True where strace is and may trace.
pub(super) fn is_here() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-b", "execve", "-o", "/dev/null", "true"]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs wnm to its end and tells each of its effects, once for each call and number.
pub(super) fn moments(env: &TestEnv, args: &[String]) -> (Struck, Vec<Moment>) {
    let (struck, trace) = run(env, args, &["-y", "-s", "400", "-e", &moments::traced()]);
    (struck, moments::read(&trace))
}

/// Runs wnm and deals it a blow.
pub(super) fn strike(env: &TestEnv, args: &[String], moment: &Moment, blow: Blow) -> Struck {
    let Moment { call, nth, .. } = moment;
    let how = match blow {
        Blow::Kill => "signal=SIGKILL".to_owned(),
        Blow::Fault(error) | Blow::Lasting(error) => format!("error={error}"),
        Blow::Short => "retval=0".to_owned(),
    };
    let on = if matches!(blow, Blow::Lasting(_)) { "+" } else { "" };
    let (traced, inject) = (format!("trace={call}"), format!("inject={call}:{how}:when={nth}{on}"));
    let (mut struck, trace) = run(env, args, &["-y", "-s", "80", "-e", &traced, "-e", &inject]);
    struck.hit = match blow {
        Blow::Kill => struck.was_killed().then(|| trace.lines().last().unwrap_or("").to_owned()),
        _ => trace.lines().find(|line| line.contains("(INJECTED)")).map(str::to_owned),
    };
    struck.children_killed = !struck.was_killed() && trace.contains("killed by SIGKILL");
    struck
}

impl Blow {
    /// Whether it makes sense for this call.
    pub(super) fn fits(self, call: &str) -> bool {
        match self {
            Blow::Kill => true,
            Blow::Fault(_) | Blow::Lasting(_) => moments::WRITES.contains(&call),
            Blow::Short => ["write", "pwrite64", "copy_file_range"].contains(&call),
        }
    }
}

fn run(env: &TestEnv, args: &[String], options: &[&str]) -> (Struck, String) {
    let file = |name: &str| env.path(&format!("strace-{name}"));
    let trace = file("trace");
    let mut words: Vec<String> = ["-f", "-qq", "-b", "execve", "-o"].map(str::to_owned).to_vec();
    words.push(trace.display().to_string());
    words.extend(options.iter().map(|option| (*option).to_owned()));
    words.push(env!("CARGO_BIN_EXE_wnm-dup").to_owned());
    words.extend(args.iter().cloned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = env.command_through("strace", &words);
    command.env("WNM_LOG", "info");
    // Files, not pipes: a tool that outlives wnm would keep those open.
    command.stdout(made(&file("out"))).stderr(made(&file("err")));
    let mut child = command.spawn().expect("strace can be started");
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break status;
        }
        assert!(Instant::now() < end, "{args:?} hangs below strace");
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).expect("there")).into_owned();
    let (stdout, stderr) = (text(&file("out")), text(&file("err")));
    (Struck { status, stdout, stderr, hit: None, children_killed: false }, text(&trace))
}

fn made(path: &Path) -> File {
    File::create(path).expect("a file can be made")
}
