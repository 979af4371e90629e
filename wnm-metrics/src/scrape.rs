//! One HTTP client for all endpoints. It can reach nothing but 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{NextTimeout, TcpConnector};
use ureq::{Agent, Error};

use crate::error::Silence;

/// `/metrics` of a busy node has 45 KB.
pub(crate) const METRICS_LIMIT: u64 = 1 << 20;
/// `/metadata` has 1 KB.
pub(crate) const METADATA_LIMIT: u64 = 64 << 10;

/// Asks endpoints, from as many threads as one likes.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
}

/// Leads everywhere to the loopback interface, whatever the host's name. It also spares the thread
/// that the client's own resolver starts for each request that has a time limit.
#[derive(Debug)]
struct Loopback;

impl Resolver for Loopback {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let port = uri.port_u16().ok_or(Error::HostNotFound)?;
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Ok(addresses)
    }
}

impl Client {
    pub(crate) fn new() -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // By default the environment says.
            .proxy(None)
            // Every port is asked twice a cycle at most; what was open may belong to a dead process.
            .max_idle_connections(0)
            .input_buffer_size(16 << 10)
            .output_buffer_size(4 << 10)
            .user_agent(concat!("wnm/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: Agent::with_parts(config, TcpConnector::default(), Loopback) }
    }

    /// The body of `path` at `port`, all of it within `limit` bytes and within `time`.
    pub(crate) fn get(
        &self,
        port: u16,
        path: &str,
        limit: u64,
        time: Duration,
    ) -> Result<String, Silence> {
        if time.is_zero() {
            return Err(Silence::Unasked);
        }
        let request = self.agent.get(format!("http://127.0.0.1:{port}{path}"));
        let request = request.config().timeout_global(Some(time)).build();
        let mut response = request.call().map_err(|error| silence(error, limit, time))?;
        if response.status() != 200 {
            return Err(Silence::Status(response.status().as_u16()));
        }
        // The client calls a body too long when it has as many bytes as the limit says.
        let body = response.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
        let body = body.map_err(|error| silence(error, limit, time))?;
        if body.len() as u64 > limit {
            return Err(Silence::TooLong(limit));
        }
        String::from_utf8(body).map_err(|_| Silence::NotText)
    }
}

fn silence(error: Error, limit: u64, time: Duration) -> Silence {
    match error {
        Error::Timeout(_) => Silence::Late(time),
        Error::BodyExceedsLimit(_) => Silence::TooLong(limit),
        Error::ConnectionFailed => Silence::Refused,
        Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => Silence::Refused,
        Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => Silence::Late(time),
        other => Silence::Transport(other.to_string()),
    }
}
