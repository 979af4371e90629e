//! The judges of a run can say no, and a run is what its seed makes it.

use wnm_core::policy::{PolicyDraft, Setting};
use wnm_simulate::{Breach, Machine, Outcome, Rules, Scenario, preset, simulate};

/// Four CPUs with a calm load, room for some ten nodes, and a step of load on the second day.
const CALM: &str = r#"
cpus = 4
memory_gb = 64
[[disk]]
size_gb = 4000
[node]
cpu = 0.2
[foreign]
cpu = 0.3
[[step]]
day = 1.2
hours = 12
cpu = 1.6
[settings]
node_cap = 100
"#;

fn machine(text: &str) -> Machine {
    Machine::parse(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn run(machine: &Machine, days: u32, seed: u64, settings: &[(Setting, &str)]) -> Outcome {
    let nothing = PolicyDraft::default();
    let settings =
        settings.iter().fold(nothing, |draft, (setting, value)| draft.with(*setting, *value));
    let scenario = Scenario { machine, settings: &settings, days, seed };
    simulate(&scenario, Rules::Engine).expect("the settings are sound")
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let machine = preset("small").expect("it is there").machine().expect("it is sound");
    let first = run(&machine, 3, 5, &[]);
    assert_eq!(first, run(&machine, 3, 5, &[]));
    assert_ne!(first, run(&machine, 3, 6, &[]));
}

#[test]
fn a_calm_machine_with_a_step_of_load_breaks_nothing() {
    let outcome = run(&machine(CALM), 4, 1, &[]);
    assert_eq!(outcome.breaches, []);
    assert!(outcome.summary.flaps_a_day > 0.0, "the step made it stop nodes");
    assert!(outcome.summary.most_nodes > 4, "{:?}", outcome.summary);
}

#[test]
fn too_much_patience_is_told() {
    let patient = [(Setting::PressureGrace, "5h"), (Setting::UrgentCpu, "100")];
    let outcome = run(&machine(CALM), 2, 1, &patient);
    let late = |breach: &Breach| matches!(breach, Breach::NotRelieved { .. });
    assert!(outcome.breaches.iter().any(|found| late(&found.breach)), "{:?}", outcome.breaches);

    let outcome = run(&machine(CALM), 1, 1, &[(Setting::GrowWindow, "3h")]);
    let idle = |breach: &Breach| matches!(breach, Breach::NotUsed { .. });
    assert!(outcome.breaches.iter().any(|found| idle(&found.breach)), "{:?}", outcome.breaches);
}

#[test]
fn too_little_patience_is_told() {
    let hasty = [
        (Setting::PressureGrace, "0s"),
        (Setting::QuietTime, "0s"),
        (Setting::SettleTime, "0s"),
        (Setting::GrowWindow, "0s"),
        (Setting::CpuLessThan, "60"),
        (Setting::CpuRemove, "61"),
    ];
    let outcome = run(&machine(CALM), 4, 1, &hasty);
    let flaps = |breach: &Breach| matches!(breach, Breach::Flaps { .. });
    assert!(outcome.breaches.iter().any(|found| flaps(&found.breach)), "{:?}", outcome.breaches);
}

#[test]
fn a_lower_cap_costs_what_it_says() {
    let text = format!("{CALM}[[change]]\nday = 1\nsetting = \"node_cap\"\nvalue = 5\n");
    let text = text.replace("hours = 12\ncpu = 1.2", "cpu = 0");
    let before = run(&machine(&text), 1, 1, &[]).summary.most_nodes;
    let outcome = run(&machine(&text), 2, 1, &[]);
    assert_eq!(outcome.breaches, []);
    assert_eq!(outcome.summary.lost_to_cap, before - 5, "{:?}", outcome.summary);
}

#[test]
fn settings_that_are_wrong_are_refused_even_when_they_come_later() {
    let text = format!("{CALM}[[change]]\nday = 1\nsetting = \"cpu_remove\"\nvalue = 40\n");
    let machine = machine(&text);
    let settings = PolicyDraft::default();
    let scenario = Scenario { machine: &machine, settings: &settings, days: 1, seed: 1 };
    let errors = simulate(&scenario, Rules::Engine).expect_err("50 is not below 40");
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(errors.join("\n"), @"cpu_less_than 50 is not below cpu_remove 40: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other");
}

#[test]
fn single_samples_flap_more() {
    let machine = preset("small").expect("it is there").machine().expect("it is sound");
    let settings = PolicyDraft::default();
    let scenario = Scenario { machine: &machine, settings: &settings, days: 5, seed: 1 };
    let flaps = |rules| simulate(&scenario, rules).expect("sound").summary.flaps_a_day;
    let (ours, theirs) = (flaps(Rules::Engine), flaps(Rules::Baseline));
    assert!(ours * 2.0 < theirs, "{ours} a day against {theirs}");
}

#[test]
fn a_manager_that_starts_its_nodes_is_quicker_after_a_reboot() {
    let text = format!("{CALM}[trouble]\nreboot_days = 3\n");
    let text = text.replace("hours = 12\ncpu = 1.2", "cpu = 0");
    let minutes = |autostart| {
        let outcome = run(&machine(&text), 3, 1, &[(Setting::Autostart, autostart)]);
        assert_eq!(outcome.breaches, []);
        outcome.summary.minutes_to_90_after_reboot.expect("it recovers")
    };
    let (paced, at_once) = (minutes("wnm"), minutes("system"));
    assert!(at_once < 1.0 && paced > 3.0, "{at_once} against {paced} minutes");
}

/// The cap is lowered while nodes rest: until the budget lets the surplus go, nothing may grow, and
/// that is no unused room.
#[test]
fn a_surplus_that_waits_for_the_budget_is_no_unused_room() {
    let machine = preset("rough").expect("it is there").machine().expect("it is sound");
    assert_eq!(run(&machine, 14, 13, &[]).breaches, []);
}
