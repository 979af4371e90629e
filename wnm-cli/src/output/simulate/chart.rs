//! Graphs of block characters.

use std::fmt::Write;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Room for the scale at the left.
const MARGIN: usize = 6;
const NARROWEST: usize = 20;

/// One curve over the days of a run.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// At equal distances of time.
    pub(super) values: &'a [f64],
    /// The top of the scale; the bottom is 0.
    pub(super) most: f64,
    pub(super) rows: usize,
    pub(super) days: u32,
}

impl Chart<'_> {
    pub(super) fn draw(&self, width: usize) -> String {
        let columns = self.columns(width.saturating_sub(MARGIN + 1).max(NARROWEST));
        let mut text = format!("\n{}\n", self.title);
        for row in (0..self.rows).rev() {
            let scale = match row {
                _ if row + 1 == self.rows => format!("{:.0}", self.most),
                0 => "0".to_owned(),
                _ => String::new(),
            };
            let cells: String = columns.iter().map(|value| self.cell(*value, row)).collect();
            let _ = writeln!(text, "{}", format!("{scale:>MARGIN$} {cells}").trim_end());
        }
        let _ = writeln!(text, "{}", self.days_below(columns.len()));
        text
    }

    /// One value for each column: the mean of what falls into it.
    fn columns(&self, wanted: usize) -> Vec<f64> {
        let count = wanted.min(self.values.len().max(1));
        let bounds = |column: usize| column * self.values.len() / count;
        (0..count)
            .map(|column| {
                let part = &self.values[bounds(column)..bounds(column + 1)];
                part.iter().sum::<f64>() / part.len().max(1) as f64
            })
            .collect()
    }

    /// What a column shows in a row, counted from below.
    fn cell(&self, value: f64, row: usize) -> char {
        let eighths = (value / self.most * (self.rows * 8) as f64).round().max(0.0) as usize;
        BLOCKS[eighths.saturating_sub(row * 8).min(8)]
    }

    fn days_below(&self, columns: usize) -> String {
        let end = format!("day {}", self.days);
        let gap = columns.saturating_sub(1 + end.len());
        format!("{:MARGIN$} 0{:gap$}{end}", "", "")
    }
}

/// The next number that makes a good scale: 1, 2 or 5 times a power of ten, or a multiple of ten.
pub(super) fn round_up(value: f64) -> f64 {
    let mut power = 1.0;
    while power * 10.0 < value {
        power *= 10.0;
    }
    let steps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn scales_are_round() {
        for (value, top) in [(0.2, 1.0), (1.0, 1.0), (7.0, 8.0), (16.0, 20.0), (531.0, 600.0)] {
            assert_eq!(round_up(value), top);
        }
    }
}
