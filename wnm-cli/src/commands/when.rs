//! Points in time on the command line.

use wnm_core::host::Clock;
use wnm_core::model::Timestamp;
use wnm_core::policy::parse_duration;
use wnm_metrics::SystemClock;

use crate::error::CliError;

/// What `option` says: so long ago, or a time in UTC.
pub(super) fn when(option: &str, text: &str) -> Result<Timestamp, CliError> {
    let Some(ago) = parse_duration(text) else {
        return text.parse().map_err(|_| {
            CliError::usage(format!(
                "{option} is `{text}`: say how long ago, such as 90s, 10min, 6h or 3d, or give a \
                 time in UTC such as 2026-11-20T21:27"
            ))
        });
    };
    let now = SystemClock.now()?.wall;
    Ok(Timestamp(now.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))))
}
