use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::testing::server::{Answer, Server};

const FILE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const MOST: u64 = 1000;

/// With patience that no busy machine uses up.
fn web() -> Web {
    Web::with_patience(Duration::from_secs(60), Duration::from_secs(30))
}

/// For servers that never go on.
fn impatient() -> Web {
    Web::with_patience(Duration::from_secs(10), Duration::from_millis(400))
}

struct Got {
    result: ReleaseResult<()>,
    bytes: Option<Vec<u8>>,
}

fn fetched(server: &Server, dir: &TempDir) -> Got {
    fetched_by(&web(), server, dir)
}

fn fetched_by(web: &Web, server: &Server, dir: &TempDir) -> Got {
    let part = dir.path().join("x.part");
    let result = web.download(&server.url("/x"), &part, MOST, &mut |_| {});
    Got { result, bytes: fs::read(part).ok() }
}

#[test]
fn a_file_comes_whole() {
    let server = Server::start(|_| Answer::ok(FILE));
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
}

#[test]
fn a_connection_that_breaks_is_gone_on_with() {
    let server = Server::start(|request| {
        let from = request.range();
        // Ten bytes a go; then the line is cut.
        Answer::part(FILE, from, "\"v1\"").cut_after(10)
    });
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
    let ranges: Vec<u64> = server.requests().iter().map(|request| request.range()).collect();
    assert_eq!(ranges, [0, 10, 20, 30]);
    let said = server.requests()[1].header("if-range").map(str::to_owned);
    assert_eq!(said.as_deref(), Some("\"v1\""));
}

#[test]
fn what_came_in_an_earlier_run_is_gone_on_with() {
    let healthy = Arc::new(Mutex::new(false));
    let state = Arc::clone(&healthy);
    let server = Server::start(move |request| match *state.lock().expect("no panic") {
        true => Answer::part(FILE, request.range(), "\"v1\""),
        false if request.range() == 0 => Answer::part(FILE, 0, "\"v1\"").cut_after(16),
        false => Answer::status(503),
    });
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!(got.result.map_err(|error| error.kind), Err(ReleaseFault::Unfinished));
    assert_eq!(got.bytes.as_deref(), Some(&FILE[..16]));
    // A run that brings nothing is a failure, or it would be asked for every minute; what is here stays.
    let got = fetched(&server, &dir);
    assert_eq!(got.result.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
    assert_eq!(got.bytes.as_deref(), Some(&FILE[..16]));
    *healthy.lock().expect("no panic") = true;
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
    assert_eq!(server.requests().last().map(|request| request.range()), Some(16));
}

#[test]
fn another_file_of_the_same_name_is_never_appended() {
    // The server has something else by now, and says so by its validator.
    let server = Server::start(|request| match request.header("if-range") {
        Some("\"v1\"") | None => Answer::part(b"new new new new new new", 0, "\"v2\""),
        Some(_) => Answer::status(500),
    });
    let dir = TempDir::new().expect("a directory");
    let part = dir.path().join("x.part");
    fs::write(&part, &FILE[..10]).expect("written");
    let of = PartOf { url: server.url("/x"), validator: "\"v1\"".into() };
    fs::write(beside(&part), serde_json::to_vec(&of).expect("JSON")).expect("written");
    let got = fetched(&server, &dir);
    assert_eq!(got.bytes.as_deref(), Some(b"new new new new new new".as_slice()));
    assert_eq!(got.result, Ok(()));
}

#[test]
fn a_part_without_a_name_for_its_bytes_begins_anew() {
    let cut = Mutex::new(true);
    let server = Server::start(move |_| {
        let answer = Answer::ok(FILE);
        let mut first = cut.lock().expect("no panic");
        if std::mem::take(&mut *first) { answer.cut_after(5) } else { answer }
    });
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
    assert!(server.requests().iter().all(|request| request.header("range").is_none()));
}

#[test]
fn a_part_that_nobody_can_go_on_with_is_no_beginning() {
    let server = Server::start(|_| Answer::ok(FILE).cut_after(5));
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!(got.result.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
    assert_eq!(got.bytes, None, "nothing is left");
}

#[test]
fn a_server_that_answers_with_another_part_is_not_believed() {
    let server = Server::start(|request| {
        let answer = Answer::part(FILE, if request.range() > 0 { 3 } else { 0 }, "\"v1\"");
        if request.range() == 0 { answer.cut_after(10) } else { answer }
    });
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert!(got.result.is_err());
    assert_ne!(got.bytes.as_deref(), Some(FILE));
}

#[test]
fn a_part_longer_than_the_file_begins_anew() {
    let server = Server::start(|request| match request.range() {
        0 => Answer::part(FILE, 0, "\"v1\""),
        _ => Answer::status(416),
    });
    let dir = TempDir::new().expect("a directory");
    let part = dir.path().join("x.part");
    fs::write(&part, [b'x'; 900]).expect("written");
    let of = PartOf { url: server.url("/x"), validator: "\"v1\"".into() };
    fs::write(beside(&part), serde_json::to_vec(&of).expect("JSON")).expect("written");
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
}

#[test]
fn more_than_a_release_has_is_refused_said_or_unsaid() {
    let large = vec![b'x'; 5000];
    let told = large.clone();
    let said = Server::start(move |_| Answer::ok(&told));
    let unsaid = Server::start(move |_| Answer::ok(&large).without_length());
    for server in [said, unsaid] {
        let dir = TempDir::new().expect("a directory");
        let got = fetched(&server, &dir);
        let error = got.result.expect_err("refused");
        assert_eq!(error.kind, ReleaseFault::Misshapen);
        assert!(error.what.ends_with("it has more than 1000 bytes, and no release has"), "{error}");
        assert_eq!(got.bytes, None, "nothing is left");
        assert_eq!(
            web().get(&server.url("/x"), 100).map_err(|e| e.kind),
            Err(ReleaseFault::Misshapen)
        );
    }
}

#[test]
fn a_server_that_hangs_is_left() {
    let server = Server::start(|_| Answer::ok(FILE).hang_after(0));
    let dir = TempDir::new().expect("a directory");
    let got = fetched_by(&impatient(), &server, &dir);
    assert_eq!(got.result.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
    let server = Server::start(|_| Answer::silent());
    let got = fetched_by(&impatient(), &server, &dir);
    let error = got.result.expect_err("it hangs");
    assert!(error.what.ends_with("no answer in time"), "{error}");
}

#[test]
fn a_server_that_drips_is_left_at_the_deadline() {
    let server = Server::start(|request| {
        Answer::part(FILE, request.range(), "\"v1\"").dripping(Duration::from_millis(200))
    });
    let dir = TempDir::new().expect("a directory");
    let part = dir.path().join("x.part");
    let hurried = Web::with_patience(Duration::from_secs(3), Duration::from_secs(3));
    let result = hurried.download(&server.url("/x"), &part, MOST, &mut |_| {});
    assert_eq!(result.map_err(|error| error.kind), Err(ReleaseFault::Unfinished));
    let came = length(&part);
    assert!((1..FILE.len() as u64).contains(&came), "{came}");
}

#[test]
fn redirects_are_followed_within_reason() {
    let server = Server::start(|request| match request.path.as_str() {
        "/x" => Answer::redirect("/y"),
        "/y" => Answer::ok(FILE),
        _ => Answer::redirect("/z"),
    });
    let dir = TempDir::new().expect("a directory");
    let got = fetched(&server, &dir);
    assert_eq!((got.result, got.bytes.as_deref()), (Ok(()), Some(FILE)));
    let round = web().get(&server.url("/z"), MOST);
    assert_eq!(round.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
}

#[test]
fn a_safe_page_must_not_lead_to_an_unsafe_one() {
    let error = of_ureq("https://a/", &ureq::Error::RequireHttpsOnly("http://b/".into()));
    assert_eq!(error.kind, ReleaseFault::Untrusted);
    let asked = web().agent.get("http://127.0.0.1:1/").config().https_only(true).build().call();
    let refused = matches!(asked, Err(ureq::Error::RequireHttpsOnly(_)));
    assert!(refused, "ureq looks before it connects: {asked:?}");
}

#[test]
fn this_machine_must_not_lead_to_where_anybody_is() {
    let hops = |hops: &[&str]| hops.iter().map(|hop| (*hop).to_owned()).collect::<Vec<_>>();
    let back = hops(&["http://127.0.0.1:1/x", "http://evil.org/x", "https://a/x"]);
    assert_eq!(led_astray("http://127.0.0.1:1/x", &back), Some("http://evil.org/x"));
    assert_eq!(
        led_astray("http://127.0.0.1:1/x", &hops(&["http://localhost/x", "https://a/"])),
        None
    );
    // Nothing is believed of what begins in the open, wherever it ends.
    assert_eq!(led_astray("http://a/x", &hops(&["http://b/x"])), None);
}

#[test]
fn answers_that_are_no_file() {
    let table = [
        (404, ReleaseFault::NotThere),
        (410, ReleaseFault::NotThere),
        (403, ReleaseFault::Unreachable),
        (429, ReleaseFault::Unreachable),
        (500, ReleaseFault::Unreachable),
        (302, ReleaseFault::Unreachable),
    ];
    for (status, kind) in table {
        let server = Server::start(move |_| Answer::status(status));
        let dir = TempDir::new().expect("a directory");
        let got = fetched(&server, &dir);
        assert_eq!(got.result.map_err(|error| error.kind), Err(kind), "{status}");
        assert_eq!(got.bytes, None, "{status}");
    }
    // Nobody there at all.
    let nobody = web().get("http://127.0.0.1:1/x", MOST);
    assert_eq!(nobody.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
    let wrong = web().get("http://a b/", MOST);
    assert_eq!(wrong.map_err(|error| error.kind), Err(ReleaseFault::Wrong));
}

#[test]
fn ranges() {
    assert_eq!(parse_range("bytes 10-19/20"), Some((10, Some(20))));
    assert_eq!(parse_range("bytes 0-0/*"), Some((0, None)));
    for text in ["", "bytes */20", "bytes 5-4/20", "bytes 0-20/20", "items 0-1/2", "bytes 0-1"] {
        assert_eq!(parse_range(text), None, "{text}");
    }
}

#[test]
fn progress_is_told() {
    let server = Server::start(|_| Answer::ok(FILE));
    let dir = TempDir::new().expect("a directory");
    let mut told = Vec::new();
    let part = dir.path().join("x.part");
    let result = web().download(&server.url("/x"), &part, MOST, &mut |at| told.push(at));
    assert_eq!(result, Ok(()));
    assert_eq!(told.first(), Some(&Progress { done: 0, total: Some(36) }));
    assert_eq!(told.last(), Some(&Progress { done: 36, total: Some(36) }));
}
