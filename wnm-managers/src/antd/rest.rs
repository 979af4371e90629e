//! How the daemon is found and asked. It listens on loopback, at a port that it writes down, and
//! believes whoever connects; so everything that it tells is checked as well.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the daemon's files")]

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

use super::parse::{self, Complaint, DaemonStatus, Registry};
use crate::process::alive;

/// A thousand nodes take 200 KB.
const MOST_BODY: u64 = 4 << 20;
/// A thousand nodes take 1 MB.
const MOST_REGISTRY: u64 = 16 << 20;

/// Where the daemon of a user keeps its files.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) directory: PathBuf,
    /// For questions; what takes time has a patience of its own.
    pub(super) patience: Duration,
}

/// A daemon that answered as one.
pub(super) struct Connection<'a> {
    agent: Agent,
    base: String,
    home: &'a Home,
    /// How many nodes it has in mind.
    nodes: u32,
}

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Home {
    /// Finds the daemon and makes sure that it is one, and this user's.
    pub(super) fn connect(&self) -> HostResult<Connection<'_>> {
        let port = self.port()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Never through a proxy, and never to where somebody else points.
            .proxy(None)
            .max_redirects(0);
        let agent = Agent::new_with_config(config.build());
        let connection = Connection {
            agent,
            base: format!("http://127.0.0.1:{port}/api/v1"),
            home: self,
            nodes: 0,
        };
        let reply = connection.get("status")?;
        let said = parse::json::<DaemonStatus>("status", &reply.body);
        let said = said.ok().filter(|said| reply.status == 200 && said.port == Some(port));
        let nodes = said.as_ref().map_or(0, |said| said.nodes_total);
        let pid = said.filter(|said| said.running).and_then(|said| said.pid);
        match pid {
            Some(pid) if self.is_ours(pid) => Ok(Connection { nodes, ..connection }),
            _ => Err(self.unavailable(&format!(
                "port {port}, which {} names, is answered by another program",
                self.port_file().display()
            ))),
        }
    }

    pub(super) fn registry_file(&self) -> PathBuf {
        self.directory.join("node_registry.json")
    }

    /// What lies on disk, whether a daemon runs or not; `None` where there is no registry.
    pub(super) fn registry(&self) -> HostResult<Option<Registry>> {
        match read(&self.registry_file(), MOST_REGISTRY) {
            Ok(text) => parse::registry(&text).map(Some),
            Err(error) if error.kind == FaultKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn port_file(&self) -> PathBuf {
        self.directory.join("daemon.port")
    }

    fn port(&self) -> HostResult<u16> {
        let path = self.port_file();
        let text = match read(&path, 64) {
            Err(error) if error.kind == FaultKind::NotFound => {
                let why = format!("there is no {}", path.display());
                return Err(self.unavailable(&why));
            }
            text => text?,
        };
        text.trim().parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            let op = format!("{} holds `{}`, which is no port", path.display(), text.trim());
            HostError::new(op, FaultKind::Garbled)
        })
    }

    /// Whoever took the port of a daemon that died is not it.
    fn is_ours(&self, pid: u32) -> bool {
        let written = read(&self.directory.join("daemon.pid"), 64).ok();
        written.is_some_and(|text| text.trim() == pid.to_string()) && alive(pid).is_some()
    }

    fn unavailable(&self, why: &str) -> HostError {
        let op =
            format!("the ant daemon does not answer: {why}; `ant node daemon start` starts it");
        HostError::new(op, FaultKind::Unavailable)
    }
}

impl Connection<'_> {
    /// What the daemon keeps of its nodes on disk. Before its first node there is nothing; a registry
    /// that is gone while the daemon still has nodes in mind was lost, and its next word would make
    /// that final.
    pub(super) fn registry(&self) -> HostResult<Registry> {
        let path = self.home.registry_file();
        match self.home.registry()? {
            Some(registry) => Ok(registry),
            None if self.nodes > 0 => {
                let op = format!(
                    "the ant daemon has {} nodes in mind and no {}: give it back that file before \
                     anything else; it forgets them when it is restarted or told to add one",
                    self.nodes,
                    path.display()
                );
                Err(HostError::new(op, FaultKind::Garbled))
            }
            None => Ok(Registry { schema_version: 1, next_id: 1, ..Registry::default() }),
        }
    }

    pub(super) fn get(&self, path: &str) -> HostResult<Reply> {
        let url = format!("{}/{path}", self.base);
        let request = self.agent.get(&url).config().timeout_global(Some(self.home.patience));
        self.reply(&format!("GET {path}"), request.build().call())
    }

    pub(super) fn post(
        &self,
        path: &str,
        body: Option<&str>,
        patience: Duration,
    ) -> HostResult<Reply> {
        let url = format!("{}/{path}", self.base);
        let request = self.agent.post(&url).config().timeout_global(Some(patience)).build();
        let answer = match body {
            Some(body) => request.content_type("application/json").send(body),
            None => request.send_empty(),
        };
        self.reply(&format!("POST {path}"), answer)
    }

    pub(super) fn delete(&self, path: &str, patience: Duration) -> HostResult<Reply> {
        let url = format!("{}/{path}", self.base);
        let request = self.agent.delete(&url).config().timeout_global(Some(patience));
        self.reply(&format!("DELETE {path}"), request.build().call())
    }

    fn reply(
        &self,
        what: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> HostResult<Reply> {
        tracing::debug!(what, "ask the ant daemon");
        let read = answer.and_then(|mut answer| {
            let body = answer.body_mut().with_config().limit(MOST_BODY).read_to_string()?;
            Ok(Reply { status: answer.status().as_u16(), body })
        });
        read.map_err(|error| match error {
            ureq::Error::Timeout(_) => {
                let op = format!("the ant daemon did not answer {what} in time");
                HostError::with(op, FaultKind::Timeout, error)
            }
            ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => {
                self.home.unavailable("nobody listens at its port")
            }
            ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                self.home.unavailable("nobody listens at its port, so its last one has died")
            }
            ureq::Error::BodyExceedsLimit(_) => {
                let op = format!("{what}: the answer is larger than {MOST_BODY} bytes");
                HostError::new(op, FaultKind::Garbled)
            }
            error => HostError::with(
                format!("ask the ant daemon with {what}"),
                FaultKind::Garbled,
                error,
            ),
        })
    }
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it refuses, in its own words.
    pub(super) fn complaint(&self) -> Complaint {
        parse::json("a complaint", &self.body).unwrap_or_else(|_| Complaint {
            error: self.body.trim().chars().take(200).collect(),
            current_state: None,
        })
    }

    /// It as an error.
    pub(super) fn refusal(&self, op: &str) -> HostError {
        let kind = match self.status {
            404 => FaultKind::NotFound,
            409 => FaultKind::Conflict,
            _ => FaultKind::Failed,
        };
        let why = format!("the ant daemon answers {}: {}", self.status, self.complaint().error);
        HostError::with(op, kind, why)
    }
}

fn read(path: &Path, most: u64) -> HostResult<String> {
    let op = || format!("read {}", path.display());
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_string(&mut text))
        .map_err(|error| HostError::io(op(), error))?;
    match text.len() as u64 > most {
        true => Err(HostError::new(format!("{}: it is too large", op()), FaultKind::Garbled)),
        false => Ok(text),
    }
}
