//! Endpoints that drip, redirect, never end, belong to another node, or answer something else.

use std::fs;
use std::time::{Duration, Instant};

use super::{a_cycle_hurts_nobody, alive, key_is_there, nodes};
use crate::harness::TestEnv;

const OK: &str = "HTTP/1.1 200 OK\r\n";

#[test]
fn what_endpoints_say_hurts_nobody() {
    let env = TestEnv::with_program("antnode");
    nodes(&env, "2", &["--program", "antnode"]);
    let page = |body: &str| format!("{OK}content-length: {}\r\n\r\n{body}", body.len());
    let huge = "x".repeat(3 << 20);
    let lies = [
        ("nothing", "whole", String::new()),
        ("500", "whole", "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_owned()),
        (
            "a redirect",
            "whole",
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n".into(),
        ),
        ("gzip", "whole", format!("{OK}content-encoding: gzip\r\n\r\n\u{1f}\u{8b}\u{8}")),
        ("half a page", "whole", format!("{OK}content-length: 5000\r\n\r\nant_node_uptime 5")),
        ("a huge page", "whole", page(&huge)),
        ("a huge promise", "whole", format!("{OK}content-length: 99999999999\r\n\r\nant_")),
        ("no end", "endless", format!("{OK}\r\nant_node_uptime 5\n")),
        ("no end of a head", "endless", "HTTP/1.1 200 OK\r\nx: y\r\n".to_owned()),
        ("drops", "drip", page("ant_node_uptime 5\nant_networking_connected_peers 7\n")),
        ("another language", "whole", page("Fehler: Datei oder Verzeichnis nicht gefunden\n")),
        ("no HTTP", "whole", "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned()),
        (
            "impossible numbers",
            "whole",
            page(
                "ant_node_uptime -1\nant_networking_connected_peers NaN\n\
                 ant_networking_records_stored 1e300\nant_networking_shunned_count_total +Inf\n\
                 ant_networking_process_cpu_usage_percentage 1e18\n",
            ),
        ),
        (
            "another node",
            "whole",
            page(
                "ant_node_uptime 5\nant_networking_peer_id_info{peer_id=\"12D3Somebody\"} 1\n\
                 ant_node_antnode_version_info{antnode_version=\"0.0.1\"} 1\n",
            ),
        ),
    ];
    let before = alive(&env);
    for (what, how, answer) in lies {
        for number in [1, 2] {
            let place = env.base_dir().join(format!("node/antnode{number:04}/answer.raw"));
            fs::write(place, format!("{how}\n{answer}")).expect("written");
        }
        let started = Instant::now();
        for _ in 0..2 {
            a_cycle_hurts_nobody(&env, what, &before);
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(30), "{what}: two cycles took {took:?}");
    }
    for number in [1, 2] {
        assert!(key_is_there(&env, number, "secret-key"));
        let place = env.base_dir().join(format!("node/antnode{number:04}/answer.raw"));
        fs::remove_file(place).expect("ours");
    }
    env.cycle_until_resting_with(2);
    assert_eq!(alive(&env), before);
}
