//! What becomes of each node of a backup that is put back, by what is seen of it now. Pure.

use serde::Serialize;
use wnm_managers::Kinship;

/// What was seen of a node of the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether its data directory is there; `None` when that could not be seen.
    pub(super) data: Option<bool>,
    /// How its key relates to the archive; `None` when that could not be seen.
    pub(super) kinship: Option<Kinship>,
    /// Something else on this machine may carry its name.
    pub(super) contested: bool,
    /// There is a unit of its name, and it is not wnm's.
    pub(super) theirs: bool,
    /// Something of it is left that a removal would have taken, or that cannot be said.
    pub(super) traces: bool,
}

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fate {
    /// It is as the backup says.
    Kept,
    /// It was removed since, with its key in the archive: it is forgotten.
    Removed,
    /// Its data is gone, and its key is not in the archive under its record.
    Gone,
    /// Its data is gone, and something else may carry its name: it is left alone.
    Replaced,
    /// Another key lies in its place: it is left alone.
    OtherKey,
    /// Its unit is somebody else's now, as after `wnm release`: it is left alone.
    Theirs,
    /// Whether it is the same node could not be seen: it is left alone.
    Unsure,
    /// Its storage could not be looked at: nothing is done to it until it can be.
    Unseen,
}

impl Fate {
    /// True when wnm must keep its hands off until an operator has looked.
    pub(crate) fn is_left_alone(self) -> bool {
        matches!(self, Fate::Replaced | Fate::OtherKey | Fate::Theirs | Fate::Unsure)
    }

    /// For people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Fate::Kept => "as in the backup",
            Fate::Removed => "was removed since, its key is in the archive: forgotten",
            Fate::Gone => "its data is gone: the next cycles clean up after it, or say why not",
            Fate::Replaced => "its data is gone, and something else has its name: disabled",
            Fate::OtherKey => "another node's key lies in its place: disabled",
            Fate::Theirs => "its unit is not wnm's any more, as after `wnm release`: disabled",
            Fate::Unsure => "whether it is the same node could not be seen: disabled",
            Fate::Unseen => "its storage cannot be looked at: it waits until it can",
        }
    }
}

pub(super) fn fate(seen: &Seen) -> Fate {
    match (seen.data, seen.kinship) {
        (None, _) => Fate::Unseen,
        (Some(_), None) => Fate::Unsure,
        (Some(true), Some(Kinship::Other)) => Fate::OtherKey,
        (Some(true), Some(_)) if seen.theirs => Fate::Theirs,
        (Some(true), Some(_)) => Fate::Kept,
        // Keys are archived while their nodes live: that alone is no sign of a removal.
        (Some(false), Some(Kinship::OnlyArchived)) if !seen.traces => Fate::Removed,
        (Some(false), Some(_)) if seen.contested => Fate::Replaced,
        (Some(false), Some(_)) => Fate::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sight_has_its_fate() {
        use Kinship::{NoneArchived, OnlyArchived, Other, Same};
        let table = [
            (None, Some(Same), false, Fate::Unseen),
            (Some(true), None, false, Fate::Unsure),
            (Some(false), None, false, Fate::Unsure),
            (Some(true), Some(NoneArchived), false, Fate::Kept),
            (Some(true), Some(NoneArchived), true, Fate::Kept),
            (Some(true), Some(Same), false, Fate::Kept),
            (Some(true), Some(Other), false, Fate::OtherKey),
            // Without a key yet, or with one that was lost: what is there is not known.
            (Some(true), Some(OnlyArchived), false, Fate::Kept),
            (Some(false), Some(OnlyArchived), false, Fate::Removed),
            (Some(false), Some(OnlyArchived), true, Fate::Removed),
            (Some(false), Some(NoneArchived), false, Fate::Gone),
            (Some(false), Some(NoneArchived), true, Fate::Replaced),
        ];
        for (data, kinship, contested, expected) in table {
            let seen = Seen { data, kinship, contested, theirs: false, traces: false };
            assert_eq!(fate(&seen), expected, "{seen:?}");
        }
        for (contested, expected) in [(false, Fate::Gone), (true, Fate::Replaced)] {
            let (data, kinship) = (Some(false), Some(OnlyArchived));
            let seen = Seen { data, kinship, contested, theirs: false, traces: true };
            assert_eq!(fate(&seen), expected, "{seen:?}");
        }
        let released = Seen {
            data: Some(true),
            kinship: Some(Same),
            contested: false,
            theirs: true,
            traces: true,
        };
        assert_eq!(fate(&released), Fate::Theirs);
        assert!(Fate::Theirs.is_left_alone());
    }
}
