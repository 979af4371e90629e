//! A stand-in for antctl 0.14.2: what wnm calls of it, done as the real one was seen to do it, with
//! a registry and unit files of the same shape. It starts and stops nothing.
//!
//! How to make it misbehave: `tests/README.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a whole program of its own: it has files, an environment and output"
)]

mod add;
mod misbehave;
mod registry;

use std::process;
use std::{env, fs};

use misbehave::Misbehaviour;
use registry::{Registry, unit_file};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let words = global_flags(&args);
    if words == ["--version"] {
        println!("Autonomi Node Manager v{}", Misbehaviour::load().version);
        println!("Package version: 2025.7.1.1");
        process::exit(0);
    }
    let how = Misbehaviour::load();
    let Some((verb, rest)) = words.split_first() else { process::exit(0) };
    how.before(verb);
    let mut registry = Registry::load().unwrap_or_else(|why| fail(&why));
    match verb.as_str() {
        "add" => add::add(&mut registry, rest, &how),
        "remove" => remove(&mut registry, rest),
        "reset" => reset(&mut registry, rest),
        "status" if rest == ["--json"] => {
            // An empty registry prints nothing at all.
            if !registry.nodes().is_empty() {
                println!("{}", registry.status());
            }
        }
        _ => usage(&format!("unrecognized subcommand '{verb}'")),
    }
    how.after(verb, &mut registry);
}

/// Those before the sub-command; anything else there is refused.
fn global_flags(args: &[String]) -> &[String] {
    let known = |arg: &&String| ["-v", "--debug"].contains(&arg.as_str());
    &args[args.iter().take_while(known).count()..]
}

fn remove(registry: &mut Registry, args: &[String]) {
    let [option, name, keep] = args else { usage("unexpected arguments of remove") };
    if option != "--service-name" || keep != "--keep-directories" {
        usage("unexpected argument found");
    }
    let Some(node) = registry.find(name) else { fail(&format!("No service named '{name}'")) };
    if let Some(pid) = registry::process_of(node) {
        failed("remove", name, &format!("Unable to remove a running service [\"{name}\"], {pid}"));
    }
    let unit = unit_file(name);
    if fs::metadata(&unit).is_err() {
        let why = format!(
            "Command failed with exit code 1: Warning: Can't execute disable on the unit file \
             path. Proceeding with the unit name.\nFailed to disable unit: Unit file \
             {name}.service does not exist.\n"
        );
        failed("remove", name, &why);
    }
    fs::remove_file(&unit).unwrap_or_else(|error| failed("remove", name, &error.to_string()));
    registry.set_removed(name);
    registry.save();
}

fn reset(registry: &mut Registry, args: &[String]) {
    if args != ["--force"] {
        usage("the stand-in answers no questions: give --force");
    }
    let left: Vec<String> = registry.living();
    if !left.is_empty() {
        fail(&format!("the stand-in was told to delete {left:?}, which wnm never does"));
    }
    registry.delete();
}

/// An operation on a service that failed, as the log of `--debug` tells it.
fn failed(verb: &str, service: &str, why: &str) -> ! {
    let at = "[2026-11-30T01:36:05.133025Z ERROR ant_node_manager::cmd::node 248]";
    eprintln!("{at} Failed to {verb} service {service}: {why}");
    fail(&format!("Failed to {verb} one or more services"))
}

/// The block of color-eyre, with its colours.
fn fail(why: &str) -> ! {
    eprintln!("Error: \n   0: \x1b[91m{why}\x1b[0m\n\nLocation:\n   \x1b[35msrc/x.rs\x1b[0m");
    process::exit(1)
}

fn usage(why: &str) -> ! {
    eprintln!("error: {why}\n\nUsage: antctl [OPTIONS] [COMMAND]");
    process::exit(2)
}
