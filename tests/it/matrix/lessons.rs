//! What the matrix found, each as one moment: written before it was mended.

use std::fs::File;
use std::net::UdpSocket;
use std::time::Duration;

use super::homes::{move_away, two, with_other_disk, with_release, words};
use super::moments::Moment;
use super::scenarios::ALL;
use super::stage::Stage;
use super::strace::{self, Blow, Struck};
use super::{BOXES, PLAIN, SHARED, can_strike};
use crate::harness::{TestEnv, as_a_user, not_tested, wait_until};

/// Deals `blow` at the first moment that `is_it`, in a home like that of `prepare`.
fn strike(
    env: TestEnv,
    args: &[String],
    blow: Blow,
    is_it: fn(&Moment) -> bool,
) -> (Stage, Struck) {
    let stage = Stage::keep(env, PLAIN.keeper);
    let (_, moments) = strace::moments(&stage.env, args);
    stage.again(&["antnode0001", "antnode0002"]);
    let moment = moments.into_iter().find(is_it).expect("it comes to that");
    let struck = strace::strike(&stage.env, args, &moment, blow);
    (stage, struck)
}

/// Names that begin with a dot, but for the marker of a storage root.
fn hidden(env: &TestEnv, place: &str) -> Vec<String> {
    let entries = std::fs::read_dir(env.path(place)).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.') && name != ".wnm-storage").collect()
}

const NODES: &str = "home/.local/share/autonomi/node";

/// Standard error of a cycle under cron is a file, and its disk fills.
#[test]
fn a_log_on_a_full_disk_does_not_end_a_cycle_in_the_middle() {
    let env = two(&PLAIN);
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut command = env.command_of(env!("CARGO_BIN_EXE_wnm-dup"), &["-v", "restart", "2"]);
    let status = command.stderr(full).status().expect("wnm can be started");
    assert_eq!(status.code(), Some(0));
    assert_eq!(env.running().len(), 2);
}

#[test]
fn an_upgrade_that_cannot_be_put_in_place_leaves_nothing_beside_the_node() {
    if !can_strike() {
        return;
    }
    let is_it = |it: &Moment| it.call == "rename" && it.args.contains("/.next-antnode0002/");
    let args = words("upgrade 2");
    let (stage, struck) = strike(with_release(&PLAIN), &args, Blow::Lasting("EIO"), is_it);
    assert!(struck.stdout.contains("FAILED: upgrade antnode0002"), "{struck:?}");
    assert_eq!(hidden(&stage.env, NODES), Vec::<String>::new());
    stage.env.cycle_until_resting_with(2);
}

#[test]
fn a_move_that_cannot_be_finished_leaves_no_key_on_the_other_disk() {
    if !can_strike() {
        return;
    }
    for (call, part) in [("rename", "/.coming-antnode0001"), ("fsync", "/other>")] {
        let env = with_other_disk(&PLAIN);
        let args = move_away(&env);
        let stage = Stage::keep(env, PLAIN.keeper);
        let (_, moments) = strace::moments(&stage.env, &args);
        stage.again(&["antnode0001"]);
        let is_it = |it: &&Moment| it.call == call && it.args.contains(part);
        let moment = moments.iter().rfind(is_it).expect("it comes to that");
        let struck = strace::strike(&stage.env, &args, moment, Blow::Lasting("EIO"));
        assert!(struck.stdout.contains("FAILED: move antnode0001"), "{part}: {struck:?}");
        assert_eq!(hidden(&stage.env, "other"), Vec::<String>::new(), "{part}");
        assert!(!stage.env.path("other/antnode0001").exists(), "{part}");
        stage.env.cycle_until_resting_with(2);
    }
}

/// A copy of the key, which may be sealed in the archive, lay there for ever.
#[test]
fn a_key_that_nothing_waits_for_is_cleared_away_by_the_next_cycle() {
    let env = two(&PLAIN);
    for name in [".returning-0123456789abcdef", "..returning-0123456789abcdef.new"] {
        std::fs::create_dir_all(env.base_dir().join("identities")).expect("a directory");
        std::fs::write(env.base_dir().join("identities").join(name), "a key").expect("written");
    }
    env.run(&["run"]).expect(0);
    let is_waiting = |name: &String| name.starts_with('.');
    assert_eq!(env.names("identities").into_iter().filter(is_waiting).count(), 0);
}

#[test]
fn a_key_whose_request_could_not_be_begun_goes_on_waiting_for_it() {
    if !can_strike() {
        return;
    }
    let env = two(&PLAIN);
    env.run(&["remove", "2"]).expect(0);
    let args = words("identity restore antnode0002");
    // The request is stored; what follows finds the disk full.
    let is_it = |it: &Moment| it.call == "pwrite64" && it.at == "the store, observe" && it.nth > 20;
    let (stage, struck) = strike(env, &args, Blow::Lasting("ENOSPC"), is_it);
    assert!(struck.stderr.contains("was not answered"), "{struck:?}");
    stage.env.cycle_until_resting_with(2);
    assert_eq!(hidden(&stage.env, "home/.local/share/autonomi/identities"), Vec::<String>::new());
}

/// A start that failed, and failed again, was taken for a lost program: it was a port, which another run of
/// tests had taken. It is tried in every cycle, and well with the first after the port is free.
#[test]
fn a_node_of_a_shared_container_comes_back_when_its_port_is_free_again() {
    let heal = ALL.iter().find(|scenario| scenario.name == "heal").expect("it is one");
    let stage = Stage::keep((heal.prepare)(&SHARED), SHARED.keeper);
    let env = &stage.env;
    (heal.occasion)(env);
    let port = ("127.0.0.1", env.spec(2).ports.node);
    // A process that was killed has no program any more before it lets go of its port.
    let mut taken = None;
    wait_until(Duration::from_secs(20), "the node's port is free", || {
        taken = UdpSocket::bind(port).ok();
        taken.is_some()
    });
    let ran = env.run(&["run"]).expect(1);
    assert!(ran.stdout.contains("it ended at once"), "{}", ran.block());
    drop(taken);
    let ran = env.run(&["run"]).expect(0);
    assert_eq!(env.running().len(), 2, "{}", ran.block());
    env.cycle_until_resting_with(2);
}

/// A container that counts by itself has a storage root of its own. While nobody had made that, nothing was
/// known of the node that was to lie in it, so that nothing was done with it, for ever.
#[test]
fn a_node_whose_container_had_no_storage_yet_is_made() {
    if !can_strike() {
        return;
    }
    if as_a_user().is_none() {
        return not_tested("a container with an antctl: nobody may be another user here");
    }
    let stage = Stage::keep(two(&BOXES), BOXES.keeper);
    let set = || {
        stage.again(&["antnode0003"]);
        stage.env.run(&["run"]).expect(0);
    };
    set();
    let (_, moments) = strace::moments(&stage.env, &words("add"));
    set();
    // Its record is written, and the first tool is to be called.
    let begins = |it: &&Moment| ["clone", "clone3", "fork", "vfork"].contains(&it.call.as_str());
    let is_it = |it: &&Moment| it.at.contains("have its manager make it") && begins(it);
    let moment = moments.iter().find(is_it).expect("docker is called");
    let struck = strace::strike(&stage.env, &words("add"), moment, Blow::Kill);
    assert!(struck.was_killed(), "{struck:?}");
    assert_eq!(stage.env.states().len(), 3, "it is recorded");
    stage.env.run(&["run"]).expect(0);
    stage.env.cycle_until_resting_with(3);
}
