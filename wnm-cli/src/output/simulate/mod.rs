//! Simulated machines: numbers and courses as text, JSON and pictures.

mod chart;
mod svg;

use std::fmt::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use wnm_core::model::counted;
use wnm_core::policy::PolicyDraft;
use wnm_simulate::{Found, Outcome, PRESETS, Point, Rules, Summary};

use super::json::SCHEMA;
use chart::Chart;

/// Runs of one machine, and what they were about.
#[derive(Debug)]
pub(crate) struct Simulated<'a> {
    /// The machine's name or file.
    pub(crate) machine: &'a str,
    /// What it is.
    pub(crate) about: &'a str,
    pub(crate) days: u32,
    pub(crate) seed: u64,
    /// Settings that differ from those of the machine.
    pub(crate) settings: &'a PolicyDraft,
    /// It has the size of this very machine, and its stored settings are among `settings`.
    pub(crate) is_here: bool,
    pub(crate) runs: &'a [(Rules, Outcome)],
}

/// Rows of the chart of nodes; the others have half as many.
const ROWS: usize = 8;

pub(super) fn human(of: &Simulated<'_>, width: usize) -> String {
    let mut text = format!("{}: {}\n", of.machine, of.about);
    let _ = writeln!(text, "{}, seed {}, one cycle a minute", counted(of.days, "day"), of.seed);
    for (rules, outcome) in of.runs {
        if of.runs.len() > 1 {
            let _ = writeln!(text, "\n== {}", name(*rules));
        }
        text += &course(&outcome.points, of.days, width);
    }
    text.push('\n');
    text += &numbers(of);
    text + &broken(of)
}

fn name(rules: Rules) -> &'static str {
    match rules {
        Rules::Engine => "wnm",
        Rules::Baseline => "single samples",
    }
}

fn course(points: &[Point], days: u32, width: usize) -> String {
    let chart = |title, rows, most, value: fn(&Point) -> f64| {
        let values: Vec<f64> = points.iter().map(value).collect();
        Chart { title, values: &values, most, rows, days }.draw(width)
    };
    let most_nodes = points.iter().map(|point| point.nodes).fold(1.0, f64::max);
    [
        chart("nodes running", ROWS, chart::round_up(most_nodes), |point| point.running),
        chart("CPU %", ROWS / 2, 100.0, |point| point.cpu),
        chart("memory %", ROWS / 2, 100.0, |point| point.memory),
        chart("fullest disk %", ROWS / 2, 100.0, |point| point.disk),
    ]
    .concat()
}

type Row = (&'static str, fn(&Summary) -> String);

const ROWS_OF_NUMBERS: &[Row] = &[
    ("starts, stops and removals a day", |of| one(of.churn_a_day)),
    ("  starts a day", |of| one(of.starts_a_day)),
    ("  of these after deaths and reboots", |of| one(of.heals_a_day)),
    ("  stops a day", |of| one(of.stops_a_day)),
    ("  of these for pressure: flaps", |of| one(of.flaps_a_day)),
    ("  removals a day", |of| format!("{:.2}", of.removals_a_day)),
    ("nodes running, on average", |of| one(of.mean_nodes)),
    ("  in the last quarter", |of| one(of.final_nodes)),
    ("  at most", |of| of.most_nodes.to_string()),
    ("minutes to 90 % of the final count", |of| minutes(of.minutes_to_90.map(f64::from))),
    ("minutes to 90 % after a reboot", |of| minutes(of.minutes_to_90_after_reboot)),
    ("  reboots, and how many never got there", |of| {
        format!("{}, {}", of.reboots, of.not_recovered)
    }),
    ("minutes a day above 85 % CPU", |of| one(of.busy_minutes_a_day)),
    ("identities lost to disk", |of| of.lost_to_disk.to_string()),
    ("identities lost to the cap", |of| of.lost_to_cap.to_string()),
    ("processes that died of themselves", |of| of.deaths.to_string()),
];

fn one(value: f64) -> String {
    format!("{value:.1}")
}

fn minutes(value: Option<f64>) -> String {
    value.map_or_else(|| "never".to_owned(), |value| format!("{value:.0}"))
}

fn numbers(of: &Simulated<'_>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let header = of.runs.iter().map(|(rules, _)| name(*rules));
    table.set_header(std::iter::once("").chain(header));
    for (title, value) in ROWS_OF_NUMBERS {
        let values = of.runs.iter().map(|(_, outcome)| value(&outcome.summary));
        table.add_row(std::iter::once((*title).to_owned()).chain(values));
    }
    let trimmed = table.to_string();
    trimmed.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

fn broken(of: &Simulated<'_>) -> String {
    let engine = of.runs.iter().find(|(rules, _)| *rules == Rules::Engine);
    let Some((_, outcome)) = engine else { return String::new() };
    if outcome.breaches.is_empty() {
        return "\nno promise was broken\n".to_owned();
    }
    let mut text = "\nBROKEN PROMISES\n".to_owned();
    for found in &outcome.breaches {
        let _ = writeln!(text, "  {found}");
    }
    if outcome.more_breaches > 0 {
        let _ = writeln!(text, "  and {} more", outcome.more_breaches);
    }
    let _ = writeln!(text, "again by: {}", command(of));
    text
}

/// The command that shows the same again.
pub(crate) fn command(of: &Simulated<'_>) -> String {
    let settings = of.settings.values.iter();
    let settings = settings.fold(String::new(), |text, (setting, value)| {
        text + &format!(" --set {setting}={}", shell_words::quote(value))
    });
    let machine = shell_words::quote(of.machine);
    let here = if of.is_here { " --here" } else { "" };
    let Simulated { seed, days, .. } = of;
    format!("wnm simulate --machine {machine}{here} --seed {seed} --days {days}{settings}")
}

pub(super) fn machines() -> String {
    let width = PRESETS.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    PRESETS.iter().fold(String::new(), |mut text, preset| {
        let about = preset.machine().map(|machine| machine.about).unwrap_or_default();
        let _ = writeln!(text, "{:width$}  {about}", preset.name);
        text
    })
}

pub(super) fn picture(of: &Simulated<'_>) -> String {
    svg::draw(of)
}

/// `--json`.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    schema: u32,
    machine: &'a str,
    about: &'a str,
    days: u32,
    seed: u64,
    settings: &'a PolicyDraft,
    /// The command that shows the same again.
    command: String,
    runs: Vec<RunShape<'a>>,
}

#[derive(Serialize)]
struct RunShape<'a> {
    rules: &'static str,
    summary: &'a Summary,
    /// Promises that were broken; only wnm's own rules are judged.
    breaches: &'a [Found],
    more_breaches: u32,
    course: &'a [Point],
}

pub(super) fn shape<'a>(of: &'a Simulated<'a>) -> Shape<'a> {
    let run = |(rules, outcome): &'a (Rules, Outcome)| RunShape {
        rules: match rules {
            Rules::Engine => "engine",
            Rules::Baseline => "baseline",
        },
        summary: &outcome.summary,
        breaches: &outcome.breaches,
        more_breaches: outcome.more_breaches,
        course: &outcome.points,
    };
    Shape {
        schema: SCHEMA,
        machine: of.machine,
        about: of.about,
        days: of.days,
        seed: of.seed,
        settings: of.settings,
        command: command(of),
        runs: of.runs.iter().map(run).collect(),
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::policy::Setting;
    use wnm_simulate::Breach;

    use super::*;

    fn point(minute: u32) -> Point {
        let share = f64::from(minute) / 2880.0;
        Point {
            minute,
            running: (16.0 * share).floor(),
            nodes: 16.0 * share,
            cpu: 10.0 + 60.0 * share,
            load: 30.0 * share,
            memory: 50.0 * share * share,
            disk: 20.0,
        }
    }

    fn outcome(breaches: Vec<Found>) -> Outcome {
        let summary = Summary {
            starts_a_day: 8.5,
            heals_a_day: 2.0,
            stops_a_day: 1.5,
            removals_a_day: 0.25,
            churn_a_day: 10.25,
            flaps_a_day: 1.0,
            mean_nodes: 9.31,
            final_nodes: 15.5,
            most_nodes: 16,
            minutes_to_90: Some(2400),
            reboots: 2,
            minutes_to_90_after_reboot: None,
            not_recovered: 2,
            busy_minutes_a_day: 3.5,
            lost_to_disk: 1,
            lost_to_cap: 0,
            removed_dead: 0,
            deaths: 4,
        };
        let points = (0..20).map(|place| point(place * 144)).collect();
        Outcome { summary, points, breaches, more_breaches: 0 }
    }

    fn simulated<'a>(runs: &'a [(Rules, Outcome)], settings: &'a PolicyDraft) -> Simulated<'a> {
        let about = "8 CPUs, where CPU runs out first";
        Simulated { machine: "cpu", about, days: 2, seed: 7, settings, is_here: false, runs }
    }

    #[test]
    fn a_run_as_text() {
        let settings = PolicyDraft::default();
        let runs = [(Rules::Engine, outcome(Vec::new()))];
        insta::assert_snapshot!(human(&simulated(&runs, &settings), 60), @"
        cpu: 8 CPUs, where CPU runs out first
        2 days, seed 7, one cycle a minute

        nodes running
            20

                                ▂▅█
                             ▃▆▆███
                         ▂▂▅███████
                       ▃▆██████████
                   ▂▅▅█████████████
             0   ▃▆████████████████
               0              day 2

        CPU %
           100
                             ▁▂▃▄▄▅
                     ▁▂▃▄▅▆▇███████
             0 ▃▄▅▆▇███████████████
               0              day 2

        memory %
           100

                              ▁▂▄▅▆
             0     ▁▁▁▂▃▃▄▅▆▇██████
               0              day 2

        fullest disk %
           100


             0 ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆
               0              day 2

                                                  wnm
         starts, stops and removals a day         10.2
           starts a day                           8.5
           of these after deaths and reboots      2.0
           stops a day                            1.5
           of these for pressure: flaps           1.0
           removals a day                         0.25
         nodes running, on average                9.3
           in the last quarter                    15.5
           at most                                16
         minutes to 90 % of the final count       2400
         minutes to 90 % after a reboot           never
           reboots, and how many never got there  2, 2
         minutes a day above 85 % CPU             3.5
         identities lost to disk                  1
         identities lost to the cap               0
         processes that died of themselves        4

        no promise was broken
        ");
    }

    #[test]
    fn two_rule_sets_side_by_side_and_how_to_see_it_again() {
        let settings = PolicyDraft::default().with(Setting::StartArgs, "--a b");
        let breach = Breach::NotRelieved { resource: "cpu".to_owned(), minutes: 61 };
        let ours = outcome(vec![Found { minute: 1501, breach }]);
        let runs = [(Rules::Engine, ours), (Rules::Baseline, outcome(Vec::new()))];
        let of = simulated(&runs, &settings);
        insta::assert_snapshot!(numbers(&of) + &broken(&of), @"
                                                  wnm    single samples
         starts, stops and removals a day         10.2   10.2
           starts a day                           8.5    8.5
           of these after deaths and reboots      2.0    2.0
           stops a day                            1.5    1.5
           of these for pressure: flaps           1.0    1.0
           removals a day                         0.25   0.25
         nodes running, on average                9.3    9.3
           in the last quarter                    15.5   15.5
           at most                                16     16
         minutes to 90 % of the final count       2400   2400
         minutes to 90 % after a reboot           never  never
           reboots, and how many never got there  2, 2   2, 2
         minutes a day above 85 % CPU             3.5    3.5
         identities lost to disk                  1      1
         identities lost to the cap               0      0
         processes that died of themselves        4      4

        BROKEN PROMISES
          day 2, 01:01: cpu was above its shed threshold for 61 minutes in a row while nodes could have been stopped
        again by: wnm simulate --machine cpu --seed 7 --days 2 --set start_args='--a b'
        ");
    }

    #[test]
    fn the_shape_for_scripts() {
        let settings = PolicyDraft::default().with(Setting::CpuRemove, "75");
        let breach = Breach::Flaps { day: 2, stops: 9, limit: 5 };
        let mut outcome = outcome(vec![Found { minute: 2879, breach }]);
        outcome.points.truncate(1);
        let runs = [(Rules::Engine, outcome)];
        let of = simulated(&runs, &settings);
        let text = serde_json::to_string_pretty(&shape(&of)).expect("it is plain data");
        insta::assert_snapshot!(text, @r#"
        {
          "schema": 1,
          "machine": "cpu",
          "about": "8 CPUs, where CPU runs out first",
          "days": 2,
          "seed": 7,
          "settings": {
            "cpu_remove": "75"
          },
          "command": "wnm simulate --machine cpu --seed 7 --days 2 --set cpu_remove=75",
          "runs": [
            {
              "rules": "engine",
              "summary": {
                "starts_a_day": 8.5,
                "heals_a_day": 2.0,
                "stops_a_day": 1.5,
                "removals_a_day": 0.25,
                "churn_a_day": 10.25,
                "flaps_a_day": 1.0,
                "mean_nodes": 9.31,
                "final_nodes": 15.5,
                "most_nodes": 16,
                "minutes_to_90": 2400,
                "reboots": 2,
                "minutes_to_90_after_reboot": null,
                "not_recovered": 2,
                "busy_minutes_a_day": 3.5,
                "lost_to_disk": 1,
                "lost_to_cap": 0,
                "removed_dead": 0,
                "deaths": 4
              },
              "breaches": [
                {
                  "minute": 2879,
                  "breach": "flaps",
                  "day": 2,
                  "stops": 9,
                  "limit": 5
                }
              ],
              "more_breaches": 0,
              "course": [
                {
                  "minute": 0,
                  "running": 0.0,
                  "nodes": 0.0,
                  "cpu": 10.0,
                  "load": 0.0,
                  "memory": 0.0,
                  "disk": 20.0
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn the_picture_holds_every_line_and_its_name() {
        let settings = PolicyDraft::default();
        let runs = [(Rules::Engine, outcome(Vec::new()))];
        let text = picture(&simulated(&runs, &settings));
        assert_eq!(text.matches("<polyline").count(), 6, "{text}");
        for word in ["CPU", "load", "memory", "disk", "running", "with data", "day"] {
            assert!(text.contains(word), "{word} is named in {text}");
        }
    }

    #[test]
    fn every_machine_is_listed() {
        assert_eq!(machines().lines().count(), PRESETS.len());
    }
}
