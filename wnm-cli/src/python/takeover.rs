//! What becomes of a database of the Python tool: its settings in our words, and its nodes, joined
//! with what keeps them. The database says which there are and what was wanted of them; the unit, or
//! antctl's registry, says what runs. Nothing is looked at here.

use std::collections::BTreeMap;

use wnm_core::import::{Broken, Findings, Found, Left, Origin};
use wnm_core::model::{Manager, ManagerKind, NodeId, Scope, Timestamp, Want};
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_store::{PythonDatabase, PythonNode, PythonStatus};

use super::options::OPTIONS;
use super::settings::setting;

/// What its options had by default; stored whether anybody chose it or not. Ours looks in the same
/// places, and takes what is there.
const USUAL_PROGRAMS: [(&str, &str); 2] =
    [("antnode_path", "~/.local/bin/antnode"), ("antctl_path", "~/.local/bin/antctl")];

/// Who kept its nodes, as its settings say; where early versions said nothing it was systemd. `Err`:
/// why those nodes cannot be taken.
pub(crate) fn keeper(database: &PythonDatabase, scope: Scope) -> Result<Manager, String> {
    let usual = Manager { kind: ManagerKind::Systemd, scope };
    let Some(text) = database.settings.get("process_manager") else { return Ok(usual) };
    let manager: Manager = text.parse().map_err(|_| {
        format!("its process_manager is `{text}`, and nodes of systemd and antctl are taken over")
    })?;
    match manager.kind {
        ManagerKind::Systemd | ManagerKind::Antctl | ManagerKind::AntctlZen => Ok(manager),
        _ => Err(format!(
            "its nodes are kept by {manager}, and those of systemd and antctl are taken over: \
             --import takes running processes"
        )),
    }
}

/// Everything that is found, given what the `kept` of its keeper are. `file` is for people, `home`
/// stands for `~` in paths.
pub(crate) fn findings(
    database: PythonDatabase,
    kept: Findings,
    file: &str,
    home: Option<&str>,
) -> Findings {
    let settings = draft(&database.settings, home);
    let mut notes = vec![format!("{file} is a database of the Python wnm, {}", database.schema)];
    notes.extend(minutes(&settings));
    notes.extend(listed("columns it has and no version had", &database.unknown));
    let mut findings = kept;
    let mut nodes: BTreeMap<String, Found> =
        findings.nodes.drain(..).map(|found| (found.name.clone(), found)).collect();
    findings.settings = settings;
    findings.notes.extend(notes);
    for node in &database.nodes {
        join(node, nodes.remove(stem(&node.service)), file, &mut findings);
    }
    findings.left.extend(nodes.into_values().map(|found| {
        Left::new(&found.name, &found.place, "the Python wnm does not know it: --import takes it")
    }));
    findings
}

/// Its settings under our names. What both programs call by one name and mean otherwise stays out.
fn draft(settings: &BTreeMap<&'static str, String>, home: Option<&str>) -> PolicyDraft {
    let mut draft = PolicyDraft::default().with(Setting::Program, "antnode");
    for old in OPTIONS {
        let Some(text) = settings.get(old.name) else { continue };
        if USUAL_PROGRAMS.contains(&(old.name, text.as_str())) {
            continue;
        }
        if let Some((setting, text)) = setting(old, text) {
            draft = draft.with(setting, in_our_form(setting, &text, home));
        }
    }
    draft
}

fn in_our_form(setting: Setting, text: &str, home: Option<&str>) -> String {
    match setting {
        Setting::NodeBinary | Setting::AntctlPath => match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => format!("{home}/{rest}"),
            _ => text.to_owned(),
        },
        // Names of wallets were read in any case there, with blanks around them.
        Setting::RewardsAddress => {
            let named = |part: &str| {
                let (name, weight) = part.split_once(':').unwrap_or((part, ""));
                let (name, weight) = (name.trim(), weight.trim());
                let lower = name.to_lowercase();
                let is_word = matches!(lower.as_str(), "faucet" | "donate");
                let name = if is_word { &lower } else { name };
                if weight.is_empty() { name.to_owned() } else { format!("{name}:{weight}") }
            };
            text.split(',').map(named).collect::<Vec<_>>().join(",")
        }
        // The first generation had fractions of bytes.
        _ if setting.key().contains("io_") => match text.parse::<f64>() {
            Ok(bytes) => format!("{}", bytes.round()),
            Err(_) => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

/// anm counted in minutes, and its delays were taken over as they stood.
fn minutes(settings: &PolicyDraft) -> Option<String> {
    const DELAYS: [Setting; 3] = [Setting::DelayStart, Setting::DelayUpgrade, Setting::DelayRemove];
    let short = |setting: &&Setting| {
        let seconds = settings.values.get(setting).and_then(|text| text.parse::<u32>().ok());
        seconds.is_some_and(|seconds| seconds < 60)
    };
    let short: Vec<String> = DELAYS
        .iter()
        .filter(short)
        .map(|setting| format!("{setting} {} s", settings.text(*setting)))
        .collect();
    (!short.is_empty()).then(|| {
        format!(
            "{}: these are seconds; if they came from anm they were minutes, and mean as many \
             minutes still: give them again, as in --delay-start 5m",
            short.join(", ")
        )
    })
}

fn listed(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}

/// The name of a unit without its ending.
fn stem(service: &str) -> &str {
    service.strip_suffix(".service").unwrap_or(service)
}

/// One row, and what keeps that node.
fn join(node: &PythonNode, kept: Option<Found>, file: &str, findings: &mut Findings) {
    let name = stem(&node.service);
    let place = format!("{file} node row {}", node.id);
    let Some(mut found) = kept else {
        // Its keeper told already why it is none to take, or does not know it.
        let is_told = findings.left.iter().any(|left| left.name == name)
            || findings.broken.iter().any(|broken| broken.name.as_deref() == Some(name));
        if !is_told {
            findings.left.push(Left::new(name, place, absent(node)));
        }
        return;
    };
    if let Some(why) = contradiction(node, &found) {
        let what = format!(
            "{place}: {why} in {}: mend the one that is wrong, or leave the node out by --except \
             {name}",
            found.place
        );
        findings.broken.push(Broken { name: Some(name.to_owned()), what });
        return;
    }
    found.origin = Origin::PythonDb;
    found.number = NodeId::new(node.id);
    found.version = node.version.as_ref().and_then(|text| text.parse().ok()).or(found.version);
    found.created = node.launched.and_then(timestamp);
    found.notes.extend(node.remarks.iter().cloned());
    found.want = want(node.status, found.want, &mut found.notes);
    findings.nodes.push(found);
}

fn absent(node: &PythonNode) -> String {
    if node.in_container {
        return "it is in a container".to_owned();
    }
    let kept_by = node.manager.as_deref().unwrap_or("systemd");
    format!(
        "nothing keeps it: {kept_by} has no {}. Its creation failed, or it was removed by hand; its \
         data, if there is any, stays where it is",
        node.service
    )
}

/// What the row says and its keeper does not.
fn contradiction(node: &PythonNode, found: &Found) -> Option<String> {
    if let Some(data) = node.data.as_ref().filter(|data| **data != found.data) {
        return Some(format!("root_dir is {}, but {}", data.display(), found.data.display()));
    }
    let shown = |port: Option<u16>| port.map_or_else(|| "none".to_owned(), |it| it.to_string());
    let ports = [
        ("port", node.port, found.ports.node),
        ("metrics_port", node.metrics_port, found.ports.metrics),
    ];
    ports
        .into_iter()
        .find(|(_, row, kept)| Some(*row) != *kept)
        .map(|(column, row, kept)| format!("{column} is {row}, but {}", shown(kept)))
}

fn timestamp(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok()?.checked_mul(1000).map(Timestamp)
}

/// What was wanted there, and is wanted here. `now` is what its keeper does with it.
fn want(status: PythonStatus, now: Want, notes: &mut Vec<String>) -> Want {
    let runs = now == Want::Run;
    match status {
        PythonStatus::Disabled => {
            notes.push("it was disabled there and is here: left alone in every respect".to_owned());
            Want::Disabled
        }
        _ if runs => Want::Run,
        PythonStatus::Removing | PythonStatus::Dead => {
            notes.push(
                "it was to be removed there; nothing of it is: it stays stopped until you say \
                 `wnm start` or `wnm remove`"
                    .to_owned(),
            );
            Want::StoppedByOperator
        }
        PythonStatus::Running
        | PythonStatus::Stopped
        | PythonStatus::Restarting
        | PythonStatus::Upgrading
        | PythonStatus::Migrating => {
            notes.push("it is stopped, and started again when there is room, as there".to_owned());
            Want::StoppedByPressure
        }
    }
}
