//! What must hold whatever is said of the timer.

use super::text;

pub(crate) fn shown(answer: &str) {
    let shown = text::parse(answer);
    let times = [shown.last, shown.next].into_iter().flatten();
    // They are shown to people, and so must be dates.
    times.for_each(|time| assert!(time.to_string().parse::<wnm_core::model::Timestamp>().is_ok()));
}
