//! What must hold whatever somebody brings from the Python tool.

use std::ffi::OsString;

use super::{World, draft_of_file, translate};

/// A file of settings.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((draft, without_effect)) = draft_of_file(&text) else { return };
    for value in draft.values.values() {
        assert!(!value.contains('\n') && value != "None", "{value:?}");
    }
    assert!(without_effect.len() <= text.lines().count());
}

/// A command line, a word a line: what it becomes is ours, or it is refused.
pub fn line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words = std::iter::once("wnm").chain(text.lines()).map(OsString::from);
    let words: Vec<OsString> = words.collect();
    let Ok(Some(translation)) = translate(&words, &World::default()) else { return };
    assert!(!translation.notes.is_empty(), "whoever wrote it is told");
    for line in &translation.lines {
        let words: Vec<OsString> = std::iter::once("wnm")
            .chain(line.iter().map(String::as_str))
            .map(OsString::from)
            .collect();
        let again = translate(&words, &World::default());
        assert!(matches!(again, Ok(None)), "{line:?} is no line of ours");
    }
}
