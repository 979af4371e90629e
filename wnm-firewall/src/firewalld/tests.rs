//! firewalld on a fake that answers as the real one did.

use std::collections::BTreeMap;
use std::sync::Mutex;

use wnm_core::fakes::firewall_contract;
use wnm_core::host::Completed;
use wnm_core::model::{NodePorts, Protocol};

use super::*;

const ZONES: &str = include_str!("../../fixtures/firewalld-zones.txt");

fn udp(port: u16) -> PortRule {
    PortRule { port, protocol: Protocol::Udp }
}

fn public() -> Zone {
    let zones = parse::zones(ZONES).expect("a list");
    zones.into_iter().find(|zone| zone.name == "public").expect("there")
}

#[test]
fn zones_tell_what_others_do_with_a_port() {
    let zone = public();
    let table = [
        (55_002, Some(Others::Opens)),
        (55_150, Some(Others::Opens)),
        (55_003, Some(Others::Opens)),
        (55_004, Some(Others::Shuts)),
        // For some addresses only: ours comes after it, and takes nothing from it.
        (55_005, None),
        // Another installation's.
        (55_013, Some(Others::Opens)),
        (55_001, None),
        (55_099, None),
    ];
    for (port, others) in table {
        let ours = argv::rich_rule(&Owner::machine(), udp(port));
        assert_eq!(zone.others(udp(port), &ours), others, "{port}");
    }
    let tcp = PortRule { port: 55_002, protocol: Protocol::Tcp };
    assert_eq!(zone.others(tcp, ""), None, "the protocol matters");
    assert_eq!(zone.ours(&Owner::machine()), BTreeSet::from([udp(55_001)]));
    assert_eq!(zone.ours(&Owner::user(1000)), BTreeSet::from([udp(55_013)]));
}

#[test]
fn zones_know_interfaces_and_targets() {
    let zones = parse::zones(ZONES).expect("a list");
    let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!(
        names,
        ["block", "dmz", "drop", "external", "home", "internal", "public", "trusted", "work"]
    );
    let internal = zones.iter().find(|zone| zone.name == "internal").expect("there");
    assert_eq!(internal.interfaces, ["eth7"]);
    let trusted = zones.iter().find(|zone| zone.name == "trusted").expect("there");
    assert_eq!(trusted.others(udp(1), ""), Some(Others::Opens), "it lets everything in");
    assert_eq!(parse::zones(""), None);
    assert_eq!(parse::zones("  target: default\n"), None, "half a list");
}

/// A firewalld with the zones `public` and `home`.
#[derive(Debug, Default)]
struct Fake {
    down: bool,
    rules: Mutex<BTreeMap<(&'static str, String), BTreeSet<String>>>,
}

impl Fake {
    fn list(&self, layer: &'static str) -> String {
        let rules = self.rules.lock().expect("whole");
        let zone = |name: &str, head: &str, ports: &str| {
            let mut text = format!("{head}\n  target: default\n  ports: {ports}\n  rich rules: \n");
            for rule in rules.get(&(layer, name.to_owned())).into_iter().flatten() {
                text.push_str(&format!("\t{rule}\n"));
            }
            text
        };
        let home = zone("home", "home (active)\n  interfaces: eth7", "");
        format!("{home}\n{}", zone("public", "public", "55009/udp"))
    }

    fn foreign(&self) -> String {
        let rules = self.rules.lock().expect("whole");
        let all = rules.iter().flat_map(|(zone, rules)| rules.iter().map(move |it| (zone, it)));
        let foreign = all.filter(|(_, rule)| !rule.contains("priority=\"30000\""));
        format!("{:?}", foreign.collect::<Vec<_>>())
    }
}

impl CommandRunner for Fake {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        let done = |code, stdout: &str, stderr: &str| {
            Ok(Completed { code: Some(code), stdout: stdout.into(), stderr: stderr.into() })
        };
        let mut words: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let offline = call.program == "firewall-offline-cmd";
        if self.down && !offline {
            return done(252, "", "FirewallD is not running\n");
        }
        let permanent = words.first() == Some(&"--permanent");
        words.retain(|word| *word != "--permanent");
        let layer = if permanent || offline { "permanent" } else { "runtime" };
        let (zone, verb) = match words[..] {
            ["--get-default-zone"] => return done(0, "public\n", ""),
            ["--list-all-zones"] => return done(0, &self.list(layer), ""),
            [zone, verb] => (zone.trim_start_matches("--zone="), verb),
            _ => return done(2, "", "usage: firewall-cmd\n"),
        };
        let mut all = self.rules.lock().expect("whole");
        let rules = all.entry((layer, zone.to_owned())).or_default();
        match verb.split_once('=') {
            Some(("--add-rich-rule", rule)) => assert!(rules.insert(rule.to_owned()), "twice"),
            Some(("--remove-rich-rule", rule)) => assert!(rules.remove(rule), "not there"),
            _ => return done(2, "", "usage: firewall-cmd\n"),
        }
        done(0, "success\n", "")
    }
}

fn on(fake: &Arc<Fake>, outer: fn() -> Vec<String>) -> Firewalld {
    Firewalld::new(Arc::clone(fake) as Arc<dyn CommandRunner>, Owner::machine(), outer)
}

#[test]
fn firewalld_keeps_the_contract_on_a_fake() {
    let fake = Arc::new(Fake::default());
    let firewalld = on(&fake, Vec::new);
    let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
    firewall_contract(&firewalld, ports, udp(55_009), &|| fake.foreign());
}

#[test]
fn the_zone_is_that_of_the_outer_interface() {
    let fake = Arc::new(Fake::default());
    let firewalld = on(&fake, || vec!["eth7".to_owned()]);
    assert_eq!(firewalld.open(udp(55_009)).expect("asked"), Change::Made, "not opened in home");
    let rules = fake.rules.lock().expect("whole").clone();
    let zones: Vec<_> = rules.keys().map(|(layer, zone)| (*layer, zone.as_str())).collect();
    assert_eq!(zones, [("permanent", "home"), ("runtime", "home")]);

    // The interface moved: the old rule is ours to close all the same, the new zone lacks it.
    let moved = on(&fake, Vec::new);
    let wanted = BTreeSet::from([udp(55_001)]);
    firewalld.open(udp(55_001)).expect("asked");
    let openings = moved.openings(&wanted).expect("asked").expect("it runs");
    assert!(!openings.ours.contains(&udp(55_001)), "{openings:?}");
    assert_eq!(moved.close(udp(55_001)).expect("asked"), Change::Made);
    assert_eq!(moved.close(udp(55_001)).expect("asked"), Change::AlreadySo);
}

#[test]
fn half_an_opening_is_made_whole() {
    let fake = Arc::new(Fake::default());
    let firewalld = on(&fake, Vec::new);
    firewalld.open(udp(55_001)).expect("asked");
    let wanted = BTreeSet::from([udp(55_001)]);
    for layer in ["runtime", "permanent"] {
        fake.rules.lock().expect("whole").remove(&(layer, "public".to_owned()));
        let openings = firewalld.openings(&wanted).expect("asked").expect("it runs");
        assert!(openings.ours.is_empty() && openings.settled.is_empty(), "{layer}");
        assert_eq!(firewalld.open(udp(55_001)).expect("asked"), Change::Made);
        assert_eq!(firewalld.open(udp(55_001)).expect("asked"), Change::AlreadySo);
    }
}

#[test]
fn one_that_does_not_run_opens_nothing_and_still_closes_what_is_ours() {
    let ours = argv::rich_rule(&Owner::machine(), udp(55_001));
    let rules = BTreeMap::from([(("permanent", "public".to_owned()), BTreeSet::from([ours]))]);
    let fake = Arc::new(Fake { down: true, rules: Mutex::new(rules) });
    let firewalld = on(&fake, Vec::new);
    assert!(!firewalld.is_active().expect("asked"));
    assert_eq!(firewalld.open(udp(55_002)).expect("asked"), Change::NotManaged);
    assert_eq!(firewalld.openings(&BTreeSet::new()).expect("asked"), None);
    assert_eq!(firewalld.close(udp(55_001)).expect("asked"), Change::Made);
    assert_eq!(firewalld.close(udp(55_001)).expect("asked"), Change::AlreadySo);
}
