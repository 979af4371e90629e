//! A `docker` that lies, of containers of one node and of one that all nodes share.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::symlink;

use super::{
    a_cycle_hurts_nobody, alive, everybody_once, kill_node, liar, lie, no_key_is_lost, nodes,
    three_cycles_set_all_right,
};
use crate::harness::TestEnv;

/// Processes of our own instead of containers; beside the usual lies those of containers.
const HONEST: &str = r#"
verb=$1
keeper() { '@KEEPER@' "$@"; }
# A running container's first process and what it does, without its name and without its labels.
honest() {
    case "$(cat @LIE@ 2>/dev/null) of $verb" in
    # The other one's state, and the other one's name.
    "swap inspect of inspect") keeper "$@" | awk -F'\t' -v OFS='\t' '
        { all[NR] = $0; status[NR] = $2; pid[NR] = $3 }
        END { for (i = 1; i <= NR; i++) { $0 = all[i]; $2 = status[NR + 1 - i];
              $3 = pid[NR + 1 - i]; print } }' ;;
    "rename inspect of inspect") keeper "$@" | sed \
        's/^"\/antnode0001"/"\/x"/; s/^"\/antnode0002"/"\/antnode0001"/; s/^"\/x"/"\/antnode0002"/' ;;
    # It ended, and it never was.
    "dead inspect of inspect") keeper "$@" | sed 's/"running"\t[0-9]*/"exited"\t0/' ;;
    "gone inspect of inspect")
        while [ "$1" != -- ]; do shift; done; shift
        for name in "$@"; do echo "Error: No such container: $name" >&2; done; exit 1 ;;
    # A process that is somebody else's.
    "stranger inspect of inspect") keeper "$@" | sed 's/"running"\t[0-9]*/"running"\t1/' ;;
    # In words that no version of it has.
    "words inspect of inspect") keeper "$@" | sed 's/"running"/"läuft"/' ;;
    *) keeper "$@" ;;
    esac
}
"#;

/// A home whose containers end with it.
struct World(TestEnv);

impl Deref for World {
    type Target = TestEnv;

    fn deref(&self) -> &TestEnv {
        &self.0
    }
}

impl Drop for World {
    fn drop(&mut self) {
        crate::matrix::end_containers(self);
    }
}

const OWN: &[&str] = &["--manager", "docker+user"];
const SHARED: &[&str] = &["--manager", "docker+user", "--max-nodes-per-container", "4"];

pub(super) fn world() -> impl Deref<Target = TestEnv> {
    made(OWN)
}

fn made(more: &[&str]) -> World {
    let env = TestEnv::new();
    let keeper = env.path("keepers/docker");
    fs::create_dir_all(env.path("keepers")).expect("made");
    symlink(env!("CARGO_BIN_EXE_stand-in-keeper"), &keeper).expect("linked");
    let honest = HONEST
        .replace("@KEEPER@", &keeper.display().to_string())
        .replace("@LIE@", &env.path("lie").display().to_string());
    liar(&env, "docker", &honest);
    let world = World(env);
    nodes(&world, "2", more);
    world
}

/// What the engine itself has of containers.
fn containers(env: &TestEnv) -> BTreeSet<String> {
    let entries = fs::read_dir(env.path("keeper")).expect("a directory").flatten();
    let names = entries.filter_map(|it| it.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

/// What is said, and whether anything can be concluded from it: then an operator's word is obeyed, and what
/// it leads to is seen to by wnm itself.
const SHOWN: &[(&str, bool)] = &[
    ("nothing", false),
    ("refuse", false),
    ("foreign", false),
    ("half", false),
    ("first", false),
    ("others", false),
    ("binary", false),
    ("words", false),
    ("stranger", true),
    ("swap", true),
    ("rename", true),
    ("dead", true),
    ("gone", true),
];

#[test]
fn what_it_shows_hurts_nobody() {
    for more in [OWN, SHARED] {
        let env = made(more);
        let (before, there) = (alive(&env), containers(&env));
        for (how, makes_sense) in SHOWN {
            lie(&env, &format!("{how} inspect"));
            for _ in 0..2 {
                a_cycle_hurts_nobody(&env, how, &before);
            }
            // Of one container the first line is all there is, and it has no node's name in it.
            let is_whole = more == SHARED && matches!(*how, "first" | "others");
            if !makes_sense && !is_whole {
                let asked = env.run(&["remove", "1"]);
                assert_eq!(asked.code, Some(5), "{how}: {}", asked.block());
                assert_eq!(alive(&env), before, "{how}: removed on its word: {}", asked.block());
            }
            lie(&env, "");
            three_cycles_set_all_right(&env, 2, how);
            assert_eq!((&alive(&env), &containers(&env)), (&before, &there), "{how}");
        }
    }
}

/// What was started, however often it was said that it was not, and the other way round.
#[test]
fn what_it_says_of_a_start_counts_for_nothing() {
    for more in [OWN, SHARED] {
        let env = made(more);
        for how in ["nothing", "refuse", "afterwards"] {
            kill_node(&env, 1);
            lie(&env, &format!("{how} start"));
            for _ in 0..2 {
                env.run(&["run"]);
                everybody_once(&env, how);
            }
            lie(&env, "");
            three_cycles_set_all_right(&env, 2, how);
            everybody_once(&env, how);
        }
    }
}

/// No data goes while its process lives, whatever is said of the stop; and no container stays for nobody,
/// whatever is said of its end.
#[test]
fn what_it_says_of_an_end_counts_for_nothing() {
    // A shared one ends with the last of its nodes.
    for (more, named) in [(OWN, &["2"][..]), (SHARED, &["1", "2"])] {
        let env = made(&[more, &["--grow-window", "1d"]].concat());
        for how in [
            "nothing stop",
            "refuse stop",
            "afterwards stop",
            "nothing rm",
            "refuse rm",
            "afterwards rm",
        ] {
            let before = alive(&env);
            lie(&env, how);
            let ran = env.run(&[&["remove"], named].concat());
            let stay = 2 - named.len();
            let same = env.running().iter().filter(|it| before.processes.contains(it)).count();
            assert!(same >= stay, "{how}: the other one goes on: {}", ran.block());
            no_key_is_lost(&env, &before, how);
            lie(&env, "");
            three_cycles_set_all_right(&env, stay, how);
            let left: BTreeSet<String> = (0..stay).map(|_| "antnode0001".to_owned()).collect();
            assert_eq!(containers(&env), left, "{how}: {}", ran.block());
            no_key_is_lost(&env, &before, how);
            env.run(&["add", "--count", &named.len().to_string()]).expect(0);
        }
    }
}

/// It is there with its container and its process, or not at all.
#[test]
fn what_it_says_of_a_new_container_counts_for_nothing() {
    let env = made(&[OWN, &["--grow-window", "1d"]].concat());
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    let before = alive(&env);
    for what in [
        "nothing create",
        "refuse create",
        "afterwards create",
        "binary create",
        "nothing start",
        "afterwards start",
        "nothing inspect",
        "afterwards inspect",
    ] {
        lie(&env, what);
        let ran = env.run(&["add"]);
        lie(&env, "");
        let count = env.states().len();
        three_cycles_set_all_right(&env, count, what);
        let wanted: BTreeSet<String> = (1..=count).map(|it| format!("antnode{it:04}")).collect();
        assert_eq!(containers(&env), wanted, "{what}: {}", ran.block());
        let same = env.running().iter().filter(|it| before.processes.contains(it)).count();
        assert_eq!(same, 2, "{what}: {}", ran.block());
        if count == 3 {
            env.run(&["remove", "3"]).expect(0);
        }
    }
}

/// It says that there are none, or not all of them: a container of somebody else stays as it is.
#[test]
fn what_it_lists_takes_nobodys_container() {
    let env = made(&[OWN, &["--grow-window", "1d"]].concat());
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    let before = alive(&env);
    let theirs = env.path("keeper/antnode0003.json");
    let text = fs::read_to_string(env.path("keeper/antnode0002.json")).expect("ours");
    let mut it: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    (it["id"], it["labels"], it["pid"]) = ("f00d".into(), serde_json::json!({}), 0.into());
    fs::write(&theirs, it.to_string()).expect("written");
    for how in ["nothing", "refuse", "foreign", "half", "first", "others", "binary"] {
        lie(&env, &format!("{how} ps"));
        let ran = env.run(&["add"]);
        env.run(&["run"]);
        lie(&env, "");
        assert_eq!(fs::read_to_string(&theirs).expect("there"), it.to_string(), "{how}");
        // Whose name is taken never comes to run, and is told of until somebody removes it.
        if env.states().len() == 3 {
            let last = env.names("node").pop().expect("it has data");
            env.run(&["remove", &last]).expect(0);
        }
        three_cycles_set_all_right(&env, 2, how);
        assert_eq!(fs::read_to_string(&theirs).expect("there"), it.to_string(), "{how}");
        assert_eq!(alive(&env), before, "{how}: {}", ran.block());
    }
}
