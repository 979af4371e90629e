//! What must hold of keys that come from elsewhere.

use std::sync::OnceLock;

use age::secrecy::ExposeSecret;
use wnm_core::fakes::build;
use wnm_core::model::Program;

use super::bundle;
use super::key::{self, Story};
use super::seal::{self, Seal, Unseal};

/// A key of nobody: the secret one, and for whom is sealed.
fn pair() -> &'static (String, String) {
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let identity = age::x25519::Identity::generate();
        let secret = identity.to_string().expose_secret().to_owned();
        (secret, identity.to_public().to_string())
    })
}

/// A file of identities: what comes in goes out the same.
pub fn bundle(data: &[u8]) {
    let Ok(keys) = bundle::import(data, "it", &Unseal::None) else { return };
    let out = bundle::export(&keys, &Seal::None).expect("what came in can go out");
    let again = bundle::import(&out, "it", &Unseal::None).expect("and come in again");
    let prints =
        |keys: &[bundle::HeldKey]| keys.iter().map(|it| it.fingerprint()).collect::<Vec<_>>();
    assert_eq!(prints(&again), prints(&keys));
}

/// A file with two keys, and what lies beside one in the archive.
pub fn identity_seeds() -> Vec<Vec<u8>> {
    let held = |number: u32| {
        let key = format!("{{\"public_key\":[{number}]}}").into_bytes();
        bundle::HeldKey { story: Story::of(&build::spec(number), &key), key }
    };
    let file = bundle::export(&[held(1), held(2)], &Seal::None);
    let story = serde_json::to_vec(&held(3).story).ok();
    file.into_iter().chain(story).collect()
}

/// A sealed file, for its owner and for nobody.
pub fn sealed(data: &[u8]) {
    let with = Unseal::Identities(pair().0.clone());
    if let Ok(opened) = seal::unseal(data, "it", &with) {
        assert!(opened.len() <= data.len(), "nothing is packed in a seal");
    }
    if seal::is_sealed(data) {
        assert!(seal::unseal(data, "it", &Unseal::None).is_err(), "a seal opens by itself");
    }
    let text = String::from_utf8_lossy(data).into_owned();
    let _ = seal::unseal(b"age-encryption.org/v1\n", "it", &Unseal::Identities(text.clone()));
    seal::recipient_problem(&text);
}

/// Some that are sealed well.
pub fn sealed_seeds() -> Vec<Vec<u8>> {
    let for_owner = Seal::Recipients(vec![pair().1.clone()]);
    seal::seal(b"{\"public_key\":[1]}", &for_owner).into_iter().collect()
}

/// A key, and what lies beside it in the archive.
pub fn key(data: &[u8]) {
    for program in Program::ALL {
        assert_eq!(key::fingerprint(program, data).len(), 64);
    }
    let Ok(story) = serde_json::from_slice::<Story>(data) else { return };
    let text = serde_json::to_string(&story).expect("a story is JSON");
    assert_eq!(serde_json::from_str::<Story>(&text).expect("and is read again"), story);
}
