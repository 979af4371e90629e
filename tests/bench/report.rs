//! The table, or one JSON object a line.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::args::Args;
use crate::measure::{self, Measured};

pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Report {
        let report = Report { json: args.json };
        let machine = machine();
        match report.json {
            true => println!("{}", json!({ "machine": machine, "rounds": args.rounds })),
            false => {
                println!("{machine}; medians of {} rounds", args.rounds);
                println!(
                    "{:<32} {:>9} {:>8} {:>9} {:>8} {:>9} {:>8} {:>6} {:>9} {:>8}",
                    "work",
                    "wall ms",
                    "best",
                    "cpu ms",
                    "MB",
                    "written",
                    "calls",
                    "syncs",
                    "floor ms",
                    "x floor"
                );
            }
        }
        report.python(args);
        report
    }

    pub(crate) fn line(&self, work: &str, ours: &Measured, floor: Option<&Measured>) {
        let ratio = floor.map(|floor| ours.best_us as f64 / floor.best_us.max(1) as f64);
        if self.json {
            let line = json!({
                "work": work,
                "wall_us": ours.wall_us,
                "best_us": ours.best_us,
                "cpu_us": ours.cpu_us,
                "peak_kb": ours.peak_kb,
                "written": ours.written,
                "calls": ours.calls,
                "syncs": ours.syncs,
                "floor_us": floor.map(|floor| floor.wall_us),
                "floor_best_us": floor.map(|floor| floor.best_us),
                "floor_cpu_us": floor.map(|floor| floor.cpu_us),
                "of_floor": ratio,
            });
            println!("{line}");
            return;
        }
        let ms = |us: u64| us as f64 / 1000.0;
        println!(
            "{work:<32} {:>9.1} {:>8.1} {:>9.1} {:>8.1} {:>9} {:>8} {:>6} {:>9} {:>8}",
            ms(ours.wall_us),
            ms(ours.best_us),
            ms(ours.cpu_us),
            ours.peak_kb as f64 / 1000.0,
            size(ours.written),
            ours.calls,
            ours.syncs,
            floor.map_or(String::new(), |floor| format!("{:.1}", ms(floor.best_us))),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
        );
    }

    /// A fact that is no run of a program.
    pub(crate) fn fact(&self, what: &str, value: &str) {
        match self.json {
            true => println!("{}", json!({ "fact": what, "value": value })),
            false => println!("{what}: {value}"),
        }
    }

    /// The Python wnm, on what needs no world of its own.
    fn python(&self, args: &Args) {
        let Some(python) = &args.python else {
            return self.fact("python wnm", "not given (--python PROGRAM), so no ratios");
        };
        let bench = std::env::current_exe().unwrap_or_default();
        let runs = (0..args.rounds).map(|_| {
            measure::run(Command::new(&bench).arg("measure").arg(python).arg("--version"))
        });
        match runs.map(|run| run.map(|(_, measured)| measured)).collect::<Result<Vec<_>, _>>() {
            Ok(runs) => self.line("python wnm --version", &crate::median(runs), None),
            Err(why) => self.fact("python wnm", &why),
        }
    }

    pub(crate) fn end(&self) {
        self.fact("load average now", &read("/proc/loadavg"));
    }
}

fn machine() -> String {
    let cpuinfo = read("/proc/cpuinfo");
    let models =
        cpuinfo.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let models: Vec<&str> = models.map(|(_, model)| model).collect();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{} x {}, Linux {kernel}, load average {load}",
        models.len(),
        models.first().unwrap_or(&"unknown CPU"),
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
