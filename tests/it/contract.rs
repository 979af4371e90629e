//! The contract story of every manager, on the real setsid and real processes.

use std::sync::Arc;

use wnm_core::fakes::{manager_contract, one_process_contract};
use wnm_core::host::NodeFiles;
use wnm_core::model::Release;
use wnm_managers::{DiskFiles, Setsid, SystemRunner, processes_of};

use crate::harness::{self, TestEnv};

#[test]
fn setsid_keeps_the_contract() {
    let env = TestEnv::new();
    let spec = env.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let setsid = Setsid::new(Arc::new(SystemRunner), vec![spec.storage.clone()]);
    let version = "0.23.1".parse().expect("a version");
    let release = Release { version, path: env.program() };
    manager_contract(&setsid, &files, &spec, &release, false);
}

#[test]
fn setsid_never_runs_one_identity_twice() {
    let env = TestEnv::new();
    let spec = env.spec(1);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(env.path("identities"));
    let setsid = Setsid::new(Arc::new(SystemRunner), vec![spec.storage.clone()]);
    let version = "0.23.1".parse().expect("a version");
    files.prepare(&spec, &Release { version, path: env.program() }).expect("prepared");
    // Another port, or the second one would end by itself.
    let mut other = env.spec(2);
    (other.data, other.logs) = (spec.data.clone(), spec.logs.clone());
    let children = std::cell::RefCell::new(Vec::new());
    let begin = || {
        let mut command = std::process::Command::new(&spec.binary);
        command.args(other.program.arguments(&other));
        let child = harness::begin(&mut command);
        let pid = child.id();
        children.borrow_mut().push(child);
        pid
    };
    let count = || processes_of(&spec).expect("asked").len();
    one_process_contract(&setsid, &spec, &begin, &count);
    for mut child in children.into_inner() {
        child.wait().expect("it has ended");
    }
}
