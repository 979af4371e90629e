//! Waiting for something to become true, never for luck.

use std::thread;
use std::time::{Duration, Instant};

/// Looks again and again; panics, naming `what`, when it is still false after `deadline`.
pub(crate) fn wait_until(deadline: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !is_so() {
        assert!(Instant::now() < end, "waited {deadline:?} in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
