//! The registry, written in place as the real one does.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    written: Value,
}

impl Registry {
    pub(crate) fn load() -> Result<Registry, String> {
        let path = place().join("node_registry.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let empty = json!({"daemon": null, "environment_variables": null, "nat_status": null,
                           "nodes": [], "save_path": path});
        let written = match text.trim() {
            "" => empty,
            text => serde_json::from_str(text).map_err(|error| error.to_string())?,
        };
        Ok(Registry { path, written })
    }

    pub(crate) fn nodes(&self) -> &[Value] {
        self.written["nodes"].as_array().map_or(&[], Vec::as_slice)
    }

    fn nodes_mut(&mut self) -> &mut Vec<Value> {
        self.written["nodes"].as_array_mut().expect("a list")
    }

    /// One that was not removed.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        let nodes = self.nodes().iter();
        let mut living = nodes.filter(|node| node["status"] != "Removed");
        living.find(|node| node["service_name"] == name)
    }

    pub(crate) fn living(&self) -> Vec<String> {
        let nodes = self.nodes().iter().filter(|node| node["status"] != "Removed");
        nodes.map(|node| node["service_name"].to_string()).collect()
    }

    pub(crate) fn has_port(&self, port: u16) -> bool {
        let end = format!(":{port}");
        self.nodes().iter().any(|node| {
            node["node_port"] == port
                || node["metrics_port"] == port
                || node["rpc_socket_addr"].as_str().is_some_and(|rpc| rpc.ends_with(&end))
        })
    }

    pub(crate) fn push(&mut self, node: Value) {
        self.nodes_mut().push(node);
    }

    pub(crate) fn set_removed(&mut self, name: &str) {
        let nodes = self.nodes_mut().iter_mut();
        for node in nodes.filter(|node| node["service_name"] == name) {
            node["status"] = json!("Removed");
        }
    }

    pub(crate) fn lose_first(&mut self) {
        self.nodes_mut().remove(0);
        self.save();
    }

    pub(crate) fn status(&self) -> String {
        let status = json!({"nodes": self.written["nodes"], "daemon": null});
        serde_json::to_string_pretty(&status).expect("JSON")
    }

    pub(crate) fn save(&self) {
        self.overwrite(&self.written.to_string());
    }

    pub(crate) fn overwrite(&self, text: &str) {
        fs::create_dir_all(place())
            .and_then(|()| fs::write(&self.path, text))
            .unwrap_or_else(|error| super::fail(&error.to_string()));
    }

    pub(crate) fn delete(&self) {
        fs::remove_file(&self.path).unwrap_or_else(|error| super::fail(&error.to_string()));
    }
}

/// A process of the node, found as the real one does: by the file it runs.
pub(crate) fn process_of(node: &Value) -> Option<u32> {
    let program = Path::new(node["antnode_path"].as_str()?);
    let mut pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        (fs::read_link(entry.path().join("exe")).ok()? == program).then_some(pid)
    });
    pids.next()
}

pub(crate) fn is_root() -> bool {
    own_home().is_some()
        || nix::unistd::geteuid().is_root() && env::var_os("WNM_STANDIN_USER_MODE").is_none()
}

/// Where the registry is, and a user's nodes unless something else is said.
pub(crate) fn place() -> PathBuf {
    match is_root() {
        true => own_home().unwrap_or_else(|| "/var/antctl".into()),
        false => below_home("XDG_DATA_HOME", ".local/share").join("autonomi/node"),
    }
}

pub(crate) fn unit_file(service: &str) -> PathBuf {
    let units = match is_root() {
        true => env::var_os("WNM_STANDIN_UNITS")
            .map_or_else(|| "/etc/systemd/system".into(), PathBuf::from),
        false => below_home("XDG_CONFIG_HOME", ".config").join("systemd/user"),
    };
    units.join(format!("{service}.service"))
}

/// Where a test has what a container would see as the one place of root's.
fn own_home() -> Option<PathBuf> {
    env::var_os("WNM_STANDIN_HOME").map(PathBuf::from)
}

fn below_home(variable: &str, otherwise: &str) -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").expect("HOME is set")).join(otherwise);
    env::var_os(variable).map_or_else(home, PathBuf::from)
}
