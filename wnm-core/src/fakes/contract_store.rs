//! What every store must do, told as stories that each begin with an empty one.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{draft, gb, id, policy, release, seconds, spec};
use crate::action::{Action, Change, Fault, Outcome, PlannedAction, Reason, Resource, Stopped};
use crate::host::{
    Beginning, CycleQuery, CycleSummary, HistoryQuery, Intents, LastSeen, Recording, Store,
};
use crate::model::{
    Answer, BootId, CycleId, Instant, LoadAverage, NodeKey, NodeRecord, Now, OpId, Phase, RecordId,
    Removal, RequestId, Timestamp, Verb, Want,
};
use crate::observe::{
    CpuTimes, EngineMemory, Exhaustible, FaultKind, FileSystemSample, Ledger, MachineSample,
    MemorySample, NodeMemory, Readings, Snapshot, Unread, snapshot,
};
use crate::plan::{Plan, PlanScope, plan};
use crate::policy::{Delays, Drafts, Policy, PolicyDraft, Setting};

use super::{contract_release as release_of, contract_upgrades as upgrades};

/// Both sides of a ledger.
pub trait StoreAndIntents: Store + Intents {}

impl<T: Store + Intents> StoreAndIntents for T {}

/// Tells every story on a store that `make` made empty. Panics where it breaks its promise.
pub fn store(make: &mut dyn FnMut() -> Box<dyn StoreAndIntents>) {
    let stories: &[fn(&dyn StoreAndIntents)] = &[
        an_empty_store_knows_nothing,
        an_addition_is_recorded_before_anything_happens,
        an_addition_is_begun_again_as_it_was,
        an_addition_stays_out_of_the_way_of_others,
        a_removed_node_is_forgotten_and_its_record_never_used_again,
        a_removal_that_failed_goes_on,
        release_of::a_released_node_is_forgotten_when_it_is_done_and_not_before,
        a_start_that_failed_is_not_going_on,
        stopping_says_on_whose_behalf,
        disabling_is_a_word_in_the_record,
        upgrades::an_upgrade_is_in_the_record_until_it_is_proven,
        upgrades::a_repetition_that_fails_does_not_deny_what_was_done,
        upgrades::what_failed_is_quarantined_with_its_revert,
        upgrades::upgrades_are_paused_by_word,
        retiring_keeps_the_first_decision_and_is_taken_back,
        removals_count_from_their_beginning,
        what_was_begun_for_a_request_is_known,
        a_later_operation_supersedes_an_open_one,
        only_the_very_node_that_was_meant_is_touched,
        an_operation_ends_once,
        requests_wait_for_their_answer,
        settings_are_replaced_as_a_whole,
        the_journal_is_told_in_order,
        a_cycle_comes_back_as_it_was,
        a_cycle_outlives_its_nodes,
        every_cycle_can_be_asked_for,
        cycles_are_picked_by_time,
        old_cycles_are_forgotten_when_both_clocks_say_so,
        a_cycle_of_another_shape_is_nothing_seen,
        old_samples_are_forgotten,
        every_number_comes_back_as_it_was,
    ];
    for story in stories {
        story(make().as_ref());
    }
}

fn an_empty_store_knows_nothing(store: &dyn StoreAndIntents) {
    assert_eq!(store.load().unwrap(), Ledger::default());
    assert_eq!(store.history(&HistoryQuery::default()).unwrap(), []);
    assert_eq!(store.last_seen().unwrap(), None);
    assert_eq!(store.cycles(&CycleQuery::default()).unwrap(), []);
    assert_eq!(store.recorded(CycleId(1)).unwrap(), None);
}

fn an_addition_is_recorded_before_anything_happens(store: &dyn StoreAndIntents) {
    let begun = store.begin(&add(7), &at(10)).unwrap();

    let ledger = store.load().unwrap();
    let expected = NodeRecord {
        record: begun.record,
        spec: spec(7),
        want: Want::Run,
        phase: creating(10),
        version: Some(release().version),
        created: at(10).wall,
        upgrade: None,
    };
    assert_eq!(ledger.nodes, std::slice::from_ref(&expected));
    assert_eq!(ledger.open.len(), 1);
    let open = &ledger.open[0];
    assert_eq!((open.id, open.record), (begun.op, begun.record));
    assert_eq!((&open.planned, open.begun), (&add(7), at(10).wall));

    store.finish(begun.op, &done(), at(20).wall).unwrap();
    let ledger = store.load().unwrap();
    let started = NodeRecord { phase: starting(10), ..expected };
    assert_eq!(ledger.nodes, [started], "a start that succeeded is still going on");
    assert_eq!(ledger.open, []);
}

fn an_addition_is_begun_again_as_it_was(store: &dyn StoreAndIntents) {
    let first = store.begin(&add(3), &at(10)).unwrap();
    let again = store.begin(&add(3), &at(70)).unwrap();

    assert_eq!(again.record, first.record);
    assert!(again.op > first.op);
    let ledger = store.load().unwrap();
    assert_eq!(ledger.nodes.len(), 1);
    assert_eq!(ledger.nodes[0].created, at(10).wall);
    assert_eq!(ledger.nodes[0].phase, creating(70));
    assert_eq!(ledger.open.iter().map(|open| open.id).collect::<Vec<_>>(), [again.op]);
}

fn an_addition_stays_out_of_the_way_of_others(store: &dyn StoreAndIntents) {
    added(store, 3);
    let before = store.load().unwrap();

    let mut other = spec(3);
    other.autostart = !other.autostart;
    let mut same_port = spec(4);
    same_port.ports.node = spec(3).ports.node;
    let mut same_data = spec(4);
    same_data.data = spec(3).data;
    for spec in [other, same_port, same_data] {
        let add = Action::Add { spec: Box::new(spec), release: release(), key: None };
        let refused = store.begin(&planned(add), &at(30)).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Conflict, "{}", refused.chain());
        assert_eq!(store.load().unwrap(), before, "nothing may be left of it");
    }
    assert_eq!(store.history(&HistoryQuery::default()).unwrap().len(), 1);
}

fn a_removed_node_is_forgotten_and_its_record_never_used_again(store: &dyn StoreAndIntents) {
    let (kept, gone) = (added(store, 1), added(store, 2));

    let begun = begin(store, Action::Remove { node: gone, cause: Removal::Disk }, 30);
    let removing = Phase::Removing { since: at(30).instant, cause: Removal::Disk };
    assert_eq!(begun.record, gone.record);
    assert_eq!(recorded(store, 2).phase, removing);
    assert_eq!(recorded(store, 2).want, Want::Run);

    store.finish(begun.op, &done(), at(40).wall).unwrap();
    let ledger = store.load().unwrap();
    assert_eq!(ledger.nodes.iter().map(NodeRecord::key).collect::<Vec<_>>(), [kept]);
    assert_eq!(ledger.open, []);

    let again = added(store, 2);
    assert!(again.record > gone.record, "a record number must never be used twice");
    let stale = store.begin(&planned(Action::Start { node: gone, release: None }), &at(60));
    assert_eq!(stale.unwrap_err().kind, FaultKind::Conflict);
}

fn a_removal_that_failed_goes_on(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let remove = Action::Remove { node, cause: Removal::Operator };

    let begun = begin(store, remove.clone(), 30);
    store.finish(begun.op, &failed("stop it"), at(40).wall).unwrap();
    let removing = Phase::Removing { since: at(30).instant, cause: Removal::Operator };
    assert_eq!(recorded(store, 1).phase, removing);

    let begun = begin(store, remove, 90);
    assert_eq!(recorded(store, 1).phase, removing, "since the first decision");
    store.finish(begun.op, &done(), at(95).wall).unwrap();
    assert_eq!(store.load().unwrap().nodes, []);
}

fn a_start_that_failed_is_not_going_on(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let begun = begin(store, Action::Start { node, release: None }, 30);
    assert_eq!(recorded(store, 1).phase, starting(30));

    store.finish(begun.op, &failed("no bus"), at(40).wall).unwrap();
    assert_eq!(recorded(store, 1).phase, Phase::Steady);
    assert_eq!(recorded(store, 1).want, Want::Run);
}

fn stopping_says_on_whose_behalf(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let cases = [
        (Stopped::ByOperator, Want::StoppedByOperator),
        (Stopped::ByPressure, Want::StoppedByPressure),
    ];
    for (stopped, want) in cases {
        let before = recorded(store, 1).want;
        let begun = begin(store, Action::Stop { node, stopped }, 30);
        assert_eq!(recorded(store, 1).want, before, "it may yet fail");
        store.finish(begun.op, &failed("too slow"), at(35).wall).unwrap();
        assert_eq!(recorded(store, 1).want, before, "it failed, so it runs and is wanted to");
        let begun = begin(store, Action::Stop { node, stopped }, 36);
        store.finish(begun.op, &done(), at(40).wall).unwrap();
        assert_eq!((recorded(store, 1).want, recorded(store, 1).phase), (want, Phase::Steady));
    }
    let begun = begin(store, Action::Restart { node, release: Some(release()) }, 50);
    store.finish(begun.op, &done(), at(60).wall).unwrap();
    assert_eq!((recorded(store, 1).want, recorded(store, 1).phase), (Want::Run, starting(50)));
}

fn disabling_is_a_word_in_the_record(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let disabled = begin(store, Action::Disable { node }, 20);
    assert_eq!(recorded(store, 1).want, Want::Disabled, "before it is finished");
    assert_eq!(recorded(store, 1).phase, Phase::Steady, "nothing is going on any more");
    store.finish(disabled.op, &done(), at(30).wall).unwrap();
    let enabled = begin(store, Action::Enable { node }, 40);
    store.finish(enabled.op, &done(), at(50).wall).unwrap();
    assert_eq!((recorded(store, 1).want, recorded(store, 1).phase), (Want::Run, Phase::Steady));
    assert_eq!(store.load().unwrap().open, vec![]);
}

fn retiring_keeps_the_first_decision_and_is_taken_back(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    for (cause, second) in [(Removal::Cap, 30), (Removal::Disk, 60)] {
        let begun = begin(store, Action::Retire { node, cause }, second);
        store.finish(begun.op, &done(), at(second + 1).wall).unwrap();
        let first = Phase::Removing { since: at(30).instant, cause: Removal::Cap };
        assert_eq!(recorded(store, 1).phase, first);
    }
    let begun = begin(store, Action::Reprieve { node }, 90);
    store.finish(begun.op, &done(), at(91).wall).unwrap();
    assert_eq!((recorded(store, 1).want, recorded(store, 1).phase), (Want::Run, Phase::Steady));
}

fn removals_count_from_their_beginning(store: &dyn StoreAndIntents) {
    let (one, two) = (added(store, 1), added(store, 2));
    begin(store, Action::Retire { node: one, cause: Removal::Cap }, 30);
    begin(store, Action::Retire { node: two, cause: Removal::Disk }, 40);
    begin(store, Action::Remove { node: two, cause: Removal::Operator }, 50);
    let removals = store.load().unwrap().memory.removals;
    assert_eq!(removals.iter().map(|past| past.disk).collect::<Vec<_>>(), [false, true]);
}

fn what_was_begun_for_a_request_is_known(store: &dyn StoreAndIntents) {
    let request = store.request(&Verb::Add { count: 2 }, &at(5)).unwrap();
    let planned = PlannedAction { reason: Reason::Request { id: request }, ..add(1) };
    let begun = store.begin(&planned, &at(10)).unwrap();
    added(store, 2);
    assert_eq!(store.load().unwrap().begun, [(request, [begun.record].into())].into());
    store.finish(begun.op, &done(), at(20).wall).unwrap();
    assert_eq!(store.load().unwrap().begun.len(), 1, "until the request is answered");
    let answer = Answer { done: 1, failed: 0, refused: Vec::new() };
    store.answer(request, &answer, at(30).wall).unwrap();
    assert_eq!(store.load().unwrap().begun.len(), 0);
}

fn a_later_operation_supersedes_an_open_one(store: &dyn StoreAndIntents) {
    let (node, other) = (added(store, 1), added(store, 2));
    let others = begin(store, Action::Start { node: other, release: None }, 30);
    let earlier = begin(store, Action::Start { node, release: None }, 30);
    let later = begin(store, Action::Stop { node, stopped: Stopped::ByOperator }, 60);

    let open: Vec<OpId> = store.load().unwrap().open.iter().map(|open| open.id).collect();
    assert_eq!(open, [others.op, later.op], "in the order they were begun");
    let journal = store.history(&HistoryQuery::default()).unwrap();
    let line = journal.iter().find(|line| line.id == earlier.op).unwrap();
    assert_eq!((line.ended, &line.outcome), (Some(at(60).wall), &None));

    let too_late = store.finish(earlier.op, &done(), at(70).wall).unwrap_err();
    assert_eq!(too_late.kind, FaultKind::Conflict);
    assert_eq!(recorded(store, 1).phase, starting(30), "a stop changes nothing before its end");
    store.finish(later.op, &done(), at(80).wall).unwrap();
    assert_eq!(recorded(store, 1).phase, Phase::Steady);
}

fn only_the_very_node_that_was_meant_is_touched(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let other = added(store, 2);
    let before = store.load().unwrap();
    let keys = [
        NodeKey { id: node.id, record: RecordId(node.record.0 + 100) },
        NodeKey { id: node.id, record: other.record },
        NodeKey { id: id(9), record: node.record },
    ];
    for wrong in keys {
        let actions = [
            Action::Start { node: wrong, release: None },
            Action::Stop { node: wrong, stopped: Stopped::ByPressure },
            Action::Restart { node: wrong, release: None },
            Action::Retire { node: wrong, cause: Removal::Cap },
            Action::Reprieve { node: wrong },
            Action::Remove { node: wrong, cause: Removal::Operator },
        ];
        for action in actions {
            let refused = store.begin(&planned(action), &at(50)).unwrap_err();
            assert_eq!(refused.kind, FaultKind::Conflict, "{}", refused.chain());
        }
    }
    assert_eq!(store.load().unwrap(), before);
    assert_eq!(store.history(&HistoryQuery::default()).unwrap().len(), 2);
}

fn an_operation_ends_once(store: &dyn StoreAndIntents) {
    let unknown = store.finish(OpId(99), &done(), at(1).wall).unwrap_err();
    assert_eq!(unknown.kind, FaultKind::NotFound);

    let begun = store.begin(&add(1), &at(10)).unwrap();
    store.finish(begun.op, &failed("no room"), at(20).wall).unwrap();
    let again = store.finish(begun.op, &done(), at(30).wall).unwrap_err();
    assert_eq!(again.kind, FaultKind::Conflict);
    let line = &store.history(&HistoryQuery::default()).unwrap()[0];
    assert_eq!((line.ended, &line.outcome), (Some(at(20).wall), &Some(failed("no room"))));
}

fn requests_wait_for_their_answer(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let verbs = [Verb::Add { count: 3 }, Verb::Teardown { nodes: vec![node] }];
    let first = store.request(&verbs[0], &at(10)).unwrap();
    let second = store.request(&verbs[1], &at(20)).unwrap();
    assert!(second > first);

    let waiting = store.load().unwrap().requests;
    assert_eq!(waiting.iter().map(|request| request.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(waiting.iter().map(|request| request.verb.clone()).collect::<Vec<_>>(), verbs);
    assert_eq!((waiting[0].made, &waiting[0].made_at), (at(10).wall, &at(10).instant));
    assert_eq!(store.answer_to(first).unwrap(), None);

    let answer = Answer { done: 2, failed: 1, refused: vec!["no `ports`".to_owned()] };
    store.answer(first, &answer, at(30).wall).unwrap();
    assert_eq!(store.answer_to(first).unwrap(), Some(answer.clone()));
    assert_eq!(store.answer_to(second).unwrap(), None);
    let waiting = store.load().unwrap().requests;
    assert_eq!(waiting.iter().map(|request| request.id).collect::<Vec<_>>(), [second]);

    let other = Answer { done: 0, failed: 0, refused: vec![] };
    let again = store.answer(first, &other, at(40).wall).unwrap_err();
    assert_eq!(again.kind, FaultKind::Conflict);
    assert_eq!(store.answer_to(first).unwrap(), Some(answer), "the first answer stands");
    let unknown = RequestId(99);
    assert_eq!(store.answer_to(unknown).unwrap_err().kind, FaultKind::NotFound);
    let refused = store.answer(unknown, &other, at(40).wall).unwrap_err();
    assert_eq!(refused.kind, FaultKind::NotFound);
}

fn settings_are_replaced_as_a_whole(store: &dyn StoreAndIntents) {
    let full = draft().with(Setting::StartArgs, "--odd 'quoted \"words\" – here'");
    assert_eq!(store.set_policy(&full, at(10).wall).unwrap(), 1);
    let ledger = store.load().unwrap();
    assert_eq!((ledger.generation, &ledger.draft), (1, &full));

    let short = PolicyDraft::default().with(Setting::NodeCap, "5");
    assert_eq!(store.set_policy(&short, at(20).wall).unwrap(), 2);
    let ledger = store.load().unwrap();
    assert_eq!((ledger.generation, &ledger.draft), (2, &short));

    assert_eq!(store.set_policy(&PolicyDraft::default(), at(30).wall).unwrap(), 3);
    assert_eq!(store.load().unwrap().draft, PolicyDraft::default());
}

fn the_journal_is_told_in_order(store: &dyn StoreAndIntents) {
    let (one, two) = (added(store, 1), added(store, 2));
    for second in [100, 200, 300] {
        for node in [one, two] {
            let begun = begin(store, Action::Start { node, release: None }, second);
            store.finish(begun.op, &done(), at(second + 5).wall).unwrap();
        }
    }
    let told = |query: HistoryQuery| -> Vec<(u32, i64)> {
        let lines = store.history(&query).unwrap();
        assert!(lines.is_sorted_by_key(|line| line.id));
        lines.iter().map(|line| (line.node.id.number(), line.begun.0 / 1000)).collect()
    };
    let all = told(HistoryQuery::default());
    assert_eq!(all.len(), 8);
    let of_two = told(HistoryQuery { nodes: vec![two.id], ..HistoryQuery::default() });
    assert_eq!(of_two, [all[1], all[3], all[5], all[7]]);
    let since = told(HistoryQuery { since: Some(at(200).wall), ..HistoryQuery::default() });
    assert_eq!(since, all[4..]);
    let latest = told(HistoryQuery { limit: Some(3), ..HistoryQuery::default() });
    assert_eq!(latest, all[5..]);
    let picked = HistoryQuery { nodes: vec![one.id], since: Some(at(100).wall), limit: Some(2) };
    assert_eq!(told(picked), [all[4], all[6]]);
    let none = told(HistoryQuery { nodes: vec![id(9)], ..HistoryQuery::default() });
    assert_eq!(none, []);
    assert_eq!(told(HistoryQuery { limit: Some(0), ..HistoryQuery::default() }), []);

    let line = &store.history(&HistoryQuery::default()).unwrap()[7];
    assert_eq!(line.node, two);
    assert_eq!(line.planned, planned(Action::Start { node: two, release: None }));
    assert_eq!((line.ended, &line.outcome), (Some(at(305).wall), &Some(done())));
}

fn a_cycle_comes_back_as_it_was(store: &dyn StoreAndIntents) {
    store.set_policy(&draft(), at(1).wall).unwrap();
    added(store, 1);
    let first = Cycle::look(store, 60);
    store.save_cycle(&first.recording()).unwrap();

    let ledger = store.load().unwrap();
    assert_eq!(ledger.samples, std::slice::from_ref(&first.sample));
    assert_eq!(ledger.memory, first.memory);
    let seen = store.last_seen().unwrap();
    assert_eq!(seen, Some(first.seen()));

    let second = Cycle::look(store, 120);
    store.save_cycle(&second.recording()).unwrap();
    store.save_cycle(&Recording { sample: None, ..second.recording() }).unwrap();
    let ledger = store.load().unwrap();
    assert_eq!(ledger.samples, [first.sample, second.sample], "oldest first");
    assert_eq!(ledger.memory, second.memory);
    assert_eq!(store.last_seen().unwrap().unwrap().snapshot, second.snapshot);
}

fn a_cycle_outlives_its_nodes(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    store.save_cycle(&Cycle::look(store, 30).recording()).unwrap();
    let cycle = Cycle::look(store, 60);
    let begun = begin(store, Action::Remove { node, cause: Removal::Operator }, 61);
    store.finish(begun.op, &done(), at(62).wall).unwrap();

    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(store.load().unwrap().nodes, []);
    let seen = store.last_seen().unwrap().unwrap();
    assert_eq!(seen.node(id(1)).map(|view| view.record()), Some(node.record));
}

fn every_cycle_can_be_asked_for(store: &dyn StoreAndIntents) {
    added(store, 1);
    let mut saved = Vec::new();
    for minute in 1..=30 {
        let mut cycle = Cycle::look(store, minute * 60);
        // Every third has another node to see, and every fifth something to do.
        if minute % 3 == 0 {
            cycle.snapshot.nodes.push(cycle.snapshot.nodes[0].clone());
        }
        if minute % 5 == 0 {
            cycle.plan.actions.push(add(9));
        }
        store.save_cycle(&cycle.recording()).unwrap();
        saved.push(cycle.seen());
    }
    let cycles = store.cycles(&CycleQuery::default()).unwrap();
    assert!(cycles.is_sorted_by_key(|cycle| cycle.cycle));
    assert_eq!(cycles.len(), saved.len());
    for (cycle, saved) in cycles.iter().zip(&saved) {
        let summary = CycleSummary {
            cycle: cycle.cycle,
            at: saved.snapshot.now.wall,
            nodes: saved.snapshot.nodes.len() as u32,
            actions: saved.plan.actions.len() as u32,
        };
        assert_eq!(*cycle, summary);
        assert_eq!(store.recorded(cycle.cycle).unwrap().as_ref(), Some(saved));
    }
    assert_eq!(store.recorded(CycleId(999)).unwrap(), None);
    // In any order.
    let (first, last) = (&cycles[0], &cycles[29]);
    assert_eq!(store.recorded(last.cycle).unwrap().as_ref(), saved.last());
    assert_eq!(store.recorded(first.cycle).unwrap().as_ref(), saved.first());
}

fn cycles_are_picked_by_time(store: &dyn StoreAndIntents) {
    for minute in 1..=5 {
        store.save_cycle(&Cycle::look(store, minute * 60).recording()).unwrap();
    }
    let told = |query: CycleQuery| -> Vec<i64> {
        let cycles = store.cycles(&query).unwrap();
        cycles.iter().map(|cycle| cycle.at.0 / 60_000).collect()
    };
    let since = Some(at(120).wall);
    let until = Some(at(240).wall);
    assert_eq!(told(CycleQuery { since, ..CycleQuery::default() }), [2, 3, 4, 5]);
    assert_eq!(told(CycleQuery { until, ..CycleQuery::default() }), [1, 2, 3, 4]);
    assert_eq!(told(CycleQuery { since, until, limit: Some(2) }), [3, 4]);
    assert!(told(CycleQuery { limit: Some(0), ..CycleQuery::default() }).is_empty());
}

fn old_cycles_are_forgotten_when_both_clocks_say_so(store: &dyn StoreAndIntents) {
    const DAY: u64 = 86_400;
    let ages = |store: &dyn StoreAndIntents| -> Vec<i64> {
        let cycles = store.cycles(&CycleQuery::default()).unwrap();
        cycles.iter().map(|cycle| cycle.at.0 / 1000).collect()
    };
    let save = |now: &Now| {
        let mut cycle = Cycle::look(store, 0);
        cycle.snapshot.now = now.clone();
        store.save_cycle(&cycle.recording()).unwrap();
    };
    for second in [60, 120, 13 * DAY] {
        save(&at(second));
    }
    assert_eq!(ages(store), [60, 120, 13 * DAY as i64]);

    // A wall clock that jumps does not take the history with it.
    let mut jumped = at(13 * DAY + 60);
    jumped.wall.0 += 400 * 86_400_000;
    save(&jumped);
    assert_eq!(ages(store).len(), 4);

    save(&at(15 * DAY));
    let kept = ages(store);
    assert_eq!(kept[0], 13 * DAY as i64, "{kept:?}");
    assert_eq!(kept.len(), 3);

    // Across a reboot only the wall clock is left to ask.
    let mut rebooted = at(40 * DAY);
    rebooted.instant = Instant { boot: BootId("second".to_owned()), uptime_ms: 1000 };
    save(&rebooted);
    let kept = ages(store);
    assert!(!kept.contains(&(13 * DAY as i64)) && kept.contains(&(40 * DAY as i64)), "{kept:?}");
}

fn a_cycle_of_another_shape_is_nothing_seen(store: &dyn StoreAndIntents) {
    let mut cycle = Cycle::look(store, 60);
    cycle.snapshot.schema += 1;
    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(store.last_seen().unwrap(), None);
    let cycles = store.cycles(&CycleQuery::default()).unwrap();
    assert_eq!(cycles.len(), 1);
    assert_eq!(store.recorded(cycles[0].cycle).unwrap(), None);

    let readable = Cycle::look(store, 120);
    store.save_cycle(&readable.recording()).unwrap();
    assert_eq!(store.last_seen().unwrap(), Some(readable.seen()));
}

fn old_samples_are_forgotten(store: &dyn StoreAndIntents) {
    let mut cycle = Cycle::look(store, 0);
    let mut keep = |step: u64, count: u64| {
        for _ in 0..count {
            let second = cycle.sample.at.instant.uptime_ms / 1000 + step;
            cycle.sample = sample(second);
            store.save_cycle(&cycle.recording()).unwrap();
        }
        store.load().unwrap().samples
    };
    // Every five minutes: so many as there are, whatever their age.
    assert_eq!(keep(300, 30).len(), 20);
    // Every minute: no more of those that are too old.
    let samples = keep(60, 20);
    assert_eq!(samples.len(), 20);
    // Every ten seconds: eleven minutes would be 66.
    let samples = keep(10, 100);
    assert_eq!(samples.len(), 64);
    assert!(samples.is_sorted_by_key(|sample| sample.at.instant.uptime_ms));

    // Of another boot nothing is known to be young.
    cycle.sample.at.instant = Instant { boot: BootId("another".to_owned()), uptime_ms: 5000 };
    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(store.load().unwrap().samples.len(), 20);
}

fn every_number_comes_back_as_it_was(store: &dyn StoreAndIntents) {
    let awkward = [0.1 + 0.2, 1.0 / 3.0, 66.666_666_666_666_67, f64::MIN_POSITIVE, 1e300, 0.0];
    for (place, number) in (0..).zip(awkward) {
        let mut cycle = Cycle::look(store, 60 + place);
        cycle.sample.load = Some(LoadAverage { one: number, five: number, fifteen: number });
        cycle.sample.cpu = Some(CpuTimes { total: u64::MAX, idle: u64::MAX - 1, iowait: 0 });
        store.save_cycle(&cycle.recording()).unwrap();
        assert_eq!(store.load().unwrap().samples.last(), Some(&cycle.sample));

        let start = PlannedAction {
            action: Action::Add { spec: Box::new(spec(1)), release: release(), key: None },
            reason: Reason::Pressure {
                resource: Resource::Disk("/srv/nodes".into()),
                used: number,
                limit: number,
                for_s: u64::MAX,
            },
        };
        store.begin(&start, &at(70)).unwrap();
        assert_eq!(store.load().unwrap().open[0].planned, start);
    }
}

/// A look at a machine and what was decided on it.
struct Cycle {
    sample: MachineSample,
    snapshot: Snapshot,
    drafts: Drafts,
    policy: Policy,
    plan: Plan,
    memory: EngineMemory,
}

impl Cycle {
    fn look(store: &dyn StoreAndIntents, second: u64) -> Cycle {
        let ledger = store.load().unwrap();
        let sample = sample(second);
        let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".to_owned() };
        let readings = Readings {
            machine: Ok(sample.clone()),
            ports: Ok(BTreeSet::from([55_001])),
            nodes: BTreeMap::new(),
            storage: BTreeMap::new(),
            occupied: Err(unread()),
            numbering: None,
            release: Ok(release()),
            program: None,
            around: Default::default(),
            releases: BTreeMap::new(),
        };
        let delays = Delays { start: seconds(300), remove: seconds(300), upgrade: seconds(300) };
        let snapshot = snapshot(&ledger, &readings, &delays, &at(second));
        let plan = plan(&snapshot, &policy(&draft()), PlanScope::Everything);
        let mut memory = plan.memory.clone();
        memory.over.insert(Resource::Inodes("/srv/nodes".into()), at(second).instant);
        memory.nodes.insert(
            RecordId(5),
            NodeMemory { deaths: vec![at(second).instant], ..NodeMemory::default() },
        );
        let overrides = PolicyDraft::default().with(Setting::NodeCap, "7");
        let drafts = Drafts { stored: draft(), overrides };
        Cycle { sample, snapshot, drafts, policy: policy(&draft()), plan, memory }
    }

    /// As it comes back.
    fn seen(&self) -> LastSeen {
        LastSeen {
            snapshot: self.snapshot.clone(),
            policy: self.policy.clone(),
            plan: self.plan.clone(),
            scope: PlanScope::RequestsOnly,
            drafts: self.drafts.clone(),
        }
    }

    fn recording(&self) -> Recording<'_> {
        Recording {
            sample: Some(&self.sample),
            snapshot: &self.snapshot,
            drafts: &self.drafts,
            policy: &self.policy,
            scope: PlanScope::RequestsOnly,
            plan: &self.plan,
            memory: &self.memory,
        }
    }
}

fn sample(second: u64) -> MachineSample {
    let space = Exhaustible { total: gb(1000).0, free: gb(400).0 };
    let file_system = FileSystemSample { device: 7, space, inodes: None };
    MachineSample {
        at: at(second),
        cpus: 4,
        cpu: Some(CpuTimes { total: second * 400, idle: second * 300, iowait: second }),
        memory: Some(MemorySample { total: gb(16), available: gb(9) }),
        load: Some(LoadAverage { one: 0.07, five: 0.1, fifteen: 1.15 }),
        file_systems: BTreeMap::from([("/srv/nodes".into(), file_system)]),
        disks: BTreeMap::new(),
        network: None,
        stall: None,
    }
}

pub(super) fn at(second: u64) -> Now {
    Now {
        wall: Timestamp(second as i64 * 1000),
        instant: Instant { boot: BootId("first".to_owned()), uptime_ms: second * 1000 },
    }
}

fn creating(second: u64) -> Phase {
    Phase::Creating { since: at(second).instant }
}

fn starting(second: u64) -> Phase {
    Phase::Starting { since: at(second).instant }
}

pub(super) fn planned(action: Action) -> PlannedAction {
    PlannedAction { action, reason: Reason::RoomAgain }
}

fn add(number: u32) -> PlannedAction {
    planned(Action::Add { spec: Box::new(spec(number)), release: release(), key: None })
}

/// A node whose addition is over.
pub(super) fn added(store: &dyn StoreAndIntents, number: u32) -> NodeKey {
    let begun = store.begin(&add(number), &at(1)).unwrap();
    store.finish(begun.op, &done(), at(2).wall).unwrap();
    NodeKey { id: id(number), record: begun.record }
}

pub(super) fn begin(store: &dyn StoreAndIntents, action: Action, second: u64) -> Beginning {
    store.begin(&planned(action), &at(second)).unwrap()
}

pub(super) fn recorded(store: &dyn StoreAndIntents, number: u32) -> NodeRecord {
    store.load().unwrap().node(id(number)).unwrap().clone()
}

pub(super) fn done() -> Outcome {
    Outcome::Done { changes: vec![Change::Made, Change::AlreadySo, Change::NotManaged] }
}

pub(super) fn failed(message: &str) -> Outcome {
    Outcome::Failed { fault: Fault { step: None, message: message.to_owned() } }
}
