//! `wnm explain`: every rule, and every node with what would happen to it next. What the rules say
//! in every situation is told in `wnm-core`; here, that a person and a script get it.

use serde_json::Value;

use crate::harness::TestEnv;

/// One node that an operator stopped, and one that is left alone.
fn one_of_each() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    env.run(&["stop", "1"]).expect(0);
    env.run(&["disable", "2"]).expect(0);
    env
}

/// Lines about what is steady: no times, sizes and process ids.
fn steady(text: &str) -> String {
    let lines = text.lines().filter_map(|line| {
        let done = line.strip_prefix("  done").and_then(|line| line.split_once("antnode"));
        match done {
            Some((_, done)) => Some(format!("  done antnode{done}")),
            None if line.starts_with("  next") || line.starts_with("  waits") => {
                Some(line.to_owned())
            }
            None => line.starts_with("antnode").then(|| line.to_owned()),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_names_every_rule_its_threshold_and_every_node() {
    let env = one_of_each();
    env.run(&["run"]).expect(0);
    let text = env.run(&["explain"]).expect(0).stdout;
    for expected in [
        "more than node_cap: 1 counting, removes above 2 (node_cap): not more than may be",
        "99.8 % (mem_less_than)",
        "nodes: 1 of 2; 0 starting, 0 removing, 1 disabled",
        "removals left: 1000 of 1000 this hour, for disk 2 of 2 today",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    let is_path = |line: &&str| line.contains("disk:/") || line.contains("inodes:/");
    let too_wide: Vec<&str> =
        text.lines().filter(|line| line.len() > 100 && !is_path(line)).collect();
    assert_eq!(too_wide, [""; 0]);
    let nodes: Vec<&str> = text.lines().filter(|line| line.starts_with("antnode")).collect();
    insta::assert_snapshot!(nodes.join("\n"), @"
    antnode0001: stopped (its manager knows nothing of it), wanted stopped, by an operator; an operator
    antnode0002: disabled, wanted to be left alone; it is disabled until `wnm enable`
    ");
}

#[test]
fn of_a_node_it_tells_what_is_what_was_and_what_would_be() {
    let env = one_of_each();
    env.run(&["run"]).expect(0);
    insta::assert_snapshot!(steady(&env.run(&["explain", "1,2"]).expect(0).stdout), @"
    antnode0001: stopped (its manager knows nothing of it), wanted stopped, by an operator
      waits     an operator stopped it; only `wnm start` starts it
      next      on `wnm start`: the next cycle starts it again
      next      if node_cap is lowered: it is removed as the only one, its identity archived
      next      if its disk stays too full: it is removed as the only one, its identity archived
      next      if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
      done antnode0001: request 1 - done
      done antnode0001: request 2 - done
    antnode0002: disabled, wanted to be left alone
      waits     it is disabled until `wnm enable`
      next      whatever happens: it is left alone
      next      on `wnm enable`: it is cared for again, and wanted to run
      done antnode0002: request 1 - done
      done antnode0002: request 3 - done
    ");
    insta::assert_snapshot!(env.run(&["explain", "9"]).block(), @"
    exit 2
    err| error: there is no antnode0009
    err| hint: `wnm status` shows the nodes there are
    ");
}

#[test]
fn after_a_look_it_tells_what_a_whole_cycle_would_do() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["survey"]).expect(0);
    let text = env.run(&["explain"]).expect(0).stdout;
    assert!(
        text.contains("\nit only looked; this is what a cycle makes of what it saw\n"),
        "{text}"
    );
    assert!(!text.contains("not asked"), "{text}");
    env.run(&["add"]).expect(0);
    let text = env.run(&["explain"]).expect(0).stdout;
    assert!(text.contains("that cycle only answered requests"), "{text}");
    let one = env.run(&["explain", "1"]).expect(0).stdout;
    assert!(
        one.contains("antnode0001: recorded after that look; the next cycle looks at it"),
        "{one}"
    );
    assert!(one.contains("add antnode0001: request 1 - done"), "{one}");
    assert_eq!(env.run(&["explain", "--json"]).json()["not_looked_at"][0], "antnode0001");
}

#[test]
fn its_json_has_the_whole_of_it() {
    let env = one_of_each();
    env.run(&["run"]).expect(0);
    let mut json: Value =
        serde_json::from_str(&env.run(&["explain", "2", "--json"]).json_block()).expect("JSON");
    let rules = json["rules"].take();
    let names = rules.as_array().expect("a list").iter().map(|rule| match &rule["rule"] {
        rule if rule["resource"].is_null() => rule["name"].as_str().unwrap_or_default().to_owned(),
        rule => format!("{}:{}", rule["name"], rule["resource"]).replace('"', ""),
    });
    insta::assert_snapshot!(names.collect::<Vec<_>>().join("\n"), @"
    look
    reboot
    gap
    unfinished
    leaving
    dead
    requests
    disk-emergency:disk:[DIR]/home/.local/share/autonomi/node
    memory-emergency
    over-cap
    shed:disk:[DIR]/home/.local/share/autonomi/node
    shed:inodes:[DIR]/home/.local/share/autonomi/node
    shed:cpu
    shed:memory
    shed:load
    removals
    heal
    mend
    mute
    below-cap
    room:cpu
    room:memory
    room:load
    room:disk:[DIR]/home/.local/share/autonomi/node
    room:inodes:[DIR]/home/.local/share/autonomi/node
    window
    settle
    quiet
    cost
    in-motion
    disk-outlook:disk:[DIR]/home/.local/share/autonomi/node
    grow
    ");
    // What cannot be steady: whether CPU was measured yet, and what is said of a process.
    json["summary"] = Value::Null;
    json["nodes"][0]["signs"] = Value::Null;
    json["nodes"][0]["last_start_s"] = Value::Null;
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"), @r#"
    {
      "budgets": {
        "cap": 2,
        "disabled": 1,
        "disk_removals_left_today": 2,
        "disk_removals_per_day": 2,
        "nodes": 1,
        "removals_left_this_hour": 1000,
        "removals_per_hour": 1000,
        "removing": 0,
        "starting": 0,
        "stored_cap": 2
      },
      "cycle": "everything",
      "journal": [
        {
          "begun": "[TIME]",
          "ended": "[TIME]",
          "id": 2,
          "node": {
            "id": "antnode0002",
            "record": 2
          },
          "outcome": {
            "changes": [
              "made",
              "already-so",
              "not-managed",
              "made"
            ],
            "outcome": "done"
          },
          "planned": {
            "action": {
              "do": "add",
              "release": {
                "path": "[DIR]/bin/ant-node",
                "version": "[VERSION]"
              },
              "spec": {
                "autostart": false,
                "binary": "[DIR]/home/.local/share/autonomi/node/antnode0002/ant-node",
                "data": "[DIR]/home/.local/share/autonomi/node/antnode0002",
                "id": "antnode0002",
                "launch": {
                  "bootstrap": [],
                  "environment": [],
                  "network": "arbitrum-one",
                  "no_upnp": false,
                  "start_args": []
                },
                "logs": "[DIR]/home/.local/share/autonomi/logs/antnode0002",
                "manager": {
                  "kind": "setsid",
                  "scope": "user"
                },
                "ports": {
                  "metrics": null,
                  "node": "[PORT]002",
                  "webrtc": null
                },
                "program": "ant-node",
                "storage": "[DIR]/home/.local/share/autonomi/node",
                "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF"
              }
            },
            "reason": {
              "because": "request",
              "id": 1
            }
          }
        },
        {
          "begun": "[TIME]",
          "ended": "[TIME]",
          "id": 4,
          "node": {
            "id": "antnode0002",
            "record": 2
          },
          "outcome": {
            "changes": [],
            "outcome": "done"
          },
          "planned": {
            "action": {
              "do": "disable",
              "node": {
                "id": "antnode0002",
                "record": 2
              }
            },
            "reason": {
              "because": "request",
              "id": 3
            }
          }
        }
      ],
      "looked": "[TIME]",
      "nodes": [
        {
          "created": "[TIME]",
          "deaths_last_hour": 0,
          "disk": "[DISK]",
          "failing": false,
          "growth_a_day": null,
          "held_back": [
            {
              "held-back-by": "disabled"
            }
          ],
          "id": "antnode0002",
          "last_start_s": null,
          "memory": "[MEMORY]",
          "phase": {
            "is": "steady"
          },
          "planned": null,
          "prospects": [
            {
              "then": "left-alone",
              "when": "anything"
            },
            {
              "then": "cared-for",
              "when": "enabled"
            }
          ],
          "record": 2,
          "signs": null,
          "state": {
            "is": "disabled"
          },
          "turns": {
            "for_its_disk": null,
            "for_the_cap": null,
            "under_pressure": null,
            "with_room": null
          },
          "want": "disabled"
        }
      ],
      "not_looked_at": [],
      "rules": null,
      "schema": 2,
      "summary": null
    }
    "#);
    let cap =
        rules.as_array().and_then(|rules| rules.iter().find(|it| it["rule"]["name"] == "over-cap"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&cap).expect("JSON"), @r#"
    {
      "actions": [],
      "blocked": [],
      "held": null,
      "inputs": [
        {
          "value": {
            "unit": "count",
            "value": 1
          },
          "what": "counting"
        }
      ],
      "notes": [],
      "refused": [],
      "rule": {
        "name": "over-cap"
      },
      "ruling": {
        "because": "within-cap",
        "verdict": "[VERDICT]"
      },
      "thresholds": [
        {
          "setting": "node_cap",
          "value": {
            "unit": "count",
            "value": 2
          },
          "what": "removes above"
        }
      ]
    }
    "#);
}
