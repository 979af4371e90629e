//! One cycle's text written as what differs from another's.
//!
//! From one minute to the next nearly all of a cycle's JSON stays as it was, and most of what
//! changes are digits: ages, CPU times, memory. So texts are cut into pieces, and a piece is one of
//! three: the same as in the base; the same but for its numbers, of which the differences are
//! written, most of them one byte; or new, written as it is. Only bytes are looked at, so that any
//! text comes back as it was, whatever its shape.

use std::collections::BTreeMap;

/// Pieces end after this, which is where an object ends and more follows.
const SEAM: &[u8] = b"},";
/// A number is so many digits at most, so that with a 1 in front it fits into 64 bits. A longer
/// run of digits is several numbers.
const DIGITS: usize = 18;

/// Kinds of operations, in the lowest bits of a number whose others say how many or how far.
const SAME: u64 = 0;
const NUMBERS: u64 = 1;
const JUMP: u64 = 2;
const NEW: u64 = 3;

/// What turns `base` into `text`.
pub(crate) fn encode(base: &[u8], text: &[u8]) -> Vec<u8> {
    let base = pieces(base);
    let mut shapes = Shapes::default();
    let mut out = Output::default();
    let mut next = 0;
    for piece in pieces(text) {
        if base.get(next) == Some(&piece) {
            out.count(SAME);
            next += 1;
            continue;
        }
        let here = base.get(next).is_some_and(|base| alike(base, piece));
        let found = match here {
            true => Some(next),
            false => shapes.find(&base, piece, next),
        };
        let Some(place) = found else {
            out.new_piece(piece);
            continue;
        };
        if place != next {
            out.jump(place as i64 - next as i64);
        }
        if base[place] == piece {
            out.count(SAME);
        } else {
            out.count(NUMBERS);
            out.differences(base[place], piece);
        }
        next = place + 1;
    }
    out.into_bytes()
}

/// `text` again; `None` when `delta` was not made for this base, or is damaged, or would make more
/// than `most` bytes.
pub(crate) fn decode(base: &[u8], delta: &[u8], most: usize) -> Option<Vec<u8>> {
    let base = pieces(base);
    let mut input = Input(delta);
    let (operations, news) = (input.length()?, input.length()?);
    let mut operations = Input(input.take(operations)?);
    let mut news = Input(input.take(news)?);
    let mut differences = input;
    let mut text = Vec::new();
    let mut next = 0usize;
    while !operations.0.is_empty() {
        let operation = operations.number()?;
        let (kind, count) = (operation & 3, operation >> 2);
        match kind {
            SAME | NUMBERS => {
                for _ in 0..count {
                    let piece = base.get(next)?;
                    match kind {
                        SAME => text.extend_from_slice(piece),
                        _ => renumber(piece, &mut differences, &mut text)?,
                    }
                    next += 1;
                    (text.len() <= most).then_some(())?;
                }
            }
            JUMP => {
                let place = i64::try_from(next).ok()?.checked_add(unfolded(count))?;
                next = usize::try_from(place).ok()?;
            }
            _ => text.extend_from_slice(news.take(usize::try_from(count).ok()?)?),
        }
        (text.len() <= most).then_some(())?;
    }
    (news.0.is_empty() && differences.0.is_empty()).then_some(text)
}

fn pieces(text: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let seam = rest.windows(SEAM.len()).position(|window| window == SEAM);
        let (piece, after) = rest.split_at(seam.map_or(rest.len(), |seam| seam + SEAM.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The pieces of the base by what they look like without their numbers.
#[derive(Default)]
struct Shapes(Option<BTreeMap<Vec<u8>, Vec<usize>>>);

impl Shapes {
    /// A piece that differs in numbers at most: the next one, else the first.
    fn find(&mut self, base: &[&[u8]], piece: &[u8], next: usize) -> Option<usize> {
        let shapes = self.0.get_or_insert_with(|| {
            let mut shapes: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
            for (place, piece) in base.iter().enumerate() {
                shapes.entry(shape(piece)).or_default().push(place);
            }
            shapes
        });
        let places = shapes.get(&shape(piece))?;
        let after = places.partition_point(|place| *place < next);
        let place = *places.get(after).or(places.first())?;
        alike(base[place], piece).then_some(place)
    }
}

/// A piece with one mark in place of every number. No text of ours has that byte; one that had it
/// would only be taken for alike, which is asked again before anything rests on it.
fn shape(piece: &[u8]) -> Vec<u8> {
    let mut shape = Vec::with_capacity(piece.len());
    for token in Tokens(piece) {
        match token {
            Token::Other(bytes) => shape.extend_from_slice(bytes),
            Token::Number(_) => shape.push(0),
        }
    }
    shape
}

fn alike(one: &[u8], other: &[u8]) -> bool {
    let (mut one, mut other) = (Tokens(one), Tokens(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(Token::Number(_)), Some(Token::Number(_))) => {}
            (Some(Token::Other(one)), Some(Token::Other(other))) if one == other => {}
            _ => return false,
        }
    }
}

enum Token<'a> {
    Other(&'a [u8]),
    /// Its digits with a 1 in front, so that leading zeros are not lost.
    Number(u64),
}

struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let digit = self.0.first()?.is_ascii_digit();
        let end = self.0.iter().position(|byte| byte.is_ascii_digit() != digit);
        let end = end.unwrap_or(self.0.len());
        let end = if digit { end.min(DIGITS) } else { end };
        let (bytes, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(match digit {
            true => {
                Token::Number(bytes.iter().fold(1, |number, b| number * 10 + u64::from(b - b'0')))
            }
            false => Token::Other(bytes),
        })
    }
}

fn renumber(base: &[u8], differences: &mut Input<'_>, text: &mut Vec<u8>) -> Option<()> {
    for token in Tokens(base) {
        match token {
            Token::Other(bytes) => text.extend_from_slice(bytes),
            Token::Number(number) => {
                let number = number.wrapping_add_signed(unfolded(differences.number()?));
                text.extend_from_slice(number.to_string().strip_prefix('1')?.as_bytes());
            }
        }
    }
    Some(())
}

#[derive(Default)]
struct Output {
    operations: Vec<u8>,
    news: Vec<u8>,
    differences: Vec<u8>,
    /// Operations of one kind in a row are one.
    open: Option<(u64, u64)>,
}

impl Output {
    fn count(&mut self, kind: u64) {
        match &mut self.open {
            Some((open, count)) if *open == kind => *count += 1,
            _ => {
                self.close();
                self.open = Some((kind, 1));
            }
        }
    }

    fn close(&mut self) {
        if let Some((kind, count)) = self.open.take() {
            write(&mut self.operations, count << 2 | kind);
        }
    }

    fn jump(&mut self, by: i64) {
        self.close();
        write(&mut self.operations, folded(by) << 2 | JUMP);
    }

    fn new_piece(&mut self, piece: &[u8]) {
        self.close();
        write(&mut self.operations, (piece.len() as u64) << 2 | NEW);
        self.news.extend_from_slice(piece);
    }

    fn differences(&mut self, base: &[u8], piece: &[u8]) {
        for tokens in Tokens(base).zip(Tokens(piece)) {
            if let (Token::Number(was), Token::Number(is)) = tokens {
                write(&mut self.differences, folded(is.wrapping_sub(was).cast_signed()));
            }
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.close();
        let mut bytes = Vec::new();
        write(&mut bytes, self.operations.len() as u64);
        write(&mut bytes, self.news.len() as u64);
        for part in [self.operations, self.news, self.differences] {
            bytes.extend_from_slice(&part);
        }
        bytes
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Small whole numbers of either sign as small ones without.
fn folded(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 1 << 20;

    fn way_and_back(base: &str, text: &str) -> usize {
        let delta = encode(base.as_bytes(), text.as_bytes());
        let back = decode(base.as_bytes(), &delta, MOST);
        assert_eq!(back.as_deref(), Some(text.as_bytes()), "{base} -> {text}");
        delta.len()
    }

    #[test]
    fn only_what_differs_is_written() {
        let base = r#"[{"a":{"pid":100,"cpu":12345},"b":{"x":1},"c":{"x":7}}]"#;
        for (text, bytes) in [
            (base, 3),
            (r#"[{"a":{"pid":100,"cpu":12399},"b":{"x":1},"c":{"x":7}}]"#, 6),
            (r#"[{"a":{"pid":100,"cpu":12345},"b":{"x":2},"c":{"x":7}}]"#, 6),
            (r#"[{"a":{"pid":100,"cpu":12345},"c":{"x":7}}]"#, 5),
            ("", 2),
        ] {
            assert_eq!(way_and_back(base, text), bytes, "{text}");
        }
    }

    #[test]
    fn digits_of_every_kind_come_back() {
        let awkward = [
            "0",
            "007",
            "10",
            "9",
            "99999999999999999999999999999999999999999",
            "1e300",
            "-0.07",
            "18446744073709551615",
            "000000000000000000",
            "\u{0}",
            "ä1ö2",
            "1},2},3},",
            "},},",
        ];
        for base in awkward {
            for text in awkward {
                way_and_back(base, text);
                way_and_back(&format!("a{base},b}},{text}"), &format!("a{text},b}},{base}"));
            }
        }
    }

    #[test]
    fn a_delta_that_is_too_much_makes_nothing() {
        let delta = encode(b"{\"a\":1},", b"{\"a\":2},");
        assert_eq!(decode(b"{\"a\":1},", &delta, 7), None);
        assert_eq!(decode(b"", &delta, MOST), None);
        // A hundred thousand million pieces that are not there.
        let mut endless = vec![6, 0];
        write(&mut endless, 100_000_000_000 << 2 | SAME);
        assert_eq!(decode(b"{},{},", &endless, MOST), None);
    }

    /// Texts that have pieces, shapes and numbers in common.
    fn texts() -> impl Strategy<Value = String> {
        let piece =
            prop_oneof!["[a-c]{0,2}[0-9]{0,22}\\},", "\\{\"[ab]\":[0-9]{1,3}\\},", ".{0,3}",];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_text_comes_back(base in texts(), text in texts()) {
            way_and_back(&base, &text);
        }

        #[test]
        fn damage_is_refused_or_bounded(
            base in texts(),
            text in texts(),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut delta = encode(base.as_bytes(), text.as_bytes());
            let place = place.index(delta.len());
            delta[place] = byte;
            if let Some(made) = decode(base.as_bytes(), &delta, 1000) {
                prop_assert!(made.len() <= 1000);
            }
            decode(base.as_bytes(), &delta[..place], 1000);
        }
    }
}
