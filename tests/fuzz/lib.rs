#![doc = include_str!("README.md")]
#![expect(clippy::disallowed_methods, reason = "corpora are files")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One parser, or a few that belong together, with what must hold whatever it is given.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line, and of its directory below `corpora/`.
    pub name: &'static str,
    /// No input is longer, in bytes.
    pub most: usize,
    /// Takes one input. It panics when something does not hold.
    pub run: fn(&[u8]),
    /// Inputs that are made rather than kept, because they are no text.
    pub made: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// One whose seeds are all kept as files.
    pub const fn of_text(name: &'static str, most: usize, run: fn(&[u8])) -> Target {
        Target { name, most, run, made: Vec::new }
    }

    /// Its kept inputs, by name.
    pub fn corpus(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(self.name);
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let files = entries.map(|entry| {
            let path = entry?.path();
            fs::read(&path).map(|bytes| (path, bytes))
        });
        let mut files = files.collect::<io::Result<Vec<_>>>()?;
        files.sort();
        Ok(files)
    }
}
