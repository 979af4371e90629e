//! The shapes that scripts read.

use crate::harness::TestEnv;

/// One node that runs and one that is gone, its key in the archive.
fn one_and_one() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    env.run(&["config", "set", "node_cap", "1"]).expect(0);
    env.run(&["remove", "2"]).expect(0);
    env.cycle_until_resting_with(1);
    env
}

#[test]
fn of_what_was_done_and_would_be() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    env.run(&["config", "set", "node_cap", "0"]).expect(0);
    insta::assert_snapshot!(env.run(&["plan", "--json"]).expect(10).json_block(), @r#"
    {
      "actions": [
        {
          "action": {
            "cause": "cap",
            "do": "retire",
            "node": {
              "id": "antnode0001",
              "record": 1
            }
          },
          "reason": {
            "because": "over-cap",
            "cap": 0,
            "nodes": 1
          },
          "steps": [
            {
              "step": "stop"
            },
            {
              "rule": {
                "port": "[PORT]001",
                "protocol": "udp"
              },
              "step": "close-port"
            }
          ]
        }
      ],
      "at": "[TIME]",
      "machine": {
        "cpu": "[CPU]",
        "cpus": "[CPUS]",
        "disk": "[DISK]",
        "file_systems": "[DISKS]",
        "load": "[LOAD]",
        "memory": "[MEMORY]",
        "network": "[RATES]",
        "stall": "[STALL]",
        "unread": null
      },
      "report": {
        "blocked": [],
        "notes": [],
        "pressure": [
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "cpu",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "memory",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 9999.0,
            "remove_above": 10000.0,
            "resource": "load",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "disk:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "inodes:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          }
        ],
        "requests": []
      },
      "schema": 1,
      "why_not_more": {
        "because": "at-cap",
        "cap": 0,
        "nodes": 1
      }
    }
    "#);
    insta::assert_snapshot!(env.run(&["run", "--json"]).expect(0).json_block(), @r#"
    {
      "at": "[TIME]",
      "done": [
        {
          "action": {
            "cause": "cap",
            "do": "retire",
            "node": {
              "id": "antnode0001",
              "record": 1
            }
          },
          "outcome": {
            "changes": [
              "made",
              "not-managed"
            ],
            "outcome": "done"
          },
          "reason": {
            "because": "over-cap",
            "cap": 0,
            "nodes": 1
          }
        }
      ],
      "faults": [],
      "report": {
        "blocked": [],
        "notes": [],
        "pressure": [
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "cpu",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "memory",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 9999.0,
            "remove_above": 10000.0,
            "resource": "load",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "disk:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "inodes:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          }
        ],
        "requests": []
      },
      "schema": 1
    }
    "#);
}

#[test]
fn of_status() {
    let env = one_and_one();
    insta::assert_snapshot!(env.run(&["status", "--json"]).expect(0).json_block(), @r#"
    {
      "capacity": "[CAPACITY]",
      "learned": "[LEARNED]",
      "looked": "[TIME]",
      "machine": {
        "cpu": "[CPU]",
        "cpus": "[CPUS]",
        "disk": "[DISK]",
        "file_systems": "[DISKS]",
        "load": "[LOAD]",
        "memory": "[MEMORY]",
        "network": "[RATES]",
        "stall": "[STALL]",
        "unread": null
      },
      "nodes": [
        {
          "record": {
            "created": "[TIME]",
            "phase": {
              "is": "starting",
              "since": {
                "boot": "[BOOT]",
                "uptime_ms": "[AGE]"
              }
            },
            "record": 1,
            "spec": {
              "autostart": false,
              "binary": "[DIR]/home/.local/share/autonomi/node/antnode0001/ant-node",
              "data": "[DIR]/home/.local/share/autonomi/node/antnode0001",
              "id": "antnode0001",
              "launch": {
                "bootstrap": [],
                "environment": [],
                "network": "arbitrum-one",
                "no_upnp": false,
                "start_args": []
              },
              "logs": "[DIR]/home/.local/share/autonomi/logs/antnode0001",
              "manager": {
                "kind": "setsid",
                "scope": "user"
              },
              "ports": {
                "metrics": null,
                "node": "[PORT]001",
                "webrtc": null
              },
              "program": "ant-node",
              "storage": "[DIR]/home/.local/share/autonomi/node",
              "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF"
            },
            "version": "[VERSION]",
            "want": "run"
          },
          "seen": {
            "cpu_ms": "[TICKS]",
            "data_present": true,
            "definition_lost": false,
            "disk": "[DISK]",
            "facts": {
              "peer_id": "[PEER]",
              "peers": "[PEERS]",
              "records": null,
              "shunned": null,
              "uptime_s": null,
              "version": "[VERSION]"
            },
            "growth": null,
            "installed": {
              "identity": "[FINGERPRINT]",
              "sha256": "[SHA256]",
              "stamp": "[STAMP]",
              "version": "[VERSION]"
            },
            "measured": "[BYTES]",
            "memory": "[MEMORY]",
            "process": {
              "pid": "[PID]",
              "start_ticks": "[TICKS]"
            },
            "process_age": "[AGE]",
            "record": {
              "created": "[TIME]",
              "phase": {
                "is": "starting",
                "since": {
                  "boot": "[BOOT]",
                  "uptime_ms": "[AGE]"
                }
              },
              "record": 1,
              "spec": {
                "autostart": false,
                "binary": "[DIR]/home/.local/share/autonomi/node/antnode0001/ant-node",
                "data": "[DIR]/home/.local/share/autonomi/node/antnode0001",
                "id": "antnode0001",
                "launch": {
                  "bootstrap": [],
                  "environment": [],
                  "network": "arbitrum-one",
                  "no_upnp": false,
                  "start_args": []
                },
                "logs": "[DIR]/home/.local/share/autonomi/logs/antnode0001",
                "manager": {
                  "kind": "setsid",
                  "scope": "user"
                },
                "ports": {
                  "metrics": null,
                  "node": "[PORT]001",
                  "webrtc": null
                },
                "program": "ant-node",
                "storage": "[DIR]/home/.local/share/autonomi/node",
                "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF"
              },
              "version": "[VERSION]",
              "want": "run"
            },
            "restarts": null,
            "seen": {
              "alive": true,
              "state": {
                "is": "running"
              }
            }
          },
          "state": "running"
        }
      ],
      "report": {
        "blocked": [],
        "notes": [],
        "pressure": [
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "cpu",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "memory",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 9999.0,
            "remove_above": 10000.0,
            "resource": "load",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "disk:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          },
          {
            "add_below": 99.8,
            "remove_above": 99.9,
            "resource": "inodes:[DIR]/home/.local/share/autonomi/node",
            "used": "[USED]",
            "verdict": "[VERDICT]"
          }
        ],
        "requests": []
      },
      "schema": 1
    }
    "#);
}

#[test]
fn of_history() {
    let env = one_and_one();
    insta::assert_snapshot!(env.run(&["history", "2", "--json"]).expect(0).json_block(), @r#"
    {
      "operations": [
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
          "id": 3,
          "node": {
            "id": "antnode0002",
            "record": 2
          },
          "outcome": {
            "changes": [
              "made",
              "made",
              "already-so",
              "made",
              "not-managed",
              "made"
            ],
            "outcome": "done"
          },
          "planned": {
            "action": {
              "cause": "operator",
              "do": "remove",
              "node": {
                "id": "antnode0002",
                "record": 2
              }
            },
            "reason": {
              "because": "request",
              "id": 2
            }
          }
        }
      ],
      "schema": 1
    }
    "#);
}

#[test]
fn of_settings() {
    let env = one_and_one();
    let all = env.run(&["config", "list", "--json"]).expect(0).json();
    let count = all["settings"].as_array().map(Vec::len);
    assert_eq!(count, Some(wnm_core::policy::Setting::ALL.len()));
    insta::assert_snapshot!(env.run(&["config", "get", "node_cap", "--json"]).json_block(), @r#"
    {
      "schema": 1,
      "settings": [
        {
          "default": "20",
          "help": "At most this many nodes; lowering the stored value removes the surplus",
          "key": "node_cap",
          "source": "store",
          "value": "1"
        }
      ]
    }
    "#);
    insta::assert_snapshot!(env.run(&["config", "explain", "program", "--json"]).json_block(), @r#"
    {
      "can_change_now": false,
      "default": "ant-node",
      "fixed_by_nodes": true,
      "for_this_run_only": false,
      "help": "What nodes run: ant-node or antnode",
      "key": "program",
      "nodes": 1,
      "now": null,
      "schema": 1,
      "source": "default",
      "stored": null,
      "takes": "ant-node, antnode",
      "value": "ant-node"
    }
    "#);
}

#[test]
fn of_keys() {
    let env = one_and_one();
    insta::assert_snapshot!(env.run(&["identity", "list", "--json"]).expect(0).json_block(), @r#"
    {
      "archive": "[DIR]/home/.local/share/autonomi/identities",
      "archived": [
        {
          "file": "antnode0001-1-ant-node.key",
          "moved": null,
          "node": "antnode0001",
          "problem": null,
          "program": "ant-node",
          "record": 1,
          "sealed": false,
          "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF",
          "written": "[TIME]"
        },
        {
          "file": "antnode0002-2-ant-node.key",
          "moved": null,
          "node": "antnode0002",
          "problem": null,
          "program": "ant-node",
          "record": 2,
          "sealed": false,
          "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF",
          "written": "[TIME]"
        }
      ],
      "nodes": [
        {
          "key": "archived",
          "node": "antnode0001",
          "record": 1,
          "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF"
        }
      ],
      "schema": 1
    }
    "#);
}

#[test]
fn of_the_store() {
    let env = one_and_one();
    insta::assert_snapshot!(env.run(&["db", "status", "--json"]).expect(0).json_block(), @r#"
    {
      "bytes": "[BYTES]",
      "cycles": "[CYCLES]",
      "cycles_bytes": "[BYTES]",
      "cycles_since": "[TIME]",
      "generation": 2,
      "nodes": 1,
      "open_requests": 0,
      "operations": 3,
      "path": "[DIR]/home/.local/share/autonomi/colony.db",
      "requests": 2,
      "reserve": true,
      "schema": 1,
      "version": "[VERSION]"
    }
    "#);
    let checked = env.run(&["db", "check", "--json"]).expect(0).json_block();
    insta::assert_snapshot!(undated(&checked), @r#"
    {
      "backup": {
        "file": "[DIR]/home/.local/share/autonomi/backups/[BACKUP]",
        "made": "[TIME]"
      },
      "complaints": [],
      "path": "[DIR]/home/.local/share/autonomi/colony.db",
      "schema": 1,
      "sound": true
    }
    "#);
}

/// Names of backups tell when they were made.
fn undated(text: &str) -> String {
    let line = |line: &str| match (line.find("colony-20"), line.find("Z.db")) {
        (Some(start), Some(end)) => format!("{}[BACKUP]{}\n", &line[..start], &line[end + 4..]),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn of_the_backups() {
    let env = one_and_one();
    let shown = |args: &[&str]| undated(&env.run(args).expect(0).json_block());
    insta::assert_snapshot!(shown(&["db", "backups", "--json"]), @r#"
    {
      "backups": [
        {
          "before": null,
          "bytes": "[BYTES]",
          "file": "[DIR]/home/.local/share/autonomi/backups/[BACKUP]",
          "made": "[TIME]",
          "migration": "0002",
          "nodes": 1,
          "problem": null,
          "sound": true
        }
      ],
      "directory": "[DIR]/home/.local/share/autonomi/backups",
      "schema": 1
    }
    "#);
    insta::assert_snapshot!(shown(&["db", "backup", "--json"]), @r#"
    {
      "file": "[DIR]/home/.local/share/autonomi/backups/[BACKUP]",
      "migration": "0002",
      "nodes": 1,
      "schema": 1
    }
    "#);
    insta::assert_snapshot!(shown(&["db", "migrate", "--json"]), @r#"
    {
      "applied": [],
      "had": [
        "0001",
        "0002"
      ],
      "path": "[DIR]/home/.local/share/autonomi/colony.db",
      "schema": 1
    }
    "#);
    env.run(&["stop", "1"]).expect(0);
    insta::assert_snapshot!(shown(&["db", "restore", "--latest", "--dry-run", "--json"]), @r#"
    {
      "aside": null,
      "backup": "[DIR]/home/.local/share/autonomi/backups/[BACKUP]",
      "dry_run": true,
      "migration": "0002",
      "nodes": [
        {
          "data": "[DIR]/home/.local/share/autonomi/node/antnode0001",
          "fate": "kept",
          "node": "antnode0001",
          "processes": [],
          "record": 1
        }
      ],
      "only_in_store": [],
      "schema": 1,
      "settings": [],
      "state": "sound",
      "store": "[DIR]/home/.local/share/autonomi/colony.db",
      "strangers": []
    }
    "#);
}
