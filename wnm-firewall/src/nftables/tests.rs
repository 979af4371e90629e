//! nftables on a fake, and on what the real one printed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use wnm_core::fakes::firewall_contract;
use wnm_core::host::Completed;
use wnm_core::model::NodePorts;

use super::*;

const TABLE: &str = include_str!("../../fixtures/nft-table.json");
const SHUT: &str = include_str!("../../fixtures/nft-shut.json");
const ASKED: &str = include_str!("../../fixtures/nft-asked.json");
const REJECT: &str = include_str!("../../fixtures/nft-reject.json");

fn udp(port: u16) -> PortRule {
    PortRule { port, protocol: Protocol::Udp }
}

fn objects(text: &str) -> Vec<Value> {
    parse::objects(text).expect("a list")
}

#[test]
fn our_table_tells_whose_openings_there_are() {
    let table = parse::table(&objects(TABLE));
    let whose: Vec<_> = table.iter().map(|(rule, who)| (rule.port, who.as_str())).collect();
    assert_eq!(whose, [(7, ""), (45_001, "wnm-1000"), (55_001, "wnm")]);
    // Without the rule that marks, a set opens nothing.
    let unmarked = TABLE.replace("268435456", "1");
    assert!(parse::table(&objects(&unmarked)).is_empty());
    assert_eq!(parse::objects("{}"), None);
    assert_eq!(parse::objects("Error: syntax"), None);
}

#[test]
fn a_chain_that_shuts_must_ask_for_the_mark() {
    let obstacles = |text| {
        let found = parse::obstacles(&objects(text)).into_iter();
        found.map(|found| format!("{} {}", found.table, found.chain)).collect::<Vec<_>>()
    };
    assert_eq!(obstacles(SHUT), ["inet filter input"], "by its policy");
    assert_eq!(obstacles(REJECT), ["ip filter INPUT"], "by its last rule");
    assert!(obstacles(ASKED).is_empty());
    assert!(obstacles(TABLE).is_empty(), "ours decides nothing");
    assert!(obstacles("{\"nftables\": []}").is_empty());
    assert!(parse::is_asked_for(&objects(ASKED)));
    assert!(!parse::is_asked_for(&objects(SHUT)));
    assert!(!parse::is_asked_for(&objects(TABLE)), "our own rule is nobody's wish");
}

#[test]
fn plain_rules_of_others_stand() {
    let table = [
        (53, Some(Others::Opens)),
        (55_100, Some(Others::Opens)),
        (55_200, Some(Others::Opens)),
        (55_009, Some(Others::Shuts)),
        (55_001, None),
        // In a chain that is only jumped to, and for TCP.
        (5, None),
        (22, None),
    ];
    for (port, others) in table {
        assert_eq!(parse::others(&objects(SHUT), udp(port)), others, "{port}");
    }
}

/// An nft with our table or without, beside a ruleset that stays.
#[derive(Debug)]
struct Fake {
    ruleset: &'static str,
    set: Mutex<Option<BTreeMap<u16, String>>>,
}

impl CommandRunner for Fake {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        let done = |code, stdout: String, stderr: &str| {
            Ok(Completed { code: Some(code), stdout, stderr: stderr.into() })
        };
        let mut set = self.set.lock().expect("whole");
        let words: Vec<&str> = call.args.iter().map(String::as_str).collect();
        match words[..] {
            ["-j", "-t", "list", "ruleset"] => done(0, self.ruleset.to_owned(), ""),
            ["-j", "list", "table", "inet", "wnm"] => match &*set {
                None => done(1, String::new(), "Error: No such file or directory\n"),
                Some(set) => {
                    let element = |(port, who): (&u16, &String)| {
                        format!("{{\"elem\": {{\"val\": {port}, \"comment\": \"{who}\"}}}}")
                    };
                    let elements: Vec<String> = set.iter().map(element).collect();
                    let from = TABLE.find("[7, ").expect("there");
                    let to = TABLE.find("\"}}]").expect("there") + 4;
                    let all = format!("[{}]", elements.join(", "));
                    done(0, [&TABLE[..from], &all, &TABLE[to..]].concat(), "")
                }
            },
            ["delete", "table", "inet", "wnm"] => {
                assert!(set.take().is_some_and(|set| set.len() == 1), "only with the last one");
                done(0, String::new(), "")
            }
            [script] if script.starts_with("delete element inet wnm ports") => {
                let port = number(script);
                assert!(set.as_mut().is_some_and(|set| set.remove(&port).is_some()));
                done(0, String::new(), "")
            }
            [script] if script.starts_with("add table inet wnm; ") => {
                let element = script.rsplit("; ").next().expect("the last one");
                let who = element.split('"').nth(1).expect("a comment").to_owned();
                set.get_or_insert_default().insert(number(element), who);
                done(0, String::new(), "")
            }
            _ => done(1, String::new(), "Error: syntax error\n"),
        }
    }
}

fn number(text: &str) -> u16 {
    let (_, rest) = text.split_once("{ ").expect("an element");
    rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a port")
}

#[test]
fn nftables_keeps_the_contract_on_a_fake() {
    let fake = Arc::new(Fake { ruleset: ASKED, set: Mutex::new(None) });
    let nftables = Nftables::new(Arc::clone(&fake) as Arc<dyn CommandRunner>, Owner::machine());
    let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
    firewall_contract(&nftables, ports, udp(55_150), &String::new);
    assert!(fake.set.lock().expect("whole").is_none(), "with the last opening goes the table");

    assert_eq!(nftables.open(udp(55_009)).expect("asked"), Change::NotManaged, "theirs shuts it");
    // Another installation's opening is nobody's to close, and no less open.
    let other = BTreeMap::from([(55_001, "wnm-1000".to_owned())]);
    *fake.set.lock().expect("whole") = Some(other);
    assert_eq!(nftables.open(udp(55_001)).expect("asked"), Change::AlreadySo);
    assert_eq!(nftables.close(udp(55_001)).expect("asked"), Change::AlreadySo);
    assert!(!nftables.is_open(udp(55_001)).expect("asked"));
    let openings = nftables.openings(&BTreeSet::from([udp(55_001)])).expect("asked").expect("on");
    assert_eq!(openings.settled, BTreeSet::from([udp(55_001)]));
}

#[test]
fn failures_keep_their_kind() {
    let table = [
        ("Operation not permitted (you must be root)\n", FaultKind::Permission),
        ("Error: Could not process rule: Device or resource busy\n", FaultKind::Conflict),
        ("Error: syntax error, unexpected udp\n", FaultKind::Failed),
    ];
    for (stderr, kind) in table {
        let runner = wnm_core::fakes::ScriptedRunner::new().on(
            "(root) nft -j list table inet wnm",
            1,
            "",
            stderr,
        );
        let nftables = Nftables::new(Arc::new(runner), Owner::machine());
        let error = nftables.open(udp(55_001)).expect_err("refused");
        assert_eq!(error.kind, kind, "{}", error.chain());
        assert!(error.chain().contains("nft -j list table inet wnm"), "{}", error.chain());
    }
}
