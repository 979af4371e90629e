//! An answer of HTTP/1 to a plain GET, as far as it has come. Whatever it is, it is read once, and
//! nothing of it is trusted.

use std::ops::Range;

use crate::error::Silence;

/// What was read so far comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// More is to come.
    Unfinished,
    /// All of it is there.
    Whole {
        /// Where its body lies.
        body: Range<usize>,
        /// The connection may be used for another question.
        stays: bool,
    },
}

/// A head has some hundred bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// Looks at `bytes`, of which a body of at most `limit` bytes is taken; `ended` when no more will
/// come. A chunked body is joined in place.
pub(crate) fn http_answer(bytes: &mut [u8], ended: bool, limit: usize) -> Result<Answer, Silence> {
    let Some(end) = end_of_head(bytes) else {
        return match () {
            () if ended && bytes.is_empty() => Err(broken("it closed without an answer")),
            () if ended => Err(broken("it broke off within its head")),
            () if bytes.len() > HEAD_LIMIT => Err(broken("its head has no end")),
            () => Ok(Answer::Unfinished),
        };
    };
    let head = Head::read(&bytes[..end]).ok_or_else(|| broken("this is no HTTP"))?;
    if head.status != 200 {
        return Err(Silence::Status(head.status));
    }
    let too_long = || Silence::TooLong(limit as u64);
    let came = bytes.len() - end;
    match head.body {
        Body::Long(length) if length > limit => Err(too_long()),
        Body::Long(length) if came >= length => {
            Ok(Answer::Whole { body: end..end + length, stays: head.stays && came == length })
        }
        Body::Chunked => match join_chunks(bytes, end, limit)? {
            Some(length) => Ok(Answer::Whole { body: end..end + length, stays: false }),
            // Chunks have heads of their own; what is far longer than the limit is too long.
            None if came > 2 * limit => Err(too_long()),
            None if ended => Err(broken("it broke off")),
            None => Ok(Answer::Unfinished),
        },
        Body::UntilClosed if came > limit => Err(too_long()),
        Body::UntilClosed if ended => Ok(Answer::Whole { body: end..bytes.len(), stays: false }),
        Body::Long(_) if ended => Err(broken("it broke off")),
        Body::Long(_) | Body::UntilClosed => Ok(Answer::Unfinished),
    }
}

fn broken(why: &str) -> Silence {
    Silence::Transport(why.to_owned())
}

/// Behind the blank line.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let within = &bytes[..bytes.len().min(HEAD_LIMIT)];
    within.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

enum Body {
    Long(usize),
    Chunked,
    UntilClosed,
}

struct Head {
    status: u16,
    body: Body,
    stays: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split("\r\n");
        let (version, rest) = lines.next()?.strip_prefix("HTTP/1.")?.split_once(' ')?;
        let status = rest.split(' ').next()?.parse().ok()?;
        let mut head = Head { status, body: Body::UntilClosed, stays: version == "1" };
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            let (is, value) = (|known| name.eq_ignore_ascii_case(known), value.trim());
            if is("connection") {
                head.stays &= !value.eq_ignore_ascii_case("close");
            } else if is("transfer-encoding") {
                // Of these only one may be sent to who did not ask for any.
                head.body = value.eq_ignore_ascii_case("chunked").then_some(Body::Chunked)?;
            } else if is("content-length") && !matches!(head.body, Body::Chunked) {
                head.body = Body::Long(value.parse().ok()?);
            }
        }
        Some(head)
    }
}

/// Joins the chunks behind `start` once all of them are there; answers their length.
fn join_chunks(bytes: &mut [u8], start: usize, limit: usize) -> Result<Option<usize>, Silence> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    let (mut at, mut length) = (start, 0);
    loop {
        let Some(line) = bytes[at..].windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + line]).ok();
        let size = size.and_then(|line| line.split(';').next());
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size = size.ok_or_else(|| broken("its chunks make no sense"))?;
        let begin = at + line + 2;
        if size == 0 {
            break;
        }
        length += size.min(limit + 1);
        if length > limit {
            return Err(Silence::TooLong(limit as u64));
        }
        if bytes.len() < begin + size + 2 {
            return Ok(None);
        }
        chunks.push(begin..begin + size);
        at = begin + size + 2;
    }
    let mut to = start;
    for chunk in chunks {
        let end = to + chunk.len();
        bytes.copy_within(chunk, to);
        to = end;
    }
    Ok(Some(length))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn whole(text: &str, ended: bool) -> Result<(String, bool), String> {
        let mut bytes = text.as_bytes().to_vec();
        match http_answer(&mut bytes, ended, 8).map_err(|silence| silence.to_string())? {
            Answer::Unfinished => Err("unfinished".to_owned()),
            Answer::Whole { body, stays } => {
                Ok((String::from_utf8(bytes[body].to_vec()).unwrap(), stays))
            }
        }
    }

    fn body(text: &str, stays: bool) -> Result<(String, bool), String> {
        Ok((text.to_owned(), stays))
    }

    #[test]
    fn the_three_ways_to_end_a_body() {
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(whole(long, false), body("abc", true));
        let close = "HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(whole(close, false), body("abc", false));
        let old = "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(whole(old, false), body("abc", false));
        let more = format!("{long}HTTP");
        assert_eq!(whole(&more, false), body("abc", false), "nobody asked for more");
        let until = "HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(whole(until, false), Err("unfinished".to_owned()));
        assert_eq!(whole(until, true), body("abc", false));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(whole(chunked, false), body("abcde", false));
    }

    #[test]
    fn every_beginning_is_unfinished_and_breaks_off() {
        let texts = [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        ];
        for text in texts {
            for end in 0..text.len() {
                assert_eq!(whole(&text[..end], false), Err("unfinished".to_owned()), "{end}");
                let broken = whole(&text[..end], true).unwrap_err();
                assert!(broken.starts_with("it "), "{end}: {broken}");
            }
        }
    }

    #[test]
    fn the_limit_counts_the_body() {
        let of =
            |head: &str, body: &str| whole(&format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}"), true);
        let too_long = Err("an answer of more than 8 bytes".to_owned());
        assert_eq!(of("", "12345678"), body("12345678", false));
        assert_eq!(of("", "123456789"), too_long);
        assert_eq!(of("content-length: 9\r\n", ""), too_long);
        assert_eq!(
            of("content-length: 99999999999999999999999\r\n", ""),
            Err("this is no HTTP".into())
        );
        let chunked = "transfer-encoding: chunked\r\n";
        assert_eq!(of(chunked, "5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n"), too_long);
        assert_eq!(of(chunked, "ffffffffffffffff\r\n1"), too_long);
        assert_eq!(of(chunked, "x\r\n1"), Err("its chunks make no sense".into()));
    }

    #[test]
    fn what_is_no_good_answer() {
        for text in ["SSH-2.0-hello\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 x\r\n\r\n"] {
            assert_eq!(whole(text, false), Err("this is no HTTP".to_owned()), "{text}");
        }
        let status = "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\n";
        assert_eq!(whole(status, false), Err("HTTP status 404".to_owned()));
        let endless = "HTTP/1.1 200 OK\r\nx: ".to_owned() + &"a".repeat(HEAD_LIMIT);
        assert_eq!(whole(&endless, false), Err("its head has no end".to_owned()));
    }
}
