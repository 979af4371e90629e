//! The text format of metrics endpoints (OpenMetrics 1.0 and what was before it), read leniently:
//! programs of this world break its finer rules, and one bad line must not cost the others.

use std::borrow::Cow;

/// A body, as far as it could be understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exposition<'a> {
    /// The samples, in the order of their lines.
    pub(crate) samples: Vec<Sample<'a>>,
    /// Lines that are neither samples nor comments nor blank.
    pub(crate) skipped: usize,
}

/// `name{label="value",…} value`. A time stamp or an exemplar behind it is dropped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    /// Its name, with suffixes such as `_total`.
    pub(crate) name: &'a str,
    /// Labels in their order; values borrow unless they held an escape.
    pub(crate) labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Its value, infinities and NaN included.
    pub(crate) value: f64,
}

impl Sample<'_> {
    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_ref())
    }
}

/// Reads a body. Any text will do; what is not understood is counted.
pub(crate) fn parse(text: &str) -> Exposition<'_> {
    let mut exposition = Exposition { samples: Vec::new(), skipped: 0 };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // HELP, TYPE, UNIT and EOF are comments to us.
        if line.starts_with('#') {
            continue;
        }
        match sample(line) {
            Some(sample) => exposition.samples.push(sample),
            None => exposition.skipped += 1,
        }
    }
    exposition
}

/// The samples of a body whose names begin in one of these ways; other lines are passed over without
/// being understood.
///
/// A body has some five hundred lines, and with many nodes to pass over them is most of the work of a
/// cycle: so bytes are compared, first with what all beginnings share.
pub(crate) fn starting_with<'a>(
    text: &'a str,
    starts: &[&str],
) -> impl Iterator<Item = Sample<'a>> {
    let shared = shared_start(starts);
    let wanted = move |line: &&str| {
        line.starts_with(shared) && starts.iter().any(|start| line.starts_with(start))
    };
    lines(text).map(trim_start).filter(wanted).map(str::trim_end).filter_map(sample)
}

/// As `str::lines`, and faster; what a line may end in besides is left for who trims it.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.scan(0, |begin, end| {
        let line = text.get(*begin..end)?;
        *begin = end + 1;
        Some(line)
    })
}

/// As `str::trim_start`, and faster where there is nothing to trim.
fn trim_start(line: &str) -> &str {
    match line.as_bytes().first() {
        Some(byte) if byte.is_ascii_graphic() => line,
        _ => line.trim_start(),
    }
}

/// What all of these begin with.
fn shared_start<'s>(starts: &[&'s str]) -> &'s str {
    let Some((first, others)) = starts.split_first() else { return "" };
    let shared =
        |other: &&str| first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let length = others.iter().map(shared).min().unwrap_or(first.len());
    first.get(..length).unwrap_or("")
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (name, rest) = name(line, |c| c == ':')?;
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None if rest.starts_with(char::is_whitespace) => (Vec::new(), rest),
        None => return None,
    };
    let mut words = rest.split_whitespace();
    let value = number(words.next()?)?;
    match words.next() {
        None => {}
        Some(word) if word.starts_with('#') => {}
        Some(timestamp) => {
            number(timestamp)?;
            if words.next().is_some_and(|word| !word.starts_with('#')) {
                return None;
            }
        }
    }
    Some(Sample { name, labels, value })
}

/// A name at the beginning of `text`, and what follows it.
fn name(text: &str, also: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let sound = name.starts_with(|c: char| !c.is_ascii_digit());
    sound.then_some((name, rest))
}

/// Decimal numbers with or without exponent, `+Inf`, `-Inf`, `NaN`: all of them are Rust's too.
fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// What stands between `{` and `}`, and what follows. A comma before `}` is allowed.
fn labels(mut text: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (label, rest) = name(text, |_| false)?;
        let rest = rest.trim_start().strip_prefix('=')?;
        let (value, rest) = quoted(rest.trim_start().strip_prefix('"')?)?;
        labels.push((label, value));
        text = rest.trim_start();
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None if text.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A label value up to its closing quote, and what follows that.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let closing = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closing
    })?;
    Some((unescape(&text[..end]), &text[end + 1..]))
}

/// `\\`, `\"` and `\n`; any other backslash stands for itself.
fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some(plain @ ('\\' | '"')) => text.push(plain),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    Cow::Owned(text)
}
