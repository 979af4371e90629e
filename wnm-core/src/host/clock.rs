use std::time::Duration;

use super::HostResult;
use crate::model::Now;

/// Both clocks. Only `run` and frontends hold one.
pub trait Clock: Send + Sync {
    /// Reads both clocks at once.
    fn now(&self) -> HostResult<Now>;

    /// Waits.
    fn sleep(&self, duration: Duration);
}
