use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{METRICS, Server, hanging, respond};
use crate::error::Silence;
use crate::scrape::{Client, METADATA, METRICS as QUESTION, Patience, Question};

/// Time for what must answer; far more than it takes.
const PLENTY: Duration = Duration::from_secs(20);
/// Time for what never will.
const BRIEF: Duration = Duration::from_millis(300);

fn get(port: u16, time: Duration) -> Result<String, Silence> {
    ask(port, &QUESTION, time)
}

/// One question, and nothing else going on.
fn ask(port: u16, question: &'static Question, time: Duration) -> Result<String, Silence> {
    let mut client = Client::new().unwrap();
    client.ask(7, port, question, Patience { time, end: Instant::now() + time })?;
    let mut told = None;
    while client.open() > 0 {
        client.wait(&mut |key, answer| {
            assert_eq!(key, 7);
            told = Some(answer.map(str::to_owned));
            None
        });
    }
    told.unwrap()
}

fn why(port: u16, time: Duration) -> String {
    get(port, time).unwrap_err().to_string()
}

/// Asserts that `port` is cut off soon after `BRIEF`.
fn assert_late(port: u16) {
    let started = Instant::now();
    assert_eq!(why(port, BRIEF), "no answer within 0.3 s");
    let took = started.elapsed();
    assert!((BRIEF..BRIEF + Duration::from_secs(3)).contains(&took), "{took:?}");
}

#[test]
fn a_good_answer() {
    assert_eq!(get(Server::healthy().port, PLENTY).unwrap(), METRICS);
}

#[test]
fn an_error_status_is_silence() {
    let server = Server::fixed("404 Not Found", "", METRICS.as_bytes());
    assert_eq!(why(server.port, PLENTY), "HTTP status 404");
    let server = Server::fixed("204 No Content", "", b"");
    assert_eq!(why(server.port, PLENTY), "HTTP status 204");
}

#[test]
fn redirects_are_not_followed() {
    let aim = Server::healthy();
    let aim_port = aim.port;
    let server = Server::new(move |_, mut stream| {
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{aim_port}/metrics\r\n\
             Content-Length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
    });
    assert_eq!(why(server.port, PLENTY), "HTTP status 302");
    assert_eq!((server.hits(), aim.hits()), (1, 0));
}

#[test]
fn an_endless_body_is_cut() {
    let server = Server::new(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    });
    assert_eq!(why(server.port, PLENTY), "an answer of more than 1048576 bytes");
}

#[test]
fn the_limit_itself_is_allowed() {
    let measured = Server::fixed("200 OK", "", b"12345678");
    let unmeasured = Server::new(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345678").unwrap();
    });
    for server in [measured, unmeasured] {
        assert_eq!(
            ask(server.port, &Question { path: "/", limit: 8 }, PLENTY).unwrap(),
            "12345678"
        );
        let short = ask(server.port, &Question { path: "/", limit: 7 }, PLENTY);
        assert!(matches!(short, Err(Silence::TooLong(7))));
    }
}

#[test]
fn bytes_that_are_no_text_are_garbage() {
    let server = Server::fixed("200 OK", "", b"ant_node_uptime \xff\xfe");
    assert_eq!(why(server.port, PLENTY), "garbage: the answer is not text");
}

#[test]
fn something_else_than_http_is_silence() {
    let server = Server::new(|_, mut stream| stream.write_all(b"SSH-2.0-hello\r\n\r\n").unwrap());
    assert!(matches!(get(server.port, PLENTY), Err(Silence::Transport(_))));
}

#[test]
fn an_answer_that_breaks_off_is_silence() {
    let server = Server::new(|_, mut stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nant_node_uptime 1\n")
            .unwrap();
    });
    assert!(matches!(get(server.port, PLENTY), Err(Silence::Transport(_))));
}

#[test]
fn a_body_that_drips_is_cut_at_the_deadline() {
    assert_late(dripping(b"HTTP/1.1 200 OK\r\n\r\n").port);
}

#[test]
fn a_head_that_drips_is_cut_at_the_deadline() {
    assert_late(dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ").port);
}

/// Says `head`, then a byte now and then, for ever: each comes well within any per-read limit.
fn dripping(head: &'static [u8]) -> Server {
    Server::new(move |_, mut stream| {
        stream.write_all(head).unwrap();
        while stream.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    })
}

#[test]
fn one_that_never_answers_is_cut_at_the_deadline() {
    let (_listener, port) = hanging();
    assert_late(port);
    // Also when the request was taken and read.
    let server = Server::new(|_, stream: TcpStream| {
        thread::park();
        drop(stream);
    });
    assert_late(server.port);
    assert_eq!(server.hits(), 1);
}

#[test]
fn a_closed_port_refuses() {
    // Our end of a connection: it does not listen, and no other test comes by its port meanwhile.
    let (listener, _) = hanging();
    let kept = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = kept.local_addr().unwrap().port();
    assert_eq!(why(port, PLENTY), "connection refused");
}

#[test]
fn without_time_nobody_is_asked() {
    let server = Server::healthy();
    assert!(matches!(get(server.port, Duration::ZERO), Err(Silence::Unasked)));
    assert_eq!(server.hits(), 0);
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let (server, proxy) = (Server::healthy(), Server::healthy());
    let address = format!("http://127.0.0.1:{}", proxy.port);
    // The environment of this process is shared by all tests, so a child does it.
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "tests::scrape::child_asks_once"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &address);
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = child.env("WNM_TEST_PORT", server.port.to_string()).output().unwrap();

    assert!(output.status.success(), "{output:?}");
    assert_eq!((server.hits(), proxy.hits()), (1, 0));
}

/// The child of the test above; without a port there is nothing to ask.
#[test]
fn child_asks_once() {
    if let Ok(port) = env::var("WNM_TEST_PORT") {
        assert_eq!(get(port.parse().unwrap(), PLENTY).unwrap(), METRICS);
    }
}

#[test]
fn the_second_question_takes_the_same_connection_where_that_stays() {
    let server = Server::new(|path, stream| {
        assert_eq!(path, "/metrics");
        respond(stream.try_clone().unwrap(), "200 OK", "", b"one");
        let mut next = [0; 1024];
        let count = (&stream).read(&mut next).unwrap();
        assert!(next[..count].starts_with(b"GET /metadata "));
        respond(stream, "200 OK", "", b"two");
    });
    let mut client = Client::new().unwrap();
    let patience = Patience { time: PLENTY, end: Instant::now() + PLENTY };
    client.ask(1, server.port, &QUESTION, patience).unwrap();
    let mut told = Vec::new();
    while client.open() > 0 {
        client.wait(&mut |_, answer| {
            told.push(answer.unwrap().to_owned());
            (told.len() == 1).then_some(&METADATA)
        });
    }
    assert_eq!((told, server.hits()), (vec!["one".to_owned(), "two".to_owned()], 1));
}

#[test]
fn many_that_hang_do_not_hold_up_one_another() {
    let hanging: Vec<_> = (0..100).map(|_| hanging()).collect();
    let healthy = Server::healthy();
    let mut client = Client::new().unwrap();
    let started = Instant::now();
    let patience = Patience { time: BRIEF, end: started + BRIEF };
    for (key, (_, port)) in hanging.iter().enumerate() {
        client.ask(key, *port, &QUESTION, patience).unwrap();
    }
    let plenty = Patience { time: PLENTY, end: started + PLENTY };
    client.ask(100, healthy.port, &QUESTION, plenty).unwrap();
    let (mut late, mut answered) = (0, 0);
    while client.open() > 0 {
        client.wait(&mut |_, answer| {
            match answer {
                Ok(_) => answered += 1,
                Err(silence) => late += usize::from(matches!(silence, Silence::Late(_))),
            }
            None
        });
    }
    assert_eq!((late, answered), (100, 1));
    assert!(started.elapsed() >= BRIEF);
}
