//! ufw on scripts. The lists are what the real one printed, asked as these tests ask.

use std::sync::Arc;

use wnm_core::fakes::{ScriptedRunner, firewall_contract};
use wnm_core::model::{NodePorts, Protocol};
use wnm_core::observe::FaultKind;

use super::*;

const MANY: &str = include_str!("../../fixtures/added-many.txt");
const NONE: &str = include_str!("../../fixtures/added-none.txt");
const ACTIVE: &str = include_str!("../../fixtures/status-active.txt");
const INACTIVE: &str = include_str!("../../fixtures/status-inactive.txt");
const STATUS: &str = "(root) ufw status";
const SHOW: &str = "(root) ufw show added";

fn udp(port: u16) -> PortRule {
    PortRule { port, protocol: Protocol::Udp }
}

fn found(port: u16) -> (bool, Option<Others>) {
    let found = parse::find(MANY, udp(port), "wnm").expect("a list");
    (found.ours, found.others)
}

#[test]
fn a_rule_is_ours_only_as_we_made_it() {
    assert_eq!(found(55_001), (true, None));
    let theirs = [
        (55_002, Others::Opens),
        (55_003, Others::Opens),
        (55_004, Others::Shuts),
        // Ours once perhaps, but somebody changed it since.
        (55_005, Others::Opens),
        (55_006, Others::Opens),
        (55_014, Others::Opens),
    ];
    for (port, others) in theirs {
        assert_eq!(found(port), (false, Some(others)), "{port}");
    }
    assert_eq!(found(55_013), (true, Some(Others::Opens)), "IPv4 theirs, IPv6 ours");
}

#[test]
fn rules_that_ours_would_stand_beside_do_not_matter() {
    // Outgoing, an interface, routed, from a network, every protocol, TCP, to one address, in a
    // range only, in an application's profile.
    for port in [55_007, 55_008, 55_009, 55_010, 55_011, 55_012, 55_015, 55_050, 55_016] {
        assert_eq!(found(port), (false, None), "{port}");
    }
    assert_eq!(parse::find(NONE, udp(55_001), "wnm"), Some(Found::default()));
}

#[test]
fn what_is_not_an_answer_is_not_taken_for_one() {
    for text in ["", "\n", "ufw allow 55001/udp comment 'wnm'\n", "Hinzugefügte Regeln:\n"] {
        assert_eq!(parse::find(text, udp(55_001), "wnm"), None, "{text:?}");
    }
    let torn = format!("{NONE}\nERROR: something\n");
    assert_eq!(parse::find(&torn, udp(55_001), "wnm"), None);
    assert_eq!(parse::is_active(ACTIVE), Some(true));
    assert_eq!(parse::is_active(INACTIVE), Some(false));
    for text in ["", "Status: Aktiv\n", "Status: inaktiv\n", "active\n"] {
        assert_eq!(parse::is_active(text), None, "{text:?}");
    }
}

#[test]
fn changes_are_read_for_both_families() {
    let table = [
        ("Rule added\nRule added (v6)\n", Some(Change::Made)),
        ("Rule added\n", Some(Change::Made)),
        ("Skipping adding existing rule\nRule added (v6)\n", Some(Change::Made)),
        ("Could not delete non-existent rule\nRule deleted (v6)\n", Some(Change::Made)),
        ("Rules updated\nRules updated (v6)\n", Some(Change::Made)),
        (
            "Skipping adding existing rule\nSkipping adding existing rule (v6)\n",
            Some(Change::AlreadySo),
        ),
        (
            "Could not delete non-existent rule\nCould not delete non-existent rule (v6)\n",
            Some(Change::AlreadySo),
        ),
        ("", None),
        ("Regel hinzugefügt\n", None),
    ];
    for (answer, change) in table {
        assert_eq!(parse::change(answer), change, "{answer:?}");
    }
}

#[test]
fn an_inactive_ufw_opens_nothing_and_still_closes_what_is_ours() {
    let ufw = ufw(ScriptedRunner::new()
        .on(STATUS, 0, INACTIVE, "")
        .on(SHOW, 0, MANY, "")
        .on(
            "(root) ufw delete allow 55001/udp comment wnm",
            0,
            "Rules updated\nRules updated (v6)\n",
            "",
        )
        .on(SHOW, 0, MANY, ""));
    assert_eq!(ufw.open(udp(55_001)).expect("answered"), Change::NotManaged);
    assert_eq!(ufw.close(udp(55_001)).expect("answered"), Change::Made);
    assert_eq!(
        ufw.close(udp(55_003)).expect("answered"),
        Change::AlreadySo,
        "theirs: not even tried"
    );
}

#[test]
fn a_foreign_rule_is_never_taken_over() {
    for (port, change) in [(55_003, Change::AlreadySo), (55_004, Change::NotManaged)] {
        let script = ScriptedRunner::new().on(STATUS, 0, ACTIVE, "").on(SHOW, 0, MANY, "");
        assert_eq!(ufw(script).open(udp(port)).expect("answered"), change, "{port}");
    }
}

#[test]
fn failures_keep_their_kind() {
    let root = "ERROR: You need to be root to run this script\n";
    let lock = "ERROR: Another app is currently holding the xtables lock.\n";
    let table = [
        (ScriptedRunner::new().on(STATUS, 1, "", root), FaultKind::Permission),
        (ScriptedRunner::new().on(STATUS, 1, "", lock), FaultKind::Conflict),
        (ScriptedRunner::new().on(STATUS, 1, "", "ERROR: no iptables\n"), FaultKind::Failed),
        (ScriptedRunner::new().on(STATUS, 0, "Status: Aktiv\n", ""), FaultKind::Garbled),
        (ScriptedRunner::new().failing(STATUS, FaultKind::NotFound), FaultKind::NotFound),
        (ScriptedRunner::new().failing(STATUS, FaultKind::Timeout), FaultKind::Timeout),
    ];
    for (script, kind) in table {
        let error = ufw(script).open(udp(55_001)).expect_err("refused");
        assert_eq!(error.kind, kind, "{}", error.chain());
    }
    let allow = "(root) ufw allow 55050/udp comment wnm";
    let script = ScriptedRunner::new().on(STATUS, 0, ACTIVE, "").on(SHOW, 0, MANY, "").on(
        allow,
        0,
        "Erledigt\n",
        "",
    );
    assert_eq!(ufw(script).open(udp(55_050)).expect_err("refused").kind, FaultKind::Garbled);
}

#[test]
fn ufw_is_found_with_the_path_that_cron_gives() {
    for call in [
        argv::status(),
        argv::show_added(),
        argv::allow(udp(1), "wnm"),
        argv::delete(udp(1), "wnm"),
    ] {
        let path = call.env.iter().find(|(name, _)| name == "PATH").expect("a PATH");
        assert!(path.1.split(':').any(|directory| directory == "/usr/sbin"), "{path:?}");
        assert!(call.line().starts_with("(root) ufw "), "{}", call.line());
    }
}

#[test]
fn ufw_keeps_the_contract_on_a_script() {
    let taken = "ufw allow 55009/udp comment 'theirs'";
    let mut story = Story { script: ScriptedRunner::new(), rules: vec![taken.to_owned()] };
    for port in [55_001, 45_001] {
        story.is_open().close(port, false);
    }
    story.open(55_001, true).open(55_001, false).is_open().is_open();
    story.open(45_001, true).is_open();
    story.open(55_009, false).is_open().close(55_009, false);
    story.close(55_001, true).close(55_001, false).is_open().is_open().open(55_001, true);
    story.expect(STATUS, ACTIVE).is_open();
    for port in [55_001, 45_001] {
        story.close(port, true).close(port, false).is_open();
    }
    story.expect(STATUS, ACTIVE).is_open();
    assert_eq!(story.rules, [taken]);
    let runner = Arc::new(story.script);
    let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
    firewall_contract(
        &Ufw::new(runner.clone(), Owner::machine()),
        ports,
        udp(55_009),
        &String::new,
    );
    assert_eq!(runner.left(), Vec::<String>::new());
}

fn ufw(script: ScriptedRunner) -> Ufw {
    Ufw::new(Arc::new(script), Owner::machine())
}

/// Writes the script of a story: what is asked, and what the real one would answer.
struct Story {
    script: ScriptedRunner,
    rules: Vec<String>,
}

impl Story {
    fn expect(&mut self, line: &str, answer: &str) -> &mut Story {
        self.script = std::mem::take(&mut self.script).on(line, 0, answer, "");
        self
    }

    fn is_open(&mut self) -> &mut Story {
        let title = "Added user rules (see 'ufw status' for running firewall):";
        let list = format!("{title}\n{}\n", self.rules.join("\n"));
        self.expect(SHOW, &list)
    }

    fn open(&mut self, port: u16, adds: bool) -> &mut Story {
        self.expect(STATUS, ACTIVE).is_open();
        if adds {
            let line = format!("(root) ufw allow {port}/udp comment wnm");
            self.expect(&line, "Rule added\nRule added (v6)\n");
            self.rules.push(format!("ufw allow {port}/udp comment 'wnm'"));
        }
        self
    }

    fn close(&mut self, port: u16, deletes: bool) -> &mut Story {
        self.is_open();
        if deletes {
            let line = format!("(root) ufw delete allow {port}/udp comment wnm");
            self.expect(&line, "Rule deleted\nRule deleted (v6)\n");
            self.rules.retain(|rule| !rule.contains(&format!(" {port}/udp ")));
        }
        self
    }
}
