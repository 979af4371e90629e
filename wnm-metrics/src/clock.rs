//! The clocks of this machine.
#![expect(clippy::disallowed_methods, reason = "this module is the clock")]

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use wnm_core::host::{Clock, HostError, HostResult};
use wnm_core::model::{BootId, Instant, Now, Timestamp};
use wnm_core::observe::FaultKind;

use crate::files;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The wall clock, and the time since boot by `CLOCK_BOOTTIME`, which goes on while the machine is
/// suspended. A boot is told from another by the kernel's random id of it. `now` fails only where
/// the kernel shows no boot id.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> HostResult<Now> {
        let instant = Instant { boot: boot_id()?, uptime_ms: uptime_ms()? };
        Ok(Now { wall: wall(), instant })
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

/// Milliseconds since boot, suspended time included: the clock that the kernel stamps the start of
/// processes with. `/proc/uptime` is not used, because containers put their own in its place.
pub(crate) fn uptime_ms() -> HostResult<u64> {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map_err(|errno| HostError::io("read the boot clock", errno.into()))?;
    Ok(u64::try_from(Duration::from(time).as_millis()).unwrap_or(u64::MAX))
}

fn wall() -> Timestamp {
    let ms = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Timestamp(ms)
}

fn boot_id() -> HostResult<BootId> {
    let op = || format!("read {BOOT_ID}");
    let bytes = files::read(Path::new(BOOT_ID), 256).map_err(|error| HostError::io(op(), error))?;
    let text =
        String::from_utf8(bytes).map_err(|e| HostError::with(op(), FaultKind::Garbled, e))?;
    match text.trim() {
        "" => Err(HostError::new(format!("{BOOT_ID} is empty"), FaultKind::Garbled)),
        id => Ok(BootId(id.to_owned())),
    }
}
