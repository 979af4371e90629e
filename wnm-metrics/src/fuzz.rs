//! What must hold whatever is read, for `tests/fuzz`: each takes one input, and panics otherwise.

use wnm_core::observe::NodeFacts;

use crate::parse::{self, Answer};

/// The largest whole number that a page of metrics can tell exactly.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// `/metrics` and, behind the first line of three dashes, `/metadata`.
pub fn metrics(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (metrics, metadata) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let Ok(facts) = parse::metrics_facts(metrics) else { return };
    let counts = [facts.peers, facts.records, facts.shunned, facts.uptime_s];
    assert!(counts.into_iter().flatten().all(|count| count <= EXACT), "{facts:?}");
    if let Some(rewards) = &facts.reported.rewards {
        let plain = |c: char| c.is_ascii_digit() || c == '.';
        assert!(rewards.chars().all(plain), "{rewards} is no plain number");
    }
    let facts = parse::with_metadata(facts, metadata);
    assert!(facts.peer_id.as_deref() != Some(""));
    is_kept(&facts);
}

/// Chunk by chunk, as it comes: what was read as a whole is read so from every beginning that is
/// long enough, and no body is longer than the limit.
pub fn http(data: &[u8]) {
    const LIMIT: usize = 1 << 10;
    let (first, bytes) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
    let ended = first & 1 == 1;
    let mut whole = bytes.to_vec();
    let answer = parse::http_answer(&mut whole, ended, LIMIT);
    if let Ok(Answer::Whole { body, stays }) = &answer {
        assert!(body.end <= whole.len() && body.len() <= LIMIT, "{body:?} of {}", whole.len());
        assert!(!stays || body.end == whole.len(), "what follows an answer is nobody's");
    }
    if ended {
        assert!(!matches!(answer, Ok(Answer::Unfinished)), "nothing more comes");
    }
    // What was answered already cannot become something else because more comes.
    let cut = bytes.len() * usize::from(first) / 256;
    let mut beginning = bytes[..cut].to_vec();
    if let Ok(Answer::Whole { body, .. }) = parse::http_answer(&mut beginning, false, LIMIT) {
        let Ok(Answer::Whole { body: again, .. }) = answer else {
            panic!("whole after {cut} bytes, and then {answer:?}");
        };
        assert_eq!(beginning[body], whole[again]);
    }
}

/// The file in which `ant-node` keeps its routing table.
pub fn routing(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(facts) = parse::routing_facts(&text) {
        assert!(facts.peers.is_none_or(|peers| peers <= text.len() as u64));
        is_kept(&facts);
    }
}

/// The end of a log. Lines of nobody behind it change nothing.
pub fn telemetry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let facts = parse::telemetry_facts(&text);
    assert_eq!(parse::telemetry_facts(&format!("{text}\nno line of telemetry\n")), facts);
    is_kept(&facts);
}

/// `/proc/meminfo`.
pub fn meminfo(data: &[u8]) {
    parse::memory(&String::from_utf8_lossy(data));
}

/// What is observed is recorded as JSON, and must come back from there.
fn is_kept(facts: &NodeFacts) {
    let text = serde_json::to_string(facts).expect("facts are JSON");
    assert_eq!(&serde_json::from_str::<NodeFacts>(&text).expect("and are read again"), facts);
}
