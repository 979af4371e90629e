//! A `sudo` that lies, below a manager of the system scope. The system's places are directories of the test,
//! in a view of the file system that nobody else has, and wnm is a user there who is not root.

use std::collections::BTreeSet;
use std::fs;

use super::{
    a_cycle_hurts_nobody, alive, kill, liar, lie, no_key_is_lost, nodes, three_cycles_set_all_right,
};
use crate::harness::{TestEnv, not_tested, works};

/// Does what root does as far as one user can: nobody else owns anything here.
const HONEST: &str = r#"
verb=${3##*/}
case "$(cat @LIE@ 2>/dev/null)" in *' any') verb=any ;; esac
honest() { (
    shift 2; program=$1; shift
    case "$program" in
    */install)
        for word; do
            shift
            case "$word" in --owner=* | --group=*) ;; *) set -- "$@" "$word" ;; esac
        done
        exec "$program" "$@" ;;
    */setsid)
        while [ "$1" != -- ]; do shift; done; shift
        exec "$program" --fork "$@" ;;
    */runuser)
        while [ "$1" != -- ]; do shift; done; shift
        exec "$@" ;;
    *) exec "$program" "$@" ;;
    esac
) }
case "$(cat @LIE@ 2>/dev/null)" in
"password $verb") echo 'sudo: a password is required' >&2; exit 1 ;;
esac
"#;

/// The system's places, and its users: `op`, who we are, and `ant`, whose nodes are.
const VIEW: &str = r#"
mount --bind "$0/var" /var && mount --bind "$0/passwd" /etc/passwd &&
    mount --bind "$0/group" /etc/group &&
    exec unshare --user --map-user=1000 --map-group=1000 -- "$@"
"#;
const USERS: &str =
    "root:x:0:0::/root:/bin/sh\nop:x:1000:1000::/:/bin/sh\nant:x:1001:1001::/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nop:x:1000:\nant:x:1001:\n";

/// How wnm comes to be that user; `None`, and told, where it cannot be done.
fn view(env: &TestEnv) -> Option<Vec<String>> {
    let here = env.path("system");
    fs::create_dir_all(here.join("var/log")).expect("made");
    fs::write(here.join("passwd"), USERS).expect("written");
    fs::write(here.join("group"), GROUPS).expect("written");
    let here = here.display().to_string();
    let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", VIEW, &here];
    let words = words.map(str::to_owned).to_vec();
    let check = "test \"$(id -u)\" = 1000 && test -d /var/log && test ! -e /var/lib";
    if !here.starts_with("/var") && works(&words, &["sh", "-c", check]) {
        return Some(words);
    }
    not_tested("a sudo that lies: nobody may be another user here");
    None
}

pub(super) fn world() -> Option<TestEnv> {
    let mut env = TestEnv::new();
    let honest = HONEST.replace("@LIE@", &env.path("lie").display().to_string());
    liar(&env, "sudo", &honest);
    let view = view(&env)?;
    env.begin_through(view);
    env.set("WNM_SCOPE", "system");
    let (storage, logs) = (env.path("nodes"), env.path("logs"));
    let (storage, logs) = (storage.display().to_string(), logs.display().to_string());
    let places = [
        "--node-storage",
        &storage,
        "--log-storage",
        &logs,
        "--firewall",
        "none",
        "--grow-window",
        "1d",
    ];
    nodes(&env, "2", &[&["--manager", "setsid+sudo"], &places[..]].concat());
    Some(env)
}

/// It ends as by itself.
pub(super) fn kill_node(env: &TestEnv, number: u32) {
    let data = env.path(&format!("nodes/antnode{number:04}"));
    let running = env.running();
    kill(env, running.iter().find(|(running, _)| *running == data).expect("it runs").1);
}

#[test]
fn what_it_says_hurts_nobody() {
    let Some(env) = world() else { return };
    let before = alive(&env);
    assert_eq!(before.keys.len(), 2);
    for how in ["nothing", "refuse", "password", "foreign", "half", "binary", "afterwards"] {
        lie(&env, &format!("{how} any"));
        for _ in 0..2 {
            a_cycle_hurts_nobody(&env, how, &before);
        }
        lie(&env, "");
        three_cycles_set_all_right(&env, 2, how);
        assert_eq!(alive(&env), before, "{how}");
    }
}

#[test]
fn what_it_says_of_a_start_counts_for_nothing() {
    let Some(env) = world() else { return };
    for how in ["refuse", "password", "afterwards", "binary", "nothing"] {
        kill_node(&env, 1);
        lie(&env, &format!("{how} setsid"));
        env.run(&["run"]);
        once(&env, how);
        lie(&env, "");
        three_cycles_set_all_right(&env, 2, how);
        once(&env, how);
    }
}

/// Each link of the chain: the stop, the copy of the key, the new name, the end of the data.
#[test]
fn what_it_says_of_a_removal_loses_no_key() {
    let Some(env) = world() else { return };
    for how in ["refuse", "afterwards", "nothing"] {
        for tool in ["kill", "install", "mv", "rm"] {
            if (how, tool) == ("nothing", "kill") {
                // That node has ninety seconds to end.
                continue;
            }
            let what = format!("{how} {tool}");
            let before = alive(&env);
            lie(&env, &what);
            let ran = env.run(&["remove", "2"]);
            once(&env, &what);
            no_key_is_lost(&env, &before, &what);
            lie(&env, "");
            three_cycles_set_all_right(&env, 1, &what);
            no_key_is_lost(&env, &before, &what);
            let left = fs::read_dir(env.path("nodes")).expect("there").flatten();
            let left: BTreeSet<_> = left.map(|entry| entry.file_name()).collect();
            let wanted = [".wnm-storage", "antnode0001"].map(Into::into);
            assert_eq!(left, wanted.into(), "{what}: {}", ran.block());
            env.run(&["add"]).expect(0);
        }
    }
}

#[track_caller]
fn once(env: &TestEnv, what: &str) {
    let running = env.running();
    let directories: BTreeSet<_> = running.iter().map(|(data, _)| data).collect();
    assert_eq!(directories.len(), running.len(), "{what}: one identity in two: {running:?}");
}
