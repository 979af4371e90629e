//! What a setting does at the moment: its value against what the last cycle saw.

use wnm_core::host::LastSeen;
use wnm_core::model::{Bytes, counted};
use wnm_core::observe::MachineView;
use wnm_core::policy::{Number, Setting};

/// In words; nothing for settings that are no thresholds, and for what was not measured.
pub(crate) fn effect_now(setting: Setting, value: &str, last: &LastSeen) -> Option<String> {
    let machine = &last.snapshot.machine;
    if setting == Setting::NodeCap {
        return cap(value.parse().ok()?, last.snapshot.counting().count());
    }
    let (measured, unit) = measured(setting, machine)?;
    let threshold = match setting.number(value) {
        Some(Number::Plain(number)) => number,
        Some(Number::Size(bytes)) => bytes.0 as f64,
        // A load that follows the CPUs.
        None if setting == Setting::DesiredLoadAverage => f64::from(machine.cpus) * 0.6,
        None if setting == Setting::MaxLoadAverageAllowed => f64::from(machine.cpus),
        _ => return None,
    };
    let shown = unit.show(measured);
    let is_off = threshold == 0.0 && matches!(unit, Unit::Rate | Unit::Stall);
    let grows = setting.key().ends_with("_less_than") || setting == Setting::DesiredLoadAverage;
    Some(match (is_off, grows) {
        (true, _) => format!("{shown}, which is not judged"),
        (_, true) if measured < threshold => {
            format!("{shown}, below it: does not hold back growth")
        }
        (_, true) => format!("{shown}, not below it: nothing grows"),
        _ if setting == Setting::CrisisBytes && measured < threshold => {
            format!("{shown} free, below it: nodes are removed")
        }
        _ if setting == Setting::CrisisBytes => format!("{shown} free, not below it: no crisis"),
        _ if measured > threshold => format!("{shown}, above it: nodes are shed if it lasts"),
        _ => format!("{shown}, not above it: nothing is shed"),
    })
}

fn cap(cap: usize, nodes: usize) -> Option<String> {
    let there = counted(u32::try_from(nodes).ok()?, "node");
    Some(match (nodes.checked_sub(cap), cap.checked_sub(nodes)) {
        (Some(0), _) | (None, None) => format!("{there}: it is reached"),
        (Some(surplus), _) => format!("{there}: {surplus} too many"),
        (None, Some(room)) => format!("{there}: room for {room} more"),
    })
}

enum Unit {
    Percent,
    Load,
    Rate,
    Stall,
    Size,
}

impl Unit {
    fn show(&self, value: f64) -> String {
        match self {
            Unit::Percent | Unit::Stall => format!("{value:.1} %"),
            Unit::Load => format!("{value:.2}"),
            Unit::Rate => format!("{}/s", Bytes(value as u64)),
            Unit::Size => Bytes(value as u64).to_string(),
        }
    }
}

/// What the setting is compared with; of several, the one that decides.
fn measured(setting: Setting, machine: &MachineView) -> Option<(f64, Unit)> {
    use Setting as S;
    let load = machine.load.as_ref();
    let stall = machine.stall.as_ref();
    Some(match setting {
        S::CpuLessThan | S::CpuRemove | S::UrgentCpu => (machine.cpu?.0, Unit::Percent),
        S::MemLessThan | S::MemRemove => {
            let memory = machine.memory?;
            let used = memory.total.0.saturating_sub(memory.available.0);
            (wnm_core::model::Percent::of(used, memory.total.0)?.0, Unit::Percent)
        }
        S::HdLessThan | S::HdRemove => {
            let systems = machine.file_systems.values();
            (systems.map(|system| system.used.0).reduce(f64::max)?, Unit::Percent)
        }
        S::CrisisBytes => {
            let systems = machine.file_systems.values();
            (systems.map(|system| system.free.0).min()? as f64, Unit::Size)
        }
        S::DesiredLoadAverage => (load.map(|it| it.one.max(it.five).max(it.fifteen))?, Unit::Load),
        S::MaxLoadAverageAllowed => (load.map(|it| it.one.min(it.five))?, Unit::Load),
        S::HdioReadLessThan | S::HdioReadRemove => (machine.disk?.read, Unit::Rate),
        S::HdioWriteLessThan | S::HdioWriteRemove => (machine.disk?.written, Unit::Rate),
        S::NetioReadLessThan | S::NetioReadRemove => (machine.network?.read, Unit::Rate),
        S::NetioWriteLessThan | S::NetioWriteRemove => (machine.network?.written, Unit::Rate),
        S::PsiCpuLessThan | S::PsiCpuRemove => (stall?.cpu?, Unit::Stall),
        S::PsiMemoryLessThan | S::PsiMemoryRemove => (stall?.memory?, Unit::Stall),
        S::PsiIoLessThan | S::PsiIoRemove => (stall?.io?, Unit::Stall),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use wnm_core::model::{LoadAverage, Percent};
    use wnm_core::observe::IoRate;

    use super::super::sample;
    use super::*;

    #[test]
    fn a_threshold_against_what_was_measured() {
        let (_, mut last) = sample::nodes(2);
        let machine = &mut last.snapshot.machine;
        machine.cpu = Some(Percent(55.0));
        machine.load = Some(LoadAverage { one: 5.0, five: 3.0, fifteen: 1.0 });
        machine.disk = Some(IoRate { read: 2e6, written: 0.0 });
        machine.network = None;
        let said = |setting, value| effect_now(setting, value, &last).unwrap_or_default();
        let table = [
            (Setting::CpuLessThan, "50", "55.0 %, not below it: nothing grows"),
            (Setting::CpuLessThan, "60", "55.0 %, below it: does not hold back growth"),
            (Setting::CpuRemove, "50", "55.0 %, above it: nodes are shed if it lasts"),
            (Setting::CpuRemove, "70", "55.0 %, not above it: nothing is shed"),
            (Setting::DesiredLoadAverage, "auto", "5.00, not below it: nothing grows"),
            (Setting::MaxLoadAverageAllowed, "auto", "3.00, not above it: nothing is shed"),
            (Setting::HdioReadRemove, "0", "2.0 MB/s, which is not judged"),
            (Setting::HdioReadRemove, "1MB", "2.0 MB/s, above it: nodes are shed if it lasts"),
            (Setting::NetioReadRemove, "1MB", ""),
            (Setting::NodeCap, "1", "2 nodes: 1 too many"),
            (Setting::NodeCap, "2", "2 nodes: it is reached"),
            (Setting::NodeCap, "7", "2 nodes: room for 5 more"),
            (Setting::DelayStart, "300", ""),
            (Setting::CpuRemove, "soon", ""),
        ];
        for (setting, value, expected) in table {
            assert_eq!(said(setting, value), expected, "{setting} {value}");
        }
    }
}
