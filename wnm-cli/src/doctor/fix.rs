//! The fixes that cannot destroy anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Invocation};
use wnm_managers::SystemRunner;

use super::finding::{Finding, Remedy};

/// Does what one finding offers; says what was done, or why not. `None` when it offers nothing.
pub(crate) fn apply(finding: &Finding) -> Option<Result<String, String>> {
    Some(match finding.remedy.as_ref()? {
        Remedy::MakePrivate(path) => make_private(path),
        Remedy::EnableLinger(user) => enable_linger(user),
    })
}

/// Takes bits away and adds none. What became a link meanwhile is left alone.
fn make_private(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{} stays as it is: {error}", path.display());
    let found = fs::symlink_metadata(path).map_err(failed)?;
    if found.file_type().is_symlink() {
        return Err(format!("{} is a link now: it stays as it is", path.display()));
    }
    let mode = found.permissions().mode() & 0o7700;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(format!("{} has mode {mode:o} now", path.display()))
}

fn enable_linger(user: &str) -> Result<String, String> {
    let call = Invocation::new("loginctl", ["enable-linger", user], Duration::from_secs(30));
    match SystemRunner.run(&call) {
        Ok(answer) if answer.ok() => Ok(format!("lingering is on for {user}")),
        Ok(answer) => Err(format!("lingering stays off: {}", answer.stderr.trim())),
        Err(error) => Err(format!("lingering stays off: {}", error.chain())),
    }
}
