//! Numbers of processes that are somebody else's by now.

use std::process::{Child, Command, Stdio};

use super::{alive, everybody_once, kill_node, nodes, systemctl, three_cycles_set_all_right};
use crate::harness::{TestEnv, not_tested, works};

/// Somebody else's program, which ends with the test.
struct Theirs(Child);

impl Theirs {
    fn begin() -> Theirs {
        Theirs(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("it starts"))
    }

    #[track_caller]
    fn is_well(&mut self, what: &str) {
        assert_eq!(self.0.try_wait().expect("our own child"), None, "{what}: it was signalled");
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The node's own file is none that wnm goes by.
#[test]
fn a_file_with_the_number_of_somebody_else_leads_nowhere() {
    let env = TestEnv::with_program("antnode");
    nodes(&env, "2", &["--program", "antnode"]);
    let mut theirs = Theirs::begin();
    kill_node(&env, 1);
    let file = env.base_dir().join("node/antnode0001/antnode.pid");
    std::fs::write(&file, theirs.0.id().to_string()).expect("written");
    three_cycles_set_all_right(&env, 2, "it is begun anew");
    std::fs::write(&file, theirs.0.id().to_string()).expect("written");
    for line in ["restart", "stop", "remove"] {
        env.run(&[line, "1"]).expect(0);
        theirs.is_well(line);
    }
    assert_eq!(env.running().len(), 1, "the second one goes on");
}

/// systemd says that a unit's process is one that is somebody else's: it shows no signs of a node's life,
/// which is told, and what is done for the node is done to its own processes.
#[test]
fn a_unit_with_the_number_of_somebody_else_hurts_nobody() {
    let env = systemctl::world();
    let before = alive(&env);
    let mut theirs = Theirs::begin();
    for is_up in [true, false] {
        super::lie(&env, &format!("pid show {}", theirs.0.id()));
        if !is_up {
            kill_node(&env, 1);
        }
        for _ in 0..2 {
            let told = env.run(&["run"]).block();
            assert!(told.contains("antnode0001 lives, but its UDP port is not bound"), "{told}");
            everybody_once(&env, "run");
            theirs.is_well("run");
        }
        if is_up {
            assert_eq!(alive(&env), before);
        }
        for line in ["stop", "restart"] {
            env.run(&[line, "1"]);
            theirs.is_well(line);
        }
        super::lie(&env, "");
        env.run(&["start", "1"]);
        three_cycles_set_all_right(&env, 2, "told truly");
        theirs.is_well("told truly");
    }
}

/// In a world of numbers of its own: the node dies, and the next program gets its number.
const STORY: &str = r#"
set -e
wnm=$1; data=$2; shift 2
lives() { case "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)" in Z*|'') return 1 ;; esac; }
node() { for it in /proc/[0-9]*; do
    tr '\0' ' ' <"$it/cmdline" 2>/dev/null | grep -q "^$data/.*--root-dir $data " && echo "${it#/proc/}"
done; true; }
"$wnm" "$@"
"$wnm" add
old=$(node)
kill -9 "$old"
while lives "$old"; do sleep 0.01; done
theirs=
for try in 1 2 3 4 5 6 7 8 9 10; do
    # The number is free when its parent has taken notice of the death.
    [ -e "/proc/$old" ] || { echo $((old - 1)) >/proc/sys/kernel/ns_last_pid; sleep 600 & theirs=$!; }
    [ "$theirs" = "$old" ] && break
    sleep 0.1
done
[ "$theirs" = "$old" ] || { echo "no such number: $theirs, not $old"; exit 77; }
"$wnm" status
"$wnm" run
new=$(node)
echo "node $old is $new"
[ -n "$new" ] && [ "$new" != "$old" ] && lives "$theirs"
"$wnm" restart 1
lives "$theirs"
"$wnm" stop 1
[ -z "$(node)" ] && lives "$theirs"
"$wnm" remove 1
lives "$theirs" && echo "all is well"
"#;

#[test]
fn a_program_that_got_the_number_of_a_dead_node_is_left_alone() {
    let env = TestEnv::new();
    let space = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let space = [&space[..], &["--mount", "--mount-proc"]].concat();
    let space: Vec<String> = space.iter().map(|it| (*it).to_owned()).collect();
    if !works(&space, &["sh", "-c", "echo 50 >/proc/sys/kernel/ns_last_pid"]) {
        return not_tested("a number that somebody else got: there are no namespaces here");
    }
    let data = env.base_dir().join("node/antnode0001").display().to_string();
    let init = env.init_args(&["--node-cap", "1"]);
    let wnm = env!("CARGO_BIN_EXE_wnm-dup");
    let words = space[1..].iter().map(String::as_str);
    let words = words.chain(["sh", "-c", STORY, "story", wnm, &data]);
    let words: Vec<&str> = words.chain(init.iter().map(String::as_str)).collect();
    let told = env.command_of(&space[0], &words).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = text(&told.stdout) + &text(&told.stderr);
    assert!(told.contains("all is well"), "{told}");
}
