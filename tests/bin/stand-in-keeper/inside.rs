//! A container with a systemd and an antctl in it: its first process is a shell that starts what it is
//! told to through a pipe with a name, so that nodes are its children.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

use crate::docker::{names, pid, read};
use crate::process::{lives, stop};
use crate::{Answer, told};

const LISTENS: &str = r#"exec 3<>"$0"; while read -r line <&3; do eval "$line"; done"#;
const PATIENCE: Duration = Duration::from_secs(20);

/// Where its units lie, if it has a systemd.
pub(crate) fn units(container: &Value) -> Option<PathBuf> {
    seen(container, "/etc/systemd/system")
}

/// What is here for a place in the container.
fn seen(container: &Value, inside: &str) -> Option<PathBuf> {
    container["mounts"][inside].as_str().map(PathBuf::from)
}

fn pipe(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{name}.pipe"))
}

fn pid_file(place: &Path, name: &str, unit: &str) -> PathBuf {
    place.join(format!("{name}.{unit}.pid"))
}

pub(crate) fn first_process(place: &Path, name: &str) -> Result<Command, String> {
    forget(place, name);
    let pipe = pipe(place, name);
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).map_err(told)?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", LISTENS]).arg(pipe);
    Ok(shell)
}

/// Nothing where there is no systemd.
pub(crate) fn wait_until_it_listens(place: &Path, name: &str, it: &Value) -> Result<(), String> {
    units(it).map_or(Ok(()), |_| say(place, name, ":"))
}

/// Nobody answers; a pipe that nobody has open yet is tried again.
fn say(place: &Path, name: &str, line: &str) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
        match options.open(pipe(place, name)) {
            Ok(mut pipe) => return writeln!(pipe, "{line}").map_err(told),
            Err(error) if Instant::now() > end => return Err(told(error)),
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// What is kept of its units.
pub(crate) fn forget(place: &Path, name: &str) {
    let ours = format!("{name}.");
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with(&ours) && (file.ends_with(".pid") || file.ends_with(".pipe")) {
            // It may be gone.
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Its units end with it.
pub(crate) fn stop_all(place: &Path, container: &Value, name: &str) {
    let Some(units) = units(container) else { return };
    for entry in fs::read_dir(units).into_iter().flatten().flatten() {
        stop_unit(place, name, &entry.file_name().to_string_lossy());
    }
}

pub(crate) fn exec(place: &Path, words: &[&str]) -> Answer {
    let mut words = words;
    let mut env = Vec::new();
    while let ["--env", pair, rest @ ..] = words {
        env.extend(pair.split_once('='));
        words = rest;
    }
    let [wanted, program, args @ ..] = words else { return Err(format!("exec {words:?}")) };
    let known = names(place)?.into_iter().map(|name| (read(place, &name), name));
    let found = known.filter_map(|(it, name)| Some((it.ok()?, name)));
    let mut found = found.filter(|(it, name)| it["id"] == **wanted || name == wanted);
    let Some((container, name)) = found.next() else {
        return Err(format!("Error response from daemon: No such container: {wanted}"));
    };
    if !lives(pid(&container)) {
        return Err(format!("Error response from daemon: Container {wanted} is not running"));
    }
    match *program {
        "/usr/bin/systemctl" => systemctl(place, &container, &name, args),
        "antctl" => antctl(&container, &env, args),
        other => Err(format!("OCI runtime exec failed: {other}: not found")),
    }
}

fn systemctl(place: &Path, container: &Value, name: &str, args: &[&str]) -> Answer {
    let units = units(container).ok_or("System has not been booted with systemd")?;
    match args {
        ["show", "--property=Version", "--value"] => Ok("252\n".to_owned()),
        ["show", _, "--", wanted @ ..] => {
            let all: Vec<String> =
                wanted.iter().map(|unit| show(place, &units, name, unit)).collect();
            Ok(all.join("\n"))
        }
        ["start", .., unit] => start_unit(place, &units, name, unit),
        ["stop", .., unit] => {
            stop_unit(place, name, unit);
            Ok(String::new())
        }
        ["daemon-reload"] | ["reset-failed" | "disable" | "enable", ..] => Ok(String::new()),
        other => Err(format!("no call of systemctl: {other:?}")),
    }
}

fn unit_pid(place: &Path, name: &str, unit: &str) -> u32 {
    let text = fs::read_to_string(pid_file(place, name, unit)).unwrap_or_default();
    text.trim().parse().ok().filter(|pid| lives(*pid)).unwrap_or(0)
}

fn show(place: &Path, units: &Path, name: &str, unit: &str) -> String {
    let pid = unit_pid(place, name, unit);
    let load = if units.join(unit).exists() { "loaded" } else { "not-found" };
    let (active, sub) = if pid > 0 { ("active", "running") } else { ("inactive", "dead") };
    format!(
        "Id={unit}\nLoadState={load}\nActiveState={active}\nSubState={sub}\nMainPID={pid}\n\
         NRestarts=0\nInvocationID=\nNeedDaemonReload=no\nDropInPaths=\n"
    )
}

fn start_unit(place: &Path, units: &Path, name: &str, unit: &str) -> Answer {
    if unit_pid(place, name, unit) > 0 {
        return Ok(String::new());
    }
    let text =
        fs::read_to_string(units.join(unit)).map_err(|_| format!("Unit {unit} not found."))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("ExecStart=")).ok_or("no ExecStart")?;
    let file = pid_file(place, name, unit);
    // Of an earlier process; it may not be there.
    fs::remove_file(&file).ok();
    let shown = file.display();
    let begin = format!("{line} </dev/null >/dev/null 2>&1 & echo $! >'{shown}.new'");
    say(place, name, &format!("{begin}; mv '{shown}.new' '{shown}'"))?;
    let end = Instant::now() + PATIENCE;
    while !file.exists() {
        if Instant::now() > end {
            return Err(format!("{unit} does not begin"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(String::new())
}

fn stop_unit(place: &Path, name: &str, unit: &str) {
    stop(unit_pid(place, name, unit), Duration::from_secs(90));
}

/// The stand-in for antctl lies beside this program.
fn antctl_here() -> Result<Command, String> {
    let own = std::env::current_exe().map_err(told)?;
    let mut command = Command::new(own.with_file_name("antctl-stand-in"));
    command.env_clear().stdin(Stdio::null());
    Ok(command)
}

/// Of the antctl in an image.
pub(crate) fn version() -> Answer {
    answered(antctl_here()?.arg("--version"))
}

fn answered(command: &mut Command) -> Answer {
    let answer = command.output().map_err(told)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if answer.status.success() { Ok(text(answer.stdout)) } else { Err(text(answer.stderr)) }
}

fn antctl(container: &Value, env: &[(&str, &str)], args: &[&str]) -> Answer {
    let (Some(home), Some(units)) = (seen(container, "/var/antctl"), units(container)) else {
        return Err("OCI runtime exec failed: antctl: not found".to_owned());
    };
    // What the container sees under another name.
    let here = format!("{}/", home.display());
    let args = args.iter().map(|word| word.replace("/var/antctl/", &here));
    let mut command = antctl_here()?;
    command.args(args).envs(env.iter().copied());
    answered(command.env("WNM_STANDIN_HOME", home).env("WNM_STANDIN_UNITS", units))
}
