//! A `systemctl` that lies.

use std::fs;
use std::time::Duration;

use super::{
    a_cycle_hurts_nobody, alive, everybody_once, key_is_there, kill_node, liar, lie, nodes, script,
};
use crate::harness::{TestEnv, is_there, wait_until};

/// It starts what a unit says, in a process that nobody else knows of, and ends it.
const HONEST: &str = r#"
here=@HERE@ units=@UNITS@
[ "$1" = --user ] && shift
verb=$1; shift
lie=$(cat @LIE@ 2>/dev/null)
# The words behind the options.
names() { while [ $# -gt 0 ]; do case "$1" in --) shift; echo "$@"; return ;; esac; shift; done; }
# Not one that only waits for its parent.
lives() { case "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)" in Z*|'') return 1 ;; esac; }
pid() { read -r pid <"$here/$1.pid" 2>/dev/null && lives "$pid" && echo "$pid"; }
show() {
    for unit in $(names "$@"); do
        pid=$(pid "$unit")
        [ "$lie" = "dead show" ] && pid=
        case "$lie" in "pid show "*) pid=${lie#pid show } ;; esac
        active=inactive sub=dead load=not-found
        [ -n "$pid" ] && active=active sub=running
        [ -e "$units/$unit" ] && load=loaded
        [ "$lie" = "gone show" ] && active=inactive sub=dead load=not-found pid=
        printf 'Id=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nMainPID=%s\nNRestarts=0\n' \
            "$unit" "$load" "$active" "$sub" "${pid:-0}"
        printf 'InvocationID=\nNeedDaemonReload=no\nDropInPaths=\n\n'
    done
}
honest() {
    case "$verb" in
    show) case "$1" in --property=Version) echo 252 ;; *) show "$@" ;; esac ;;
    start)
        unit=$(names "$@")
        [ -n "$(pid "$unit")" ] && return
        line=$(sed -n 's/^ExecStart=//p' "$units/$unit")
        setsid sh -c "echo \$\$ >$here/$unit.pid; exec $line" </dev/null >/dev/null 2>&1 &
        ;;
    stop)
        pid=$(pid "$(names "$@")") || return 0
        kill "$pid"
        while lives "$pid"; do sleep 0.05; done
        ;;
    is-enabled) for unit in $(names "$@"); do echo disabled; done ;;
    esac
}
if [ "$lie" = "edit $verb" ]; then
    for unit in $(names "$@"); do echo '# mine' >>"$units/$unit"; done
fi
"#;

pub(super) fn world() -> TestEnv {
    let mut env = TestEnv::new();
    let here = env.path("systemd");
    fs::create_dir_all(&here).expect("made");
    let text = |path: std::path::PathBuf| path.display().to_string();
    let honest = HONEST
        .replace("@HERE@", &text(here.clone()))
        .replace("@UNITS@", &text(env.path("home/.config/systemd/user")))
        .replace("@LIE@", &text(env.path("lie")));
    liar(&env, "systemctl", &honest);
    script(&env.path("tools/loginctl"), "#!/bin/sh\necho yes\n");
    env.set("XDG_RUNTIME_DIR", &text(here));
    nodes(&env, "2", &["--manager", "systemd+user"]);
    env
}

#[test]
fn what_it_shows_hurts_nobody() {
    let env = world();
    let before = alive(&env);
    // Beside these, that what runs does not run: it must not be started twice.
    let lies = ["nothing", "refuse", "foreign", "half", "others", "binary", "dead", "gone"];
    for how in lies {
        lie(&env, &format!("{how} show"));
        for _ in 0..3 {
            a_cycle_hurts_nobody(&env, how, &before);
        }
        // Of a node that is said to be down the process is ended first; of one that nothing is known
        // of, nothing is done.
        if !matches!(how, "dead" | "gone") {
            let asked = env.run(&["remove", "1"]);
            assert_eq!(alive(&env), before, "{how}: removed on its word: {}", asked.block());
        }
        lie(&env, "");
        env.cycle_until_resting_with(2);
    }
    assert_eq!(alive(&env), before);
}

/// Exit 0 and nothing done, exit 1 and all done, and a unit that is edited at that moment: what counts is
/// what is seen afterwards.
#[test]
fn what_it_says_of_a_start_counts_for_nothing() {
    for how in ["nothing", "refuse", "afterwards", "edit"] {
        let env = world();
        kill_node(&env, 1);
        lie(&env, &format!("{how} start"));
        for _ in 0..3 {
            env.run(&["run"]);
            everybody_once(&env, how);
        }
        lie(&env, "");
        env.cycle_until_resting_with(2);
        everybody_once(&env, how);
    }
}

/// No data goes while its process lives, whatever is said of the stop. Where systemd only says that it
/// stopped a node that an operator named, wnm ends its process itself.
#[test]
fn what_it_says_of_a_stop_counts_for_nothing() {
    let env = world();
    lie(&env, "refuse stop");
    let before = alive(&env);
    for line in [["stop", "1"], ["remove", "2"]] {
        let ran = env.run(&line);
        assert_ne!(ran.code, Some(0), "{}", ran.block());
        assert_eq!(alive(&env), before, "{}", ran.block());
    }
    for number in [1, 2] {
        assert!(key_is_there(&env, number, "node_identity.key"));
        let unit = format!("home/.config/systemd/user/antnode{number:04}.service");
        assert!(is_there(&env.path(&unit)), "a node that runs keeps its unit");
    }
    let env = world();
    lie(&env, "nothing stop");
    env.run(&["stop", "1"]).expect(0);
    assert_eq!(env.running().len(), 1, "what is said to be done is done");
    let ran = env.run(&["remove", "2"]);
    assert_eq!(env.running().len(), 0, "{}", ran.block());
    assert!(!env.names("identities").is_empty(), "its key is kept first: {}", ran.block());
    assert!(!key_is_there(&env, 2, "node_identity.key"), "{}", ran.block());
    let env = world();
    lie(&env, "afterwards stop");
    let failed = env.run(&["stop", "1"]);
    assert_ne!(failed.code, Some(0), "{}", failed.block());
    lie(&env, "");
    // What failed was told, and is asked for again by who wants it.
    env.run(&["run"]);
    everybody_once(&env, "afterwards");
    env.run(&["stop", "1"]);
    wait_until(Duration::from_secs(20), "it is stopped", || env.states()[0] == "stopped");
    everybody_once(&env, "afterwards");
}
