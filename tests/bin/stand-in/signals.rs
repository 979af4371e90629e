//! Signals without handlers: blocked at the start, then waited for.

use nix::sys::signal::{SigSet, Signal, raise};

/// Signals that this process takes into its own hands. Blocks them in every thread started later.
pub(crate) fn take(signals: &[Signal]) -> SigSet {
    let set: SigSet = signals.iter().copied().collect();
    set.thread_block().expect("signals can be blocked");
    set
}

/// The next of them.
pub(crate) fn next(set: &SigSet) -> Signal {
    set.wait().expect("a set of valid signals can be waited for")
}

/// Dies by `signal` as if it had never been taken.
pub(crate) fn die_by(signal: Signal) -> ! {
    let set: SigSet = [signal].into_iter().collect();
    set.thread_unblock().expect("signals can be unblocked");
    raise(signal).expect("a process may signal itself");
    unreachable!("{signal} kills")
}
