//! Nodes that nobody keeps: plain processes of one user.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks at node processes")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use wnm_core::host::{CommandRunner, HostResult};
use wnm_core::import::{Broken, Findings, Found, Left, Origin, Told};
use wnm_core::model::{Manager, ManagerKind, Scope};

use crate::process::{alive, owner, pids_below};
use crate::setsid::{keeper_of, service_of_process};

/// The living node processes of user `uid` that no unit and no container keeps, without those that
/// were `told` of already. They can be adopted in place: nothing but their command line is kept of
/// them. Only below `roots` is anything wrong a reason to stop.
pub fn plain_processes(
    runner: &dyn CommandRunner,
    uid: u32,
    roots: &[PathBuf],
    told: &BTreeSet<u32>,
) -> HostResult<Findings> {
    let mut findings = Findings::default();
    for (data, pids) in pids_below(&[PathBuf::from("/")])? {
        let is_ours =
            |pid: &u32| alive(*pid).is_some() && owner(*pid) == Some(uid) && !told.contains(pid);
        let own: Vec<u32> = pids.into_iter().filter(is_ours).collect();
        let name = data.file_name().and_then(|name| name.to_str()).unwrap_or("node");
        match own[..] {
            [] => {}
            [pid] => one(runner, pid, name, &mut findings),
            [first, ..] => {
                let pids = own.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                let what = format!("processes {pids} use one data directory, {}", data.display());
                if roots.iter().any(|root| data.starts_with(root)) {
                    let what = format!("{what}: end all but one, or give --except {name}");
                    findings.broken.push(Broken { name: Some(name.to_owned()), what });
                } else {
                    findings.left.push(Left::new(name, format!("process {first}"), what));
                }
            }
        }
    }
    Ok(findings)
}

/// A process that ended meanwhile is simply not there.
fn one(runner: &dyn CommandRunner, pid: u32, name: &str, findings: &mut Findings) {
    let place = format!("process {pid}");
    match kept_by(runner, pid) {
        Some(keeper) if is_unit_of_another_reader(&keeper) => {}
        Some(keeper) => {
            findings.left.push(Left::new(name, &place, format!("it is part of {keeper}")));
        }
        None => match read(pid, name, &place) {
            Some(Ok(found)) => findings.nodes.push(found),
            Some(Err(why)) => findings.left.push(Left::new(name, &place, why)),
            None => {}
        },
    }
}

fn read(pid: u32, name: &str, place: &str) -> Option<Result<Found, String>> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let Ok(command) = String::from_utf8(command) else {
        return Some(Err("its command line is not UTF-8".to_owned()));
    };
    let mut words: Vec<String> =
        command.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    // It may have been called by a name on PATH, or a relative one.
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let program = program.and_then(|it| it.to_str().map(str::to_owned));
    if let (Some(first), Some(program)) = (words.first_mut(), program)
        && !first.starts_with('/')
    {
        *first = program.trim_end_matches(" (deleted)").to_owned();
    }
    let told = match Told::read(&words) {
        Ok(told) => told,
        Err(error) => return Some(Err(error.to_string())),
    };
    let manager = Manager { kind: ManagerKind::Setsid, scope: Scope::User };
    let mut found = Found::told(Origin::Process, name, place, told, manager);
    found.pid = Some(pid);
    // Its directory is all the name it has.
    found.service = Some(name.to_owned());
    Some(Ok(found))
}

/// Who brings it back, or takes it along: a service that is neither cron nor the one that we are in,
/// or a container. That nobody can be asked is no proof that nobody does.
fn kept_by(runner: &dyn CommandRunner, pid: u32) -> Option<String> {
    let own = service_of_process(std::process::id());
    let service = service_of_process(pid).filter(|service| Some(service) != own.as_ref());
    let service = service.map(|(unit, _)| unit);
    let starts_plain_ones = ["cron.service", "crond.service", "wnm.service"];
    let service = service.filter(|unit| !starts_plain_ones.contains(&unit.as_str()));
    service.or_else(|| keeper_of(runner, pid))
}

/// Units are looked at as files, and told of there.
fn is_unit_of_another_reader(keeper: &str) -> bool {
    keeper.ends_with(".service")
}
