//! The least that any program can do for a cycle's work: a connection to every node, all bytes
//! read once into one buffer, and one small file made durable.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use crate::Done;

/// `floor FIRST-PORT COUNT FILE THREADS`.
pub(crate) fn main(words: &[&str]) -> Done {
    let [first, count, file, threads] = words else {
        return Err(format!("no such floor: {words:?}"));
    };
    let number = |text: &str| text.parse::<u16>().map_err(|error| format!("{text}: {error}"));
    let (next, end) = (AtomicU16::new(number(first)?), number(first)? + number(count)?);
    let work = || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let port = next.fetch_add(1, Ordering::Relaxed);
            if port >= end {
                return Ok(());
            }
            read(port, &mut buffer).map_err(|error| format!("port {port}: {error}"))?;
        }
    };
    let workers = number(threads)?.min(number(count)?);
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = helpers.into_iter().map(|helper| helper.join().unwrap_or(Ok(())));
        joined.fold(own, |all: Done, one| all.and(one))
    })?;
    let durable = || {
        let mut file = File::create(file)?;
        file.write_all(&[0; 4096])?;
        file.sync_all()
    };
    durable().map_err(|error: std::io::Error| format!("{file}: {error}"))
}

fn read(port: u16, buffer: &mut [u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    let mut read = stream.read(buffer)?;
    let mut left = length(&buffer[..read]).saturating_sub(read);
    while left > 0 {
        read = stream.read(buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(read);
    }
    Ok(())
}

/// Head and body together, by the node's own word.
fn length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return 0 };
    let body = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    head.len() + 4 + body.and_then(|length| length.parse().ok()).unwrap_or(0)
}
