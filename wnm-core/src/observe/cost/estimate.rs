//! A mean that forgets, and how far samples lie from it.

use serde::{Deserialize, Serialize};

/// What is known of a quantity from samples of which the older count less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What to expect; never outside of the samples seen.
    pub mean: f64,
    /// How far from it what is seen usually lies.
    pub spread: f64,
    /// Seconds of observation that count.
    pub weight_s: f64,
}

/// What one look says of a quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// The mean over the nodes that were seen.
    pub(super) mean: f64,
    /// How wrong that mean may be, because so few nodes were seen.
    pub(super) error: f64,
    /// Seconds it stands for.
    pub(super) span_s: f64,
}

/// How slowly an estimate forgets, and what is no outlier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habit {
    /// Seconds of observation after which a sample counts a third.
    pub(super) fade_s: f64,
    /// A sample this near to the mean is believed as it is.
    pub(super) usual: f64,
}

/// Nothing on a machine that nodes run on is larger.
const LARGEST: f64 = 1e18;
/// One node alone says little about the next: its number may be wrong by so much of itself.
const ERROR_OF_ONE: f64 = 0.25;

impl Sample {
    /// Over `values`, one a node, in whatever order. `None` without any, and when one of them cannot
    /// be: a look that contradicts itself says nothing.
    pub(super) fn over(mut values: Vec<f64>, span_s: f64) -> Option<Sample> {
        let possible = |value: &f64| (0.0..=LARGEST).contains(value);
        if values.is_empty() || !span_s.is_finite() || span_s <= 0.0 || !values.iter().all(possible)
        {
            return None;
        }
        // Sums of floating-point numbers depend on their order.
        values.sort_by(f64::total_cmp);
        let (least, most) = (values[0], values[values.len() - 1]);
        let count = values.len() as f64;
        let mean = (values.iter().sum::<f64>() / count).clamp(least, most);
        let error = match values.len() {
            1 => mean * ERROR_OF_ONE,
            _ => {
                let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
                (squares / (count - 1.0) / count).sqrt()
            }
        };
        Some(Sample { mean, error, span_s })
    }
}

impl Estimate {
    /// What a careful planner reckons with.
    pub fn careful(&self) -> f64 {
        self.mean + self.spread
    }

    /// The same quantity in another unit, `factor` of which make one of this.
    #[must_use]
    pub fn times(self, factor: f64) -> Estimate {
        Estimate { mean: self.mean * factor, spread: self.spread * factor, ..self }
    }

    /// `before` with one more look. An outlier counts only as far as the usual reaches: a single
    /// strange minute moves little, and what lasts is believed in the end.
    pub(super) fn with(
        before: Option<Estimate>,
        sample: Option<Sample>,
        habit: Habit,
    ) -> Option<Estimate> {
        let before = before.filter(Estimate::is_sound);
        let Some(sample) = sample else { return before };
        let Some(before) = before else {
            let Sample { mean, error, span_s } = sample;
            return Some(Estimate { mean, spread: error, weight_s: span_s.min(habit.fade_s) });
        };
        let reach = (4.0 * before.spread).max(before.mean).max(habit.usual);
        let (low, high) = ((before.mean - reach).max(0.0), before.mean + reach);
        let seen = sample.mean.clamp(low, high);
        let weight_s = (before.weight_s + sample.span_s).min(habit.fade_s);
        let share = (sample.span_s / weight_s).clamp(0.0, 1.0);
        let step = seen - before.mean;
        let moved = before.mean + share * step;
        let around = (1.0 - share) * (before.spread.powi(2) + share * step.powi(2));
        let variance = around + share * sample.error.powi(2);
        Some(Estimate {
            mean: moved.clamp(before.mean.min(seen), before.mean.max(seen)),
            spread: variance.sqrt(),
            weight_s,
        })
    }

    /// What was read from a store may be anything.
    pub(super) fn is_sound(&self) -> bool {
        let possible = |value: f64| (0.0..=LARGEST).contains(&value);
        possible(self.mean) && possible(self.spread) && possible(self.weight_s)
    }
}
