//! One scenario after the other, and one blow after the other in each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use wnm_core::model::{Manager, NodeRecord};

use super::judge::{self, Bounds};
use super::moments::{self, Moment};
use super::reach::{self, Reached};
use super::seen::{Seen, State};
use super::stage::{Keeper, Stage};
use super::strace::{self, Blow, Struck};
use crate::harness::TestEnv;

/// So many ordinary cycles may have something to do after wnm died.
const CYCLES: usize = 3;

/// A machine that does much else takes seconds for a cycle.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is interrupted, and of what it may be.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// With whom it is of interest; with everybody when it is empty.
    pub(super) only: &'static [Keeper],
    /// Makes the home in which it begins.
    pub(super) prepare: fn(&Ground) -> TestEnv,
    /// The command.
    pub(super) args: fn(&TestEnv) -> Vec<String>,
    /// Nodes that it may touch, by name.
    pub(super) touches: &'static [&'static str],
    /// Data directories of nodes that run on without wnm.
    pub(super) released: fn(&TestEnv) -> Vec<PathBuf>,
    /// It is whole only when it was run again, before the cycles.
    pub(super) again: bool,
    /// A cycle comes first, and finds the nodes in their new processes.
    pub(super) settles: bool,
    /// What is done each time just before, so that the command has its reason.
    pub(super) occasion: fn(&TestEnv),
    /// The cycles do it in any case, whether the command began it or not.
    pub(super) due: bool,
}

/// Who keeps the nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground {
    /// As the setting says it.
    pub(super) manager: &'static str,
    pub(super) keeper: Keeper,
    /// What `init` is told besides.
    pub(super) more: &'static [&'static str],
    /// Actions that are never planned there, or single steps of them.
    pub(super) never: &'static [&'static str],
}

/// A scenario with the usual answers.
pub(super) const USUAL: Scenario = Scenario {
    name: "",
    only: &[],
    prepare: |_| TestEnv::new(),
    args: |_| Vec::new(),
    touches: &[],
    released: |_| Vec::new(),
    again: false,
    settles: true,
    occasion: |_| {},
    due: false,
};

/// What was tried and what came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Deaths by action and step.
    pub(super) deaths: BTreeMap<Reached, usize>,
    /// Deaths between two actions, before the first or after the last.
    pub(super) between: usize,
    /// Blows that only a child of wnm got, which had not become a tool yet.
    pub(super) children: usize,
    /// Blows that hit nothing, because that run did not come to it.
    pub(super) missed: usize,
    /// Calls that failed or wrote half, by what they answered.
    pub(super) faults: BTreeMap<String, usize>,
    /// Most cycles that had something to do.
    pub(super) cycles: usize,
    /// What was wrong.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    pub(super) fn kills(&self) -> usize {
        self.deaths.values().sum::<usize>() + self.between
    }
}

/// Deals every scenario `budget` blows, two scenarios at a time.
pub(super) fn run(ground: &Ground, scenarios: &[Scenario], blows: &[Blow]) -> Tally {
    let budget = super::budget();
    let is_of_interest = |it: &&Scenario| {
        let of_keeper = it.only.is_empty() || it.only.contains(&ground.keeper);
        of_keeper && (budget.is_some() || super::OF_EVERY_DAY.contains(&it.name))
    };
    let budget = budget.unwrap_or(super::EVERYDAY);
    let chosen = scenarios.iter().filter(is_of_interest).collect::<Vec<_>>();
    let (tally, next) = (Mutex::new(Tally::default()), Mutex::new(chosen.into_iter()));
    let only = std::env::var("WNM_CRASH_ONLY").unwrap_or_default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(scenario) = { next.lock().expect("whole").next() } {
                    let named = only.split(':').next() == Some(scenario.name);
                    if named || only.is_empty() {
                        guarded(ground, scenario, budget, blows, &tally, &only);
                    }
                }
            });
        }
    });
    tally.into_inner().expect("whole")
}

/// One that breaks does not keep the others from being tried.
fn guarded(
    ground: &Ground,
    scenario: &Scenario,
    budget: usize,
    blows: &[Blow],
    tally: &Mutex<Tally>,
    only: &str,
) {
    let begun = Instant::now();
    let play = || play(ground, scenario, budget, blows, tally, only);
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)).is_err() {
        let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tally.wrong.push(format!("{} could not be played to its end, see above", scenario.name));
    }
    super::tell(&format!("{}: {} s\n", scenario.name, begun.elapsed().as_secs()));
}

fn play(
    ground: &Ground,
    scenario: &Scenario,
    budget: usize,
    blows: &[Blow],
    tally: &Mutex<Tally>,
    only: &str,
) {
    let env = (scenario.prepare)(ground);
    let released = (scenario.released)(&env);
    let args = (scenario.args)(&env);
    let stage = Stage::keep(env, ground.keeper);
    set(scenario, &stage);
    let (undisturbed, moments) = strace::moments(&stage.env, &args);
    let done = rest_undisturbed(scenario, &stage.env, &undisturbed);
    for (moment, blow) in choose(moments, budget, blows, only) {
        set(scenario, &stage);
        let before = Seen::look(&stage.env);
        let touches = scenario.touches;
        let bounds = Bounds { before: &before, done: &done, touches, released: &released };
        let trial = Trial { scenario, env: &stage.env, args: &args, bounds };
        let (struck, wrong, cycles) = trial.run(&moment, blow);
        let line = format!(
            "{}:{}:{} ({}) {}",
            scenario.name, moment.call, moment.nth, moment.args, moment.at
        );
        note(&mut tally.lock().expect("whole"), &struck, blow, cycles, &line, wrong);
    }
}

/// The scene as it is before the command.
fn set(scenario: &Scenario, stage: &Stage) {
    stage.again(scenario.touches);
    if scenario.settles {
        stage.env.run(&["run"]).expect(0);
    }
    (scenario.occasion)(&stage.env);
}

/// How it looks when nothing goes wrong.
fn rest_undisturbed(scenario: &Scenario, env: &TestEnv, ran: &Struck) -> State {
    let code = ran.status.code();
    assert_eq!(code, Some(0), "{}: {}{}", scenario.name, ran.stdout, ran.stderr);
    rest(env, None).unwrap_or_else(|why| panic!("{} comes to no rest: {why}", scenario.name));
    Seen::look(env).state
}

/// Ordinary cycles until one has nothing to do and waits for nothing; how many had.
fn rest(env: &TestEnv, goal: Option<&State>) -> Result<usize, String> {
    let end = Instant::now() + PATIENCE;
    let mut worked = 0;
    // A teardown that is whole leaves nothing to run.
    while env.base_dir().join("colony.db").exists() {
        let ran = env.run(&["run", "--json"]);
        if ran.code != Some(0) {
            return Err(format!("a cycle fails: {}", ran.block()));
        }
        worked += usize::from(ran.json()["done"].as_array().is_none_or(|done| !done.is_empty()));
        let is_late = Instant::now() > end;
        if worked > CYCLES || is_late {
            let history = env.run(&["history"]).block();
            let why = if is_late { "no rest in time" } else { "more cycles than that had work" };
            return Err(format!("P2: {CYCLES} cycles are not enough, {why}: {history}"));
        }
        let is_on_trial = |record: &NodeRecord| record.upgrade.is_some();
        if ran.json()["done"].as_array().is_some_and(Vec::is_empty) {
            let now = Seen::look(env);
            let is_there = goal.is_none_or(|goal| now.state == *goal);
            if is_there && !now.records.iter().any(is_on_trial) {
                break;
            }
        }
    }
    Ok(worked)
}

struct Trial<'a> {
    scenario: &'a Scenario,
    env: &'a TestEnv,
    args: &'a [String],
    bounds: Bounds<'a>,
}

impl Trial<'_> {
    fn run(&self, moment: &Moment, blow: Blow) -> (Struck, Vec<String>, usize) {
        let struck = strace::strike(self.env, self.args, moment, blow);
        let after = Seen::look(self.env);
        let mut wrong = judge::at_once(&self.bounds, &struck, &after);
        if blow != Blow::Kill && !matches!(struck.status.code(), Some(0..=10)) {
            wrong.push(format!("P5: it did not end by itself: {}", struck.status));
        }
        let mut again = String::new();
        let mut known = self.bounds.before.all_keys();
        known.extend(after.all_keys());
        if self.scenario.again && struck.status.code() != Some(0) {
            let words: Vec<&str> = self.args.iter().map(String::as_str).collect();
            // What the first finds unfinished it finishes, and may say so instead of doing its own.
            for _ in 0..2 {
                let ran = self.env.run(&words);
                again += &format!("again: {}", ran.block());
                if ran.code == Some(0) {
                    break;
                }
            }
        }
        let cycles = match rest(self.env, self.goal()) {
            Ok(cycles) => cycles,
            Err(why) => {
                wrong.push(why);
                0
            }
        };
        let now = Seen::look(self.env);
        let must = match blow {
            Blow::Kill => self.is_begun(&after),
            // What failed was told, and may stay as it was.
            _ => struck.status.code() == Some(0),
        };
        let begun = self.scenario.again || self.scenario.due || must;
        wrong.extend(judge::at_rest(&self.bounds, begun, &known, &now));
        if !wrong.is_empty() {
            let text = format!("{}\n{}\n{again}", struck.stdout, struck.stderr);
            wrong.push(format!("it said: {}", text.trim().replace('\n', "\n      ")));
        }
        (struck, wrong, cycles)
    }

    /// What the cycles go on to, however long it takes; else they end as soon as one is idle.
    fn goal(&self) -> Option<&State> {
        self.scenario.due.then_some(self.bounds.done)
    }

    /// True when the journal has what it had not before: it is to be done, whatever happened.
    fn is_begun(&self, after: &Seen) -> bool {
        let lines = |seen: &Seen| seen.journal.as_ref().map_or(0, Vec::len);
        after.journal.is_none() || lines(after) > lines(self.bounds.before)
    }
}

fn choose(moments: Vec<Moment>, budget: usize, blows: &[Blow], only: &str) -> Vec<(Moment, Blow)> {
    let is_wanted = |moment: &Moment| match only.splitn(3, ':').collect::<Vec<_>>()[..] {
        [_, call, nth] => moment.call == call && moment.nth.to_string() == nth,
        _ => true,
    };
    let moments: Vec<Moment> = moments::spread(moments).into_iter().filter(is_wanted).collect();
    // Each moment with one blow before any has its second.
    let rounds =
        (0..blows.len()).flat_map(|round| moments.iter().enumerate().map(move |it| (round, it)));
    let paired = rounds.map(|(round, (at, moment))| (moment, blows[(at + round) % blows.len()]));
    let fitting = paired.filter(|(moment, blow)| blow.fits(&moment.call));
    let mut chosen: Vec<(Moment, Blow)> =
        fitting.map(|(moment, blow)| (moment.clone(), blow)).collect();
    chosen.truncate(budget);
    chosen
}

fn note(
    tally: &mut Tally,
    struck: &Struck,
    blow: Blow,
    cycles: usize,
    line: &str,
    wrong: Vec<String>,
) {
    match (blow, struck.was_killed(), struck.hit.is_some()) {
        (Blow::Kill, true, _) => match judge::step_of(struck) {
            Some(reached) => *tally.deaths.entry(reached).or_default() += 1,
            None => tally.between += 1,
        },
        (Blow::Kill, false, _) => match struck.children_killed {
            true => tally.children += 1,
            false => tally.missed += 1,
        },
        (_, _, false) => tally.missed += 1,
        (Blow::Fault(what), ..) => *tally.faults.entry(what.to_owned()).or_default() += 1,
        (Blow::Lasting(what), ..) => {
            *tally.faults.entry(format!("{what} from then on")).or_default() += 1;
        }
        (Blow::Short, ..) => *tally.faults.entry("nothing written".to_owned()).or_default() += 1,
    }
    tally.cycles = tally.cycles.max(cycles);
    if !wrong.is_empty() {
        tally.wrong.push(format!("{line} {blow:?}\n    {}", wrong.join("\n    ")));
    }
}

/// Everything that nodes can come to there and that nobody died in.
pub(super) fn missing(tally: &Tally, ground: &Ground) -> Vec<Reached> {
    let manager: Manager = ground.manager.parse().expect("a manager");
    let all = reach::reachable(manager).into_iter();
    let never = |(action, step): &Reached| {
        let both = format!("{action} {step}");
        ground.never.iter().any(|it| it == action || *it == both)
    };
    let all = all.filter(|reached| !never(reached));
    all.filter(|reached| !tally.deaths.contains_key(reached)).collect()
}
