//! Releases of our own for tests: a key, signatures, archives.

pub(crate) mod server;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ml_dsa::{Keypair, MlDsa65, SigningKey};

/// From which the key of tests follows.
pub(crate) const SEED: [u8; 32] = [1; 32];

/// The public key to `seed`, raw.
pub(crate) fn public_key(seed: [u8; 32]) -> Vec<u8> {
    SigningKey::<MlDsa65>::from_seed(&seed.into()).verifying_key().encode().to_vec()
}

/// A signature as the project makes them.
pub(crate) fn sign(seed: [u8; 32], file: &[u8]) -> Vec<u8> {
    let key = SigningKey::<MlDsa65>::from_seed(&seed.into());
    let signature = key.expanded_key().sign_deterministic(file, b"ant-node-release-v1");
    signature.expect("the context is short").encode().to_vec()
}

/// A `tar.gz` of these files.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, *bytes).expect("a short name");
    }
    gzip(&tar.into_inner().expect("in memory"))
}

/// What `gzip` makes of it.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}
