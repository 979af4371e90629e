//! What must hold whatever the configuration file says.

use std::collections::BTreeMap;

use wnm_core::policy::{Policy, PolicyDraft, Setting};

use super::{edit, parse};

/// A file: what is changed in it is what was asked for, and it stays a file.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(draft) = parse(&text) else { return };
    let _ = Policy::parse(&draft, &PolicyDraft::default(), 4);
    let changes = BTreeMap::from([
        (Setting::NodeCap, Some("7".to_owned())),
        (Setting::DelayStart, Some("10 \"min\"\n".to_owned())),
        (Setting::HdRemove, None),
    ]);
    let edited = edit(&text, &changes).expect("it was parsed");
    let read = parse(&edited).unwrap_or_else(|problems| panic!("{problems:?} in {edited}"));
    let mut wanted = draft;
    for (setting, value) in changes {
        match value {
            Some(value) => drop(wanted.values.insert(setting, value)),
            None => drop(wanted.values.remove(&setting)),
        }
    }
    assert_eq!(read, wanted, "{edited}");
}
