//! What must hold whatever stands in a crontab.

use wnm_core::model::{Scope, Timestamp};

use super::text;

pub(crate) fn parts(crontab: &str, scope: Scope) {
    let Ok(parts) = text::split(crontab, scope) else { return };
    if parts.blocks.is_empty() {
        assert_eq!(parts.others, crontab);
    }
    let block =
        format!("# wnm, {scope} scope: begin. x\n* * * * * true\n# wnm, {scope} scope: end.\n");
    let written = parts.with(&block);
    let again = text::split(&written, scope).expect("what we write is whole");
    assert_eq!(again.blocks, [block.as_str()]);
    // A last line without its end gets one.
    let same = |text: &str| text.trim_end_matches('\n').to_owned();
    assert_eq!(same(&again.others.replace('\n', "")), same(&parts.others.replace('\n', "")));
    assert_eq!(again.with(&block), written, "twice is once");
    text::runs_wnm(&parts.others);
}

pub(crate) fn next(block: &str, now: Timestamp) {
    if let Some(next) = text::next(block, now) {
        assert!(next > now && next.0 - now.0 <= 3_600_000, "{next} after {now}");
    }
}
