//! Rules over the text of the tree. Each rule is a function of one file; this file walks.

mod direction;
mod manifests;
mod rules;

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use crate::Done;
use crate::shell::root;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offence {
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl Offence {
    fn new(line: usize, what: impl Into<String>) -> Offence {
        Offence { line, what: what.into() }
    }
}

/// A file, with its path from the root of the repository.
#[derive(Clone, Copy, Debug)]
struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Captured output of other programs, and what the snapshot tool writes, stay as they came.
    fn is_captured(&self) -> bool {
        ["/fixtures/", "/corpora/"].iter().any(|it| self.path.contains(it))
            || self.path.ends_with(".snap")
    }

    fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// Prints every offence.
pub(crate) fn run() -> Done {
    let offences = offences()?;
    for offence in &offences {
        println!("{offence}");
    }
    match offences.len() {
        0 => Ok(()),
        count => Err(format!("{count} places are not tidy")),
    }
}

fn offences() -> Result<Vec<String>, String> {
    let root = root();
    let mut found = Vec::new();
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    walk(&root, &root, &ignored, &mut found).map_err(|error| format!("walking: {error}"))?;
    found.extend(manifests::offences(&root)?);
    found.sort();
    Ok(found)
}

fn walk(root: &Path, dir: &Path, ignored: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if shown == ".git" || ignored.lines().any(|line| line == format!("/{shown}")) {
            continue;
        }
        match entry.file_type()? {
            kind if kind.is_dir() => walk(root, &path, ignored, found)?,
            kind if kind.is_file() => found.extend(check_file(&shown, &entry)?),
            _ => {}
        }
    }
    Ok(())
}

fn check_file(path: &str, entry: &DirEntry) -> io::Result<Vec<String>> {
    let bytes = match fs::read(entry.path()) {
        Ok(bytes) => bytes,
        // Someone's editor or test took it away while we were walking.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // What is no text has no text rules.
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(Vec::new());
    };
    if text.contains('\0') {
        return Ok(Vec::new());
    }
    let file = File { path, text: &text };
    let all = rules::ALL.iter().flat_map(|rule| rule(&file));
    let found = all.chain(direction::check(&file));
    Ok(found.map(|offence| format!("{path}:{}: {}", offence.line, offence.what)).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let offences = super::offences().expect("the tree can be read");
        assert!(offences.is_empty(), "{}", offences.join("\n"));
    }
}
