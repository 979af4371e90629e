//! Screens.

use wnm_core::model::Want;
use wnm_core::observe::NodeState;

use super::super::sample;
use super::*;

const FRESH: Option<Duration> = Some(Duration::from_secs(17));
const WIDE: Terminal = Terminal { is_terminal: true, colour: false, width: Some(120) };

fn fresh<'a>(ledger: &'a Ledger, last: &'a LastSeen) -> Shown<'a> {
    Shown { ledger, last: Some(last), hidden: 0, capacity: None, age: FRESH }
}

fn screen(count: u32, view: View, terminal: Terminal) -> String {
    let (ledger, last) = sample::nodes(count);
    nodes_only(&status(&fresh(&ledger, &last), view, terminal))
}

/// Without the machine and what growth waits for.
fn nodes_only(text: &str) -> String {
    let ours = |line: &&str| {
        !["machine:", "a node costs", "not growing:", "note:"].iter().any(|it| line.starts_with(it))
    };
    text.lines().filter(ours).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_line_a_node() {
    insta::assert_snapshot!(screen(3, View::default(), Terminal::default()), @"
    NODE         STATE     PID   PORT  PEERS  RECORDS    MEMORY  UP  VERSION
    antnode0001  running  1001  55001     41        7  123.5 MB  2h  0.23.1
    antnode0002  running  1002  55002     42        7  123.5 MB  2h  0.23.1
    antnode0003  running  1003  55003     43        7  123.5 MB  2h  0.23.1
    3 nodes: 3 running
    as of 2025-10-09 08:53:20 UTC, 17s ago
    ");
}

#[test]
fn columns_give_way_to_a_narrow_terminal() {
    for width in [60, 40, 20] {
        let terminal = Terminal { width: Some(width), ..WIDE };
        let text = screen(2, View::default(), terminal);
        let rows = text.lines().take(3);
        assert!(width < 30 || rows.clone().all(|line| line.chars().count() <= width), "{text}");
        assert!(text.contains("antnode0002  running"), "{text}");
    }
    insta::assert_snapshot!(screen(2, View::default(), Terminal { width: Some(50), ..WIDE }), @"
    NODE         STATE    PEERS  RECORDS    MEMORY  UP
    antnode0001  running     41        7  123.5 MB  2h
    antnode0002  running     42        7  123.5 MB  2h
    2 nodes: 2 running
    as of 2025-10-09 08:53:20 UTC, 17s ago
    ");
}

#[test]
fn hundreds_are_folded_at_a_terminal_only() {
    let (mut ledger, mut last) = sample::nodes(500);
    sample::node(&mut last, 77).seen.state = NodeState::Dead;
    for number in 300..=309 {
        sample::node(&mut last, number).seen.state =
            NodeState::Stopped { why: "it ended".to_owned() };
        sample::node(&mut last, number).record.want = Want::StoppedByPressure;
        ledger.nodes[number as usize - 1].want = Want::StoppedByPressure;
    }
    let shown = |view, terminal| nodes_only(&status(&fresh(&ledger, &last), view, terminal));
    insta::assert_snapshot!(shown(View::default(), WIDE), @"
    NODES             COUNT  STATE                 PEERS    MEMORY  UP  VERSION
    antnode0001–0076     76  running              41–116    9.4 GB  2h  0.23.1
    antnode0077           1  dead                    117  123.5 MB  2h  0.23.1
    antnode0078–0299    222  running             118–339   27.4 GB  2h  0.23.1
    antnode0300–0309     10  stopped (pressure)  340–349    1.2 GB  2h  0.23.1
    antnode0310–0500    191  running             350–540   23.6 GB  2h  0.23.1
    every node on its own line: `wnm status --each`
    500 nodes: 489 running, 10 stopped, 1 dead
    as of 2025-10-09 08:53:20 UTC, 17s ago
    ");
    let each = View { each: true, ..View::default() };
    assert_eq!(shown(each, WIDE).lines().count(), 503);
    assert_eq!(shown(View::default(), Terminal::default()).lines().count(), 503, "for programs");
}

#[test]
fn sorted_by_what_was_asked_for() {
    let first = |sort| {
        let (ledger, mut last) = sample::nodes(3);
        sample::node(&mut last, 2).facts.peers = Some(900);
        sample::node(&mut last, 2).memory = None;
        sample::node(&mut last, 3).seen.state = NodeState::Dead;
        let view = View { sort, ..View::default() };
        let text = status(&fresh(&ledger, &last), view, Terminal::default());
        let names = text.lines().skip(1).take(3).map(|line| line[10..11].to_owned());
        names.collect::<String>()
    };
    assert_eq!(first(Sort::Name), "123");
    assert_eq!(first(Sort::Peers), "231");
    assert_eq!(first(Sort::Memory), "132", "unknown last");
    assert_eq!(first(Sort::State), "312");
}

#[test]
fn everything_of_a_node() {
    let view = View { details: true, ..View::default() };
    insta::assert_snapshot!(screen(1, view, WIDE), @"
    antnode0001  running
      program    ant-node 0.23.1
      manager    systemd+user
      process    1001, up 2h
      peer id    12D3KooW0001
      peers      41
      records    7
      memory     123.5 MB
      disk       0 B
      ports      55001
      wallet     0x00455d78f850b0358E8cea5be24d415E01E107CF
      data       /srv/nodes/antnode0001
      logs       /srv/logs/antnode0001
      binary     /srv/nodes/antnode0001/ant-node
      created    2025-10-08 05:06:40 UTC

    as of 2025-10-09 08:53:20 UTC, 17s ago
    ");
}

#[test]
fn colours_say_what_needs_attention() {
    let (ledger, mut last) = sample::nodes(2);
    sample::node(&mut last, 2).seen.state = NodeState::Dead;
    let coloured = Terminal { colour: true, ..WIDE };
    let text = status(&fresh(&ledger, &last), View::default(), coloured);
    assert!(
        text.contains("\x1b[32mrunning\x1b[0m") && text.contains("\x1b[31mdead\x1b[0m"),
        "{text}"
    );
    let plain = status(&fresh(&ledger, &last), View::default(), WIDE);
    assert!(!plain.contains('\x1b'), "{plain}");
}

#[test]
fn an_old_look_is_warned_of() {
    let minutes = |minutes: u64| warning(Some(Duration::from_secs(minutes * 60)));
    assert_eq!(minutes(4), None);
    assert_eq!(warning(None), None, "no cycle yet is said elsewhere");
    insta::assert_snapshot!(minutes(17).expect("old"), @"warning: no cycle for 17 min: is `wnm run` scheduled, and does it succeed?");
    insta::assert_snapshot!(minutes(60 * 24 * 9).expect("old"), @"warning: no cycle for 9 days: is `wnm run` scheduled, and does it succeed?");
}

#[test]
fn before_anything_happened() {
    let ledger = Ledger::default();
    let nothing = Shown { ledger: &ledger, last: None, hidden: 0, capacity: None, age: None };
    let text = status(&nothing, View::default(), Terminal::default());
    insta::assert_snapshot!(text, @"
    no nodes
    no cycle has run yet: `wnm run` runs one, `wnm survey` only looks
    ");
}
