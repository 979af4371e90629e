//! Nodes that antctl made are taken over where they are, and antctl goes on to number them. With the real
//! antctl and antnode where they are named, as in the stories of `antctl`.

use super::antctl::{NETWORK, PEER, START_ARGS, operator, pid, registry};
use super::operator::{Operator, Who, json};
use super::story::EAGER;

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// Three nodes as somebody makes them with antctl alone; the second one rests.
fn installation(op: &Operator) {
    let (systemctl, places) = match op.node_user() {
        "ant" => ("systemctl", String::new()),
        _ => {
            let base = op.base();
            let places = format!("--data-dir-path {base}/node --log-dir-path {base}/logs");
            ("systemctl --user", format!("mkdir -p {base}/node {base}/logs; set -- {places}"))
        }
    };
    let network = NETWORK.replace("evm-custom,", "");
    let [rpc, token, payments] = network.split(',').collect::<Vec<_>>()[..] else {
        panic!("{network}")
    };
    let script = format!(
        r#"set -e
{places}
for i in 1 2 3; do
  antctl add "$@" --path /usr/local/bin/antnode --node-port 5510$i --metrics-port 1310$i --rpc-port 3110$i --rewards-address {WALLET} --peer {PEER} {start_args} evm-custom --rpc-url {rpc} --payment-token-address {token} --data-payments-address {payments}
done
{systemctl} daemon-reload
{systemctl} start antnode1 antnode2 antnode3
for i in $(seq 300); do
  test $(ls {root}/antnode[123]/secret-key 2>/dev/null | wc -l) = 3 && break
  sleep 0.1
done
test $(ls {root}/antnode[123]/secret-key | wc -l) = 3
{systemctl} stop antnode2"#,
        start_args = START_ARGS.replace("--ip ", "--node-ip "),
        root = op.data_root(),
    );
    op.shell(&script).ok();
}

fn from_antctl<'a>(op: &Operator, more: &[&'a str]) -> Vec<&'a str> {
    let scope: &[&str] = match op.node_user() {
        "ant" => &["--scope", "system", "init", "--from-antctl"],
        _ => &["init", "--from-antctl"],
    };
    // For nodes that come later.
    let program = ["--node-binary", "/usr/local/bin/antnode", "--network", NETWORK];
    let closed = ["--start-args", START_ARGS, "--bootstrap", PEER];
    [scope, EAGER, &program, &closed, more].concat()
}

#[test]
fn nodes_that_a_user_made_with_antctl_move_in() {
    if let Some(op) = operator("actlmove", Who::User) {
        moves_in(&op);
    }
}

#[test]
fn nodes_of_the_machine_made_with_antctl_move_in() {
    if let Some(op) = operator("actlmovesys", Who::Sudo) {
        op.host.sh("useradd --system --user-group --shell /usr/sbin/nologin ant").ok();
        op.host.sh("mkdir -p /var/antctl && chown op /var/antctl").ok();
        moves_in(&op);
    }
}

fn moves_in(op: &Operator) {
    installation(op);
    let pids = || [1, 2, 3].map(|number| pid(op, number));
    let before = pids();
    assert!(before[0] > 0 && before[1] == 0 && before[2] > 0, "{before:?}");
    let book = op.host.sh(&format!("cat {}", registry(op))).ok().stdout;

    let dry = op.wnm(&from_antctl(op, &["--dry-run"])).ok();
    for told in
        ["antnode1 as antnode0001", "antnode3 as antnode0003", "of antctl", "stopped, stays so"]
    {
        assert!(dry.stdout.contains(told), "{told}: {dry:?}");
    }
    let took = json(&op.wnm(&from_antctl(op, &["--json", "--confirm"])).ok());
    assert_eq!(took["take"].as_array().map(Vec::len), Some(3), "{took}");
    assert_eq!(pids(), before);
    assert_eq!(op.host.sh(&format!("cat {}", registry(op))).ok().stdout, book, "antctl's book");
    // The first cycle looks into every program; those after it have nothing to do.
    op.cycle();
    assert_eq!((op.cycle(), pids()), (0, before));
    let states: Vec<String> = op.states().into_values().collect();
    assert_eq!(states, ["running", "stopped", "running"]);
    let again = op.wnm(&from_antctl(op, &["--confirm"]));
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("these are kept by wnm: antnode0001, antnode0002"), "{again:?}");

    // What is asked of them is done through the same units, and each is who it was.
    let keys = || op.host.sh(&format!("sha256sum {}/*/secret-key", op.data_root())).ok().stdout;
    let had = keys();
    op.wnm(&["start", "2"]).ok();
    op.wnm(&["restart", "3"]).ok();
    op.rest_with(3);
    assert_eq!((pid(op, 1), keys()), (before[0], had));
    // The next one gets antctl's next number.
    op.wnm(&["config", "set", "node_cap", "4"]).ok();
    op.rest_with(4);
    assert!(op.states().contains_key("antnode0004"), "{:?}", op.states());
    assert!(pid(op, 4) > 0);
    op.wnm(&["remove", "1"]).ok();
    let left = op.host.sh(&format!("ls -d {}/antnode1", op.data_root()));
    assert_ne!(left.code, Some(0), "{left:?}");
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!((op.processes(), op.units()), (0, Vec::new()));
    assert_eq!(op.names("identities").iter().filter(|it| it.ends_with(".key")).count(), 4);
}
