//! What the first process of a container does next: no clock, no process, only what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use wnm_core::model::NodeId;

use super::super::argv::STOP_SECONDS;
use super::super::orders::Order;

/// A program that upgraded itself is back after this long.
const PAUSE: Duration = Duration::from_secs(5);
/// One that keeps dying is not tried more often than this; wnm's own back-off has a say before.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Who lived so long did not die of its start.
const PROVEN: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Start(NodeId, Box<Order>),
    Signal(i32, Signal),
}

/// The nodes of this container.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<NodeId, Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// `None` when its file is gone or makes no sense: what runs then runs on.
    told: Option<Order>,
    up: Option<Up>,
    /// Deaths in a row.
    deaths: u32,
    died: Option<Duration>,
}

#[derive(Debug)]
struct Up {
    pid: i32,
    since: Duration,
    /// When it was last asked to end.
    asked: Option<Duration>,
}

impl Nodes {
    /// What the files say now; `None` for one that cannot be understood, which changes nothing.
    pub(super) fn hear(&mut self, said: BTreeMap<NodeId, Option<Order>>) {
        for (id, node) in &mut self.0 {
            if !said.contains_key(id) {
                node.told = None;
            }
        }
        self.0.retain(|id, node| node.up.is_some() || said.contains_key(id));
        for (id, order) in said {
            let node = self.0.entry(id).or_default();
            let Some(order) = order else { continue };
            if node.told.as_ref().is_none_or(|told| told.turn != order.turn) {
                (node.deaths, node.died) = (0, None);
            }
            node.told = Some(order);
        }
    }

    pub(super) fn has_started(&mut self, id: NodeId, pid: i32, now: Duration) {
        self.0.entry(id).or_default().up = Some(Up { pid, since: now, asked: None });
    }

    /// It could not even be started.
    pub(super) fn has_failed(&mut self, id: NodeId, now: Duration) {
        let node = self.0.entry(id).or_default();
        (node.deaths, node.died) = (node.deaths + 1, Some(now));
    }

    /// A process is gone; orphans are nobody's node.
    pub(super) fn has_ended(&mut self, pid: i32, now: Duration) {
        let is_it = |node: &&mut Kept| node.up.as_ref().is_some_and(|up| up.pid == pid);
        let Some(node) = self.0.values_mut().find(is_it) else { return };
        if let Some(up) = node.up.take() {
            if up.asked.is_some() {
                // As it was told; the next order to run may be there already, and finds no pause.
                (node.deaths, node.died) = (0, None);
                return;
            }
            let has_lived = now.saturating_sub(up.since) >= PROVEN;
            node.deaths = if has_lived { 1 } else { node.deaths + 1 };
            node.died = Some(now);
        }
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.0.values().all(|node| node.up.is_none())
    }

    /// What is to be done now; whoever does it tells what came of it.
    pub(super) fn decide(&mut self, now: Duration, over: bool) -> Vec<Do> {
        let one = |(id, node): (&NodeId, &mut Kept)| node.decide(*id, now, over);
        self.0.iter_mut().filter_map(one).collect()
    }
}

impl Kept {
    fn decide(&mut self, id: NodeId, now: Duration, over: bool) -> Option<Do> {
        let is_due = self.is_due(now);
        match (&mut self.up, &self.told) {
            (Some(up), told) if over || told.as_ref().is_some_and(|told| !told.run) => up.end(now),
            (None, Some(told)) if told.run && !over && is_due => {
                Some(Do::Start(id, Box::new(told.clone())))
            }
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        let pause = match self.deaths {
            0 => Duration::ZERO,
            deaths => (PAUSE * (1 << (deaths - 1).min(10))).min(LONGEST_PAUSE),
        };
        self.died.is_none_or(|died| now.saturating_sub(died) >= pause)
    }
}

impl Up {
    /// Asks, waits, and only then insists.
    fn end(&mut self, now: Duration) -> Option<Do> {
        match self.asked {
            None => {
                self.asked = Some(now);
                Some(Do::Signal(self.pid, Signal::SIGTERM))
            }
            Some(asked) if now.saturating_sub(asked) >= Duration::from_secs(STOP_SECONDS) => {
                Some(Do::Signal(self.pid, Signal::SIGKILL))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::fakes::build::{id, spec};

    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn say(nodes: &mut Nodes, said: &[(u32, bool, u64)]) {
        let order = |run, turn| Some(Order { run, turn, ..Order::of(&spec(1)) });
        nodes.hear(
            said.iter().map(|(number, run, turn)| (id(*number), order(*run, *turn))).collect(),
        );
    }

    fn show(done: &[Do]) -> String {
        let one = |it: &Do| match it {
            Do::Start(id, _) => format!("start {id}"),
            Do::Signal(pid, signal) => format!("{signal} {pid}"),
        };
        done.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// What is decided; what is to start has started, as process 100 plus its number.
    fn act(nodes: &mut Nodes, now: u64, over: bool) -> String {
        let done = nodes.decide(s(now), over);
        for it in &done {
            if let Do::Start(id, _) = it {
                nodes.has_started(*id, 100 + id.number() as i32, s(now));
            }
        }
        show(&done)
    }

    #[test]
    fn what_is_told_to_run_runs_and_what_is_told_to_stop_stops() {
        let mut nodes = Nodes::default();
        say(&mut nodes, &[(1, true, 1), (2, false, 1)]);
        assert_eq!(act(&mut nodes, 0, false), "start antnode0001");
        assert_eq!(act(&mut nodes, 1, false), "");
        say(&mut nodes, &[(1, false, 1), (2, true, 2)]);
        assert_eq!(act(&mut nodes, 2, false), "SIGTERM 101, start antnode0002");
        assert_eq!(act(&mut nodes, 91, false), "", "it has ninety seconds");
        assert_eq!(act(&mut nodes, 92, false), "SIGKILL 101");
        nodes.has_ended(101, s(93));
        assert_eq!(act(&mut nodes, 1000, false), "");
    }

    #[test]
    fn what_ended_as_it_was_told_starts_at_once_when_told_so() {
        let mut nodes = Nodes::default();
        say(&mut nodes, &[(1, true, 1)]);
        act(&mut nodes, 0, false);
        say(&mut nodes, &[(1, false, 1)]);
        assert_eq!(act(&mut nodes, 1, false), "SIGTERM 101");
        // The next order is heard before its end is.
        say(&mut nodes, &[(1, true, 2)]);
        nodes.has_ended(101, s(2));
        assert_eq!(act(&mut nodes, 2, false), "start antnode0001");
    }

    #[test]
    fn the_dead_come_back_with_growing_pauses() {
        let mut nodes = Nodes::default();
        say(&mut nodes, &[(1, true, 1)]);
        let mut now = 0;
        let mut starts = Vec::new();
        while starts.len() < 9 {
            if !act(&mut nodes, now, false).is_empty() {
                starts.push(now);
                nodes.has_ended(101, s(now));
            }
            now += 1;
        }
        let pauses: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        // Told anew it starts at once.
        say(&mut nodes, &[(1, true, 2)]);
        assert_eq!(act(&mut nodes, now, false), "start antnode0001");
        // Who lived for long is back after the shortest pause.
        nodes.has_ended(101, s(now + 60));
        assert_eq!(act(&mut nodes, now + 64, false), "");
        assert_eq!(act(&mut nodes, now + 65, false), "start antnode0001");
        nodes.has_ended(101, s(now + 66));
        nodes.has_failed(id(1), s(now + 66));
        assert_eq!(act(&mut nodes, now + 70, false), "");
    }

    #[test]
    fn silence_stops_nobody_and_starts_nobody() {
        let mut nodes = Nodes::default();
        say(&mut nodes, &[(1, true, 1), (2, true, 1)]);
        assert_eq!(act(&mut nodes, 0, false), "start antnode0001, start antnode0002");
        // The file of the first one is gone, that of the second makes no sense.
        nodes.hear(BTreeMap::from([(id(2), None)]));
        assert_eq!(act(&mut nodes, 1, false), "");
        nodes.has_ended(101, s(2));
        nodes.has_ended(102, s(2));
        assert_eq!(act(&mut nodes, 1000, false), "start antnode0002", "by what it was told last");
        nodes.has_ended(4711, s(1001));
    }

    #[test]
    fn at_the_end_all_are_ended_and_none_is_started() {
        let mut nodes = Nodes::default();
        say(&mut nodes, &[(1, true, 1), (2, true, 1), (3, false, 1)]);
        assert_eq!(act(&mut nodes, 0, false), "start antnode0001, start antnode0002");
        nodes.has_ended(102, s(1));
        assert_eq!(act(&mut nodes, 100, true), "SIGTERM 101");
        assert!(!nodes.is_at_rest());
        assert_eq!(act(&mut nodes, 101, true), "");
        nodes.has_ended(101, s(102));
        assert!(nodes.is_at_rest());
        assert_eq!(act(&mut nodes, 1000, true), "");
    }
}
