//! A node as far as a cycle can see: a process of its own with a node's command line, a UDP port,
//! and an endpoint that answers with the 43 kB of a real one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use crate::Done;

const METRICS: &str = include_str!("../fixtures/antnode-metrics.txt");
const METADATA: &str = include_str!("../fixtures/antnode-metadata.txt");

/// How a node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Well,
    /// Never.
    Hangs,
}

/// What `antnode --version` prints: the node program of a world is this very program.
pub(crate) fn version() -> Done {
    println!("Autonomi Node v0.4.17\nNetwork version: ant/1.0/1");
    Ok(())
}

/// `node --root-dir DIRECTORY --port UDP --metrics-server-port TCP [--hang]`. One thread, and a
/// connection after the other: who asks is alone.
pub(crate) fn main(words: &[&str]) -> Done {
    // Whatever happens to who started us, we do not stay.
    set_pdeathsig(Signal::SIGKILL).map_err(|error| error.to_string())?;
    let [_, _, _, udp, _, tcp, rest @ ..] = words else {
        return Err(format!("no such node: {words:?}"));
    };
    let port = |text: &str| text.parse::<u16>().map_err(|error| format!("{text}: {error}"));
    let fail = |error: std::io::Error| format!("ports {udp}, {tcp}: {error}");
    let _socket = UdpSocket::bind(("127.0.0.1", port(udp)?)).map_err(fail)?;
    let listener = TcpListener::bind(("127.0.0.1", port(tcp)?)).map_err(fail)?;
    let (metrics, metadata) = (answer("200 OK", METRICS), answer("200 OK", METADATA));
    let nothing = answer("404 Not Found", "Not found try localhost:[port]/metrics");
    for mut stream in listener.incoming().flatten() {
        if rest.contains(&"--hang") {
            loop {
                thread::park();
            }
        }
        while let Some(target) = request(&mut stream) {
            let bytes = match target.as_str() {
                "/metrics" => &metrics,
                "/metadata" => &metadata,
                _ => &nothing,
            };
            if stream.write_all(bytes).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// As the real ones: with its length, and the connection stays.
fn answer(status: &str, body: &str) -> Vec<u8> {
    let kind = "application/openmetrics-text;charset=utf-8;version=1.0.0";
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The target of the next request; `None` when the other side has no more.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split(' ').nth(1)?.to_owned())
}
