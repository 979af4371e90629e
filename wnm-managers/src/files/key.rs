//! What tells one key from another, and nothing of the key.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wnm_core::model::{NodeSpec, Program};

use crate::hands::hex;

/// Equal for two files with the same key, however they are written: nodes with it are the same to
/// their network, whose peer id follows from the public key alone.
pub(super) fn fingerprint(program: Program, bytes: &[u8]) -> String {
    match program {
        Program::AntNode => match serde_json::from_slice::<Pair>(bytes) {
            Ok(pair) => sha256(&pair.public_key),
            // Whatever it is, it is equal to itself.
            Err(_) => sha256(bytes),
        },
        Program::Antnode => sha256(bytes),
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[derive(Deserialize)]
struct Pair {
    public_key: Vec<u8>,
}

/// What lies beside a key in the archive and goes with it: whose it was, and which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The node it was of.
    #[serde(flatten)]
    pub spec: NodeSpec,
    /// SHA-256 of the key file; missing in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// Equal for all files with this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// SHA-256 of the sealed file; only of what is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_sha256: Option<String>,
}

impl Story {
    /// Of a key that lies there as it is.
    pub(super) fn of(spec: &NodeSpec, key: &[u8]) -> Story {
        Story {
            spec: spec.clone(),
            key_sha256: Some(sha256(key)),
            fingerprint: Some(fingerprint(spec.program, key)),
            sealed_sha256: None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_however_it_is_written() {
        let one = br#"{"secret_key":[1,2],"public_key":[3,4]}"#;
        let other = b"{ \"public_key\": [3, 4], \"secret_key\": [1, 2] }\n";
        let another = br#"{"secret_key":[1,2],"public_key":[3,5]}"#;
        let of = |bytes: &[u8]| fingerprint(Program::AntNode, bytes);
        assert_eq!(of(one), of(other));
        assert_ne!(of(one), of(another));
        assert_ne!(of(b"junk"), of(b"other junk"));
        assert_ne!(fingerprint(Program::Antnode, one), fingerprint(Program::Antnode, other));
    }

    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let spec = wnm_core::fakes::build::spec(3);
        let old = serde_json::to_vec(&spec).unwrap();
        let story: Story = serde_json::from_slice(&old).unwrap();
        assert_eq!((story.spec, story.key_sha256), (spec.clone(), None));
        let new = serde_json::to_vec(&Story::of(&spec, b"key")).unwrap();
        assert_eq!(serde_json::from_slice::<NodeSpec>(&new).unwrap(), spec);
    }
}
