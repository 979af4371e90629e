//! One cycle of the real engine against the model: the pure half of `wnm_core::run::cycle`, with the
//! model in place of the host and the book in place of the store.

mod book;
mod look;
mod oracle;

use wnm_core::action::{Action, Change, Done, Fault, Outcome, PlannedAction, Reason, Step};
use wnm_core::model::{NodeSpec, Now, Removal, Verb};
use wnm_core::observe::{Snapshot, is_worth_keeping, keep_sample, snapshot};
use wnm_core::plan::{Plan, PlanScope, check, lower, plan};
use wnm_core::policy::{Policy, PolicyDraft, PolicyError, Setting};

use crate::breach::Breach;
use crate::chance::Chance;
use crate::machine::{Change as SettingChange, text};
use crate::tally::{Act, Tally};
use crate::world::World;
use book::Book;
use look::Looker;
use oracle::Oracle;

/// wnm on the modelled machine.
#[derive(Debug)]
pub(crate) struct Engine<'a> {
    policy: Policy,
    book: Book,
    looker: Looker,
    chance: Chance,
    oracle: Oracle,
    changes: Vec<&'a SettingChange>,
    /// Nodes that the operator has yet to disable.
    to_disable: u32,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(
        world: &World<'a>,
        draft: &PolicyDraft,
        seed: u64,
    ) -> Result<Engine<'a>, Vec<PolicyError>> {
        let policy = Policy::parse(draft, &PolicyDraft::default(), world.machine.cpus)?;
        let mut changes: Vec<&SettingChange> = world.machine.change.iter().collect();
        changes.sort_by(|a, b| b.day.total_cmp(&a.day));
        // Whether the changes to come are sound is known before anything begins.
        changes.iter().rev().try_fold(draft.clone(), |draft, change| {
            let draft = changed(&draft, change);
            Policy::parse(&draft, &PolicyDraft::default(), world.machine.cpus).map(|_| draft)
        })?;
        Ok(Engine {
            looker: Looker::new(world, &policy, seed),
            policy,
            book: Book::new(draft.clone()),
            chance: Chance::new(seed, 5),
            oracle: Oracle::default(),
            changes,
            to_disable: world.machine.trouble.disabled_nodes,
        })
    }

    pub(crate) fn cycle(&mut self, world: &mut World<'_>, tally: &mut Tally) {
        let now = self.looker.now(world);
        self.operate(world, &now);
        let readings = self.looker.look(world, &self.book.ledger, &self.policy, &now);
        let seen = snapshot(&self.book.ledger, &readings, &self.policy.delays, &now);
        let plan = plan(&seen, &self.policy, PlanScope::Everything);
        let violations = check(&plan, &seen, &self.policy);
        let minute = world.minute;
        tally.breach(minute, violations.iter().map(|it| Breach::Unsound { why: it.to_string() }));
        let done = self.apply(&plan, &seen, &now, world, tally);
        let breaches = self.oracle.judge(world, &self.policy, &seen, &plan, &done);
        tally.breach(minute, breaches);
        if let Ok(sample) = readings.machine
            && is_worth_keeping(&self.book.ledger.samples, &sample)
        {
            keep_sample(&mut self.book.ledger.samples, sample);
        }
        let answered = &plan.report.requests;
        self.book.ledger.requests.retain(|asked| answered.iter().all(|it| it.request != asked.id));
        self.book.ledger.memory = plan.memory.after(&done, &seen);
    }

    /// What the operator does: settings that change, nodes that are to be left alone.
    fn operate(&mut self, world: &World<'_>, now: &Now) {
        let days = f64::from(world.minute) / 1440.0;
        while let Some(change) = self.changes.pop_if(|change| change.day <= days) {
            let draft = changed(&self.book.ledger.draft, change);
            let parsed = Policy::parse(&draft, &PolicyDraft::default(), world.machine.cpus);
            if let Ok(policy) = parsed {
                (self.policy, self.book.ledger.draft) = (policy, draft);
                self.book.ledger.generation += 1;
            }
        }
        if self.to_disable > 0 && days >= 1.0 {
            let first = self.book.ledger.nodes.iter().take(self.to_disable as usize);
            let nodes: Vec<_> = first.map(|record| record.key()).collect();
            self.to_disable = 0;
            self.book.ask(Verb::Disable { nodes }, now);
        }
    }

    fn apply(
        &mut self,
        plan: &Plan,
        seen: &Snapshot,
        now: &Now,
        world: &mut World<'_>,
        tally: &mut Tally,
    ) -> Vec<Done> {
        let mut done = Vec::new();
        for planned in &plan.actions {
            let spec = match &planned.action {
                Action::Add { spec, .. } => spec.as_ref(),
                action => match seen.node(action.node()) {
                    Some(node) => &node.record.spec,
                    None => continue,
                },
            };
            let Some(node) = self.book.begin(planned, now) else { continue };
            let outcome = self.run_steps(&planned.action, spec, world);
            self.book.finish(planned, &outcome);
            if outcome.is_done() {
                tally.act(act(planned));
            }
            done.push(Done { node, planned: planned.clone(), outcome });
        }
        done
    }

    fn run_steps(&mut self, action: &Action, spec: &NodeSpec, world: &mut World<'_>) -> Outcome {
        let steps = lower(action, spec);
        let fails = self.chance.happens(world.machine.trouble.failing_actions);
        let failing = if fails { self.chance.one_of(steps.len()) } else { steps.len() };
        let mut changes = Vec::with_capacity(steps.len());
        for (place, step) in steps.into_iter().enumerate() {
            if place == failing {
                let message = "the host was told to fail".to_owned();
                return Outcome::Failed { fault: Fault { step: Some(step), message } };
            }
            match self.run_step(&step, spec, world) {
                Ok(change) => changes.push(change),
                Err(message) => {
                    return Outcome::Failed { fault: Fault { step: Some(step), message } };
                }
            }
        }
        Outcome::Done { changes }
    }

    fn run_step(
        &mut self,
        step: &Step,
        spec: &NodeSpec,
        world: &mut World<'_>,
    ) -> Result<Change, String> {
        let number = spec.id.number();
        let of = |changed: bool| if changed { Change::Made } else { Change::AlreadySo };
        match step {
            Step::Prepare { .. } | Step::BringBack { .. } | Step::Enrol { .. } => {
                let disk = world.disk_at(&spec.storage);
                let disk = disk.ok_or_else(|| format!("no {}", spec.storage.display()))?;
                Ok(of(world.create(number, disk)))
            }
            Step::Check { .. } if world.node(number).is_none() => {
                Err("its directory is gone".to_owned())
            }
            Step::Start => {
                world.enable(number, spec.autostart);
                Ok(of(world.start(number)))
            }
            Step::Stop => {
                world.enable(number, false);
                Ok(of(world.stop(number)))
            }
            Step::Delete => Ok(of(world.delete(number))),
            Step::Check { .. }
            | Step::Create
            | Step::Stage { .. }
            | Step::Replace { .. }
            | Step::PutBack { .. }
            | Step::DropKept
            | Step::Archive
            | Step::HandOver
            | Step::Carry { .. }
            | Step::ClearLeft
            | Step::Dismantle
            | Step::SetAside => Ok(Change::Made),
            Step::OpenPort { .. } | Step::ClosePort { .. } | Step::Reset => Ok(Change::NotManaged),
        }
    }
}

fn changed(draft: &PolicyDraft, change: &SettingChange) -> PolicyDraft {
    let draft = draft.clone();
    match change.setting.parse::<Setting>() {
        Ok(setting) => draft.with(setting, text(&change.value)),
        Err(_) => draft,
    }
}

/// What an action that succeeded counts as.
fn act(planned: &PlannedAction) -> Act {
    match &planned.action {
        action if action.starts() => match planned.reason {
            Reason::Down { .. } => Act::Heal,
            _ => Act::Start,
        },
        Action::Stop { .. } => match planned.reason {
            Reason::Pressure { .. } | Reason::Emergency { .. } => Act::StopForPressure,
            _ => Act::Stop,
        },
        Action::Retire { .. } => Act::Stop,
        Action::Remove { cause: Removal::Disk, .. } => Act::RemoveForDisk,
        Action::Remove { cause: Removal::Cap, .. } => Act::RemoveForCap,
        Action::Remove { .. } => Act::RemoveOther,
        _ => Act::Word,
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::model::NodeKey;

    use super::*;
    use crate::machine::Machine;

    /// A machine on which three nodes run, as a cycle sees it.
    pub(super) struct Stage<'a> {
        pub(super) world: World<'a>,
        pub(super) policy: Policy,
        pub(super) seen: Snapshot,
    }

    impl<'a> Stage<'a> {
        pub(super) fn machine() -> Machine {
            let text = "cpus = 8\nmemory_gb = 32\n[[disk]]\nsize_gb = 900\n[settings]\n\
                        node_cap = 3\nsettle_time = \"0s\"\ngrow_window = \"0s\"\n\
                        delay_start = \"0s\"\n";
            Machine::parse(text).expect("it is sound")
        }

        pub(super) fn new(machine: &'a Machine) -> Stage<'a> {
            let mut world = World::new(machine, 1);
            let mut engine = Engine::new(&world, &machine.draft(), 1).expect("it is sound");
            let mut tally = Tally::new(60);
            for _ in 0..60 {
                engine.cycle(&mut world, &mut tally);
                world.pass();
            }
            let now = engine.looker.now(&world);
            let (ledger, policy) = (&engine.book.ledger, &engine.policy);
            let readings = engine.looker.look(&world, ledger, policy, &now);
            let seen = snapshot(ledger, &readings, &policy.delays, &now);
            assert_eq!(seen.nodes.len(), 3);
            assert_eq!(world.running(), 3);
            Stage { world, policy: engine.policy, seen }
        }

        pub(super) fn key(&self, place: usize) -> NodeKey {
            self.seen.nodes[place].record.key()
        }

        pub(super) fn fill_disk(&mut self) {
            self.world.state.disks[0] = 890e9;
        }
    }
}
