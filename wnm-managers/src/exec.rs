//! Runs tools: the only place that does.
#![expect(clippy::disallowed_methods, reason = "the shell module that starts processes and waits")]
#![expect(unsafe_code, reason = "the umask of what stays behind is set between fork and exec")]

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::host::{
    CommandRunner, Completed, HostError, HostResult, Invocation, Output, Privilege,
};
use wnm_core::observe::FaultKind;

/// More output than this is not an answer but a fault.
const MOST_OUTPUT: u64 = 16 << 20;

/// How long a program may take to be gone after it was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(3);

/// Starts real programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRunner;

impl CommandRunner for SystemRunner {
    fn run(&self, invocation: &Invocation) -> HostResult<Completed> {
        let op = || format!("run `{}`", invocation.line());
        tracing::debug!(line = invocation.line(), "run");
        let through_sudo =
            invocation.privilege == Privilege::Root && !nix::unistd::geteuid().is_root();
        let mut command = command(invocation, through_sudo);
        command
            .env("LC_ALL", "C")
            .envs(invocation.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            // Its own group: a Ctrl-C meant for us does not cut a tool off in the middle, and a
            // timeout ends its children with it.
            .process_group(0);
        let printed = print_to(&mut command, &invocation.output)
            .map_err(|error| HostError::io(op(), error))?;
        let mut child = command.spawn().map_err(|error| HostError::io(op(), error))?;
        let deadline = Instant::now() + invocation.timeout;
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let ended = (|| {
            let stdout = receive(&stdout, deadline)?;
            let stderr = receive(&stderr, deadline)?;
            let code = wait(&mut child, deadline)?;
            Some((code, stdout, stderr))
        })();
        let Some((code, stdout, stderr)) = ended else {
            end(child, through_sudo);
            let seconds = invocation.timeout.as_secs();
            let why = format!("no answer within {seconds} s");
            return Err(HostError::with(op(), FaultKind::Timeout, why));
        };
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .map_err(|_| HostError::with(op(), FaultKind::Garbled, "its output is not UTF-8"))
        };
        let mut completed = Completed { code, stdout: text(stdout)?, stderr: text(stderr)? };
        if let Some(printed) = printed.filter(|_| !completed.ok()) {
            completed.stderr = printed.text();
        }
        if through_sudo {
            completed.stderr = without_chatter(&completed.stderr);
        }
        if through_sudo && is_missing_to_sudo(&completed, &invocation.program) {
            let why = format!("sudo does not find it: {}", completed.stderr.trim());
            return Err(HostError::with(op(), FaultKind::NotFound, why));
        }
        if through_sudo && is_sudos_refusal(&completed) {
            let why = format!("sudo refuses: {}", completed.stderr.trim());
            return Err(HostError::with(op(), FaultKind::Permission, why));
        }
        Ok(completed)
    }
}

fn command(invocation: &Invocation, through_sudo: bool) -> Command {
    let mut command = match through_sudo {
        true => Command::new("sudo"),
        false => Command::new(&invocation.program),
    };
    if through_sudo {
        // Never a question: there may be nobody to answer it.
        command.args(["-n", "--", &invocation.program]);
    }
    command.args(&invocation.args);
    command
}

/// What a program adds to a file.
struct Printed {
    file: fs::File,
    before: u64,
}

impl Printed {
    /// As much of it as an error message may hold.
    fn text(mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.before));
        // What cannot be read says nothing.
        let _ = read.and_then(|_| self.file.take(4096).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn print_to(command: &mut Command, output: &Output) -> std::io::Result<Option<Printed>> {
    let Output::Appended(path) = output else {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        return Ok(None);
    };
    let file = open_private(path)?;
    let before = file.metadata()?.len();
    command.stdout(file.try_clone()?).stderr(file.try_clone()?);
    // SAFETY: umask is async-signal-safe, takes no memory and no lock; nothing else runs between
    // fork and exec.
    unsafe {
        command.pre_exec(|| {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
            Ok(())
        });
    }
    Ok(Some(Printed { file, before }))
}

fn open_private(path: &Path) -> std::io::Result<fs::File> {
    let no_link = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    fs::OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(no_link)
        .open(path)
}

/// A host that does not know its own name makes sudo say so each time, and go on.
fn without_chatter(stderr: &str) -> String {
    let chatter = |line: &&str| line.starts_with("sudo: unable to resolve host");
    stderr.split_inclusive('\n').filter(|line| !chatter(line)).collect()
}

/// sudo looks for programs in the places that its own settings name, and says so when it finds none.
fn is_missing_to_sudo(completed: &Completed, program: &str) -> bool {
    completed.code == Some(1)
        && completed.stderr.trim() == format!("sudo: {program}: command not found")
}

/// sudo itself ends with 1 and says so under its own name, or that "USER is not allowed to execute"
/// or "is not in the sudoers file"; whatever it runs has another voice.
fn is_sudos_refusal(completed: &Completed) -> bool {
    let says = |what: &str| completed.stderr.contains(what);
    completed.code == Some(1)
        && (completed.stderr.starts_with("sudo: ")
            || says(" is not allowed to execute ")
            || says(" is not in the sudoers file"))
}

/// Reads in the background, so that neither pipe can fill up and block the program.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What could be read until an error is still the best there is.
            let _ = pipe.take(MOST_OUTPUT).read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn receive(from: &Receiver<Vec<u8>>, deadline: Instant) -> Option<Vec<u8>> {
    match from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(bytes) => Some(bytes),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Vec::new()),
    }
}

/// Both pipes are closed, so the end is near; the pauses only bridge it.
fn wait(child: &mut Child, deadline: Instant) -> Option<Option<i32>> {
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.code()),
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            Ok(None) | Err(_) => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Kills it with all of its group. What is sudo belongs to root, and only root can: where that is
/// refused too it is left behind, for nothing may wait without an end.
fn end(mut child: Child, through_sudo: bool) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let group = nix::unistd::Pid::from_raw(pid);
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        if through_sudo && wait(&mut child, Instant::now() + KILL_PATIENCE / 10).is_none() {
            kill_as_root(pid);
        }
    }
    let _ = leave(child, KILL_PATIENCE);
}

/// The child is not waited for yet, so its number is nobody else's.
fn kill_as_root(group: i32) {
    let group = format!("-{group}");
    let mut kill = Command::new("sudo");
    kill.args(["-n", "--", "/usr/bin/kill", "-s", "KILL", "--", &group]);
    kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(kill) = kill.process_group(0).spawn() {
        let _ = leave(kill, KILL_PATIENCE);
    }
}

/// Whether it ended within `patience`; one that did not is waited for in the background.
fn leave(mut child: Child, patience: Duration) -> bool {
    let has_ended = wait(&mut child, Instant::now() + patience).is_some();
    if !has_ended {
        tracing::warn!(pid = child.id(), "a program that was killed has not ended, and is left");
        thread::spawn(move || child.wait());
    }
    has_ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_nothing_to_read() {
        let nothing: [&str; 0] = [];
        let cat = Invocation::new("cat", nothing, Duration::from_secs(10));
        let answer = SystemRunner.run(&cat).map(|answer| answer.stdout);
        assert_eq!(answer.ok().as_deref(), Some(""));
    }

    #[test]
    fn what_cannot_be_killed_is_left_behind() {
        let mut sleep = Command::new("sleep");
        let child = sleep.arg("20").process_group(0).spawn().expect("started");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        let begun = Instant::now();
        assert!(!leave(child, Duration::from_millis(50)));
        assert!(begun.elapsed() < Duration::from_secs(10));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("killed");

        let child = sleep.spawn().expect("started");
        end(child, false);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_refusal_of_sudo_is_told_from_a_failure_of_what_it_ran() {
        let of = |stderr: &str| {
            let stderr = without_chatter(stderr);
            is_sudos_refusal(&Completed { code: Some(1), stdout: String::new(), stderr })
        };
        let host = "sudo: unable to resolve host h: Name or service not known\n";
        assert!(of("sudo: a password is required\n"));
        assert!(of(&format!("{host}sudo: a terminal is required to read the password\n")));
        assert!(of("Sorry, user op is not allowed to execute '/usr/bin/rm -f x' as root on h.\n"));
        assert!(of("op is not in the sudoers file.\n"));
        assert!(!of(host));
        let missing = |stderr: &str| {
            let stderr = without_chatter(stderr);
            is_missing_to_sudo(
                &Completed { code: Some(1), stdout: String::new(), stderr },
                "docker",
            )
        };
        assert!(missing("sudo: docker: command not found\n"));
        assert!(missing(&format!("{host}sudo: docker: command not found\n")));
        assert!(!missing("sudo: a password is required\n"));
        assert!(!missing("sudo: runc: command not found\n"));
        assert!(!of(&format!(
            "{host}/usr/bin/stat: cannot statx 'x': No such file or directory\n"
        )));
    }
}
