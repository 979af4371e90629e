//! Sealed for its owner: the age format, by the age library. Bytes in, bytes out.

use std::io::{Read, Write};
use std::str::FromStr;

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, Identity, scrypt, x25519};
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

/// How every sealed file begins.
const BEGINNING: &[u8] = b"age-encryption.org/v1";
/// What is sealed elsewhere may ask for more work than this machine would, but not for an hour of it.
const MOST_WORK: u8 = 22;

/// For whom something is sealed.
#[derive(Clone, Default)]
pub enum Seal {
    /// For nobody: it lies there as it is.
    #[default]
    None,
    /// For the holders of the secret keys to these `age1…`.
    Recipients(Vec<String>),
    /// For whoever knows this.
    Passphrase(String),
}

/// What opens a seal.
#[derive(Clone, Default)]
pub enum Unseal {
    /// Nothing was given.
    #[default]
    None,
    /// The text of a file with `AGE-SECRET-KEY-1…`.
    Identities(String),
    /// A passphrase.
    Passphrase(String),
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Seal::None => "None",
            Seal::Recipients(_) => "Recipients",
            Seal::Passphrase(_) => "Passphrase",
        })
    }
}

impl std::fmt::Debug for Unseal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unseal::None => "None",
            Unseal::Identities(_) => "Identities",
            Unseal::Passphrase(_) => "Passphrase",
        })
    }
}

/// Why a text is no recipient, if it is none.
pub fn recipient_problem(text: &str) -> Option<String> {
    recipient(text).err().map(|error| error.to_string())
}

fn recipient(text: &str) -> HostResult<x25519::Recipient> {
    x25519::Recipient::from_str(text.trim()).map_err(|why| {
        let op =
            format!("`{text}` is no age recipient ({why}): give age1… as age-keygen prints it");
        HostError::new(op, FaultKind::Refused)
    })
}

/// True for what was sealed, by anybody.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINNING)
}

pub(super) fn seal(bytes: &[u8], seal: &Seal) -> HostResult<Vec<u8>> {
    let encryptor = match seal {
        Seal::None => return Ok(bytes.to_vec()),
        Seal::Recipients(texts) => {
            let recipients: Vec<x25519::Recipient> =
                texts.iter().map(|text| recipient(text)).collect::<HostResult<_>>()?;
            let each = recipients.iter().map(|it| it as &dyn age::Recipient);
            Encryptor::with_recipients(each).map_err(|error| failed("seal a key", &error))?
        }
        Seal::Passphrase(words) => {
            Encryptor::with_user_passphrase(SecretString::from(words.clone()))
        }
    };
    let mut sealed = Vec::new();
    let written = (|| {
        let mut writer = encryptor.wrap_output(&mut sealed)?;
        writer.write_all(bytes)?;
        writer.finish()
    })();
    written.map_err(|error| HostError::io("seal a key", error))?;
    Ok(sealed)
}

/// The bytes again; those that were not sealed as they are. What was bent or cut is never half opened.
pub(super) fn unseal(bytes: &[u8], what: &str, with: &Unseal) -> HostResult<Vec<u8>> {
    if !is_sealed(bytes) {
        return Ok(bytes.to_vec());
    }
    let op = || format!("open {what}");
    let refused = |why: &str| HostError::with(op(), FaultKind::Refused, why.to_owned());
    let decryptor = Decryptor::new_buffered(bytes).map_err(|error| failed(&op(), &error))?;
    let identities: Vec<Box<dyn Identity>> = match (decryptor.is_scrypt(), with) {
        (true, Unseal::Passphrase(words)) => {
            let mut identity = scrypt::Identity::new(SecretString::from(words.clone()));
            identity.set_max_work_factor(MOST_WORK);
            vec![Box::new(identity)]
        }
        (false, Unseal::Identities(text)) => secrets(text).ok_or_else(|| {
            refused("the identity file has no AGE-SECRET-KEY-1… that makes sense")
        })?,
        (true, _) => return Err(refused("it is sealed with a passphrase: --passphrase-file F")),
        (false, _) => return Err(refused("it is sealed for a recipient: --identity-file F")),
    };
    let each = identities.iter().map(AsRef::as_ref);
    let mut reader = decryptor.decrypt(each).map_err(|error| failed(&op(), &error))?;
    let mut opened = Vec::new();
    reader.read_to_end(&mut opened).map_err(|error| HostError::io(op(), error))?;
    Ok(opened)
}

fn secrets(text: &str) -> Option<Vec<Box<dyn Identity>>> {
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let read = |line: &str| {
        let identity = x25519::Identity::from_str(line).ok()?;
        Some(Box::new(identity) as Box<dyn Identity>)
    };
    let found: Vec<_> = lines.map(read).collect::<Option<_>>()?;
    (!found.is_empty()).then_some(found)
}

fn failed(op: &str, error: &dyn std::fmt::Display) -> HostError {
    HostError::with(op, FaultKind::Refused, error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret;

    fn pair() -> (Seal, Unseal) {
        let identity = x25519::Identity::generate();
        let text = format!("# made today\n{}\n", identity.to_string().expose_secret());
        (Seal::Recipients(vec![identity.to_public().to_string()]), Unseal::Identities(text))
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_owner_only() {
        let (theirs, key) = pair();
        let (_, other) = pair();
        let sealed = seal(b"secret", &theirs).unwrap();
        assert!(is_sealed(&sealed) && !String::from_utf8_lossy(&sealed).contains("secret"));
        assert_eq!(unseal(&sealed, "it", &key).unwrap(), b"secret");
        for wrong in [other, Unseal::None, Unseal::Passphrase("x".into())] {
            let refused = unseal(&sealed, "it", &wrong).unwrap_err();
            assert_eq!(refused.kind, FaultKind::Refused, "{}", refused.chain());
        }
    }

    #[test]
    fn what_was_bent_or_cut_is_not_opened() {
        let (theirs, key) = pair();
        let sealed = seal(&[7; 70_000], &theirs).unwrap();
        for cut in [30, sealed.len() / 2, sealed.len() - 1] {
            assert!(unseal(&sealed[..cut], "it", &key).is_err(), "cut at {cut}");
        }
        for at in [40, 200, sealed.len() / 2, sealed.len() - 1] {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(unseal(&bent, "it", &key).is_err(), "bent at {at}");
        }
    }

    #[test]
    fn a_word_that_is_no_recipient_is_told() {
        let problem = recipient_problem("age1nonsense").unwrap();
        assert!(problem.contains("age1nonsense"), "{problem}");
        assert!(
            matches!(pair().0, Seal::Recipients(texts) if recipient_problem(&texts[0]).is_none())
        );
    }
}
