//! JSON without what changes from run to run: what is left is its shape.

use serde_json::Value;

/// Names of values that no two runs share, and what they are.
const UNSTEADY: [(&str, &str); 43] = [
    ("at", "[TIME]"),
    ("looked", "[TIME]"),
    ("begun", "[TIME]"),
    ("ended", "[TIME]"),
    ("created", "[TIME]"),
    ("made", "[TIME]"),
    ("written", "[TIME]"),
    ("boot", "[BOOT]"),
    ("uptime_ms", "[AGE]"),
    ("process_age", "[AGE]"),
    ("room_for_s", "[AGE]"),
    ("age_ms", "[AGE]"),
    ("peers", "[PEERS]"),
    ("window_left_s", "[AGE]"),
    ("verdict", "[VERDICT]"),
    ("cycles", "[CYCLES]"),
    ("cycles_since", "[TIME]"),
    ("cycles_bytes", "[BYTES]"),
    ("network", "[RATES]"),
    ("measured", "[BYTES]"),
    ("pid", "[PID]"),
    ("start_ticks", "[TICKS]"),
    ("cpu_ms", "[TICKS]"),
    ("memory", "[MEMORY]"),
    ("load", "[LOAD]"),
    ("file_systems", "[DISKS]"),
    ("cpus", "[CPUS]"),
    ("cpu", "[CPU]"),
    ("used", "[USED]"),
    ("bytes", "[BYTES]"),
    ("version", "[VERSION]"),
    ("peer_id", "[PEER]"),
    ("identity", "[FINGERPRINT]"),
    ("sha256", "[SHA256]"),
    ("stamp", "[STAMP]"),
    ("disk", "[DISK]"),
    ("rates", "[RATES]"),
    ("stall", "[STALL]"),
    ("psi", "[STALL]"),
    ("network_rates", "[RATES]"),
    ("disk_rates", "[RATES]"),
    ("learned", "[LEARNED]"),
    ("capacity", "[CAPACITY]"),
];

/// `value` with paths by `redact`, ports relative to `base`, and the unsteady by what they are, also
/// where they are absent: a busy machine takes long enough to measure more.
pub(crate) fn steady(value: Value, redact: &dyn Fn(&str) -> String, base: u16) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| {
                let known = UNSTEADY.iter().find(|(unsteady, _)| *unsteady == name);
                let value = match (known, value) {
                    // A name, where the others of that name are rates.
                    (Some(("network", _)), Value::String(text)) => Value::String(text),
                    (Some((_, what)), _) => Value::String((*what).to_owned()),
                    (None, value) => steady(value, redact, base),
                };
                (redact(&name), value)
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(values) => {
            values.into_iter().map(|value| steady(value, redact, base)).collect()
        }
        Value::String(text) => Value::String(redact(&text)),
        Value::Number(number) => match number.as_u64() {
            Some(port) if (port / 1000) as u16 == base => {
                Value::String(format!("[PORT]{:03}", port % 1000))
            }
            Some(port) if (port / 1000) as u16 == base + 1 => {
                Value::String(format!("[METRICS]{:03}", port % 1000))
            }
            _ => Value::Number(number),
        },
        other => other,
    }
}
