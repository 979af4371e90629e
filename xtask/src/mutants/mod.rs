//! Mutation testing of the engine: each of the faults that cargo-mutants would put into it, one after the
//! other, and whether a test of the crate notices.
//!
//! cargo-mutants builds the crate anew for every fault, half a minute each, two thousand times. Here all of
//! them are woven into one build, asleep, and a variable of the environment wakes one. The list of faults is
//! still cargo-mutants' own.

mod hunt;
mod list;
mod tree;
mod weave;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Done;
use crate::shell::root;
use hunt::Fate;
use list::Mutant;
use tree::Tree;

/// Where planning makes its choices.
const DECIDES: [&str; 4] = [
    "wnm-core/src/plan/**",
    "wnm-core/src/select/**",
    "wnm-core/src/policy/**",
    "wnm-core/src/observe/settle.rs",
];

const HELP: &str = "\
cargo xtask mutants [FILE …] [--list] [--quick]

  FILE     a file of wnm-core, or a pattern; without one, what decides: plan, select, policy and settle
  --list   their names, and nothing is built
  --quick  without the tests that take over a second: those of random plans

It needs cargo-mutants for the list of faults: cargo install cargo-mutants --locked
";

/// The faults that no test can notice, or that need none, by name and with the reason.
const JUDGED: &str = "wnm-core/mutants.toml";

/// Weaves, builds, hunts, and tells what nobody noticed. An error when one of those is not judged.
pub(crate) fn run(words: &[&str]) -> Done {
    let (options, files): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    if options.iter().any(|option| !["--list", "--quick"].contains(option)) {
        print!("{HELP}");
        return Ok(());
    }
    let mutants = list::ask(if files.is_empty() { &DECIDES } else { &files })?;
    if options.contains(&"--list") {
        mutants.iter().for_each(|mutant| println!("{}", mutant.name));
        return Ok(());
    }
    let mut tree = Tree::copy(&root().join("target/mutants"))?;
    let tests = tree.build(&mutants)?;
    let longest = if options.contains(&"--quick") { Duration::from_secs(1) } else { Duration::MAX };
    let hunted = hunt::all(&tests, longest, tree.woven(), &mutants)?;
    report(&mutants, &tree, &hunted)
}

fn report(mutants: &[Mutant], tree: &Tree, hunted: &[(usize, Fate)]) -> Done {
    let judged = judged()?;
    let with =
        |fate: Fate| hunted.iter().filter(move |(_, it)| *it == fate).map(|(number, _)| *number);
    let count = |fate| with(fate).count();
    let missed: Vec<usize> = with(Fate::Missed).chain(with(Fate::Unreached)).collect();
    for number in tree.left_out() {
        println!("left out   {}", mutants[*number].name);
    }
    for fate in [Fate::Missed, Fate::Unreached] {
        for number in with(fate) {
            let mutant = &mutants[number];
            let mark = if judged.contains(&mutant.plain()) { " (judged)" } else { "" };
            println!("{fate:<10} {}{mark}", mutant.name);
        }
    }
    let tried = hunted.len();
    let caught = count(Fate::Caught) + count(Fate::Hung);
    let percent = 100.0 * caught as f64 / tried.max(1) as f64;
    println!(
        "{} mutants, {} do not compile; of {tried}: {caught} caught ({} by hanging), {} missed, {} not reached by any test: {percent:.1} %",
        mutants.len(),
        tree.left_out().len(),
        count(Fate::Hung),
        count(Fate::Missed),
        count(Fate::Unreached),
    );
    let open = missed.iter().filter(|number| !judged.contains(&mutants[**number].plain())).count();
    match open {
        0 => Ok(()),
        open => Err(format!("{open} are missed and not judged in {JUDGED}")),
    }
}

/// Names as [`Mutant::plain`] gives them.
fn judged() -> Result<BTreeSet<String>, String> {
    let path: PathBuf = root().join(JUDGED);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let table: toml::Table = text.parse().map_err(|error| format!("{JUDGED}: {error}"))?;
    let names = table.iter().filter_map(|(_, group)| group.get("mutants")?.as_array());
    Ok(names.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}
