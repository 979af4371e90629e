//! A process that the test starts itself, beside whatever a manager starts.

use std::process::{Child, Command};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Starts it, and returns when its command line can be read (or it has ended): the kernel lets the
/// parent go on a moment before the new program has one, and until then nobody can tell whose it is.
pub(crate) fn begin(command: &mut Command) -> Child {
    let mut child = command.spawn().expect("it starts");
    let file = format!("/proc/{}/cmdline", child.id());
    let end = Instant::now() + Duration::from_secs(10);
    while fs::read(&file).is_ok_and(|words| words.is_empty()) {
        if child.try_wait().expect("asked").is_some() {
            break;
        }
        assert!(Instant::now() < end, "{file} stays empty");
        thread::yield_now();
    }
    child
}
