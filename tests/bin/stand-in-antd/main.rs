//! A daemon that answers as the `ant` daemon of ant-core 0.14.0 was seen to: the same files, the same
//! REST, the same supervision with its faults. It is strict about what it is told.
#![expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a program of its own")]

mod nodes;

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use serde_json::{Value, json};

use nodes::{Nodes, Refusal};

fn main() {
    // Before any thread exists, so that all of them inherit the mask.
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGINT);
    ends.thread_block().expect("signals can be blocked");
    let home = home();
    fs::create_dir_all(&home).expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let nodes = Arc::new(Nodes::load(&home).unwrap_or_else(|error| {
        eprintln!("{error}");
        process::exit(1);
    }));
    nodes.adopt();
    let files = [("daemon.port", u32::from(port)), ("daemon.pid", process::id())];
    for (name, number) in files {
        fs::write(home.join(name), number.to_string()).expect("a file");
    }
    let daemon = Daemon { home: home.clone(), nodes, port, started: Instant::now() };
    thread::spawn(move || daemon.serve(&listener));
    // Only Ctrl-C ends it tidily; anything else leaves its files behind, as with the real one.
    ends.wait().expect("a signal");
    for (name, _) in files {
        fs::remove_file(home.join(name)).ok();
    }
}

fn home() -> PathBuf {
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let below = || PathBuf::from(env::var_os("HOME").expect("HOME")).join(".local/share");
    data.unwrap_or_else(below).join("ant")
}

#[derive(Debug, Clone)]
struct Daemon {
    home: PathBuf,
    nodes: Arc<Nodes>,
    port: u16,
    started: Instant,
}

struct Request {
    method: String,
    path: String,
    kind: String,
    body: String,
}

impl Daemon {
    fn serve(self, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let daemon = self.clone();
            // A client that goes away is its own affair.
            thread::spawn(move || daemon.connection(&stream).ok());
        }
    }

    fn connection(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read(&mut reader)? {
            let (status, body) = match self.misbehaviour().as_str() {
                "hang" => loop {
                    thread::park();
                },
                "garbage" => (200, "<html>It works!</html>".to_owned()),
                "huge" => (200, format!("{{\"nodes\":\"{}\"}}", "x".repeat(5 << 20))),
                "drip" => {
                    write!(&mut &*stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
                    loop {
                        (&*stream).write_all(b"{")?;
                        thread::sleep(Duration::from_millis(100));
                    }
                }
                "error" => (500, json!({ "error": "out of order" }).to_string()),
                _ => self.answer(&request),
            };
            write!(
                &mut &*stream,
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
        }
        Ok(())
    }

    /// Read at each request, so that a test can change its mind.
    fn misbehaviour(&self) -> String {
        fs::read_to_string(self.home.join("stand-in.conf")).unwrap_or_default().trim().to_owned()
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        let path = request.path.strip_prefix("/api/v1/").unwrap_or("");
        let parts: Vec<&str> = path.split('/').collect();
        let answered = match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["status"]) => Ok((200, self.status())),
            ("GET", ["health"]) => Ok((200, json!({ "overall": "green", "checks": [] }))),
            ("GET", ["nodes", "status"]) => Ok((200, self.nodes.summaries())),
            ("POST", ["nodes"]) if request.kind != "application/json" => {
                Err(Refusal::new(415, "Expected request with `Content-Type: application/json`"))
            }
            ("POST", ["nodes"]) if self.misbehaviour().starts_with("race") => {
                // Somebody else's comes first.
                self.nodes
                    .add(&request.body)
                    .and_then(|_| self.nodes.add(&request.body))
                    .map(|it| (201, it))
            }
            ("DELETE", ["nodes", _]) if self.misbehaviour() == "race-keep" => {
                Err(Refusal::new(500, "the registry is busy"))
            }
            ("POST", ["nodes"]) => self.nodes.add(&request.body).map(|it| (201, it)),
            ("GET", ["nodes", id]) => on(id, |id| self.nodes.detail(id)),
            ("DELETE", ["nodes", id]) => on(id, |id| self.nodes.remove(id)),
            ("POST", ["nodes", id, "start"]) => on(id, |id| self.nodes.start(id)),
            ("POST", ["nodes", id, "stop"]) => on(id, |id| self.nodes.stop(id)),
            // Not in the real one: what it does by itself on a full disk.
            ("POST", ["stand-in", "evict", id]) => on(id, |id| self.nodes.evict(id)),
            _ => Err(Refusal::new(404, "")),
        };
        match answered {
            Ok((status, body)) => (status, body.to_string()),
            Err(refusal) => (refusal.status, refusal.body.to_string()),
        }
    }

    fn status(&self) -> Value {
        let [running, stopped, errored] = self.nodes.counts();
        json!({
            "running": true,
            "pid": process::id(),
            "port": self.port,
            "uptime_secs": self.started.elapsed().as_secs(),
            "nodes_total": running + stopped + errored,
            "nodes_running": running,
            "nodes_stopped": stopped,
            "nodes_errored": errored,
        })
    }
}

fn on(
    id: &str,
    answer: impl FnOnce(u32) -> Result<Value, Refusal>,
) -> Result<(u16, Value), Refusal> {
    match id.parse() {
        Ok(id) => answer(id).map(|it| (200, it)),
        Err(_) => Err(Refusal::new(400, "Invalid URL: Cannot parse to a `u32`")),
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut kind) = (0, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "content-type" => kind = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { method, path, kind, body }))
}
