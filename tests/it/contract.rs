//! The contract story of every manager, on the real setsid and real processes.

use std::sync::Arc;

use wnm_core::fakes::manager_contract;
use wnm_core::model::Release;
use wnm_managers::{DiskFiles, Setsid, SystemRunner};

use crate::harness::TestEnv;

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
