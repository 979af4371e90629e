//! The endpoint of `antnode`: `/metrics`, `/metrics_extended` and `/metadata` on loopback.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// What a real node answered nine minutes after its start.
const METRICS: &str = include_str!("../../fixtures/antnode-metrics.txt");
const METADATA: &str = include_str!("../../fixtures/antnode-metadata.txt");

/// What is served.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// In `/metadata`.
    pub(crate) version: String,
    /// In `/metadata`.
    pub(crate) peer_id: String,
    /// For the uptime.
    pub(crate) started: Instant,
    /// Accept and say nothing.
    pub(crate) hang: bool,
    /// Say nonsense.
    pub(crate) garbage: bool,
    /// While this file is there it is what every request is answered with, behind its first line: `whole`,
    /// `drip` (a byte every 50 ms) or `endless` (over and over).
    pub(crate) raw: PathBuf,
}

impl Endpoint {
    /// Answers for ever, in threads of its own.
    pub(crate) fn serve(self, listener: TcpListener) {
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let endpoint = self.clone();
                // A client that goes away is its own affair.
                thread::spawn(move || endpoint.answer(stream).ok());
            }
        });
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        if self.hang {
            loop {
                thread::park();
            }
        }
        if let Ok(raw) = fs::read(&self.raw) {
            return lie(&stream, &raw);
        }
        let (status, kind, body) = self.respond(request.trim());
        let length = body.len();
        write!(
            &stream,
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
    }

    fn respond(&self, request: &str) -> (&'static str, &'static str, String) {
        let open_metrics = "application/openmetrics-text;charset=utf-8;version=1.0.0";
        let target = request.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
        match target {
            Some("/metrics" | "/metrics_extended") if self.garbage => {
                ("200 OK", "text/html", "<html>\u{fffd}{{ not # metrics NaN NaN".to_owned())
            }
            Some("/metrics" | "/metrics_extended") => ("200 OK", open_metrics, self.metrics()),
            Some("/metadata") => ("200 OK", open_metrics, self.metadata()),
            _ => {
                let hint = "Not found try localhost:[port]/metrics".to_owned();
                ("404 Not Found", "text/plain", hint)
            }
        }
    }

    fn metrics(&self) -> String {
        let uptime = format!("ant_node_uptime {}", self.started.elapsed().as_secs());
        replace_line(METRICS, "ant_node_uptime ", &uptime)
    }

    fn metadata(&self) -> String {
        let info = "ant_node_antnode_version_info{";
        let version = format!("{info}antnode_version=\"{}\"}} 1", self.version);
        let text = replace_line(METADATA, info, &version);
        let info = "ant_networking_peer_id_info{";
        let peer_id = format!("{info}peer_id=\"{}\"}} 1", self.peer_id);
        replace_line(&text, info, &peer_id)
    }
}

fn lie(mut stream: &TcpStream, raw: &[u8]) -> io::Result<()> {
    let (how, bytes) = raw.split_at(raw.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let bytes = bytes.get(1..).unwrap_or_default();
    match how {
        b"drip" => bytes.iter().try_for_each(|byte| {
            thread::sleep(Duration::from_millis(50));
            stream.write_all(&[*byte])
        }),
        b"endless" => loop {
            stream.write_all(bytes)?;
        },
        _ => stream.write_all(bytes),
    }
}

fn replace_line(text: &str, start: &str, line: &str) -> String {
    let swap = |old| {
        if str::starts_with(old, start) { line } else { old }
    };
    text.lines().flat_map(|old| [swap(old), "\n"]).collect()
}
