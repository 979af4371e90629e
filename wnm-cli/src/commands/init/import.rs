//! `wnm init --import` and its kin: found, decided, shown, agreed to, and then taken over whole or not
//! at all.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks where nodes may lie")]

mod former;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wnm_core::host::{Clock, Managers, NodeFiles, Store};
use wnm_core::import::{Around, Findings, Origin, Root, Takeover, decide, implied};
use wnm_core::model::{
    Manager, ManagerKind, NodeId, NodeKey, NodeRecord, NodeSpec, RecordId, Scope, Timestamp,
    counted, node_of_directory,
};
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_managers::{AnmPlaces, Moving, SystemRunner, look_at_found, plain_processes};
use wnm_metrics::SystemClock;
use wnm_store::{SqliteStore, StoreErrorKind};

use crate::args::ImportArgs;
use crate::ask::{StandardTerminal, Terminal};
use crate::commands::{Context, schedule};
use crate::compose::{self, Adapters, NODE_USER};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &ImportArgs) -> Result<Exit, CliError> {
    context.paths.refuse_other_owner()?;
    settle_earlier(context, args)?;
    refuse_second(context, args)?;
    let given = context.layers.merged();
    let findings = look_at_found(&compose::mover(&context.paths), find(context, args)?)?;
    let settings = super::draft(context, &findings.settings.under(&given))?;
    let around = around(context, &settings, args, &findings);
    let takeover = decide(findings, &around).map_err(refused)?;
    let draft = whole_draft(context, &takeover, &given)?;
    let (policy, release) = match takeover.nodes.is_empty() {
        true => return nothing(context, &takeover),
        false => checked(context, &draft, &takeover)?,
    };
    if args.dry_run {
        output::takeover(&takeover, &draft, None, context.json)?;
        return Ok(Exit::Done);
    }
    agree(context, args, &takeover, &draft)?;
    let backup = carry_out(context, &takeover, &draft, &policy)?;
    if context.json {
        output::takeover(&takeover, &draft, Some(&backup), true)?;
    } else {
        let nodes = counted(takeover.nodes.len() as u32, "node");
        output::say(&format!("took over {nodes}; what was replaced is in {}", backup.display()));
        output::initialised(&context.paths, &policy, &release);
    }
    Ok(Exit::Done)
}

/// A takeover in which wnm died is undone before anybody looks again: half of it may be ours.
fn settle_earlier(context: &Context<'_>, args: &ImportArgs) -> Result<(), CliError> {
    let mover = compose::mover(&context.paths);
    if !mover.is_unfinished() {
        return Ok(());
    }
    if args.dry_run {
        let hint = "the same without --dry-run and without --confirm puts everything back, and \
                    takes nothing over before you agree";
        return Err(CliError::new(Exit::Refused, "an import was interrupted").hint(hint));
    }
    let _alone = context.lock(Duration::ZERO)?;
    match mover.unfinished()? {
        Some(earlier) if earlier.is_done() => drop(earlier.finish()?),
        Some(earlier) => {
            undo(context, earlier)?;
            output::say("an import was interrupted before: everything is put back");
        }
        None => {}
    }
    Ok(())
}

/// Nodes are taken over once: the second time they are wnm's own.
fn refuse_second(context: &Context<'_>, args: &ImportArgs) -> Result<(), CliError> {
    let store = match SqliteStore::open_read_only(&context.paths.store) {
        Ok(store) => store,
        // The Python tool's own, which lies in the same place.
        Err(error) if error.kind == StoreErrorKind::Foreign && args.from_python_db.is_some() => {
            return Ok(());
        }
        Err(_) => return super::refuse_second_store(context),
    };
    let ledger = store.load()?;
    if compose::is_half_made(&ledger) {
        return Ok(());
    }
    let names: Vec<String> = ledger.nodes.iter().map(|node| node.spec.id.to_string()).collect();
    let kept = match names.len() {
        0 => "it keeps no nodes".to_owned(),
        _ => format!("these are kept by wnm: {}", names.join(", ")),
    };
    let problem = format!("already initialised: {}; {kept}", context.paths.store.display());
    let hint = "nothing was changed; nodes are taken over by `wnm init` only, before anything else";
    Err(CliError::usage(problem).hint(hint))
}

/// What the readers say that were asked for.
fn find(context: &Context<'_>, args: &ImportArgs) -> Result<Findings, CliError> {
    let home = context.environment.get("HOME");
    let anm = AnmPlaces::usual(home);
    if args.migrate_anm {
        if context.paths.scope != Scope::System {
            let hint = "choose --scope system, as root or with sudo";
            return Err(CliError::usage("anm's nodes belong to the machine").hint(hint));
        }
        return Ok(anm.read(&compose::foreign_units(&context.paths))?);
    }
    if let Some(file) = &args.from_python_db {
        return former::of_python(context, file);
    }
    if args.from_antctl {
        return former::of_antctl(context);
    }
    if context.paths.scope == Scope::System && anm.is_active() {
        let problem = format!("anm is at work here, by {}", anm.cron.display());
        let hint = "--migrate-anm takes its nodes over and turns it off";
        return Err(CliError::usage(problem).hint(hint));
    }
    let units = compose::foreign_units(&context.paths).read(Origin::Unit, &|_| true);
    let units = match (units, context.paths.scope) {
        (Ok(units), _) => units,
        // Where a user has no systemd there are plain processes only.
        (Err(error), Scope::User) => {
            output::say(&format!("note: no units were looked at: {}", error.chain()));
            Findings::default()
        }
        (Err(error), Scope::System) => return Err(error.into()),
    };
    let uid = nix::unistd::geteuid().as_raw();
    Ok(match context.paths.scope {
        Scope::User => units.and(plain_processes(&SystemRunner, uid)?),
        Scope::System => units,
    })
}

fn around(
    context: &Context<'_>,
    draft: &PolicyDraft,
    args: &ImportArgs,
    findings: &Findings,
) -> Around {
    let paths = &context.paths;
    let words = shell_words::split(draft.text(Setting::NodeStorage)).unwrap_or_default();
    let roots: Vec<Root> = words.into_iter().map(|word| root(Path::new(&word))).collect();
    let home = context.environment.get("HOME").map(PathBuf::from);
    let own = [&paths.base, &paths.identities, &paths.logs, &paths.nodes, &paths.units];
    let own = own.into_iter().cloned().chain(home).chain(roots.iter().map(|it| it.path.clone()));
    Around {
        scope: paths.scope,
        user: match paths.scope {
            Scope::User => schedule::user_name(),
            Scope::System => NODE_USER.to_owned(),
        },
        logs: draft.text(Setting::LogStorage).into(),
        own: own.collect(),
        numbers: numbers(&roots, findings),
        ports: BTreeMap::new(),
        kept: BTreeSet::new(),
        except: args.except.iter().cloned().collect(),
        roots,
    }
}

/// Directories of a node's name that no node was found for keep their numbers.
fn numbers(roots: &[Root], findings: &Findings) -> BTreeSet<NodeId> {
    let entries = roots.iter().filter_map(|root| fs::read_dir(&root.path).ok()).flatten().flatten();
    let is_found = |path: &Path| findings.nodes.iter().any(|found| found.data == path);
    entries
        .filter(|entry| !is_found(&entry.path()))
        .filter_map(|entry| node_of_directory(entry.file_name().to_str()?))
        .collect()
}

fn root(path: &Path) -> Root {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Root { path: path.to_owned(), real }
}

/// What is stored: what the nodes say, what the former manager said, and over both what was given.
fn whole_draft(
    context: &Context<'_>,
    takeover: &Takeover,
    given: &PolicyDraft,
) -> Result<PolicyDraft, CliError> {
    let told = implied(&takeover.nodes).under(&takeover.settings);
    let mut draft = super::draft(context, &told.under(given))?;
    let nodes = takeover.nodes.len();
    let cap = |draft: &PolicyDraft| draft.text(Setting::NodeCap).parse::<usize>().ok();
    if cap(given)
        .filter(|_| given.values.contains_key(&Setting::NodeCap))
        .is_some_and(|cap| cap < nodes)
    {
        let problem = format!(
            "node_cap is {}, and {nodes} nodes would be taken over: wnm would remove the others",
            given.text(Setting::NodeCap)
        );
        return Err(CliError::new(Exit::Refused, problem)
            .hint("give a higher --node-cap, or leave nodes out by --except"));
    }
    if cap(&draft).is_some_and(|cap| cap < nodes) {
        draft = draft.with(Setting::NodeCap, nodes.to_string());
    }
    Ok(draft)
}

fn checked(
    context: &Context<'_>,
    draft: &PolicyDraft,
    takeover: &Takeover,
) -> Result<(Policy, wnm_core::model::Release), CliError> {
    let policy = Policy::parse(draft, &PolicyDraft::default(), super::cpus()?)
        .map_err(|errors| super::everything_wrong(context, draft, errors))?;
    super::refuse_other_scope(context, policy.nodes.manager)?;
    let roots = takeover.roots().into_iter().map(Path::to_owned);
    let expected = super::Expected {
        ports: takeover.nodes.iter().flat_map(|node| node.spec.ports.all()).collect(),
        mended: roots.chain([policy.nodes.logs.clone()]).collect(),
    };
    let release = super::verify(context, &policy, draft, &expected)?;
    Ok((policy, release))
}

fn refused(problems: Vec<String>) -> CliError {
    CliError { exit: Exit::Refused, problems, ..CliError::default() }.hint("nothing was changed")
}

fn nothing(context: &Context<'_>, takeover: &Takeover) -> Result<Exit, CliError> {
    output::takeover(takeover, &PolicyDraft::default(), None, context.json)?;
    let error = CliError::new(Exit::Refused, "there is no node here to take over");
    Err(error.hint("nothing was changed; without an import `wnm init` begins with no nodes"))
}

/// Somebody must want it who has seen it.
fn agree(
    context: &Context<'_>,
    args: &ImportArgs,
    takeover: &Takeover,
    draft: &PolicyDraft,
) -> Result<(), CliError> {
    if !context.json || !args.confirm {
        output::takeover(takeover, draft, None, context.json)?;
    }
    if args.confirm {
        return Ok(());
    }
    let Some(mut terminal) = StandardTerminal::find() else {
        let error = CliError::new(Exit::Refused, "taking nodes over needs --confirm");
        return Err(error.hint("nothing was changed"));
    };
    match terminal.ask("Take these over? [y/N] ").as_deref().map(str::trim) {
        Some("y" | "Y" | "yes" | "Yes") => Ok(()),
        Some(_) | None => {
            Err(CliError::new(Exit::Refused, "nothing was taken over").hint("nothing was changed"))
        }
    }
}

/// All of it, or all as it was.
fn carry_out(
    context: &Context<'_>,
    takeover: &Takeover,
    draft: &PolicyDraft,
    policy: &Policy,
) -> Result<PathBuf, CliError> {
    super::places(context, policy)?;
    let _alone = context.lock(Duration::ZERO)?;
    let mover = compose::mover(&context.paths);
    let at = SystemClock.now()?.wall;
    let moving = mover.begin(takeover, &policy.nodes.logs, at)?;
    if let Err(mut error) = steps(context, &moving, takeover, draft, policy, at) {
        error.hints.push(match undo(context, moving) {
            Ok(()) => "everything is as it was before".to_owned(),
            Err(worse) => format!(
                "and not everything could be put back: {}; run the same command again",
                worse.problems.join("; ")
            ),
        });
        return Err(error);
    }
    let backup = moving.finish()?;
    if let Err(error) = super::first_look(context, draft) {
        // The next cycle looks as well.
        output::complain(&error);
    }
    Ok(backup)
}

fn steps(
    context: &Context<'_>,
    moving: &Moving,
    takeover: &Takeover,
    draft: &PolicyDraft,
    policy: &Policy,
    at: Timestamp,
) -> Result<(), CliError> {
    moving.copy_programs(takeover)?;
    moving.set_aside()?;
    SqliteStore::discard(&context.paths.store)?;
    let store = SqliteStore::create(&context.paths.store)?;
    let records: Vec<NodeRecord> = takeover.nodes.iter().map(|node| record(node, at)).collect();
    let numbers = store.adopt(draft, &records, at)?;
    let files = compose::files(&context.paths);
    for (node, record) in takeover.nodes.iter().zip(numbers) {
        files.archive(NodeKey { id: node.spec.id, record }, &node.spec)?;
    }
    moving.claim_roots(&files)?;
    for root in &policy.nodes.storage {
        files.claim_root(root)?;
    }
    let ledger = store.load()?;
    let adapters = Adapters::new(store, &ledger, draft, &context.paths, context.environment);
    hand_over(adapters.host().managers, takeover)?;
    Ok(moving.silence()?)
}

fn record(node: &wnm_core::import::Taken, at: Timestamp) -> NodeRecord {
    let created = node.found.created.unwrap_or(at);
    NodeRecord {
        want: node.found.want,
        version: node.found.version.clone(),
        ..NodeRecord::new(RecordId(0), node.spec.clone(), created)
    }
}

/// Every manager takes its own, and afterwards the same processes must be there.
fn hand_over(managers: &dyn Managers, takeover: &Takeover) -> Result<(), CliError> {
    let mut by_manager: BTreeMap<Manager, Vec<&NodeSpec>> = BTreeMap::new();
    for node in &takeover.nodes {
        by_manager.entry(node.spec.manager).or_default().push(&node.spec);
    }
    let pids: BTreeMap<NodeId, Option<u32>> =
        takeover.nodes.iter().map(|node| (node.spec.id, node.found.pid)).collect();
    for (manager, specs) in by_manager {
        let manager = managers.get(manager)?;
        manager.adopt(&specs)?;
        for (spec, reading) in specs.iter().zip(manager.states(&specs)?) {
            let before = pids.get(&spec.id).copied().flatten();
            if before.is_some() && reading.pid != before {
                let problem = format!("{} is another process than before", spec.service());
                return Err(CliError::new(Exit::Failed, problem));
            }
        }
    }
    Ok(())
}

/// The store first: without it nothing of wnm manages anything.
fn undo(context: &Context<'_>, moving: Moving) -> Result<(), CliError> {
    match SqliteStore::discard(&context.paths.store) {
        // The former manager's, not set aside yet, or back again.
        Err(error) if error.kind == StoreErrorKind::Foreign => {}
        discarded => discarded?,
    }
    let systemd = Manager { kind: ManagerKind::Systemd, scope: context.paths.scope };
    let reread = || compose::managers_alone(&context.paths).get(systemd)?.reread();
    Ok(moving.undo(&reread)?)
}
