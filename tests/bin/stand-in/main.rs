//! A stand-in for the two real node programs: what a manager can see of them, and nothing more.
//!
//! Started as `antnode…` it behaves like antnode 0.4.17, under any other name like ant-node 0.23.1.
//! How to make it misbehave and how to give it a version: `tests/README.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a whole program of its own: it has files, sockets, clocks and output"
)]

mod ant_node;
mod antnode;
mod http;
mod identity;
mod misbehave;
mod options;
mod signals;
mod version;

use std::path::Path;
use std::time::Duration;
use std::{env, process, thread};

use misbehave::Misbehaviour;

fn main() {
    let mut argv = env::args();
    let name = argv.next().unwrap_or_default();
    let args: Vec<String> = argv.collect();
    match Generation::of(&name) {
        Generation::First => antnode::main(&args),
        Generation::Current => ant_node::main(&args),
    }
}

/// Which of the two real programs is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    /// `antnode`.
    First,
    /// `ant-node`.
    Current,
}

impl Generation {
    fn of(argv0: &str) -> Generation {
        let name = Path::new(argv0).file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("antnode") { Generation::First } else { Generation::Current }
    }
}

/// Ends the process with a message, as the real programs do.
fn fail(code: i32, message: &str) -> ! {
    eprintln!("{message}");
    process::exit(code)
}

/// Misbehaviour that comes before the node touches anything.
fn misbehave_at_start(how: &Misbehaviour) {
    if let Some(code) = how.refuse {
        fail(code, "stand-in: refuses to start, as asked");
    }
    thread::sleep(how.bind_late);
}

/// Starts the clock of a node that was told to die or to upgrade itself.
fn misbehave_later(how: &Misbehaviour, version: &str) {
    let upgrade = how.exit_upgraded.clone();
    let (after, code) = match (&upgrade, how.die_after) {
        // The upgraded node meets the same request again and must not upgrade for ever.
        (Some(to), _) if to == version => return,
        (Some(_), Some((after, _))) => (after, 0),
        (Some(_), None) => (Duration::ZERO, 0),
        (None, Some(at)) => at,
        (None, None) => return,
    };
    thread::spawn(move || {
        thread::sleep(after);
        if let Some(to) = upgrade {
            version::replace_own(&to)
                .unwrap_or_else(|error| fail(1, &format!("stand-in: cannot upgrade: {error}")));
        }
        process::exit(code)
    });
}
