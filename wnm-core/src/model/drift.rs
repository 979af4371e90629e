//! What a manager knows of a node, against what it should know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How what a manager knows of a node differs from what it should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "drift")]
pub enum UnitDrift {
    /// Its definition is another one: somebody edited it, or wnm writes it differently by now.
    Rewritten,
    /// Its definition was changed and the manager has not read it again.
    NotReloaded,
    /// Somebody added to it, in a place that is his: that is reported, and left as it is.
    Overridden {
        /// The files that do.
        by: Vec<String>,
    },
}

impl UnitDrift {
    /// True when writing it again puts it right.
    pub fn is_ours_to_mend(&self) -> bool {
        match self {
            UnitDrift::Rewritten | UnitDrift::NotReloaded => true,
            UnitDrift::Overridden { .. } => false,
        }
    }
}

impl fmt::Display for UnitDrift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnitDrift::Rewritten => f.write_str("its unit is not as wnm writes it"),
            UnitDrift::NotReloaded => f.write_str("its unit was changed and not read again"),
            UnitDrift::Overridden { by } => write!(f, "its unit is changed by {}", by.join(", ")),
        }
    }
}
