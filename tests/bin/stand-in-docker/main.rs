//! Does of docker what wnm calls, with processes of our own instead of containers. What it keeps of one is
//! a file of the shape that `inspect` shows, in `~/.stand-in-docker`; a story makes those of somebody
//! else by writing such a file. Strict about its command line.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a whole program of its own: it has files, an environment and output"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

type Answer = Result<String, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let engine = Engine(
        PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".stand-in-docker"),
    );
    match engine.answer(&args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

struct Engine(PathBuf);

impl Engine {
    fn answer(&self, args: &[&str]) -> Answer {
        let told = fs::read_to_string(self.0.join("conf")).unwrap_or_default();
        let verb = args.first().copied().unwrap_or_default();
        for word in told.split_whitespace() {
            match word.split_once('=') {
                None if word == "down" => {
                    return Err(
                        "Cannot connect to the Docker daemon. Is the docker daemon running?".into(),
                    );
                }
                Some(("refuse", which)) if which == verb => {
                    return Err(format!("Error response from daemon: no {verb} today"));
                }
                _ => {}
            }
        }
        match args {
            ["--version"] => Ok("Docker version 28.2.2, a stand-in\n".into()),
            ["info", "--format", _] => Ok("[]\n".into()),
            ["image", "inspect", "--format", "{{.Id}}", "--", _] => Ok("sha256:5\n".into()),
            ["ps", "--all", "--format", "{{.Names}}"] => Ok(self.lines(name_of)),
            ["ps", "--all", "--quiet", "--no-trunc"] => Ok(self.lines(|it| text(it, "/Id"))),
            ["inspect", "--type", "container", "--format", format, "--", names @ ..] => {
                self.inspect(format, names)
            }
            ["create", options @ ..] => self.create(options),
            ["start", "--", name] => self.with(name, start),
            ["stop", "-t", _, "--", name] => self.with(name, stop),
            ["unpause", "--", _] => Err("it is not paused".into()),
            ["update", "--restart", policy, name] => self.with(name, |it| {
                it["HostConfig"]["RestartPolicy"]["Name"] = json!(policy);
                Ok(())
            }),
            ["rename", name, to] => self.with(name, |it| {
                it["Name"] = json!(format!("/{to}"));
                Ok(())
            }),
            ["rm", "--", name] => self.remove(name),
            ["cp", "-L", from, to] => self.copy(from, to),
            ["logs", "--tail", "3", "--", _] => Ok("its last words\n".into()),
            other => panic!("no call of docker: {other:?}"),
        }
    }

    fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// All containers, with what they do now.
    fn all(&self) -> Vec<Value> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let files =
            entries.map(|it| it.path()).filter(|it| it.extension().is_some_and(|it| it == "json"));
        let mut all: Vec<Value> = files
            .map(|file| fs::read_to_string(file).expect("a container"))
            .map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
            .collect();
        all.iter_mut().filter(|it| it.is_object()).for_each(look);
        all.sort_by_key(name_of);
        all
    }

    fn lines(&self, of: impl Fn(&Value) -> String) -> String {
        self.all().iter().map(|it| of(it) + "\n").collect()
    }

    fn find(&self, name: &str) -> Option<Value> {
        self.all().into_iter().find(|it| name_of(it) == name || text(it, "/Id") == name)
    }

    fn inspect(&self, format: &str, names: &[&str]) -> Answer {
        let (mut told, mut missing) = (String::new(), String::new());
        for name in names {
            match self.find(name) {
                Some(it) if format == "{{json .}}" => told += &format!("{it}\n"),
                Some(it) => {
                    let fields = [
                        "/Name",
                        "/State/Status",
                        "/State/Pid",
                        "/State/ExitCode",
                        "/RestartCount",
                        "/Id",
                        "/Config/Labels",
                    ];
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|field| it.pointer(field).cloned().unwrap_or(json!(0)).to_string())
                        .collect();
                    told += &(fields.join("\t") + "\n");
                }
                None => {
                    missing += &format!("Error response from daemon: No such container: {name}\n")
                }
            }
        }
        print!("{told}");
        if missing.is_empty() { Ok(String::new()) } else { Err(missing) }
    }

    fn with(&self, name: &str, act: impl FnOnce(&mut Value) -> Result<(), String>) -> Answer {
        let Some(mut it) = self.find(name) else {
            return Err(format!("No such container: {name}"));
        };
        act(&mut it)?;
        self.save(&it);
        Ok(format!("{name}\n"))
    }

    fn save(&self, it: &Value) {
        fs::create_dir_all(&self.0).expect("a directory");
        fs::write(self.file(&text(it, "/Id")), it.to_string()).expect("written");
    }

    fn remove(&self, name: &str) -> Answer {
        let Some(it) = self.find(name) else { return Err(format!("No such container: {name}")) };
        if it["State"]["Pid"] != 0 {
            return Err(format!("You cannot remove a running container {name}"));
        }
        fs::remove_file(self.file(&text(&it, "/Id"))).expect("removed");
        Ok(String::new())
    }

    /// A container's own files lie in a directory that its maker named.
    fn copy(&self, from: &str, to: &str) -> Answer {
        let (name, path) = from.split_once(':').expect("a place in a container");
        let it = self.find(name).ok_or_else(|| format!("No such container: {name}"))?;
        let root = text(&it, "/StandInRoot");
        let file = Path::new(&root).join(path.trim_start_matches('/'));
        let copied = fs::copy(&file, to);
        copied
            .map(|_| String::new())
            .map_err(|_| format!("Could not find the file {path} in container {name}"))
    }

    fn create(&self, options: &[&str]) -> Answer {
        let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut words = options.iter().copied();
        let image = loop {
            match words.next().expect("an image") {
                "--init" | "--read-only" => {}
                option if option.starts_with("--") => {
                    values.entry(option).or_default().push(words.next().expect("a value"));
                }
                image => break image,
            }
        };
        let args: Vec<&str> = words.collect();
        let one = |option: &str| {
            values.get(option).and_then(|it| it.first()).copied().unwrap_or_default()
        };
        let name = one("--name");
        if self.find(name).is_some() {
            return Err(format!("Conflict. The container name \"/{name}\" is already in use"));
        }
        let mut mounts = Vec::new();
        for mount in values.get("--mount").into_iter().flatten() {
            let source = mount.split("\"source=").nth(1).and_then(|it| it.split('"').next());
            let source = source.expect("a source");
            if !Path::new(source).exists() {
                return Err(format!("bind source path does not exist: {source}"));
            }
            mounts.push(json!({ "Type": "bind", "Source": source, "Destination": source,
                                "RW": !mount.ends_with(",readonly") }));
        }
        let labels: BTreeMap<&str, &str> = values
            .get("--label")
            .into_iter()
            .flatten()
            .filter_map(|it| it.split_once('='))
            .collect();
        let id = format!("{:064x}", std::process::id());
        self.save(&json!({
            "Id": id, "Name": format!("/{name}"), "Path": one("--entrypoint"), "Args": args,
            "RestartCount": 0, "State": { "Status": "created", "Pid": 0, "ExitCode": 0 },
            "Config": { "User": one("--user"), "Env": values.get("--env"), "Labels": labels,
                        "Image": image, "WorkingDir": one("--workdir") },
            "HostConfig": { "NetworkMode": one("--network"), "AutoRemove": false, "Memory": 0,
                            "NanoCpus": 0, "RestartPolicy": { "Name": one("--restart") } },
            "Mounts": mounts,
        }));
        Ok(format!("{id}\n"))
    }
}

fn text(it: &Value, field: &str) -> String {
    it.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn name_of(it: &Value) -> String {
    text(it, "/Name").trim_start_matches('/').to_owned()
}

/// What its process does.
fn look(it: &mut Value) {
    let pid = it["State"]["Pid"].as_u64().unwrap_or_default();
    if pid != 0 && !lives(pid) {
        it["State"] = json!({ "Status": "exited", "Pid": 0, "ExitCode": 0 });
    }
}

fn lives(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn start(it: &mut Value) -> Result<(), String> {
    if it["State"]["Pid"] != 0 {
        return Ok(());
    }
    let path = text(it, "/Path");
    let real = match text(it, "/StandInProgram") {
        none if none.is_empty() => path.clone(),
        real => real,
    };
    let words = |field: &str| -> Vec<String> {
        let list = it.pointer(field).and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let mut command = Command::new(real);
    command.arg0(path).args(words("/Args")).env_clear();
    command.envs(words("/Config/Env").iter().filter_map(|word| word.split_once('=')));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let child = command.spawn().map_err(|error| error.to_string())?;
    it["State"] = json!({ "Status": "running", "Pid": child.id(), "ExitCode": 0 });
    Ok(())
}

fn stop(it: &mut Value) -> Result<(), String> {
    let pid = it["State"]["Pid"].as_u64().unwrap_or_default();
    if pid != 0 {
        // It may have ended in this moment.
        kill(Pid::from_raw(pid as i32), Signal::SIGTERM).ok();
        let deadline = Instant::now() + Duration::from_secs(20);
        while lives(pid) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    it["State"] = json!({ "Status": "exited", "Pid": 0, "ExitCode": 0 });
    Ok(())
}
