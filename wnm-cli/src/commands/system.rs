//! What the system scope needs beyond the user's: rights, a user for the nodes, and places that
//! belong to root.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that looks at the system's places"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, Group, User, access, getegid, geteuid};
use wnm_core::host::{CommandRunner, HostError, Invocation};
use wnm_core::model::Manager;
use wnm_core::observe::FaultKind;
use wnm_core::policy::Policy;
use wnm_managers::{SystemRunner, root_refusal, system_manager};

use crate::compose::{self, NODE_USER};
use crate::error::CliError;
use crate::settings::Paths;

/// A problem, and what to do about it.
type Problem = (String, String);

/// Everything that speaks against the system scope. Nothing is written. Owners of `mended` will be
/// put right.
pub(super) fn problems(paths: &Paths, policy: &Policy, mended: &BTreeSet<PathBuf>) -> Vec<Problem> {
    let places = policy.nodes.storage.iter().chain([&policy.nodes.logs]);
    rights()
        .into_iter()
        .chain(manager(paths, policy.nodes.manager))
        .chain(sight())
        .chain(group())
        .chain(base(&paths.base))
        .chain(places.filter_map(|path| place(path, mended.contains(path))))
        .collect()
}

fn rights() -> Option<Problem> {
    let why = root_refusal(&SystemRunner)?;
    let name = User::from_uid(geteuid()).ok().flatten().map_or("NAME".to_owned(), |user| user.name);
    Some((
        format!("the system scope needs root's rights without a password: {why}"),
        format!(
            "put `{name} ALL=(ALL) NOPASSWD: ALL` into a file in /etc/sudoers.d, or run wnm as \
             root, or choose --scope user, which needs no rights"
        ),
    ))
}

fn manager(paths: &Paths, manager: Manager) -> Option<Problem> {
    if !manager.kind.needs_systemd() {
        return compose::manager_problem(paths, manager);
    }
    if system_manager(&SystemRunner) {
        return None;
    }
    let hint =
        "without systemd choose --manager setsid+sudo, or --scope user --manager setsid+user";
    Some(("the systemd of this machine does not answer".to_owned(), hint.to_owned()))
}

/// That no process uses a node's data can only be said by who sees all processes.
fn sight() -> Option<Problem> {
    if fs::metadata("/proc/1/stat").is_ok() {
        return None;
    }
    let hint = "mount /proc without hidepid, or run wnm as root";
    Some(("/proc hides the processes of others from us".to_owned(), hint.to_owned()))
}

fn group() -> Option<Problem> {
    let has_user = User::from_name(NODE_USER).is_ok_and(|user| user.is_some());
    let has_group = Group::from_name(NODE_USER).is_ok_and(|group| group.is_some());
    let problem = match (has_user, has_group) {
        (true, false) => "user",
        (false, true) => "group",
        (true, true) | (false, false) => return None,
    };
    Some((
        format!("there is a {problem} `{NODE_USER}` already, but not both a user and a group"),
        format!("nodes run as user and group `{NODE_USER}`: make the other one"),
    ))
}

/// The store and the lock belong to one operator.
fn base(base: &Path) -> Option<Problem> {
    let owner = fs::metadata(base).ok()?.uid();
    if owner == geteuid().as_raw() || owner == 0 {
        return None;
    }
    let name = User::from_uid(owner.into()).ok().flatten();
    let name = name.map_or_else(|| owner.to_string(), |user| user.name);
    let problem = format!("{} belongs to {name}", base.display());
    Some((problem, format!("run wnm as {name}, who ran init there before")))
}

fn place(path: &Path, is_mended: bool) -> Option<Problem> {
    let shown = path.display();
    let hidden = ["/home", "/root", "/run/user"];
    if hidden.iter().any(|home| path.starts_with(home)) {
        let problem =
            format!("{shown} lies in a home directory, which nodes of the system cannot see");
        return Some((problem, "choose another --node-storage or --log-storage".to_owned()));
    }
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => {
            Some((format!("{shown} cannot be used: it is not a directory"), "move it aside".into()))
        }
        Ok(_) if access(path, AccessFlags::R_OK | AccessFlags::X_OK).is_err() => {
            Some((format!("{shown} may not be listed by us"), format!("`chmod 755 {shown}`")))
        }
        Ok(found) if nodes_can_write(&found) && !is_mended => {
            let problem = format!(
                "nodes could write to {shown} itself, and put links where root deletes and copies"
            );
            Some((problem, format!("`chown root:root {shown} && chmod 755 {shown}`")))
        }
        Ok(_) | Err(_) => None,
    }
}

/// What the safety of root's hands rests on: see `wnm-managers`.
fn nodes_can_write(found: &fs::Metadata) -> bool {
    let user = User::from_name(NODE_USER).ok().flatten();
    user.is_some_and(|user| found.uid() == user.uid.as_raw()) || found.mode() & 0o022 != 0
}

/// Makes the user of the nodes and the base directory, as far as they are missing; says what.
pub(super) fn create(paths: &Paths) -> Result<Vec<String>, CliError> {
    let mut made = Vec::new();
    let base = paths.base.display().to_string();
    if User::from_name(NODE_USER).is_ok_and(|user| user.is_none()) {
        let args = ["--system", "--user-group", "--home-dir", &base];
        let args = [&args[..], &["--shell", "/usr/sbin/nologin", "--", NODE_USER]].concat();
        as_root("make the user of the nodes", "/usr/sbin/useradd", &args)?;
        made.push(format!("made the user `{NODE_USER}`, as whom nodes run"));
    }
    let owner = fs::metadata(&paths.base).ok().map(|found| found.uid());
    if owner != Some(geteuid().as_raw()) {
        let (user, group) = (format!("--owner={}", geteuid()), format!("--group={}", getegid()));
        let args = ["--directory", "--mode=755", &user, &group, "--", &base];
        as_root(&format!("make {base}"), "/usr/bin/install", &args)?;
        made.push(match owner {
            None => format!("made {base}"),
            Some(_) => format!("took {base} over from root"),
        });
    }
    Ok(made)
}

fn as_root(op: &str, program: &str, args: &[&str]) -> Result<(), CliError> {
    let call = Invocation::new(program, args.iter().copied(), Duration::from_secs(60)).as_root();
    let answer = SystemRunner.run(&call)?;
    match answer.ok() {
        true => Ok(()),
        false => Err(HostError::with(op, FaultKind::Failed, answer.stderr.trim()).into()),
    }
}
