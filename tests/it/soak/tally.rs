//! What was done, what it cost, and what was wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Wanted;
use super::tell;
use super::world::{Ran, World};

/// So many of the last events are told with a violation.
const REMEMBERED: usize = 40;

/// A cycle in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) peak_kb: u64,
    pub(super) took: Duration,
    pub(super) store: u64,
    pub(super) log: u64,
    /// But for the archive and the nodes' own.
    pub(super) files: usize,
    /// Lines in the journal.
    pub(super) journal: usize,
}

pub(super) struct Tally {
    pub(super) began: Instant,
    pub(super) cycles: usize,
    pub(super) violations: Vec<String>,
    /// What was done to whom, by its name.
    done: BTreeMap<String, usize>,
    /// How commands ended, by their first word and exit code.
    ends: BTreeMap<(String, String), usize>,
    samples: Vec<(Duration, Sample)>,
    recent: VecDeque<String>,
    seed: u64,
    shown: Duration,
}

impl Tally {
    pub(super) fn new(wanted: &Wanted) -> Tally {
        Tally {
            began: Instant::now(),
            cycles: 0,
            violations: Vec::new(),
            done: BTreeMap::new(),
            ends: BTreeMap::new(),
            samples: Vec::new(),
            recent: VecDeque::new(),
            seed: wanted.seed,
            shown: Duration::ZERO,
        }
    }

    /// The nodes run: now it counts.
    pub(super) fn begin(&mut self) {
        tell(&format!("all nodes run after {} s\n", self.began.elapsed().as_secs()));
        self.began = Instant::now();
    }

    /// Something was done `times` times.
    pub(super) fn note(&mut self, what: &str, times: usize) {
        *self.done.entry(what.to_owned()).or_default() += times;
    }

    /// Something happened that may explain what is wrong later.
    pub(super) fn remember(&mut self, what: String) {
        let at = self.began.elapsed().as_secs_f32();
        self.recent.push_back(format!("{at:.1} s, cycle {}: {what}", self.cycles));
        while self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
    }

    pub(super) fn wrong(&mut self, what: String) {
        let at = self.began.elapsed().as_secs();
        let text = format!("{at} s, cycle {}, seed {}: {what}", self.cycles, self.seed);
        let recent = self.recent.iter().map(|it| format!("\n    {it}")).collect::<String>();
        tell(&format!("VIOLATION {text}{recent}\n"));
        self.violations.push(text);
    }

    /// What a cycle usually takes.
    pub(super) fn usual_ms(&self) -> u64 {
        median(&self.samples[self.samples.len().saturating_sub(30)..], |it| {
            it.took.as_millis() as u64
        })
    }

    /// A command ended by itself: with a code that is documented, and that fits.
    pub(super) fn ended(&mut self, world: &World, command: &str, ran: &Ran) {
        let code = ran.code.map_or("hung".to_owned(), |code| code.to_string());
        self.remember(format!("{command}: exit {code} after {:?}", ran.took));
        let word = command.split(' ').take(2).collect::<Vec<_>>().join(" ");
        *self.ends.entry((word, code)).or_default() += 1;
        let is_fine = match ran.code {
            Some(0 | 1 | 2 | 3 | 5 | 6) => true,
            // The store cannot be written then, or cannot be made whole.
            Some(8) => world.is_full,
            _ => false,
        };
        if !is_fine || ran.said.contains("panicked") {
            self.wrong(format!("`{command}` ended with {:?}: {}", ran.code, ran.said));
        }
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        let at = self.began.elapsed();
        self.samples.push((at, sample));
        if at - self.shown >= Duration::from_secs(120) {
            self.shown = at;
            let Sample { peak_kb, took, store, log, files, journal } = sample;
            tell(&format!(
                "{} s: {} cycles, the last {} ms with {peak_kb} kB; store {store} + {log} bytes, \
                 {journal} lines; {files} files; {} violations\n",
                at.as_secs(),
                self.cycles,
                took.as_millis(),
                self.violations.len()
            ));
        }
    }

    /// Everything, for people.
    pub(super) fn table(&self, wanted: &Wanted) -> String {
        let (nodes, seed) = (wanted.nodes, wanted.seed);
        let mut text = format!(
            "\n{} cycles in {} s with {nodes} nodes of {}, seed {seed}\n\n| what | times |\n|---|---|\n",
            self.cycles,
            self.began.elapsed().as_secs(),
            wanted.manager
        );
        for (what, times) in &self.done {
            text += &format!("| {what} | {times} |\n");
        }
        text += "\n| command | exit | times |\n|---|---|---|\n";
        for ((command, code), times) in &self.ends {
            text += &format!("| {command} | {code} | {times} |\n");
        }
        text += &self.growth();
        text += &format!("\n{} violations\n", self.violations.len());
        self.violations.iter().for_each(|it| text += &format!("- {it}\n"));
        text
    }

    /// Each eighth of the run; what is flat has the same in all.
    fn growth(&self) -> String {
        let mut text =
            "\n| eighth | cycles | peak of wnm, median kB | a cycle, median ms | store and \
                        log, median kB | at most | lines of the journal | files, median |\n"
                .to_owned();
        text += "|---|---|---|---|---|---|---|---|\n";
        for eighth in 0..8 {
            let part = self.part(eighth, 8);
            let Some((_, last)) = part.last() else { continue };
            let kb = |it: &Sample| (it.store + it.log) / 1024;
            text += &format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
                eighth + 1,
                part.len(),
                median(part, |it| it.peak_kb),
                median(part, |it| it.took.as_millis() as u64),
                median(part, kb),
                part.iter().map(|(_, it)| kb(it)).max().unwrap_or(0),
                last.journal,
                median(part, |it| it.files as u64)
            );
        }
        let peak = |quarter| median(self.part(quarter, 4), |it| it.peak_kb);
        text + &format!(
            "\npeak of wnm, median: first quarter {} kB, last {} kB\n",
            peak(0),
            peak(3)
        )
    }

    fn part(&self, number: usize, of: usize) -> &[(Duration, Sample)] {
        let count = self.samples.len();
        &self.samples[count * number / of..count * (number + 1) / of]
    }
}

fn median(samples: &[(Duration, Sample)], of: impl Fn(&Sample) -> u64) -> u64 {
    let mut all: Vec<u64> = samples.iter().map(|(_, sample)| of(sample)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}
