//! Nodes that nobody keeps: plain processes of one user.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks at node processes")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use wnm_core::host::{CommandRunner, HostError, HostResult};
use wnm_core::import::{Broken, Findings, Found, Left, NotANode, Origin, Told};
use wnm_core::model::{Manager, ManagerKind, Scope};

use crate::process::{alive, pids_below};
use crate::setsid::keeper_of;

/// The living node processes of user `uid` that no unit and no container keeps. They can be adopted
/// in place: nothing but their command line is kept of them.
pub fn plain_processes(runner: &dyn CommandRunner, uid: u32) -> HostResult<Findings> {
    let mut findings = Findings::default();
    for (data, pids) in pids_below(&[PathBuf::from("/")])? {
        let pids: Vec<u32> = pids.into_iter().filter(|pid| alive(*pid).is_some()).collect();
        let own: Vec<u32> = pids.iter().copied().filter(|pid| owner(*pid) == Some(uid)).collect();
        // What a unit or a container keeps is found by its own reader.
        if own.is_empty() || own.iter().any(|pid| keeper_of(runner, *pid).is_some()) {
            continue;
        }
        let name = data.file_name().and_then(|name| name.to_str()).unwrap_or("node").to_owned();
        let [pid] = own[..] else {
            let pids: Vec<String> = own.iter().map(u32::to_string).collect();
            let what = format!(
                "processes {} use one data directory, {}: end all but one, or leave it out by \
                 --except {name}",
                pids.join(", "),
                data.display()
            );
            findings.broken.push(Broken { name: Some(name), what });
            continue;
        };
        match one(pid, &name)? {
            Ok(found) => findings.nodes.push(found),
            Err(why) => findings.left.push(Left::new(&name, format!("process {pid}"), why)),
        }
    }
    Ok(findings)
}

fn one(pid: u32, name: &str) -> HostResult<Result<Found, String>> {
    let text = |what: &str| format!("read {what} of process {pid}");
    let command = fs::read(format!("/proc/{pid}/cmdline"))
        .map_err(|error| HostError::io(text("the command line"), error))?;
    let Ok(command) = String::from_utf8(command) else {
        return Ok(Err("its command line is not UTF-8".to_owned()));
    };
    let mut words: Vec<String> =
        command.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    // It may have been called by a name on PATH, or a relative one.
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let program = program.and_then(|it| it.to_str().map(str::to_owned));
    if let (Some(first), Some(program)) = (words.first_mut(), program) {
        if !first.starts_with('/') {
            *first = program.trim_end_matches(" (deleted)").to_owned();
        }
    }
    let told = match Told::read(&words) {
        Ok(told) => told,
        Err(NotANode::OtherProgram(_) | NotANode::Unfit(_)) if words.is_empty() => {
            return Ok(Err("it is gone".to_owned()));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    let manager = Manager { kind: ManagerKind::Setsid, scope: Scope::User };
    let mut found = Found::told(Origin::Process, name, &format!("process {pid}"), told, manager);
    found.pid = Some(pid);
    // Its directory is all the name it has.
    found.service = Some(name.to_owned());
    Ok(Ok(found))
}

fn owner(pid: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|found| found.uid())
}
