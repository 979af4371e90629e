//! What the stand-in was asked to do wrong.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use std::{env, fs};

use crate::fail;

/// Everything off is a well-behaved node.
#[derive(Debug, Default)]
pub(crate) struct Misbehaviour {
    /// Wait so long before any port is opened.
    pub(crate) bind_late: Duration,
    /// Exit by itself, so long after the start, with this code.
    pub(crate) die_after: Option<(Duration, i32)>,
    /// Exit at once with this code.
    pub(crate) refuse: Option<i32>,
    /// Accept connections to the metrics port and never answer.
    pub(crate) hang_metrics: bool,
    /// Answer `/metrics` with something that is none.
    pub(crate) garbage_metrics: bool,
    /// Neither exit nor die on SIGTERM.
    pub(crate) ignore_term: bool,
    /// Never open the node's UDP port.
    pub(crate) no_udp: bool,
    /// Take so long to stop.
    pub(crate) slow_stop: Duration,
    /// Replace the own program by this version and exit 0, at the time of `die_after` or at once.
    pub(crate) exit_upgraded: Option<String>,
    /// Throw the key away at every start, and make another one.
    pub(crate) lose_identity: bool,
    /// Know no peers: nobody talks to it.
    pub(crate) no_peers: bool,
}

impl Misbehaviour {
    /// What the environment asks of all nodes, and `stand-in.conf` of the node in `root`.
    pub(crate) fn load(root: &Path) -> Misbehaviour {
        let from_env = env::var("WNM_STANDIN").unwrap_or_default();
        let from_file = fs::read_to_string(root.join("stand-in.conf")).unwrap_or_default();
        let mut how = Misbehaviour::default();
        let from_program = crate::version::own_misbehaviour();
        let words =
            from_env.split(',').chain(from_program.split(',')).chain(from_file.split([',', '\n']));
        for word in words.map(str::trim).filter(|word| !word.is_empty()) {
            // A misspelled request would make a test pass for nothing.
            how.add(word)
                .unwrap_or_else(|| fail(2, &format!("stand-in: what is the request `{word}`?")));
        }
        how
    }

    fn add(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "bind-late" => self.bind_late = seconds(value)?,
            "die-after" => {
                let (after, code) = value.split_once(':')?;
                self.die_after = Some((seconds(after)?, number(code)?));
            }
            "refuse" => self.refuse = Some(number(value)?),
            "hang-metrics" => self.hang_metrics = true,
            "garbage-metrics" => self.garbage_metrics = true,
            "ignore-term" => self.ignore_term = true,
            "lose-identity" => self.lose_identity = true,
            // It speaks, and nobody understands: to a manager that is the same.
            "no-peers" | "old-protocol" => self.no_peers = true,
            "no-udp" => self.no_udp = true,
            "slow-stop" => self.slow_stop = seconds(value)?,
            "exit-upgraded" if value.is_empty() => self.exit_upgraded = Some("0.99.0".to_owned()),
            "exit-upgraded" => self.exit_upgraded = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(number(text)?).ok()
}
