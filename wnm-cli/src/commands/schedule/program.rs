//! Which wnm is to run: one that is still there tomorrow.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks for our own program")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use nix::unistd::geteuid;

use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// Emptied by a reboot or by time.
const TEMPORARY: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/// The program that was named, else this one; refused where it will not last.
pub(super) fn lasting(named: Option<&Path>, context: &Context<'_>) -> Result<PathBuf, CliError> {
    let path = match named {
        Some(named) => executable(named)?,
        None => this(context)?,
    };
    if path.to_str().is_none() {
        return Err(CliError::usage(format!("{} is not UTF-8", path.display())));
    }
    if TEMPORARY.iter().any(|place| path.starts_with(place)) {
        let problem = format!("{} lies in a place that is emptied", path.display());
        return Err(CliError::new(Exit::Refused, problem).hint(
            "install wnm in a lasting place such as /usr/local/bin, or name that with --binary",
        ));
    }
    if is_build(&path) {
        output::say(&format!(
            "warning: {} is what cargo built last: install it in a lasting place",
            path.display()
        ));
    }
    if geteuid().is_root() && owner(&path).is_some_and(|owner| owner != 0) {
        output::say(&format!(
            "warning: {} belongs to somebody else, who could have root run anything",
            path.display()
        ));
    }
    Ok(path)
}

/// The path by which this program was called: a link stays a link, so that an upgrade behind it
/// is followed.
pub(super) fn this(context: &Context<'_>) -> Result<PathBuf, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Failed, format!("cannot tell where this program lies: {error}"))
            .hint("name it with --binary")
    };
    let resolved = fs::read_link("/proc/self/exe").map_err(failed)?;
    let itself = fs::metadata("/proc/self/exe").map_err(failed)?;
    let is_it = |path: &PathBuf| {
        let found = fs::metadata(path);
        found.is_ok_and(|found| (found.dev(), found.ino()) == (itself.dev(), itself.ino()))
    };
    let called = context.environment.arguments().first().map(PathBuf::from).unwrap_or_default();
    let candidates = match called.components().count() {
        1 => context.environment.program_directories().iter().map(|d| d.join(&called)).collect(),
        _ => std::path::absolute(&called).into_iter().collect::<Vec<_>>(),
    };
    Ok(candidates.into_iter().find(is_it).unwrap_or(resolved))
}

pub(super) fn executable(path: &Path) -> Result<PathBuf, CliError> {
    let problem = |why: &str| CliError::usage(format!("--binary {}: {why}", path.display()));
    if !path.is_absolute() {
        return Err(problem("give an absolute path"));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {
            Ok(path.to_owned())
        }
        Ok(_) => Err(problem("is not an executable file")),
        Err(error) => Err(problem(&error.to_string())),
    }
}

fn owner(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.uid())
}

/// `target/debug/wnm` and its like.
fn is_build(path: &Path) -> bool {
    let parts: Vec<&str> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let is_profile = |name: &str| matches!(name, "debug" | "release");
    parts.windows(2).any(|pair| pair[0] == "target" && is_profile(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_builds_is_told_from_what_is_installed() {
        for build in ["/src/wnm/target/release/wnm", "/x/target/debug/deps/wnm"] {
            assert!(is_build(Path::new(build)), "{build}");
        }
        for installed in ["/usr/bin/wnm", "/home/op/.cargo/bin/wnm", "/srv/target/wnm"] {
            assert!(!is_build(Path::new(installed)), "{installed}");
        }
    }
}
