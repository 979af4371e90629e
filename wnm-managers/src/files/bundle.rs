//! Keys on their way out of this machine, or into it: one file with all that a node needs to be the
//! same again elsewhere.

use serde::{Deserialize, Serialize};
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

use super::key::{Story, fingerprint, sha256};
use super::seal::{Seal, Unseal, seal, unseal};
use crate::hands::hex;

const FORMAT: &str = "wnm-identities";
const VERSION: u32 = 1;

/// A key in our hands, with whose it was.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// Whose.
    pub story: Story,
    /// The bytes of its file.
    pub(super) key: Vec<u8>,
}

impl std::fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldKey").field("story", &self.story).finish_non_exhaustive()
    }
}

impl HeldKey {
    /// Equal for all files with this key.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.story.spec.program, &self.key)
    }
}

#[derive(Serialize, Deserialize)]
struct Bundle {
    format: String,
    version: u32,
    identities: Vec<Packed>,
}

#[derive(Serialize, Deserialize)]
struct Packed {
    #[serde(flatten)]
    story: Story,
    key: String,
}

/// One file of all of them.
pub fn export(keys: &[HeldKey], how: &Seal) -> HostResult<Vec<u8>> {
    let pack = |held: &HeldKey| Packed {
        story: Story::of(&held.story.spec, &held.key),
        key: hex(&held.key),
    };
    let identities = keys.iter().map(pack).collect();
    let bundle = Bundle { format: FORMAT.to_owned(), version: VERSION, identities };
    let text = serde_json::to_vec_pretty(&bundle)
        .map_err(|error| HostError::with("write keys down", FaultKind::Failed, error))?;
    seal(&text, how)
}

/// The keys of such a file, each of them whole.
pub fn import(bytes: &[u8], what: &str, with: &Unseal) -> HostResult<Vec<HeldKey>> {
    let refused = |why: String| HostError::with(format!("read {what}"), FaultKind::Refused, why);
    let text = unseal(bytes, what, with)?;
    let bundle: Bundle = serde_json::from_slice(&text)
        .map_err(|error| refused(format!("it is no whole file of identities: {error}")))?;
    if bundle.format != FORMAT || bundle.version != VERSION {
        let (format, version) = (bundle.format, bundle.version);
        return Err(refused(format!("it says that it is `{format}` {version}, not {FORMAT} 1")));
    }
    let unpack = |packed: Packed| {
        let name = packed.story.spec.id;
        let key = unhex(&packed.key);
        let is_whole = |key: &Vec<u8>| packed.story.key_sha256 == Some(sha256(key));
        match key.filter(is_whole) {
            Some(key) => Ok(HeldKey { story: packed.story, key }),
            None => Err(refused(format!("the key of {name} in it was bent or cut"))),
        }
    };
    bundle.identities.into_iter().map(unpack).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(pair).collect())?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn held(number: u32) -> HeldKey {
        let spec = wnm_core::fakes::build::spec(number);
        let key = format!("{{\"public_key\":[{number}]}}").into_bytes();
        HeldKey { story: Story::of(&spec, &key), key }
    }

    #[test]
    fn what_goes_out_comes_in() {
        let keys = vec![held(1), held(2)];
        let bytes = export(&keys, &Seal::None).unwrap();
        assert_eq!(import(&bytes, "it", &Unseal::None).unwrap(), keys);
        assert_ne!(keys[0].fingerprint(), keys[1].fingerprint());
        assert!(!format!("{keys:?}").contains("public_key"), "no key is ever printed");
    }

    #[test]
    fn nothing_of_a_bent_file_is_believed() {
        let bytes = export(&[held(1)], &Seal::None).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let key = hex(&held(1).key);
        let bent = |from: &str, to: &str| text.replace(from, to).into_bytes();
        let tables = [
            bytes[..bytes.len() / 2].to_vec(),
            bent(&key, &key[2..]),
            bent(&key, &key.replace("7b", "zz")),
            bent("wnm-identities", "photos"),
            bent("\"version\": 1", "\"version\": 2"),
            Vec::new(),
        ];
        for bytes in tables {
            let refused = import(&bytes, "it", &Unseal::None).unwrap_err();
            assert_eq!(refused.kind, FaultKind::Refused, "{}", refused.chain());
        }
    }
}
