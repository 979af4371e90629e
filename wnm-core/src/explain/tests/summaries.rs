//! The two lines on top.

use super::*;

fn summary(snapshot: &Snapshot, policy: &Policy) -> String {
    explained(snapshot, policy).summary.to_string()
}

#[test]
fn what_is_done_and_why_not_more() {
    insta::assert_snapshot!(summary(&quiet(2), &policy(&draft())), @"
    would add antnode0003, because: room for more: 2 of 20 nodes
    not more, because: the machine settles for 300 s after each start (settle_time)
    ");
    let mut pending = quiet(2);
    pending.machine.cpu = Some(Percent(75.0));
    set(&mut pending, 2, NodeState::Unknown { why: "silent".into() });
    insta::assert_snapshot!(summary(&pending, &policy(&draft())), @"
    does nothing yet: nodes: 1 node could not be observed: nothing is done with it; cpu: 600 s more until nodes are shed, if it stays above
    not more, because: cpu is 75.0 %, growing needs less than 50.0 %
    ");
    insta::assert_snapshot!(summary(&quiet(2), &full(2)), @"
    does nothing: no node needs anything
    not more, because: 2 nodes of 2 that may be (node_cap)
    ");
    let mut hot = quiet(2);
    hot.machine.cpu = Some(Percent(60.0));
    insta::assert_snapshot!(summary(&hot, &policy(&draft())), @"
    does nothing: no node needs anything
    not more, because: cpu is 60.0 %, growing needs less than 50.0 %
    ");
    insta::assert_snapshot!(summary(&quiet(9), &full(3)), @"
    would retire antnode0009, because: 9 nodes, 3 allowed
    not more, because: 9 nodes of 3 that may be (node_cap)
    ");
    let mut down = quiet(6);
    for number in 1..=5 {
        set(&mut down, number, stopped());
    }
    let many = with(&[(Setting::MaxConcurrentStarts, "9")]);
    insta::assert_snapshot!(summary(&down, &many), @"
    would do 5 things: start antnode0001: it should run and does not; start antnode0002: it should run and does not; start antnode0003: it should run and does not; and 2 more
    not more, because: 5 nodes in motion, at most 1 at once
    ");
    let eager = with(&[(Setting::SettleTime, "0s")]);
    insta::assert_snapshot!(summary(&quiet(1), &eager), @"
    would add antnode0002, because: room for more: 1 of 20 nodes
    not more, because: the next cycle may start the next
    ");
}

#[test]
fn it_survives_a_journey_as_json() {
    let mut snapshot = quiet(4);
    snapshot.machine.cpu = Some(Percent(75.0));
    snapshot.memory.over.insert(Resource::Cpu, at(100));
    set(&mut snapshot, 2, stopped());
    let explanation = explained(&snapshot, &policy(&draft()));
    let text = serde_json::to_string(&explanation).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), explanation);
    let cpu = explanation.rules.iter().find(|it| it.rule == shed(Resource::Cpu)).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(cpu).unwrap(), @r#"
    {
      "rule": {
        "name": "shed",
        "resource": "cpu"
      },
      "inputs": [
        {
          "what": "used",
          "value": {
            "unit": "percent",
            "value": 75.0
          }
        }
      ],
      "thresholds": [
        {
          "what": "stops above",
          "value": {
            "unit": "percent",
            "value": 70.0
          },
          "setting": "cpu_remove"
        }
      ],
      "held": {
        "held_s": 100,
        "needs_s": 600,
        "setting": "pressure_grace"
      },
      "ruling": {
        "verdict": "waits",
        "until": "grace",
        "left_s": 500
      },
      "actions": [],
      "blocked": [],
      "notes": [
        {
          "note": "grace",
          "resource": "cpu",
          "left_s": 500
        }
      ],
      "refused": []
    }
    "#);
}
