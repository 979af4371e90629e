//! Detached ML-DSA-65 signatures (FIPS 204), as the project of `ant-node` makes them.

use std::io::{self, Read};

use ml_dsa::signature::digest::Update;
use ml_dsa::{EncodedVerifyingKey, MlDsa65, Signature, VerifyingKey};

use crate::digest::{Digest, bytes_of_hex};

/// What a signature is made for: one for anything else does not count.
const CONTEXT: &[u8] = b"ant-node-release-v1";

/// Bytes of a signature.
pub(crate) const SIGNATURE_BYTES: usize = 3309;

/// Bytes of a public key.
const KEY_BYTES: usize = 1952;

/// The key that `ant-node` itself trusts, of 2026-03-24: taken from its code. The file
/// `sign/release-signing-key.pub` beside that code still has the key of the day before.
const PROJECT: &str = include_str!("ant-node-release-key.hex");

/// A public key that signs releases.
#[derive(Clone, Debug)]
pub struct ReleaseKey {
    key: Box<VerifyingKey<MlDsa65>>,
    digest: Digest,
}

/// Bytes that are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it holds {0} bytes and is no ML-DSA-65 public key: those have 1952 bytes, or twice as many hex \
     digits"
)]
pub struct BadKey(pub usize);

impl ReleaseKey {
    /// The key of the project of `ant-node`.
    pub fn of_project() -> Result<ReleaseKey, BadKey> {
        ReleaseKey::parse(PROJECT.as_bytes())
    }

    /// A key as a file holds it: raw, or as hex digits with any white space.
    pub fn parse(bytes: &[u8]) -> Result<ReleaseKey, BadKey> {
        let hex = || std::str::from_utf8(bytes).ok().and_then(bytes_of_hex);
        let raw = match bytes.len() {
            KEY_BYTES => bytes.to_vec(),
            _ => hex().ok_or(BadKey(bytes.len()))?,
        };
        let encoded = EncodedVerifyingKey::<MlDsa65>::try_from(raw.as_slice());
        let encoded = encoded.map_err(|_| BadKey(bytes.len()))?;
        let (digest, _) = Digest::of(&mut raw.as_slice()).map_err(|_| BadKey(bytes.len()))?;
        Ok(ReleaseKey { key: Box::new(VerifyingKey::decode(&encoded)), digest })
    }

    /// Sixteen hex digits that tell keys apart: the beginning of its SHA-256.
    pub fn fingerprint(&self) -> String {
        self.digest.to_string()[..16].to_owned()
    }

    /// Whether `signature` is this key's for everything that `file` has. The file is read piece by
    /// piece: machines with nodes have no room for one of 200 MiB.
    pub fn signs(&self, file: &mut dyn Read, signature: &[u8]) -> io::Result<bool> {
        let Ok(signature) = Signature::<MlDsa65>::try_from(signature) else { return Ok(false) };
        let mut failed = None;
        let mu = self.key.compute_mu(
            |state| {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match file.read(&mut buffer) {
                        Ok(0) => return Ok(()),
                        Ok(count) => state.update(&buffer[..count]),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => {
                            failed = Some(error);
                            return Err(ml_dsa::Error::new());
                        }
                    }
                }
            },
            CONTEXT,
        );
        match (failed, mu) {
            (Some(error), _) => Err(error),
            (None, Ok(mu)) => Ok(self.key.verify_mu(&mu, &signature)),
            (None, Err(_)) => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use ml_dsa::{Keypair, SigningKey};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{SEED, public_key, sign};

    fn key() -> ReleaseKey {
        ReleaseKey::parse(&public_key(SEED)).expect("a key")
    }

    fn holds(file: &[u8], signature: &[u8]) -> bool {
        key().signs(&mut &*file, signature).expect("readable")
    }

    #[test]
    fn a_signature_holds_for_its_file_key_and_context_alone() -> Result<(), Box<dyn Error>> {
        let file = vec![7; 200_000];
        let good = sign(SEED, &file);
        assert_eq!(good.len(), SIGNATURE_BYTES);
        assert!(holds(&file, &good));
        assert!(!holds(&file[1..], &good), "another file");
        let mut other = file.clone();
        other[100_000] ^= 1;
        assert!(!holds(&other, &good), "one bit of the file");
        assert!(!holds(&file, &sign([2; 32], &file)), "another key");
        let signing = SigningKey::<MlDsa65>::from_seed(&SEED.into());
        let elsewhere = signing.expanded_key().sign_deterministic(&file, b"ant-node-release-v2");
        assert!(!holds(&file, &elsewhere.map_err(|_| "it can sign")?.encode()), "another context");
        let plain = signing.expanded_key().sign_deterministic(&file, b"");
        assert!(!holds(&file, &plain.map_err(|_| "it can sign")?.encode()), "no context");
        for wrong in [&good[1..], &[], b"not a signature".as_slice()] {
            assert!(!holds(&file, wrong), "{} bytes", wrong.len());
        }
        Ok(())
    }

    #[test]
    fn the_projects_key_is_the_one_its_program_trusts() {
        let key = ReleaseKey::of_project().expect("it is one");
        assert_eq!(key.fingerprint(), "163f903d7b56cede");
    }

    #[test]
    fn keys_are_read_raw_and_as_hex() {
        let raw = public_key(SEED);
        let hex: String = raw.iter().map(|byte| format!("{byte:02X}\n")).collect();
        let print = |bytes: &[u8]| ReleaseKey::parse(bytes).map(|key| key.fingerprint());
        assert_eq!(print(&raw), print(hex.as_bytes()));
        assert_eq!(print(&raw[1..]), Err(BadKey(KEY_BYTES - 1)));
        assert_eq!(print(b""), Err(BadKey(0)));
        assert_eq!(print(b"abcd"), Err(BadKey(4)));
    }

    #[test]
    fn the_signers_own_key_is_the_one_that_is_parsed() {
        let signing = SigningKey::<MlDsa65>::from_seed(&SEED.into());
        assert_eq!(signing.verifying_key().encode().as_slice(), public_key(SEED));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_changed_signature_holds(at in 0..SIGNATURE_BYTES, bit in 0u8..8) {
            let file = b"a release";
            let mut signature = sign(SEED, file);
            signature[at] ^= 1 << bit;
            prop_assert!(!holds(file, &signature));
        }
    }
}
