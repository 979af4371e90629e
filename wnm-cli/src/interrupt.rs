//! Ctrl-C and `kill` while nodes are worked on: the node at hand is finished, the rest is not begun.
//! Saying it twice changes nothing; only SIGKILL cuts into a node, and the next cycle mends that.

use signal_hook::consts::{SIGINT, SIGTERM};
use wnm_core::run::Stop;

/// From now on both signals ask the cycle to end early instead of ending this process.
pub(crate) fn listen() -> Stop {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, stop.flag()) {
            tracing::warn!("signal {signal} would end wnm at once: {error}");
        }
    }
    stop
}
