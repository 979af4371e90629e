//! What must hold whatever comes from elsewhere, for `tests/fuzz`: each takes one input, and panics
//! otherwise.
#![expect(clippy::disallowed_methods, reason = "what was unpacked is looked at")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use ml_dsa::{Keypair, MlDsa65, SigningKey};
use wnm_core::model::Program;

use crate::archive::{self, Most};
use crate::digest::{Digest, bytes_of_hex};
use crate::manifest::Manifest;
use crate::page;
use crate::platform::Platform;
use crate::signature::ReleaseKey;

const HERE: Platform = Platform { os: "linux", arch: "x86_64" };

/// A page of releases.
pub fn page(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for program in Program::ALL {
        for at in [page::page_of(program), "http://mirror/releases.json"] {
            let Ok(offers) = page::offers(&text, program, HERE, at) else { return };
            assert!(offers.is_sorted_by(|one, other| one.version >= other.version));
            for offer in offers {
                assert!(offer.program == program && program.can_be(&offer.version), "{offer:?}");
                // It becomes the name of a file here.
                assert!(!offer.name.contains('/') && offer.name.ends_with(".tar.gz"), "{offer:?}");
                assert!(offer.archive.contains("://"), "{offer:?}");
            }
        }
    }
}

/// A list of digests, and the texts of one.
pub fn sums(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(digest) = Digest::listed(&text, "ant-node-cli-linux-x64.tar.gz") {
        assert!(text.to_lowercase().contains(&digest.to_string()));
    }
    if let Some(bytes) = bytes_of_hex(&text) {
        assert!(bytes.len() * 2 <= text.len());
    }
}

/// What is written down beside a kept version.
pub fn manifest(data: &[u8]) {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else { return };
    let _ = (manifest.bytes(), manifest.missing_companions(), manifest.verified.to_string());
    let text = serde_json::to_string(&manifest).expect("a manifest is JSON");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("and is read again"), manifest);
}

/// An archive, packed or, behind a `t`, not: nothing leaves the directory, nothing gets a name or a
/// mode of its own, and nothing grows without end. `into` is an empty directory.
pub fn archive(data: &[u8], into: &Path) {
    const MOST: Most = Most { bytes: 1 << 20, entries: 32 };
    let program = Program::AntNode;
    let unpacked = match data.split_first() {
        Some((b't', tar)) => archive::unpack_tar(tar, program, MOST, into),
        _ => archive::unpack(data, program, MOST, into),
    };
    let entries = fs::read_dir(into).expect("it is there");
    let mut there = Vec::new();
    for entry in entries.map(|entry| entry.expect("readable")) {
        let about = entry.metadata().expect("readable");
        let name = entry.file_name().into_string().expect("a name of ours");
        assert!(about.is_file() && about.len() <= MOST.bytes, "{name}");
        assert_eq!(about.permissions().mode() & 0o222, 0, "{name} is for reading only");
        let known = name == program.binary_name() || program.companions().contains(&name.as_str());
        assert!(known, "{name}");
        there.push(name);
    }
    if let Ok(kept) = unpacked {
        let mut names: Vec<String> = kept.into_iter().map(|file| file.name).collect();
        names.sort();
        there.sort();
        assert_eq!(names, there, "what is told is what is there");
    }
}

/// Archives as the project makes them, packed and not.
pub fn archives() -> Vec<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for name in ["ant-node-cli/ant-node", "ant-node-cli/bootstrap_peers.toml", "README.md"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, b"\x7fELF".as_slice()).expect("a short name");
    }
    let tar = tar.into_inner().expect("in memory");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar).expect("in memory");
    vec![packed.finish().expect("in memory"), [b"t".as_slice(), &tar].concat()]
}

const FILE: &[u8] = b"a release";

fn signer() -> &'static SigningKey<MlDsa65> {
    static KEY: OnceLock<SigningKey<MlDsa65>> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::<MlDsa65>::from_seed(&[1; 32].into()))
}

/// A signature, and a file with a key: only the one signature holds.
pub fn signature(data: &[u8]) {
    let key = ReleaseKey::parse(&signer().verifying_key().encode()).expect("a key");
    let holds = key.signs(&mut &*FILE, data).expect("in memory");
    assert_eq!(holds, signatures().first().is_some_and(|good| good == data));
    if let Ok(key) = ReleaseKey::parse(data) {
        let forged = key.signs(&mut &*FILE, &signatures()[0]).expect("in memory");
        assert!(!forged || key.fingerprint() == own_print());
    }
}

fn own_print() -> String {
    let key = ReleaseKey::parse(&signer().verifying_key().encode()).expect("a key");
    key.fingerprint()
}

/// One that holds, and a key.
pub fn signatures() -> Vec<Vec<u8>> {
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let made = GOOD.get_or_init(|| {
        let signed = signer().expanded_key().sign_deterministic(FILE, b"ant-node-release-v1");
        let key = signer().verifying_key().encode().to_vec();
        vec![signed.expect("the context is short").encode().to_vec(), key]
    });
    made.clone()
}
