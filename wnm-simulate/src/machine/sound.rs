//! What a machine file must keep to.

use wnm_core::policy::Setting;

use super::Machine;

/// Everything wrong with it, each with its key, its value and the rule.
pub(super) fn problems(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value, rule) in numbers(machine) {
        if !rule.holds(value) {
            found.push(format!("{key} is {value}: {}", rule.text()));
        }
    }
    if machine.disk.is_empty() {
        found.push("there is no disk: add a [[disk]] with size_gb".to_owned());
    }
    for (place, disk) in (1..).zip(&machine.disk) {
        if disk.foreign_gb > disk.size_gb {
            let (foreign, size) = (disk.foreign_gb, disk.size_gb);
            found.push(format!("disk {place}: foreign_gb {foreign} is more than size_gb {size}"));
        }
    }
    let changed = machine.change.iter().map(|change| &change.setting);
    for key in machine.settings.keys().chain(changed) {
        found.extend(key.parse::<Setting>().err().map(|error| error.to_string()));
    }
    found
}

#[derive(Clone, Copy)]
enum Rule {
    Positive,
    NotNegative,
    Share,
    Hour,
    Any,
}

impl Rule {
    fn holds(self, value: f64) -> bool {
        const MOST: f64 = 1e9;
        match self {
            Rule::Positive => value > 0.0 && value < MOST,
            Rule::NotNegative => (0.0..MOST).contains(&value),
            Rule::Share => (0.0..=1.0).contains(&value),
            Rule::Hour => (0.0..=24.0).contains(&value),
            Rule::Any => value.abs() < MOST,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Rule::Positive => "give a number above 0",
            Rule::NotNegative => "give 0 or a number above it",
            Rule::Share => "give a share from 0 to 1",
            Rule::Hour => "give an hour from 0 to 24",
            Rule::Any => "give a number",
        }
    }
}

fn numbers(machine: &Machine) -> Vec<(String, f64, Rule)> {
    use Rule::{Any, Hour, NotNegative, Positive, Share};
    let Machine { node, foreign, trouble, noise, .. } = machine;
    let mut all = vec![
        ("cpus", f64::from(machine.cpus), Positive),
        ("memory_gb", machine.memory_gb, Positive),
        ("node.cpu", node.cpu, NotNegative),
        ("node.cpu_spread", node.cpu_spread, Share),
        ("node.cpu_noise", node.cpu_noise, Share),
        ("node.surge_cpu", node.surge_cpu, NotNegative),
        ("node.surge_minutes", node.surge_minutes, Positive),
        ("node.load", node.load, NotNegative),
        ("node.memory_start_mb", node.memory_start_mb, NotNegative),
        ("node.memory_mb", node.memory_mb, NotNegative),
        ("node.memory_hours", node.memory_hours, Positive),
        ("node.memory_spread", node.memory_spread, Share),
        ("node.disk_gb_a_day", node.disk_gb_a_day, NotNegative),
        ("node.disk_gb", node.disk_gb, Positive),
        ("node.disk_spread", node.disk_spread, Share),
        ("foreign.cpu", foreign.cpu, NotNegative),
        ("foreign.daily_cpu", foreign.daily_cpu, NotNegative),
        ("foreign.busiest_hour", foreign.busiest_hour, Hour),
        ("foreign.memory_gb", foreign.memory_gb, NotNegative),
        ("foreign.daily_memory_gb", foreign.daily_memory_gb, NotNegative),
        ("foreign.bursts_a_day", foreign.bursts_a_day, NotNegative),
        ("foreign.burst_cpu", foreign.burst_cpu, NotNegative),
        ("foreign.burst_memory_gb", foreign.burst_memory_gb, NotNegative),
        ("foreign.burst_minutes", foreign.burst_minutes, Positive),
        ("foreign.noise", foreign.noise, Share),
        ("trouble.reboot_days", trouble.reboot_days, NotNegative),
        ("trouble.release_days", trouble.release_days, NotNegative),
        ("trouble.release_hours", trouble.release_hours, NotNegative),
        ("trouble.death_days", trouble.death_days, NotNegative),
        ("trouble.stays_down", trouble.stays_down, Share),
        ("trouble.dying_minutes", trouble.dying_minutes, NotNegative),
        ("trouble.unreadable_a_day", trouble.unreadable_a_day, NotNegative),
        ("trouble.missed_a_day", trouble.missed_a_day, NotNegative),
        ("trouble.failing_actions", trouble.failing_actions, Share),
        ("noise.second_cpu", noise.second_cpu, NotNegative),
        ("noise.memory_gb", noise.memory_gb, NotNegative),
        ("noise.cycle_s", noise.cycle_s, NotNegative),
    ];
    for disk in &machine.disk {
        all.push(("disk.size_gb", disk.size_gb, Positive));
        all.push(("disk.foreign_gb", disk.foreign_gb, NotNegative));
        all.push(("disk.foreign_gb_a_day", disk.foreign_gb_a_day, Any));
    }
    for step in &machine.step {
        all.push(("step.day", step.day, NotNegative));
        all.push(("step.hours", step.hours, NotNegative));
        all.push(("step.cpu", step.cpu, NotNegative));
        all.push(("step.memory_gb", step.memory_gb, NotNegative));
        all.push(("step.disk_gb", step.disk_gb, NotNegative));
    }
    all.extend(machine.change.iter().map(|change| ("change.day", change.day, NotNegative)));
    all.into_iter().map(|(key, value, rule)| (key.to_owned(), value, rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Machine;

    #[test]
    fn all_problems_at_once() {
        let text = "cpus = 0\nmemory_gb = -1\n[[disk]]\nsize_gb = 10\nforeign_gb = 20\n[node]\n\
                    cpu_noise = 3\n[settings]\nnode_cpa = 5\n[foreign]\nbusiest_hour = 25\n";
        let problems = Machine::parse(text).expect_err("nothing is right").join("\n");
        insta::assert_snapshot!(problems, @"
        cpus is 0: give a number above 0
        memory_gb is -1: give a number above 0
        node.cpu_noise is 3: give a share from 0 to 1
        foreign.busiest_hour is 25: give an hour from 0 to 24
        disk 1: foreign_gb 20 is more than size_gb 10
        there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all
        ");
    }

    #[test]
    fn a_key_that_is_none_is_shown_where_it_stands() {
        let text = "cpus = 4\nmemory_gb = 8\nmemroy_gb = 8\n[[disk]]\nsize_gb = 10\n";
        let problems = Machine::parse(text).expect_err("a slip").join("\n");
        insta::assert_snapshot!(problems, @"
        TOML parse error at line 3, column 1
            |
          3 | memroy_gb = 8
            | ^^^^^^^^^
          unknown field `memroy_gb`, expected one of `about`, `cpus`, `memory_gb`, `disk`, `node`, `foreign`, `trouble`, `noise`, `step`, `change`, `settings`
        ");
    }
}
