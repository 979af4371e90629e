//! Questions at a terminal. What is asked and what comes of an answer is pure; only `terminal.rs`
//! reads a line.

mod init;
mod terminal;

pub(crate) use init::{Offer, Root, missing, questions};
pub(crate) use terminal::StandardTerminal;

use wnm_core::policy::{Policy, PolicyDraft, PolicyError, Setting};

/// Whoever answers.
pub(crate) trait Terminal {
    /// Shows a text.
    fn tell(&mut self, text: &str);
    /// Asks for a line; `None` when there will be no more.
    fn ask(&mut self, prompt: &str) -> Option<String>;
}

/// One setting to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) setting: Setting,
    /// What it is about, in a line.
    pub(crate) about: String,
    /// What an empty answer means; without one an answer is needed.
    pub(crate) proposal: Option<String>,
}

/// How an interview ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interview {
    /// With these answers, all of which the settings accept.
    Answered(PolicyDraft),
    /// Nobody wanted to go on.
    GivenUp,
}

/// Asks one question after the other; an answer that the settings do not accept is asked again.
pub(crate) fn interview(
    questions: &[Question],
    given: &PolicyDraft,
    cpus: u32,
    terminal: &mut dyn Terminal,
) -> Interview {
    let mut answers = PolicyDraft::default();
    for question in questions {
        terminal.tell(&question.about);
        loop {
            let Some(answer) = terminal.ask(&prompt(question)) else { return Interview::GivenUp };
            let answer = match (answer.trim(), &question.proposal) {
                ("", Some(proposal)) => proposal.clone(),
                ("", None) => continue,
                (answer, _) => answer.to_owned(),
            };
            let tried = answers.clone().with(question.setting, answer);
            match complaint(question.setting, &given.under(&tried), cpus) {
                None => answers = tried,
                Some(why) => {
                    terminal.tell(&format!("  {why}"));
                    continue;
                }
            }
            break;
        }
    }
    terminal.tell(&format!("The same without questions:\n  {}", command(given, &answers)));
    match agrees(terminal, "Go ahead? [Y/n] ", true) {
        true => Interview::Answered(answers),
        false => Interview::GivenUp,
    }
}

/// Asks until the answer is yes or no; nothing is `proposal`, and an end of the input is no.
pub(crate) fn agrees(terminal: &mut dyn Terminal, question: &str, proposal: bool) -> bool {
    loop {
        let Some(answer) = terminal.ask(question) else { return false };
        match answer.trim().to_ascii_lowercase().as_str() {
            "" => return proposal,
            "y" | "yes" => return true,
            "n" | "no" => return false,
            other => terminal.tell(&format!("  `{other}` is neither yes nor no")),
        }
    }
}

fn prompt(question: &Question) -> String {
    match &question.proposal {
        Some(proposal) => format!("{} [{proposal}]: ", question.setting),
        None => format!("{}: ", question.setting),
    }
}

/// What is wrong with one value; what else is wrong is not the fault of this answer.
fn complaint(setting: Setting, draft: &PolicyDraft, cpus: u32) -> Option<String> {
    let errors = Policy::parse(draft, &PolicyDraft::default(), cpus).err()?;
    let is_about = |error: &&PolicyError| match error {
        PolicyError::Value { setting: about, .. } => *about == setting,
        PolicyError::Inverted { grow, shed } => grow.0 == setting || shed.0 == setting,
        PolicyError::Missing { .. } | PolicyError::PortsOverlap { .. } => false,
    };
    errors.iter().find(is_about).map(ToString::to_string)
}

/// What one would type to say all of it at once.
fn command(given: &PolicyDraft, answers: &PolicyDraft) -> String {
    let all = given.under(answers);
    let words = all.values.iter().flat_map(|(setting, text)| match setting.is_list() {
        true => vec![format!("--{}={text}", setting.option())],
        false => vec![format!("--{}", setting.option()), text.clone()],
    });
    let words: Vec<String> = ["wnm", "init"].map(str::to_owned).into_iter().chain(words).collect();
    shell_words::join(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers from a list, and keeps everything that was shown.
    struct Scripted {
        answers: Vec<&'static str>,
        shown: String,
    }

    impl Terminal for Scripted {
        fn tell(&mut self, text: &str) {
            self.shown += &format!("{text}\n");
        }

        fn ask(&mut self, prompt: &str) -> Option<String> {
            let answer = (!self.answers.is_empty()).then(|| self.answers.remove(0));
            let shown =
                answer.map_or("^D", |answer| if answer.is_empty() { "(enter)" } else { answer });
            self.shown += &format!("{prompt}{shown}\n");
            answer.map(str::to_owned)
        }
    }

    fn talk(given: &PolicyDraft, answers: &[&'static str]) -> (Interview, String) {
        let offer = Offer {
            cpus: 4,
            memory: Some(wnm_core::model::Bytes(8 * wnm_core::model::Bytes::GB)),
            roots: vec![Root {
                path: "/home/op/.local/share/autonomi/node".into(),
                free: Some(wnm_core::model::Bytes(500 * wnm_core::model::Bytes::GB)),
            }],
            manager: Some("systemd+user".parse().expect("a manager")),
            program: Err("no `ant-node` was found".into()),
            who: "user op".into(),
        };
        let mut terminal = Scripted { answers: answers.to_vec(), shown: String::new() };
        let interview = interview(&questions(given, &offer), given, 4, &mut terminal);
        (interview, terminal.shown)
    }

    #[test]
    fn an_interview_with_a_slip_and_proposals() {
        let answers = ["0x123", "faucet", "many", "", "", "", "/opt/ant-node", "y"];
        let (interview, shown) = talk(&PolicyDraft::default(), &answers);
        insta::assert_snapshot!(shown, @"
        Nodes of user op. Who earns? A wallet (0x and 40 hex digits), `faucet`, `donate`, or several with weights.
        rewards_address: 0x123
          rewards_address: `0x123` is not a wallet: write 0x and 40 hex digits, `faucet` or `donate`
        rewards_address: faucet
        How many nodes at most? wnm adds them one by one, and only while there is room. This machine has 4 CPUs, 8.0 GB memory, 500.0 GB disk free.
        node_cap [18]: many
          node_cap is `many`: give a whole number from 0 to 10000
        node_cap [18]: (enter)
        Where does their data go? A node grows to tens of gigabytes.
        node_storage [/home/op/.local/share/autonomi/node]: (enter)
        What keeps the processes? systemd brings a dead node back at once; without it (setsid) wnm does.
        manager [systemd+user]: (enter)
        Which program do nodes run? no `ant-node` was found.
        node_binary: /opt/ant-node
        The same without questions:
          wnm init --rewards-address faucet --node-cap 18 --manager systemd+user --node-binary /opt/ant-node '--node-storage=/home/op/.local/share/autonomi/node'
        Go ahead? [Y/n] y
        ");
        let Interview::Answered(draft) = interview else { panic!("{shown}") };
        assert_eq!(draft.text(Setting::RewardsAddress), "faucet");
        assert_eq!(draft.text(Setting::NodeBinary), "/opt/ant-node");
    }

    #[test]
    fn what_was_given_is_not_asked() {
        let given = PolicyDraft::default()
            .with(Setting::NodeCap, "3")
            .with(Setting::Manager, "setsid+user")
            .with(Setting::NodeStorage, "/srv/n")
            .with(Setting::NodeBinary, "/opt/ant-node");
        let (interview, shown) = talk(&given, &["", "faucet", "n"]);
        insta::assert_snapshot!(shown, @"
        Nodes of user op. Who earns? A wallet (0x and 40 hex digits), `faucet`, `donate`, or several with weights.
        rewards_address: (enter)
        rewards_address: faucet
        The same without questions:
          wnm init --rewards-address faucet --node-cap 3 --manager setsid+user --node-binary /opt/ant-node '--node-storage=/srv/n'
        Go ahead? [Y/n] n
        ");
        assert_eq!(interview, Interview::GivenUp);
    }

    #[test]
    fn the_end_of_input_gives_up() {
        assert_eq!(talk(&PolicyDraft::default(), &["faucet"]).0, Interview::GivenUp);
    }
}
