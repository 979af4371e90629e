//! Firewalls that lie. wnm looks for their tools where administrators' programs lie, whatever PATH says, so
//! that they are put there in a view of the file system that nobody else has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{a_cycle_hurts_nobody, alive, lie, no_key_is_lost, nodes, script};
use crate::harness::{TestEnv, not_tested, works};

/// One of them, by its tool, whose rules lie in files as the tool would tell them.
struct Kind {
    choice: &'static str,
    tool: &'static str,
    honest: &'static str,
    /// The files, and what somebody else has in each.
    files: &'static [&'static str],
    theirs: &'static str,
    /// What it says when it is asked.
    shown: &'static [&'static str],
    /// What it is called to open and to close.
    deeds: [&'static str; 2],
    /// How it lies about that.
    lies: &'static [&'static str],
}

const UFW: Kind = Kind {
    choice: "ufw",
    tool: "ufw",
    honest: r#"
rules=@RULES@ verb=$1
honest() {
    case "$*" in
    status) echo 'Status: active' ;;
    'show added')
        echo "Added user rules (see 'ufw status' for running firewall):"
        if [ -s "$rules" ]; then cat "$rules"; else echo '(None)'; fi ;;
    allow*)
        line="ufw allow $2 comment '$4'"
        if grep -qxF "$line" "$rules"; then echo 'Skipping adding existing rule'; return; fi
        echo "$line" >>"$rules"; echo 'Rule added'; echo 'Rule added (v6)' ;;
    'delete allow'*)
        line="ufw allow $3 comment '$5'"
        if ! grep -qxF "$line" "$rules"; then echo 'Could not delete non-existent rule'; return; fi
        grep -vxF "$line" "$rules" >"$rules.new"; mv "$rules.new" "$rules"
        echo 'Rule deleted'; echo 'Rule deleted (v6)' ;;
    *) echo "ERROR: Invalid syntax: $*"; exit 1 ;;
    esac
}
case "$(cat @LIE@ 2>/dev/null) of $verb" in
'off status of status') echo 'Status: inactive'; exit 0 ;;
'empty show of show') echo 'Added user rules (see x):'; echo '(None)'; exit 0 ;;
'shut show of show') honest "$@" | sed 's/^ufw allow/ufw deny/'; exit 0 ;;
'theirs show of show') honest "$@" | sed "s/ comment '.*//"; exit 0 ;;
'swap show of show') honest "$@" | sed 's/01\/udp/x/; s/02\/udp/01\/udp/; s/x/02\/udp/'; exit 0 ;;
'says allow of allow') echo 'Rule added'; exit 0 ;;
'says delete of delete') echo 'Rule deleted'; exit 0 ;;
esac
"#,
    files: &["rules"],
    theirs: "ufw allow 22/tcp comment 'mine'",
    shown: &[
        "nothing status",
        "refuse status",
        "foreign status",
        "half status",
        "binary status",
        "off status",
        "nothing show",
        "refuse show",
        "foreign show",
        "half show",
        "first show",
        "binary show",
        "empty show",
        "shut show",
        "theirs show",
        "swap show",
    ],
    deeds: ["allow", "delete"],
    lies: &["nothing", "refuse", "afterwards", "says", "binary"],
};

const FIREWALLD: Kind = Kind {
    choice: "firewalld",
    tool: "firewall-cmd",
    honest: r#"
verb=zone rules=@RULES@.runtime
case " $* " in *' --permanent '*) rules=@RULES@.permanent ;; esac
case "$*" in *--list-all-zones*) verb=list ;; *--add-*) verb=add ;; *--remove-*) verb=remove ;; esac
for word; do rule=${word#*=}; done
honest() {
    case "$verb" in
    zone) echo public ;;
    list)
        printf 'public (default)\n  target: default\n  interfaces: \n  ports: \n  rich rules: \n'
        sed 's/^/\t/' "$rules" ;;
    add) echo "$rule" >>"$rules"; echo success ;;
    remove) grep -vxF "$rule" "$rules" >"$rules.new"; mv "$rules.new" "$rules"; echo success ;;
    esac
}
"#,
    files: &["rules.runtime", "rules.permanent"],
    theirs: "rule port port=\"22\" protocol=\"tcp\" accept",
    shown: &[
        "nothing zone",
        "refuse zone",
        "nothing list",
        "foreign list",
        "half list",
        "first list",
        "binary list",
    ],
    deeds: ["add", "remove"],
    lies: &["nothing", "refuse", "afterwards"],
};

const NFTABLES: Kind = Kind {
    choice: "nftables",
    tool: "nft",
    honest: r#"
rules=@RULES@ verb=$1
case "$*" in '-j list table'*) verb=table ;; *'list ruleset') verb=ruleset ;; add*) verb=add ;; delete*) verb=delete ;; esac
port() { echo "$*" | sed 's/.*ports { \([0-9]*\).*/\1/'; }
honest() {
    case "$verb" in
    ruleset) echo '{"nftables": []}' ;;
    table)
        printf '{"nftables": [{"set": {"family": "inet", "name": "ports", "table": "wnm", "elem": ['
        sed '$!s/$/,/' "$rules"
        printf ']}}, {"rule": {"family": "inet", "table": "wnm", "chain": "input", "expr": ["@ports", '
        echo '{"|": [0, 268435456]}]}}]}' ;;
    add)
        comment=$(echo "$*" | sed 's/.*comment "\([^"]*\)".*/\1/')
        echo "{\"elem\": {\"val\": $(port "$*"), \"comment\": \"$comment\"}}" >>"$rules" ;;
    delete) grep -v "\"val\": $(port "$*")," "$rules" >"$rules.new"; mv "$rules.new" "$rules" ;;
    esac
}
"#,
    files: &["rules"],
    theirs: "{\"elem\": {\"val\": 22, \"comment\": \"wnm-4711\"}}",
    shown: &[
        "nothing table",
        "refuse table",
        "foreign table",
        "half table",
        "binary table",
        "nothing ruleset",
    ],
    deeds: ["add", "delete"],
    lies: &["nothing", "refuse", "afterwards"],
};

/// How wnm comes to see tools of ours; `None`, and told, where it cannot be done.
fn view(place: &Path, tool: &str) -> Option<Vec<String>> {
    let shown = place.display().to_string();
    let bind = "mount --bind \"$0\" /usr/local/sbin && exec \"$@\"";
    let words = ["--mount", "sh", "-c", bind, &shown];
    let more: &[&str] = match nix::unistd::geteuid().is_root() {
        true => &["unshare"],
        false => &["unshare", "--user", "--map-root-user"],
    };
    let words: Vec<String> = more.iter().chain(&words).map(|it| (*it).to_owned()).collect();
    if works(&words, &["test", "-x", &format!("/usr/local/sbin/{tool}")]) {
        return Some(words);
    }
    not_tested("firewalls that lie: nothing can be put in /usr/local/sbin here");
    None
}

pub(super) fn world() -> Option<TestEnv> {
    made(&UFW)
}

fn made(kind: &Kind) -> Option<TestEnv> {
    let mut env = TestEnv::new();
    let place = env.path("sbin");
    fs::create_dir_all(&place).expect("made");
    for file in kind.files {
        fs::write(env.path(file), format!("{}\n", kind.theirs)).expect("written");
    }
    let text = |name: &str| env.path(name).display().to_string();
    let honest = kind.honest.replace("@RULES@", &text("rules")).replace("@LIE@", &text("lie"));
    script(&place.join(kind.tool), &super::lying(&env, &honest));
    let view = view(&place, kind.tool)?;
    env.begin_through(view);
    let more = ["--firewall", kind.choice, "--upkeep-every", "0", "--grow-window", "1d"];
    nodes(&env, "2", &more);
    assert_eq!(rules(&env, kind).len(), 3 * kind.files.len(), "each node has its own");
    Some(env)
}

/// Each rule with the file that it is in.
fn rules(env: &TestEnv, kind: &Kind) -> BTreeSet<String> {
    let of = |file: &&str| {
        let text = fs::read_to_string(env.path(file)).expect("there");
        text.lines().map(|line| format!("{file}: {line}")).collect::<Vec<_>>()
    };
    kind.files.iter().flat_map(of).collect()
}

/// The port of the second node.
fn second(env: &TestEnv) -> String {
    env.spec(2).ports.node.to_string()
}

/// After at most three cycles it has these rules and no other, and wnm nothing to do.
#[track_caller]
fn three_cycles_set_rules_right(env: &TestEnv, kind: &Kind, wanted: &BTreeSet<String>, what: &str) {
    let mut told = String::new();
    for _ in 0..3 {
        told += &env.run(&["run"]).block();
        if rules(env, kind) == *wanted {
            break;
        }
    }
    assert_eq!(&rules(env, kind), wanted, "{what}: {told}");
    let next = env.run(&["run", "--json"]).json();
    assert_eq!(next["done"], serde_json::json!([]), "{what}: {told}");
}

#[test]
fn what_they_show_hurts_nobody() {
    for kind in [&UFW, &FIREWALLD, &NFTABLES] {
        let Some(env) = made(kind) else { return };
        let (before, wanted) = (alive(&env), rules(&env, kind));
        for how in kind.shown {
            lie(&env, how);
            let told = a_cycle_hurts_nobody(&env, how, &before);
            let theirs = rules(&env, kind).iter().filter(|it| it.ends_with(kind.theirs)).count();
            assert_eq!(theirs, kind.files.len(), "{} {how}: {told}", kind.tool);
            lie(&env, "");
            three_cycles_set_rules_right(&env, kind, &wanted, how);
        }
        assert_eq!(alive(&env), before, "{}", kind.tool);
    }
}

#[test]
fn what_they_say_of_their_deeds_counts_for_nothing() {
    for kind in [&UFW, &FIREWALLD, &NFTABLES] {
        let Some(env) = made(kind) else { return };
        for how in kind.lies {
            let what = format!("{} {how}", kind.tool);
            let (before, wanted) = (alive(&env), rules(&env, kind));
            // Somebody closed one: it is opened again, or tried to.
            for file in kind.files {
                let text = fs::read_to_string(env.path(file)).expect("there");
                let left = text.lines().filter(|line| !line.contains(&second(&env)));
                let left: String = left.map(|line| format!("{line}\n")).collect();
                fs::write(env.path(file), left).expect("written");
            }
            let [open, close] = kind.deeds;
            lie(&env, &format!("{how} {open}"));
            let ran = env.run(&["run"]);
            assert_eq!(alive(&env), before, "{what}: {}", ran.block());
            lie(&env, "");
            three_cycles_set_rules_right(&env, kind, &wanted, &what);
            assert_eq!(alive(&env), before, "{what}");

            lie(&env, &format!("{how} {close}"));
            let ran = env.run(&["remove", "2"]);
            let same = env.running().iter().filter(|it| before.processes.contains(it)).count();
            assert_eq!(same, 1, "{what}: {}", ran.block());
            no_key_is_lost(&env, &before, &what);
            lie(&env, "");
            let left = wanted.iter().filter(|rule| !rule.contains(&second(&env))).cloned();
            three_cycles_set_rules_right(&env, kind, &left.collect(), &what);
            assert_eq!(env.states(), ["running"], "{what}");
            no_key_is_lost(&env, &before, &what);
            env.run(&["add"]).expect(0);
        }
    }
}
