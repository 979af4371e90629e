//! What `wnm init` asks, and what it proposes: from what was given and what the machine has.

use std::path::PathBuf;

use wnm_core::model::{Bytes, Manager};
use wnm_core::policy::{PolicyDraft, Setting};

use super::Question;

/// What the machine has to offer.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) cpus: u32,
    /// What programs could still get.
    pub(crate) memory: Option<Bytes>,
    /// Places for data, the usual one first.
    pub(crate) roots: Vec<Root>,
    /// The manager that fits; `None` when that could not be found out.
    pub(crate) manager: Option<Manager>,
    /// The node program that was found, or why there is none.
    pub(crate) program: Result<String, String>,
    /// In whose name.
    pub(crate) who: String,
}

/// A place for data.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    pub(crate) free: Option<Bytes>,
}

/// A node is seldom larger; the engine looks at the real ones.
const MEMORY_A_NODE: u64 = 300_000_000;
/// The shipped `disk_prior`: what a node is expected to grow to.
const DISK_A_NODE: u64 = 20 * Bytes::GB;
/// As many as the Python tool's users ran on one core of a usual server, rounded down.
const NODES_A_CPU: u64 = 5;

/// Settings without which nothing can be begun, as far as they were not given.
pub(crate) fn missing(given: &PolicyDraft, program_is_there: bool) -> Vec<Setting> {
    let mut missing = Vec::new();
    if given.text(Setting::RewardsAddress).is_empty() {
        missing.push(Setting::RewardsAddress);
    }
    if !program_is_there && given.text(Setting::NodeBinary).is_empty() {
        missing.push(Setting::NodeBinary);
    }
    missing
}

/// What to ask, in the order in which one thinks of it.
pub(crate) fn questions(given: &PolicyDraft, offer: &Offer) -> Vec<Question> {
    let all = [
        Some(Question {
            setting: Setting::RewardsAddress,
            about: format!(
                "Nodes of {}. Who earns? A wallet (0x and 40 hex digits), `faucet`, `donate`, or \
                 several with weights.",
                offer.who
            ),
            proposal: None,
        }),
        Some(Question {
            setting: Setting::NodeCap,
            about: format!(
                "How many nodes at most? wnm adds them one by one, and only while there is room. \
                 {}",
                resources(offer)
            ),
            proposal: Some(cap(offer).to_string()),
        }),
        offer.roots.first().map(|root| Question {
            setting: Setting::NodeStorage,
            about: "Where does their data go? A node grows to tens of gigabytes.".to_owned(),
            proposal: Some(shell_words::quote(&root.path.to_string_lossy()).into_owned()),
        }),
        offer.manager.map(|manager| Question {
            setting: Setting::Manager,
            about: "What keeps the processes? systemd brings a dead node back at once; without it \
                    (setsid) wnm does."
                .to_owned(),
            proposal: Some(manager.to_string()),
        }),
        offer.program.as_ref().err().map(|why| Question {
            setting: Setting::NodeBinary,
            about: format!("Which program do nodes run? {why}."),
            proposal: None,
        }),
    ];
    let is_open = |question: &Question| !given.values.contains_key(&question.setting);
    all.into_iter().flatten().filter(is_open).collect()
}

fn resources(offer: &Offer) -> String {
    let free = offer.roots.iter().filter_map(|root| root.free).map(|free| free.0).sum::<u64>();
    let memory = offer.memory.map_or(String::new(), |memory| format!(", {memory} memory"));
    format!("This machine has {} CPUs{memory}, {} disk free.", offer.cpus, Bytes(free))
}

/// What the scarcest of CPU, memory and disk would hold: at least one, so that there is something
/// to look at.
fn cap(offer: &Offer) -> u64 {
    let memory = offer.memory.map_or(u64::MAX, |memory| memory.0 / MEMORY_A_NODE);
    let free: Vec<u64> =
        offer.roots.iter().filter_map(|root| root.free).map(|free| free.0).collect();
    let disk = match free.is_empty() {
        true => u64::MAX,
        // Above three quarters nothing is added.
        false => free.iter().sum::<u64>() / 4 * 3 / DISK_A_NODE,
    };
    (u64::from(offer.cpus) * NODES_A_CPU).min(memory).min(disk).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(cpus: u32, memory: u64, disk: u64) -> Offer {
        Offer {
            cpus,
            memory: Some(Bytes(memory * Bytes::GB)),
            roots: vec![Root { path: "/n".into(), free: Some(Bytes(disk * Bytes::GB)) }],
            manager: None,
            program: Ok("/usr/bin/ant-node".into()),
            who: "user op".into(),
        }
    }

    #[test]
    fn the_scarcest_decides() {
        let table = [
            (offer(2, 16, 1000), 10),
            (offer(16, 4, 4000), 13),
            (offer(16, 64, 200), 7),
            (offer(1, 1, 5), 1),
        ];
        for (offer, expected) in table {
            assert_eq!(cap(&offer), expected, "{offer:?}");
        }
        let unknown = Offer { memory: None, roots: Vec::new(), ..offer(3, 1, 1) };
        assert_eq!(cap(&unknown), 15, "what could not be had limits nothing");
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let nothing = PolicyDraft::default();
        assert_eq!(missing(&nothing, false), [Setting::RewardsAddress, Setting::NodeBinary]);
        let wallet = nothing.with(Setting::RewardsAddress, "faucet");
        assert_eq!(missing(&wallet, false), [Setting::NodeBinary]);
        assert!(missing(&wallet, true).is_empty());
        assert!(missing(&wallet.with(Setting::NodeBinary, "/x"), false).is_empty());
    }
}
