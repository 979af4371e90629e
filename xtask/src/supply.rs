//! What others' crates may be: their licences, their names and where they come from, by `deny.toml`.
//!
//! `cargo deny` reads the same file and more of it, and takes longer to build than all of CI's other tools
//! together; of what it checks this does what needs no network.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::{MetadataCommand, Package};
use toml::{Table, Value};

use crate::Done;
use crate::shell::root;

/// What `deny.toml` says, as far as it is read here.
#[derive(Debug, Default)]
struct Rules {
    allowed: BTreeSet<String>,
    /// Crate and licence.
    exceptions: BTreeSet<(String, String)>,
    banned: BTreeSet<String>,
}

/// Prints every offence.
pub(crate) fn run() -> Done {
    let text = fs::read_to_string(root().join("deny.toml"));
    let table: Table = text
        .map_err(|error| format!("deny.toml: {error}"))?
        .parse()
        .map_err(|error| format!("deny.toml: {error}"))?;
    let rules = Rules::read(&table).ok_or("deny.toml has no licences or bans")?;
    let metadata = MetadataCommand::new().current_dir(root()).exec();
    let metadata = metadata.map_err(|error| format!("cargo metadata: {error}"))?;
    let used: BTreeSet<_> =
        metadata.resolve.iter().flat_map(|it| &it.nodes).map(|it| &it.id).collect();
    let others = metadata.packages.iter().filter(|it| it.source.is_some() && used.contains(&it.id));
    let offences: Vec<String> = others.flat_map(|package| rules.offences(package)).collect();
    offences.iter().for_each(|offence| println!("{offence}"));
    match offences.len() {
        0 => Ok(()),
        count => Err(format!("{count} crates of others are not as deny.toml wants them")),
    }
}

impl Rules {
    fn read(table: &Table) -> Option<Rules> {
        let words = |value: &Value| -> BTreeSet<String> {
            let all = value.as_array().into_iter().flatten();
            all.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        let licences = table.get("licenses")?.as_table()?;
        let named = |value: &Value| Some(value.get("crate")?.as_str()?.to_owned());
        let list = |table: &Table, key: &str| {
            table.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let exceptions = list(licences, "exceptions");
        let exceptions = exceptions.iter().filter_map(|it| {
            let name = named(it)?;
            let allowed = words(it.get("allow")?);
            Some(allowed.into_iter().map(move |licence| (name.clone(), licence)))
        });
        let bans = list(table.get("bans")?.as_table()?, "deny");
        Some(Rules {
            allowed: words(licences.get("allow")?),
            exceptions: exceptions.flatten().collect(),
            banned: bans.iter().filter_map(named).collect(),
        })
    }

    fn offences(&self, package: &Package) -> Vec<String> {
        let name = package.name.as_str();
        let from = package.source.as_ref().map(|source| source.repr.as_str());
        self.of(name, package.license.as_deref(), from.unwrap_or_default())
    }

    fn of(&self, name: &str, licence: Option<&str>, from: &str) -> Vec<String> {
        let mut found = Vec::new();
        match licence {
            None => found.push(format!("{name}: it names no licence")),
            Some(text) if !self.allows(name, text) => {
                found.push(format!("{name}: its licence is `{text}`"));
            }
            Some(_) => {}
        }
        if self.banned.contains(name) {
            found.push(format!("{name}: it is banned"));
        }
        if !from.starts_with("registry+") && !from.starts_with("sparse+") {
            found.push(format!("{name}: it comes from {from}, which is no registry"));
        }
        found
    }

    /// `A OR B` wants one of them, `A AND B` both; `/` is an old way to write OR.
    fn allows(&self, name: &str, text: &str) -> bool {
        let text = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut words = text.split_whitespace().peekable();
        self.any(name, &mut words) && words.next().is_none()
    }

    fn any<'a>(
        &self,
        name: &str,
        words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    ) -> bool {
        let mut allowed = self.all(name, words);
        while words.next_if_eq(&"OR").is_some() {
            allowed |= self.all(name, words);
        }
        allowed
    }

    fn all<'a>(
        &self,
        name: &str,
        words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    ) -> bool {
        let mut allowed = self.one(name, words);
        while words.next_if_eq(&"AND").is_some() {
            allowed &= self.one(name, words);
        }
        allowed
    }

    fn one<'a>(
        &self,
        name: &str,
        words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    ) -> bool {
        let Some(word) = words.next() else { return false };
        if word == "(" {
            // Without dyn the three would be types without end.
            let words: &mut std::iter::Peekable<_> = words;
            let inside = self.any(name, words);
            return words.next() == Some(")") && inside;
        }
        // An exception to a licence gives more, never less.
        if words.next_if_eq(&"WITH").is_some() {
            words.next();
        }
        let pair = (name.to_owned(), word.to_owned());
        self.allowed.contains(word) || self.exceptions.contains(&pair)
    }
}

#[cfg(test)]
mod tests {
    use super::Rules;

    fn rules() -> Rules {
        let text = "[licenses]\nallow = [\"MIT\", \"ISC\"]\n\
                    exceptions = [{ crate = \"engine\", allow = [\"NCSA\"] }]\n\
                    [bans]\ndeny = [{ crate = \"tokio\" }]\n";
        Rules::read(&text.parse().expect("TOML")).expect("rules")
    }

    #[test]
    fn licences_are_read_as_they_are_meant() {
        let allows = |text: &str| rules().allows("some", text);
        for good in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "MIT AND (GPL-3.0 OR ISC)"] {
            assert!(allows(good), "{good}");
        }
        for bad in
            ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND NCSA", "", "MIT MIT", "(MIT"]
        {
            assert!(!allows(bad), "{bad}");
        }
        assert!(rules().allows("engine", "(MIT OR Apache-2.0) AND NCSA"));
    }

    #[test]
    fn names_and_places_count() {
        let registry = "registry+https://x";
        assert_eq!(rules().of("some", Some("MIT"), registry), [""; 0]);
        assert_eq!(rules().of("tokio", Some("MIT"), registry), ["tokio: it is banned"]);
        assert_eq!(rules().of("some", None, registry), ["some: it names no licence"]);
        assert_eq!(rules().of("some", Some("MIT"), "git+https://x").len(), 1);
    }
}
