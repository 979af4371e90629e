//! Which node goes first, by every strategy.

use super::*;
use crate::select::Order;

/// What a node is told apart by: created, records, shunned, memory, CPU, disk.
type Traits = (i64, Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

fn snapshot(nodes: &[Traits]) -> Snapshot {
    let mut snapshot = quiet(nodes.len() as u32);
    for (node, traits) in snapshot.nodes.iter_mut().zip(nodes) {
        let (created, records, shunned, memory, cpu, disk) = *traits;
        node.record.created = Timestamp(created);
        (node.facts.records, node.facts.shunned) = (records, shunned);
        (node.memory, node.cpu_ms, node.disk) = (memory.map(Bytes), cpu, disk.map(Bytes));
    }
    snapshot
}

/// The order in which nodes go when every one is too many.
fn order(snapshot: &Snapshot, order: Order) -> String {
    let settings = [
        (Setting::NodeCap, "0"),
        (Setting::MaxConcurrentRemovals, "9"),
        (Setting::MaxDestructivePerHour, "9"),
        (Setting::NodeRemovalStrategy, order.name()),
    ];
    let plan = sound(snapshot, &with(draft(), &settings));
    let numbers = plan.actions.iter().map(|it| it.action.node().number().to_string());
    numbers.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_strategy_has_its_own_first() {
    let some = |n| Some(n);
    let snapshot = snapshot(&[
        (3, some(5), some(9), some(1), some(2), some(3)),
        (1, some(9), some(1), some(9), some(1), some(2)),
        (2, some(1), some(5), some(5), some(9), some(1)),
        (4, some(7), some(3), some(3), some(5), some(9)),
    ]);
    let table = [
        (Order::Youngest, "4 1 3 2"),
        (Order::Oldest, "2 3 1 4"),
        (Order::LeastRecords, "3 1 4 2"),
        (Order::MostShunned, "1 3 4 2"),
        (Order::MostMemory, "2 3 4 1"),
        (Order::MostCpu, "3 4 1 2"),
        (Order::LargestDisk, "4 1 2 3"),
    ];
    assert_eq!(table.map(|(strategy, _)| strategy), Order::ALL, "every strategy");
    for (strategy, expected) in table {
        assert_eq!(order(&snapshot, strategy), expected, "{strategy}");
    }
}

#[test]
fn ties_go_to_the_higher_id() {
    let same = snapshot(&[(1, Some(1), Some(1), Some(1), Some(1), Some(1)); 3]);
    for strategy in Order::ALL {
        assert_eq!(order(&same, strategy), "3 2 1", "{strategy}");
    }
}

#[test]
fn what_is_not_known_goes_last_and_zero_is_known() {
    let snapshot = snapshot(&[
        (1, None, None, None, None, None),
        (1, Some(0), Some(0), Some(0), Some(0), Some(0)),
        (1, Some(7), Some(7), Some(7), Some(7), Some(7)),
    ]);
    for strategy in Order::ALL {
        let expected = match strategy {
            Order::Youngest | Order::Oldest => "3 2 1",
            Order::LeastRecords => "2 3 1",
            _ => "3 2 1",
        };
        assert_eq!(order(&snapshot, strategy), expected, "{strategy}");
    }
}

#[test]
fn what_is_down_goes_before_what_runs() {
    for strategy in Order::ALL {
        let mut snapshot = quiet(4);
        for number in [1, 3] {
            set(&mut snapshot, number, stopped(), Some(false));
        }
        let first: Vec<String> =
            order(&snapshot, strategy).split(' ').take(2).map(str::to_owned).collect();
        let down: BTreeSet<String> = first.into_iter().collect();
        assert_eq!(down, ["1".to_owned(), "3".to_owned()].into(), "{strategy}");
    }
}
