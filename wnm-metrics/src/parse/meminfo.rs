//! `/proc/meminfo`: the two lines that we use. See proc_meminfo(5).

use wnm_core::model::Bytes;
use wnm_core::observe::MemorySample;

/// Installed and available memory; `None` when either is missing. `MemAvailable` is there since
/// Linux 3.14; nothing else in the file can stand in for it.
pub(crate) fn memory(text: &str) -> Option<MemorySample> {
    Some(MemorySample { total: field(text, "MemTotal")?, available: field(text, "MemAvailable")? })
}

/// The value of `Name:   1234 kB`, where kB means 1024 bytes.
fn field(text: &str, name: &str) -> Option<Bytes> {
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = values.map(|value| value.trim().strip_suffix("kB")).next()??;
    number.trim().parse::<u64>().ok()?.checked_mul(1024).map(Bytes)
}
