//! Pages that list releases, in the shape of GitHub's `GET /repos/OWNER/NAME/releases`.

use serde::Deserialize;
use wnm_core::model::{Program, Version};

use crate::digest::Digest;
use crate::platform::Platform;

/// Where the projects publish.
pub(crate) fn page_of(program: Program) -> &'static str {
    match program {
        Program::AntNode => "https://api.github.com/repos/WithAutonomi/ant-node/releases",
        Program::Antnode => "https://api.github.com/repos/maidsafe/autonomi/releases",
    }
}

/// Where files of the first generation lie; its page has notes only.
const ANTNODE_FILES: &str = "https://antnode.s3.eu-west-2.amazonaws.com/";

/// A release that can be had, with all that was published about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is a release of.
    pub program: Program,
    /// Which.
    pub version: Version,
    /// Name of the archive.
    pub name: String,
    /// Where all this was said: a page, or a directory of releases.
    pub page: String,
    /// Where the archive is: a URL, or a path of this machine.
    pub archive: String,
    /// How large it is said to be.
    pub bytes: Option<u64>,
    /// Where its detached signature is.
    pub signature: Option<String>,
    /// Where a list of digests is.
    pub sums: Option<String>,
    /// The published digest of the program itself.
    pub binary: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Page {
    One(Box<Entry>),
    Many(Vec<Entry>),
}

#[derive(Deserialize)]
struct Entry {
    tag_name: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    browser_download_url: String,
    #[serde(default)]
    size: Option<u64>,
}

/// The releases of a page for one kind of machine, newest first. Entries without a version of
/// `program`, or without a file for the machine, are somebody else's. `at` is where the page lies:
/// what it names without a host lies beside it.
pub(crate) fn offers(
    text: &str,
    program: Program,
    platform: Platform,
    at: &str,
) -> Result<Vec<Offer>, serde_json::Error> {
    let entries = match serde_json::from_str(text)? {
        Page::One(entry) => vec![*entry],
        Page::Many(entries) => entries,
    };
    let shown = entries.iter().filter(|entry| !entry.draft);
    let mut offers: Vec<Offer> =
        shown.filter_map(|entry| offer(entry, program, platform, at)).collect();
    offers.sort_by(|one, other| other.version.cmp(&one.version));
    Ok(offers)
}

fn offer(entry: &Entry, program: Program, platform: Platform, at: &str) -> Option<Offer> {
    let notes = entry.body.as_deref().unwrap_or_default();
    let version: Version = match program {
        Program::AntNode => entry.tag_name.parse().ok()?,
        Program::Antnode => noted_version(notes).or_else(|| entry.tag_name.parse().ok())?,
    };
    // A page that calls it a pre-release knows better than a number without a suffix.
    if !program.can_be(&version) || entry.prerelease && version.0.pre.is_empty() {
        return None;
    }
    let name = platform.archive(program, &version)?;
    let asset = |name: &str| entry.assets.iter().find(|asset| asset.name == name);
    let url = |asset: &Asset| beside(at, &asset.browser_download_url);
    let archive = match (asset(&name), program) {
        (Some(asset), _) => url(asset),
        // The page has nothing to download; its files lie in a place of their own.
        (None, Program::Antnode) if at == page_of(Program::Antnode) => {
            format!("{ANTNODE_FILES}{name}")
        }
        (None, _) => return None,
    };
    Some(Offer {
        program,
        bytes: asset(&name).and_then(|asset| asset.size),
        signature: asset(&format!("{name}.sig")).map(url),
        sums: asset("SHA256SUMS.txt").map(url),
        binary: match program {
            Program::Antnode => noted_digest(notes, platform.triple()?),
            Program::AntNode => None,
        },
        version,
        name,
        page: at.to_owned(),
        archive,
    })
}

/// A URL as it stands, or what lies beside `at`.
fn beside(at: &str, url: &str) -> String {
    if url.contains("://") {
        return url.to_owned();
    }
    let directory = at.rfind('/').map_or(at, |slash| &at[..=slash]);
    format!("{directory}{}", url.trim_start_matches("./"))
}

/// ``* `antnode`: v0.4.17`` in the notes.
fn noted_version(notes: &str) -> Option<Version> {
    let of = |line: &str| line.trim().strip_prefix("* `antnode`:")?.trim().parse().ok();
    notes.lines().find_map(of)
}

/// The row of `antnode` below the heading `### TRIPLE`.
fn noted_digest(notes: &str, triple: &str) -> Option<Digest> {
    let lines = notes.lines().map(str::trim);
    let heading = |line: &&str| line.strip_prefix("### ") != Some(triple);
    let below = lines.skip_while(heading).skip(1);
    let table = below.take_while(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (name, digest) = (cells.next()?, cells.next()?);
        (name == "antnode").then(|| digest.trim_matches('`').parse().ok()).flatten()
    };
    let mut found = table.filter_map(row);
    // Two rows would be a choice that is not ours to make.
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Platform = Platform { os: "linux", arch: "x86_64" };

    /// As the project's own workflow writes it: names of files, notes, flags.
    const CURRENT: &str = include_str!("../fixtures/ant-node-releases.json");
    const FIRST: &str = include_str!("../fixtures/autonomi-releases.json");

    #[test]
    fn the_page_of_the_current_generation() {
        let found = offers(CURRENT, Program::AntNode, HERE, page_of(Program::AntNode));
        let found = found.expect("it parses");
        let versions: Vec<String> = found.iter().map(|it| it.version.to_string()).collect();
        // No draft, no nonsense, nothing of the other generation, nothing without a file for here,
        // and no plain number that the page calls a pre-release.
        assert_eq!(versions, ["0.24.0-rc.1", "0.24.0-beta.2", "0.23.1", "0.23.0"]);
        let newest = &found[2];
        let base = "https://github.com/WithAutonomi/ant-node/releases/download/v0.23.1/";
        assert_eq!(newest.archive, format!("{base}ant-node-cli-linux-x64.tar.gz"));
        let signature = format!("{base}ant-node-cli-linux-x64.tar.gz.sig");
        assert_eq!(newest.signature.as_deref(), Some(signature.as_str()));
        assert_eq!(newest.sums.as_deref(), Some(format!("{base}SHA256SUMS.txt").as_str()));
        assert_eq!((newest.bytes, newest.binary), (Some(31_457_280), None));
    }

    #[test]
    fn the_page_of_the_first_generation() {
        let page = page_of(Program::Antnode);
        let found = offers(FIRST, Program::Antnode, HERE, page).expect("it parses");
        let [newest] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(newest.version, Version::new(0, 4, 17));
        assert_eq!(
            newest.archive,
            "https://antnode.s3.eu-west-2.amazonaws.com/\
             antnode-0.4.17-x86_64-unknown-linux-musl.tar.gz"
        );
        assert_eq!(
            newest.binary.map(|digest| digest.to_string()[..4].to_owned()),
            Some("aaaa".into())
        );
        assert_eq!(newest.signature, None);
        let pi = Platform { os: "linux", arch: "aarch64" };
        let found = offers(FIRST, Program::Antnode, pi, page).expect("it parses");
        assert_eq!(
            found[0].binary.map(|digest| digest.to_string()[..4].to_owned()),
            Some("bbbb".into())
        );
        // Elsewhere nothing is made up.
        assert_eq!(offers(FIRST, Program::Antnode, HERE, "https://a/b.json").ok(), Some(vec![]));
    }

    #[test]
    fn a_single_release_and_files_beside_the_page() {
        let text = r#"{"tag_name": "v0.23.1", "assets": [
            {"name": "ant-node-cli-linux-x64.tar.gz", "browser_download_url": "v0.23.1/x.tar.gz"}]}"#;
        let found = offers(text, Program::AntNode, HERE, "http://127.0.0.1:8/r/releases.json");
        let found = found.expect("it parses");
        assert_eq!(found[0].archive, "http://127.0.0.1:8/r/v0.23.1/x.tar.gz");
        assert_eq!((&found[0].signature, found[0].bytes), (&None, None));
    }

    #[test]
    fn two_digests_for_one_program_are_none() {
        let row = |c: &str| format!("| antnode | `{}` |\n", c.repeat(64));
        let notes =
            |rows: &str| format!("### x\n\n| Binary | SHA256 Hash |\n|---|---|\n{rows}\n### y\n");
        assert!(noted_digest(&notes(&row("a")), "x").is_some());
        assert_eq!(noted_digest(&notes(&(row("a") + &row("b"))), "x"), None);
        assert_eq!(noted_digest(&notes(&row("a")), "y"), None);
        assert_eq!(noted_digest(&notes("| antnode | aa |\n"), "x"), None);
    }

    #[test]
    fn other_texts_are_errors() {
        for text in ["", "<html>", "{}", "3", r#"{"message": "API rate limit exceeded"}"#] {
            assert!(offers(text, Program::AntNode, HERE, "https://a/").is_err(), "{text}");
        }
    }
}
