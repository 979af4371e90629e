//! The five reports. Whoever reads them with a program relies on every character.

use std::path::Path;

use wnm_core::model::{LoadAverage, Percent, Timestamp};
use wnm_core::observe::{IoRate, NodeState, Reported};
use wnm_core::policy::{PolicyDraft, Setting};

use super::super::{ConfigRow, sample};
use super::*;
use crate::settings::Source;

/// Three nodes: one tells everything, one nothing but its process, one is stopped.
fn three() -> (Ledger, LastSeen) {
    let (ledger, mut last) = sample::nodes(3);
    let first = sample::node(&mut last, 1);
    first.facts.version = "0.4.17".parse().ok();
    first.facts.shunned = Some(2);
    first.facts.uptime_s = Some(570);
    first.facts.reported = Reported {
        puts: Some(9),
        rewards: Some("1500000000000000000".to_owned()),
        network_size: Some(121_001),
        open_connections: Some(60),
        total_peers: Some(180),
        bad_peers: Some(1),
        relevant_records: Some(5),
        max_records: Some(16_384),
        payments: Some(3),
        live_time_s: Some(4000),
        memory_mb_100: Some(2955),
        cpu_100: Some(4),
    };
    let third = sample::node(&mut last, 3);
    third.seen.state = NodeState::Stopped { why: "it ended".to_owned() };
    third.facts = Default::default();
    (third.process, third.process_age, third.memory) = (None, None, None);
    third.cpu_ms = None;
    (ledger, last)
}

fn shown(report: impl Fn(&Seen<'_>) -> String) -> String {
    let (ledger, last) = three();
    report(&Seen { ledger: &ledger, last: Some(&last), now: Timestamp(1_760_000_060_000) })
}

#[test]
fn node_status() {
    insta::assert_snapshot!(shown(|seen| status(seen, Format::Text)), @"
    Service Name        Peer ID                                                Status         Connected Peers
    antnode0001         12D3KooW0001                                           RUNNING                     41
    antnode0002         12D3KooW0002                                           RUNNING                     42
    antnode0003         -                                                      STOPPED                      -
    ");
    insta::assert_snapshot!(shown(|seen| status(seen, Format::Json)), @r#"
    [
      {
        "connected_peers": 41,
        "peer_id": "12D3KooW0001",
        "service_name": "antnode0001",
        "status": "RUNNING"
      },
      {
        "connected_peers": 42,
        "peer_id": "12D3KooW0002",
        "service_name": "antnode0002",
        "status": "RUNNING"
      },
      {
        "connected_peers": null,
        "peer_id": null,
        "service_name": "antnode0003",
        "status": "STOPPED"
      }
    ]
    "#);
}

#[test]
fn one_node_has_the_shape_of_many_and_none_too() {
    let (ledger, last) = sample::nodes(1);
    let one = Seen { ledger: &ledger, last: Some(&last), now: Timestamp(0) };
    let json: Value = serde_json::from_str(&status(&one, Format::Json)).expect("JSON");
    assert!(json.is_array(), "{json}");
    let none = Seen { ledger: &Ledger::default(), last: None, now: Timestamp(0) };
    assert_eq!(status(&none, Format::Json), "[]");
    assert_eq!(details(&none, Format::Json), "[]");
    assert_eq!(status(&none, Format::Text), "No nodes found.");
    assert_eq!(details(&none, Format::Text), "No nodes found.");
    assert_eq!(influx(&none), "# No nodes found");
}

#[test]
fn node_status_details() {
    insta::assert_snapshot!(shown(|seen| details(seen, Format::Text)), @"
    Service Name: antnode0001
    Version: 0.4.17
    Port: 55001
    Metrics Port: -
    Data path: /srv/nodes/antnode0001
    Log path: /srv/logs/antnode0001
    Bin Path: /srv/nodes/antnode0001/ant-node
    Connected peers: 41
    Rewards address: 0x00455d78f850b0358E8cea5be24d415E01E107CF
    Age: 1 day, 3:47:40
    Peer ID: 12D3KooW0001
    Status: RUNNING

    Service Name: antnode0002
    Version: 0.23.1
    Port: 55002
    Metrics Port: -
    Data path: /srv/nodes/antnode0002
    Log path: /srv/logs/antnode0002
    Bin Path: /srv/nodes/antnode0002/ant-node
    Connected peers: 42
    Rewards address: 0x00455d78f850b0358E8cea5be24d415E01E107CF
    Age: 1 day, 3:47:40
    Peer ID: 12D3KooW0002
    Status: RUNNING

    Service Name: antnode0003
    Version: 0.23.1
    Port: 55003
    Metrics Port: -
    Data path: /srv/nodes/antnode0003
    Log path: /srv/logs/antnode0003
    Bin Path: /srv/nodes/antnode0003/ant-node
    Connected peers: -
    Rewards address: 0x00455d78f850b0358E8cea5be24d415E01E107CF
    Age: 1 day, 3:47:40
    Peer ID: -
    Status: STOPPED
    ");
    let json = shown(|seen| details(seen, Format::Json));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&json[0]).expect("JSON"), @r#"
    {
      "age": 100060,
      "bad_peers": 1,
      "binary": "/srv/nodes/antnode0001/ant-node",
      "connected_peers": 41,
      "cpu": 0.04,
      "created": 1759900000,
      "environment": "",
      "id": 1,
      "live_time": 4000,
      "log_dir": "/srv/logs/antnode0001",
      "manager_type": "systemd+user",
      "max_records": 16384,
      "mem": 29.55,
      "metrics_port": null,
      "network": "evm-arbitrum-one",
      "network_size": 121001,
      "node_name": "0001",
      "open_connections": 60,
      "payment_count": 3,
      "peer_id": "12D3KooW0001",
      "port": 55001,
      "puts": 9,
      "records": 7,
      "rel_records": 5,
      "rewards": "1500000000000000000",
      "root_dir": "/srv/nodes/antnode0001",
      "service": "antnode0001",
      "shunned": 2,
      "status": "RUNNING",
      "timestamp": 1760000000,
      "total_peers": 180,
      "uptime": 570,
      "version": "0.4.17",
      "wallet": "0x00455d78f850b0358E8cea5be24d415E01E107CF"
    }
    "#);
    assert_eq!(json[1]["puts"], Value::Null, "not known is not 0");
}

#[test]
fn influx_resources() {
    insta::assert_snapshot!(shown(influx), @r#"
    nodes,id=1 PeerId="12D3KooW0001",status="RUNNING",version="0.4.17",gets=0i,puts=9i,up_time=570i,rewards="1500000000000000000",records=7i,connected_peers=41i,network_size=121001i,open_connections=60i,total_peers=180i,shunned_count=2i,bad_peers=1i,mem=29.55,cpu=0.04,rel_records=5i,max_records=16384i,payment_count=3i,live_time=4000i 1760000000000000000
    nodes,id=2 PeerId="12D3KooW0002",status="RUNNING",version="0.23.1",up_time=7200i,records=7i,connected_peers=42i,mem=123.46,cpu=0.5 1760000000000000000
    nodes,id=3 status="STOPPED",version="0.23.1" 1760000000000000000
    nodes_totals rewards="1.5e18",nodes_running=2i,nodes_killed=1i 1760000000000000000
    nodes_network size=121001i 1760000000000000000
    "#);
}

#[test]
fn texts_in_lines_are_escaped() {
    let (ledger, mut last) = sample::nodes(1);
    sample::node(&mut last, 1).facts.peer_id = Some("a\"b\\c".to_owned());
    let text = influx(&Seen { ledger: &ledger, last: Some(&last), now: Timestamp(0) });
    assert!(text.contains(r#"PeerId="a\"b\\c","#), "{text}");
}

fn rows() -> Vec<ConfigRow> {
    let draft = PolicyDraft::default()
        .with(Setting::RewardsAddress, "faucet:2,donate")
        .with(Setting::NodeStorage, "'/mnt/a disk' /srv/nodes")
        .with(Setting::Environment, "'A=it'\\''s'")
        .with(Setting::LogStorage, "/srv/logs");
    let row = |setting: &Setting| ConfigRow {
        setting: *setting,
        value: draft.text(*setting).to_owned(),
        source: Source::Store,
    };
    Setting::ALL.iter().map(row).collect()
}

#[test]
fn machine_config() {
    let in_format = |format| config(&rows(), Path::new("/home/bob/colony.db"), Some(4), format);
    let of = |text: &str, names: &[&str]| {
        let lines = text.lines().filter(|line| names.iter().any(|name| line.contains(name)));
        lines.collect::<Vec<_>>().join("\n")
    };
    let names = [
        "cpu_count",
        "node_cap",
        "rewards",
        "load_average",
        "delay_",
        "crisis",
        "node_storage",
        "no_upnp",
        "manager",
        "antnode_path",
        "environment",
        "dbpath",
        "starts",
        "hd_grace",
    ];
    insta::assert_snapshot!(of(&in_format(Format::Text), &names), @r"
    cpu_count: 4
    rewards_address: faucet:2,donate
    node_cap: 20
    desired_load_average: 2.4
    max_load_average_allowed: 4.0
    crisis_bytes: 2000000000
    max_concurrent_starts: auto
    delay_start: 300
    delay_remove: 300
    hd_grace: 21600
    delay_upgrade: 300
    process_manager: systemd+user
    manager: systemd+user
    antnode_path:
    node_storage: '/mnt/a disk' /srv/nodes
    environment: 'A=it'\''s'
    no_upnp: false
    dbpath: /home/bob/colony.db
    ");
    insta::assert_snapshot!(of(&in_format(Format::Json), &names), @r#"
    "cpu_count": 4,
    "rewards_address": "faucet:2,donate",
    "node_cap": 20,
    "desired_load_average": 2.4,
    "max_load_average_allowed": 4.0,
    "crisis_bytes": 2000000000,
    "max_concurrent_starts": "auto",
    "delay_start": 300,
    "delay_remove": 300,
    "hd_grace": 21600,
    "delay_upgrade": 300,
    "process_manager": "systemd+user",
    "manager": "systemd+user",
    "antnode_path": null,
    "node_storage": "'/mnt/a disk' /srv/nodes",
    "environment": "'A=it'\\''s'",
    "no_upnp": false,
    "dbpath": "/home/bob/colony.db"
    "#);
    let upper: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
    insta::assert_snapshot!(of(&in_format(Format::Env), &upper), @r"
    CPU_COUNT=4
    REWARDS_ADDRESS=faucet:2,donate
    NODE_CAP=20
    DESIRED_LOAD_AVERAGE=2.4
    MAX_LOAD_AVERAGE_ALLOWED=4.0
    CRISIS_BYTES=2000000000
    MAX_CONCURRENT_STARTS=auto
    DELAY_START=300
    DELAY_REMOVE=300
    HD_GRACE=21600
    DELAY_UPGRADE=300
    PROCESS_MANAGER=systemd+user
    MANAGER=systemd+user
    ANTNODE_PATH=
    NODE_STORAGE=''\''/mnt/a disk'\'' /srv/nodes'
    ENVIRONMENT=''\''A=it'\''\'\'''\''s'\'''
    NO_UPNP=false
    DBPATH=/home/bob/colony.db
    ");
    let json: Value = serde_json::from_str(&in_format(Format::Json)).expect("JSON");
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(Setting::ALL.len() + 4));
}

#[test]
fn machine_metrics() {
    let (ledger, mut last) = three();
    let machine = &mut last.snapshot.machine;
    machine.load = Some(LoadAverage { one: 0.5, five: 0.25, fifteen: 1.0 });
    machine.cpu = Some(Percent(12.34));
    machine.network = Some(IoRate { read: 1000.4, written: 99.6 });
    last.snapshot.now.instant.uptime_ms = 60_000;
    let seen = Seen { ledger: &ledger, last: Some(&last), now: Timestamp(1_760_000_060_000) };
    insta::assert_snapshot!(metrics(&seen, &last, Format::Text), @r#"
    system_start: 1759999940
    total_nodes: 3
    running_nodes: 2
    stopped_nodes: 1
    restarting_nodes: 0
    upgrading_nodes: 0
    migrating_nodes: 0
    removing_nodes: 0
    dead_nodes: 0
    disabled_nodes: 0
    unknown_nodes: 0
    antnode: /opt/ant-node
    antnode_version: 0.23.1
    queen_node_version: 0.4.17
    nodes_latest_v: 2
    nodes_no_version: 0
    nodes_to_upgrade: 1
    nodes_by_version: {"0.23.1":2,"0.4.17":1}
    load_average_1: 0.5
    load_average_5: 0.25
    load_average_15: 1.0
    idle_cpu_percent: 87.7
    used_cpu_percent: 12.3
    used_mem_percent: 16.3
    free_mem_percent: 83.8
    used_hd_percent: 5.0
    total_hd_bytes: 1000000000000
    hdio_write_bytes:
    hdio_read_bytes:
    netio_write_bytes: 100
    netio_read_bytes: 1000
    node_hd_crisis: 0
    "#);
    assert_eq!(metrics(&seen, &last, Format::Text), metrics(&seen, &last, Format::Config));
    let json: Value = serde_json::from_str(&metrics(&seen, &last, Format::Json)).expect("JSON");
    assert_eq!(json["hdio_read_bytes"], Value::Null);
    let env = metrics(&seen, &last, Format::Env);
    assert!(env.contains("\nTOTAL_NODES=3\n") && env.contains("\nHDIO_READ_BYTES=\n"), "{env}");
}
