//! Nodes of the daemon: its registry, their processes, and its supervision.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};

/// What it answers instead.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: impl Into<String>) -> Refusal {
        Refusal { status, body: json!({ "error": error.into() }) }
    }

    fn unknown(id: u32) -> Refusal {
        Refusal::new(404, format!("Node not found: {id}"))
    }

    fn conflict(id: u32, error: &str, status: &str) -> Refusal {
        let state = json!({ "node_id": id, "status": status });
        Refusal { status: 409, body: json!({ "error": error, "current_state": state }) }
    }
}

#[derive(Debug, Clone)]
struct Runtime {
    status: &'static str,
    pid: Option<u32>,
    started: Instant,
    crashes: u32,
    /// Nobody waits for it: it was started by an earlier daemon.
    adopted: bool,
}

impl Runtime {
    fn new(status: &'static str, pid: Option<u32>) -> Runtime {
        Runtime { status, pid, started: Instant::now(), crashes: 0, adopted: false }
    }

    /// The real one looks after those it adopted every five seconds.
    fn status(&self) -> &'static str {
        match self.adopted && self.pid.is_some_and(|pid| !lives(pid)) {
            true => "stopped",
            false => self.status,
        }
    }
}

#[derive(Debug)]
struct Inner {
    registry: Value,
    runtime: BTreeMap<u32, Runtime>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Nodes {
    path: PathBuf,
    home: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

impl Nodes {
    pub(crate) fn load(home: &Path) -> Result<Nodes, String> {
        let path = home.join("node_registry.json");
        let registry = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
            Err(_) => json!({ "schema_version": 1, "nodes": {}, "next_id": 1 }),
        };
        let inner = Arc::new(Mutex::new(Inner { registry, runtime: BTreeMap::new() }));
        Ok(Nodes { path, home: home.to_owned(), inner })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics")
    }

    fn save(&self, inner: &Inner) {
        let text = serde_json::to_string_pretty(&inner.registry).expect("it was JSON before");
        let beside = self.path.with_extension("tmp");
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.path)).expect("written");
    }

    /// Those that an earlier daemon left running.
    pub(crate) fn adopt(&self) {
        let mut inner = self.inner();
        for config in inner.configs() {
            let file = directory(&config).join("node.pid");
            let pid = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(pid) = pid.filter(|pid| lives(*pid)) {
                let runtime = Runtime { adopted: true, ..Runtime::new("running", Some(pid)) };
                inner.runtime.insert(id_of(&config), runtime);
            }
        }
    }

    /// Running, stopped, errored.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let inner = self.inner();
        let all: Vec<_> = inner.configs().iter().map(|it| inner.status(it)).collect();
        let count = |of: &str| all.iter().filter(|it| **it == of).count();
        let (running, errored) = (count("running"), count("errored"));
        [running, all.len() - running - errored, errored]
    }

    pub(crate) fn summaries(&self) -> Value {
        let inner = self.inner();
        let nodes: Vec<Value> = inner.configs().iter().map(|it| inner.summary(it)).collect();
        let up = nodes.iter().filter(|it| it["status"] == "running").count();
        json!({ "total_running": up, "total_stopped": nodes.len() - up, "nodes": nodes })
    }

    pub(crate) fn detail(&self, id: u32) -> Result<Value, Refusal> {
        let inner = self.inner();
        let mut config = inner.config(id)?;
        let summary = inner.summary(&config);
        for key in ["status", "pid", "uptime_secs"] {
            config[key] = summary.get(key).cloned().unwrap_or(Value::Null);
        }
        Ok(config)
    }

    pub(crate) fn add(&self, body: &str) -> Result<Value, Refusal> {
        let told: Value = serde_json::from_str(body).map_err(|error| bad(&error.to_string()))?;
        for key in ["count", "rewards_address", "binary_source", "bootstrap_peers", "env_variables"]
        {
            told.get(key).ok_or_else(|| bad(&format!("missing field `{key}`")))?;
        }
        let wallet = told["rewards_address"].as_str().unwrap_or_default();
        if !(wallet.starts_with("0x") && wallet.len() == 42) {
            return Err(Refusal::new(400, "Invalid rewards address"));
        }
        let source = &told["binary_source"];
        let program = PathBuf::from(source["value"].as_str().unwrap_or_default());
        if source["type"] != "local_path" || !fs::exists(&program).unwrap_or(false) {
            return Err(Refusal::new(400, format!("Binary not found at {}", program.display())));
        }
        let version = version(&program).map_err(|error| Refusal::new(400, error))?;
        let mut inner = self.inner();
        let id = inner.registry["next_id"].as_u64().unwrap_or(1) as u32;
        let name = format!("node-{id}");
        let prefix = told["data_dir_path"].as_str().map(PathBuf::from);
        let data = prefix.unwrap_or_else(|| self.home.join("nodes")).join(&name);
        let logs = told["log_dir_path"].as_str().map(|it| Path::new(it).join(&name).join("logs"));
        let binary = data.join("ant-node");
        let made = fs::create_dir_all(&data)
            .and_then(|()| logs.as_ref().map_or(Ok(()), fs::create_dir_all))
            .and_then(|()| fs::copy(&program, &binary));
        made.map_err(|error| Refusal::new(400, error.to_string()))?;
        let mut variables = Map::new();
        for pair in told["env_variables"].as_array().into_iter().flatten() {
            variables.insert(pair[0].as_str().unwrap_or_default().to_owned(), pair[1].clone());
        }
        let config = json!({
            "id": id,
            "service_name": format!("node{id}"),
            "rewards_address": wallet,
            "data_dir": data,
            "log_dir": logs,
            "node_port": told.get("node_port").cloned().unwrap_or(Value::Null),
            "binary_path": binary,
            "version": version,
            "env_variables": variables,
            "bootstrap_peers": told["bootstrap_peers"],
            "upgrade_channel": null,
            "evm_network": told.get("evm_network").cloned().unwrap_or(json!("arbitrum-one")),
            "eviction": null,
        });
        inner.registry["nodes"][id.to_string()] = config.clone();
        inner.registry["next_id"] = json!(id + 1);
        self.save(&inner);
        Ok(json!({ "nodes_added": [config] }))
    }

    pub(crate) fn remove(&self, id: u32) -> Result<Value, Refusal> {
        let mut inner = self.inner();
        if inner.runtime.get(&id).is_some_and(|it| it.status() == "running") {
            let error = format!("Cannot remove node {id} while it is running. Stop it first.");
            return Err(Refusal::conflict(id, &error, "running"));
        }
        let removed = inner.config(id)?;
        let nodes = inner.registry["nodes"].as_object_mut().expect("an object");
        nodes.remove(&id.to_string());
        self.save(&inner);
        Ok(json!({ "removed": removed }))
    }

    pub(crate) fn start(&self, id: u32) -> Result<Value, Refusal> {
        let mut inner = self.inner();
        let config = inner.config(id)?;
        match inner.status(&config) {
            "evicted" => {
                let error = format!("Node {id} has been evicted and cannot be started.");
                return Err(Refusal::conflict(id, &error, "evicted"));
            }
            "running" => {
                let error = format!("Node {id} is already running");
                return Err(Refusal::conflict(id, &error, "running"));
            }
            _ => {}
        }
        let mut child = spawn(&config).map_err(|error| Refusal::new(500, error.to_string()))?;
        let pid = child.id();
        // A second with the real one.
        thread::sleep(Duration::from_millis(200));
        if let Ok(Some(ended)) = child.try_wait() {
            inner.runtime.insert(id, Runtime::new("errored", None));
            let said = fs::read_to_string(errors_of(&config)).unwrap_or_default();
            let why = if said.trim().is_empty() { format!("exit code: {ended}") } else { said };
            let error = format!("Node {id} exited immediately: {}", why.trim());
            return Err(Refusal::new(500, error));
        }
        inner.runtime.insert(id, Runtime::new("running", Some(pid)));
        let shared = Arc::clone(&self.inner);
        thread::spawn(move || watch(child, &config, &shared));
        Ok(json!({ "node_id": id, "service_name": format!("node{id}"), "pid": pid }))
    }

    pub(crate) fn stop(&self, id: u32) -> Result<Value, Refusal> {
        let mut inner = self.inner();
        let config = inner.config(id)?;
        let status = inner.status(&config);
        if status != "running" {
            let error = match status {
                "evicted" => format!("Node {id} has been evicted; there is nothing to stop."),
                _ => format!("Node {id} is not running"),
            };
            return Err(Refusal::conflict(id, &error, status));
        }
        inner.end(id, "stopped");
        Ok(json!({ "node_id": id, "service_name": format!("node{id}") }))
    }

    pub(crate) fn evict(&self, id: u32) -> Result<Value, Refusal> {
        let mut inner = self.inner();
        let config = inner.config(id)?;
        inner.end(id, "evicted");
        fs::remove_dir_all(directory(&config)).map_err(|it| Refusal::new(500, it.to_string()))?;
        let reason =
            "Automatically evicted to reclaim disk space: only 480 MiB free on its partition.";
        let eviction = json!({ "reason": reason, "evicted_at": 1, "reclaimed_bytes": 9 });
        inner.registry["nodes"][id.to_string()]["eviction"] = eviction;
        self.save(&inner);
        Ok(json!({}))
    }
}

impl Inner {
    fn configs(&self) -> Vec<Value> {
        self.registry["nodes"].as_object().into_iter().flat_map(Map::values).cloned().collect()
    }

    fn config(&self, id: u32) -> Result<Value, Refusal> {
        self.registry["nodes"].get(id.to_string()).cloned().ok_or_else(|| Refusal::unknown(id))
    }

    fn status(&self, config: &Value) -> &'static str {
        match config["eviction"].is_null() {
            false => "evicted",
            true => self.runtime.get(&id_of(config)).map_or("stopped", Runtime::status),
        }
    }

    fn summary(&self, config: &Value) -> Value {
        let id = id_of(config);
        let mut summary = json!({
            "node_id": id,
            "name": config["service_name"],
            "version": config["version"],
            "status": self.status(config),
        });
        match self.runtime.get(&id).filter(|_| config["eviction"].is_null()) {
            Some(Runtime { pid: Some(pid), started, .. }) => {
                summary["pid"] = json!(pid);
                summary["uptime_secs"] = json!(started.elapsed().as_secs());
            }
            _ if !config["eviction"].is_null() => summary["eviction"] = config["eviction"].clone(),
            _ => {}
        }
        summary
    }

    /// Asks, waits ten seconds, insists; the lock is held all the time, as with the real one.
    fn end(&mut self, id: u32, status: &'static str) {
        let Some(runtime) = self.runtime.get_mut(&id) else { return };
        runtime.status = "stopping";
        let pid = runtime.pid.take();
        runtime.status = status;
        let Some(pid) = pid else { return };
        send(pid, Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while lives(pid) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        if lives(pid) {
            send(pid, Signal::SIGKILL);
        }
    }
}

/// Starts a node that ended by itself again, after 1 s, 2 s, 4 s …; five times at most. Like the real
/// one it does not look again whether it was stopped during that pause.
fn watch(mut child: Child, config: &Value, shared: &Mutex<Inner>) {
    let id = id_of(config);
    loop {
        child.wait().ok();
        let pause = {
            let mut inner = shared.lock().expect("nobody panics");
            let Some(runtime) = inner.runtime.get_mut(&id) else { return };
            if runtime.status != "running" {
                return;
            }
            runtime.crashes += 1;
            if runtime.crashes >= 5 {
                runtime.status = "errored";
                runtime.pid = None;
                return;
            }
            Duration::from_secs(1 << (runtime.crashes - 1))
        };
        thread::sleep(pause);
        let Ok(next) = spawn(config) else { return };
        child = next;
        let mut inner = shared.lock().expect("nobody panics");
        if let Some(runtime) = inner.runtime.get_mut(&id) {
            *runtime = Runtime { status: "running", pid: Some(child.id()), ..runtime.clone() };
        }
    }
}

fn spawn(config: &Value) -> io::Result<Child> {
    let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
    let mut command = Command::new(text("binary_path"));
    command.args(["--rewards-address", &text("rewards_address"), "--root-dir", &text("data_dir")]);
    if config["log_dir"].is_string() {
        command.args(["--enable-logging", "--log-dir", &text("log_dir")]);
    }
    if let Some(port) = config["node_port"].as_u64() {
        command.args(["--port", &port.to_string()]);
    }
    for peer in config["bootstrap_peers"].as_array().into_iter().flatten() {
        command.args(["--bootstrap", peer.as_str().unwrap_or_default()]);
    }
    command.args(["--stop-on-upgrade", "--evm-network", &text("evm_network")]);
    for (key, value) in config["env_variables"].as_object().into_iter().flatten() {
        command.env(key, value.as_str().unwrap_or_default());
    }
    let errors = fs::OpenOptions::new().create(true).append(true).open(errors_of(config))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    let child = command.spawn()?;
    fs::write(directory(config).join("node.pid"), child.id().to_string())?;
    Ok(child)
}

fn version(program: &Path) -> Result<String, String> {
    let failed =
        |error: &dyn std::fmt::Display| format!("failed to run {}: {error}", program.display());
    let output = Command::new(program).arg("--version").output().map_err(|it| failed(&it))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().last().map(str::to_owned);
    version.filter(|_| output.status.success()).ok_or_else(|| failed(&output.status))
}

fn directory(config: &Value) -> PathBuf {
    PathBuf::from(config["data_dir"].as_str().unwrap_or_default())
}

fn errors_of(config: &Value) -> PathBuf {
    let logs = config["log_dir"].as_str().map_or_else(|| directory(config), PathBuf::from);
    logs.join("stderr.log")
}

fn id_of(config: &Value) -> u32 {
    config["id"].as_u64().unwrap_or_default() as u32
}

fn bad(what: &str) -> Refusal {
    Refusal::new(422, format!("Failed to deserialize the JSON body into the target type: {what}"))
}

fn send(pid: u32, signal: Signal) {
    // It may have ended meanwhile.
    kill(Pid::from_raw(pid as i32), signal).ok();
}

/// What has ended and was not collected yet does not live.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
