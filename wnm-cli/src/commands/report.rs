//! `wnm report`: the store only; no lock, no sampling.

use wnm_core::host::{Clock, Intents};
use wnm_core::policy::Setting;
use wnm_metrics::SystemClock;

use super::{Context, status};
use crate::args::{ReportArgs, ReportName, StatusArgs};
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::report::{self, Format, Seen};
use crate::output::{self, ConfigRow};

pub(super) fn run(context: &Context<'_>, args: &ReportArgs) -> Result<Exit, CliError> {
    let format = match (args.format, context.json) {
        (Some(format), _) => format,
        (None, true) => Format::Json,
        (None, false) => Format::Text,
    };
    let of_machine = matches!(args.report, ReportName::MachineConfig | ReportName::MachineMetrics);
    if of_machine && !args.nodes.is_empty() {
        return Err(CliError::usage("a report of the machine is not about nodes")
            .hint("leave out the names of nodes"));
    }
    let (store, mut ledger) = open(&context.paths, Access::Read)?;
    let only = status::known(&StatusArgs { nodes: args.nodes.clone() }, &ledger)?;
    status::keep_only(&mut ledger, &only);
    let last = store.last_seen()?;
    let seen = Seen { ledger: &ledger, last: last.as_ref(), now: SystemClock.now()?.wall };
    let text = match args.report {
        ReportName::NodeStatus => report::status(&seen, format),
        ReportName::NodeStatusDetails => report::details(&seen, format),
        ReportName::InfluxResources => report::influx(&seen),
        ReportName::MachineMetrics => {
            let last = last.as_ref().ok_or_else(|| {
                CliError::new(Exit::Failed, "no cycle has run yet: nothing was measured")
                    .hint("`wnm survey` measures without doing anything")
            })?;
            report::metrics(&seen, last, format)
        }
        ReportName::MachineConfig => {
            let rows: Vec<ConfigRow> = Setting::ALL
                .iter()
                .map(|setting| {
                    let (value, source) = context.layers.provenance(&ledger.draft, *setting);
                    ConfigRow { setting: *setting, value, source }
                })
                .collect();
            let cpus = ledger.samples.last().map(|sample| sample.cpus);
            let cpus = cpus.or(last.as_ref().map(|last| last.snapshot.machine.cpus));
            report::config(&rows, &context.paths.store, cpus, format)
        }
    };
    output::print(text.trim_end());
    Ok(Exit::Done)
}
