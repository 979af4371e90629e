//! Keys and the peer ids that follow from them. The keys are random bytes that sign nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Peer id of the `ant-node` in `root`, whose identity is made when there is none.
///
/// The real file has about 50 KB; the mode is 0644 there too.
pub(crate) fn ant_node_peer_id(root: &Path) -> io::Result<String> {
    let path = root.join("node_identity.key");
    let text = keep_or_make(&path, 0o644, || {
        let (secret, public) = (random(160)?, random(96)?);
        Ok(format!("{{\"secret_key\":{secret:?},\"public_key\":{public:?}}}").into_bytes())
    })?;
    let public = public_key(&String::from_utf8_lossy(&text))
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "node_identity.key is damaged"))?;
    Ok(blake3::hash(&public).to_hex().to_string())
}

/// Peer id of the `antnode` in `root`, whose identity is made when there is none.
pub(crate) fn antnode_peer_id(root: &Path) -> io::Result<String> {
    let key = keep_or_make(&root.join("secret-key"), 0o600, || random(32))?;
    if key.len() != 32 {
        return Err(io::Error::new(ErrorKind::InvalidData, "secret-key is damaged"));
    }
    // How libp2p writes an ed25519 public key, for which the hash of the secret one stands in.
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend_from_slice(blake3::hash(&key).as_bytes());
    Ok(base58(&bytes))
}

/// Throws a key away, if there is one.
pub(crate) fn forget(key: &Path) -> io::Result<()> {
    match std::fs::remove_file(key) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// So many random bytes.
pub(crate) fn random(count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn keep_or_make(
    path: &Path,
    mode: u32,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    match File::open(path) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let bytes = make()?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
            file.write_all(&bytes)?;
            Ok(bytes)
        }
        Err(error) => Err(error),
    }
}

fn public_key(json: &str) -> Option<Vec<u8>> {
    let (_, list) = json.split_once("\"public_key\":[")?;
    let (list, _) = list.split_once(']')?;
    list.split(',').map(|number| number.trim().parse().ok()).collect()
}

fn base58(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<usize> = Vec::new();
    for byte in bytes {
        let mut carry = usize::from(*byte);
        for digit in &mut digits {
            carry += *digit * 256;
            *digit = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let text = digits.iter().rev().map(|digit| char::from(DIGITS[*digit]));
    "1".repeat(zeros).chars().chain(text).collect()
}
