//! Pairs of thresholds with a dead band between them.

use serde::{Deserialize, Deserializer, Serialize};

/// Grow only below one value, shed above another. Comparisons are strict: at exactly a threshold
/// nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    add_below: f64,
    remove_above: f64,
}

impl Band {
    /// `None` unless `add_below < remove_above`, both finite and not negative.
    pub fn new(add_below: f64, remove_above: f64) -> Option<Band> {
        let sound = add_below.is_finite() && remove_above.is_finite() && add_below >= 0.0;
        (sound && add_below < remove_above).then_some(Band { add_below, remove_above })
    }

    /// The threshold for growing.
    pub fn add_below(&self) -> f64 {
        self.add_below
    }

    /// The threshold for shedding.
    pub fn remove_above(&self) -> f64 {
        self.remove_above
    }

    /// True when `value` lets the engine grow.
    pub fn has_room(&self, value: f64) -> bool {
        value < self.add_below
    }

    /// True when `value` demands shedding.
    pub fn is_over(&self, value: f64) -> bool {
        value > self.remove_above
    }
}

impl<'de> Deserialize<'de> for Band {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Band, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            add_below: f64,
            remove_above: f64,
        }
        let raw = Raw::deserialize(deserializer)?;
        Band::new(raw.add_below, raw.remove_above).ok_or_else(|| {
            serde::de::Error::custom("band: add_below must be less than remove_above")
        })
    }
}

/// The band of a resource whose shedding removes data: the stored threshold is kept apart, because
/// a value given for one run must never destroy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskBand {
    /// In force for this run.
    pub band: Band,
    /// Removal needs more than this as well.
    pub stored_remove_above: f64,
}

/// Thresholds each of which can be off: a resource that only some machines want to be judged by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Grow only below this.
    pub add_below: Option<f64>,
    /// Shed above this.
    pub remove_above: Option<f64>,
}

impl Thresholds {
    /// `None` when both are given and growing and shedding would undo each other.
    pub fn new(add_below: Option<f64>, remove_above: Option<f64>) -> Option<Thresholds> {
        match (add_below, remove_above) {
            (Some(grow), Some(shed)) if grow >= shed => None,
            _ => Some(Thresholds { add_below, remove_above }),
        }
    }

    /// True when there is nothing to judge by.
    pub fn is_off(&self) -> bool {
        self.add_below.is_none() && self.remove_above.is_none()
    }
}

impl From<Band> for Thresholds {
    fn from(band: Band) -> Thresholds {
        let (add_below, remove_above) = (band.add_below, band.remove_above);
        Thresholds { add_below: Some(add_below), remove_above: Some(remove_above) }
    }
}
