//! Whatever happens to a machine, in whatever order: what must hold after every cycle, and where it
//! must end once it is left in peace.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult};

use super::build::{draft, id, seconds};
use super::{MemoryStore, Op, SimHost, World};
use crate::host::{Intents, Store};
use crate::model::{NodeId, NodeKey, NodeRecord, Timestamp, Verb, Want};
use crate::observe::FaultKind;
use crate::plan::Plan;
use crate::policy::{PolicyDraft, Setting};
use crate::run::{CycleOptions, cycle, preview};

/// Nodes there may be at most; few, so that events hit the same ones.
const MOST: u32 = 6;
const HOUR_MS: u64 = 3_600_000;

#[derive(Clone, Debug)]
enum Event {
    Minutes(u64),
    Kill(u32),
    LoseUnit(u32),
    Reboot,
    ForeignCpu(u8),
    ForeignDisk(u64),
    Plugged(bool),
    WallJumps(i64),
    Cap(u32),
    Fails(Op),
    BeginFails,
    FinishFails,
    SaveFails,
    AnswerFails,
    Asked(u8, u32),
}

fn event() -> impl Strategy<Value = Event> {
    let op = prop::sample::select(vec![
        Op::Prepare,
        Op::Check,
        Op::Create,
        Op::Start,
        Op::Stop,
        Op::Archive,
        Op::Dismantle,
        Op::SetAside,
        Op::Delete,
        Op::OpenPort,
        Op::ClosePort,
        Op::States,
        Op::Discover,
        Op::Sample,
        Op::Survey,
        Op::Release,
    ]);
    let node = 1..=MOST;
    prop_oneof![
        6 => (1_u64..20).prop_map(Event::Minutes),
        2 => node.clone().prop_map(Event::Kill),
        1 => node.clone().prop_map(Event::LoseUnit),
        1 => Just(Event::Reboot),
        1 => (0_u8..100).prop_map(Event::ForeignCpu),
        1 => (0_u64..999).prop_map(Event::ForeignDisk),
        1 => any::<bool>().prop_map(Event::Plugged),
        1 => (-200_000_000_i64..200_000_000).prop_map(Event::WallJumps),
        2 => (0..=MOST).prop_map(Event::Cap),
        4 => op.prop_map(Event::Fails),
        1 => Just(Event::BeginFails),
        2 => Just(Event::FinishFails),
        1 => Just(Event::SaveFails),
        1 => Just(Event::AnswerFails),
        3 => (0_u8..7, node).prop_map(|(verb, node)| Event::Asked(verb, node)),
    ]
}

struct Story {
    host: SimHost,
    store: MemoryStore,
    /// Every node that ever had data, and so a key.
    with_data: BTreeSet<NodeKey>,
    /// Uptime, over all boots, of each removal that the engine decided.
    removals: Vec<u64>,
    elapsed_ms: u64,
}

fn settings(cap: u32) -> PolicyDraft {
    [
        (Setting::GrowWindow, "1min"),
        (Setting::SettleTime, "0s"),
        (Setting::QuietTime, "5min"),
        (Setting::LearnTime, "5min"),
        (Setting::DelayStart, "1min"),
        (Setting::DelayRemove, "3min"),
        (Setting::PressureGrace, "3min"),
        (Setting::HdGrace, "10min"),
        (Setting::RestartBackoff, "1min"),
    ]
    .into_iter()
    .fold(draft(), |draft, (setting, text)| draft.with(setting, text))
    .with(Setting::NodeCap, cap.to_string())
}

impl Story {
    fn new() -> Story {
        Story {
            host: SimHost::new(World::new()),
            store: MemoryStore::with_settings(&settings(MOST)),
            with_data: BTreeSet::new(),
            removals: Vec::new(),
            elapsed_ms: 0,
        }
    }

    fn happen(&mut self, event: &Event) -> TestCaseResult {
        match event {
            Event::Minutes(minutes) => {
                for _ in 0..*minutes {
                    self.minute()?;
                }
            }
            Event::Kill(node) => self.host.world().kill(id(*node)),
            Event::LoseUnit(node) => {
                if let Some(node) = self.host.world().nodes.get_mut(&id(*node)) {
                    node.unit = false;
                }
            }
            Event::Reboot => self.host.world().reboot(),
            Event::ForeignCpu(percent) => self.host.world().foreign_cpu = f64::from(*percent),
            Event::ForeignDisk(gb) => {
                for disk in self.host.world().disks.values_mut() {
                    disk.foreign = super::build::gb(*gb);
                }
            }
            Event::Plugged(plugged) => {
                for disk in self.host.world().disks.values_mut() {
                    disk.mounted = *plugged;
                }
            }
            Event::WallJumps(ms) => self.host.world().wall_ms += ms,
            Event::Cap(cap) => {
                self.store.set_policy(&settings(*cap), Timestamp(0)).unwrap();
            }
            Event::Fails(op) => self.host.world().fail_next(*op, FaultKind::Failed),
            Event::BeginFails => self.store.fail_next_begin(FaultKind::Full),
            Event::FinishFails => self.store.fail_next_finish(FaultKind::Failed),
            Event::SaveFails => self.store.fail_next_save(FaultKind::Full),
            Event::AnswerFails => self.store.fail_next_answer(FaultKind::Failed),
            Event::Asked(verb, node) => self.ask(*verb, *node),
        }
        Ok(())
    }

    fn ask(&self, verb: u8, node: u32) {
        let records = self.records();
        let Some(record) = records.iter().find(|record| record.spec.id == id(node)) else {
            return;
        };
        let nodes = vec![record.key()];
        let verb = match verb {
            0 => Verb::Add { count: 1 },
            1 => Verb::Start { nodes },
            2 => Verb::Stop { nodes },
            3 => Verb::Restart { nodes },
            4 => Verb::Remove { nodes },
            5 => Verb::Disable { nodes },
            _ => Verb::Enable { nodes },
        };
        let now = crate::host::Clock::now(&self.host).unwrap();
        self.store.request(&verb, &now).unwrap();
    }

    fn minute(&mut self) -> TestCaseResult {
        self.host.world().advance(seconds(60));
        self.elapsed_ms += 60_000;
        let disabled = self.disabled();
        let shown = self.shown()?;
        let ended = cycle(&self.host.host(&self.store), &CycleOptions::new(), &mut |_| {});
        let report = match ended {
            Ok(report) => report,
            Err(error) => return Err(TestCaseError::fail(format!("{error}"))),
        };
        prop_assert_eq!(&report.plan, &shown, "a dry run shows what the cycle then does");
        let removed = report.done.iter().filter(|it| it.planned.removes_by_engine().is_some());
        self.removals.extend(removed.map(|_| self.elapsed_ms));
        self.note_data();
        self.nothing_is_lost()?;
        self.the_budget_holds()?;
        for (node, process) in disabled {
            let still = self.disabled();
            // Enabled meanwhile, it may be touched.
            if let Some(now) = still.get(&node) {
                prop_assert_eq!(*now, process, "{} is to be left alone", node);
            }
        }
        Ok(())
    }

    /// What a dry run at this instant shows. It changes nothing, so the trouble that is still to
    /// come comes to the cycle as well.
    fn shown(&self) -> Result<Plan, TestCaseError> {
        let ledger = self.store.load().unwrap();
        let (faults, clock, present) = {
            let world = self.host.world();
            (world.faults.clone(), world.uptime_ms, world.present())
        };
        let shown = preview(&self.host.host(&self.store), &CycleOptions::new());
        let plan = shown.map_err(|error| TestCaseError::fail(format!("{error}")))?.2;
        let mut world = self.host.world();
        world.faults = faults;
        prop_assert_eq!((world.uptime_ms, world.present()), (clock, present));
        drop(world);
        prop_assert_eq!(self.store.load().unwrap(), ledger, "a dry run stores nothing");
        Ok(plan)
    }

    /// A key is where it was, or in the archive. No event of these stories deletes one.
    fn nothing_is_lost(&self) -> TestCaseResult {
        let recorded: BTreeSet<NodeKey> = self.records().iter().map(NodeRecord::key).collect();
        let world = self.host.world();
        for key in self.with_data.difference(&recorded) {
            prop_assert!(world.archive.contains(key), "{} is lost", key);
        }
        Ok(())
    }

    fn the_budget_holds(&self) -> TestCaseResult {
        let hour = |at: &&u64| self.elapsed_ms - **at < HOUR_MS;
        let removed = self.removals.iter().filter(hour).count();
        prop_assert!(removed <= 4, "{} removals in an hour", removed);
        Ok(())
    }

    fn note_data(&mut self) {
        let records = self.records();
        let world = self.host.world();
        let has_data = |id: NodeId| world.nodes.get(&id).is_some_and(|node| node.data);
        let keys = records.iter().filter(|it| has_data(it.spec.id)).map(NodeRecord::key);
        let keys: Vec<NodeKey> = keys.collect();
        drop(world);
        self.with_data.extend(keys);
    }

    fn disabled(&self) -> BTreeMap<NodeId, Option<super::SimProcess>> {
        let records = self.records();
        let world = self.host.world();
        records
            .iter()
            .filter(|record| record.want == Want::Disabled)
            .map(|record| record.spec.id)
            .map(|id| (id, world.nodes.get(&id).and_then(|node| node.process)))
            .collect()
    }

    fn records(&self) -> Vec<NodeRecord> {
        self.store.load().unwrap().nodes
    }

    /// All trouble ends.
    fn calm_down(&mut self) {
        let mut world = self.host.world();
        world.faults.clear();
        world.foreign_cpu = 5.0;
        for disk in world.disks.values_mut() {
            (disk.mounted, disk.foreign) = (true, super::build::gb(50));
        }
    }
}

proptest! {
    // The same stories in every run: a change is judged by itself, not by luck. A campaign raises the
    // number and takes another seed.
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_and_everything_comes_to_rest(
        events in prop::collection::vec(event(), 1..60)
    ) {
        let mut story = Story::new();
        for event in &events {
            story.happen(event)?;
        }
        story.calm_down();
        // Long enough for every budget, back-off and quiet time to pass.
        for _ in 0..240 {
            story.minute()?;
        }
        let ledger = story.store.load().unwrap();
        prop_assert_eq!(ledger.open, vec![]);
        prop_assert_eq!(ledger.requests, vec![]);
        let wanted: BTreeSet<NodeId> = ledger
            .nodes
            .iter()
            .filter(|record| record.want == Want::Run)
            .map(|record| record.spec.id)
            .collect();
        let world = story.host.world();
        for (id, node) in &world.nodes {
            let record = ledger.nodes.iter().find(|record| record.spec.id == *id);
            let Some(record) = record else {
                prop_assert!(!node.data && !node.aside && !node.unit && node.process.is_none());
                continue;
            };
            if record.want != Want::Disabled {
                prop_assert_eq!(node.process.is_some(), wanted.contains(id), "{}", id);
            }
        }
    }
}
