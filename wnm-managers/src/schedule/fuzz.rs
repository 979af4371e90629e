//! What must hold whatever stands in a crontab, or is said of a timer.

use wnm_core::model::{Scope, Timestamp};

use super::{cron, timer};

/// A crontab: all that is not ours stays, byte for byte.
pub fn crontab(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    cron::fuzz::parts(&text, Scope::User);
    cron::fuzz::parts(&text, Scope::System);
    cron::fuzz::next(&text, Timestamp(1_700_000_000_000));
}

/// `systemctl show` of the timer.
pub fn timer(data: &[u8]) {
    timer::fuzz::shown(&String::from_utf8_lossy(data));
}
