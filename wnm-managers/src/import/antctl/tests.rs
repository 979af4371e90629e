use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use wnm_core::host::{CommandRunner, Completed, Invocation};
use wnm_core::model::{ManagerKind, Scope, Want};

use super::*;

const RUNNING: &str = include_str!("../../../fixtures/antctl/registry-running.json");
const REMOVED: &str = include_str!("../../../fixtures/antctl/registry-removed.json");
const UNIT: &str = include_str!("../../../fixtures/antctl/antnode1.user.service");

/// Says of every unit that it runs, and of the second that it does not.
struct Systemd;

impl CommandRunner for Systemd {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        let units = call.args.iter().filter(|arg| arg.ends_with(".service"));
        let is_show = call.args.iter().any(|arg| arg == "show");
        let answer = |unit: &String| match is_show {
            true => {
                let (state, pid) = match unit.as_str() {
                    "antnode2.service" => ("inactive", 0),
                    _ => ("active", 4711),
                };
                format!(
                    "Id={unit}\nLoadState=loaded\nActiveState={state}\nSubState=x\nMainPID={pid}\n\
                     NRestarts=0\nInvocationID=\nNeedDaemonReload=no\n"
                )
            }
            false => "disabled".to_owned(),
        };
        let stdout = units.map(answer).collect::<Vec<_>>().join("\n");
        Ok(Completed { code: Some(0), stdout, stderr: String::new() })
    }
}

struct Home {
    directory: TempDir,
    registry: PathBuf,
}

/// A registry, and the units of `UNIT` for nodes 1 and 2 as the running registry has them.
fn home(registry: &str) -> Home {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("node_registry.json");
    fs::write(&file, registry).unwrap();
    let second = UNIT
        .replace("antnode1", "antnode2")
        .replace("13201", "13202")
        .replace("14201", "14202")
        .replace("15201", "15202");
    fs::write(directory.path().join("antnode1.service"), UNIT).unwrap();
    fs::write(directory.path().join("antnode2.service"), second).unwrap();
    Home { directory, registry: file }
}

fn read(home: &Home) -> Findings {
    let path = home.directory.path();
    let units = Units::of_user(Arc::new(Systemd), path.to_owned(), "/run/user/1".to_owned());
    let manager = Manager { kind: ManagerKind::Antctl, scope: Scope::User };
    units.read_antctl(&home.registry, manager).unwrap()
}

fn broken(registry: &str) -> String {
    let home = home(registry);
    let found = read(&home);
    let told: Vec<String> = found.broken.into_iter().map(|it| it.what).collect();
    told.join("\n").replace(&home.directory.path().display().to_string(), "DIR")
}

#[test]
fn nodes_keep_the_numbers_and_names_that_antctl_gave() {
    let found = read(&home(RUNNING));
    assert!(found.broken.is_empty() && found.left.is_empty(), "{found:?}");
    let lines: Vec<String> = found
        .nodes
        .iter()
        .map(|it| {
            format!(
                "{:?} {:?} {} {:?} {:?} {:?} {:?}",
                it.number, it.service, it.manager, it.ports, it.pid, it.want, it.version
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Some(NodeId(1)) Some("antnode1") antctl+user FoundPorts { node: Some(13201), metrics: Some(14201), webrtc: None, rpc: Some(15201) } Some(4711) Run Some(Version(Version { major: 0, minor: 4, patch: 17 }))
    Some(NodeId(2)) Some("antnode2") antctl+user FoundPorts { node: Some(13202), metrics: Some(14202), webrtc: None, rpc: Some(15202) } None StoppedByOperator Some(Version(Version { major: 0, minor: 4, patch: 17 }))
    "#);
    assert_eq!(found.nodes[1].want, Want::StoppedByOperator);
    assert!(found.nodes.iter().all(|it| it.replaces.is_empty()), "its units stay antctl's");
}

#[test]
fn removed_services_stay_behind() {
    let found = read(&home(REMOVED));
    let left: Vec<&str> = found.left.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(left.last(), Some(&"antnode3"));
    assert!(found.left.last().unwrap().why.contains("keeps its number and ports"));
}

#[test]
fn half_a_registry_is_none() {
    insta::assert_snapshot!(broken(""), @"DIR/node_registry.json: it is empty: antctl never made a node here, or died while it wrote");
    insta::assert_snapshot!(broken(&RUNNING[..RUNNING.len() / 2]), @"DIR/node_registry.json: it is no registry of antctl 0.14, or half of one: EOF while parsing a string at line 1 column 1860");
    insta::assert_snapshot!(broken("{\"nodes\":[{\"number\":1}]}"), @"DIR/node_registry.json: it is no registry of antctl 0.14, or half of one: missing field `service_name` at line 1 column 22");
    insta::assert_snapshot!(broken(&format!("{RUNNING}x")), @"DIR/node_registry.json: it is no registry of antctl 0.14, or half of one: trailing characters at line 1 column 3722");
    for cut in (0..RUNNING.trim_end().len()).step_by(64) {
        assert!(!broken(&RUNNING[..cut]).is_empty(), "cut to {cut} bytes");
    }
    let home = home(RUNNING);
    fs::remove_file(&home.registry).unwrap();
    assert!(read(&home).broken[0].what.contains("antctl keeps no nodes here"));
    fs::write(&home.registry, b"\xff\xfe").unwrap();
    assert!(read(&home).broken[0].what.contains("not UTF-8"));
}

#[test]
fn what_the_registry_and_the_unit_say_must_be_one() {
    insta::assert_snapshot!(broken(&RUNNING.replace("\"node_port\":13201", "\"node_port\":13299")), @"DIR/node_registry.json nodes[0]: node_port is 13299, and DIR/antnode1.service says otherwise: antctl and systemd keep two different nodes by that name; leave it out by --except antnode1");
    insta::assert_snapshot!(broken(&RUNNING.replace(
        "\"data_dir_path\":\"/home/anttest/.local/share/autonomi/node/antnode1\"",
        "\"data_dir_path\":\"/home/anttest\""
    )), @"DIR/node_registry.json nodes[0]: data_dir_path is /home/anttest, and DIR/antnode1.service says otherwise: antctl and systemd keep two different nodes by that name; leave it out by --except antnode1");
    insta::assert_snapshot!(broken(&RUNNING.replace("\"number\":2", "\"number\":1")), @"DIR/node_registry.json nodes[1]: `antnode2`, number 1, stands there twice");
    insta::assert_snapshot!(broken(&RUNNING.replace("\"service_name\":\"antnode2\"", "\"service_name\":\"../x\"")), @"DIR/node_registry.json nodes[1]: service_name is `../x`, and number is 2");
}

#[test]
fn a_node_without_a_unit_is_left_alone() {
    let home = home(RUNNING);
    fs::remove_file(home.directory.path().join("antnode1.service")).unwrap();
    let found = read(&home);
    assert_eq!(found.nodes.len(), 1);
    assert!(found.left[0].why.contains("cannot be read"), "{found:?}");
}
