use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use tempfile::TempDir;
use wnm_core::host::{Completed, HostResult};
use wnm_core::model::{Channel, ReleaseSource};

use super::*;
use crate::platform::Platform;
use crate::testing::server::{Answer, Server};
use crate::testing::{SEED, archive, public_key, sign};

const PLATFORM: Platform = Platform { os: "linux", arch: "x86_64" };
const NAME: &str = "ant-node-cli-linux-x64.tar.gz";

/// Answers `--version` with what the file holds: stands in for running it.
#[derive(Default)]
struct Reads {
    ran: Mutex<usize>,
}

impl CommandRunner for Reads {
    fn run(&self, call: &Invocation) -> HostResult<Completed> {
        *self.ran.lock().expect("no panic") += 1;
        let stdout = fs::read_to_string(&call.program).unwrap_or_default();
        Ok(Completed { code: Some(0), stdout, stderr: String::new() })
    }
}

struct World {
    dir: TempDir,
    store: BinaryStore,
    runner: Reads,
    terms: Terms,
}

fn world() -> World {
    let dir = TempDir::new().expect("a directory");
    let key = ReleaseKey::parse(&public_key(SEED)).expect("a key");
    World {
        store: BinaryStore::new(dir.path().join("bin")),
        runner: Reads::default(),
        terms: Terms {
            key: Some(key),
            sha256: None,
            budget: Duration::from_secs(20),
            patience: Duration::ZERO,
            now: Timestamp(1_800_000_000_000),
        },
        dir,
    }
}

impl World {
    fn fetch(&self, wanted: &Wanted) -> ReleaseResult<Taken> {
        self.store.fetch(wanted, &self.terms, &self.runner, &mut |_| {})
    }

    fn take_file(&self, path: &Path) -> ReleaseResult<Taken> {
        self.store.take_file(Program::AntNode, path, &self.terms, &self.runner, &mut |_| {})
    }

    /// Refused, and nothing of it is left anywhere.
    #[track_caller]
    fn refuses(&self, wanted: &Wanted, kind: ReleaseFault) -> String {
        let error = self.fetch(wanted).expect_err("it is refused");
        assert_eq!(error.kind, kind, "{error}");
        self.is_empty();
        error.what
    }

    #[track_caller]
    fn is_empty(&self) {
        let mut left: Vec<PathBuf> = Vec::new();
        let mut to_look = vec![self.store.root().to_owned()];
        while let Some(directory) = to_look.pop() {
            for entry in fs::read_dir(directory).expect("listed") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => to_look.push(path),
                    false => left.push(path),
                }
            }
        }
        left.retain(|path| !path.ends_with(".lock"));
        assert!(left.is_empty(), "nothing is left: {left:?}");
    }

    fn ran(&self) -> usize {
        *self.runner.ran.lock().expect("no panic")
    }

    /// A release in a directory, as the project lays them out.
    fn publish(&self, version: &str, archive: &[u8], signature: Option<&[u8]>) -> PathBuf {
        let place = self.dir.path().join("releases").join(format!("v{version}"));
        fs::create_dir_all(&place).expect("made");
        fs::write(place.join(NAME), archive).expect("written");
        if let Some(signature) = signature {
            fs::write(place.join(format!("{NAME}.sig")), signature).expect("written");
        }
        self.dir.path().join("releases")
    }
}

fn wanted(source: ReleaseSource) -> Wanted {
    Wanted {
        program: Program::AntNode,
        version: None,
        channel: Channel::Stable,
        source,
        platform: PLATFORM,
    }
}

fn release(version: &str) -> Vec<u8> {
    let program = format!("ant-node {version}\n");
    archive(&[("ant-node", program.as_bytes()), ("bootstrap_peers.toml", b"peers = []\n")])
}

/// A server with one release on a page of the project's shape.
fn serving(version: &str, archive: Vec<u8>, signature: Vec<u8>) -> Server {
    let page = format!(
        r#"[{{"tag_name": "v{version}", "assets": [
            {{"name": "{NAME}", "size": {}, "browser_download_url": "v/{NAME}"}},
            {{"name": "{NAME}.sig", "browser_download_url": "v/{NAME}.sig"}}]}}]"#,
        archive.len()
    );
    Server::start(move |request| match request.path.as_str() {
        "/releases" => Answer::ok(page.as_bytes()),
        path if path.ends_with(".sig") => Answer::ok(&signature),
        path if path.ends_with(NAME) => Answer::part(&archive, request.range(), "\"v1\""),
        _ => Answer::status(404),
    })
}

#[test]
fn a_signed_release_comes_from_a_page_into_the_store() {
    let world = world();
    let archive = release("0.23.1");
    let server = serving("0.23.1", archive.clone(), sign(SEED, &archive));
    let wanted = wanted(ReleaseSource::Url(server.url("/releases")));
    let taken = world.fetch(&wanted).expect("it is sound");
    assert!(taken.new);
    let manifest = &taken.kept.manifest;
    assert_eq!(manifest.version.to_string(), "0.23.1");
    assert_eq!(
        manifest.verified.to_string(),
        format!("signature by the key {}", world.terms.key.as_ref().expect("one").fingerprint())
    );
    assert_eq!(manifest.missing_companions(), [""; 0]);
    assert_eq!(world.store.check(&taken.kept), [""; 0]);
    // Again: nothing is fetched that is here.
    let before = server.requests().len();
    assert_eq!(world.fetch(&wanted).map(|taken| taken.new), Ok(false));
    assert_eq!(server.requests().len(), before + 1, "the page alone");
}

#[test]
fn a_directory_of_releases_serves_as_well() {
    let world = world();
    for version in ["0.23.0", "0.24.0-beta.1", "0.23.1"] {
        let archive = release(version);
        world.publish(version, &archive, Some(&sign(SEED, &archive)));
    }
    let source = ReleaseSource::Directory(world.dir.path().join("releases"));
    let newest = world.fetch(&wanted(source.clone())).expect("sound");
    assert_eq!(newest.kept.manifest.version.to_string(), "0.23.1");
    let beta = Wanted { channel: Channel::Beta, ..wanted(source.clone()) };
    assert_eq!(
        world.fetch(&beta).expect("sound").kept.manifest.version.to_string(),
        "0.24.0-beta.1"
    );
    let named = Wanted { version: "0.23.0".parse().ok(), ..wanted(source.clone()) };
    assert_eq!(world.fetch(&named).expect("sound").kept.manifest.version.to_string(), "0.23.0");
    let none = Wanted { version: "0.22.0".parse().ok(), ..wanted(source.clone()) };
    assert_eq!(world.fetch(&none).map_err(|error| error.kind), Err(ReleaseFault::NotThere));
    let legacy = Wanted { version: "0.4.17".parse().ok(), ..wanted(source) };
    let error = world.fetch(&legacy).expect_err("the other generation");
    assert_eq!(error.way_out.as_deref(), Some("it is one of antnode: --program antnode"));
}

#[test]
fn what_is_not_what_was_signed_is_refused_and_never_run() {
    let world = world();
    let good = release("0.23.1");
    let mut tampered = good.clone();
    *tampered.last_mut().expect("bytes") ^= 1;
    let signature = sign(SEED, &good);
    let source = ReleaseSource::Directory(world.publish("0.23.1", &tampered, Some(&signature)));
    let what = world.refuses(&wanted(source.clone()), ReleaseFault::Untrusted);
    assert!(what.contains("is not the signature of this file by the key"), "{what}");

    world.publish("0.23.1", &good, Some(&sign([9; 32], &good)));
    world.refuses(&wanted(source.clone()), ReleaseFault::Untrusted);

    world.publish("0.23.1", &good, Some(&signature[1..]));
    let what = world.refuses(&wanted(source.clone()), ReleaseFault::Untrusted);
    assert!(what.contains("it has 3308 bytes, those have 3309"), "{what}");

    let sig = world.dir.path().join(format!("releases/v0.23.1/{NAME}.sig"));
    fs::remove_file(sig).expect("deleted");
    let what = world.refuses(&wanted(source), ReleaseFault::Untrusted);
    assert!(what.contains("nothing says that this is ant-node 0.23.1"), "{what}");
    assert_eq!(world.ran(), 0);
}

#[test]
fn a_signed_release_of_something_else_is_refused() {
    let world = world();
    let older = release("0.22.0");
    let source =
        ReleaseSource::Directory(world.publish("0.23.1", &older, Some(&sign(SEED, &older))));
    let what = world.refuses(&wanted(source.clone()), ReleaseFault::Misshapen);
    assert!(what.contains("should be ant-node 0.23.1, and says it is 0.22.0"), "{what}");
    let odd = archive(&[("ant-node", b"hello\n")]);
    world.publish("0.23.1", &odd, Some(&sign(SEED, &odd)));
    let what = world.refuses(&wanted(source.clone()), ReleaseFault::Misshapen);
    assert!(what.contains("`--version` printed `hello`"), "{what}");
    let trick =
        archive(&[("x/ant-node", b"ant-node 0.23.1\n"), ("ant-node", b"ant-node 0.23.1\n")]);
    world.publish("0.23.1", &trick, Some(&sign(SEED, &trick)));
    world.refuses(&wanted(source), ReleaseFault::Misshapen);
}

#[test]
fn a_download_of_the_wrong_size_is_refused() {
    let world = world();
    let archive = release("0.23.1");
    let signature = sign(SEED, &archive);
    let served = archive[..archive.len() - 3].to_vec();
    let page = format!(
        r#"[{{"tag_name": "v0.23.1", "assets": [{{"name": "{NAME}", "size": {},
            "browser_download_url": "{NAME}"}}]}}]"#,
        archive.len()
    );
    let server = Server::start(move |request| match request.path.as_str() {
        "/releases" => Answer::ok(page.as_bytes()),
        path if path.ends_with(".sig") => Answer::ok(&signature),
        _ => Answer::part(&served, request.range(), "\"v1\""),
    });
    let what = world
        .refuses(&wanted(ReleaseSource::Url(server.url("/releases"))), ReleaseFault::Untrusted);
    assert!(what.contains("and should have"), "{what}");
}

#[test]
fn nobody_there_is_a_normal_state() {
    let world = world();
    let error = world.fetch(&wanted(ReleaseSource::Url("http://127.0.0.1:1/x".into())));
    assert_eq!(error.map_err(|error| error.kind), Err(ReleaseFault::Unreachable));
    let error = world.fetch(&wanted(ReleaseSource::Directory("/nonexistent".into())));
    assert_eq!(error.map_err(|error| error.kind), Err(ReleaseFault::Machine));
    let server = Server::start(|_| Answer::ok(b"<html>login</html>"));
    let what =
        world.refuses(&wanted(ReleaseSource::Url(server.url("/x"))), ReleaseFault::Misshapen);
    assert!(what.contains("is no page of releases"), "{what}");
    let odd = Platform { os: "linux", arch: "riscv64" };
    let none = Wanted { platform: odd, ..wanted(ReleaseSource::Project) };
    assert_eq!(world.fetch(&none).map_err(|error| error.kind), Err(ReleaseFault::NotThere));
}

#[test]
fn a_url_that_ends_with_a_slash_has_versions_below_it() {
    let world = world();
    let archive = release("0.23.1");
    let signature = sign(SEED, &archive);
    let server = Server::start(move |request| match request.path.as_str() {
        "/r/v0.23.1/ant-node-cli-linux-x64.tar.gz" => Answer::ok(&archive),
        "/r/v0.23.1/ant-node-cli-linux-x64.tar.gz.sig" => Answer::ok(&signature),
        _ => Answer::status(404),
    });
    let source = ReleaseSource::Url(server.url("/r/"));
    let named = Wanted { version: "0.23.1".parse().ok(), ..wanted(source.clone()) };
    assert_eq!(world.fetch(&named).map(|taken| taken.new), Ok(true));
    // Without a list nobody knows what is newest.
    let newest = world.fetch(&wanted(source)).map_err(|error| error.kind);
    assert_eq!(newest, Err(ReleaseFault::NotThere));
}

#[test]
fn the_first_generation_is_known_by_its_digests() {
    let mut world = world();
    world.terms.key = None;
    let name = "antnode-0.4.17-x86_64-unknown-linux-musl.tar.gz";
    let program = b"Autonomi Node v0.4.17\n";
    let archive = archive(&[("antnode", program)]);
    let place = world.dir.path().join("releases");
    fs::create_dir_all(&place).expect("made");
    fs::write(place.join(name), &archive).expect("written");
    let directory =
        Wanted { program: Program::Antnode, ..wanted(ReleaseSource::Directory(place.clone())) };
    let what = world.refuses(&directory, ReleaseFault::Untrusted);
    assert!(what.contains("nothing says that this is antnode 0.4.17"), "{what}");
    let (wrong, _) = Digest::of(&mut b"x".as_slice()).expect("in memory");
    fs::write(place.join("SHA256SUMS.txt"), format!("{wrong}  {name}\n")).expect("written");
    world.refuses(&directory, ReleaseFault::Untrusted);
    let (right, _) = Digest::of(&mut archive.as_slice()).expect("in memory");
    fs::write(place.join("SHA256SUMS.txt"), format!("{right}  {name}\n")).expect("written");
    let taken = world.fetch(&directory).expect("listed");
    assert_eq!(taken.kept.manifest.verified, Verified::Published { of: Part::Archive });

    // On a page, the notes have the digest of the program itself.
    let world = World { terms: world.terms.clone(), ..self::world() };
    let (digest, _) = Digest::of(&mut program.as_slice()).expect("in memory");
    let serve = move |digest: Digest| {
        let (archive, name) = (archive.clone(), name.to_owned());
        let notes = format!(
            "## Binary Versions\\n\\n* `antnode`: v0.4.17\\n\\n### x86_64-unknown-linux-musl\\n\\n\
             | Binary | SHA256 Hash |\\n|---|---|\\n| antnode | `{digest}` |\\n"
        );
        let page = format!(
            r#"{{"tag_name": "stable-2026.2", "body": "{notes}", "assets": [{{"name": "{name}",
                "browser_download_url": "{name}"}}]}}"#
        );
        Server::start(move |request| match request.path.as_str() {
            "/releases" => Answer::ok(page.as_bytes()),
            _ => Answer::ok(&archive),
        })
    };
    let from = |server: &Server| Wanted {
        program: Program::Antnode,
        ..wanted(ReleaseSource::Url(server.url("/releases")))
    };
    world.refuses(&from(&serve(wrong)), ReleaseFault::Untrusted);
    let taken = world.fetch(&from(&serve(digest))).expect("noted");
    assert_eq!(taken.kept.manifest.verified, Verified::Published { of: Part::Program });
}

#[test]
fn an_operators_digest_is_enough_and_binds() {
    let mut world = world();
    let archive = release("0.23.1");
    let source = ReleaseSource::Directory(world.publish("0.23.1", &archive, None));
    let digest = |bytes: &[u8]| Digest::of(&mut &*bytes).expect("in memory").0;
    world.terms.sha256 = Some(digest(b"something else"));
    world.refuses(&wanted(source.clone()), ReleaseFault::Untrusted);
    world.terms.sha256 = Some(digest(&archive));
    let taken = world.fetch(&wanted(source.clone())).expect("it is that one");
    assert_eq!(taken.kept.manifest.verified, Verified::Given { of: Part::Archive });
    world.terms.sha256 = Some(digest(b"ant-node 0.23.1\n"));
    let taken = world.fetch(&wanted(source)).expect("it is that one");
    assert_eq!(taken.kept.manifest.verified, Verified::Given { of: Part::Program });
}

#[test]
fn a_local_file_is_taken_at_the_operators_word() {
    let mut world = world();
    let place = world.dir.path().join("mine");
    fs::create_dir(&place).expect("made");
    let program = place.join("ant-node-new");
    fs::write(&program, "ant-node 0.23.1\n").expect("written");
    fs::write(place.join("bootstrap_peers.toml"), "x").expect("written");
    let taken = world.take_file(&program).expect("taken");
    assert_eq!((taken.new, &taken.kept.manifest.verified), (true, &Verified::Operator));
    assert_eq!(taken.kept.manifest.files.len(), 2);
    assert_eq!(world.take_file(&program).map(|taken| taken.new), Ok(false));
    // Another file of that version takes its place.
    fs::write(&program, "ant-node 0.23.1\nrebuilt\n").expect("written");
    assert_eq!(world.take_file(&program).map(|taken| taken.new), Ok(true));

    let archived = place.join("a.tar.gz");
    let bytes = release("0.23.2");
    fs::write(&archived, &bytes).expect("written");
    assert_eq!(world.take_file(&archived).map(|taken| taken.new), Ok(true));
    // A signature beside it counts.
    fs::write(place.join("a.tar.gz.sig"), sign([9; 32], &bytes)).expect("written");
    assert_eq!(
        world.take_file(&archived).map_err(|error| error.kind),
        Err(ReleaseFault::Untrusted)
    );
    // One that cannot be read is not passed over, nor read without end.
    let beside = place.join("ant-node-new.sig");
    fs::create_dir(&beside).expect("made");
    assert_eq!(world.take_file(&program).map_err(|error| error.kind), Err(ReleaseFault::Machine));
    fs::remove_dir(&beside).expect("deleted");
    fs::write(&beside, vec![0; 100_000]).expect("written");
    let error = world.take_file(&program).expect_err("that is none");
    assert!(error.what.ends_with("it has more, those have 3309: refused"), "{error}");
    fs::remove_file(&beside).expect("deleted");
    world.terms.sha256 = Digest::of(&mut b"x".as_slice()).ok().map(|found| found.0);
    assert_eq!(world.take_file(&program).map_err(|error| error.kind), Err(ReleaseFault::Untrusted));
    let missing = world.take_file(&place.join("nothing"));
    assert_eq!(missing.map_err(|error| error.kind), Err(ReleaseFault::Machine));
}

/// Whoever may write the operator's file or directory may do so at any moment.
#[test]
fn what_was_verified_is_what_is_unpacked() {
    let mut world = world();
    let (good, evil) = (release("0.23.1"), release("6.6.6"));
    let file = world.dir.path().join("a.tar.gz");
    fs::write(&file, &good).expect("written");
    world.terms.sha256 = Digest::of(&mut good.as_slice()).ok().map(|it| it.0);
    let swap = |path: &Path| {
        let (path, evil) = (path.to_owned(), evil.clone());
        move |told: Told<'_>| {
            if let Told::Found(_) | Told::Verified(_) = told {
                fs::write(&path, &evil).expect("written");
            }
        }
    };
    let World { store, runner, terms, .. } = &world;
    let taken = store.take_file(Program::AntNode, &file, terms, runner, &mut swap(&file));
    assert_eq!(taken.expect("the one that was given").kept.manifest.version.to_string(), "0.23.1");
    world.terms.sha256 = None;
    let good = release("0.23.2");
    let published = world.publish("0.23.2", &good, Some(&sign(SEED, &good)));
    let archive = published.join("v0.23.2").join(NAME);
    let World { store, runner, terms, .. } = &world;
    let wanted = wanted(ReleaseSource::Directory(published));
    let mut tell = |told: Told<'_>| {
        if let Told::Verified(_) = told {
            fs::write(&archive, &evil).expect("written");
        }
    };
    let taken = store.fetch(&wanted, terms, runner, &mut tell).expect("the one that was signed");
    assert_eq!(taken.kept.manifest.version.to_string(), "0.23.2");
    let parts = fs::metadata(world.store.parts()).expect("it is there");
    assert_eq!(parts.permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(world.store.parts()).expect("listed").count(), 0);
}

#[test]
fn what_was_verified_is_replaced_only_by_what_is_vouched_for() {
    let mut world = world();
    let archive = release("0.23.1");
    let source =
        ReleaseSource::Directory(world.publish("0.23.1", &archive, Some(&sign(SEED, &archive))));
    let signed = world.fetch(&wanted(source)).expect("it is sound").kept;
    let mine = world.dir.path().join("mine");
    fs::write(&mine, "ant-node 0.23.1\nrebuilt\n").expect("written");
    let error = world.take_file(&mine).expect_err("nothing vouches for it");
    assert_eq!(error.kind, ReleaseFault::Untrusted);
    assert!(error.what.contains("than the one that is here (signature by"), "{error}");
    assert_eq!(world.store.check(&signed), [""; 0], "it is as it was");
    world.terms.sha256 =
        Digest::of(&mut b"ant-node 0.23.1\nrebuilt\n".as_slice()).ok().map(|it| it.0);
    let taken = world.take_file(&mine).expect("the operator means it");
    assert_eq!(taken.kept.manifest.verified, Verified::Given { of: Part::Program });
}

#[test]
fn a_page_that_anybody_could_change_vouches_for_nothing() {
    let mut world = world();
    world.terms.key = None;
    let web = Web::new(Duration::from_secs(1));
    let archive = world.dir.path().join("a.tar.gz");
    let (digest, _) = Digest::of(&mut b"program".as_slice()).expect("in memory");
    let judged = |page: &str, archive_at: &str| {
        let offer = Offer {
            program: Program::Antnode,
            version: Version::new(0, 4, 17),
            name: "a.tar.gz".into(),
            page: page.into(),
            archive: archive_at.into(),
            bytes: None,
            signature: None,
            sums: None,
            binary: Some(digest),
        };
        let offered = Offered { offer: &offer, web: &web, terms: &world.terms };
        offered.verify(&archive, digest).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(judged("https://a/releases", "https://b/a.tar.gz"), Ok(()));
    assert_eq!(judged("/srv/releases", "/srv/releases/a.tar.gz"), Ok(()));
    for (page, archive, named) in [
        ("http://a/releases", "https://b/a.tar.gz", "http://a/releases"),
        ("https://a/releases", "http://b/a.tar.gz", "http://b/a.tar.gz"),
    ] {
        let error = judged(page, archive).expect_err("anybody could have written that");
        assert_eq!(
            error,
            format!("{named}: over plain http only a signature counts, and it has none")
        );
    }
}

#[test]
fn only_a_way_of_ones_own_needs_no_signature() {
    for place in [
        "https://a/b",
        "HTTPS://a/b",
        "/srv/a",
        "http://127.0.0.1:80/x",
        "http://localhost/x",
        "http://[::1]:8/",
    ] {
        assert!(is_private(place), "{place}");
    }
    for place in [
        "http://a/b",
        "HTTP://a/b",
        "ftp://a/b",
        "http://127.0.0.1.evil.org/",
        "http://localhost@evil.org/",
        "http://localhost.evil.org",
        "http://10.0.0.1/",
        "http://evil.org/127.0.0.1",
    ] {
        assert!(!is_private(place), "{place}");
    }
}
