use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use proptest::prelude::*;
use tar::{Builder, Header};
use tempfile::TempDir;

use super::*;
use crate::testing::{archive, gzip};

const SMALL: Most = Most { bytes: 1 << 20, entries: 8 };

fn unpacked(bytes: &[u8]) -> (TempDir, ReleaseResult<Vec<KeptFile>>) {
    let dir = TempDir::new().expect("a directory");
    let result = unpack(bytes, Program::AntNode, SMALL, dir.path());
    (dir, result)
}

#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let (_, result) = unpacked(bytes);
    let error = result.expect_err("it is refused");
    assert_eq!(error.kind, ReleaseFault::Misshapen);
    error.what.strip_prefix("the archive is refused: ").expect("it says so").to_owned()
}

/// One entry with exactly this in its header, whatever a well-behaved writer would say to it.
fn raw_entry(path: &[u8], kind: EntryType, said: u64, body: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(said);
    header.set_mode(0o4777);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.extend([0; 1024]);
    bytes
}

fn of_entries(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&tar_of(entries))
}

fn good() -> Vec<u8> {
    raw_entry(b"ant-node", EntryType::Regular, 4, b"\x7fELF")
}

#[test]
fn the_program_and_what_belongs_to_it_are_kept_and_nothing_else() {
    let bytes = archive(&[
        ("ant-node", b"\x7fELF"),
        ("bootstrap_peers.toml", b"peers = []"),
        ("LICENSE-MIT", b"MIT"),
        ("bin/other", b"x"),
    ]);
    let (dir, kept) = unpacked(&bytes);
    let kept = kept.expect("it is a release");
    let shown: Vec<_> = kept.iter().map(|f| (f.name.as_str(), f.bytes, f.mode)).collect();
    assert_eq!(shown, [("ant-node", 4, 0o555), ("bootstrap_peers.toml", 10, 0o444)]);
    for file in &kept {
        let metadata = fs::metadata(dir.path().join(&file.name)).expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o7777, file.mode, "not what the archive says");
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
}

#[test]
fn a_directory_around_everything_is_fine() {
    for path in ["./ant-node", "ant-node-v1/ant-node"] {
        let bytes = of_entries(&[
            raw_entry(b"ant-node-v1/", EntryType::Directory, 0, b""),
            raw_entry(path.as_bytes(), EntryType::Regular, 4, b"\x7fELF"),
        ]);
        let (_dir, kept) = unpacked(&bytes);
        assert_eq!(kept.map(|kept| kept.len()), Ok(1), "{path}");
    }
}

#[test]
fn tricks_with_paths_are_refused() {
    let with =
        |path: &[u8]| refusal(&of_entries(&[good(), raw_entry(path, EntryType::Regular, 1, b"x")]));
    let table: [(&[u8], &str); 7] = [
        (b"/etc/cron.d/x", "the path `/etc/cron.d/x` in it is absolute"),
        (b"../ant-node", "the path `../ant-node` in it leads out of it"),
        (b"a/../../b", "the path `a/../../b` in it leads out of it"),
        (b"a\\..\\b", "the path `a\\\\..\\\\b` in it has characters that no release needs"),
        (b"a\nb", "the path `a\\nb` in it has characters that no release needs"),
        (b"\xff\xfe", "the path `\u{fffd}\u{fffd}` in it is not UTF-8"),
        (b"./ant-node", "it has ant-node twice"),
    ];
    for (path, why) in table {
        assert_eq!(with(path), why);
    }
    assert_eq!(with(b"other/ant-node"), "it has two files of the name ant-node");
}

#[test]
fn only_files_and_directories_are_taken() {
    let table = [
        (EntryType::Symlink, "x is a link"),
        (EntryType::Link, "x is a hard link"),
        (EntryType::Char, "x is a device"),
        (EntryType::Block, "x is a device"),
        (EntryType::Fifo, "x is a pipe"),
        (EntryType::GNUSparse, "x is a file with holes"),
        (EntryType::GNULongName, "x is a name that is too long"),
        (EntryType::Continuous, "x is neither a file nor a directory"),
        (EntryType::new(b'Z'), "x is neither a file nor a directory"),
    ];
    for (kind, why) in table {
        assert_eq!(refusal(&of_entries(&[good(), raw_entry(b"x", kind, 0, b"")])), why);
    }
    // The program itself as a link to something else.
    let link = raw_entry(b"ant-node", EntryType::Symlink, 0, b"");
    assert_eq!(refusal(&of_entries(&[link])), "ant-node is a link");
}

#[test]
fn extended_headers_say_when_and_never_what() {
    let pax =
        |record: &[u8]| raw_entry(b"PaxHeader", EntryType::XHeader, record.len() as u64, record);
    let (_dir, kept) = unpacked(&of_entries(&[pax(b"20 mtime=1700000000\n"), good()]));
    assert!(kept.is_ok(), "{kept:?}");
    for (record, key) in [
        (b"18 path=/etc/cron\n".as_slice(), "path"),
        (b"20 linkpath=/etc/xy\n", "linkpath"),
        (b"15 size=999999\n", "size"),
        (b"23 GNU.sparse.major=1\n\n", "GNU.sparse.major"),
    ] {
        let found = refusal(&of_entries(&[pax(record), good()]));
        assert!(found.contains(key) || found.contains("cannot be read"), "{key}: {found}");
    }
    let huge = raw_entry(b"PaxHeader", EntryType::XHeader, 100_000, &[b'x'; 100_000]);
    assert_eq!(refusal(&of_entries(&[huge])), "it has an extended header that is too large");
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let zeros = vec![0; 2 << 20];
    let bomb = archive(&[("ant-node", &zeros)]);
    assert!(bomb.len() < 100_000, "it is small: {}", bomb.len());
    let (dir, result) = unpacked(&bomb);
    let what = result.expect_err("refused").what;
    assert_eq!(what, "the archive is refused: it unpacks to more than a release may have");
    let written = fs::metadata(dir.path().join("ant-node")).expect("a part of it").len();
    assert!(written <= SMALL.bytes, "{written}");
    // In what is not kept, and behind the end of the archive.
    let bomb = archive(&[("ant-node", b"x"), ("junk", &zeros)]);
    assert!(refusal(&bomb).contains("more than a release may have"));
    let mut tail = tar_of(&[good()]);
    tail.extend(&zeros);
    assert!(refusal(&gzip(&tail)).contains("more than a release may have"));
    // Many small things.
    let many: Vec<Vec<u8>> = (0..20)
        .map(|n| raw_entry(format!("f{n}").as_bytes(), EntryType::Regular, 0, b""))
        .collect();
    assert_eq!(refusal(&of_entries(&many)), "it has more than 8 entries");
}

#[test]
fn what_is_cut_off_or_empty_is_refused() {
    let whole = archive(&[("ant-node", &[7; 5000]), ("bootstrap_peers.toml", b"x")]);
    for end in [0, 5, 20, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        assert!(refusal(&whole[..end]).starts_with("it cannot be read: "), "{end}");
    }
    let mut flipped = whole.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    assert!(refusal(&flipped).starts_with("it cannot be read: "));
    assert_eq!(refusal(&archive(&[("LICENSE-MIT", b"x")])), "there is no ant-node in it");
    assert_eq!(refusal(&archive(&[("ant-node", b"")])), "ant-node in it is empty");
    assert_eq!(refusal(&gzip(b"")), "there is no ant-node in it");
    assert!(refusal(b"<html>not found</html>").starts_with("it cannot be read: "));
    // A header that promises more than there is.
    let lies = of_entries(&[raw_entry(b"ant-node", EntryType::Regular, 9999, b"x")]);
    let found = refusal(&lies);
    assert!(found.starts_with("ant-node should have 9999 bytes") || found.starts_with("it cannot"));
    // Nobody's checksum.
    let mut broken = raw_entry(b"ant-node", EntryType::Regular, 1, b"x");
    broken[0] ^= 1;
    assert!(refusal(&of_entries(&[broken])).starts_with("it cannot be read: "));
}

/// Where no entry may ever get to, and where nobody else puts anything.
static ELSEWHERE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a directory"));

/// Entries as an enemy would make them.
fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let absolute = ELSEWHERE.path().join("escape").into_os_string().into_encoded_bytes();
    let path = prop_oneof![
        Just(b"ant-node".to_vec()),
        Just(b"bootstrap_peers.toml".to_vec()),
        Just(b"../escape".to_vec()),
        Just(absolute),
        "[a-z./\\\\]{1,12}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 1..20),
    ];
    let kind = prop_oneof![4 => Just(b'0'), 1 => any::<u8>(), 1 => proptest::sample::select(b"\x0001234567gxLKS".to_vec())];
    let body = proptest::collection::vec(any::<u8>(), 0..700);
    let size = prop_oneof![4 => Just(None), 1 => any::<u32>().prop_map(Some)];
    let entry = (path, kind, body, size).prop_map(|(path, kind, body, said)| {
        let said = said.map_or(body.len() as u64, u64::from);
        raw_entry(&path, EntryType::new(kind), said, &body)
    });
    proptest::collection::vec(entry, 0..6)
}

/// Nothing but plain files of the program's, with modes of ours, whatever came in.
fn keeps_to_its_directory(tar: &[u8]) -> Result<(), TestCaseError> {
    let outer = TempDir::new().expect("a directory");
    let into = outer.path().join("into");
    fs::create_dir(&into).expect("a directory");
    let result = unpack_tar(tar, Program::AntNode, SMALL, &into);
    prop_assert_eq!(fs::read_dir(outer.path()).expect("listed").count(), 1);
    let mut names = Vec::new();
    for entry in fs::read_dir(&into).expect("listed") {
        let entry = entry.expect("an entry");
        prop_assert!(entry.file_type().expect("a type").is_file());
        names.push(entry.file_name().into_string().expect("UTF-8"));
    }
    for name in &names {
        prop_assert!(["ant-node", "bootstrap_peers.toml"].contains(&name.as_str()), "{}", name);
    }
    if let Ok(kept) = result {
        prop_assert!(kept.iter().any(|file| file.name == "ant-node" && file.bytes > 0));
        prop_assert_eq!(kept.len(), names.len());
        for file in kept {
            let bytes = fs::read(into.join(&file.name)).expect("readable");
            prop_assert_eq!(bytes.len() as u64, file.bytes);
            prop_assert_eq!(
                crate::Digest::of(&mut bytes.as_slice()).expect("readable").0,
                file.sha256
            );
        }
    }
    prop_assert_eq!(fs::read_dir(ELSEWHERE.path()).expect("listed").count(), 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn hostile_entries_stay_inside(entries in entries()) {
        keeps_to_its_directory(&tar_of(&entries))?;
    }

    #[test]
    fn damaged_archives_stay_inside(
        changes in proptest::collection::vec((0usize..4096, any::<u8>()), 1..12),
        end in 0usize..4096,
    ) {
        let mut builder = Builder::new(Vec::new());
        for (name, bytes) in [("ant-node", &[7u8; 700][..]), ("bootstrap_peers.toml", b"peers")] {
            let mut header = Header::new_ustar();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).expect("in memory");
        }
        let mut tar = builder.into_inner().expect("in memory");
        for (at, byte) in changes {
            let at = at % tar.len();
            tar[at] = byte;
        }
        tar.truncate(end.max(1) % tar.len() + 1);
        keeps_to_its_directory(&tar)?;
    }

    #[test]
    fn noise_stays_inside(noise in proptest::collection::vec(any::<u8>(), 0..3000)) {
        keeps_to_its_directory(&noise)?;
    }
}
