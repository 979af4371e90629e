use proptest::prelude::*;
use wnm_core::observe::{NodeFacts, Reported};

use super::support::{METADATA, METRICS, ROUTING};
use crate::parse::{Sample, node_facts, parse, routing_facts, starting_with};

type Parsed<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

#[test]
fn lines_that_are_samples() {
    let table: &[(&str, Parsed<'_>)] = &[
        ("up 1", ("up", &[], 1.0)),
        ("  up\t 1  ", ("up", &[], 1.0)),
        ("a:b_c9 -2.5", ("a:b_c9", &[], -2.5)),
        ("up 1 1520879607.789", ("up", &[], 1.0)),
        ("up 1 -5", ("up", &[], 1.0)),
        ("up 1 # {trace=\"x\"} 0.5 17.0", ("up", &[], 1.0)),
        ("up 1 17 # {trace=\"x\"} 0.5", ("up", &[], 1.0)),
        ("e 1.5e3", ("e", &[], 1500.0)),
        ("e 1E-3", ("e", &[], 0.001)),
        ("e +Inf", ("e", &[], f64::INFINITY)),
        ("e -Inf", ("e", &[], f64::NEG_INFINITY)),
        ("x{} 3", ("x", &[], 3.0)),
        ("x{a=\"1\"} 3", ("x", &[("a", "1")], 3.0)),
        ("x{a=\"1\",b=\"2\",} 3", ("x", &[("a", "1"), ("b", "2")], 3.0)),
        ("x { a = \"1\" , b = \"2\" } 3", ("x", &[("a", "1"), ("b", "2")], 3.0)),
        ("x{a=\"1\"}3", ("x", &[("a", "1")], 3.0)),
        (r#"x{a="v\"esc"} 3"#, ("x", &[("a", "v\"esc")], 3.0)),
        (r#"x{a="back\\"} 3"#, ("x", &[("a", "back\\")], 3.0)),
        (r#"x{a="two\nlines"} 3"#, ("x", &[("a", "two\nlines")], 3.0)),
        (r#"x{a="other\t"} 3"#, ("x", &[("a", "other\\t")], 3.0)),
        (r#"x{a="},{\"=",b="ü"} 3"#, ("x", &[("a", "},{\"="), ("b", "ü")], 3.0)),
        ("x{a=\"\"} 3", ("x", &[("a", "")], 3.0)),
    ];
    for (line, (name, labels, value)) in table {
        let exposition = parse(line);
        assert_eq!(exposition.skipped, 0, "{line}");
        let [sample] = exposition.samples.as_slice() else { panic!("{line}: {exposition:?}") };
        let found: Vec<(&str, &str)> =
            sample.labels.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        assert_eq!(
            (sample.name, found.as_slice(), sample.value),
            (*name, *labels, *value),
            "{line}"
        );
    }
    assert!(parse("e NaN").samples[0].value.is_nan());
}

#[test]
fn lines_that_are_not_are_skipped_and_counted() {
    let table = [
        "up",
        "up ",
        "up one",
        "up 1 two",
        "up 1 2 3",
        "up1",
        "9up 1",
        "{a=\"1\"} 1",
        "x{a=\"1\" 3",
        "x{a=\"1} 3",
        "x{a=\"1\\\"} 3",
        "x{a=1} 3",
        "x{a} 3",
        "x{a=\"1\"b=\"2\"} 3",
        "x{,} 3",
        "x{a=\"1\"}",
        "x{",
        "x{a",
        "x{a=",
        "x{a=\"",
        "x-y 3",
        "ü 3",
        "<html>",
    ];
    for line in table {
        let text = format!("before 1\n{line}\nafter 2\n");
        let exposition = parse(&text);
        // "up " and the like are bad because of what is missing, never because of neighbours.
        assert_eq!(exposition.skipped, 1, "{line}");
        let names: Vec<&str> = exposition.samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names, ["before", "after"], "{line}");
    }
}

#[test]
fn comments_and_blank_lines_are_neither() {
    let exposition =
        parse("# HELP up Up.\r\n# TYPE up gauge\r\n\r\n   \n# UNIT up s\nup 1\r\n# EOF\n");
    assert_eq!((exposition.samples.len(), exposition.skipped), (1, 0));
    assert_eq!(parse("").samples, []);
}

#[test]
fn a_real_node() {
    let exposition = parse(METRICS);
    assert_eq!(exposition.skipped, 0);
    let lines = METRICS.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(exposition.samples.len(), lines);

    let facts = node_facts(METRICS, Some(METADATA)).unwrap();
    let expected = NodeFacts {
        version: Some("0.4.17".parse().unwrap()),
        peer_id: Some("12D3KooWP7PYcPXXZGUkjm18HFdHpUnhNa9n4vpuVeHHhJ9zFMXw".to_owned()),
        peers: Some(6),
        records: Some(0),
        shunned: Some(0),
        uptime_s: Some(570),
        reported: Reported {
            puts: None,
            rewards: Some("0".to_owned()),
            network_size: Some(7),
            open_connections: Some(6),
            total_peers: Some(6),
            bad_peers: Some(0),
            relevant_records: Some(0),
            max_records: Some(0),
            payments: Some(0),
            live_time_s: Some(0),
            memory_mb_100: Some(2955),
            cpu_100: Some(5),
        },
    };
    assert_eq!(facts, expected);
}

#[test]
fn what_is_only_reported_is_read_in_full() {
    let text = "ant_node_put_record_ok_total{type=\"chunk\"} 3\n\
                ant_node_put_record_ok_total{type=\"pointer\"} 4\n\
                ant_node_current_reward_wallet_balance 1.5e18\n\
                ant_networking_process_cpu_usage_percentage 0.0353\n";
    let reported = node_facts(text, None).unwrap().reported;
    let expected = Reported {
        puts: Some(7),
        rewards: Some("1500000000000000000".to_owned()),
        cpu_100: Some(4),
        ..Reported::default()
    };
    assert_eq!(reported, expected, "all labels, every digit, rounded");
    let text = "ant_node_put_record_ok_total{type=\"chunk\"} NaN\nant_node_put_record_ok_total 4\n\
                ant_node_current_reward_wallet_balance -1\n";
    assert!(node_facts(text, None).unwrap().reported.is_empty());
}

#[test]
fn without_metadata_only_version_and_name_are_unknown() {
    let whole = node_facts(METRICS, Some(METADATA)).unwrap();
    let expected = NodeFacts { version: None, peer_id: None, ..whole };
    assert_eq!(node_facts(METRICS, None).unwrap(), expected);
    assert_eq!(node_facts(METRICS, Some("<html>")).unwrap(), expected);
}

#[test]
fn what_is_missing_or_impossible_is_unknown_and_not_zero() {
    let facts = |text: &str| node_facts(text, None).unwrap();
    assert_eq!(facts("libp2p_anything 1"), NodeFacts::default());
    for (value, peers) in [
        ("7", Some(7)),
        ("7.9", Some(7)),
        ("1e3", Some(1000)),
        ("0", Some(0)),
        ("-1", None),
        ("NaN", None),
        ("+Inf", None),
        ("-Inf", None),
        ("1e30", None),
    ] {
        let text = format!("ant_networking_connected_peers {value}");
        assert_eq!(facts(&text).peers, peers, "{value}");
    }
}

#[test]
fn shunned_with_and_without_the_suffix_of_counters() {
    let shunned = |text: &str| node_facts(text, None).unwrap().shunned;
    assert_eq!(shunned("ant_networking_shunned_count_total 3"), Some(3));
    assert_eq!(shunned("ant_networking_shunned_count 4"), Some(4));
    let both = "ant_networking_shunned_count 4\nant_networking_shunned_count_total 3";
    assert_eq!(shunned(both), Some(3));
    assert_eq!(shunned("ant_networking_shunned_by_close_group 5"), None);
}

#[test]
fn a_version_that_is_none_is_unknown() {
    let metadata = METADATA.replace("0.4.17", "main-dirty").replace("12D3KooW", "\\\\");
    let facts = node_facts(METRICS, Some(&metadata)).unwrap();
    assert_eq!(facts.version, None);
    assert!(facts.peer_id.unwrap().starts_with("\\P7PY"));
}

#[test]
fn other_peoples_answers_are_garbage() {
    for body in ["", "hello", "up 1\nprocess_cpu_seconds_total 3\n", "# ant_node_uptime 3\n"] {
        assert!(node_facts(body, Some(METADATA)).is_err(), "{body}");
    }
    let why = node_facts("up 1\nrubbish", None).unwrap_err().to_string();
    assert_eq!(why, "garbage: 1 samples and 1 other lines, none of them from a node");
}

#[test]
fn routing_snapshots() {
    let facts = routing_facts(ROUTING).unwrap();
    let owner = "4a5d883cc338fed04ca26a5b32f9ef9603e881a69eff7efa04f0ac1db885379d".to_owned();
    let expected = NodeFacts { peer_id: Some(owner), peers: Some(8), ..NodeFacts::default() };
    assert_eq!(facts, expected);

    let newer = r#"{"schema_version":2,"owner":"","peers":[],"more":{"x":[1]}}"#;
    let expected = NodeFacts { peers: Some(0), ..NodeFacts::default() };
    assert_eq!(routing_facts(newer).unwrap(), expected);
    assert_eq!(routing_facts("{}").unwrap(), NodeFacts::default());
    for bad in ["", "[", "[]", "null", r#"{"peers":7}"#, &ROUTING[..ROUTING.len() - 1]] {
        assert!(routing_facts(bad).is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_no_line_is_lost(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn nor_does_text_made_of_the_pieces_that_matter(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "ant_", "x", "{", "}", "\"", "\\", ",", "=", " ", "\n", "#", "1", "e", "+Inf", "ü", "\r",
            ]),
            0..60,
        )
    ) {
        check(&pieces.concat());
    }

    #[test]
    fn nor_does_a_damaged_answer(at in 0..METRICS.len(), byte: u8) {
        let mut bytes = METRICS.as_bytes().to_vec();
        bytes[at] = byte;
        check(&String::from_utf8_lossy(&bytes));
        check(&String::from_utf8_lossy(&METRICS.as_bytes()[..at]));
    }

    #[test]
    fn label_values_survive_escaping(value in "(?s)[^\r]{0,40}", number: f64) {
        let escaped = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
        let line = format!("name{{a=\"\",label=\"{escaped}\"}} {number:e}");
        let exposition = parse(&line);
        prop_assert_eq!(exposition.samples.len(), 1);
        prop_assert_eq!(exposition.samples[0].label("label"), Some(value.as_str()));
        prop_assert_eq!(exposition.samples[0].value.to_bits(), number.to_bits());
    }
}

fn check(text: &str) {
    let exposition = parse(text);
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(exposition.samples.len() + exposition.skipped, lines.count());
    assert!(exposition.samples.iter().all(|sample| !sample.name.is_empty()));
    // What is passed over quickly is what would have been passed over slowly.
    for starts in [["ant_networking_", "ant_node_"], ["up", "ant_"]] {
        let slow = |sample: &&Sample<'_>| starts.iter().any(|start| sample.name.starts_with(start));
        let slow: Vec<&Sample<'_>> = exposition.samples.iter().filter(slow).collect();
        let quick: Vec<Sample<'_>> = starting_with(text, &starts).collect();
        assert_eq!(format!("{quick:?}"), format!("{slow:?}"), "{starts:?}");
    }
    let _ = node_facts(text, Some(text));
    let _ = routing_facts(text);
}
