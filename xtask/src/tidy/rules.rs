//! Rules of one file each.

use super::{File, Offence};

type Rule = fn(&File<'_>) -> Vec<Offence>;

/// All of them.
pub(super) const ALL: &[Rule] = &[
    trailing_whitespace,
    tabs,
    end_of_file,
    length,
    forbidden_words,
    allow_without_reason,
    places,
    shells,
];

/// A longer file wants to be two.
const LONGEST: usize = 700;

fn trailing_whitespace(file: &File<'_>) -> Vec<Offence> {
    if file.is_captured() {
        return Vec::new();
    }
    let ends_in_space = |line: &str| line.ends_with(char::is_whitespace);
    // `lines` takes \r\n for one end of line.
    let found = file.numbered_lines().filter(|(_, line)| ends_in_space(line));
    let carriage = file.text.contains('\r').then(|| Offence::new(0, "carriage returns"));
    found.map(|(line, _)| Offence::new(line, "trailing whitespace")).chain(carriage).collect()
}

fn tabs(file: &File<'_>) -> Vec<Offence> {
    let found = file.numbered_lines().filter(|(_, line)| file.is_rust() && line.contains('\t'));
    found.map(|(line, _)| Offence::new(line, "a tab")).collect()
}

fn end_of_file(file: &File<'_>) -> Vec<Offence> {
    let ends_well = file.text.ends_with('\n') && !file.text.ends_with("\n\n");
    match ends_well || file.text.is_empty() || file.is_captured() {
        true => Vec::new(),
        false => vec![Offence::new(file.text.lines().count(), "must end with one newline")],
    }
}

fn length(file: &File<'_>) -> Vec<Offence> {
    let lines = file.text.lines().count();
    match file.is_rust() && lines > LONGEST {
        true => vec![Offence::new(LONGEST, format!("{lines} lines, {LONGEST} are the most"))],
        false => Vec::new(),
    }
}

/// Written in two halves, so that this file keeps its own rules.
fn forbidden_words(file: &File<'_>) -> Vec<Offence> {
    if !file.is_rust() {
        return Vec::new();
    }
    let words = [
        (concat!("#[ign", "ore"), "a test that is never run"),
        (concat!("to", "do!"), "not finished"),
        (concat!("unimpl", "emented!"), "not finished"),
    ];
    let mut found = Vec::new();
    for (line, text) in file.numbered_lines() {
        let hits = words.iter().filter(|(word, _)| text.contains(word));
        found.extend(hits.map(|(word, why)| Offence::new(line, format!("`{word}`: {why}"))));
    }
    found
}

fn allow_without_reason(file: &File<'_>) -> Vec<Offence> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for opening in [concat!("#[all", "ow("), concat!("#![all", "ow(")] {
        for (start, _) in file.text.match_indices(opening) {
            let rest = &file.text[start..];
            let attribute = rest.split_once(")]").map_or(rest, |(attribute, _)| attribute);
            if !attribute.contains("reason") {
                let line = file.text[..start].lines().count().max(1);
                let line = line + usize::from(file.text[..start].ends_with('\n'));
                found.push(Offence::new(line, "an `allow` needs a reason; better is `expect`"));
            }
        }
    }
    found
}

/// Names of places that exist on one machine only, or that a file must not depend on.
fn places(file: &File<'_>) -> Vec<Offence> {
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let places = [
        concat!("cra", "tes.io"),
        concat!("registry.npm", "js.org"),
        concat!("py", "pi.org"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
    ];
    let mut found = Vec::new();
    for (line, text) in file.numbered_lines() {
        let hits = places.iter().filter(|place| names(text, place));
        found.extend(hits.map(|place| Offence::new(line, format!("`{place}` must not be named"))));
    }
    found
}

/// No shell stands between the product and the tools that it calls: what is an argument stays one.
fn shells(file: &File<'_>) -> Vec<Offence> {
    let is_product = file.path.starts_with("wnm-") && file.path.contains("/src/");
    if !is_product || file.path.contains("/tests") {
        return Vec::new();
    }
    let starts = |text: &str| {
        let mut calls = text.match_indices("::new(\"").map(|(at, word)| &text[at + word.len()..]);
        calls.any(|rest| {
            let program = rest.split('"').next().unwrap_or_default();
            let name = program.rsplit('/').next().unwrap_or_default();
            ["sh", "bash", "dash", "zsh", "env"].contains(&name)
        })
    };
    let found = file.numbered_lines().filter(|(_, text)| file.is_rust() && starts(text));
    found.map(|(line, _)| Offence::new(line, "a shell: call the program itself")).collect()
}

/// A path counts only where it is absolute: a folder of that name inside another is nobody's.
fn names(text: &str, place: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-}*$)>".contains(c);
    text.match_indices(place).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !place.starts_with('/') || !before.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{File, Offence};
    use super::*;

    fn lines(rule: Rule, path: &str, text: &str) -> Vec<usize> {
        rule(&File { path, text }).into_iter().map(|Offence { line, .. }| line).collect()
    }

    #[test]
    fn whitespace() {
        assert_eq!(lines(trailing_whitespace, "a.md", "a \nb\nc\t\n"), [1, 3]);
        assert_eq!(lines(trailing_whitespace, "x/fixtures/a.txt", "a \n"), [0; 0]);
        assert_eq!(lines(trailing_whitespace, "a.rs", "a\r\n"), [0]);
        assert_eq!(lines(tabs, "a.rs", "a\n\tb\n"), [2]);
        assert_eq!(lines(tabs, "Makefile", "a\n\tb\n"), [0; 0]);
    }

    #[test]
    fn ends() {
        assert_eq!(lines(end_of_file, "a.rs", "a\n"), [0; 0]);
        assert_eq!(lines(end_of_file, "a.rs", ""), [0; 0]);
        assert_eq!(lines(end_of_file, "a.rs", "a"), [1]);
        assert_eq!(lines(end_of_file, "a.rs", "a\n\n"), [2]);
        assert_eq!(lines(length, "a.rs", &"a\n".repeat(LONGEST)), [0; 0]);
        assert_eq!(lines(length, "a.rs", &"a\n".repeat(LONGEST + 1)), [LONGEST]);
        assert_eq!(lines(length, "a.md", &"a\n".repeat(LONGEST + 1)), [0; 0]);
    }

    #[test]
    fn words() {
        let text = concat!("fn a() {}\n#[ign", "ore = \"slow\"]\nfn b() { to", "do!() }\n");
        assert_eq!(lines(forbidden_words, "a.rs", text), [2, 3]);
        assert_eq!(lines(forbidden_words, "a.md", text), [0; 0]);
    }

    #[test]
    fn allows() {
        let bare = concat!("fn a() {}\n#[all", "ow(dead_code)]\nfn b() {}\n");
        assert_eq!(lines(allow_without_reason, "a.rs", bare), [2]);
        let first = concat!("#![all", "ow(dead_code)]\n");
        assert_eq!(lines(allow_without_reason, "a.rs", first), [1]);
        let good = concat!("#[all", "ow(\n    dead_code,\n    reason = \"why\"\n)]\n");
        assert_eq!(lines(allow_without_reason, "a.rs", good), [0; 0]);
    }

    #[test]
    fn shells_in_what_is_shipped() {
        let text = "Invocation::new(\"sh\", [\"-c\"])\nCommand::new(\"/bin/bash\")\nNode::new(\"sharp\")\n";
        assert_eq!(lines(shells, "wnm-managers/src/exec.rs", text), [1, 2]);
        assert_eq!(lines(shells, "wnm-managers/src/tests.rs", text), [0; 0]);
        assert_eq!(lines(shells, "tests/it/docker.rs", text), [0; 0]);
    }

    #[test]
    fn machines_and_registries() {
        let text = concat!("ok\nfrom cra", "tes.io\ncd /ro", "ot/x\n\"/wo", "rk/main\"\n");
        assert_eq!(lines(places, "a.md", text), [2, 3, 4]);
        assert_eq!(lines(places, "Cargo.lock", text), [0; 0]);
        let inside = concat!("$dir/ro", "ot/etc and \"$d\"/a/wo", "rk/b\n");
        assert_eq!(lines(places, "a.sh", inside), [0; 0]);
    }
}
