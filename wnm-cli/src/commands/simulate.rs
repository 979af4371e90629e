//! `wnm simulate`: the engine against a modelled machine, with a virtual clock. Touches nothing but
//! the files that are named.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that reads and writes these files"
)]

use std::fs;
use std::path::Path;

use wnm_core::policy::{PolicyDraft, Setting};
use wnm_simulate::{Disk, Machine, PRESETS, Rules, Scenario, preset, simulate};

use super::Context;
use crate::args::SimulateArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Simulated};

/// The machine when none is named.
const USUAL: &str = "cpu";

/// `context` is asked for only where this very machine matters.
pub(super) fn run<'a>(
    args: &SimulateArgs,
    context: impl FnOnce() -> Result<Context<'a>, CliError>,
    as_json: bool,
) -> Result<Exit, CliError> {
    if args.list_machines {
        output::machines();
        return Ok(Exit::Done);
    }
    let name = args.machine.as_deref().unwrap_or(USUAL);
    if args.show_machine {
        output::print(text_of(name)?.trim_end());
        return Ok(Exit::Done);
    }
    let mut machine = read(name)?;
    let mut settings = settings(&args.set)?;
    if args.here {
        settings = make_like_here(&mut machine, &context()?)?.under(&settings);
    }
    let runs = runs(args, &machine, &settings)?;
    let simulated = Simulated {
        machine: name,
        about: &machine.about,
        days: args.days,
        seed: args.seed,
        settings: &settings,
        is_here: args.here,
        runs: &runs,
    };
    if let Some(file) = &args.svg {
        fs::write(file, output::picture(&simulated)).map_err(|error| {
            CliError::new(Exit::Failed, format!("failed to write {}: {error}", file.display()))
        })?;
    }
    output::simulated(&simulated, as_json)?;
    let broken = runs.iter().any(|(_, outcome)| !outcome.breaches.is_empty());
    Ok(if broken { Exit::Failed } else { Exit::Done })
}

fn runs(
    args: &SimulateArgs,
    machine: &Machine,
    settings: &PolicyDraft,
) -> Result<Vec<(Rules, wnm_simulate::Outcome)>, CliError> {
    let scenario = Scenario { machine, settings, days: args.days, seed: args.seed };
    let both = [Rules::Engine, Rules::Baseline];
    let wanted = if args.compare { &both[..] } else { &both[..1] };
    wanted.iter().map(|rules| Ok((*rules, simulate(&scenario, *rules)?))).collect()
}

/// A machine that comes with the program, else a file.
fn text_of(name: &str) -> Result<String, CliError> {
    if let Some(preset) = preset(name) {
        return Ok(preset.text.to_owned());
    }
    fs::read_to_string(Path::new(name)).map_err(|error| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        CliError::usage(format!("no machine `{name}`: failed to read it as a file: {error}"))
            .hint(format!("give a file, or one of {}", names.join(", ")))
    })
}

fn read(name: &str) -> Result<Machine, CliError> {
    Machine::parse(&text_of(name)?).map_err(|problems| CliError {
        exit: Exit::Usage,
        problems: problems.into_iter().map(|problem| format!("{name}: {problem}")).collect(),
        hints: vec!["`wnm simulate --show-machine` prints one to begin with".to_owned()],
        ..CliError::default()
    })
}

/// `key=value` words; every problem at once.
fn settings(words: &[String]) -> Result<PolicyDraft, CliError> {
    let mut draft = PolicyDraft::default();
    let mut problems = Vec::new();
    for word in words {
        match word.split_once('=').map(|(key, value)| (key.parse::<Setting>(), value)) {
            Some((Ok(setting), value)) => draft = draft.with(setting, value),
            Some((Err(error), _)) => problems.push(error.to_string()),
            None => problems.push(format!("`{word}` has no value: write KEY=VALUE")),
        }
    }
    match problems.is_empty() {
        true => Ok(draft),
        false => Err(CliError { exit: Exit::Usage, problems, ..CliError::default() }),
    }
}

/// Gives the machine the size of this one, as the last cycle measured it, and returns the stored
/// settings. Its nodes and its other load stay those of the model.
fn make_like_here(machine: &mut Machine, context: &Context<'_>) -> Result<PolicyDraft, CliError> {
    const GB: f64 = 1e9;
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let Some(sample) = ledger.samples.last() else {
        return Err(
            CliError::new(Exit::Failed, "nothing was measured here yet").hint("`wnm run` measures")
        );
    };
    machine.about = format!("this machine, with nodes and load like: {}", machine.about);
    machine.cpus = sample.cpus;
    if let Some(memory) = sample.memory {
        machine.memory_gb = memory.total.0 as f64 / GB;
    }
    let disks = sample.file_systems.values().map(|system| Disk {
        size_gb: system.space.total as f64 / GB,
        foreign_gb: system.space.total.saturating_sub(system.space.free) as f64 / GB,
        foreign_gb_a_day: 0.0,
    });
    let disks: Vec<Disk> = disks.collect();
    if !disks.is_empty() {
        machine.disk = disks;
    }
    machine.settings.clear();
    let mut settings = ledger.draft;
    // Where data lies is the model's own matter.
    settings
        .values
        .retain(|setting, _| !matches!(setting, Setting::NodeStorage | Setting::LogStorage));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_named() {
        let words = ["cpu_remvoe=75", "node_cap", "mem-remove=80"].map(str::to_owned);
        insta::assert_snapshot!(settings(&words).expect_err("two are wrong"), @"
        error: there is no setting `cpu_remvoe`; the nearest is `cpu_remove`, and `wnm config list` shows all
        error: `node_cap` has no value: write KEY=VALUE
        ");
    }

    #[test]
    fn a_machine_that_is_none() {
        let error = read("no-such").expect_err("there is none").hints.join("\n");
        assert!(error.contains("one of cpu, large"), "{error}");
    }
}
