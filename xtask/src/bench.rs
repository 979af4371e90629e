//! What a cycle costs: `tests/bench/` measures, this builds what is measured.

use std::path::PathBuf;

use crate::Done;
use crate::shell::{cargo, run as shell};
use crate::test::metadata;

/// Builds wnm as it is packaged, and measures it.
pub(crate) fn run(args: &[&str]) -> Done {
    // On its own: together with the tests it would be built with their fakes.
    shell(&mut cargo(&["build", "--profile", "packaged", "--quiet", "-p", "wnm-cli"]))?;
    let packaged = PathBuf::from(metadata()?.target_directory).join("packaged/wnm");
    let bench = ["bench", "--quiet", "-p", "wnm-tests", "--bench", "cycles", "--", "--wnm"];
    // Whoever names another one is heard last.
    shell(cargo(&bench).arg(packaged).args(args))
}

/// How long it takes to decide, by the number of nodes.
pub(crate) fn plan() -> Done {
    shell(&mut cargo(&["bench", "--quiet", "-p", "wnm-core", "--bench", "plan"]))
}
