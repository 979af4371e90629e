#![doc = include_str!("../README.md")]

mod args;
mod ask;
mod commands;
mod compose;
mod doctor;
mod error;
mod exit;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod interrupt;
mod lock;
mod logging;
mod output;
mod python;
mod settings;

use std::ffi::OsString;
use std::iter;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use wnm_core::host::MachineProbe;
use wnm_metrics::ProcProbe;

use args::Cli;
use exit::Exit;
use settings::Environment;

/// Parses the command line, does what it says, and answers with one of the documented exit codes.
pub fn main_impl() -> ExitCode {
    main_on(ProcProbe::default())
}

/// The same on a machine that is measured otherwise: stories that are not about load must not
/// depend on who else is busy.
pub fn main_on(machine: impl MachineProbe + 'static) -> ExitCode {
    no_image_of_keys();
    let environment = Environment::read(machine);
    let translated = python::translate(environment.arguments(), &environment.old_world());
    let exit = match translated {
        Ok(None) => run(environment.arguments(), &environment),
        Ok(Some(translation)) => run_old(&translation, &environment),
        Err(error) => {
            output::complain(&error);
            error.exit
        }
    };
    told(exit).into()
}

/// Keys pass through, and the packaged program ends by a signal when it panics: no image of its memory is
/// written. Whoever wants one raises the limit again. To look into it while it runs, as by strace, stays
/// possible for its user.
fn no_image_of_keys() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_CORE) {
        // Where that is refused it is as it always was.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, most);
    }
}

/// An answer that nobody got is no success.
fn told(exit: Exit) -> Exit {
    let Some(why) = output::lost() else { return exit };
    output::say(&format!("error: not all of the output could be written: {why}"));
    if exit == Exit::Done { Exit::Failed } else { exit }
}

/// A line of the Python tool's, in our words: each command only when the one before succeeded.
fn run_old(translation: &python::Translation, environment: &Environment) -> Exit {
    translation.notes.iter().for_each(|note| output::say(note));
    for line in &translation.lines {
        let words = iter::once("wnm").chain(line.iter().map(String::as_str));
        let exit = run(&words.map(OsString::from).collect::<Vec<_>>(), environment);
        if exit != Exit::Done {
            return exit;
        }
    }
    Exit::Done
}

fn run(arguments: &[OsString], environment: &Environment) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            output::clap_message(&error, args::misplaced(&error, arguments).as_deref());
            return exit;
        }
    };
    let started = logging::start(cli.global.verbose, environment);
    started.and_then(|()| commands::run(&cli, environment)).unwrap_or_else(|error| {
        output::complain(&error);
        error.exit
    })
}
