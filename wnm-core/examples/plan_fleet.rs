//! Plans for a fleet of nodes that exist in memory only: no host, no store, no processes.
//!
//! `cargo run -p wnm-core --example plan_fleet`

use std::path::Path;

use wnm_core::explain::explain;
use wnm_core::model::*;
use wnm_core::observe::{MachineView, NodeState, NodeView, Snapshot};
use wnm_core::plan::{PlanScope, plan};
use wnm_core::policy::{Policy, PolicyDraft, Setting};

/// What the engine decides, a line each, and why not more.
pub(crate) fn story() -> String {
    // What it is told: texts, as a user would type them, checked as a whole.
    let draft = PolicyDraft::default()
        .with(Setting::RewardsAddress, "donate")
        .with(Setting::NodeStorage, "/srv/nodes")
        .with(Setting::LogStorage, "/srv/logs");
    let policy = Policy::parse(&draft, &PolicyDraft::default(), 8).expect("it is sound");

    // What it sees: four nodes on a busy machine. One is down, and one cannot be observed.
    let (down, silent) = ("its process is gone".to_owned(), "no answer".to_owned());
    let states = [
        NodeState::Running,
        NodeState::Stopped { why: down },
        NodeState::Unknown { why: silent },
        NodeState::Running,
    ];
    let node = |(number, state): (u32, NodeState)| {
        let id = NodeId::new(number).expect("it is not 0");
        let wallet = policy.nodes.wallets.shares()[0].address;
        let spec = policy.nodes.spec(id, wallet, Path::new("/srv/nodes")).expect("it has ports");
        NodeView::new(NodeRecord::new(RecordId(number.into()), spec, Timestamp(0)), state)
    };
    let instant = Instant { boot: BootId("only".into()), uptime_ms: 3_600_000 };
    let now = Now { wall: Timestamp(1_800_000_000_000), instant };
    let machine = MachineView { cpu: Some(Percent(60.0)), ..MachineView::unmeasured(8) };
    let version = "0.23.1".parse().expect("it is one");
    let release = Release::new(version, "/opt/ant-node");
    let nodes = (1..).zip(states).map(node).collect();
    let snapshot = Snapshot { nodes, ..Snapshot::new(now, machine, release) };

    // What it decides, and why not more. Carrying it out would be ours.
    let plan = plan(&snapshot, &policy, PlanScope::Everything);
    explain(&snapshot, &policy, &plan).summary.to_string()
}

#[expect(clippy::print_stdout, reason = "an example shows what it found")]
fn main() {
    println!("{}", story());
}
