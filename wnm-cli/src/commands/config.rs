//! `wnm config`: the stored settings, and where each value in force comes from.

use std::path::Path;

use wnm_core::host::{Clock, Intents};
use wnm_core::model::counted;
use wnm_core::observe::Ledger;
use wnm_core::policy::{Policy, PolicyDraft, Setting};

use super::Context;
use crate::args::ConfigCommand;
use crate::compose::{self, Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, ConfigExplained, ConfigRow};

pub(super) fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::List => list(context, Setting::ALL),
        ConfigCommand::Get { key } => {
            let setting = named(key)?;
            list(context, &[setting])
        }
        ConfigCommand::Explain { key } => explain(context, named(key)?),
        ConfigCommand::Set { key, value } => {
            let (key, value) = match (value, key.split_once('=')) {
                (Some(value), _) => (key.as_str(), value.as_str()),
                (None, Some((key, value))) => (key, value),
                (None, None) => {
                    return Err(CliError::usage(format!(
                        "no value for `{key}`: write `wnm config set {key} VALUE`"
                    )));
                }
            };
            let setting = named(key)?;
            change(context, setting, |draft| draft.with(setting, value))
        }
        ConfigCommand::Unset { key } => {
            let setting = named(key)?;
            change(context, setting, |mut draft| {
                draft.values.remove(&setting);
                draft
            })
        }
    }
}

fn named(key: &str) -> Result<Setting, CliError> {
    key.parse()
        .map_err(|error: wnm_core::policy::UnknownSetting| CliError::usage(error.to_string()))
}

fn list(context: &Context<'_>, settings: &[Setting]) -> Result<Exit, CliError> {
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let rows: Vec<ConfigRow> = settings
        .iter()
        .map(|setting| {
            let (value, source) = context.layers.provenance(&ledger.draft, *setting);
            ConfigRow { setting: *setting, value, source }
        })
        .collect();
    output::config(&rows, context.json)?;
    Ok(Exit::Done)
}

fn explain(context: &Context<'_>, setting: Setting) -> Result<Exit, CliError> {
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let (value, source) = context.layers.provenance(&ledger.draft, setting);
    let explained = ConfigExplained {
        row: ConfigRow { setting, value, source },
        stored: ledger.draft.values.get(&setting).cloned(),
        nodes: ledger.nodes.len(),
    };
    output::config_explained(&explained, context.json)?;
    Ok(Exit::Done)
}

/// Stores a change that leaves the settings as a whole valid, and says what follows from it.
fn change(
    context: &Context<'_>,
    setting: Setting,
    edit: impl FnOnce(PolicyDraft) -> PolicyDraft,
) -> Result<Exit, CliError> {
    // Two changes at once would each write back all that it had read, and one would be lost.
    let _alone = context.lock(context.patience)?;
    let (store, ledger) = open(&context.paths, Access::Write)?;
    let before = ledger.draft.text(setting).to_owned();
    let draft = edit(ledger.draft.clone());
    let after = draft.text(setting).to_owned();
    if setting.is_fixed_by_nodes() && before != after && !ledger.nodes.is_empty() {
        let problem = format!(
            "{setting} cannot be changed from `{before}` while there are nodes: {} built with it",
            counted(ledger.nodes.len() as u32, "node")
        );
        return Err(CliError::new(Exit::Refused, problem).hint("nothing was changed"));
    }
    let cpus = ledger.samples.last().map_or(1, |sample| sample.cpus);
    let policy = Policy::parse(&draft, &PolicyDraft::default(), cpus)?;
    claim_new_roots(context, &ledger, &policy)?;
    let now = wnm_metrics::SystemClock.now()?;
    store.set_policy(&draft, now.wall)?;
    output::say(&format!("{setting} is now `{after}` (it was `{before}`)"));
    warn(setting, &ledger, &policy);
    Ok(Exit::Done)
}

/// Makes storage roots of directories that are new to the settings. A root that is known already is
/// left alone: when its disk is not mounted, a marker in the empty mount point would make all nodes
/// on it look dead.
fn claim_new_roots(
    context: &Context<'_>,
    ledger: &Ledger,
    policy: &Policy,
) -> Result<(), CliError> {
    let known = shell_words::split(ledger.draft.text(Setting::NodeStorage)).unwrap_or_default();
    let is_known = |root: &Path| {
        known.iter().any(|known| Path::new(known) == root)
            || ledger.nodes.iter().any(|record| record.spec.storage == root)
    };
    let files = compose::files(&context.paths);
    for root in policy.nodes.storage.iter().filter(|root| !is_known(root)) {
        files.claim_root(root)?;
    }
    Ok(())
}

/// What the next cycles will do because of it, when that cannot be undone.
fn warn(setting: Setting, ledger: &Ledger, policy: &Policy) {
    let nodes = ledger.nodes.iter().filter(|record| record.counts()).count();
    let surplus = nodes.saturating_sub(policy.cap.stored as usize);
    if setting == Setting::NodeCap && surplus > 0 {
        output::say(&format!(
            "{surplus} of {nodes} nodes too many now: the next cycles stop the surplus and delete it \
             {} s later; raise node_cap before that to keep it",
            policy.delays.remove.as_secs()
        ));
    }
}
