//! Databases of every Python version become a store that the engine plans from, and nothing of what
//! came along is removed, stopped or started twice.

use std::path::{Path, PathBuf};

use wnm_core::action::Action;
use wnm_core::fakes::{SimHost, World};
use wnm_core::host::Store;
use wnm_core::import::{
    Around, Findings, Found, OnDisk, Origin, Root, Takeover, Told, decide, implied,
};
use wnm_core::model::{Manager, ManagerKind, NodeRecord, RecordId, Scope, Timestamp, Want};
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_core::run::{CycleOptions, cycle};
use wnm_store::{
    PythonDatabase, PythonNode, PythonStatus, SqliteStore, make_database, read_python,
};

use super::takeover::{findings, keeper};

const ALL: [(&str, &str); 12] = [
    ("0.0.9-system", include_str!("../../../wnm-store/museum/python/0.0.9-system.sql")),
    ("0.0.10-system", include_str!("../../../wnm-store/museum/python/0.0.10-system.sql")),
    ("0.0.16-user", include_str!("../../../wnm-store/museum/python/0.0.16-user.sql")),
    ("0.0.30-user", include_str!("../../../wnm-store/museum/python/0.0.30-user.sql")),
    ("0.1.5-user", include_str!("../../../wnm-store/museum/python/0.1.5-user.sql")),
    ("0.3.0-user", include_str!("../../../wnm-store/museum/python/0.3.0-user.sql")),
    ("0.3.10-user", include_str!("../../../wnm-store/museum/python/0.3.10-user.sql")),
    ("0.4.1-user", include_str!("../../../wnm-store/museum/python/0.4.1-user.sql")),
    ("0.4.4-user", include_str!("../../../wnm-store/museum/python/0.4.4-user.sql")),
    ("0.5.8-user", include_str!("../../../wnm-store/museum/python/0.5.8-user.sql")),
    ("0.6.3-user-import", include_str!("../../../wnm-store/museum/python/0.6.3-user-import.sql")),
    ("0.6.3-system", include_str!("../../../wnm-store/museum/python/0.6.3-system.sql")),
];
const LAST: &str = include_str!("../../../wnm-store/museum/python/0.6.3-user.sql");

fn database(sql: &str) -> PythonDatabase {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("colony.db");
    make_database(sql, &file).unwrap();
    read_python(&file).unwrap()
}

fn runs(node: &PythonNode) -> bool {
    !matches!(node.status, PythonStatus::Stopped | PythonStatus::Disabled)
}

/// What a reader of units finds of a node that such a program made.
fn unit(node: &PythonNode, manager: Manager) -> Found {
    // Where the row has it cut, the program lies in it.
    let data = node.data.clone().or_else(|| node.binary.parent().map(Path::to_owned)).unwrap();
    let line = format!(
        "{} --bootstrap-cache-dir /c --root-dir {} --port {} --enable-metrics-server \
         --metrics-server-port {} --log-output-dest {} --max-log-files 1 \
         --max-archived-log-files 1 --rewards-address {} evm-arbitrum-one",
        node.binary.display(),
        data.display(),
        node.port,
        node.metrics_port,
        Path::new("/l").join(data.file_name().unwrap()).display(),
        node.wallet.as_deref().unwrap()
    );
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let name = node.service.trim_end_matches(".service");
    let told = Told::read(&words).unwrap();
    let mut found = Found::told(Origin::PythonDb, name, "a unit", told, manager);
    found.service = Some(name.to_owned());
    found.disk = OnDisk::Seen { real: found.data.clone(), directory: true, key: true };
    found.want = if runs(node) { Want::Run } else { Want::StoppedByOperator };
    found
}

fn scope_of(name: &str) -> Scope {
    if name.ends_with("system") { Scope::System } else { Scope::User }
}

/// With a unit for every node.
fn taken(name: &str, sql: &str) -> Result<Takeover, Vec<String>> {
    let (database, scope) = (database(sql), scope_of(name));
    let manager = keeper(&database, scope).unwrap();
    let kept = Findings {
        nodes: database.nodes.iter().map(|node| unit(node, manager)).collect(),
        ..Findings::default()
    };
    let storage = PathBuf::from(&database.settings["node_storage"]);
    let found = findings(database, kept, "colony.db", Some("/home/ann"));
    let around = Around {
        scope,
        user: "ant".to_owned(),
        roots: vec![Root { path: storage.clone(), real: storage }],
        logs: "/logs".into(),
        own: vec!["/home/ann".into()],
        numbers: Default::default(),
        ports: Default::default(),
        kept: Default::default(),
        except: Default::default(),
    };
    decide(found, &around)
}

#[test]
fn the_engine_plans_from_every_one_of_them() {
    for (name, sql) in ALL.into_iter().chain([("0.6.3-user", LAST)]) {
        let takeover = taken(name, sql).unwrap();
        assert!(takeover.left.is_empty(), "{name}: {:?}", takeover.left);
        let draft = implied(&takeover.nodes)
            .under(&takeover.settings)
            .under(&PolicyDraft::default().with(Setting::LogStorage, "/logs"));
        let policy = Policy::parse(&draft, &PolicyDraft::default(), 4)
            .unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        assert_eq!(policy.nodes.manager.kind, ManagerKind::Systemd, "{name}");
        first_cycle(name, &takeover, &draft);
    }
}

/// On a machine where everything is as the database says.
fn first_cycle(name: &str, takeover: &Takeover, draft: &PolicyDraft) {
    let mut world = World::new();
    let disk = world.disks.values().next().unwrap().clone();
    world.disks.extend(takeover.roots().into_iter().map(|root| (root.to_owned(), disk.clone())));
    let sim = SimHost::new(world);
    let store = SqliteStore::in_memory().unwrap();
    let records: Vec<NodeRecord> = takeover
        .nodes
        .iter()
        .map(|node| NodeRecord {
            want: node.found.want,
            version: node.found.version.clone(),
            ..NodeRecord::new(
                RecordId(0),
                node.spec.clone(),
                node.found.created.unwrap_or(Timestamp(0)),
            )
        })
        .collect();
    store.adopt(draft, &records, Timestamp(0)).unwrap();
    let host = sim.host(&store);
    let mut running = 0;
    for record in &store.load().unwrap().nodes {
        let manager = host.managers.get(record.spec.manager).unwrap();
        host.files.prepare(&record.spec, &wnm_core::fakes::build::release()).unwrap();
        manager.create(&record.spec).unwrap();
        manager.start(&record.spec).unwrap();
        match record.want {
            Want::Run => running += 1,
            _ => drop(manager.stop(&record.spec).unwrap()),
        }
    }
    for _ in 0..3 {
        let report = cycle(&host, &CycleOptions::new(), &mut |_| {}).unwrap();
        for planned in &report.plan.actions {
            let harmless = !matches!(
                planned.action,
                Action::Remove { .. } | Action::Stop { .. } | Action::Restart { .. }
            );
            assert!(harmless, "{name}: {planned:?}");
        }
        sim.world().advance(std::time::Duration::from_secs(60));
    }
    assert!(sim.world().running() >= running, "{name}");
    let disabled =
        store.load().unwrap().nodes.iter().filter(|it| it.want == Want::Disabled).count();
    assert_eq!(
        disabled,
        usize::from(
            name != "0.0.30-user" && scope_of(name) == Scope::User && name != "0.6.3-user-import"
        ),
        "{name}"
    );
}

#[test]
fn each_node_keeps_its_number_and_what_was_wanted_of_it() {
    let takeover = taken("0.6.3-user", LAST).unwrap();
    let lines: Vec<String> = takeover
        .nodes
        .iter()
        .map(|node| {
            let notes = node.found.notes.join("; ");
            let line =
                format!("{} {:?} {} {notes}", node.spec.id, node.found.want, node.spec.wallet);
            line.trim_end().to_owned()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    antnode0001 Run 0x00455d78f850b0358E8cea5be24d415E01E107CF
    antnode0002 StoppedByPressure 0x00000000000000000000000000000000000000A1 it is stopped, and started again when there is room, as there
    antnode0003 Disabled 0x00000000000000000000000000000000000000A1 it was disabled there and is here: left alone in every respect
    antnode0004 Run 0x00000000000000000000000000000000000000A1
    ");
    let settings: Vec<String> =
        takeover.settings.values.iter().map(|(key, text)| format!("{key}={text}")).collect();
    insta::assert_snapshot!(settings.join("\n"), @"
    rewards_address=0x00000000000000000000000000000000000000A1:3,faucet:1
    donate_address=0x00455d78f850b0358E8cea5be24d415E01E107CF
    node_cap=5
    cpu_less_than=50
    cpu_remove=70
    mem_less_than=60
    mem_remove=75
    hd_less_than=75
    hd_remove=90
    desired_load_average=1.2
    max_load_average_allowed=2
    hdio_read_less_than=0
    hdio_read_remove=0
    hdio_write_less_than=0
    hdio_write_remove=0
    netio_read_less_than=0
    netio_read_remove=0
    netio_write_less_than=0
    netio_write_remove=0
    max_concurrent_starts=1
    max_concurrent_removals=1
    max_concurrent_operations=1
    delay_start=300
    delay_remove=300
    delay_upgrade=300
    max_concurrent_upgrades=1
    manager=systemd+user
    program=antnode
    node_storage=/home/ann/.local/share/autonomi/node
    port_start=55
    metrics_port_start=13
    rpc_port_start=30
    no_upnp=off
    ");
}

#[test]
fn minutes_that_were_taken_for_seconds_are_told() {
    let takeover = taken("0.6.3-system", ALL[11].1).unwrap();
    insta::assert_snapshot!(takeover.notes.join("\n"), @"
    colony.db is a database of the Python wnm, revision e2f4a512d24c
    delay_start 5 s, delay_upgrade 5 s, delay_remove 10 s: these are seconds; if they came from anm they were minutes, and mean as many minutes still: give them again, as in --delay-start 5m
    ");
    assert_eq!(taken("0.0.9-system", ALL[0].1).unwrap().notes.len(), 1);
}

/// Joined with what is kept, after `change` to it.
fn joined(change: impl FnOnce(&mut PythonDatabase, &mut Findings)) -> Findings {
    let mut database = database(LAST);
    let manager = Manager { kind: ManagerKind::Systemd, scope: Scope::User };
    let mut kept = Findings {
        nodes: database.nodes.iter().map(|node| unit(node, manager)).collect(),
        ..Findings::default()
    };
    change(&mut database, &mut kept);
    findings(database, kept, "colony.db", None)
}

#[test]
fn a_row_and_a_unit_that_disagree_are_broken() {
    let found = joined(|_, kept| {
        kept.nodes[0].ports.node = Some(1);
        kept.nodes[1].ports.metrics = None;
        kept.nodes[2].data = "/elsewhere/antnode0003".into();
    });
    let told: Vec<&str> = found.broken.iter().map(|it| it.what.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    colony.db node row 1: port is 55001, but 1 in a unit: mend the one that is wrong, or leave the node out by --except antnode0001
    colony.db node row 2: metrics_port is 13002, but none in a unit: mend the one that is wrong, or leave the node out by --except antnode0002
    colony.db node row 3: root_dir is /home/ann/.local/share/autonomi/node/antnode0003, but /elsewhere/antnode0003 in a unit: mend the one that is wrong, or leave the node out by --except antnode0003
    ");
    assert_eq!(found.nodes.len(), 1);
}

#[test]
fn what_only_one_of_them_knows_is_left_alone() {
    let found = joined(|database, kept| {
        kept.nodes.remove(0);
        let gone = database.nodes.remove(3);
        assert_eq!(gone.id, 4);
    });
    let told: Vec<String> =
        found.left.iter().map(|it| format!("{} ({}): {}", it.name, it.place, it.why)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    antnode0001 (colony.db node row 1): nothing keeps it: systemd+user has no antnode0001.service. Its creation failed, or it was removed by hand; its data, if there is any, stays where it is
    antnode0004 (a unit): the Python wnm does not know it: --import takes it
    ");
    assert_eq!(found.nodes.len(), 2);
}

#[test]
fn nothing_is_removed_because_a_row_said_so() {
    let found = joined(|database, kept| {
        database.nodes[0].status = PythonStatus::Removing;
        kept.nodes[0].want = Want::StoppedByOperator;
        database.nodes[1].status = PythonStatus::Dead;
        // It runs, whatever the row says.
        database.nodes[3].status = PythonStatus::Dead;
    });
    let wants: Vec<Want> = found.nodes.iter().map(|node| node.want).collect();
    assert_eq!(
        wants,
        [Want::StoppedByOperator, Want::StoppedByOperator, Want::Disabled, Want::Run]
    );
}

#[test]
fn settings_are_put_into_our_words() {
    let given = [
        ("rewards_address", " Faucet : 2, 0x00000000000000000000000000000000000000a1"),
        ("antnode_path", "~/bin/antnode"),
        ("antctl_path", "~/.local/bin/antctl"),
        ("hdio_read_less_than", "1000.5"),
        ("no_upnp", "1"),
        ("node_storage", "/srv/a b"),
        ("crisis_bytes", "1"),
        ("highest_node_id_used", "9"),
    ];
    let found =
        joined(|database, _| database.settings = given.map(|(k, v)| (k, v.to_owned())).into());
    let settings: Vec<String> =
        found.settings.values.iter().map(|(key, text)| format!("{key}={text}")).collect();
    insta::assert_snapshot!(settings.join("\n"), @"
    rewards_address=faucet:2,0x00000000000000000000000000000000000000a1
    hdio_read_less_than=1001
    program=antnode
    node_binary=~/bin/antnode
    node_storage='/srv/a b'
    no_upnp=on
    ");
}

#[test]
fn keepers_that_are_not_known_refuse() {
    for (manager, told) in [
        ("s6overlay+user", "its process_manager is `s6overlay+user`"),
        ("launchd+user", "its process_manager is `launchd+user`"),
        ("setsid+user", "--import takes running processes"),
    ] {
        let mut database = database(LAST);
        database.settings.insert("process_manager", manager.to_owned());
        assert!(keeper(&database, Scope::User).unwrap_err().contains(told));
    }
}
