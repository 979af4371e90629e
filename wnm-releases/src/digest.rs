//! SHA-256 of files, as numbers and as text.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// A text that is no SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256: give its 64 hex digits")]
pub struct BadDigest(pub String);

impl Digest {
    /// Of everything that `reader` still has, with how many bytes that were.
    pub fn of(reader: &mut dyn Read) -> io::Result<(Digest, u64)> {
        let mut hasher = Hasher::default();
        io::copy(reader, &mut hasher)?;
        Ok(hasher.finish())
    }

    /// The digest of the file `name` in a list as `sha256sum` writes it.
    pub fn listed(sums: &str, name: &str) -> Option<Digest> {
        let of = |line: &str| {
            let (digest, file) = line.split_once(char::is_whitespace)?;
            let file = file.trim_start().trim_start_matches('*').trim_start_matches("./");
            (file.trim_end() == name).then(|| digest.parse().ok()).flatten()
        };
        sums.lines().find_map(of)
    }
}

/// Hashes what is written to it.
#[derive(Debug, Default)]
pub(crate) struct Hasher {
    state: Sha256,
    bytes: u64,
}

impl Hasher {
    pub(crate) fn finish(self) -> (Digest, u64) {
        (Digest(self.state.finalize().into()), self.bytes)
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of a text of hex digits; white space between them does not count.
pub(crate) fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let pairs = digits?;
    let whole = pairs.len().is_multiple_of(2);
    whole.then(|| pairs.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Digest, BadDigest> {
        let plain = text.len() == 64 && !text.contains(char::is_whitespace);
        let bytes = plain.then(|| bytes_of_hex(text)).flatten();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Digest).ok_or_else(|| BadDigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one of FIPS 180-4's examples, and of nothing.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn known_answers() {
        for (text, known) in [("abc", ABC), ("", NOTHING)] {
            let (digest, bytes) = Digest::of(&mut text.as_bytes()).expect("readable");
            assert_eq!((digest.to_string().as_str(), bytes), (known, text.len() as u64));
            assert_eq!(known.parse(), Ok(digest));
            assert_eq!(known.to_uppercase().parse(), Ok(digest));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "ab", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), "  "] {
            assert_eq!(text.parse::<Digest>(), Err(BadDigest(text.to_owned())));
        }
    }

    #[test]
    fn lists_of_sha256sum() {
        let sums = format!("{NOTHING}  a.tar.gz.sig\n{ABC}  a.tar.gz\n{NOTHING} *./b c\nx  d\n");
        let found = |name| Digest::listed(&sums, name).map(|digest| digest.to_string());
        assert_eq!(found("a.tar.gz").as_deref(), Some(ABC));
        assert_eq!(found("b c").as_deref(), Some(NOTHING));
        assert_eq!((found("tar.gz"), found("d"), found("")), (None, None, None));
    }
}
