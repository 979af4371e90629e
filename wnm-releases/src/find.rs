//! Which release there is, at the source that was chosen.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that lists a directory of releases"
)]

use std::fs;
use std::path::Path;

use wnm_core::model::{Channel, Program, ReleaseSource, Version};

use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};
use crate::page::{Offer, offers, page_of};
use crate::platform::Platform;
use crate::web::Web;

/// A page lists thirty releases with their notes: some hundred kB.
const LARGEST_PAGE: u64 = 8 << 20;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Releases of this.
    pub program: Program,
    /// Exactly this version; else the newest of the channel.
    pub version: Option<Version>,
    /// Which releases count where no version is named.
    pub channel: Channel,
    /// Where.
    pub source: ReleaseSource,
    /// For which machine.
    pub platform: Platform,
}

impl Wanted {
    /// The release that is wanted.
    pub(crate) fn find(&self, web: &Web) -> ReleaseResult<Offer> {
        let Wanted { program, version, platform, .. } = self;
        if let Some(version) = version.as_ref().filter(|version| !program.can_be(version)) {
            let other = Program::ALL.into_iter().find(|other| other.can_be(version));
            let what = format!("{version} is no version of {program}");
            let error = ReleaseError::new(ReleaseFault::Wrong, what);
            return Err(match other {
                Some(other) => error.way_out(format!("it is one of {other}: --program {other}")),
                None => error,
            });
        }
        let probe = version.clone().unwrap_or(Version::new(0, 0, 0));
        if platform.archive(*program, &probe).is_none() {
            let what = format!(
                "the project makes no releases of {program} for {} on {}",
                platform.os, platform.arch
            );
            return Err(ReleaseError::new(ReleaseFault::NotThere, what)
                .way_out("build it, and `wnm binary fetch --file PATH`"));
        }
        let found = match &self.source {
            ReleaseSource::Directory(directory) => self.in_directory(directory)?,
            ReleaseSource::Project => self.on_page(page_of(*program), web)?,
            ReleaseSource::Url(url) if url.ends_with('/') => self.below(url, web)?,
            ReleaseSource::Url(url) => self.on_page(url, web)?,
        };
        self.choose(found)
    }

    /// The newest that fits.
    fn choose(&self, offers: Vec<Offer>) -> ReleaseResult<Offer> {
        let fits = |offer: &Offer| match &self.version {
            Some(version) => offer.version == *version,
            None => self.channel.has(&offer.version),
        };
        let seen = offers.len();
        offers.into_iter().filter(fits).max_by(|a, b| a.version.cmp(&b.version)).ok_or_else(|| {
            let (program, source) = (self.program, self.place());
            let what = match &self.version {
                Some(version) => format!("{source} has no {program} {version} for this machine"),
                None => format!(
                    "{source} has no {program} of the {} channel for this machine, among {seen}",
                    self.channel
                ),
            };
            ReleaseError::new(ReleaseFault::NotThere, what)
                .way_out("look at `wnm config explain release_source`")
        })
    }

    fn place(&self) -> String {
        match &self.source {
            ReleaseSource::Project => page_of(self.program).to_owned(),
            other => other.to_string(),
        }
    }

    fn on_page(&self, url: &str, web: &Web) -> ReleaseResult<Vec<Offer>> {
        let found = self.read_page(url, web)?;
        let Some(version) = &self.version else { return Ok(found) };
        let is_there = found.iter().any(|offer| offer.version == *version);
        // Older ones are not on the page of the latest; the project names its tags by version.
        if is_there || self.source != ReleaseSource::Project || self.program == Program::Antnode {
            return Ok(found);
        }
        match self.read_page(&format!("{url}/tags/v{version}"), web) {
            Err(error) if error.kind == ReleaseFault::NotThere => Ok(found),
            other => other,
        }
    }

    fn read_page(&self, url: &str, web: &Web) -> ReleaseResult<Vec<Offer>> {
        let bytes = web.get(url, LARGEST_PAGE)?;
        let text = String::from_utf8_lossy(&bytes);
        offers(&text, self.program, self.platform, url).map_err(|error| {
            let what = format!("{url} is no page of releases: {error}");
            ReleaseError::new(ReleaseFault::Misshapen, what).way_out(
                "release_source takes a page in the shape of GitHub's list of releases, or a URL \
                 that ends with / and has releases.json and v0.23.1/… below it",
            )
        })
    }

    /// `releases.json`, and where that is missing, the place where a version by name would be.
    fn below(&self, base: &str, web: &Web) -> ReleaseResult<Vec<Offer>> {
        let found = match self.read_page(&format!("{base}releases.json"), web) {
            Err(error) if error.kind == ReleaseFault::NotThere && self.version.is_some() => {
                Vec::new()
            }
            other => other?,
        };
        let Some(version) = &self.version else { return Ok(found) };
        if found.iter().any(|offer| offer.version == *version) {
            return Ok(found);
        }
        Ok(self.laid_out(&format!("{base}v{version}"), version).into_iter().collect())
    }

    /// `v0.23.1/ARCHIVE` or `0.23.1/ARCHIVE`; archives with a version in their name may lie flat.
    fn in_directory(&self, directory: &Path) -> ReleaseResult<Vec<Offer>> {
        let failed = |error: std::io::Error| {
            let error = ReleaseError::io("list", directory, &error);
            error.way_out("release_source names a directory with releases in it")
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Ok(version) = name.parse::<Version>() {
                found.extend(self.laid_out(&path.to_string_lossy(), &version));
            }
            let flat = name.strip_prefix("antnode-").and_then(|rest| {
                let triple = self.platform.triple()?;
                rest.strip_suffix(&format!("-{triple}.tar.gz"))?.parse::<Version>().ok()
            });
            if let Some(version) = flat {
                found.extend(self.laid_out(&directory.to_string_lossy(), &version));
            }
        }
        let is_there = |offer: &Offer| fs::metadata(&offer.archive).is_ok_and(|it| it.is_file());
        found.retain(is_there);
        Ok(found)
    }

    fn laid_out(&self, directory: &str, version: &Version) -> Option<Offer> {
        if !self.program.can_be(version) {
            return None;
        }
        let name = self.platform.archive(self.program, version)?;
        let archive = format!("{directory}/{name}");
        Some(Offer {
            program: self.program,
            version: version.clone(),
            signature: Some(format!("{archive}.sig")),
            sums: Some(format!("{directory}/SHA256SUMS.txt")),
            bytes: None,
            binary: None,
            page: directory.to_owned(),
            archive,
            name,
        })
    }
}
