//! The course of a run as a picture: plain SVG without scripts or fonts of its own.

use std::fmt::Write;

use wnm_simulate::{Outcome, Point};

use super::chart::round_up;
use super::{Simulated, command, name};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 20.0;
const PANEL: f64 = 190.0;
const GAP: f64 = 62.0;
const TOP: f64 = 64.0;

/// One curve: its name, colour and value.
struct Line {
    name: &'static str,
    colour: &'static str,
    value: fn(&Point) -> f64,
}

const NODES: [Line; 2] = [
    Line { name: "with data", colour: "#b8c4d4", value: |point| point.nodes },
    Line { name: "running", colour: "#1f5fa8", value: |point| point.running },
];
const RESOURCES: [Line; 4] = [
    Line { name: "fullest disk", colour: "#8a8f98", value: |point| point.disk },
    Line { name: "memory", colour: "#2f8f5b", value: |point| point.memory },
    Line { name: "load of one minute for each CPU", colour: "#e3b23c", value: |point| point.load },
    Line { name: "CPU", colour: "#c2412d", value: |point| point.cpu },
];

pub(super) fn draw(of: &Simulated<'_>) -> String {
    let panels = of.runs.len() * 2;
    let height = TOP + panels as f64 * (PANEL + GAP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"#333\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let about = escaped(&format!("{}: {}", of.machine, of.about));
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{about}</text>");
    let again = escaped(&command(of));
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"42\" fill=\"#777\">{again}</text>");
    let mut top = TOP + 24.0;
    for (rules, outcome) in of.runs {
        let points = &outcome.points;
        let most = points.iter().map(|point| point.nodes).fold(1.0, f64::max);
        let title = format!("nodes, {}", name(*rules));
        text += &panel(&title, &NODES, points, round_up(most), of.days, top);
        top += PANEL + GAP;
        let title = format!("percent of the machine, {}", name(*rules));
        text += &panel(&title, &RESOURCES, points, percent_scale(outcome), of.days, top);
        top += PANEL + GAP;
    }
    text + "</svg>\n"
}

/// Only the load can be above 100 %.
fn percent_scale(outcome: &Outcome) -> f64 {
    let most = outcome.points.iter().map(|point| point.load).fold(100.0, f64::max);
    round_up(most).min(200.0)
}

fn panel(title: &str, lines: &[Line], points: &[Point], most: f64, days: u32, top: f64) -> String {
    let mut text = String::new();
    let bottom = top + PANEL;
    let right = WIDTH - RIGHT;
    for quarter in 0..=4 {
        let y = bottom - PANEL * f64::from(quarter) / 4.0;
        let value = most * f64::from(quarter) / 4.0;
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e6e6e6\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#777\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(value),
        );
    }
    text += &days_below(days, bottom);
    for line in lines {
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>",
            line.colour,
            path(line, points, most, days, bottom),
        );
    }
    text + &legend(title, lines, top)
}

fn path(line: &Line, points: &[Point], most: f64, days: u32, bottom: f64) -> String {
    points.iter().fold(String::new(), |mut text, point| {
        let x = place(f64::from(point.minute) / 1440.0, days);
        let y = bottom - PANEL * ((line.value)(point) / most).clamp(0.0, 1.0);
        let _ = write!(text, "{x:.1},{y:.1} ");
        text
    })
}

fn place(day: f64, days: u32) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * day / f64::from(days.max(1))
}

fn days_below(days: u32, bottom: f64) -> String {
    let step = (days / 10).max(1);
    let mut text = String::new();
    for day in (0..=days).step_by(step as usize) {
        let x = place(f64::from(day), days);
        let word = if day == 0 { "day 0".to_owned() } else { day.to_string() };
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#999\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#777\">{word}</text>",
            bottom + 4.0,
            bottom + 18.0,
        );
    }
    text
}

/// The title, then a mark and a name for each line, above the panel.
fn legend(title: &str, lines: &[Line], top: f64) -> String {
    let y = top - 10.0;
    let title = escaped(title);
    let mut text = format!("<text x=\"{LEFT}\" y=\"{y}\" font-weight=\"bold\">{title}</text>\n");
    let mut x = WIDTH - RIGHT;
    for line in lines {
        x -= 36.0 + 6.8 * line.name.len() as f64;
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{y}\">{}</text>",
            y - 6.0,
            line.colour,
            x + 19.0,
            line.name,
        );
    }
    text
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
