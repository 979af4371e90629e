//! The web, for two things: small answers, and large files that may come in several goes.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that waits for servers, with a deadline, and keeps what has come"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body, ResponseExt};

use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};

/// A server that says nothing for this long is one that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a file is gone on with when its connection breaks and something has come.
const GOES: usize = 8;

/// A client whose questions are all answered by one deadline, or not at all.
#[derive(Debug)]
pub(crate) struct Web {
    agent: Agent,
    deadline: Instant,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are here.
    pub done: u64,
    /// Of how many, where the server says so.
    pub total: Option<u64>,
}

/// What a part of a file is a part of: another file of that name must not be appended to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PartOf {
    url: String,
    /// The server's own name for these very bytes.
    validator: String,
}

impl Web {
    /// Everything within `budget` from now on.
    pub(crate) fn new(budget: Duration) -> Web {
        Web::with_patience(budget, PATIENCE)
    }

    pub(crate) fn with_patience(budget: Duration, patience: Duration) -> Web {
        let config = Agent::config_builder()
            .user_agent(concat!("wnm/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(5)
            .save_redirect_history(true)
            // A file is what it is: its digest and its size are those of the bytes on the line.
            .accept_encoding("identity")
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .build();
        Web { agent: config.new_agent(), deadline: Instant::now() + budget }
    }

    fn ask(&self, url: &str, headers: &[(&str, String)]) -> ReleaseResult<Response<Body>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(unreachable(url, "there was no time left"));
        }
        // What begins safely must not be led away from that; ureq checks each hop.
        let request = self.agent.get(url).config();
        let request = request.https_only(is_https(url)).timeout_global(Some(left));
        let request = headers
            .iter()
            .fold(request.build(), |request, (name, value)| request.header(*name, value));
        let response = request.call().map_err(|error| of_ureq(url, &error))?;
        let hops = response.get_redirect_history().unwrap_or_default().iter();
        let hops: Vec<String> = hops.map(ToString::to_string).collect();
        match led_astray(url, &hops) {
            Some(to) => Err(astray(url, to)),
            None => Ok(response),
        }
    }

    /// A small answer, whole.
    pub(crate) fn get(&self, url: &str, most: u64) -> ReleaseResult<Vec<u8>> {
        let response = self.ask(url, &[])?;
        refuse_status(url, response.status())?;
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader().take(most + 1);
        reader.read_to_end(&mut bytes).map_err(|error| of_ureq(url, &error.into()))?;
        if bytes.len() as u64 > most {
            return Err(too_large(url, most));
        }
        Ok(bytes)
    }

    /// The file at `url`, into `part`. What was there of the very same file is gone on with; on a
    /// failure that more time could mend, what has come stays.
    pub(crate) fn download(
        &self,
        url: &str,
        part: &Path,
        most: u64,
        tell: &mut dyn FnMut(Progress),
    ) -> ReleaseResult<()> {
        let at_first = begun(url, part).map_or(0, |(length, _)| length);
        let mut last = None;
        for _ in 0..GOES {
            let before = length(part);
            match self.go_on(url, part, most, tell) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind == ReleaseFault::Unreachable => {
                    let came = length(part);
                    if came == 0 {
                        return Err(error);
                    }
                    let stuck = came <= before;
                    last = Some(error);
                    if stuck || Instant::now() >= self.deadline {
                        break;
                    }
                }
                Err(error) => {
                    if error.kind != ReleaseFault::Machine {
                        discard(part);
                    }
                    return Err(error);
                }
            }
        }
        let error = last.unwrap_or_else(|| unreachable(url, "it breaks off again and again"));
        // Whoever asks for the rest at once must find more here than before, or it never ends.
        Err(match begun(url, part) {
            Some((came, _)) if came > at_first => unfinished(url, came, &error),
            Some(_) => error,
            None => {
                discard(part);
                error
            }
        })
    }

    /// One go.
    fn go_on(
        &self,
        url: &str,
        part: &Path,
        most: u64,
        tell: &mut dyn FnMut(Progress),
    ) -> ReleaseResult<()> {
        let here = begun(url, part);
        let headers = match &here {
            Some((length, of)) => {
                vec![("Range", format!("bytes={length}-")), ("If-Range", of.validator.clone())]
            }
            None => Vec::new(),
        };
        let response = self.ask(url, &headers)?;
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && here.is_some() {
            discard(part);
            return self.go_on(url, part, most, tell);
        }
        refuse_status(url, status)?;
        let wanted = here.as_ref().map_or(0, |(length, _)| *length);
        let (start, total) = match status {
            StatusCode::PARTIAL_CONTENT => match range(&response) {
                Some((start, total)) if start == wanted && here.is_some() => (start, total),
                _ => {
                    discard(part);
                    let why = "it answers with another part than it was asked for";
                    return Err(unreachable(url, why));
                }
            },
            _ => (0, number(&response, header::CONTENT_LENGTH)),
        };
        if total.is_some_and(|total| total > most) {
            return Err(too_large(url, most));
        }
        let mut file = self.open(url, part, start, &response)?;
        let mut reader = response.into_body().into_reader();
        let mut done = start;
        let mut buffer = vec![0; 1 << 16];
        tell(Progress { done, total });
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(of_ureq(url, &error.into())),
            };
            done += count as u64;
            if done > most {
                return Err(too_large(url, most));
            }
            file.write_all(&buffer[..count])
                .map_err(|error| ReleaseError::io("write", part, &error))?;
            tell(Progress { done, total });
            // A server that drips would outlast every single wait.
            if Instant::now() >= self.deadline {
                return Err(unreachable(url, "there was no time left"));
            }
        }
        file.sync_all().map_err(|error| ReleaseError::io("write", part, &error))?;
        match total {
            Some(total) if done < total => Err(unreachable(url, "the connection broke off")),
            _ => Ok(()),
        }
    }

    /// The file to write to, from byte `start` on, with what it is a part of beside it.
    fn open(
        &self,
        url: &str,
        part: &Path,
        start: u64,
        response: &Response<Body>,
    ) -> ReleaseResult<File> {
        let failed = |error: io::Error| ReleaseError::io("write", part, &error);
        if start == 0 {
            discard(part);
            if let Some(validator) = validator(response) {
                let of = PartOf { url: url.to_owned(), validator };
                let text = serde_json::to_vec(&of).map_err(|error| failed(error.into()))?;
                fs::write(beside(part), text).map_err(failed)?;
            }
        }
        let opened = OpenOptions::new().create(true).write(true).truncate(false).open(part);
        let mut file = opened.map_err(failed)?;
        file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start))).map_err(failed)?;
        Ok(file)
    }
}

/// What is here of `url`, if the server can say whether that is still the same file.
fn begun(url: &str, part: &Path) -> Option<(u64, PartOf)> {
    let of: PartOf = serde_json::from_slice(&fs::read(beside(part)).ok()?).ok()?;
    let length = length(part);
    (of.url == url && length > 0).then_some((length, of))
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |found| found.len())
}

/// Forgets a part: it is nothing that could be gone on with.
pub(crate) fn discard(part: &Path) {
    let _ = fs::remove_file(beside(part));
    let _ = fs::remove_file(part);
}

fn beside(part: &Path) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    part.with_file_name(name)
}

/// A name of these bytes that is good for going on: a weak one is not.
fn validator(response: &Response<Body>) -> Option<String> {
    let text = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let strong = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| text(header::LAST_MODIFIED))
}

fn number(response: &Response<Body>, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

/// `bytes 100-199/200`: where a part begins, and how much there is in all.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    parse_range(response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?)
}

fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total: Option<u64> = if total == "*" { None } else { Some(total.parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

fn refuse_status(url: &str, status: StatusCode) -> ReleaseResult<()> {
    let said = |kind, what: &str| Err(ReleaseError::new(kind, format!("{url}: {what}")));
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            said(ReleaseFault::NotThere, "there is nothing (404)")
        }
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => said(
            ReleaseFault::Unreachable,
            &format!(
                "the server refuses ({}); a page may be asked so often an hour",
                status.as_u16()
            ),
        ),
        _ => said(ReleaseFault::Unreachable, &format!("the server answers {}", status.as_u16())),
    }
}

fn of_ureq(url: &str, error: &ureq::Error) -> ReleaseError {
    let why = match error {
        ureq::Error::RequireHttpsOnly(to) => {
            return astray(url, to);
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            return ReleaseError::new(ReleaseFault::Wrong, format!("{url}: {error}"));
        }
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host cannot be found".to_owned(),
        error => error.to_string(),
    };
    unreachable(url, &why)
}

/// The first hop that somebody else may be on, where `url` is of a way that nobody else is on.
fn led_astray<'a>(url: &str, hops: &'a [String]) -> Option<&'a str> {
    let open = hops.iter().find(|hop| !is_private(hop));
    open.filter(|_| is_private(url)).map(String::as_str)
}

fn astray(url: &str, to: &str) -> ReleaseError {
    ReleaseError::new(
        ReleaseFault::Untrusted,
        format!("{url} leads to {to}, which anybody on the way could change: refused"),
    )
}

/// True for a way that nobody else is on: this machine, or an encrypted one.
pub(crate) fn is_private(place: &str) -> bool {
    if place.starts_with('/') || is_https(place) {
        return true;
    }
    let Some(scheme) = place.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))
    else {
        return false;
    };
    let authority = place[scheme.len()..].split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn unreachable(url: &str, why: &str) -> ReleaseError {
    ReleaseError::new(ReleaseFault::Unreachable, format!("{url}: {why}"))
}

fn unfinished(url: &str, came: u64, error: &ReleaseError) -> ReleaseError {
    let why = error.what.strip_prefix(url).unwrap_or(&error.what);
    let what = format!("{url}: {came} bytes are here, the rest is not{why}");
    ReleaseError::new(ReleaseFault::Unfinished, what)
        .way_out("run it again: it goes on where it broke off")
}

fn too_large(url: &str, most: u64) -> ReleaseError {
    let what = format!("{url}: it has more than {most} bytes, and no release has");
    ReleaseError::new(ReleaseFault::Misshapen, what)
}

#[cfg(test)]
mod tests;
