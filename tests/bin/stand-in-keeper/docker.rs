//! Containers: processes of this machine, with what was said of them kept in a file each. As strict about
//! its command line as the real one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::inside;
use crate::process::{lives, start, stop};
use crate::{Answer, told};

/// Options of `create` whose value changes nothing here.
const IDLE: &[&str] = &[
    "--pull",
    "--restart",
    "--stop-timeout",
    "--network",
    "--user",
    "--userns",
    "--cgroupns",
    "--stop-signal",
    "--tmpfs",
    "--cap-drop",
    "--cap-add",
    "--security-opt",
    "--log-driver",
    "--log-opt",
];

pub(crate) fn answer(place: &Path, args: &[&str]) -> Answer {
    match args {
        ["create", options @ ..] => create(place, options),
        ["inspect", "--type", "container", "--format", _, "--", names @ ..] => {
            inspect(place, names)
        }
        ["ps", "--all", "--format", "{{.Names}}"] => {
            Ok(names(place)?.iter().map(|name| format!("{name}\n")).collect())
        }
        ["start", "--", name] => run(place, name),
        ["exec", words @ ..] => inside::exec(place, words),
        ["run", .., "--entrypoint", "/usr/local/bin/antctl", _, "--version"] => inside::version(),
        ["stop", "-t", seconds, "--", name] => {
            let seconds = seconds.parse().map_err(told)?;
            let container = read(place, name)?;
            inside::stop_all(place, &container, name);
            stop(pid(&container), Duration::from_secs(seconds));
            Ok(String::new())
        }
        // Nothing restarts here by itself.
        ["update", "--restart", "no" | "always" | "unless-stopped", name] => {
            read(place, name).map(|_| format!("{name}\n"))
        }
        ["rm", "--", name] => match lives(pid(&read(place, name)?)) {
            true => Err(format!("You cannot remove a running container {name}")),
            false => {
                inside::forget(place, name);
                fs::remove_file(file(place, name)).map(|()| String::new()).map_err(told)
            }
        },
        ["logs", "--tail", "3", "--", _] => Ok("its last words\n".to_owned()),
        ["info", "--format", _] => Ok("[]\n".to_owned()),
        ["image", "inspect", ..] => Ok("sha256:0\n".to_owned()),
        ["--version"] => Ok("Docker version 20.10.24\n".to_owned()),
        other => Err(format!("no call of docker: {other:?}")),
    }
}

fn file(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{name}.json"))
}

pub(crate) fn read(place: &Path, name: &str) -> Result<Value, String> {
    let text = fs::read_to_string(file(place, name))
        .map_err(|_| format!("Error response from daemon: No such container: {name}"))?;
    serde_json::from_str(&text).map_err(told)
}

/// Whole or not at all, as the real one keeps its own.
fn write(place: &Path, name: &str, value: &Value) -> Result<(), String> {
    let new = place.join(format!("{name}.new"));
    fs::write(&new, value.to_string()).map_err(told)?;
    fs::rename(new, file(place, name)).map_err(told)
}

pub(crate) fn names(place: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(place).map_err(told)?;
    let names = entries
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

pub(crate) fn pid(container: &Value) -> u32 {
    container["pid"].as_u64().and_then(|pid| pid.try_into().ok()).unwrap_or(0)
}

fn create(place: &Path, options: &[&str]) -> Answer {
    let mut name = String::new();
    let (mut env, mut labels, mut mounts) = (Vec::new(), Map::new(), Map::new());
    let (mut program, mut directory) = (String::new(), "/".to_owned());
    let mut words = options.iter().copied();
    loop {
        let option = words.next().ok_or("no image")?;
        match option {
            "--init" | "--read-only" | "--tty" => continue,
            _ if !option.starts_with("--") => break,
            _ => {}
        }
        let value = words.next().ok_or("no value")?.to_owned();
        match option {
            "--name" => name = value,
            "--env" => env.push(value),
            "--entrypoint" => program = value,
            "--workdir" => directory = value,
            "--label" => {
                let (key, value) = value.split_once('=').ok_or("no label")?;
                labels.insert(key.to_owned(), json!(value));
            }
            "--mount" => {
                let part = |key: &str| value.split(key).nth(1).and_then(|it| it.split('"').next());
                let source = part("\"source=").ok_or("no source")?;
                if !Path::new(source).exists() {
                    return Err(format!("bind source path does not exist: {source}"));
                }
                mounts.insert(part("\"target=").ok_or("no target")?.to_owned(), json!(source));
            }
            idle if IDLE.contains(&idle) => {}
            other => return Err(format!("unknown flag: {other}")),
        }
    }
    if file(place, &name).exists() {
        return Err(format!("The container name \"/{name}\" is already in use"));
    }
    let args: Vec<&str> = words.collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(told)?;
    // Another one of the same name has another.
    let id = format!("{:032x}", now.as_nanos());
    let made = json!({ "id": id, "program": program, "args": args, "env": env, "directory": directory,
        "labels": labels, "mounts": mounts, "pid": 0, "has_run": false });
    write(place, &name, &made)?;
    Ok("0123456789ab\n".to_owned())
}

fn run(place: &Path, name: &str) -> Answer {
    let mut container = read(place, name)?;
    if lives(pid(&container)) {
        return Ok(String::new());
    }
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let word = |key: &str| container[key].as_str().unwrap_or_default().to_owned();
    let mut command = match inside::units(&container) {
        Some(_) => inside::first_process(place, name)?,
        None => {
            let mut command = Command::new(word("program"));
            command.args(texts(&container["args"]));
            command
        }
    };
    command.env_clear().current_dir(word("directory"));
    let env = texts(&container["env"]);
    command.envs(env.iter().filter_map(|pair| pair.split_once('=')));
    container["pid"] = json!(start(&mut command)?);
    container["has_run"] = json!(true);
    write(place, name, &container)?;
    inside::wait_until_it_listens(place, name, &container)?;
    Ok(String::new())
}

fn inspect(place: &Path, wanted: &[&str]) -> Answer {
    let (mut told, mut missing) = (String::new(), String::new());
    for name in wanted {
        let container = match read(place, name) {
            Ok(container) => container,
            Err(why) => {
                missing += &format!("{why}\n");
                continue;
            }
        };
        let (pid, has_run) = (pid(&container), container["has_run"] == json!(true));
        let (status, pid) = match (lives(pid), has_run) {
            (true, _) => ("running", pid),
            (false, true) => ("exited", 0),
            (false, false) => ("created", 0),
        };
        let (id, labels) = (&container["id"], &container["labels"]);
        told += &format!("\"/{name}\"\t\"{status}\"\t{pid}\t0\t0\t{id}\t{labels}\n");
    }
    print!("{told}");
    if missing.is_empty() { Ok(String::new()) } else { Err(missing) }
}
