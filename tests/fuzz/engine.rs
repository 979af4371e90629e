//! The program that `cargo xtask fuzz` builds and runs: libFuzzer over one target.
//!
//! `WNM_FUZZ_TARGET` names it; with `list` the targets are printed, one a line, with their longest
//! inputs. `WNM_FUZZ_SEEDS` is a directory that gets the inputs that are made.
#![no_main]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "its main belongs to libFuzzer, which hands no options of ours through"
)]

mod targets;

use std::alloc::System;
use std::path::Path;
use std::sync::OnceLock;
use std::{env, fs, process};

use cap::Cap;
use libfuzzer_sys::fuzz_target;
use wnm_fuzz::Target;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// So much more memory may be in use at any moment of one input: a thousand times the longest of them.
const MOST_MEMORY: usize = 256 << 20;

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        begin();
    },
    |data: &[u8]| {
        let Some(target) = CHOSEN.get() else { return };
        // What cannot be had ends the program, and libFuzzer keeps the input.
        let _ = MEMORY.set_limit(MEMORY.allocated() + MOST_MEMORY);
        (target.run)(data);
        let _ = MEMORY.set_limit(usize::MAX);
    }
);

fn begin() {
    let name = env::var("WNM_FUZZ_TARGET").unwrap_or_default();
    if name == "list" {
        targets::ALL.iter().for_each(|target| println!("{} {}", target.name, target.most));
        process::exit(0);
    }
    let target = targets::ALL.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("WNM_FUZZ_TARGET is `{name}`: see `list`"));
    if let Some(seeds) = env::var_os("WNM_FUZZ_SEEDS") {
        for (number, bytes) in (target.made)().iter().enumerate() {
            let file = Path::new(&seeds).join(format!("made-{number}"));
            fs::write(&file, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    CHOSEN.get_or_init(|| *target);
}
