//! Numbers with their units, and what they are compared with.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::Resource;
use crate::model::{Bytes, Percent};
use crate::policy::Setting;

/// A number that knows its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "unit", content = "value")]
pub enum Quantity {
    /// How many.
    Count(u32),
    /// How long.
    Seconds(u64),
    /// A share.
    Percent(f64),
    /// A load average.
    Load(f64),
    /// A size.
    Bytes(u64),
    /// Bytes a second.
    Rate(f64),
}

impl Quantity {
    /// A measurement of `resource`.
    pub fn of(resource: &Resource, value: f64) -> Quantity {
        match resource {
            Resource::Load => Quantity::Load(value),
            Resource::DiskRead | Resource::DiskWrite | Resource::NetRead | Resource::NetWrite => {
                Quantity::Rate(value)
            }
            Resource::Cpu
            | Resource::Memory
            | Resource::Disk(_)
            | Resource::Inodes(_)
            | Resource::StallCpu
            | Resource::StallMemory
            | Resource::StallIo => Quantity::Percent(value),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Count(count) => write!(f, "{count}"),
            // Long times are read in larger units, short ones are counted down.
            Quantity::Seconds(seconds @ 0..7200) => write!(f, "{seconds} s"),
            Quantity::Seconds(seconds @ 7200..172_800) => {
                write!(f, "{:.1} h", *seconds as f64 / 3600.0)
            }
            Quantity::Seconds(seconds) => write!(f, "{:.1} days", *seconds as f64 / 86_400.0),
            Quantity::Percent(percent) => write!(f, "{}", Percent(*percent)),
            Quantity::Load(load) => write!(f, "{load:.2}"),
            Quantity::Bytes(bytes) => write!(f, "{}", Bytes(*bytes)),
            Quantity::Rate(rate) => write!(f, "{}/s", Bytes(*rate as u64)),
        }
    }
}

/// Something a rule looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What, for people.
    pub what: String,
    /// What it was; `None` when it could not be had. Seconds are an age.
    pub value: Option<Quantity>,
}

impl Input {
    pub(super) fn new(what: impl Into<String>, value: Quantity) -> Input {
        Input { what: what.into(), value: Some(value) }
    }

    pub(super) fn count(what: impl Into<String>, count: usize) -> Input {
        Input::new(what, Quantity::Count(count as u32))
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Input { what, value } = self;
        match value {
            Some(Quantity::Count(count)) => write!(f, "{count} {what}"),
            Some(age @ Quantity::Seconds(_)) => write!(f, "{what} {age} ago"),
            Some(value) => write!(f, "{what} {value}"),
            None => write!(f, "{what} not measured"),
        }
    }
}

/// Something an input is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What being on its far side means, for people, such as `sheds above`.
    pub what: String,
    /// Its value; `None` when it is off or the engine's own judgement.
    pub value: Option<Quantity>,
    /// The setting it comes from; `None` when it is fixed or computed.
    pub setting: Option<Setting>,
}

impl Threshold {
    pub(super) fn new(
        what: impl Into<String>,
        value: Option<Quantity>,
        setting: impl Into<Option<Setting>>,
    ) -> Threshold {
        Threshold { what: what.into(), value, setting: setting.into() }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{} {value}", self.what)?,
            None => write!(f, "{}", self.what)?,
        }
        match self.setting {
            Some(setting) => write!(f, " ({setting})"),
            None => Ok(()),
        }
    }
}

/// How long a state has lasted, against how long it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Seconds so far; `None` while it has not begun.
    pub held_s: Option<u64>,
    /// Seconds it has to last.
    pub needs_s: u64,
    /// The setting that says so.
    pub setting: Setting,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs = Quantity::Seconds(self.needs_s);
        match self.held_s {
            Some(held) => write!(f, "for {} of {needs}", Quantity::Seconds(held))?,
            None => write!(f, "for at least {needs}")?,
        }
        write!(f, " ({})", self.setting)
    }
}
