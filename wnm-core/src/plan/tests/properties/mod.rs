//! What holds of every plan: random machines, nodes, memories, settings and requests. All promises
//! are looked at together on each case, so that one case is one test of each.
//!
//! `WNM_PROPERTY_CASES` says how many cases, `WNM_PROPERTY_SEED` which; see the README of this crate.

mod after;
mod broken;
mod cases;
mod compare;
mod doctored;
mod invariants;
mod nodes;
mod policies;
mod tape;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult};

use super::*;
use cases::{Case, tapes};
use invariants::Look;

/// How many cases in an everyday run: a few seconds without optimisation.
const CASES: u32 = 500;

#[expect(clippy::disallowed_methods, reason = "a campaign says how many cases it wants")]
fn config() -> ProptestConfig {
    let variable = |name: &str| std::env::var(name).ok();
    let wanted = variable("WNM_PROPERTY_CASES").and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: wanted.unwrap_or(CASES),
        // A run judges a change, not its luck; who looks for something new says so.
        rng_seed: match variable("WNM_PROPERTY_SEED").as_deref() {
            Some("random") => RngSeed::Random,
            Some(text) => RngSeed::Fixed(text.parse().expect("`random` or a number")),
            None => RngSeed::Fixed(20_261_121),
        },
        max_shrink_iters: 3_000,
        ..ProptestConfig::default()
    }
}

fn holds(held: Result<(), String>, name: &str, case: &Case, plan: &Plan) -> TestCaseResult {
    held.map_err(|why| {
        let plan = render(plan);
        TestCaseError::fail(format!("{name}: {why}\n\n{plan}\n\n{}", case.describe()))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_promise_holds_of_every_plan(tapes in tapes()) {
        let case = Case::make(&tapes);
        let plan = case.plan();
        let look = Look { snapshot: &case.snapshot, policy: &case.policy, plan: &plan };
        for (name, invariant) in invariants::ALL {
            holds(invariant(&look), name, &case, &plan)?;
        }
    }

    #[test]
    fn plans_compare_as_they_should(tapes in tapes()) {
        let case = Case::make(&tapes);
        for (name, comparison) in compare::ALL {
            holds(comparison(&case, &compare::ENGINE), name, &case, &case.plan())?;
        }
    }
}
