//! `wnm binary`: versions of the node program on this machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use wnm_core::host::{Clock, Intents};
use wnm_core::model::{Program, ReleaseSource, Scope, Verb, Version};
use wnm_core::observe::{Ledger, NodeView};
use wnm_core::policy::{PolicyDraft, Releases, Setting};
use wnm_managers::SystemRunner;
use wnm_metrics::SystemClock;
use wnm_releases::{
    BinaryStore, Kept, Platform, ReleaseError, ReleaseFault, ReleaseKey, Swept, Taken, Terms,
    Wanted,
};

use super::Context;
use super::init::make_private;
use crate::args::{BinaryCommand, FetchArgs, OfProgram};
use crate::compose::{self, Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Shelved, VersionCheck};

/// How long to wait for another wnm that is fetching.
const PATIENCE: Duration = Duration::from_secs(10);

/// A key is small; anything else was not meant.
const LARGEST_KEY: u64 = 64 << 10;

pub(super) fn run(context: &Context<'_>, command: &BinaryCommand) -> Result<Exit, CliError> {
    match command {
        BinaryCommand::List(of) => list(&Held::new(context, of)?),
        BinaryCommand::Fetch(args) => fetch(&Held::new(context, &args.of)?, args),
        BinaryCommand::Verify(args) => {
            verify(&Held::new(context, &args.of)?, args.version.as_ref())
        }
        BinaryCommand::Pin(args) => pin(&Held::new(context, &args.of)?, Some(&args.version)),
        BinaryCommand::Unpin(of) => pin(&Held::new(context, of)?, None),
    }
}

/// What every one of them starts from.
pub(super) struct Held<'a> {
    context: &'a Context<'a>,
    pub(super) store: BinaryStore,
    pub(super) program: Program,
    in_force: PolicyDraft,
    pub(super) releases: Releases,
}

impl<'a> Held<'a> {
    fn new(context: &'a Context<'a>, of: &OfProgram) -> Result<Held<'a>, CliError> {
        // A program can be fetched before there are nodes: init needs one.
        let stored = match open(&context.paths, Access::Read) {
            Ok((_, ledger)) => ledger.draft,
            Err(error) if error.exit == Exit::NotInitialised => PolicyDraft::default(),
            Err(error) => return Err(error),
        };
        // The store of programs would make it as any directory is made.
        if context.paths.scope == Scope::User {
            make_private(&context.paths.base)?;
        }
        Held::of(context, stored.under(&context.layers.merged()), of.program)
    }

    pub(super) fn of(
        context: &'a Context<'a>,
        in_force: PolicyDraft,
        program: Option<Program>,
    ) -> Result<Held<'a>, CliError> {
        let named = || {
            let text = in_force.text(Setting::Program);
            text.parse::<Program>()
                .map_err(|error| CliError::usage(format!("{}: {error}", Setting::Program)))
        };
        Ok(Held {
            store: compose::binary_store(&context.paths),
            program: program.map_or_else(named, Ok)?,
            releases: Releases::parse(&in_force)?,
            context,
            in_force,
        })
    }

    /// What nodes would be given now, or why nothing.
    fn given(&self) -> Result<wnm_core::model::Release, String> {
        let Context { paths, environment, .. } = self.context;
        let binaries = compose::binaries(&self.in_force, paths, environment);
        binaries.available(self.program).map_err(|error| error.chain())
    }

    pub(super) fn wanted(&self, version: Option<Version>, source: Option<ReleaseSource>) -> Wanted {
        Wanted {
            program: self.program,
            version,
            channel: self.releases.channel,
            source: source.unwrap_or_else(|| self.releases.source.clone()),
            platform: Platform::HERE,
        }
    }

    pub(super) fn terms(&self, budget: Duration, patience: Duration) -> Result<Terms, CliError> {
        let key = self.releases.key.as_deref().map(read_key).transpose()?;
        let now = SystemClock.now()?.wall;
        Ok(Terms { key, sha256: None, budget, patience, now })
    }

    /// Makes room after `taken` came, as the settings have it. What was taken stays taken, whatever
    /// becomes of that.
    pub(super) fn make_room(&self, taken: &Version, patience: Duration) {
        match self.sweep(taken, patience) {
            Ok(swept) if swept.versions.is_empty() => {}
            Ok(swept) => {
                let names: Vec<String> = swept.versions.iter().map(ToString::to_string).collect();
                output::say(&format!(
                    "deleted {}, {} in all: keep_releases is {}",
                    names.join(", "),
                    swept.bytes,
                    self.releases.keep
                ));
            }
            Err(error) => {
                output::say(&format!("note: old versions stay: {}", error.problems.join("; ")));
            }
        }
    }

    fn sweep(&self, taken: &Version, patience: Duration) -> Result<Swept, CliError> {
        let lock = self.store.lock(patience).map_err(failed)?;
        let mut used = self.in_use()?;
        // Somebody asked for it by name a moment ago, and it may be older than all others.
        used.insert(taken.clone());
        let Releases { channel, keep, .. } = self.releases;
        self.store.collect(&lock, self.program, channel, keep, &used).map_err(failed)
    }

    /// Versions that nodes have, or are asked to have. Where that cannot be known it is an error:
    /// nothing may be deleted for want of knowledge.
    fn in_use(&self) -> Result<BTreeSet<Version>, CliError> {
        let (store, ledger) = match open(&self.context.paths, Access::Read) {
            Ok(opened) => opened,
            Err(error) if error.exit == Exit::NotInitialised => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let seen = match store.last_seen()? {
            Some(last) => last.snapshot.nodes,
            None if ledger.nodes.is_empty() => Vec::new(),
            None => {
                let problem = "nobody knows which of them nodes use, before the next cycle";
                return Err(CliError::new(Exit::Failed, problem));
            }
        };
        Ok(versions_in_use(&ledger, &seen))
    }
}

/// What is written down of nodes, what was seen of them, and what they are asked to run.
fn versions_in_use(ledger: &Ledger, seen: &[NodeView]) -> BTreeSet<Version> {
    let written = ledger.nodes.iter().filter_map(|record| record.version.as_ref());
    let there = seen.iter().flat_map(|node| [node.version(), node.facts.version.as_ref()]);
    let asked = ledger.requests.iter().filter_map(|request| match &request.verb {
        Verb::Upgrade { to, .. } => to.as_ref(),
        _ => None,
    });
    written.chain(there.flatten()).chain(asked).cloned().collect()
}

fn list(held: &Held<'_>) -> Result<Exit, CliError> {
    let shelf = held.store.shelf(held.program).map_err(failed)?;
    let shelved = Shelved {
        program: held.program,
        directory: held.store.root(),
        channel: held.releases.channel,
        pinned: held.store.pin_of(held.program).map_err(failed)?,
        given: held.given(),
        shelf: &shelf,
        looks: held.store.looks(held.program),
    };
    output::binaries(&shelved, held.context.json)?;
    Ok(Exit::Done)
}

fn fetch(held: &Held<'_>, args: &FetchArgs) -> Result<Exit, CliError> {
    held.context.paths.refuse_other_owner()?;
    let terms = Terms { sha256: args.sha256, ..held.terms(args.timeout, PATIENCE)? };
    let mut progress = output::Fetching::new(held.context.json);
    let taken = match &args.file {
        Some(file) => {
            held.store.take_file(held.program, file, &terms, &SystemRunner, &mut |told| {
                progress.tell(&told);
            })
        }
        None => {
            let wanted = held.wanted(args.version.clone(), args.from.clone());
            held.store.fetch(&wanted, &terms, &SystemRunner, &mut |told| progress.tell(&told))
        }
    };
    progress.end();
    let taken = taken.map_err(failed)?;
    if taken.new {
        held.make_room(&taken.kept.manifest.version, PATIENCE);
    }
    warn_of_what_is_missing(&taken);
    output::fetched(&taken, held.given().ok().as_ref(), held.context.json)?;
    Ok(Exit::Done)
}

fn warn_of_what_is_missing(taken: &Taken) {
    for name in taken.kept.manifest.missing_companions() {
        let program = taken.kept.manifest.program;
        output::say(&format!(
            "warning: {name} did not come with it: a node of {program} may start without any peer"
        ));
    }
}

fn verify(held: &Held<'_>, version: Option<&Version>) -> Result<Exit, CliError> {
    let shelf = held.store.shelf(held.program).map_err(failed)?;
    let asked = |kept: &&Kept| version.is_none_or(|version| kept.manifest.version == *version);
    let mut checks: Vec<VersionCheck> = shelf
        .kept
        .iter()
        .filter(asked)
        .map(|kept| VersionCheck {
            version: kept.manifest.version.to_string(),
            verified: Some(kept.manifest.verified.clone()),
            complaints: held.store.check(kept),
        })
        .collect();
    checks.extend(shelf.broken.iter().filter_map(|broken| {
        let name = broken.directory.file_name()?.to_string_lossy().into_owned();
        let asked = version.is_none_or(|version| version.to_string() == name);
        let complaints = vec![format!("{}: {}", broken.directory.display(), broken.why)];
        asked.then_some(VersionCheck { version: name, verified: None, complaints })
    }));
    if let Some(version) = version.filter(|_| checks.is_empty()) {
        let what = format!("{} {version} is not in {}", held.program, held.store.root().display());
        return Err(CliError::new(Exit::Failed, what).hint("`wnm binary list` shows what is"));
    }
    let is_sound = checks.iter().all(|check| check.complaints.is_empty());
    output::binary_checks(held.program, &checks, held.context.json)?;
    Ok(if is_sound { Exit::Done } else { Exit::Failed })
}

fn pin(held: &Held<'_>, version: Option<&Version>) -> Result<Exit, CliError> {
    held.context.paths.refuse_other_owner()?;
    let pinned = held.store.pin_of(held.program).map_err(failed)?;
    let changed = match pinned.is_some() || version.is_some() {
        true => {
            let _lock = held.store.lock(PATIENCE).map_err(failed)?;
            held.store.pin(held.program, version).map_err(failed)?
        }
        // Where nothing is kept nothing is pinned either, and nothing has to be made for that.
        false => false,
    };
    output::pinned(held.program, version, changed, held.given().ok().as_ref(), held.context.json)?;
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "a key of the operator's, once a command")]
fn read_key(path: &Path) -> Result<ReleaseKey, CliError> {
    let about = |why: String| {
        let problem = format!("{} is `{}`: {why}", Setting::ReleaseKey, path.display());
        CliError { about: vec![Setting::ReleaseKey], ..CliError::usage(problem) }
    };
    let length = std::fs::metadata(path).map_err(|error| about(error.to_string()))?.len();
    if length > LARGEST_KEY {
        return Err(about(format!("a file of {length} bytes is no key")));
    }
    let bytes = std::fs::read(path).map_err(|error| about(error.to_string()))?;
    ReleaseKey::parse(&bytes).map_err(|error| about(error.to_string()))
}

/// What a failure means for scripts.
pub(super) fn failed(error: ReleaseError) -> CliError {
    let exit = match error.kind {
        ReleaseFault::Untrusted | ReleaseFault::Misshapen => Exit::Refused,
        ReleaseFault::Wrong => Exit::Usage,
        ReleaseFault::Busy => Exit::Busy,
        ReleaseFault::Unreachable
        | ReleaseFault::Unfinished
        | ReleaseFault::NotThere
        | ReleaseFault::Machine => Exit::Failed,
    };
    let hints = error.way_out.iter().cloned().collect();
    CliError { hints, ..CliError::new(exit, error.what) }
}
