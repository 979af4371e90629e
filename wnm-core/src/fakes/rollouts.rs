//! Whole rollouts on the simulated host: good releases, bad ones, and a wnm that dies at every step.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::build::{draft, id, release, seconds};
use super::{Ail, MemoryStore, SimHost, World};
use crate::action::Action;
use crate::host::{Intents, Store};
use crate::model::{NodeId, Release, Timestamp, Verb, Version};
use crate::policy::{PolicyDraft, Setting};
use crate::run::{CycleOptions, CycleReport, Event, cycle};

const NODES: u32 = 4;

struct Fleet {
    host: SimHost,
    store: MemoryStore,
}

fn settings(mode: &str) -> PolicyDraft {
    [
        (Setting::NodeCap, "4"),
        (Setting::UpgradeMode, mode),
        (Setting::DelayUpgrade, "3min"),
        (Setting::CanaryTime, "5min"),
        (Setting::GrowWindow, "0s"),
        (Setting::SettleTime, "0s"),
        (Setting::LearnTime, "0s"),
        (Setting::DelayStart, "1min"),
        (Setting::MaxConcurrentStarts, "4"),
    ]
    .into_iter()
    .fold(draft(), |draft, (setting, text)| draft.with(setting, text))
}

fn next() -> Version {
    "0.24.0".parse().unwrap()
}

impl Fleet {
    /// Four nodes that have run for an hour.
    fn new(mode: &str) -> Fleet {
        let fleet = Fleet {
            host: SimHost::new(World::new()),
            store: MemoryStore::with_settings(&settings(mode)),
        };
        for _ in 0..40 {
            fleet.minute();
        }
        assert_eq!(fleet.host.world().running(), NODES as usize);
        for node in fleet.host.world().nodes.values_mut() {
            (node.peers, node.records) = (Some(5), Some(10));
        }
        fleet.minute();
        fleet
    }

    fn released(&self, ail: Option<Ail>) {
        let mut world = self.host.world();
        world.release = Some(Release::new(next(), "/opt/next"));
        world.ails.extend(ail.map(|ail| (next(), ail)));
    }

    fn minute(&self) -> CycleReport {
        self.host.world().advance(seconds(60));
        cycle(&self.host.host(&self.store), &CycleOptions::new(), &mut |_| {}).unwrap()
    }

    /// A cycle that ends with the n-th thing it tells: as if it had been killed there.
    fn killed_at(&self, n: &mut usize) -> bool {
        self.host.world().advance(seconds(60));
        let mut tell = |event: Event<'_>| {
            let counts = matches!(
                event,
                Event::Begun(_) | Event::Stepping(..) | Event::Ended(..) | Event::Planned(_)
            );
            if counts {
                assert!(*n > 0, "killed");
                *n -= 1;
            }
        };
        let host = self.host.host(&self.store);
        let run = || cycle(&host, &CycleOptions::new(), &mut tell).map(|_| ());
        catch_unwind(AssertUnwindSafe(run)).is_err()
    }

    fn versions(&self) -> Vec<String> {
        self.host.world().nodes.values().map(|node| node.program.version.to_string()).collect()
    }

    fn all_have(&self, version: &Version) -> bool {
        self.versions().iter().all(|has| *has == version.to_string())
    }

    fn is_quarantined(&self) -> bool {
        !self.store.load().unwrap().holds.is_empty()
    }

    #[track_caller]
    fn is_whole(&self) {
        let world = self.host.world();
        assert_eq!(world.running(), NODES as usize, "all run");
        for node in world.nodes.values() {
            let own = format!("key-of-{}", node.spec.id);
            assert_eq!(node.program.key, own, "every node is who it was");
            assert_eq!(node.program.staged, None, "nothing is left beside it");
        }
    }

    fn upgraded_order(&self) -> Vec<NodeId> {
        let history = self.store.history(&Default::default()).unwrap();
        let upgrades =
            history.iter().filter(|it| matches!(it.planned.action, Action::Upgrade { .. }));
        upgrades.map(|it| it.node.id).collect()
    }
}

#[test]
fn a_good_release_reaches_all_nodes_oldest_first_and_rests() {
    let fleet = Fleet::new("managed");
    fleet.released(None);
    for _ in 0..30 {
        fleet.minute();
    }
    assert!(fleet.all_have(&next()));
    assert_eq!(fleet.upgraded_order(), [id(1), id(2), id(3), id(4)]);
    let report = fleet.minute();
    assert_eq!(report.plan.actions, []);
    assert_eq!(report.plan.report.rollout, None);
    let ledger = fleet.store.load().unwrap();
    assert!(ledger.nodes.iter().all(|it| it.upgrade.is_none() && it.version == Some(next())));
    assert!(fleet.host.world().nodes.values().all(|node| node.program.kept.is_none()));
    fleet.is_whole();
}

#[test]
fn a_bad_release_is_stopped_at_the_canary_however_it_fails() {
    let ails = [
        (Ail::RefusesToStart, 1),
        (Ail::DiesAfter(seconds(60)), 2),
        (Ail::DiesAfter(seconds(200)), 5),
        (Ail::LosesIdentity, 2),
        (Ail::Mute, 4),
        (Ail::NoPeers, 6),
    ];
    for (ail, shows_after) in ails {
        let fleet = Fleet::new("managed");
        fleet.released(Some(ail));
        fleet.minute();
        assert_eq!(fleet.upgraded_order(), [id(1)], "{ail:?}: one canary");
        // Two cycles after it shows, every node is back.
        for _ in 0..shows_after + 1 {
            fleet.minute();
        }
        assert!(fleet.is_quarantined(), "{ail:?}: {:?}", fleet.versions());
        assert!(fleet.all_have(&release().version), "{ail:?}: {:?}", fleet.versions());
        for _ in 0..90 {
            fleet.minute();
        }
        assert_eq!(fleet.upgraded_order(), [id(1)], "{ail:?}: never again");
        fleet.is_whole();
    }
}

#[test]
fn what_was_quarantined_is_tried_again_only_by_word() {
    let fleet = Fleet::new("managed");
    fleet.released(Some(Ail::RefusesToStart));
    for _ in 0..70 {
        fleet.minute();
    }
    fleet.host.world().ails.clear();
    let program = fleet.store.load().unwrap().nodes[0].spec.program;
    assert!(fleet.store.unquarantine(program, &next()).unwrap());
    for _ in 0..60 {
        fleet.minute();
    }
    assert!(fleet.all_have(&next()), "also the one on which it was taken back");
    fleet.is_whole();
}

/// The whole rollout, with one cycle of it killed at every single thing that it does.
#[test]
fn wherever_wnm_dies_a_good_release_is_rolled_out_and_a_bad_one_taken_back() {
    for ail in [None, Some(Ail::RefusesToStart), Some(Ail::DiesAfter(seconds(60)))] {
        let mut killed = 0;
        for at in 0.. {
            let fleet = Fleet::new("managed");
            fleet.released(ail);
            let mut left = at;
            let was_killed = (0..30).any(|_| fleet.killed_at(&mut left));
            if !was_killed {
                break;
            }
            killed += 1;
            for _ in 0..40 {
                fleet.minute();
            }
            let wanted = if ail.is_some() { release().version } else { next() };
            assert!(fleet.all_have(&wanted), "{ail:?}, killed at {at}: {:?}", fleet.versions());
            assert_eq!(fleet.is_quarantined(), ail.is_some(), "{ail:?}, killed at {at}");
            fleet.is_whole();
        }
        assert!(killed > 15, "{ail:?}: {killed} places");
    }
}

/// A restart that an operator asks for, of a node that is not proven yet, cut off at every place.
#[test]
fn what_wnm_ended_itself_is_no_failure_of_a_release() {
    let mut killed = 0;
    for at in 0.. {
        let fleet = Fleet::new("managed");
        fleet.released(None);
        fleet.minute();
        fleet.minute();
        let node = fleet.store.load().unwrap().nodes[0].key();
        let now = fleet.host.host(&fleet.store).clock.now().unwrap();
        fleet.store.request(&Verb::Restart { nodes: vec![node] }, &now).unwrap();
        let mut left = at;
        if !fleet.killed_at(&mut left) {
            break;
        }
        killed += 1;
        for _ in 0..40 {
            fleet.minute();
            assert!(!fleet.is_quarantined(), "killed at {at}");
        }
        assert!(fleet.all_have(&next()), "killed at {at}: {:?}", fleet.versions());
        fleet.is_whole();
    }
    assert!(killed > 4, "{killed} places");
}

#[test]
fn a_reboot_in_the_middle_is_no_failure() {
    for after in 1..12 {
        let fleet = Fleet::new("managed");
        fleet.released(None);
        for _ in 0..after {
            fleet.minute();
        }
        fleet.host.world().reboot();
        for _ in 0..40 {
            fleet.minute();
        }
        assert!(!fleet.is_quarantined(), "after {after}");
        assert!(fleet.all_have(&next()), "after {after}: {:?}", fleet.versions());
        fleet.is_whole();
    }
}

/// A container daemon was restarted, or somebody ended everything by hand.
#[test]
fn what_ends_every_node_at_once_is_no_failure_of_the_release() {
    for after in 1..12 {
        let fleet = Fleet::new("managed");
        fleet.released(None);
        for _ in 0..after {
            fleet.minute();
        }
        for node in fleet.host.world().nodes.values_mut() {
            node.process = None;
        }
        for _ in 0..40 {
            fleet.minute();
        }
        assert!(!fleet.is_quarantined(), "after {after}");
        assert!(fleet.all_have(&next()), "after {after}: {:?}", fleet.versions());
        fleet.is_whole();
    }
}

#[test]
fn a_program_that_upgrades_itself_is_accompanied() {
    let fleet = Fleet::new("self");
    fleet.host.world().upgrade_itself(id(2), &next());
    let report = fleet.minute();
    let node = report.snapshot.node(id(2)).unwrap();
    assert_eq!(node.seen.state.name(), "upgrading");
    let memory = &report.plan.memory.nodes[&node.record()];
    assert_eq!(memory.deaths, []);
    let acts: Vec<String> =
        report.plan.actions.iter().map(|it| format!("{}: {}", it.action, it.reason)).collect();
    assert_eq!(acts, ["recognise antnode0002: it upgraded itself from 0.23.1 to 0.24.0"]);
    assert_eq!(fleet.store.load().unwrap().nodes[1].version, Some(next()));
    for _ in 0..6 {
        assert_eq!(fleet.minute().plan.actions, []);
    }
    let report = fleet.minute();
    assert_eq!(report.snapshot.node(id(2)).unwrap().seen.state.name(), "running");
}

#[test]
fn a_look_into_a_program_that_failed_is_made_again() {
    let fleet = Fleet::new("self");
    fleet.host.world().upgrade_itself(id(2), &next());
    fleet.host.world().fail_next(super::Op::Examine, crate::observe::FaultKind::Timeout);
    assert_eq!(fleet.minute().plan.actions, []);
    let acts: Vec<String> =
        fleet.minute().plan.actions.iter().map(|it| it.action.to_string()).collect();
    assert_eq!(acts, ["recognise antnode0002"]);
}

#[test]
fn a_full_disk_leaves_the_old_version_running() {
    let fleet = Fleet::new("managed");
    fleet.released(None);
    let before: Vec<u32> =
        fleet.host.world().nodes.values().map(|node| node.process.unwrap().pid).collect();
    fleet.host.world().fail_next(super::Op::Stage, crate::observe::FaultKind::Full);
    fleet.minute();
    let after: Vec<u32> =
        fleet.host.world().nodes.values().map(|node| node.process.unwrap().pid).collect();
    assert_eq!(before, after, "no process was touched");
    assert!(fleet.all_have(&release().version));
    assert!(fleet.store.load().unwrap().nodes.iter().all(|it| it.upgrade.is_none()));
    assert!(!fleet.is_quarantined());
}

#[test]
fn upgrades_pause_and_go_on() {
    let fleet = Fleet::new("managed");
    fleet.released(None);
    fleet.store.pause_upgrades(Some(Timestamp(7))).unwrap();
    for _ in 0..20 {
        fleet.minute();
    }
    assert_eq!(fleet.upgraded_order(), []);
    fleet.store.pause_upgrades(None).unwrap();
    fleet.minute();
    assert_eq!(fleet.upgraded_order(), [id(1)]);
}
