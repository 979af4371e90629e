//! What docker and a user's systemd do for nodes, as far as wnm asks them: which of the two, the name of
//! the file says. What they know lies in the directory `keeper` beside the home, so that it is there
//! after whoever called them was killed, and can be put back with everything else.
#![expect(clippy::disallowed_methods, reason = "a stand-in for tools that start processes")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it answers as a tool does")]

mod docker;
mod inside;
mod process;
mod systemd;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::fcntl::{Flock, FlockArg};

/// What was asked for, or the complaint.
type Answer = Result<String, String>;

fn main() -> ExitCode {
    let mut words = env::args();
    let name = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(home) = env::var_os("HOME").map(PathBuf::from) else {
        return fail("HOME is not set");
    };
    let place = home.with_file_name("keeper");
    // One call after the other, as their daemons see to.
    let lock = fs::create_dir_all(&place).and_then(|()| fs::File::create(place.join("lock")));
    let _alone = match lock.map(|file| Flock::lock(file, FlockArg::LockExclusive)) {
        Ok(Ok(lock)) => lock,
        _ => return fail("its own files cannot be locked"),
    };
    let answer = match Path::new(&name).file_name().and_then(|name| name.to_str()) {
        Some("docker") => docker::answer(&place, &args),
        Some("systemctl") => systemd::answer(&place, &home.join(".config/systemd/user"), &args),
        _ => Err("call it docker or systemctl".to_owned()),
    };
    match answer {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(complaint) => fail(&complaint),
    }
}

fn fail(complaint: &str) -> ExitCode {
    eprintln!("{complaint}");
    ExitCode::FAILURE
}

/// An error of the file system as a complaint.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
