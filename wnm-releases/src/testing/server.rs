//! A web server on loopback that can be told to misbehave.
#![expect(clippy::disallowed_methods, reason = "a server that drips waits on purpose")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first byte that is wanted.
    pub(crate) fn range(&self) -> u64 {
        let text = self.header("range").and_then(|text| text.strip_prefix("bytes="));
        text.and_then(|text| text.trim_end_matches('-').parse().ok()).unwrap_or(0)
    }
}

/// What is answered, and how badly.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    cut_after: Option<usize>,
    hang_after: Option<usize>,
    drip: Option<Duration>,
    silent: bool,
    length: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut_after: None,
            hang_after: None,
            drip: None,
            silent: false,
            length: true,
        }
    }

    pub(crate) fn ok(body: &[u8]) -> Answer {
        Answer { body: body.to_vec(), ..Answer::status(200) }
    }

    /// `file` from byte `from` on, under the name `tag`.
    pub(crate) fn part(file: &[u8], from: u64, tag: &str) -> Answer {
        let mut answer = Answer::ok(&file[from as usize..]);
        answer.headers.push(("ETag".into(), tag.into()));
        if from > 0 {
            answer.status = 206;
            let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
            answer.headers.push(("Content-Range".into(), range));
        }
        answer
    }

    pub(crate) fn redirect(to: &str) -> Answer {
        let mut answer = Answer::status(302);
        answer.headers.push(("Location".into(), to.into()));
        answer
    }

    pub(crate) fn silent() -> Answer {
        Answer { silent: true, ..Answer::status(200) }
    }

    pub(crate) fn cut_after(self, bytes: usize) -> Answer {
        Answer { cut_after: Some(bytes), ..self }
    }

    pub(crate) fn hang_after(self, bytes: usize) -> Answer {
        Answer { hang_after: Some(bytes), ..self }
    }

    pub(crate) fn dripping(self, pause: Duration) -> Answer {
        Answer { drip: Some(pause), ..self }
    }

    pub(crate) fn without_length(self) -> Answer {
        Answer { length: false, ..self }
    }

    /// What cannot be written any more was not wanted any more.
    fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        if self.silent {
            wait_for_the_end(stream);
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        if self.length {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        let end = self.cut_after.or(self.hang_after).unwrap_or(self.body.len());
        let body = &self.body[..end.min(self.body.len())];
        match self.drip {
            None => stream.write_all(body)?,
            Some(pause) => {
                for byte in body {
                    stream.write_all(&[*byte])?;
                    thread::sleep(pause);
                }
            }
        }
        if self.hang_after.is_some() {
            wait_for_the_end(stream);
        }
        Ok(())
    }
}

/// Until the other side has gone.
fn wait_for_the_end(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}

/// Answers every request by a function.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    kept.lock().expect("no panic").push(request.clone());
                    let _ = answer(&request).write(&mut stream);
                });
            }
        });
        Server { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    Some(Request { path, headers })
}
