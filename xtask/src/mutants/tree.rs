//! A copy of this repository with all faults in it, and its build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use super::list::Mutant;
use super::weave::{arms_at, faults_at, weave};
use crate::shell::{cargo, program, root};

/// Each round leaves out what does not compile, which may hide more.
const ROUNDS: usize = 20;

/// Patterns that do not cover everything: what is said is where the `match` stands, not which arm it misses.
const UNCOVERED: &str = "E0004";

/// Asks the environment once, and tells which faults were come by.
const AWAKE: &str = r#"
mod awake {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    static ONE: OnceLock<usize> = OnceLock::new();
    static LOG: OnceLock<Option<std::fs::File>> = OnceLock::new();
    static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    pub(crate) fn is(number: usize) -> bool {
        let log = LOG.get_or_init(|| {
            let path = std::env::var_os("WNM_MUTANTS_LOG")?;
            std::fs::File::options().create(true).append(true).open(path).ok()
        });
        if let Some(mut log) = log.as_ref() {
            if !SEEN[number].swap(true, Relaxed) {
                let _ = log.write_all(format!("{number}\n").as_bytes());
            }
        }
        let text = || std::env::var("WNM_MUTANT").ok()?.parse().ok();
        *ONE.get_or_init(|| text().unwrap_or(usize::MAX)) == number
    }
}
"#;

/// The copy.
pub(crate) struct Tree {
    place: PathBuf,
    left_out: BTreeSet<usize>,
    woven: Vec<usize>,
}

impl Tree {
    /// Files that git knows, below `place`; what was built there before is used again.
    pub(crate) fn copy(place: &Path) -> Result<Tree, String> {
        let output = program("git", &["ls-files", "-z"]).output();
        let output = output.map_err(|error| format!("git could not be started: {error}"))?;
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        let tree = Tree { place: place.to_owned(), left_out: BTreeSet::new(), woven: Vec::new() };
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let Ok(bytes) = fs::read(root().join(name)) else { continue };
            tree.put(name, &bytes)?;
        }
        Ok(tree)
    }

    /// Faults that do not compile.
    pub(crate) fn left_out(&self) -> &BTreeSet<usize> {
        &self.left_out
    }

    /// Faults that are in the build.
    pub(crate) fn woven(&self) -> &[usize] {
        &self.woven
    }

    /// The program with the crate's own tests, and all faults that compile.
    pub(crate) fn build(&mut self, mutants: &[Mutant]) -> Result<PathBuf, String> {
        let lib = fs::read_to_string(root().join("wnm-core/src/lib.rs"));
        let lib = lib.map_err(|error| format!("wnm-core/src/lib.rs: {error}"))?;
        let awake = AWAKE.replace("COUNT", &mutants.len().to_string());
        self.put("wnm-core/src/lib.rs", format!("{lib}{awake}").as_bytes())?;
        for _ in 0..ROUNDS {
            let texts = self.weave(mutants)?;
            let wrong = self.wrong(&texts)?;
            if wrong.is_empty() {
                return self.link();
            }
            println!("{} do not compile", wrong.len());
            self.left_out.extend(wrong);
        }
        Err(format!("faults still do not compile after {ROUNDS} rounds"))
    }

    fn weave(&mut self, mutants: &[Mutant]) -> Result<BTreeMap<String, String>, String> {
        let mut by_file: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
        for (number, mutant) in mutants.iter().enumerate() {
            let of_file = by_file.entry(&mutant.file).or_default();
            if !self.left_out.contains(&number) {
                of_file.push((number, mutant));
            }
        }
        let mut texts = BTreeMap::new();
        self.woven.clear();
        for (file, mutants) in by_file {
            let text = fs::read_to_string(root().join(file));
            let text = text.map_err(|error| format!("{file}: {error}"))?;
            let woven = weave(&text, &mutants).map_err(|error| format!("{file}: {error}"))?;
            self.put(file, woven.as_bytes())?;
            let is_in = |number: &usize| woven.contains(&format!("awake::is({number})"));
            self.woven.extend(mutants.iter().map(|(number, _)| *number).filter(is_in));
            texts.insert(file.to_owned(), woven);
        }
        let lost = (0..mutants.len()).filter(|it| !self.woven.contains(it));
        self.left_out.extend(lost);
        Ok(texts)
    }

    /// The faults that the compiler complains about. An error when it complains about anything else.
    fn wrong(&self, texts: &BTreeMap<String, String>) -> Result<BTreeSet<usize>, String> {
        let mut wrong = BTreeSet::new();
        let mut other = None;
        for message in self.messages(self.cargo(&["check", "--message-format=json"]))? {
            let Message::CompilerMessage(said) = message else { continue };
            let said = said.message;
            if said.level != DiagnosticLevel::Error || said.spans.is_empty() {
                continue;
            }
            let is_uncovered = said.code.as_ref().is_some_and(|code| code.code == UNCOVERED);
            let faults = if is_uncovered { arms_at } else { faults_at };
            let at = said.spans.iter().filter_map(|span| {
                let text = texts.get(&span.file_name)?;
                Some((span.is_primary, faults(text, span.byte_start as usize)))
            });
            let mut at: Vec<_> = at.filter(|(_, faults)| !faults.is_empty()).collect();
            at.sort_by_key(|(is_primary, faults)| (faults.len() > 1, !is_primary));
            match at.first() {
                Some((_, faults)) => wrong.extend(faults.iter().copied()),
                None => other = said.rendered,
            }
        }
        match other {
            Some(error) if wrong.is_empty() => Err(error),
            _ => Ok(wrong),
        }
    }

    fn link(&self) -> Result<PathBuf, String> {
        let command = self.cargo(&["test", "--no-run", "--message-format=json-render-diagnostics"]);
        let executable = |message| match message {
            Message::CompilerArtifact(it) if it.profile.test => it.executable.map(PathBuf::from),
            _ => None,
        };
        let built = self.messages(command)?.into_iter().find_map(executable);
        built.ok_or_else(|| "the tests were not built".to_owned())
    }

    fn cargo(&self, words: &[&str]) -> Command {
        let mut command = cargo(words);
        let lib: &[&str] =
            if words[0] == "check" { &["--lib", "--profile", "test"] } else { &["--lib"] };
        command.args(["-p", "wnm-core"]).args(lib).args(["--config", "profile.dev.opt-level=1"]);
        command.args(["--config", "build.warnings='allow'", "--target-dir"]);
        command.arg(self.place.join("build")).current_dir(self.place.join("tree"));
        command.env("RUSTFLAGS", "--cap-lints=allow");
        command
    }

    fn messages(&self, mut command: Command) -> Result<Vec<Message>, String> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| format!("cargo: {error}"))?;
        let output = child.stdout.take().ok_or("cargo has no output")?;
        let messages = Message::parse_stream(BufReader::new(output)).flatten().collect();
        child.wait().map_err(|error| format!("cargo: {error}"))?;
        Ok(messages)
    }

    /// Writes where it differs, so that what did not change is not built again.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.place.join("tree").join(name);
        if fs::read(&path).is_ok_and(|it| it == bytes) {
            return Ok(());
        }
        let told = |error| format!("{}: {error}", path.display());
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(told)?;
        fs::write(&path, bytes).map_err(told)
    }
}
