//! All that the engine tells of one container, read strictly: a field that is not what it has always
//! been is named, and nothing is guessed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::found::{Status, status_of};

/// A container as it was made and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) name: String,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    pub(super) status: Status,
    /// Of its first process; 0 while it does not run.
    pub(super) pid: u32,
    /// As whom it runs; empty for root.
    pub(super) user: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) network: String,
    /// True when it is deleted as soon as it ends.
    pub(super) auto_remove: bool,
    /// Its restart policy.
    pub(super) restart: String,
    /// In bytes; 0 for no limit.
    pub(super) memory: u64,
    /// In billionths of one CPU; 0 for no limit.
    pub(super) nano_cpus: u64,
    pub(super) mounts: Vec<Mount>,
}

/// Something that is mounted in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// `bind`, `volume`, `tmpfs`.
    pub(super) kind: String,
    /// Where it is on the machine.
    pub(super) source: PathBuf,
    /// Where it is in the container.
    pub(super) at: PathBuf,
    pub(super) writable: bool,
}

/// What is wrong with which field.
type Wrong = String;

/// The name of a container, as far as it can be read.
pub(super) fn name(value: &Value) -> Result<String, Wrong> {
    Ok(text(value, "Name")?.trim_start_matches('/').to_owned())
}

/// Reads what `inspect` says.
pub(super) fn read(value: &Value) -> Result<Told, Wrong> {
    let status = text(value, "State.Status")?;
    let pid = number(value, "State.Pid")?;
    let words = std::iter::once(text(value, "Path")?).chain(texts(value, "Args")?);
    let mounts = list(value, "Mounts")?.iter().enumerate();
    Ok(Told {
        id: id(value)?,
        name: name(value)?,
        words: words.collect(),
        status: status_of(&status)
            .ok_or_else(|| format!("State.Status is `{status}`, a state nobody knows"))?,
        pid: u32::try_from(pid).map_err(|_| format!("State.Pid is {pid}, which is no process"))?,
        user: optional_text(value, "Config.User")?,
        environment: environment(value)?,
        labels: labels(value)?,
        network: text(value, "HostConfig.NetworkMode")?,
        auto_remove: flag(value, "HostConfig.AutoRemove")?,
        restart: optional_text(value, "HostConfig.RestartPolicy.Name")?,
        memory: optional_number(value, "HostConfig.Memory")?,
        nano_cpus: optional_number(value, "HostConfig.NanoCpus")?,
        mounts: mounts.map(|(at, it)| mount(at, it)).collect::<Result<_, _>>()?,
    })
}

/// What a container is called when everything else goes: 64 hexadecimal digits.
pub(super) fn id(value: &Value) -> Result<String, Wrong> {
    let id = text(value, "Id")?;
    let is_one = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one { Ok(id) } else { Err(format!("Id is `{}`, which is none", short(&id))) }
}

fn environment(value: &Value) -> Result<Vec<(String, String)>, Wrong> {
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("Config.Env holds `{}`, which is no assignment", short(&word))),
    };
    texts(value, "Config.Env")?.into_iter().map(pair).collect()
}

fn labels(value: &Value) -> Result<BTreeMap<String, String>, Wrong> {
    match at(value, "Config.Labels") {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(labels)) => labels
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key.clone(), text.clone())),
                other => Err(wrong(&format!("Config.Labels.{}", short(key)), other, "text")),
            })
            .collect(),
        Some(other) => Err(wrong("Config.Labels", other, "object")),
    }
}

fn mount(at: usize, value: &Value) -> Result<Mount, Wrong> {
    let of = |error: Wrong| format!("Mounts[{at}].{error}");
    Ok(Mount {
        kind: text(value, "Type").map_err(of)?,
        source: path(value, "Source").map_err(of)?,
        at: path(value, "Destination").map_err(of)?,
        writable: flag(value, "RW").map_err(of)?,
    })
}

/// Empty, or absolute and without anything in it that leads elsewhere.
fn path(value: &Value, field: &str) -> Result<PathBuf, Wrong> {
    use std::path::Component::{Normal, RootDir};
    let text = optional_text(value, field)?;
    let path = Path::new(&text);
    let is_plain = path.components().all(|it| matches!(it, RootDir | Normal(_)))
        && path.components().collect::<PathBuf>().as_os_str() == path.as_os_str()
        && !text.contains(char::is_control);
    match text.is_empty() || path.is_absolute() && is_plain {
        true => Ok(path.to_owned()),
        false => Err(format!("{field} is `{}`, which is no plain absolute path", short(&text))),
    }
}

/// The value at a path of names; none where it is missing or null.
fn at<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    let found = field.split('.').try_fold(value, |value, name| value.get(name));
    found.filter(|value| !value.is_null())
}

fn must<'a>(value: &'a Value, field: &str) -> Result<&'a Value, Wrong> {
    at(value, field).ok_or_else(|| format!("{field} is missing"))
}

fn text(value: &Value, field: &str) -> Result<String, Wrong> {
    let value = must(value, field)?;
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(field, value, "text"))
}

fn optional_text(value: &Value, field: &str) -> Result<String, Wrong> {
    at(value, field).map_or_else(|| Ok(String::new()), |_| text(value, field))
}

fn number(value: &Value, field: &str) -> Result<u64, Wrong> {
    let value = must(value, field)?;
    value.as_u64().ok_or_else(|| wrong(field, value, "whole number"))
}

fn optional_number(value: &Value, field: &str) -> Result<u64, Wrong> {
    at(value, field).map_or(Ok(0), |_| number(value, field))
}

fn flag(value: &Value, field: &str) -> Result<bool, Wrong> {
    let value = must(value, field)?;
    value.as_bool().ok_or_else(|| wrong(field, value, "`true` or `false`"))
}

/// A list; null is an empty one.
fn list<'a>(value: &'a Value, field: &str) -> Result<&'a [Value], Wrong> {
    match at(value, field) {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(wrong(field, other, "list")),
    }
}

fn texts(value: &Value, field: &str) -> Result<Vec<String>, Wrong> {
    let words = list(value, field)?.iter().enumerate();
    let word = |(at, word): (usize, &Value)| match word {
        Value::String(text) => Ok(text.clone()),
        other => Err(wrong(&format!("{field}[{at}]"), other, "text")),
    };
    words.map(word).collect()
}

fn wrong(field: &str, value: &Value, wanted: &str) -> Wrong {
    format!("{field} is `{}`, which is no {wanted}", short(&value.to_string()))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::import::tests::container;
    use super::*;

    #[test]
    fn a_field_that_is_not_what_it_was_is_named() {
        read(&container()).unwrap();
        let table = [
            ("/Id", serde_json::json!("abc"), "Id is `abc`, which is none"),
            ("/Name", serde_json::json!(5), "Name is `5`, which is no text"),
            ("/Path", Value::Null, "Path is missing"),
            ("/Args", serde_json::json!("x"), "Args is `\"x\"`, which is no list"),
            ("/Args/1", serde_json::json!({}), "Args[1] is `{}`, which is no text"),
            ("/State", serde_json::json!([]), "State.Status is missing"),
            ("/State/Status", serde_json::json!("asleep"), "a state nobody knows"),
            ("/State/Pid", serde_json::json!(-1), "State.Pid is `-1`, which is no whole number"),
            ("/State/Pid", serde_json::json!(1u64 << 40), "which is no process"),
            ("/Config/Env/0", serde_json::json!("A"), "Config.Env holds `A`"),
            ("/Config/Labels", serde_json::json!([1]), "Config.Labels is `[1]`"),
            ("/Config/Labels", serde_json::json!({"a": 1}), "Config.Labels.a is `1`"),
            (
                "/HostConfig/AutoRemove",
                serde_json::json!("no"),
                "HostConfig.AutoRemove is `\"no\"`",
            ),
            ("/HostConfig/NetworkMode", Value::Null, "HostConfig.NetworkMode is missing"),
            ("/Mounts", serde_json::json!({}), "Mounts is `{}`, which is no list"),
            ("/Mounts/0/RW", Value::Null, "Mounts[0].RW is missing"),
            (
                "/Mounts/0/Source",
                serde_json::json!("/srv/../etc"),
                "Mounts[0].Source is `/srv/../etc`",
            ),
            (
                "/Mounts/0/Destination",
                serde_json::json!("data/"),
                "Mounts[0].Destination is `data/`",
            ),
        ];
        for (place, value, told) in table {
            let mut container = container();
            *container.pointer_mut(place).unwrap() = value;
            let error = read(&container).unwrap_err();
            assert!(error.contains(told), "{place}: {error}");
        }
    }
}
