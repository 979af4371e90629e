//! `wnm config`: the stored settings, and where each value in force comes from.

use std::collections::BTreeMap;
use std::path::Path;

use wnm_core::host::{Clock, Intents};
use wnm_core::model::counted;
use wnm_core::observe::Ledger;
use wnm_core::policy::{Policy, PolicyDraft, PolicyError, Setting};

use super::Context;
use crate::args::{ConfigCommand, SetArgs};
use crate::compose::{self, Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, ConfigExplained, ConfigRow};
use crate::settings::file;

pub(super) fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::List => list(context, Setting::ALL),
        ConfigCommand::Get { key } => {
            let setting = named(key)?;
            list(context, &[setting])
        }
        ConfigCommand::Explain { key } => explain(context, named(key)?),
        ConfigCommand::Set(args) => {
            let values = pairs(args)?.into_iter().map(|(setting, text)| (setting, Some(text)));
            match args.file {
                true => edit_file(context, &values.collect()),
                false => change(context, &values.collect(), args.keep_nodes),
            }
        }
        ConfigCommand::Unset { key, file } => {
            let changes = BTreeMap::from([(named(key)?, None)]);
            match file {
                true => edit_file(context, &changes),
                false => change(context, &changes, false),
            }
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
    let (store, ledger) = open(&context.paths, Access::Read)?;
    let (value, source) = context.layers.provenance(&ledger.draft, setting);
    let last = store.last_seen()?;
    let explained = ConfigExplained {
        now: last.and_then(|last| output::effect_now(setting, &value, &last)),
        row: ConfigRow { setting, value, source },
        stored: ledger.draft.values.get(&setting).cloned(),
        nodes: ledger.nodes.len(),
    };
    output::config_explained(&explained, context.json)?;
    Ok(Exit::Done)
}

/// `KEY VALUE`, or any number of `KEY=VALUE`.
fn pairs(args: &SetArgs) -> Result<BTreeMap<Setting, String>, CliError> {
    let SetArgs { key, value, more, .. } = args;
    let plain = (!key.contains('=')).then_some(value.as_ref()).flatten();
    if let Some(value) = plain {
        let first = (named(key)?, value.clone());
        return match more.iter().find(|word| !word.contains('=')) {
            None => {
                let more = more.iter().filter_map(|word| word.split_once('='));
                let more = more.map(|(key, value)| Ok((named(key)?, value.to_owned())));
                std::iter::once(Ok(first)).chain(more).collect()
            }
            Some(word) => Err(CliError::usage(format!("`{word}` is one word too many")).hint(
                format!("quote a value with blanks: `wnm config set {key} '{value} {word}'`"),
            )),
        };
    }
    let words = [key].into_iter().chain(value).chain(more);
    let pair = |word: &String| match word.split_once('=') {
        Some((key, value)) => Ok((named(key)?, value.to_owned())),
        None => Err(CliError::usage(format!(
            "no value for `{word}`: write `wnm config set {word} VALUE`"
        ))),
    };
    words.map(pair).collect()
}

/// What is to be stored; `None` goes back to the default.
type Changes = BTreeMap<Setting, Option<String>>;

/// Stores changes that leave the settings as a whole valid, and says what follows from them.
fn change(context: &Context<'_>, changes: &Changes, keep_nodes: bool) -> Result<Exit, CliError> {
    let (_, before) = open(&context.paths, Access::Read)?;
    if changed(&before.draft, changes) == before.draft {
        // Nothing to wait for. An old command line repeats its settings every minute.
        for setting in changes.keys().filter(|_| !keep_nodes) {
            output::say(&format!("{setting} is `{}` already", before.draft.text(*setting)));
        }
        return Ok(Exit::Done);
    }
    // Two changes at once would each write back all that it had read, and one would be lost.
    let _alone = context.lock(context.patience)?;
    let (store, ledger) = open(&context.paths, Access::Write)?;
    let mut draft = changed(&ledger.draft, changes);
    let cpus = ledger.samples.last().map_or(1, |sample| sample.cpus);
    let mut policy = sound(&draft, cpus)?;
    if keep_nodes && surplus(&ledger, &policy) > surplus_now(&ledger, cpus) {
        output::say(&format!(
            "node_cap stays `{}`: `{}` would remove nodes with their data; `wnm config set \
             node_cap {1}` does it",
            ledger.draft.text(Setting::NodeCap),
            draft.text(Setting::NodeCap),
        ));
        match ledger.draft.values.get(&Setting::NodeCap) {
            Some(text) => draft.values.insert(Setting::NodeCap, text.clone()),
            None => draft.values.remove(&Setting::NodeCap),
        };
        policy = sound(&draft, cpus)?;
    }
    let changed =
        changes.keys().filter(|setting| ledger.draft.text(**setting) != draft.text(**setting));
    let changed: Vec<Setting> = changed.copied().collect();
    refuse_fixed(&ledger, &changed)?;
    // As init does: what was asked for by name must work.
    if let Some(problem) =
        changed.contains(&Setting::Firewall).then(|| compose::firewall_problem(&draft)).flatten()
    {
        return Err(CliError::usage(problem)
            .hint("a firewall needs root, or a sudo that asks no password; else choose none")
            .hint("nothing was changed"));
    }
    if let Some(problem) = compose::recipients_problem(&draft) {
        return Err(CliError::usage(problem).hint("nothing was changed"));
    }
    claim_new_roots(context, &ledger, &policy)?;
    if draft != ledger.draft {
        let now = wnm_metrics::SystemClock.now()?;
        store.set_policy(&draft, now.wall)?;
    }
    for setting in &changed {
        let (before, after) = (ledger.draft.text(*setting), draft.text(*setting));
        output::say(&format!("{setting} is now `{after}` (it was `{before}`)"));
        let (counts, source) = context.layers.provenance(&draft, *setting);
        if counts != after {
            output::say(&format!("WARNING: what counts is `{counts}`, from: {}", source.name()));
        }
        warn(*setting, &ledger, &policy);
    }
    for setting in changes.keys().filter(|setting| !keep_nodes && !changed.contains(setting)) {
        output::say(&format!("{setting} is `{}` already", draft.text(*setting)));
    }
    Ok(Exit::Done)
}

fn changed(draft: &PolicyDraft, changes: &Changes) -> PolicyDraft {
    let mut draft = draft.clone();
    for (setting, text) in changes {
        match text {
            Some(text) => draft.values.insert(*setting, text.clone()),
            None => draft.values.remove(setting),
        };
    }
    draft
}

/// The policy of what is to be stored.
fn sound(draft: &PolicyDraft, cpus: u32) -> Result<Policy, CliError> {
    Policy::parse(draft, &PolicyDraft::default(), cpus).map_err(|errors| {
        let needed = errors.iter().find_map(|error| match error {
            PolicyError::Missing { setting } => Some(*setting),
            _ => None,
        });
        match needed {
            Some(setting) => CliError::usage(format!(
                "{setting} has no default, and nothing works without it: it can only be changed"
            )),
            None => errors.into(),
        }
    })
}

/// Changes the configuration file. What it then says must hold together with the store.
fn edit_file(context: &Context<'_>, changes: &Changes) -> Result<Exit, CliError> {
    let path = &context.config_file;
    let (text, draft) = file::edited(path, changes)?;
    if let Ok((_, ledger)) = open(&context.paths, Access::Read) {
        let cpus = ledger.samples.last().map_or(1, |sample| sample.cpus);
        Policy::parse(&ledger.draft, &draft, cpus)?;
    }
    file::replace(path, &text)?;
    for (setting, value) in changes {
        output::say(&match value {
            Some(value) => format!("{setting} is now `{value}` in {}", path.display()),
            None => format!("{setting} is not in {} now", path.display()),
        });
    }
    Ok(Exit::Done)
}

fn refuse_fixed(ledger: &Ledger, changed: &[Setting]) -> Result<(), CliError> {
    let fixed = changed.iter().find(|setting| setting.is_fixed_by_nodes());
    match fixed.filter(|_| !ledger.nodes.is_empty()) {
        None => Ok(()),
        Some(setting) => {
            let problem = format!(
                "{setting} cannot be changed from `{}` while there are nodes: {} built with it",
                ledger.draft.text(*setting),
                counted(ledger.nodes.len() as u32, "node")
            );
            Err(CliError::new(Exit::Refused, problem).hint("nothing was changed"))
        }
    }
}

/// Nodes above the stored cap.
fn surplus(ledger: &Ledger, policy: &Policy) -> usize {
    let nodes = ledger.nodes.iter().filter(|record| record.counts()).count();
    nodes.saturating_sub(policy.cap.stored as usize)
}

fn surplus_now(ledger: &Ledger, cpus: u32) -> usize {
    let policy = Policy::parse(&ledger.draft, &PolicyDraft::default(), cpus);
    policy.map_or(0, |policy| surplus(ledger, &policy))
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
    let surplus = surplus(ledger, policy);
    if setting == Setting::NodeCap && surplus > 0 {
        output::say(&format!(
            "{surplus} of {nodes} nodes too many now: the next cycles stop the surplus and delete it \
             {} s later; raise node_cap before that to keep it",
            policy.delays.remove.as_secs()
        ));
    }
}
