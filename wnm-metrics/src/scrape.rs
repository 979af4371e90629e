//! Asks many endpoints at once, from one thread. It can reach nothing but 127.0.0.1.
#![expect(clippy::disallowed_methods, reason = "this module waits, so it measures how long")]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};

use crate::error::Silence;
use crate::parse::{Answer, http_answer};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) path: &'static str,
    /// Longest body.
    pub(crate) limit: usize,
}

/// `/metrics` of a busy node has 45 KB.
pub(crate) const METRICS: Question = Question { path: "/metrics", limit: 1 << 20 };
/// `/metadata` has 1 KB.
pub(crate) const METADATA: Question = Question { path: "/metadata", limit: 64 << 10 };

const USER_AGENT: &str = concat!("wnm/", env!("CARGO_PKG_VERSION"));
/// So much is read at once: a whole answer, as a rule.
const PIECE: usize = 64 << 10;
/// So many endpoints are dealt with before time is looked at again.
const BATCH: usize = 64;

/// Told how an exchange ended; answers what to ask next of the same endpoint, if anything.
pub(crate) type Tell<'a> =
    dyn FnMut(usize, Result<&str, Silence>) -> Option<&'static Question> + 'a;

/// Until when an answer counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) time: Duration,
    pub(crate) end: Instant,
}

/// Exchanges that are going on, each under a key of whoever asks.
pub(crate) struct Client {
    epoll: Epoll,
    exchanges: BTreeMap<usize, Exchange>,
    /// What is read comes here first. With hundreds of exchanges room for each would be most of our memory.
    piece: Vec<u8>,
    /// No exchange is over before this for want of time.
    earliest: Option<Instant>,
}

/// One question at one endpoint.
struct Exchange {
    port: u16,
    question: &'static Question,
    patience: Patience,
    stream: TcpStream,
    /// False while the connection is being made.
    asked: bool,
    /// The connection has served before, so that it may be closed by now.
    reused: bool,
    /// The beginning of an answer that did not come in one piece.
    held: Vec<u8>,
}

/// How far an exchange is.
enum Progress<'a> {
    Waits,
    /// The connection is there, and the question was sent.
    Asked,
    /// The connection is gone, and nothing came since it was used before.
    Closed,
    Whole {
        body: &'a [u8],
        stays: bool,
    },
}

impl Client {
    pub(crate) fn new() -> io::Result<Client> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Client { epoll, exchanges: BTreeMap::new(), piece: vec![0; PIECE], earliest: None })
    }

    /// How many exchanges are going on.
    pub(crate) fn open(&self) -> usize {
        self.exchanges.len()
    }

    /// Asks at `port`. An error is the answer already, and nobody is told of it.
    pub(crate) fn ask(
        &mut self,
        key: usize,
        port: u16,
        question: &'static Question,
        patience: Patience,
    ) -> Result<(), Silence> {
        if patience.time.is_zero() {
            return Err(Silence::Unasked);
        }
        let stream = connect(port)?;
        let (asked, reused, held) = (false, false, Vec::new());
        let mut exchange = Exchange { port, question, patience, stream, asked, reused, held };
        // On the loopback interface the connection is there at once, as a rule.
        exchange.send()?;
        self.epoll.add(&exchange.stream, exchange.interest(key)).map_err(io::Error::from)?;
        let earliest = self.earliest.map_or(patience.end, |earliest| earliest.min(patience.end));
        self.earliest = Some(earliest);
        self.exchanges.insert(key, exchange);
        Ok(())
    }

    /// Waits until something comes or the time of something is up, and tells of all that ended.
    pub(crate) fn wait(&mut self, tell: &mut Tell<'_>) {
        let Some(earliest) = self.earliest else { return };
        let left = earliest.saturating_duration_since(Instant::now());
        // Rounded up: who wakes too early has to wait again.
        let ms = u16::try_from(left.as_millis()).map_or(u16::MAX, |ms| ms.saturating_add(1));
        self.hear(ms, tell);
        let now = Instant::now();
        if self.exchanges.is_empty() {
            self.earliest = None;
        } else if now >= earliest {
            // An answer that is there is not late because nobody came to read it. Each is heard once:
            // whoever drips must not go on for ever.
            for _ in 0..=self.exchanges.len() / BATCH {
                if self.hear(0, tell) < BATCH {
                    break;
                }
            }
            self.cut(now, tell);
        }
    }

    /// Deals with what comes within `ms`, a batch at most; answers how much came.
    fn hear(&mut self, ms: u16, tell: &mut Tell<'_>) -> usize {
        let mut events = [EpollEvent::empty(); BATCH];
        let count = match self.epoll.wait(&mut events, ms) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => {
                self.give_up(&errno.into(), tell);
                0
            }
        };
        for event in &events[..count] {
            if let Ok(key) = usize::try_from(event.data()) {
                self.advance(key, tell);
            }
        }
        count
    }

    fn advance(&mut self, key: usize, tell: &mut Tell<'_>) {
        let Some(mut exchange) = self.exchanges.remove(&key) else { return };
        match exchange.progress(&mut self.piece) {
            Ok(Progress::Waits) => drop(self.exchanges.insert(key, exchange)),
            Ok(Progress::Asked) => {
                match self.epoll.modify(&exchange.stream, &mut exchange.interest(key)) {
                    Ok(()) => drop(self.exchanges.insert(key, exchange)),
                    Err(errno) => drop(tell(key, Err(io::Error::from(errno).into()))),
                }
            }
            Ok(Progress::Whole { body, stays }) => {
                match tell(key, std::str::from_utf8(body).map_err(|_| Silence::NotText)) {
                    Some(next) if stays => self.ask_again(key, exchange, next, tell),
                    Some(next) => self.ask_anew(key, exchange, next, tell),
                    None => {}
                }
            }
            Ok(Progress::Closed) => {
                let question = exchange.question;
                self.ask_anew(key, exchange, question, tell);
            }
            Err(silence) => drop(tell(key, Err(silence))),
        }
    }

    /// Asks by the same connection.
    fn ask_again(
        &mut self,
        key: usize,
        mut exchange: Exchange,
        question: &'static Question,
        tell: &mut Tell<'_>,
    ) {
        (exchange.question, exchange.reused) = (question, true);
        exchange.held.clear();
        match exchange.send() {
            Ok(()) => drop(self.exchanges.insert(key, exchange)),
            Err(_) => self.ask_anew(key, exchange, question, tell),
        }
    }

    /// Asks by a new connection.
    fn ask_anew(
        &mut self,
        key: usize,
        exchange: Exchange,
        question: &'static Question,
        tell: &mut Tell<'_>,
    ) {
        let Exchange { port, patience, .. } = exchange;
        if let Err(silence) = self.ask(key, port, question, patience) {
            tell(key, Err(silence));
        }
    }

    /// Ends what has no time left.
    fn cut(&mut self, now: Instant, tell: &mut Tell<'_>) {
        let is_late = |_: &usize, exchange: &mut Exchange| exchange.patience.end <= now;
        let late: Vec<(usize, Exchange)> = self.exchanges.extract_if(.., is_late).collect();
        self.earliest = self.exchanges.values().map(|exchange| exchange.patience.end).min();
        for (key, exchange) in late {
            tell(key, Err(Silence::Late(exchange.patience.time)));
        }
    }

    /// Nothing can be waited for, so nothing will ever come.
    fn give_up(&mut self, error: &io::Error, tell: &mut Tell<'_>) {
        for key in std::mem::take(&mut self.exchanges).into_keys() {
            tell(key, Err(Silence::Transport(error.to_string())));
        }
    }
}

impl Exchange {
    fn interest(&self, key: usize) -> EpollEvent {
        let awaited = if self.asked { EpollFlags::EPOLLIN } else { EpollFlags::EPOLLOUT };
        EpollEvent::new(awaited, key as u64)
    }

    /// Sends the question, unless the connection is still being made.
    fn send(&mut self) -> Result<(), Silence> {
        let Question { path, .. } = self.question;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: {USER_AGENT}\r\n\r\n");
        match self.stream.write(request.as_bytes()) {
            Ok(sent) if sent == request.len() => self.asked = true,
            Ok(_) => return Err(Silence::Transport("it takes no questions".to_owned())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.asked = false,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads what is there, once, by way of `piece`: whoever has more to say is heard again.
    fn progress<'a>(&'a mut self, piece: &'a mut [u8]) -> Result<Progress<'a>, Silence> {
        // The other side may close a connection between two questions.
        let may_close = self.reused && self.held.is_empty();
        if !self.asked {
            return match self.send() {
                Ok(()) => Ok(if self.asked { Progress::Asked } else { Progress::Waits }),
                Err(_) if may_close => Ok(Progress::Closed),
                Err(silence) => Err(silence),
            };
        }
        let came = match self.stream.read(piece) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waits),
            Ok(0) | Err(_) if may_close => return Ok(Progress::Closed),
            Ok(count) => count,
            Err(error) => return Err(error.into()),
        };
        let (piece, limit) = (&mut piece[..came], self.question.limit);
        if self.held.is_empty()
            && let Answer::Whole { body, stays } = http_answer(piece, came == 0, limit)?
        {
            return Ok(Progress::Whole { body: &piece[body], stays });
        }
        self.held.extend_from_slice(piece);
        Ok(match http_answer(&mut self.held, came == 0, limit)? {
            Answer::Unfinished => Progress::Waits,
            Answer::Whole { body, stays } => Progress::Whole { body: &self.held[body], stays },
        })
    }
}

/// A connection that is there or on its way: a node whose queue is full must not hold us up.
fn connect(port: u16) -> Result<TcpStream, Silence> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let made: nix::Result<OwnedFd> =
        socket::socket(AddressFamily::Inet, SockType::Stream, flags, None);
    let stream = TcpStream::from(made.map_err(io::Error::from)?);
    match socket::connect(stream.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(stream),
        Err(errno) => Err(io::Error::from(errno).into()),
    }
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Silence {
        match error.kind() {
            ErrorKind::ConnectionRefused => Silence::Refused,
            _ => Silence::Transport(error.to_string()),
        }
    }
}
