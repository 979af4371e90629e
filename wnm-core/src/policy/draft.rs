//! Settings as typed, and what can be wrong with them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Setting;

/// Settings as texts, from one source. What is absent has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyDraft {
    /// The text of each setting that this source gives.
    pub values: BTreeMap<Setting, String>,
}

impl PolicyDraft {
    /// With one more value.
    #[must_use]
    pub fn with(mut self, setting: Setting, text: impl Into<String>) -> PolicyDraft {
        self.values.insert(setting, text.into());
        self
    }

    /// The text of `setting`, or its default.
    pub fn text(&self, setting: Setting) -> &str {
        self.values.get(&setting).map_or(setting.default_text(), String::as_str)
    }

    /// `self` with the values of `above` laid over it.
    #[must_use]
    pub fn under(&self, above: &PolicyDraft) -> PolicyDraft {
        let mut values = self.values.clone();
        values.extend(above.values.iter().map(|(setting, text)| (*setting, text.clone())));
        PolicyDraft { values }
    }
}

/// What a cycle was told, as typed: parsing these gives its policy again, and with another value
/// the policy that it would have had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drafts {
    /// The settings that were stored.
    pub stored: PolicyDraft,
    /// What lay over them for that run.
    pub overrides: PolicyDraft,
}

impl Drafts {
    /// As if `changes` had been stored, and nothing laid over them.
    #[must_use]
    pub fn changed(&self, changes: &PolicyDraft) -> Drafts {
        let mut overrides = self.overrides.clone();
        overrides.values.retain(|setting, _| !changes.values.contains_key(setting));
        Drafts { stored: self.stored.under(changes), overrides }
    }
}

/// One thing wrong with a draft. All are reported at once.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyError {
    /// A value that is not of its kind, or out of range.
    Value {
        /// Which.
        setting: Setting,
        /// What was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// A grow threshold that is not below its shed threshold: they would fight each other.
    Inverted {
        /// The grow threshold.
        grow: (Setting, String),
        /// The shed threshold.
        shed: (Setting, String),
    },
    /// A setting without a default that was not given.
    Missing {
        /// Which.
        setting: Setting,
    },
    /// Two port ranges that run into each other.
    PortsOverlap {
        /// The one.
        one: &'static str,
        /// The other.
        other: &'static str,
        /// How many ids were considered.
        cap: u32,
    },
}

impl PolicyError {
    /// The settings whose values are wrong.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            PolicyError::Value { setting, .. } => vec![*setting],
            PolicyError::Inverted { grow, shed } => vec![grow.0, shed.0],
            PolicyError::Missing { .. } | PolicyError::PortsOverlap { .. } => Vec::new(),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A rule that names the value already would only say it twice.
            PolicyError::Value { setting, value, rule } if rule.contains(&format!("`{value}`")) => {
                write!(f, "{setting}: {rule}")
            }
            PolicyError::Value { setting, value, rule } => {
                write!(f, "{setting} is `{value}`: {rule}")
            }
            PolicyError::Inverted { grow: (grow, low), shed: (shed, high) } => write!(
                f,
                "{grow} {low} is not below {shed} {high}: lower {grow} or raise {shed}, so that \
                 growing and shedding do not undo each other"
            ),
            PolicyError::Missing { setting } => {
                write!(f, "{setting} is not set: give --{}", setting.option())
            }
            PolicyError::PortsOverlap { one, other, cap } => write!(
                f,
                "{one} and {other} are too close: with {cap} nodes their ports would overlap"
            ),
        }
    }
}

impl std::error::Error for PolicyError {}
