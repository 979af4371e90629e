//! What shells offer after a tab, asked of the shells themselves.

use std::path::Path;

use crate::harness::TestEnv;

fn two_nodes() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    env
}

/// Whether a shell can be asked; said aloud where not.
fn is_there(shell: &str) -> bool {
    let found = ["/usr/bin", "/bin"].iter().any(|place| Path::new(place).join(shell).exists());
    if !found {
        use std::io::Write;
        let note = format!("NOT TESTED: what {shell} offers after a tab: there is no {shell}\n");
        std::io::stderr().write_all(note.as_bytes()).expect("said");
    }
    found
}

const BASH: &str = r#"
source <(wnm completions bash)
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _wnm_with_nodes wnm "${@: -1}" "${@: -2:1}"
    echo "$* -> ${COMPREPLY[*]}"
}
ask wnm sched
ask wnm stop antnode
ask wnm upgrade 1 antnode0002
ask wnm stop --ver
"#;

#[test]
fn bash_offers_commands_and_nodes() {
    let env = two_nodes();
    let ran = env.run_tool("bash", &["--norc", "-c", BASH]).expect(0);
    insta::assert_snapshot!(ran.stdout, @"
    wnm sched -> schedule
    wnm stop antnode -> antnode0001 antnode0002
    wnm upgrade 1 antnode0002 -> antnode0002
    wnm stop --ver -> --verbose
    ");
}

#[test]
fn fish_offers_commands_and_nodes() {
    if !is_there("fish") {
        return;
    }
    let env = two_nodes();
    let script = "wnm completions fish | source
        for line in 'wnm sched' 'wnm stop antnode' 'wnm config uns'
            complete -C $line
        end";
    let ran = env.run_tool("fish", &["--no-config", "-c", script]).expect(0);
    insta::assert_snapshot!(ran.stdout.replace('\t', " | "), @"
    schedule | Have cycles run by themselves, by a systemd timer or a crontab line
    antnode0001
    antnode0002
    unset | Go back to the default
    ");
}

/// Its completion works at a terminal only: one of its own, which it types into and reads from.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; autoload -Uz compinit; compinit -u -D; source <(wnm completions zsh); print REA""DY'
zpty -r -m shell text '*READY*' || exit 1
zpty -w -n shell $'wnm stop antnode\t\t'
zpty -r -m shell text '*antnode0001*antnode0002*' || exit 2
zpty -w -n shell $'\x15wnm sched\t'
zpty -r -m shell text '*wnm schedule*' || exit 3
"#;

#[test]
fn zsh_offers_commands_and_nodes() {
    if !is_there("zsh") {
        return;
    }
    let env = two_nodes();
    env.run_tool("timeout", &["60", "zsh", "-f", "-c", ZSH]).expect(0);
}
