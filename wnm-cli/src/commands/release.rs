//! `wnm release`: nodes that go on without wnm.

use wnm_core::model::{ManagerKind, NodeRecord, NodeSpec, Verb, counted};

use super::{Context, nodes};
use crate::args::Which;
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, which: &Which) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let nodes = nodes::to_release(which, &ledger, &adapters)?;
    let exit = nodes::carry_out(context, &adapters, &Verb::Release { nodes: nodes.clone() })?;
    let after = super::reload(&adapters)?;
    let is_gone = |record: &&NodeRecord| {
        nodes.contains(&record.key()) && after.nodes.iter().all(|left| left.record != record.record)
    };
    let released: Vec<&NodeSpec> =
        ledger.nodes.iter().filter(is_gone).map(|record| &record.spec).collect();
    for spec in &released {
        output::say(&format!("{} is yours: {}", spec.id, fate(spec)));
    }
    if !released.is_empty() {
        let count = counted(after.nodes.iter().filter(|it| it.counts()).count() as u32, "node");
        output::say(&format!(
            "wnm keeps {count} now, and adds others up to node_cap where there is room: lower \
             node_cap if it should not"
        ));
    }
    Ok(exit)
}

/// What becomes of a node that wnm does not look after any more.
fn fate(spec: &NodeSpec) -> String {
    let service = spec.service();
    let data = spec.data.display();
    match spec.manager.kind {
        ManagerKind::Systemd => {
            format!("systemd keeps {service}.service, also after a restart of the machine")
        }
        ManagerKind::Docker => {
            format!("Docker keeps the container {service}, also after a restart of the machine")
        }
        ManagerKind::DockerAntctl => {
            format!(
                "the antctl of its container keeps {service}; nothing starts it after a restart"
            )
        }
        ManagerKind::Launchd => {
            format!("launchd keeps its job {service}, also after a restart of the machine")
        }
        ManagerKind::Setsid => format!(
            "NOTHING BRINGS IT BACK when its process ends or the machine restarts; its data is \
             {data}"
        ),
        ManagerKind::Antctl | ManagerKind::AntctlZen if spec.autostart => {
            format!("antctl keeps {service}, also after a restart of the machine")
        }
        ManagerKind::Antctl | ManagerKind::AntctlZen => format!(
            "antctl keeps {service}, and does not start it after a restart of the machine: `antctl \
             start --service-name {service}` does"
        ),
        ManagerKind::Antd => format!(
            "the ant daemon keeps {service}, and does not start it after a restart of the machine: \
             `ant node start` does"
        ),
    }
}
