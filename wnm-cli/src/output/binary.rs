//! Versions of node programs, as data and as text.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;

use serde::Serialize;
use wnm_core::model::{Bytes, Channel, Program, Release, Timestamp, Version};
use wnm_core::observe::ReleaseLooks;
use wnm_releases::{Digest, Kept, Shelf, Taken, Told, Verified};

use super::json;

/// Everything that is kept of one program.
pub(crate) struct Shelved<'a> {
    pub(crate) program: Program,
    pub(crate) directory: &'a Path,
    pub(crate) channel: Channel,
    pub(crate) pinned: Option<Version>,
    /// What nodes are given, or why nothing.
    pub(crate) given: Result<Release, String>,
    pub(crate) shelf: &'a Shelf,
    pub(crate) looks: ReleaseLooks,
}

/// What a check of one version came to.
#[derive(Debug, Serialize)]
pub(crate) struct VersionCheck {
    pub(crate) version: String,
    pub(crate) verified: Option<Verified>,
    pub(crate) complaints: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct ShelvedShape<'a> {
    schema: u32,
    program: Program,
    directory: &'a Path,
    channel: Channel,
    pinned: Option<&'a Version>,
    given: Option<&'a Release>,
    /// Why nothing is given.
    problem: Option<&'a str>,
    versions: Vec<VersionShape<'a>>,
    broken: Vec<BrokenShape<'a>>,
    looked: &'a ReleaseLooks,
}

#[derive(Serialize)]
struct VersionShape<'a> {
    version: &'a Version,
    given: bool,
    pinned: bool,
    bytes: Bytes,
    taken: Timestamp,
    source: &'a str,
    verified: &'a Verified,
    archive: Option<Digest>,
    missing: Vec<&'static str>,
    directory: &'a Path,
}

#[derive(Serialize)]
struct BrokenShape<'a> {
    directory: &'a Path,
    why: &'a str,
}

pub(super) fn list<'a>(of: &'a Shelved<'_>) -> ShelvedShape<'a> {
    let given = of.given.as_ref().ok();
    ShelvedShape {
        schema: json::SCHEMA,
        program: of.program,
        directory: of.directory,
        channel: of.channel,
        pinned: of.pinned.as_ref(),
        given,
        problem: of.given.as_ref().err().map(String::as_str),
        versions: of.shelf.kept.iter().map(|kept| version(kept, given)).collect(),
        broken: of
            .shelf
            .broken
            .iter()
            .map(|broken| BrokenShape { directory: &broken.directory, why: &broken.why })
            .collect(),
        looked: &of.looks,
    }
}

fn version<'a>(kept: &'a Kept, given: Option<&Release>) -> VersionShape<'a> {
    let manifest = &kept.manifest;
    VersionShape {
        version: &manifest.version,
        given: given == Some(&kept.release()),
        pinned: kept.pinned,
        bytes: manifest.bytes(),
        taken: manifest.taken,
        source: &manifest.source,
        verified: &manifest.verified,
        archive: manifest.archive,
        missing: manifest.missing_companions(),
        directory: &kept.directory,
    }
}

pub(super) fn list_text(shape: &ShelvedShape<'_>) -> String {
    let mut text = String::new();
    let ShelvedShape { program, directory, .. } = shape;
    let _ = match (shape.given, shape.problem) {
        (Some(release), _) => {
            let why = match (shape.pinned, release.path.starts_with(directory)) {
                (Some(_), _) => "which is pinned".to_owned(),
                (None, true) => format!("the newest of the {} channel", shape.channel),
                (None, false) => format!("from {}", release.path.display()),
            };
            writeln!(text, "nodes are given {program} {}, {why}", release.version)
        }
        (None, problem) => {
            writeln!(text, "nodes are given nothing: {}", problem.unwrap_or_default())
        }
    };
    if shape.versions.is_empty() && shape.broken.is_empty() {
        let _ = writeln!(text, "nothing is kept in {}", directory.display());
    }
    for version in &shape.versions {
        let marks = match (version.pinned, version.given) {
            (true, _) => ", pinned",
            (false, true) => ", given to nodes",
            (false, false) => "",
        };
        let _ = writeln!(
            text,
            "{}{marks}: {}, taken in {} UTC from {}; {}",
            version.version, version.bytes, version.taken, version.source, version.verified
        );
        for name in &version.missing {
            let _ = writeln!(text, "  without {name}: a node may start without any peer");
        }
    }
    for broken in &shape.broken {
        let _ = writeln!(text, "{} is no version: {}", broken.directory.display(), broken.why);
    }
    if let Some(at) = shape.looked.wall {
        let _ = match (&shape.looked.why, &shape.looked.newest) {
            (Some(why), _) => writeln!(text, "last look for a newer one, {at} UTC: {why}"),
            (None, Some(newest)) => {
                writeln!(text, "last look for a newer one, {at} UTC: {newest} is the newest")
            }
            (None, None) => writeln!(text, "last look for a newer one, {at} UTC: there is none"),
        };
    }
    text
}

#[derive(Serialize)]
pub(super) struct FetchedShape<'a> {
    schema: u32,
    program: Program,
    new: bool,
    /// What nodes are given, this or another.
    release: Option<&'a Release>,
    #[serde(flatten)]
    version: VersionShape<'a>,
}

pub(super) fn fetched<'a>(taken: &'a Taken, given: Option<&'a Release>) -> FetchedShape<'a> {
    FetchedShape {
        schema: json::SCHEMA,
        program: taken.kept.manifest.program,
        new: taken.new,
        release: given,
        version: version(&taken.kept, given),
    }
}

pub(super) fn fetched_text(shape: &FetchedShape<'_>) -> String {
    let (program, version) = (shape.program, shape.version.version);
    let first = match shape.new {
        true => format!("{program} {version} is here: {}", shape.version.verified),
        false => format!("{program} {version} was here already: {}", shape.version.verified),
    };
    let path = shape.version.directory.join(program.binary_name());
    match shape.release {
        Some(release) if release.path == path => first + "; it is what nodes are given\n",
        Some(release) => {
            format!(
                "{first}\nnodes are given {} from {}\n",
                release.version,
                release.path.display()
            )
        }
        None => first + "\n",
    }
}

#[derive(Serialize)]
pub(super) struct ChecksShape<'a> {
    schema: u32,
    program: Program,
    sound: bool,
    versions: &'a [VersionCheck],
}

pub(super) fn checks(program: Program, versions: &[VersionCheck]) -> ChecksShape<'_> {
    let sound = versions.iter().all(|check| check.complaints.is_empty());
    ChecksShape { schema: json::SCHEMA, program, sound, versions }
}

pub(super) fn checks_text(shape: &ChecksShape<'_>) -> String {
    if shape.versions.is_empty() {
        return format!("no version of {} is kept\n", shape.program);
    }
    let mut text = String::new();
    for check in shape.versions {
        if check.complaints.is_empty() {
            let _ = writeln!(text, "{} {} is as it came", shape.program, check.version);
        }
        for complaint in &check.complaints {
            let _ = writeln!(text, "{} {}: {complaint}", shape.program, check.version);
        }
    }
    if !shape.sound {
        text += "no node is harmed: each runs a copy of its own. `wnm binary fetch VERSION` takes a \
                 version in again once its directory is deleted\n";
    }
    text
}

#[derive(Serialize)]
pub(super) struct PinShape<'a> {
    schema: u32,
    program: Program,
    pinned: Option<&'a Version>,
    changed: bool,
    given: Option<&'a Release>,
}

pub(super) fn pin<'a>(
    program: Program,
    pinned: Option<&'a Version>,
    changed: bool,
    given: Option<&'a Release>,
) -> PinShape<'a> {
    PinShape { schema: json::SCHEMA, program, pinned, changed, given }
}

pub(super) fn pin_text(shape: &PinShape<'_>) -> String {
    let program = shape.program;
    let first = match (shape.pinned, shape.changed) {
        (Some(version), true) => format!("{program} {version} is pinned"),
        (Some(version), false) => format!("{program} {version} was pinned already"),
        (None, true) => format!("no version of {program} is pinned any more"),
        (None, false) => format!("no version of {program} was pinned"),
    };
    match shape.given {
        Some(release) => format!("{first}; nodes are given {}\n", release.version),
        None => first + "\n",
    }
}

/// Follows a release on its way: at a terminal one line that is written over, else what matters.
#[derive(Debug)]
pub(crate) struct Fetching {
    is_quiet: bool,
    is_terminal: bool,
    shown: u64,
}

impl Fetching {
    pub(crate) fn new(is_quiet: bool) -> Fetching {
        Fetching { is_quiet, is_terminal: std::io::stderr().is_terminal(), shown: 0 }
    }

    pub(crate) fn tell(&mut self, told: &Told<'_>) {
        if self.is_quiet {
            return;
        }
        match told {
            Told::Found(offer) => {
                super::say(&format!("{} {} at {}", offer.program, offer.version, offer.archive));
            }
            Told::Fetching(offer, progress) if self.is_terminal => {
                // Once a percent, or a quarter of a MB.
                let step = progress.total.map_or(1 << 18, |total| total / 100).max(1);
                if progress.done / step != self.shown / step || progress.done == 0 {
                    self.shown = progress.done;
                    let total =
                        progress.total.map_or(String::new(), |t| format!(" of {}", Bytes(t)));
                    self.draw(&format!("{}: {}{total}", offer.name, Bytes(progress.done)));
                }
            }
            Told::Fetching(..) => {}
            Told::Unchecked(signature) => super::say(&format!(
                "note: {} is not looked at: there is no key for it (`release_key`)",
                signature.display()
            )),
            Told::Verified(verified) => {
                self.end();
                super::say(&format!("verified: {verified}"));
            }
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&mut self) {
        if self.is_terminal && !self.is_quiet && self.shown > 0 {
            super::progress::write("\r\x1b[K");
        }
    }

    fn draw(&self, text: &str) {
        super::progress::write(&format!("\r\x1b[K{}", super::progress::fitting(text)));
    }
}
