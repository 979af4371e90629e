//! Node programs: where they are, and what they say they are.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks for programs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wnm_core::host::{Binaries, CommandRunner, HostError, HostResult, Invocation};
use wnm_core::model::{FileStamp, KnownProgram, Program, Release};
use wnm_core::observe::FaultKind;

use crate::hands::VERSION_PATIENCE;

/// Finds the program for new nodes.
#[derive(Debug)]
pub struct ProgramFinder<R> {
    runner: Arc<R>,
    /// What the operator named; searched for when there is nothing.
    configured: Option<PathBuf>,
    /// Directories to search, in order.
    search: Vec<PathBuf>,
}

impl<R: CommandRunner> ProgramFinder<R> {
    /// Uses `configured`, else the first file of the program's name in `search`.
    pub fn new(runner: Arc<R>, configured: Option<PathBuf>, search: Vec<PathBuf>) -> Self {
        ProgramFinder { runner, configured, search }
    }

    fn locate(&self, program: Program) -> HostResult<PathBuf> {
        if let Some(path) = &self.configured {
            return Ok(path.clone());
        }
        let name = program.binary_name();
        let found = self.search.iter().map(|dir| dir.join(name)).find(|path| is_program(path));
        found.ok_or_else(|| {
            let op = format!(
                "no `{name}` was found on PATH, in ~/.local/bin or /usr/local/bin: `wnm binary \
                 fetch` gets it, or name it with --node-binary"
            );
            HostError::new(op, FaultKind::NotFound)
        })
    }
}

impl<R: CommandRunner> Binaries for ProgramFinder<R> {
    fn look(
        &self,
        program: Program,
        known: Option<&KnownProgram>,
    ) -> HostResult<(Release, Option<KnownProgram>)> {
        let path = self.locate(program)?;
        // Before it is asked: what comes between is another file in the next look.
        let stamp = stamp(&path);
        let is_it = |it: &&KnownProgram| {
            (&it.path, Some(it.stamp), it.program) == (&path, stamp, program) && is_program(&path)
        };
        if let Some(known) = known.filter(is_it) {
            let release = Release::new(known.version.clone(), &*path);
            return Ok((release, Some(known.clone())));
        }
        let (found, release) = probe_program(self.runner.as_ref(), &path)?;
        if found == program {
            let version = release.version.clone();
            let told = stamp.map(|stamp| KnownProgram { path, stamp, program, version });
            return Ok((release, told));
        }
        let op = format!(
            "{} is {found} {}, but nodes here run {program}: name another file with --node-binary, \
             or choose --program {found}",
            path.display(),
            release.version
        );
        Err(HostError::new(op, FaultKind::Conflict))
    }
}

/// Asks a file which node program it is.
pub fn probe_program(runner: &dyn CommandRunner, path: &Path) -> HostResult<(Program, Release)> {
    let shown = path.display();
    let metadata = fs::metadata(path)
        .map_err(|error| HostError::io(format!("find the node program {shown}"), error))?;
    if !metadata.is_file() || !is_program(path) {
        let op = format!("{shown} is not an executable file");
        return Err(HostError::new(op, FaultKind::Permission));
    }
    let call = Invocation::new(path.to_string_lossy(), ["--version"], VERSION_PATIENCE);
    let answer = runner.run(&call)?;
    let text = answer.stdout.trim();
    match Program::identify(text).filter(|_| answer.ok()) {
        Some((program, version)) => Ok((program, Release::new(version, path))),
        None => {
            let line = text.lines().next().or(answer.stderr.lines().next()).unwrap_or("nothing");
            let op = format!(
                "{shown} is not a node program this version knows: `--version` printed `{line}`"
            );
            Err(HostError::new(op, FaultKind::Garbled))
        }
    }
}

/// Which file lies there. Links are followed, for what they lead to is run.
fn stamp(path: &Path) -> Option<FileStamp> {
    fs::metadata(path).ok().map(|found| stamp_of(&found))
}

/// Which file that is.
pub(crate) fn stamp_of(found: &fs::Metadata) -> FileStamp {
    use std::os::unix::fs::MetadataExt;
    let changed_ms = found.mtime() * 1000 + found.mtime_nsec() / 1_000_000;
    FileStamp { inode: found.ino(), size: found.len(), changed_ms }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
