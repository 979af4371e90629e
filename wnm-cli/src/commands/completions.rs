//! `wnm completions`: what a shell offers after a tab. Commands and options come from clap's
//! generator; names of nodes are asked of `wnm __complete` at that moment.

use clap::CommandFactory;
use clap_complete::{Shell as Known, generate};

use super::Context;
use crate::args::{Cli, Shell};
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(shell: Shell) -> Result<Exit, CliError> {
    output::print(script(shell).trim_end());
    Ok(Exit::Done)
}

/// Names of nodes, a line each. In the middle of somebody's typing nothing is ever wrong.
pub(super) fn nodes(context: &Context<'_>) -> Result<Exit, CliError> {
    if let Ok((_, ledger)) = open(&context.paths, Access::Read) {
        let names = ledger.nodes.iter().map(|record| record.spec.id.to_string());
        output::print(&names.collect::<Vec<_>>().join("\n"));
    }
    Ok(Exit::Done)
}

/// The whole script for one shell.
pub(crate) fn script(shell: Shell) -> String {
    let mut command = visible();
    let names = node_commands(&command);
    let mut bytes = Vec::new();
    let known = match shell {
        Shell::Bash => Known::Bash,
        Shell::Zsh => Known::Zsh,
        Shell::Fish => Known::Fish,
    };
    generate(known, &mut command, "wnm", &mut bytes);
    let script = String::from_utf8_lossy(&bytes).into_owned();
    match shell {
        Shell::Bash => script + &bash(&names),
        Shell::Zsh => zsh(&script),
        Shell::Fish => script + &fish(&names),
    }
}

/// The command line without what is hidden, which the generators would offer.
fn visible() -> clap::Command {
    let whole = Cli::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let bare = clap::Command::new("wnm").version(env!("CARGO_PKG_VERSION"));
    bare.disable_help_subcommand(true).args(whole.get_arguments().cloned()).subcommands(commands)
}

/// Commands that take names of nodes.
fn node_commands(command: &clap::Command) -> Vec<String> {
    let takes_nodes = |command: &&clap::Command| {
        command.get_positionals().any(|argument| argument.get_id() == "nodes")
    };
    let commands = command.get_subcommands().filter(takes_nodes);
    commands.map(|command| command.get_name().to_owned()).collect()
}

/// The generated function knows nothing of nodes: ours asks it first, and adds them.
fn bash(names: &[String]) -> String {
    format!(
        r#"
_wnm_with_nodes() {{
    _wnm "$@"
    local current="${{COMP_WORDS[COMP_CWORD]}}" word
    [[ $current == -* ]] && return 0
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in
            {})
                COMPREPLY=($(compgen -W "$("${{COMP_WORDS[0]}}" __complete 2>/dev/null)" -- "$current"))
                return 0
                ;;
        esac
    done
}}
complete -F _wnm_with_nodes -o bashdefault -o default wnm
"#,
        names.join("|")
    )
}

/// The generated script offers files where it knows nothing better.
fn zsh(script: &str) -> String {
    let mut text = String::new();
    for line in script.lines() {
        let is_node = line.trim_start().starts_with("'*::nodes ");
        let line =
            if is_node { line.replace(":_default'", ":_wnm_nodes'") } else { line.to_owned() };
        text.push_str(&line);
        text.push('\n');
    }
    let helper = "_wnm_nodes() {\n    local -a nodes\n    nodes=(${(f)\"$(wnm __complete \
                  2>/dev/null)\"})\n    compadd -a nodes\n}\n";
    // Before the end of the script, which calls its own function.
    match text.rfind("if [ \"$funcstack[1]\"") {
        Some(place) => format!("{}{helper}\n{}", &text[..place], &text[place..]),
        None => text + helper,
    }
}

fn fish(names: &[String]) -> String {
    format!(
        "complete -c wnm -n \"__fish_seen_subcommand_from {}\" -f -a \"(wnm __complete 2>/dev/null)\"\n",
        names.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_takes_nodes_is_known() {
        let names = node_commands(&Cli::command());
        for name in ["status", "history", "start", "stop", "remove", "disable", "explain"] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        for name in ["add", "init", "teardown", "config"] {
            assert!(!names.iter().any(|known| known == name), "{name}: {names:?}");
        }
    }

    #[test]
    fn every_shell_asks_for_nodes() {
        let cli = Cli::command();
        // zsh knows arguments by their place, those of `identity backup` among them.
        let nested = cli.get_subcommands().map(|it| node_commands(it).len()).sum::<usize>();
        let count = node_commands(&cli).len() + nested;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            assert!(
                script.contains("wnm __complete") || script.contains("__complete 2>"),
                "{shell:?}"
            );
            let uses = script.matches("__complete").count();
            assert_eq!(uses, 1, "{shell:?} asks once, and offers nothing that is hidden");
        }
        let zsh = script(Shell::Zsh);
        assert_eq!(zsh.matches(":_wnm_nodes'").count(), count, "each in its place");
        assert!(zsh.contains("_wnm_nodes() {"));
    }
}
