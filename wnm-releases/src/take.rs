//! A release, from its source into the store: found, fetched, verified, unpacked, asked who it is.
//! Nothing of it is unpacked before it is verified, and nothing runs before it is unpacked by us.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads what was fetched")]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wnm_core::host::{CommandRunner, Invocation};
use wnm_core::model::{Program, Timestamp, Version};

use crate::archive::{Most, unpack};
use crate::digest::Digest;
use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};
use crate::find::Wanted;
use crate::manifest::{KeptFile, Manifest, Part, SCHEMA, Verified};
use crate::page::Offer;
use crate::signature::{ReleaseKey, SIGNATURE_BYTES};
use crate::store::{BinaryStore, COPY, Guard, Kept, Staging};
use crate::web::{Progress, Web, discard, is_private};

/// Largest archive, as the programs themselves have it.
const LARGEST: u64 = 200 << 20;

/// `--version` answers within milliseconds; a program that does not is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is trusted, and how long everything may take.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The operator's own key, in place of the project's.
    pub key: Option<ReleaseKey>,
    /// The SHA-256 of the archive or of the program, from the operator.
    pub sha256: Option<Digest>,
    /// Then it ends, and what has come stays.
    pub budget: Duration,
    /// How long to wait for another wnm that is at it.
    pub patience: Duration,
    /// When it is now, for the manifest.
    pub now: Timestamp,
}

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// This is the release.
    Found(&'a Offer),
    /// It is on its way.
    Fetching(&'a Offer, Progress),
    /// This signature is there, and no key to check it with.
    Unchecked(&'a Path),
    /// It is what was published.
    Verified(&'a Verified),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The version in the store.
    pub kept: Kept,
    /// False when it was there before.
    pub new: bool,
}

impl BinaryStore {
    /// Takes in the release that is wanted.
    pub fn fetch(
        &self,
        wanted: &Wanted,
        terms: &Terms,
        runner: &dyn CommandRunner,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> ReleaseResult<Taken> {
        let lock = self.begin(terms)?;
        let web = Web::new(terms.budget);
        let offer = wanted.find(&web)?;
        tell(Told::Found(&offer));
        // An operator's digest is a question about these very bytes; otherwise what is kept is kept, as
        // long as it is what was taken in.
        if let Some(kept) = self.find(offer.program, &offer.version)?
            && terms.sha256.is_none()
            && self.check(&kept).is_empty()
        {
            return Ok(Taken { kept, new: false });
        }
        let offered = Offered { offer: &offer, web: &web, terms };
        let archive = offered.bring(self, tell)?;
        let taken = offered.take(self, &lock, &archive, runner, tell);
        // Either it is in the store now, or it is not worth going on with.
        discard(&archive);
        Ok(Taken { kept: taken?, new: true })
    }

    /// Takes in a file that the operator points at: an archive, or a program with what lies beside it.
    pub fn take_file(
        &self,
        program: Program,
        file: &Path,
        terms: &Terms,
        runner: &dyn CommandRunner,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> ReleaseResult<Taken> {
        let _lock = self.begin(terms)?;
        let copy = self.copy_of(file)?;
        let taken = self.take_copy(program, file, &copy, terms, runner, tell);
        discard(&copy);
        taken
    }

    /// `copy` is what was in `file` when it was looked at, and cannot change any more: what is
    /// verified is what is unpacked.
    fn take_copy(
        &self,
        program: Program,
        file: &Path,
        copy: &Path,
        terms: &Terms,
        runner: &dyn CommandRunner,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> ReleaseResult<Taken> {
        let (whole, is_gzip) = (digest_of(copy)?, is_gzip(copy)?);
        let mut verified = by_signature_beside(program, file, copy, terms, tell)?;
        if let Some(given) = terms.sha256 {
            if whole != given {
                return Err(not_the_digest(&file.display().to_string(), given, whole));
            }
            let of = if is_gzip { Part::Archive } else { Part::Program };
            verified = verified.or(Some(Verified::Given { of }));
        }
        let verified = verified.unwrap_or(Verified::Operator);
        tell(Told::Verified(&verified));
        let staging = self.stage()?;
        let (files, archive) = match is_gzip {
            true => (unpack(open(copy)?, program, Most::USUAL, &staging.path)?, Some(whole)),
            false => (copy_program(program, file, copy, &staging)?, None),
        };
        let version = says(runner, &staging.path, program)?;
        match self.find(program, &version)? {
            Some(kept) if kept.manifest.files == files => return Ok(Taken { kept, new: false }),
            Some(kept) if verified == Verified::Operator => not_in_place_of(&kept, file)?,
            _ => {}
        }
        let manifest = Manifest {
            schema: SCHEMA,
            program,
            version,
            source: file.display().to_string(),
            taken: terms.now,
            verified,
            archive,
            files,
        };
        Ok(Taken { kept: self.put(staging, &manifest)?, new: true })
    }

    /// What is in a file of this machine, where nobody else changes it.
    fn copy_of(&self, file: &Path) -> ReleaseResult<PathBuf> {
        let name = format!("{COPY}{}", std::process::id());
        let copy = self.make_parts()?.join(name);
        let copied = copy_at_most(file, &copy, LARGEST);
        if copied.is_err() {
            discard(&copy);
        }
        copied.map(|()| copy)
    }

    fn begin(&self, terms: &Terms) -> ReleaseResult<Guard> {
        let lock = self.lock(terms.patience)?;
        let since = Duration::from_millis(u64::try_from(terms.now.0).unwrap_or(0));
        self.sweep(&lock, SystemTime::UNIX_EPOCH + since)?;
        Ok(lock)
    }
}

/// A signature beside a local file is believed or refused, never passed over.
fn by_signature_beside(
    program: Program,
    file: &Path,
    copy: &Path,
    terms: &Terms,
    tell: &mut dyn FnMut(Told<'_>),
) -> ReleaseResult<Option<Verified>> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".sig");
    let beside = PathBuf::from(beside);
    let Some(signature) = read_small(&beside, SIGNATURE_BYTES as u64)? else {
        return Ok(None);
    };
    let Some(key) = key_for(program, terms)? else {
        tell(Told::Unchecked(&beside));
        return Ok(None);
    };
    signed(&key, copy, &signature, &beside.display().to_string()).map(Some)
}

/// One release that is to be had.
struct Offered<'a> {
    offer: &'a Offer,
    web: &'a Web,
    terms: &'a Terms,
}

impl Offered<'_> {
    /// The archive in a place of the store's own, where nobody else changes it: what is verified is
    /// what is unpacked.
    fn bring(&self, store: &BinaryStore, tell: &mut dyn FnMut(Told<'_>)) -> ReleaseResult<PathBuf> {
        let Offer { program, version, name, archive, bytes, .. } = self.offer;
        let here = match is_path(archive) {
            true => store.copy_of(Path::new(archive))?,
            false => {
                let part = store.make_parts()?.join(format!("{program}-{version}-{name}"));
                self.web.download(archive, &part, LARGEST, &mut |progress| {
                    tell(Told::Fetching(self.offer, progress));
                })?;
                part
            }
        };
        let length = fs::metadata(&here).map(|found| found.len());
        let length = length.map_err(|error| ReleaseError::io("look at", &here, &error))?;
        let wrong = bytes.filter(|said| *said != length);
        if wrong.is_some() || length > LARGEST {
            discard(&here);
            let rule = wrong.map_or(format!("at most {LARGEST}"), |said| said.to_string());
            let what = format!("{archive} has {length} bytes, and should have {rule}: refused");
            return Err(ReleaseError::new(ReleaseFault::Untrusted, what));
        }
        Ok(here)
    }

    fn take(
        &self,
        store: &BinaryStore,
        _lock: &Guard,
        archive: &Path,
        runner: &dyn CommandRunner,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> ReleaseResult<Kept> {
        let Offer { program, version, archive: from, .. } = self.offer;
        let whole = digest_of(archive)?;
        let verdict = self.verify(archive, whole)?;
        let staging = store.stage()?;
        let files = unpack(open(archive)?, *program, Most::USUAL, &staging.path)?;
        let verified = match verdict {
            Verdict::Holds(verified) => verified,
            Verdict::IfProgramIs(digest, verified) => {
                let binary = files.iter().find(|file| file.name == program.binary_name());
                match binary {
                    Some(file) if file.sha256 == digest => verified,
                    Some(file) => return Err(not_the_digest(from, digest, file.sha256)),
                    None => return Err(nothing_vouches(self.offer)),
                }
            }
        };
        tell(Told::Verified(&verified));
        let said = says(runner, &staging.path, *program)?;
        if said != *version {
            let what =
                format!("{from} should be {program} {version}, and says it is {said}: refused");
            return Err(ReleaseError::new(ReleaseFault::Misshapen, what));
        }
        let manifest = Manifest {
            schema: SCHEMA,
            program: *program,
            version: said,
            source: from.clone(),
            taken: self.terms.now,
            verified,
            archive: Some(whole),
            files,
        };
        store.put(staging, &manifest)
    }

    /// Whether this is what was published. The strongest word counts: the operator's digest, then a
    /// signature wherever there is a key, then published digests, for programs that nobody signs.
    fn verify(&self, archive: &Path, whole: Digest) -> ReleaseResult<Verdict> {
        let Offer { program, archive: from, .. } = self.offer;
        if let Some(given) = self.terms.sha256 {
            return Ok(match whole == given {
                true => Verdict::Holds(Verified::Given { of: Part::Archive }),
                false => Verdict::IfProgramIs(given, Verified::Given { of: Part::Program }),
            });
        }
        if let Some(key) = key_for(*program, self.terms)? {
            let url = self.offer.signature.as_deref().ok_or_else(|| nothing_vouches(self.offer))?;
            let signature = self.small(url, SIGNATURE_BYTES as u64)?;
            let signature = signature.ok_or_else(|| nothing_vouches(self.offer))?;
            return signed(&key, archive, &signature, url).map(Verdict::Holds);
        }
        // A digest that comes the same way as the file says nothing where that way is open to all. Who
        // can write the page can name a file of their own, however safely that comes.
        let open = [from, &self.offer.page].into_iter().find(|place| !is_private(place));
        if let Some(place) = open {
            let what = format!("{place}: over plain http only a signature counts, and it has none");
            return Err(ReleaseError::new(ReleaseFault::Untrusted, what)
                .way_out("use https, or give its digest: --sha256 HEX"));
        }
        if let Some(digest) = self.offer.binary {
            return Ok(Verdict::IfProgramIs(digest, Verified::Published { of: Part::Program }));
        }
        let sums = match &self.offer.sums {
            Some(url) if is_private(url) => self.small(url, 1 << 20)?,
            _ => None,
        };
        let listed =
            sums.and_then(|sums| Digest::listed(&String::from_utf8_lossy(&sums), &self.offer.name));
        match listed {
            Some(listed) if listed == whole => {
                Ok(Verdict::Holds(Verified::Published { of: Part::Archive }))
            }
            Some(listed) => Err(not_the_digest(from, listed, whole)),
            None => Err(nothing_vouches(self.offer)),
        }
    }

    /// A small file of the release; none where there is none.
    fn small(&self, place: &str, most: u64) -> ReleaseResult<Option<Vec<u8>>> {
        if !is_path(place) {
            return match self.web.get(place, most) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind == ReleaseFault::NotThere => Ok(None),
                Err(error) => Err(error),
            };
        }
        read_small(Path::new(place), most)
    }
}

/// A small file of this machine, and one byte more of one that is larger; none where there is none.
fn read_small(path: &Path, most: u64) -> ReleaseResult<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(most + 1).read_to_end(&mut bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
    }
    .map_err(|error| ReleaseError::io("read", path, &error))?;
    Ok(Some(bytes))
}

/// What is known before unpacking.
enum Verdict {
    /// It is what was published.
    Holds(Verified),
    /// It is, if the program in it has this digest.
    IfProgramIs(Digest, Verified),
}

/// The key that must have signed, if anybody signs.
fn key_for(program: Program, terms: &Terms) -> ReleaseResult<Option<ReleaseKey>> {
    match (&terms.key, program) {
        (Some(key), _) => Ok(Some(key.clone())),
        (None, Program::AntNode) => ReleaseKey::of_project().map(Some).map_err(|error| {
            ReleaseError::new(ReleaseFault::Wrong, format!("the project's key: {error}"))
        }),
        (None, Program::Antnode) => Ok(None),
    }
}

fn signed(key: &ReleaseKey, file: &Path, signature: &[u8], from: &str) -> ReleaseResult<Verified> {
    if signature.len() != SIGNATURE_BYTES {
        let has = match signature.len() {
            many if many > SIGNATURE_BYTES => "more".to_owned(),
            few => format!("{few} bytes"),
        };
        let what = format!(
            "{from} is no ML-DSA-65 signature: it has {has}, those have {SIGNATURE_BYTES}: refused"
        );
        return Err(ReleaseError::new(ReleaseFault::Untrusted, what));
    }
    let holds = key.signs(&mut open(file)?, signature);
    match holds.map_err(|error| ReleaseError::io("read", file, &error))? {
        true => Ok(Verified::Signature { key: key.fingerprint() }),
        false => {
            let what = format!(
                "{from} is not the signature of this file by the key {}: refused",
                key.fingerprint()
            );
            Err(ReleaseError::new(ReleaseFault::Untrusted, what).way_out(
                "the file is not what was published, or somebody else signed it: fetch it again, or \
                 see `wnm config explain release_key`",
            ))
        }
    }
}

/// What was verified is not replaced by what nothing vouches for.
fn not_in_place_of(kept: &Kept, file: &Path) -> ReleaseResult<()> {
    let Manifest { program, version, verified, .. } = &kept.manifest;
    if *verified == Verified::Operator {
        return Ok(());
    }
    let what = format!(
        "{} is another {program} {version} than the one that is here ({verified}), and nothing \
         vouches for it: refused",
        file.display()
    );
    Err(ReleaseError::new(ReleaseFault::Untrusted, what)
        .way_out("if that is meant, give its digest: --sha256 HEX"))
}

fn not_the_digest(from: &str, wanted: Digest, found: Digest) -> ReleaseError {
    let what = format!("{from} has the SHA-256 {found}, and should have {wanted}: refused");
    ReleaseError::new(ReleaseFault::Untrusted, what)
}

fn nothing_vouches(offer: &Offer) -> ReleaseError {
    let what = format!(
        "{}: nothing says that this is {} {}: refused",
        offer.archive, offer.program, offer.version
    );
    ReleaseError::new(ReleaseFault::Untrusted, what).way_out(match offer.program {
        Program::AntNode => {
            "a release of ant-node has its signature beside it, in NAME.sig; where you \
                             know its digest, give --sha256 HEX"
        }
        Program::Antnode => {
            "a release of antnode has its SHA-256 in its notes or in SHA256SUMS.txt; \
                             where you know it, give --sha256 HEX"
        }
    })
}

/// What a program says it is, by itself.
fn says(runner: &dyn CommandRunner, directory: &Path, program: Program) -> ReleaseResult<Version> {
    let path = directory.join(program.binary_name());
    let call = Invocation::new(path.to_string_lossy(), ["--version"], PATIENCE);
    let answer = runner.run(&call)?;
    match Program::identify(answer.stdout.trim()).filter(|_| answer.ok()) {
        Some((found, version)) if found == program => Ok(version),
        found => {
            let what = match found {
                Some((other, version)) => format!("it is {other} {version}, and not {program}"),
                None => {
                    let line = answer.stdout.lines().chain(answer.stderr.lines()).next();
                    let line = line.unwrap_or("nothing");
                    format!("it is no {program}: `--version` printed `{line}`")
                }
            };
            Err(ReleaseError::new(ReleaseFault::Misshapen, what + ": refused"))
        }
    }
}

/// A program as it lies there, and what belongs beside it.
fn copy_program(
    program: Program,
    file: &Path,
    held: &Path,
    staging: &Staging,
) -> ReleaseResult<Vec<KeptFile>> {
    let mut files = vec![copy(held, &staging.path, program.binary_name(), 0o555)?];
    for name in program.companions() {
        let beside = file.with_file_name(name);
        if fs::metadata(&beside).is_ok_and(|found| found.is_file()) {
            files.push(copy(&beside, &staging.path, name, 0o444)?);
        }
    }
    Ok(files)
}

fn copy(from: &Path, into: &Path, name: &str, mode: u32) -> ReleaseResult<KeptFile> {
    use std::os::unix::fs::PermissionsExt;
    let to = into.join(name);
    let failed = |error: std::io::Error| ReleaseError::io("write", &to, &error);
    fs::copy(from, &to).map_err(failed)?;
    let mut copied = open(&to)?;
    fs::set_permissions(&to, fs::Permissions::from_mode(mode)).map_err(failed)?;
    let (sha256, bytes) = Digest::of(&mut copied).map_err(failed)?;
    copied.sync_all().map_err(failed)?;
    Ok(KeptFile { name: name.to_owned(), bytes, sha256, mode })
}

/// Copies what is there now, up to a bound: a file that never ends is none.
fn copy_at_most(from: &Path, to: &Path, most: u64) -> ReleaseResult<()> {
    let mut source = open(from)?.take(most + 1);
    let failed = |error: std::io::Error| ReleaseError::io("write", to, &error);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(to);
    let copied = std::io::copy(&mut source, &mut opened.map_err(failed)?).map_err(failed)?;
    match copied > most {
        true => {
            let what = format!("{} has more than {most} bytes: refused", from.display());
            Err(ReleaseError::new(ReleaseFault::Untrusted, what))
        }
        false => Ok(()),
    }
}

fn digest_of(path: &Path) -> ReleaseResult<Digest> {
    let digest = Digest::of(&mut open(path)?);
    digest.map(|(digest, _)| digest).map_err(|error| ReleaseError::io("read", path, &error))
}

fn open(path: &Path) -> ReleaseResult<File> {
    File::open(path).map_err(|error| ReleaseError::io("open", path, &error))
}

fn is_gzip(path: &Path) -> ReleaseResult<bool> {
    let mut file = open(path)?;
    let mut magic = [0; 2];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut magic));
    let count = read.map_err(|error| ReleaseError::io("read", path, &error))?;
    Ok(count == 2 && magic == [0x1f, 0x8b])
}

fn is_path(place: &str) -> bool {
    place.starts_with('/')
}

#[cfg(test)]
mod tests;
