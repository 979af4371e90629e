//! Every step that every action can have, from core's own list of steps, so that a new one is asked for
//! by itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wnm_core::action::{Action, Step, Stopped};
use wnm_core::fakes::build;
use wnm_core::model::{
    BootId, FileStamp, Installed, Instant, Left, Manager, NodeSpec, Removal, Returning, Upgrade,
    UpgradeRole,
};
use wnm_core::plan::lower;

/// Action and step, by the names they have in the journal.
pub(super) type Reached = (String, String);

/// All that nodes of `manager` can come to.
pub(super) fn reachable(manager: Manager) -> BTreeSet<Reached> {
    steps(manager).into_iter().map(|(action, step)| (action, name(&step))).collect()
}

fn steps(manager: Manager) -> Vec<(String, Step)> {
    let plain = NodeSpec { manager, ..build::spec(1) };
    let left = Left { data: "/srv/other/antnode0001".into(), storage: "/srv/other".into() };
    let moved = NodeSpec { left: Some(left), ..plain.clone() };
    let first = Action::Add { spec: plain.clone().into(), release: build::release(), key: None };
    let all = std::iter::successors(Some(first), |action| after(action, &plain));
    let forms = all.flat_map(|action| forms(&action, &plain));
    let of = |action: Action| {
        let lowered = [&plain, &moved].map(|spec| lower(&action, spec)).concat();
        lowered.into_iter().map(|step| (action.name().to_owned(), step)).collect::<Vec<_>>()
    };
    forms.flat_map(of).collect()
}

/// The action of the kind that comes next in the list, ending with `None`. A kind that is new has no
/// place here, and does not compile until it has one.
fn after(action: &Action, spec: &NodeSpec) -> Option<Action> {
    let node = build::record(1).key();
    let to = || Box::new(spec.clone());
    let version = || "0.24.0".parse().expect("a version");
    Some(match action {
        Action::Add { .. } => Action::Start { node, release: None },
        Action::Start { .. } => Action::Stop { node, stopped: Stopped::ByOperator },
        Action::Stop { .. } => Action::Mend { node },
        Action::Mend { .. } => Action::Restart { node, release: None },
        Action::Restart { .. } => Action::Upgrade {
            node,
            release: build::release(),
            upgrade: Box::new(upgrade()),
            start: true,
        },
        Action::Upgrade { .. } => Action::Revert {
            node,
            from: version(),
            to: build::release().version,
            quarantine: None,
            start: true,
        },
        Action::Revert { .. } => Action::Prove { node, version: version() },
        Action::Prove { .. } => Action::Recognise { node, installed: installed() },
        Action::Recognise { .. } => Action::Retire { node, cause: Removal::Cap },
        Action::Retire { .. } => Action::Reprieve { node },
        Action::Reprieve { .. } => Action::Remove { node, cause: Removal::Teardown },
        Action::Remove { .. } => Action::Move { node, to: to() },
        Action::Move { .. } => Action::Clear { node, to: to() },
        Action::Clear { .. } => Action::Release { node },
        Action::Release { .. } => Action::Disable { node },
        Action::Disable { .. } => Action::Enable { node },
        Action::Enable { .. } => return None,
    })
}

/// The same action in every form that has other steps.
fn forms(action: &Action, spec: &NodeSpec) -> Vec<Action> {
    let release = Some(build::release());
    let more = match action {
        Action::Add { .. } if !spec.manager.kind.numbers_nodes() => {
            let (spec, key) = (Box::new(spec.clone()), Some(Box::new(returning(spec))));
            vec![Action::Add { spec, release: build::release(), key }]
        }
        Action::Start { node, .. } => vec![Action::Start { node: *node, release }],
        Action::Restart { node, .. } => vec![Action::Restart { node: *node, release }],
        _ => Vec::new(),
    };
    std::iter::once(action.clone()).chain(more).collect()
}

fn returning(spec: &NodeSpec) -> Returning {
    Returning {
        file: PathBuf::from("/srv/identities/.waiting"),
        sha256: String::new(),
        program: spec.program,
        wallet: spec.wallet,
        was: Some(spec.id),
    }
}

fn upgrade() -> Upgrade {
    let since = Instant { boot: BootId("only".into()), uptime_ms: 1 };
    let version = |text: &str| text.parse().expect("a version");
    Upgrade {
        from: version("0.23.1"),
        to: version("0.24.0"),
        role: UpgradeRole::Asked,
        since,
        before: Default::default(),
    }
}

fn installed() -> Installed {
    let stamp = FileStamp { inode: 1, size: 1, changed_ms: 1 };
    let version = "0.24.0".parse().expect("a version");
    Installed { stamp, version, sha256: String::new(), identity: None }
}

/// As the journal writes it.
fn name(step: &Step) -> String {
    let value = serde_json::to_value(step).expect("the journal keeps it as well");
    value["step"].as_str().expect("it is tagged with its name").to_owned()
}

/// The step that is displayed like this: everything but paths, versions and ports is the same.
pub(super) fn kind_of(text: &str) -> Option<String> {
    let all = every_step();
    all.iter().find(|(shown, _)| frame(shown) == frame(text)).map(|(_, name)| name.clone())
}

fn frame(text: &str) -> (&str, &str) {
    let changes = |c: char| c == '/' || c.is_ascii_digit();
    let start = text.find(changes).unwrap_or(text.len());
    let tail = text.rfind(|c: char| c.is_ascii_digit()).map_or("", |at| &text[at + 1..]);
    (&text[..start], if start == text.len() { "" } else { tail })
}

fn every_step() -> Vec<(String, String)> {
    let managers = ["setsid+user", "antctl+user", "antd+user"].map(|it| it.parse().expect("one"));
    let all = managers.into_iter().flat_map(steps);
    all.map(|(_, step)| (step.to_string(), name(&step))).collect()
}

#[test]
fn steps_are_known_by_what_is_displayed() {
    let all = every_step();
    for (shown, name) in &all {
        assert_eq!(kind_of(shown).as_deref(), Some(name.as_str()), "{shown}");
    }
    assert_eq!(kind_of("open 41003/udp").as_deref(), Some("open-port"));
    assert_eq!(kind_of("put 1.0.0-rc.1 back").as_deref(), Some("put-back"));
}
