//! Nodes to show in tests: a simulated machine, after a few cycles.

use wnm_core::fakes::build::{eager_draft, id, seconds};
use wnm_core::fakes::{MemoryStore, SimHost, World};
use wnm_core::host::{Intents, LastSeen, Store};
use wnm_core::model::{Bytes, Timestamp, Verb};
use wnm_core::observe::{Ledger, NodeState, NodeView, ProcessKey};
use wnm_core::policy::Setting;
use wnm_core::run::{CycleOptions, cycle};

/// So many nodes, all of them running and telling the same of themselves.
pub(super) fn nodes(count: u32) -> (Ledger, LastSeen) {
    let draft = eager_draft().with(Setting::NodeCap, (count + 1).to_string());
    let host = SimHost::new(World::new());
    let store = MemoryStore::with_settings(&draft);
    let run = || {
        host.world().advance(seconds(60));
        cycle(&host.host(&store), &CycleOptions::new(), &mut |_| {}).expect("a cycle")
    };
    let now = run().snapshot.now;
    store.request(&Verb::Add { count }, &now).expect("stored");
    run();
    run();
    let mut ledger = store.load().expect("loaded");
    ledger.nodes.truncate(count as usize);
    let mut last = store.last_seen().expect("read").expect("a cycle ran");
    last.snapshot.now.wall = Timestamp(1_760_000_000_000);
    for node in &mut last.snapshot.nodes {
        steady(node);
    }
    for record in &mut ledger.nodes {
        let node = last.snapshot.nodes.iter_mut().find(|node| node.id() == record.spec.id);
        record.created = Timestamp(1_759_900_000_000);
        if let Some(node) = node {
            node.record = record.clone();
        }
    }
    (ledger, last)
}

fn steady(node: &mut NodeView) {
    let number = node.id().number();
    node.seen.state = NodeState::Running;
    node.seen.alive = Some(true);
    node.process = Some(ProcessKey { pid: 1000 + number, start_ticks: 1 });
    node.process_age = Some(seconds(7200));
    node.memory = Some(Bytes(123_456_789));
    node.cpu_ms = Some(36_000);
    node.facts.peers = Some(40 + u64::from(number));
    node.facts.records = Some(7);
    node.facts.peer_id = Some(format!("12D3KooW{number:04}"));
}

/// The node with this number, to be changed.
pub(super) fn node(last: &mut LastSeen, number: u32) -> &mut NodeView {
    let wanted = id(number);
    last.snapshot.nodes.iter_mut().find(|node| node.id() == wanted).expect("it is there")
}
