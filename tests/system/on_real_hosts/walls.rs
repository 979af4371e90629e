//! The real firewalld and the real nftables: the contract, real packets, and what survives what.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::sync::Arc;

use wnm_core::action::Change;
use wnm_core::fakes::firewall_contract;
use wnm_core::host::Firewall;
use wnm_core::model::{NodePorts, PortRule, Protocol};
use wnm_firewall::{Firewalld, Nftables, Owner, Ufw, outer_interfaces};
use wnm_managers::SystemRunner;

use super::packets::{answered, join};
use crate::host::Host;

/// Set inside the host: which firewall, and what to do.
const WHICH: &str = "WNM_WALL";
const VERB: &str = "WNM_WALL_VERB";

/// What an administrator of nftables has, with the one line for wnm and a port of his own.
const RULESET: &str = "flush ruleset
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    LINE
    tcp dport 22 accept
    udp dport 55002 accept
    udp dport 55009 drop
  }
}
";
const LINE: &str = "meta mark & 0x10000000 != 0 accept";

fn udp(port: u16) -> PortRule {
    PortRule { port, protocol: Protocol::Udp }
}

fn wall(which: &str) -> Box<dyn Firewall> {
    let (runner, owner) = (Arc::new(SystemRunner), Owner::machine());
    match which {
        "ufw" => Box::new(Ufw::new(runner, owner)),
        "firewalld" => Box::new(Firewalld::new(runner, owner, outer_interfaces)),
        "nftables" => Box::new(Nftables::new(runner, owner)),
        other => panic!("no firewall is called {other}"),
    }
}

/// Somebody else's rules, as text.
fn others(which: &str) -> String {
    let (program, args): (_, &[&str]) = match which {
        "firewalld" => ("firewall-cmd", &["--list-all-zones"]),
        _ => ("/usr/sbin/nft", &["list", "table", "inet", "filter"]),
    };
    let shown = Command::new(program).args(args).output().expect("it is there");
    let shown = String::from_utf8(shown.stdout).expect("text");
    let foreign = shown.lines().filter(|line| !line.contains("priority=\"30000\""));
    foreign.collect::<Vec<_>>().join("\n")
}

/// The half of the stories below that runs inside a host; by itself nothing.
#[test]
fn inside() {
    let Ok(which) = env::var(WHICH) else { return };
    let firewall = wall(&which);
    match env::var(VERB).as_deref() {
        Ok("contract") => {
            let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
            firewall_contract(firewall.as_ref(), ports, udp(55_002), &|| others(&which));
            // A rule that shuts is nobody's to open.
            let before = others(&which);
            assert_eq!(firewall.open(udp(55_009)).expect("asked"), Change::NotManaged);
            assert_eq!(firewall.close(udp(55_009)).expect("asked"), Change::AlreadySo);
            assert_eq!(others(&which), before);
        }
        Ok("open") => assert_eq!(firewall.open(udp(55_001)).expect("opened"), Change::Made),
        Ok("close") => assert_eq!(firewall.close(udp(55_001)).expect("closed"), Change::Made),
        Ok("lost") => {
            let wanted = BTreeSet::from([udp(55_001)]);
            let openings = firewall.openings(&wanted).expect("asked").expect("on");
            assert!(openings.ours.is_empty() && openings.settled.is_empty(), "{openings:?}");
        }
        Ok("off") => {
            assert_eq!(firewall.open(udp(55_003)).expect("asked"), Change::NotManaged);
            assert_eq!(firewall.openings(&BTreeSet::new()).expect("asked"), None);
            assert_eq!(firewall.close(udp(55_001)).expect("asked"), Change::Made);
            assert_eq!(firewall.close(udp(55_001)).expect("asked"), Change::AlreadySo);
        }
        other => panic!("no verb {other:?}"),
    }
}

/// With the PATH of cron, which does not lead to any firewall.
fn tell(host: &Host, which: &str, verb: &str) {
    let again = format!(
        "{WHICH}={which} {VERB}={verb} PATH=/usr/bin:/bin /opt/wnm-test/system --exact \
         on_real_hosts::walls::inside"
    );
    let ran = host.exec(&["sh", "-c", &again]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

fn put_this(host: &Host) {
    let this = env::current_exe().expect("this test has a file");
    host.put(&this, "/opt/wnm-test/system");
}

#[test]
fn firewalld_keeps_the_contract_and_lets_packets_in() {
    let Some(inside) = Host::up_with("fwdin", &["firewalld"]) else {
        return;
    };
    let Some(outside) = Host::up("fwdout") else {
        return;
    };
    inside
        .sh("for i in $(seq 60); do firewall-cmd --state && exit 0; sleep 0.5; done; exit 1")
        .ok();
    inside
        .sh("for permanent in '' --permanent; do
                 firewall-cmd $permanent --zone=public --add-port=55002/udp || exit 1
                 firewall-cmd $permanent --zone=public \
                     --add-rich-rule='rule port port=55009 protocol=udp drop' || exit 1
             done")
        .ok();
    put_this(&inside);
    tell(&inside, "firewalld", "contract");

    join(&inside, &outside);
    assert!(!answered(&outside), "shut by firewalld from the start");
    tell(&inside, "firewalld", "open");
    assert!(answered(&outside));
    inside.sh("firewall-cmd --reload").ok();
    assert!(answered(&outside), "what a reload forgets is not open");
    tell(&inside, "firewalld", "close");
    assert!(!answered(&outside));
    inside.sh("firewall-cmd --reload").ok();
    assert!(!answered(&outside), "and what it remembers is not closed");

    // Stopped, it opens nothing; what is ours still goes.
    tell(&inside, "firewalld", "open");
    inside.exec(&["systemctl", "stop", "firewalld"]).ok();
    tell(&inside, "firewalld", "off");
    inside.exec(&["systemctl", "start", "firewalld"]).ok();
    let zone = inside.sh("firewall-cmd --zone=public --list-all").ok().stdout;
    assert!(!zone.contains("priority=\"30000\""), "{zone}");
    assert!(zone.contains("55002/udp") && zone.contains("55009"), "{zone}");
}

#[test]
fn nftables_keeps_the_contract_and_lets_packets_in() {
    let Some(inside) = Host::up("nftin") else {
        return;
    };
    let Some(outside) = Host::up("nftout") else {
        return;
    };
    let load = |line: &str| {
        let ruleset = RULESET.replace("LINE", line);
        inside.sh(&format!("nft -f - <<'END'\n{ruleset}END\n")).ok();
    };
    load(LINE);
    put_this(&inside);
    tell(&inside, "nftables", "contract");
    let tables = || inside.sh("nft list tables").ok().stdout.trim().to_owned();
    assert_eq!(tables(), "table inet filter", "with the last opening goes our table");

    join(&inside, &outside);
    assert!(!answered(&outside), "shut from the start");
    tell(&inside, "nftables", "open");
    assert!(answered(&outside));
    // The administrator loads his rules again, which flushes ours: that is seen, and put right.
    load(LINE);
    assert!(!answered(&outside));
    tell(&inside, "nftables", "lost");
    tell(&inside, "nftables", "open");
    assert!(answered(&outside));
    tell(&inside, "nftables", "close");
    assert!(!answered(&outside));

    // Without his line no table of ours could open anything, and choosing it is refused.
    load("");
    tell(&inside, "nftables", "open");
    assert!(!answered(&outside), "an accepting table of ours would be worth nothing");
    tell(&inside, "nftables", "close");
    inside.put(&crate::host::wnm_bin(), "/usr/local/bin/wnm");
    inside.put(&crate::host::stand_in_bin(), "/usr/local/bin/ant-node");
    let init = "env HOME=/root PATH=/usr/bin:/bin WNM_SCOPE=user /usr/local/bin/wnm init \
                --rewards-address faucet --manager setsid+user --node-cap 1 --disk-prior 1MB \
                --crisis-bytes 100MB --hd-less-than 98 --hd-remove 99 --port-start 56 \
                --firewall nftables";
    let refused = inside.exec(&["sh", "-c", init]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("chain `input` of table `inet filter`"), "{refused:?}");
    assert!(refused.stderr.contains(LINE), "{refused:?}");
    load(LINE);
    inside.exec(&["sh", "-c", init]).ok();
}
