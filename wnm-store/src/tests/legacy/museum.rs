//! One database of every shape, made by the program itself, is read as what it says.

use std::fmt::Write;

use insta::assert_snapshot;

use super::{made, read};
use crate::{PythonDatabase, PythonNode};

macro_rules! museum {
    ($name:literal) => {
        told(include_str!(concat!("../../../museum/python/", $name, ".sql")))
    };
}

fn told(sql: &str) -> String {
    let found = read(&made(sql)).unwrap();
    let mut told = format!("{}\n", found.schema);
    let PythonDatabase { settings, nodes, missing, unknown, .. } = found;
    // What every version has, and has alike in these, is asserted once.
    let pairs: Vec<String> = ["node_cap", "delay_start", "mem_less_than", "process_manager"]
        .iter()
        .filter_map(|name| Some(format!("{name}={}", settings.get(name)?)))
        .collect();
    let _ = writeln!(told, "{}", pairs.join(" "));
    for node in &nodes {
        let _ = writeln!(told, "{}", line(node));
    }
    let _ = writeln!(told, "{} settings; lacks {}", settings.len(), missing.join(" "));
    assert!(unknown.is_empty(), "{unknown:?}");
    told
}

fn line(node: &PythonNode) -> String {
    format!(
        "{} {} {:?} {} {}/{}/{:?} {:?}",
        node.id,
        node.service,
        node.status,
        node.data.as_ref().map_or("?".into(), |data| data.display().to_string()),
        node.port,
        node.metrics_port,
        node.rpc_port,
        node.manager.as_deref().unwrap_or("?"),
    )
}

#[test]
fn the_first_generation_counted_minutes() {
    assert_snapshot!(museum!("0.0.9-system"), @r#"
    0.0.9 or older
    node_cap=5 delay_start=300 mem_less_than=70
    1 antnode0001.service Stopped /var/antctl/services/antnode0001 55001/13001/None "?"
    2 antnode0002.service Stopped /var/antctl/services/antnode0002 55002/13002/None "?"
    3 antnode0003.service Running /var/antctl/services/antnode0003 55003/13003/None "?"
    26 settings; lacks machine.delay_restart machine.survey_delay machine.action_delay machine.metrics_port_start machine.rpc_port_start machine.highest_node_id_used machine.host machine.crisis_bytes machine.environment machine.start_args machine.max_concurrent_upgrades machine.max_concurrent_starts machine.max_concurrent_removals machine.max_concurrent_operations machine.node_removal_strategy machine.process_manager machine.max_node_per_container machine.min_container_count machine.docker_image machine.no_upnp machine.antnode_path machine.antctl_path machine.antctl_debug machine.antctl_version node.manager_type node.container_id node.log_dir node.rpc_port node.environment
    "#);
}

#[test]
fn the_second_has_no_revision() {
    assert_snapshot!(museum!("0.0.10-system"), @r#"
    0.0.10 or later, without a revision
    node_cap=5 delay_start=5 mem_less_than=70
    1 antnode0001.service Running /var/antctl/services/antnode0001 55001/13001/None "systemd"
    2 antnode0002.service Stopped /var/antctl/services/antnode0002 55002/13002/None "systemd"
    3 antnode0003.service Running /var/antctl/services/antnode0003 55003/13003/None "systemd"
    4 antnode0004.service Running /var/antctl/services/antnode0004 55004/13004/None "systemd"
    33 settings; lacks machine.delay_restart machine.survey_delay machine.action_delay machine.rpc_port_start machine.highest_node_id_used machine.max_concurrent_operations machine.process_manager machine.max_node_per_container machine.min_container_count machine.docker_image machine.no_upnp machine.antnode_path machine.antctl_path machine.antctl_debug machine.antctl_version node.log_dir node.rpc_port
    "#);
    assert_snapshot!(museum!("0.0.16-user"), @r#"
    0.0.10 or later, without a revision
    node_cap=5 delay_start=300 mem_less_than=70 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/None "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/None "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/None "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/None "systemd+user"
    34 settings; lacks machine.delay_restart machine.survey_delay machine.action_delay machine.rpc_port_start machine.highest_node_id_used machine.max_concurrent_operations machine.max_node_per_container machine.min_container_count machine.docker_image machine.no_upnp machine.antnode_path machine.antctl_path machine.antctl_debug machine.antctl_version node.log_dir node.rpc_port
    "#);
    assert_snapshot!(museum!("0.0.30-user"), @r#"
    0.0.10 or later, without a revision
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Stopped /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/None "systemd+user"
    39 settings; lacks machine.delay_restart machine.survey_delay machine.action_delay machine.rpc_port_start machine.highest_node_id_used machine.max_concurrent_operations machine.antctl_path machine.antctl_debug machine.antctl_version node.rpc_port
    "#);
    assert_snapshot!(museum!("0.1.5-user"), @r#"
    0.0.10 or later, without a revision
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    41 settings; lacks machine.survey_delay machine.action_delay machine.highest_node_id_used machine.max_concurrent_operations machine.antctl_path machine.antctl_debug machine.antctl_version
    "#);
    assert_snapshot!(museum!("0.3.0-user"), @r#"
    0.0.10 or later, without a revision
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    43 settings; lacks machine.action_delay machine.highest_node_id_used machine.antctl_path machine.antctl_debug machine.antctl_version
    "#);
}

#[test]
fn later_ones_are_stamped() {
    assert_snapshot!(museum!("0.3.10-user"), @r#"
    revision 67fe02809d26
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    44 settings; lacks machine.highest_node_id_used machine.antctl_path machine.antctl_debug machine.antctl_version
    "#);
    assert_snapshot!(museum!("0.4.1-user"), @r#"
    revision ba757077b6b0
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    46 settings; lacks machine.highest_node_id_used machine.antctl_version
    "#);
    assert_snapshot!(museum!("0.4.4-user"), @r#"
    revision 752bf4495eaa
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Running /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    46 settings; lacks machine.highest_node_id_used
    "#);
    assert_snapshot!(museum!("0.5.8-user"), @r#"
    revision e2f4a512d24c
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Restarting /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Restarting /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    46 settings; lacks
    "#);
}

#[test]
fn the_last_version_of_all() {
    assert_snapshot!(museum!("0.6.3-user"), @r#"
    revision e2f4a512d24c
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Restarting /home/ann/.local/share/autonomi/node/antnode0001 55001/13001/Some(30001) "systemd+user"
    2 antnode0002.service Stopped /home/ann/.local/share/autonomi/node/antnode0002 55002/13002/Some(30002) "systemd+user"
    3 antnode0003.service Disabled /home/ann/.local/share/autonomi/node/antnode0003 55003/13003/Some(30003) "systemd+user"
    4 antnode0004.service Restarting /home/ann/.local/share/autonomi/node/antnode0004 55004/13004/Some(30004) "systemd+user"
    46 settings; lacks
    "#);
    assert_snapshot!(museum!("0.6.3-system"), @r#"
    revision e2f4a512d24c
    node_cap=5 delay_start=5 mem_less_than=70 process_manager=systemd+sudo
    1 antnode0001.service Running /var/antctl/services/antnode0001 55001/13001/None "systemd"
    2 antnode0002.service Stopped /var/antctl/services/antnode0002 55002/13002/None "systemd"
    3 antnode0003.service Stopped /var/antctl/services/antnode0003 55003/13003/None "systemd"
    4 antnode0004.service Stopped /var/antctl/services/antnode0004 55004/13004/None "systemd"
    5 antnode0005.service Restarting /var/antctl/services/antnode0005 55005/13005/Some(30005) "systemd+sudo"
    46 settings; lacks
    "#);
}

#[test]
fn directories_that_were_cut_at_the_first_dot_are_not_believed() {
    assert_snapshot!(museum!("0.6.3-user-import"), @r#"
    revision e2f4a512d24c
    node_cap=5 delay_start=300 mem_less_than=60 process_manager=systemd+user
    1 antnode0001.service Running ? 55001/13001/None "systemd"
    2 antnode0002.service Stopped ? 55002/13002/None "systemd"
    3 antnode0003.service Stopped ? 55003/13003/None "systemd"
    4 antnode0004.service Running ? 55004/13004/None "systemd"
    46 settings; lacks
    "#);
    let sql = include_str!("../../../museum/python/0.6.3-user-import.sql");
    let found = read(&made(sql)).unwrap();
    assert_snapshot!(found.nodes[0].remarks.join("\n"), @"its data directory stands there as `/home/ann/`, which is none of one node: early versions cut paths at the first dot");
}

#[test]
fn everything_of_one_database() {
    let found = read(&made(super::LAST)).unwrap();
    let settings: Vec<String> =
        found.settings.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_snapshot!(settings.join("\n"), @"
    action_delay=0
    antctl_debug=0
    antctl_path=~/.local/bin/antctl
    antnode_path=~/.local/bin/antnode
    cpu_count=2
    cpu_less_than=50
    cpu_remove=70
    crisis_bytes=2000000000
    delay_remove=300
    delay_restart=600
    delay_start=300
    delay_upgrade=300
    desired_load_average=1.2
    docker_image=iweave/antnode:latest
    donate_address=0x00455d78f850b0358E8cea5be24d415E01E107CF
    hd_less_than=75
    hd_remove=90
    hdio_read_less_than=0
    hdio_read_remove=0
    hdio_write_less_than=0
    hdio_write_remove=0
    host=127.0.0.1
    last_stopped_at=1796035485
    max_concurrent_operations=1
    max_concurrent_removals=1
    max_concurrent_starts=1
    max_concurrent_upgrades=1
    max_load_average_allowed=2
    max_node_per_container=200
    mem_less_than=60
    mem_remove=75
    metrics_port_start=13
    min_container_count=1
    netio_read_less_than=0
    netio_read_remove=0
    netio_write_less_than=0
    netio_write_remove=0
    no_upnp=0
    node_cap=5
    node_removal_strategy=youngest
    node_storage=/home/ann/.local/share/autonomi/node
    port_start=55
    process_manager=systemd+user
    rewards_address=0x00000000000000000000000000000000000000A1:3,faucet:1
    rpc_port_start=30
    survey_delay=0
    ");
    insta::assert_debug_snapshot!(found.nodes[1], @r#"
    PythonNode {
        id: 2,
        service: "antnode0002.service",
        manager: Some(
            "systemd+user",
        ),
        in_container: false,
        user: Some(
            "ant",
        ),
        binary: "/home/ann/.local/share/autonomi/node/antnode0002/antnode",
        version: Some(
            "0.4.17",
        ),
        data: Some(
            "/home/ann/.local/share/autonomi/node/antnode0002",
        ),
        logs: None,
        port: 55002,
        metrics_port: 13002,
        rpc_port: Some(
            30002,
        ),
        network: Some(
            "evm-arbitrum-one",
        ),
        wallet: Some(
            "0x00000000000000000000000000000000000000A1",
        ),
        status: Stopped,
        launched: Some(
            1796036195,
        ),
        environment: None,
        remarks: [],
    }
    "#);
}
