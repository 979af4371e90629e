//! What a takeover takes, as what, and what it leaves.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wnm_core::import::{Left, Taken, Takeover};
use wnm_core::model::{NodeId, Program, Version, Want, counted};
use wnm_core::policy::PolicyDraft;

use super::json;

#[derive(Serialize)]
pub(super) struct TakeoverShape<'a> {
    schema: u32,
    applied: bool,
    backup: Option<&'a Path>,
    take: Vec<TakenShape<'a>>,
    left: &'a [Left],
    settings: &'a PolicyDraft,
    notes: &'a [String],
    turned_off: Vec<String>,
}

#[derive(Serialize)]
struct TakenShape<'a> {
    name: &'a str,
    place: &'a str,
    from: String,
    id: NodeId,
    service: String,
    manager: String,
    program: Program,
    version: Option<&'a Version>,
    wallet: String,
    ports: wnm_core::model::NodePorts,
    data: &'a Path,
    logs: &'a Path,
    binary: &'a Path,
    copied_from: Option<&'a PathBuf>,
    pid: Option<u32>,
    want: Want,
    notes: &'a [String],
}

pub(super) fn shape<'a>(
    takeover: &'a Takeover,
    settings: &'a PolicyDraft,
    backup: Option<&'a Path>,
) -> TakeoverShape<'a> {
    TakeoverShape {
        schema: json::SCHEMA,
        applied: backup.is_some(),
        backup,
        take: takeover.nodes.iter().map(taken).collect(),
        left: &takeover.left,
        settings,
        notes: &takeover.notes,
        turned_off: takeover.schedulers.iter().map(ToString::to_string).collect(),
    }
}

fn taken(node: &Taken) -> TakenShape<'_> {
    let (spec, found) = (&node.spec, &node.found);
    TakenShape {
        name: &found.name,
        place: &found.place,
        from: found.origin.to_string(),
        id: spec.id,
        service: spec.service(),
        manager: spec.manager.to_string(),
        program: spec.program,
        version: found.version.as_ref(),
        wallet: spec.wallet.to_string(),
        ports: spec.ports,
        data: &spec.data,
        logs: &spec.logs,
        binary: &spec.binary,
        copied_from: node.copy_from.as_ref(),
        pid: found.pid,
        want: found.want,
        notes: &found.notes,
    }
}

pub(super) fn text(takeover: &Takeover, settings: &PolicyDraft) -> String {
    let mut text = String::new();
    let nodes = counted(takeover.nodes.len() as u32, "node");
    let _ =
        writeln!(text, "{nodes} to take over{}", if takeover.nodes.is_empty() { "" } else { ":" });
    for node in &takeover.nodes {
        one(&mut text, node);
    }
    if !takeover.left.is_empty() {
        let _ = writeln!(text, "left alone:");
    }
    for left in &takeover.left {
        let place =
            if left.place.is_empty() { String::new() } else { format!(" ({})", left.place) };
        let _ = writeln!(text, "  {}{place}: {}", left.name, left.why);
    }
    if !takeover.nodes.is_empty() {
        let _ = writeln!(text, "settings:");
        for (setting, value) in &settings.values {
            let _ = writeln!(text, "  {setting} = {value}");
        }
    }
    for note in &takeover.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for scheduler in &takeover.schedulers {
        let _ = writeln!(text, "turned off at the end: {scheduler}");
    }
    text
}

fn one(text: &mut String, node: &Taken) {
    let (spec, found) = (&node.spec, &node.found);
    let state = match (found.pid, found.want) {
        (Some(pid), _) => format!("process {pid} goes on"),
        (None, Want::Run) => "not running, wanted to run".to_owned(),
        (None, Want::Disabled) => "disabled".to_owned(),
        (None, Want::StoppedByOperator) => "stopped, stays so".to_owned(),
        (None, Want::StoppedByPressure) => "stopped, started when there is room".to_owned(),
    };
    let _ = writeln!(
        text,
        "  {} as {}: {}, port {}, {}\n    data {}, of {} ({})",
        found.name,
        spec.id,
        spec.program,
        spec.ports.node,
        state,
        spec.data.display(),
        found.origin,
        found.place
    );
    for note in &found.notes {
        let _ = writeln!(text, "    {note}");
    }
}
