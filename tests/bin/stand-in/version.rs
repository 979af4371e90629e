//! Which version the program says it is.
//!
//! Looked for in a file `<exe>.version` beside the program, then in a trailer at the end of the program
//! itself, which survives being copied; else it is the version whose behaviour was recorded.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, io, process};

use crate::Generation;

/// Starts the trailer. ELF ignores bytes behind its sections.
const MARK: &[u8] = b"\nwnm-stand-in-version=";
/// No trailer is longer.
const LONGEST_TRAILER: usize = 256;
/// Starts what the program itself is told to do wrong, in the line after its version.
const DOES: &str = "wnm-stand-in-does=";

/// The version of this very process.
pub(crate) fn own(generation: Generation) -> String {
    let exe = own_path();
    fs::read_to_string(sidecar(&exe))
        .map(|text| text.trim().to_owned())
        .ok()
        .or_else(|| Some(trailer(&fs::read(&exe).ok()?)?.lines().next()?.to_owned()))
        .unwrap_or_else(|| recorded(generation).to_owned())
}

/// What this very program does wrong, wherever it is copied to: a bad release.
pub(crate) fn own_misbehaviour() -> String {
    let told = fs::read(own_path()).ok().and_then(|bytes| trailer(&bytes));
    let told = told.unwrap_or_default();
    told.lines().find_map(|line| line.strip_prefix(DOES)).unwrap_or_default().to_owned()
}

/// Replaces the program file by one of another version, like a self-upgrade: under a new inode, so
/// that `/proc/PID/exe` of the running process says `(deleted)`.
pub(crate) fn replace_own(version: &str) -> io::Result<()> {
    let exe = own_path();
    let mut bytes = fs::read(&exe)?;
    bytes.truncate(bytes.len() - trailer_length(&bytes));
    bytes.extend_from_slice(MARK);
    bytes.extend_from_slice(version.as_bytes());
    bytes.push(b'\n');
    let fresh = with_suffix(&exe, &format!(".tmp-{}", process::id()));
    fs::write(&fresh, bytes)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))?;
    fs::rename(&fresh, &exe)?;
    match sidecar(&exe).try_exists()? {
        true => fs::write(sidecar(&exe), format!("{version}\n")),
        false => Ok(()),
    }
}

fn recorded(generation: Generation) -> &'static str {
    match generation {
        Generation::First => "0.4.17",
        Generation::Current => "0.23.1",
    }
}

fn trailer(bytes: &[u8]) -> Option<String> {
    let length = trailer_length(bytes);
    let text = bytes[bytes.len() - length..].strip_prefix(MARK)?;
    Some(String::from_utf8_lossy(text).trim().to_owned())
}

fn trailer_length(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(LONGEST_TRAILER)..];
    tail.windows(MARK.len()).rposition(|window| window == MARK).map_or(0, |at| tail.len() - at)
}

/// Answers differently once the file was replaced, so it is asked before.
fn own_path() -> PathBuf {
    env::current_exe().unwrap_or_default()
}

fn sidecar(exe: &Path) -> PathBuf {
    with_suffix(exe, ".version")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = OsString::from(path);
    text.push(suffix);
    text.into()
}
