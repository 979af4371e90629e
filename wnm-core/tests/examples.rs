//! The examples do what they say: each is compiled into this test, run, and held to what it prints.

#[expect(dead_code, reason = "its `main` only prints the story")]
#[path = "../examples/drive_cycle.rs"]
mod drive_cycle;
#[expect(dead_code, reason = "its `main` only prints the story")]
#[path = "../examples/plan_fleet.rs"]
mod plan_fleet;

#[test]
fn a_fleet_in_memory_is_planned_for() {
    insta::assert_snapshot!(plan_fleet::story(), @"
    would start antnode0002, because: it should run and does not
    not more, because: cpu is 60.0 %, growing needs less than 50.0 %; memory could not be measured yet; load could not be measured yet; and 1 more
    ");
}

#[test]
fn the_whole_cycle_is_driven_against_the_simulated_host() {
    insta::assert_snapshot!(drive_cycle::story(), @"
    minute 1: 0 done, 0 running
    minute 2: add antnode0001, because: room for more: 0 of 2 nodes
    minute 2: 1 done, 1 running
    minute 3: start antnode0001, because: it should run and does not; died 1 time in the last hour
    minute 3: 1 done, 1 running
    minute 4: add antnode0002, because: room for more: 1 of 2 nodes
    minute 4: 1 done, 2 running
    minute 5: restart antnode0002, because: request 1
    minute 5: 1 done, 2 running
    minute 6: retire antnode0002, because: 2 nodes, 1 allowed
    minute 6: 1 done, 1 running
    minute 7: remove antnode0002, because: retired 60 s ago
    minute 7: 1 done, 1 running
    ");
}
