//! Facts in, findings out. Each test spoils one thing of a healthy machine.

use wnm_core::fakes::build;
use wnm_core::model::{
    Bytes, Manager, ManagerKind, Percent, PortRule, Protocol, Scope, Timestamp, UnitDrift, Want,
};
use wnm_core::observe::NodeState;
use wnm_managers::{Drift, Found, Piece, ScheduleKind, UserManager};

use super::super::facts::{
    BackupFact, DiskFact, Facts, MachineFacts, NodeFact, PrivateFact, RootFact, StoreFact,
    StrayProcess, Strays, ToolFacts,
};
use super::super::finding::{Finding, Severity};
use super::diagnose;
use crate::output::{ScheduleReport, Scheduled};

const NOW: Timestamp = Timestamp(1_795_229_530_000);

/// One that was made so many days ago.
fn backup(days: i64) -> BackupFact {
    let made = Timestamp(NOW.0 - days * 86_400_000);
    BackupFact { file: format!("/b/backups/{days}.db").into(), made, problem: None }
}

fn healthy() -> Facts {
    Facts {
        now: NOW,
        scope: Scope::User,
        user: "op".into(),
        is_root: false,
        store: StoreFact::Sound,
        backups: Some(vec![backup(0)]),
        bad_settings: Vec::new(),
        machine: MachineFacts {
            clock_synchronised: Some(true),
            open_files: Some(1024),
            open_files_in_all: Some(1 << 20),
            swap: Some(Bytes(0)),
            memory: Some((build::gb(16), build::gb(8))),
            has_stall: true,
            wants_stall: false,
            disks: vec![disk()],
            no_root: None,
            bus: Some(UserManager::Ready),
            systemd_answers: None,
        },
        tools: ToolFacts {
            missing: Vec::new(),
            node_program: Ok("/usr/local/bin/ant-node".into()),
            missing_companions: Vec::new(),
            spoiled_versions: Vec::new(),
            no_manager: None,
            no_firewall: None,
        },
        cap: 20,
        manager: Manager { kind: ManagerKind::Systemd, scope: Scope::User },
        nodes: vec![node()],
        strays: Strays::default(),
        roots: vec![RootFact {
            path: "/srv/nodes".into(),
            problem: None,
            marker_is_sound: Some(true),
        }],
        private: vec![key(0o600)],
        schedule: ScheduleReport {
            now: NOW,
            scheduled: vec![timer()],
            last_cycle: Some(Timestamp(NOW.0 - 30_000)),
            ..ScheduleReport::default()
        },
    }
}

fn disk() -> DiskFact {
    DiskFact {
        root: "/srv/nodes".into(),
        free: build::gb(500),
        used: Percent(50.0),
        inodes_used: Some(Percent(1.0)),
        crisis: build::gb(2),
        full: 75.0,
    }
}

fn node() -> NodeFact {
    NodeFact {
        id: build::id(7),
        want: Want::Run,
        state: NodeState::Running,
        data: "/srv/nodes/antnode0007".into(),
        alive: Some(true),
        processes: vec![700],
        definition_lost: false,
        drift: None,
        older_than_unit: false,
        bound: vec![55_007],
        closed: Vec::new(),
        has_key: Some(true),
    }
}

fn key(mode: u32) -> PrivateFact {
    let path = "/srv/nodes/antnode0007/node_identity.key".into();
    PrivateFact { path, what: "a node's key", mode, forbidden: 0o077, is_ours: true }
}

fn timer() -> Scheduled {
    let piece = Piece { place: "wnm.timer".into(), text: String::new() };
    Scheduled {
        kind: ScheduleKind::Systemd,
        found: Found { pieces: vec![piece], fires: true, ..Found::default() },
        drift: Drift { every: Some(60), lines: Vec::new() },
    }
}

/// What is found after `spoil`, a line each.
fn found(spoil: impl FnOnce(&mut Facts)) -> String {
    let mut facts = healthy();
    spoil(&mut facts);
    let line = |finding: &Finding| {
        let Finding { id, severity, subject, fix, fixable, .. } = finding;
        let fix = fix.as_deref().unwrap_or("-");
        let itself = if *fixable { " (itself)" } else { "" };
        format!("{} {id}: {subject}\n  {fix}{itself}", severity.name())
    };
    diagnose(&facts).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The ids only.
fn ids(spoil: impl FnOnce(&mut Facts)) -> Vec<&'static str> {
    let mut facts = healthy();
    spoil(&mut facts);
    diagnose(&facts).iter().map(|finding| finding.id).collect()
}

#[test]
fn nothing_is_wrong_with_a_healthy_machine() {
    assert_eq!(found(|_| {}), "");
}

#[test]
fn absent_facts_are_not_wrong() {
    let nothing = |facts: &mut Facts| {
        facts.machine = MachineFacts { has_stall: true, ..MachineFacts::default() };
        facts.nodes.clear();
        facts.private.clear();
        facts.schedule.last_cycle = None;
    };
    assert_eq!(found(nothing), "");
}

#[test]
fn every_finding_says_what_it_means_and_is_sorted() {
    let mut facts = healthy();
    facts.machine.clock_synchronised = Some(false);
    facts.machine.has_stall = false;
    facts.store = StoreFact::Unusable { why: "it is newer than this program".into() };
    let findings = diagnose(&facts);
    let severities: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Note]);
    assert!(findings.iter().all(|finding| !finding.means.is_empty()));
}

#[test]
fn the_store() {
    insta::assert_snapshot!(found(|facts| {
        facts.store = StoreFact::Missing { path: "/b/colony.db".into() };
        facts.backups = Some(Vec::new());
        facts.schedule.scheduled.clear();
    }), @"
    error not-initialised: /b/colony.db
      wnm --scope user init --rewards-address 0x…
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.store = StoreFact::Damaged { path: "/b/colony.db".into(), complaints: 3 };
        facts.backups = None;
        facts.bad_settings = vec!["node_cap is `x`: give a number".into()];
    }), @"
    error store-damaged: /b/colony.db
      wnm --scope user db check
    error setting-invalid: node_cap is `x`: give a number
      wnm --scope user config list
    ");
}

#[test]
fn a_store_that_is_lost_has_a_way_back_where_there_is_a_backup() {
    let lost = |backups: Vec<BackupFact>| {
        found(|facts| {
            facts.store = StoreFact::Damaged { path: "/b/colony.db".into(), complaints: 3 };
            facts.backups = Some(backups);
        })
    };
    insta::assert_snapshot!(lost(vec![backup(9)]), @"
    error store-damaged: /b/colony.db
      wnm --scope user db restore --latest --dry-run
    ");
    assert!(lost(Vec::new()).contains("db check"));
}

#[test]
fn backups() {
    let with = |backups: Vec<BackupFact>| found(|facts| facts.backups = Some(backups));
    assert_eq!(with(vec![backup(2), backup(9)]), "");
    insta::assert_snapshot!(with(vec![backup(4), backup(9)]), @"
    warning backup-old: 2026-11-17 02:52:10 UTC
      wnm --scope user db backup
    ");
    let spoiled = BackupFact { problem: Some("it is damaged".into()), ..backup(1) };
    insta::assert_snapshot!(with(vec![spoiled]), @"
    warning backup-old: none
      wnm --scope user db backup
    warning backup-unusable: /b/backups/1.db
      -
    ");
    let new = |facts: &mut Facts| {
        facts.backups = Some(Vec::new());
        facts.schedule.last_cycle = None;
    };
    assert!(ids(new).is_empty(), "the first cycle makes the first one");
}

#[test]
fn the_clock() {
    insta::assert_snapshot!(found(|facts| facts.now = Timestamp(0)), @"
    error clock-wrong: 1970-01-01 00:00:00 UTC
      sudo timedatectl set-ntp true
    ");
    insta::assert_snapshot!(found(|facts| facts.now = Timestamp(NOW.0 - 3_600_000)), @"
    error clock-wrong: 2026-11-21 01:52:10 UTC
      sudo timedatectl set-ntp true
    ");
    assert!(ids(|facts| facts.now = Timestamp(NOW.0 - 60_000)).is_empty(), "a little ahead");
    assert_eq!(
        ids(|facts| facts.machine.clock_synchronised = Some(false)),
        ["clock-unsynchronised"]
    );
}

#[test]
fn memory_and_limits() {
    insta::assert_snapshot!(found(|facts| {
        facts.machine.memory = Some((build::gb(4), Bytes(100_000_000)));
        facts.machine.open_files = Some(256);
        facts.machine.open_files_in_all = Some(9000);
    }), @r"
    error memory-low: 100.0 MB of 4.0 GB memory left
      wnm --scope user stop --count 1
    warning open-files: 256 files a process
      sudo sh -c 'echo '\''* - nofile 65536'\'' >/etc/security/limits.d/wnm.conf'
    warning open-files: 9000 files in all
      sudo sysctl -w fs.file-max=20480
    note no-swap: no swap
      -
    ");
}

#[test]
fn disks() {
    let spoiled =
        |change: fn(&mut DiskFact)| found(|facts| facts.machine.disks.iter_mut().for_each(change));
    insta::assert_snapshot!(spoiled(|disk| disk.free = build::gb(1)), @"
    error disk-full: /srv/nodes: 1.0 GB left
      du --max-depth=1 /srv/nodes
    ");
    insta::assert_snapshot!(spoiled(|disk| disk.used = Percent(75.0)), @"
    warning disk-filling: /srv/nodes: 75.0 % used
      du --max-depth=1 /srv/nodes
    ");
    insta::assert_snapshot!(spoiled(|disk| disk.inodes_used = Some(Percent(99.0))), @"
    warning inodes-filling: /srv/nodes: 99.0 % of its inodes used
      df --inodes /srv/nodes
    ");
}

#[test]
fn rights_and_managers() {
    insta::assert_snapshot!(found(|facts| facts.machine.bus = Some(UserManager::NotLingering)), @"
    error no-linger: op
      loginctl enable-linger op (itself)
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.scope = Scope::System;
        facts.machine.no_root = Some("sudo: a password is required".into());
        facts.machine.systemd_answers = Some(false);
    }), @"
    error no-root-rights: op
      put `op ALL=(ALL) NOPASSWD: ALL` into a file in /etc/sudoers.d
    error no-systemd: systemd
      -
    ");
    assert_eq!(ids(|facts| facts.machine.bus = Some(UserManager::Absent)), ["no-systemd"]);
}

#[test]
fn programs_and_tools() {
    insta::assert_snapshot!(found(|facts| {
        facts.tools.missing = vec![("systemctl", "to keep nodes in units of systemd")];
        facts.tools.node_program = Err("no `ant-node` was found".into());
        facts.tools.no_manager = Some(("the daemon is silent".into(), "start it".into()));
        facts.tools.no_firewall = Some("ufw does not answer".into());
        facts.machine.has_stall = false;
        facts.machine.wants_stall = true;
    }), @"
    error tool-missing: systemctl
      -
    error no-manager: the daemon is silent
      start it
    warning no-pressure-stall: /proc/pressure
      -
    warning no-node-program: no `ant-node` was found
      wnm --scope user config set node_binary /path/to/ant-node
    warning firewall-unknown: ufw does not answer
      wnm --scope user config set firewall none
    ");
}

#[test]
fn states_of_nodes() {
    let states = [
        NodeState::Dead,
        NodeState::Unknown { why: "its root is absent".into() },
        NodeState::Mute { missing: "its UDP port is not bound".into() },
        NodeState::Stopped { why: "it does not run".into() },
        NodeState::Starting,
        NodeState::Removing,
    ];
    let lines = states.map(|state| {
        let name = state.name();
        let found = found(|facts| facts.nodes[0].state = state);
        format!("{name}: {}", if found.is_empty() { "-" } else { &found })
    });
    insta::assert_snapshot!(lines.join("\n"), @"
    dead: error data-gone: antnode0007
      wnm --scope user disable antnode0007
    unknown: warning node-unknown: antnode0007
      wnm --scope user explain antnode0007
    mute: warning node-mute: antnode0007
      wnm --scope user restart antnode0007
    stopped: warning node-stopped: antnode0007
      wnm --scope user run
    starting: -
    removing: -
    ");
    let stopped = |want| {
        ids(|facts| {
            facts.nodes[0] = NodeFact {
                want,
                state: NodeState::Stopped { why: String::new() },
                alive: Some(false),
                processes: Vec::new(),
                bound: Vec::new(),
                ..node()
            };
        })
    };
    assert_eq!(stopped(Want::Run), ["node-stopped"]);
    assert!(stopped(Want::StoppedByOperator).is_empty());
    assert_eq!(ids(|facts| facts.nodes[0].definition_lost = true), ["unit-gone"]);
    assert_eq!(ids(|facts| facts.nodes[0].has_key = Some(false)), ["key-gone"]);
    assert_eq!(ids(|facts| facts.nodes[0].drift = Some(UnitDrift::Rewritten)), ["unit-changed"]);
    let by = vec!["/etc/systemd/system/antnode0007.service.d/a.conf".to_owned()];
    let overridden = || Some(UnitDrift::Overridden { by: by.clone() });
    assert_eq!(ids(|facts| facts.nodes[0].drift = overridden()), ["unit-overridden"]);
    assert_eq!(ids(|facts| facts.nodes[0].older_than_unit = true), ["older-than-unit"]);
}

#[test]
fn processes_and_ports() {
    insta::assert_snapshot!(found(|facts| facts.nodes[0].processes = vec![700, 701]), @"
    error identity-twice: antnode0007: process 700, 701
      wnm --scope user stop antnode0007
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.nodes[0].alive = Some(false);
        facts.nodes[0].want = Want::Disabled;
    }), @"
    error process-foreign: antnode0007: process 700
      wnm --scope user stop antnode0007
    ");
    insta::assert_snapshot!(found(|facts| {
        let state = NodeState::Stopped { why: "it does not run".into() };
        facts.nodes[0] =
            NodeFact { state, alive: Some(false), processes: Vec::new(), ..node() };
    }), @"
    error port-taken: antnode0007: port 55007
      ss -lunpt 'sport = :55007'
    warning node-stopped: antnode0007
      wnm --scope user run
    ");
    let rule = PortRule { port: 55_007, protocol: Protocol::Udp };
    insta::assert_snapshot!(found(|facts| facts.nodes[0].closed = vec![rule]), @"
    warning port-closed: antnode0007: 55007/udp
      wnm --scope user run
    ");
    assert!(
        ids(|facts| {
            facts.nodes[0] = NodeFact { closed: vec![rule], want: Want::Disabled, ..node() };
        })
        .is_empty()
    );
}

fn stray(number: u32, service: Option<(&str, bool)>) -> StrayProcess {
    let data = format!("/srv/nodes/antnode{number:04}").into();
    StrayProcess { data, pid: 900, service: service.map(|(unit, user)| (unit.to_owned(), user)) }
}

#[test]
fn data_that_may_be_in_use_is_not_to_be_moved() {
    let strays = |service| Strays {
        directories: vec!["/srv/nodes/antnode0009".into()],
        processes: vec![stray(9, service)],
        ..Strays::default()
    };
    insta::assert_snapshot!(found(|facts| facts.strays = strays(None)), @"
    error stray-process: process 900: /srv/nodes/antnode0009
      kill 900
    warning stray-directory: /srv/nodes/antnode0009
      -
    ");
    let of_user = Some(("my-node.service", true));
    insta::assert_snapshot!(found(|facts| facts.strays = strays(of_user)), @"
    error stray-process: process 900: /srv/nodes/antnode0009
      systemctl --user status -- my-node.service
    warning stray-directory: /srv/nodes/antnode0009
      -
    ");
    let of_machine = Some(("cron.service", false));
    insta::assert_snapshot!(found(|facts| facts.strays = strays(of_machine)), @"
    error stray-process: process 900: /srv/nodes/antnode0009
      systemctl status -- cron.service
    warning stray-directory: /srv/nodes/antnode0009
      -
    ");
    let unread = Strays { processes: Vec::new(), processes_unread: true, ..strays(None) };
    insta::assert_snapshot!(found(|facts| facts.strays = unread), @"
    warning stray-directory: /srv/nodes/antnode0009
      -
    ");
}

#[test]
fn what_no_record_knows() {
    let strays = Strays {
        directories: vec!["/srv/my nodes/antnode0009".into()],
        leftovers: vec!["/srv/nodes/.removed-antnode0003-3".into()],
        units: vec![
            ("/u/antnode0004.service".into(), true),
            ("/u/antnode0005.service".into(), false),
        ],
        processes: vec![stray(10, None)],
        processes_unread: false,
        unread: ["/srv/nodes: Permission denied".to_owned()].into(),
    };
    insta::assert_snapshot!(found(|facts| facts.strays = strays.clone()), @"
    error stray-process: process 900: /srv/nodes/antnode0010
      kill 900
    warning stray-directory: /srv/my nodes/antnode0009
      mv -nT '/srv/my nodes/antnode0009' '/srv/my nodes/kept-antnode0009'
    warning stray-unit: /u/antnode0004.service
      systemctl --user disable --now antnode0004.service && rm /u/antnode0004.service
    warning stray-unit: /u/antnode0005.service
      systemctl --user cat antnode0005.service
    warning not-looked-at: /srv/nodes: Permission denied
      -
    note leftover: /srv/nodes/.removed-antnode0003-3
      rm -rI /srv/nodes/.removed-antnode0003-3
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.scope = Scope::System;
        facts.strays = Strays { unread: Default::default(), ..strays };
    }), @"
    error stray-process: process 900: /srv/nodes/antnode0010
      sudo kill 900
    warning stray-directory: /srv/my nodes/antnode0009
      sudo mv -nT '/srv/my nodes/antnode0009' '/srv/my nodes/kept-antnode0009'
    warning stray-unit: /u/antnode0004.service
      sudo systemctl disable --now antnode0004.service && sudo rm /u/antnode0004.service
    warning stray-unit: /u/antnode0005.service
      systemctl cat antnode0005.service
    note leftover: /srv/nodes/.removed-antnode0003-3
      sudo rm -rI /srv/nodes/.removed-antnode0003-3
    ");
}

#[test]
fn storage_roots() {
    insta::assert_snapshot!(found(|facts| {
        facts.roots[0].problem = Some("it is not mounted".into());
        facts.roots.push(RootFact {
            path: "/srv/more".into(),
            problem: None,
            marker_is_sound: Some(false),
        });
    }), @"
    error storage-absent: /srv/nodes
      findmnt --target /srv/nodes
    warning marker-odd: /srv/more
      ls -la /srv/more
    ");
}

#[test]
fn privacy() {
    insta::assert_snapshot!(found(|facts| {
        facts.private = vec![key(0o100_644), PrivateFact { is_ours: false, ..key(0o100_640) }];
    }), @"
    error not-private: /srv/nodes/antnode0007/node_identity.key, mode 644
      chmod go-rwx /srv/nodes/antnode0007/node_identity.key (itself)
    error not-private: /srv/nodes/antnode0007/node_identity.key, mode 640
      sudo chmod go-rwx /srv/nodes/antnode0007/node_identity.key
    ");
    assert!(ids(|facts| facts.private = vec![key(0o100_400)]).is_empty());
}

#[test]
fn schedules() {
    insta::assert_snapshot!(found(|facts| facts.schedule.scheduled.clear()), @"
    warning no-schedule: schedule
      wnm --scope user schedule install
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.schedule.scheduled[0].found.why_not = Some("wnm.timer is not active".into());
        facts.schedule.last_cycle = Some(Timestamp(NOW.0 - 151_000));
    }), @"
    error schedule-off: systemd timer
      wnm --scope user schedule install
    error schedule-late: last cycle 151 s ago
      wnm --scope user run
    ");
    insta::assert_snapshot!(found(|facts| {
        facts.schedule.scheduled[0].drift = Drift { every: None, lines: vec!["- x".into()] };
        facts.schedule.others = vec!["* * * * * wnm run".into()];
    }), @"
    warning schedule-twice: 2 schedules
      crontab -e
    warning schedule-differs: systemd timer
      wnm --scope user schedule show
    ");
    let why = "whether a crontab line runs wnm is not known: its output is not UTF-8";
    insta::assert_snapshot!(found(|facts| {
        facts.schedule.scheduled.clear();
        facts.schedule.unread = vec![why.to_owned()];
    }), @"
    warning schedule-unknown: whether a crontab line runs wnm is not known: its output is not UTF-8
      wnm --scope user schedule show
    ");
    insta::assert_snapshot!(found(|facts| facts.schedule.unread = vec![why.to_owned()]), @"
    note schedule-unknown: whether a crontab line runs wnm is not known: its output is not UTF-8
      wnm --scope user schedule show
    ");
    let typed = |facts: &mut Facts| {
        facts.schedule.scheduled.clear();
        facts.schedule.others = vec!["* * * * * wnm run".into()];
    };
    assert!(ids(typed).is_empty(), "a line typed by hand is a schedule as well");
}
