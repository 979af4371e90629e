//! Settings as they are read: what is accepted, what is refused and how that is said, what old records mean.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::model::Bytes;
use crate::select::Order;

fn draft() -> PolicyDraft {
    PolicyDraft::default()
        .with(Setting::RewardsAddress, "faucet")
        .with(Setting::NodeStorage, "/srv/nodes")
        .with(Setting::LogStorage, "/srv/logs")
}

fn read(pairs: &[(Setting, &str)]) -> Result<Policy, Vec<PolicyError>> {
    let draft = pairs.iter().fold(draft(), |draft, (setting, text)| draft.with(*setting, *text));
    Policy::parse(&draft, &PolicyDraft::default(), 4)
}

fn policy(pairs: &[(Setting, &str)]) -> Policy {
    read(pairs).expect("sound settings")
}

/// What is said of these settings; `fine` when they are sound.
fn said(pairs: &[(Setting, &str)]) -> String {
    match read(pairs) {
        Ok(_) => "fine".to_owned(),
        Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

fn table(rows: &[&[(Setting, &str)]]) -> String {
    let told = |pairs: &&[(Setting, &str)]| {
        let given: Vec<String> =
            pairs.iter().map(|(setting, text)| format!("{setting}={text}")).collect();
        format!("{}: {}", given.join(" "), said(pairs))
    };
    rows.iter().map(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn thresholds_are_strict_both_ways() {
    let band = policy(&[(Setting::CpuLessThan, "50"), (Setting::CpuRemove, "70")]).cpu;
    assert_eq!(
        (band.has_room(49.9), band.has_room(50.0), band.has_room(50.1)),
        (true, false, false)
    );
    assert_eq!((band.is_over(69.9), band.is_over(70.0), band.is_over(70.1)), (false, false, true));
}

#[test]
fn containers_have_names_of_their_own() {
    use Setting::ContainerName;
    insta::assert_snapshot!(table(&[
        &[(ContainerName, "our-nodes_2.b")],
        &[(ContainerName, "our nodes")],
        &[(ContainerName, "nodes/2")],
        &[(ContainerName, "antnode")],
        &[(ContainerName, "antnode0007")],
        &[(ContainerName, "-nodes")],
        &[(ContainerName, "")],
    ]), @"
    container_name=our-nodes_2.b: fine
    container_name=our nodes: container_name is `our nodes`: give a name without blanks or leading dash
    container_name=nodes/2: container_name is `nodes/2`: give letters, digits, `-`, `_` and `.`, and not a name of a node
    container_name=antnode: container_name is `antnode`: give letters, digits, `-`, `_` and `.`, and not a name of a node
    container_name=antnode0007: container_name is `antnode0007`: give letters, digits, `-`, `_` and `.`, and not a name of a node
    container_name=-nodes: container_name is `-nodes`: give a name without blanks or leading dash
    container_name=: container_name is ``: give a name without blanks or leading dash
    ");
}

#[test]
fn the_daemon_is_not_asked_for_what_it_cannot() {
    use Setting::{Manager, Program, StartArgs};
    let daemon = (Manager, "antd+user");
    insta::assert_snapshot!(table(&[
        &[daemon],
        &[daemon, (Program, "ant-node")],
        &[daemon, (Program, "antnode")],
        &[daemon, (StartArgs, "--one two")],
        &[(Manager, "setsid+user"), (Program, "antnode"), (StartArgs, "--one two")],
    ]), @"
    manager=antd+user: fine
    manager=antd+user program=ant-node: fine
    manager=antd+user program=antnode: program is `antnode`: the ant daemon (manager antd+user) runs ant-node only
    manager=antd+user start_args=--one two: start_args is `--one two`: the ant daemon (manager antd+user) hands no arguments to nodes: every option of ant-node has a variable, give it with environment
    manager=setsid+user program=antnode start_args=--one two: fine
    ");
}

#[test]
fn limits_are_only_for_who_keeps_them() {
    use Setting::{LimitCpu, LimitMemory, Manager, MaxNodesPerContainer, SliceCpu, SliceMemory};
    let (shared, docker) = ((MaxNodesPerContainer, "9"), (Manager, "docker+user"));
    let (cpu, slice) = ((LimitCpu, "50"), (SliceMemory, "9GB"));
    insta::assert_snapshot!(table(&[
        &[(Manager, "systemd+user"), cpu, slice, shared],
        &[(Manager, "setsid+user"), cpu, slice],
        &[(Manager, "setsid+user"), (LimitCpu, "0"), (SliceCpu, "0"), (LimitMemory, "0")],
        &[docker, cpu],
        &[docker, cpu, shared],
        &[docker, (LimitMemory, "1GB"), shared],
        &[docker, slice],
        &[docker, (SliceCpu, "50")],
    ]), @"
    manager=systemd+user limit_cpu=50 slice_memory=9GB max_nodes_per_container=9: fine
    manager=setsid+user limit_cpu=50 slice_memory=9GB: limit_cpu is `50`: setsid+user cannot limit nodes: give 0, or use systemd or Docker; slice_memory is `9GB`: setsid+user cannot limit nodes: give 0, or use systemd or Docker
    manager=setsid+user limit_cpu=0 slice_cpu=0 limit_memory=0: fine
    manager=docker+user limit_cpu=50: fine
    manager=docker+user limit_cpu=50 max_nodes_per_container=9: limit_cpu is `50`: nodes that share a container cannot be limited one by one: give 0, or 1 for max_nodes_per_container
    manager=docker+user limit_memory=1GB max_nodes_per_container=9: limit_memory is `1GB`: nodes that share a container cannot be limited one by one: give 0, or 1 for max_nodes_per_container
    manager=docker+user slice_memory=9GB: slice_memory is `9GB`: docker+user cannot limit nodes together: give 0, or use systemd
    manager=docker+user slice_cpu=50: slice_cpu is `50`: docker+user cannot limit nodes together: give 0, or use systemd
    ");
}

#[test]
fn environments_are_keys_and_values() {
    use Setting::Environment;
    insta::assert_snapshot!(table(&[
        &[(Environment, "A=1 _b2='two words' EMPTY=")],
        &[(Environment, "=1")],
        &[(Environment, "2A=1")],
        &[(Environment, "A-B=1")],
        &[(Environment, "A")],
        &[(Environment, "A='one\ntwo'")],
    ]), @"
    environment=A=1 _b2='two words' EMPTY=: fine
    environment==1: environment is `=1`: give KEY=VALUE, the key of letters, digits and _
    environment=2A=1: environment is `2A=1`: give KEY=VALUE, the key of letters, digits and _
    environment=A-B=1: environment is `A-B=1`: give KEY=VALUE, the key of letters, digits and _
    environment=A: environment is `A`: give KEY=VALUE, the key of letters, digits and _
    environment=A='one
    two': environment is `A='one
    two'`: give KEY=VALUE, the key of letters, digits and _
    ");
    let launch = policy(&[(Environment, "A=1 B='x=y'")]).nodes.launch;
    assert_eq!(launch.environment, [("A".into(), "1".into()), ("B".into(), "x=y".to_owned())]);
}

#[test]
fn peers_are_separated_by_commas_or_blanks() {
    let peers = |text: &str| policy(&[(Setting::Bootstrap, text)]).nodes.launch.bootstrap;
    assert_eq!(peers("a,b c,, d\n"), ["a", "b", "c", "d"]);
    assert_eq!(peers(" , "), [""; 0]);
}

#[test]
fn amounts_have_units() {
    let bytes = |text: &str| read::parse_bytes(text).map(|bytes| bytes.0);
    let rows = [
        ("7", Some(7)),
        ("7B", Some(7)),
        ("7kB", Some(7_000)),
        ("7KB", Some(7_000)),
        ("7MB", Some(7_000_000)),
        ("7GB", Some(7_000_000_000)),
        ("7TB", Some(7_000_000_000_000)),
        ("7KiB", Some(7_168)),
        ("7 MiB", Some(7_340_032)),
        ("7GiB", Some(7_516_192_768)),
        ("7TiB", Some(7_696_581_394_432)),
        ("7 apples", None),
        ("99999999TB", None),
    ];
    for (text, expected) in rows {
        assert_eq!(bytes(text), expected, "{text}");
    }
}

#[test]
fn keys_are_sealed_for_words_that_age_prints() {
    use Setting::IdentityRecipients;
    let sound = format!("age1{}", "q2".repeat(29));
    let of = |text: &str| said(&[(IdentityRecipients, text)]) == "fine";
    assert!(of(&sound) && of(&format!("{sound} {sound}")) && of(""));
    assert!(!of(&sound[..61]), "too short");
    assert!(!of(&format!("{sound}q")), "too long");
    assert!(!of(&sound.replace("age1", "abe1")), "another beginning");
    assert!(!of(&sound.replace('q', "Q")), "capitals");
    assert!(!of(&sound.replacen('q', "-", 1)), "no letter");
    assert!(!of("'"), "no words");
}

#[test]
fn a_rule_that_names_the_value_is_said_once() {
    let error = |rule: &str| PolicyError::Value {
        setting: Setting::NodeCap,
        value: "x".to_owned(),
        rule: rule.to_owned(),
    };
    assert_eq!(error("give a number").to_string(), "node_cap is `x`: give a number");
    assert_eq!(error("`x` is no number").to_string(), "node_cap: `x` is no number");
    assert_eq!(error("").settings(), [Setting::NodeCap]);
    let errors = read(&[(Setting::CpuLessThan, "80"), (Setting::CpuRemove, "70")])
        .expect_err("it is refused");
    assert_eq!(errors[0].settings(), [Setting::CpuLessThan, Setting::CpuRemove]);
    let missing = PolicyError::Missing { setting: Setting::NodeStorage };
    assert_eq!(missing.settings(), []);
}

#[test]
fn a_name_that_is_no_setting_is_told_with_the_nearest() {
    let said = |name: &str| name.parse::<Setting>().expect_err("it is refused").to_string();
    assert_eq!(said("colour"), "there is no setting `colour`: `wnm config list` shows all");
    assert_eq!(
        said("node-cpa"),
        "there is no setting `node-cpa`; the nearest is `node_cap`, and `wnm config list` shows all"
    );
    assert_eq!(said("ps"), "there is no setting `ps`: `wnm config list` shows all");
    assert_eq!(Setting::NodeCap.option(), "node-cap");
}

#[test]
fn what_is_given_several_times_is_joined_as_it_is_read() {
    let values = ["/a b".to_owned(), "c".to_owned()];
    let joined = |setting: Setting| (setting.is_list(), setting.join(&values));
    assert_eq!(joined(Setting::NodeStorage), (true, "'/a b' c".to_owned()));
    assert_eq!(joined(Setting::Environment), (true, "'/a b' c".to_owned()));
    assert_eq!(joined(Setting::StartArgs), (true, "/a b c".to_owned()));
    assert_eq!(joined(Setting::Bootstrap), (true, "/a b c".to_owned()));
    assert_eq!(joined(Setting::IdentityRecipients), (true, "/a b c".to_owned()));
    assert_eq!(joined(Setting::NodeCap), (false, "c".to_owned()), "the last one counts");
}

#[test]
fn every_kind_says_what_it_takes() {
    let kinds: Vec<String> =
        Setting::ALL.iter().map(|setting| format!("{setting}: {}", setting.kind())).collect();
    insta::assert_snapshot!(kinds.join("\n"), @"
    rewards_address: 0x and 40 hex digits, faucet, donate, or a list wallet:weight,…
    donate_address: 0x and 40 hex digits, faucet, donate, or a list wallet:weight,…
    node_cap: a whole number from 0 to 10000
    cpu_less_than: percent, from 0 to 100
    cpu_remove: percent, from 0 to 100
    mem_less_than: percent, from 0 to 100
    mem_remove: percent, from 0 to 100
    hd_less_than: percent, from 0 to 100
    hd_remove: percent, from 0 to 100
    desired_load_average: auto, or a load average
    max_load_average_allowed: auto, or a load average
    hdio_read_less_than: bytes a second: 500kB, 50MB; 0 for none
    hdio_read_remove: bytes a second: 500kB, 50MB; 0 for none
    hdio_write_less_than: bytes a second: 500kB, 50MB; 0 for none
    hdio_write_remove: bytes a second: 500kB, 50MB; 0 for none
    netio_read_less_than: bytes a second: 500kB, 50MB; 0 for none
    netio_read_remove: bytes a second: 500kB, 50MB; 0 for none
    netio_write_less_than: bytes a second: 500kB, 50MB; 0 for none
    netio_write_remove: bytes a second: 500kB, 50MB; 0 for none
    psi_cpu_less_than: percent, from 0 to 100
    psi_cpu_remove: percent, from 0 to 100
    psi_memory_less_than: percent, from 0 to 100
    psi_memory_remove: percent, from 0 to 100
    psi_io_less_than: percent, from 0 to 100
    psi_io_remove: percent, from 0 to 100
    crisis_bytes: a size in bytes: 500MB, 2GB, 2GiB
    max_concurrent_starts: auto, or a whole number from 1 to 1000
    max_concurrent_removals: a whole number from 1 to 1000
    max_concurrent_operations: auto, or a whole number from 1 to 1000
    node_removal_strategy: youngest, oldest, least_records, most_shunned, most_memory, most_cpu, largest_disk
    delay_start: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    delay_remove: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    pressure_grace: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    memory_grace: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    hd_grace: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    urgent_cpu: percent, from 0 to 100
    grow_window: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    settle_time: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    quiet_time: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    learn_time: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    disk_prior: a size in bytes: 500MB, 2GB, 2GiB
    disk_horizon: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    max_destructive_per_hour: a whole number from 0 to 10000
    max_disk_removals_per_day: a whole number from 0 to 10000
    restart_backoff: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    restart_mute: on or off
    autostart: wnm, system
    upgrade_mode: auto, self, managed, off
    delay_upgrade: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    max_concurrent_upgrades: a whole number from 1 to 1000
    canary_count: a whole number from 0 to 1000
    canary_time: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    upgrade_failure_limit: a whole number from 0 to 1000
    upgrade_soak: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    upgrade_window: always, or hours of the day: 02:00-05:00, 22-4+02:00
    manager: systemd+user, setsid+user, docker+user, systemd+sudo, setsid+sudo, docker+sudo, antctl+user, antctl+sudo, antctl+zen, docker-antctl+user, docker-antctl+sudo, antd+user, launchctl+user, launchctl+sudo
    antctl_path: an absolute path
    antctl_version: text
    docker_command: a name without blanks, not beginning with a dash
    docker_image: a name without blanks, not beginning with a dash
    max_nodes_per_container: a whole number from 1 to 1000
    min_container_count: a whole number from 1 to 1000
    container_name: a name without blanks, not beginning with a dash
    program: ant-node, antnode
    node_binary: an absolute path
    release_source: project, a URL, or an absolute directory
    release_channel: stable, beta
    release_key: an absolute path
    release_interval: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    keep_releases: a whole number from 2 to 100
    node_storage: absolute directories, quoted like shell words
    log_storage: absolute directories, quoted like shell words
    port_start: thousands of ports, from 2 to 65
    metrics_port_start: thousands of ports, from 2 to 65
    rpc_port_start: thousands of ports, from 2 to 65
    webrtc_port_start: thousands of ports, from 2 to 65
    network: text
    start_args: words, quoted like shell words
    environment: words, quoted like shell words
    bootstrap: words, quoted like shell words
    no_upnp: on or off
    limit_memory: a size in bytes: 500MB, 2GB, 2GiB
    limit_cpu: a whole number from 0 to 100000
    slice_memory: a size in bytes: 500MB, 2GB, 2GiB
    slice_cpu: a whole number from 0 to 100000
    upkeep_every: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    keep_cycles: a time up to 365 days: 90 or 90s, 10min, 6h, 14d
    keep_cycles_bytes: a size in bytes: 500MB, 2GB, 2GiB
    identity_recipients: words, quoted like shell words
    firewall: auto, ufw, firewalld, nftables, none
    ");
    assert_eq!(
        Order::ALL.map(|order| order.to_string()),
        Order::ALL.map(|order| order.name().to_owned())
    );
}

/// One run may keep more of the past than is stored, and never less.
#[test]
fn a_value_for_one_run_forgets_nothing() {
    let stored = draft().with(Setting::KeepCycles, "10d").with(Setting::KeepCyclesBytes, "10MB");
    let keep = |age: &str, bytes: &str| {
        let none = PolicyDraft::default();
        let once = none.with(Setting::KeepCycles, age).with(Setting::KeepCyclesBytes, bytes);
        let keep = Policy::parse(&stored, &once, 4).expect("sound settings").keep;
        (keep.age.as_secs() / 86_400, keep.bytes.0 / 1_000_000)
    };
    assert_eq!(keep("1d", "1MB"), (10, 10));
    assert_eq!(keep("20d", "20MB"), (20, 20));
}

/// What was written down before a setting was there means what was shipped with it; and what is as
/// shipped is not written down at all.
#[test]
fn old_records_mean_what_was_shipped() {
    let late = ["containers", "together", "upgrades"];
    let written = |policy: &Policy| serde_json::to_value(policy).expect("it can be written");
    let usual = written(&policy(&[]));
    let nodes = |value: &Value| value["nodes"].clone();
    for name in late {
        assert!(usual.get(name).is_none() && nodes(&usual).get(name).is_none(), "{name}");
    }
    assert!(usual["delays"].get("upgrade").is_none());
    let other = written(&policy(&[
        (Setting::SliceMemory, "9GB"),
        (Setting::CanaryCount, "3"),
        (Setting::DelayUpgrade, "9min"),
        (Setting::Manager, "systemd+user"),
        (Setting::MinContainerCount, "2"),
    ]));
    assert_eq!(other["together"]["memory"], Bytes(9_000_000_000).0);
    assert_eq!(other["upgrades"]["canaries"], 3);
    assert_eq!(other["delays"]["upgrade"]["secs"], 540);
    assert_eq!(nodes(&other)["containers"]["least"], 2);
    let mut old = usual.clone();
    let remove = |value: &mut Value, name: &str| {
        value.as_object_mut().expect("an object").remove(name).expect("it is there");
    };
    remove(&mut old, "upkeep_every");
    remove(&mut old["stability"], "learn_time");
    let old: Policy = serde_json::from_value(old).expect("it can be read");
    assert_eq!(old, policy(&[]));
    assert_eq!(old.delays.upgrade, Duration::from_secs(300));
}
