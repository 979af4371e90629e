//! What a cycle costs: `tests/bench/` measures, this builds what is measured.

use crate::Done;
use crate::shell::{cargo, run as shell};

/// Builds wnm as it is released, and measures it.
pub(crate) fn run(args: &[&str]) -> Done {
    // On its own: together with the tests it would be built with their fakes.
    shell(&mut cargo(&["build", "--release", "--quiet", "-p", "wnm-cli"]))?;
    let bench = ["bench", "--quiet", "-p", "wnm-tests", "--bench", "cycles", "--"];
    shell(cargo(&bench).args(args))
}

/// How long it takes to decide, by the number of nodes.
pub(crate) fn plan() -> Done {
    shell(&mut cargo(&["bench", "--quiet", "-p", "wnm-core", "--bench", "plan"]))
}
