//! Rows of the table `node`, and what must be true of one and of all together.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::cells::{Row, Table, shown};
use super::error::Problem;

/// What the Python wnm last wrote of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PythonStatus {
    /// It answered.
    Running,
    /// It did not answer, or was stopped. It was started again when there was room.
    Stopped,
    /// It was started.
    Restarting,
    /// Its program was replaced.
    Upgrading,
    /// Never written by any version.
    Migrating,
    /// It was stopped, and its row was to be deleted; its data never was.
    Removing,
    /// Left alone, because an operator said so.
    Disabled,
    /// Its data directory was not there.
    Dead,
}

const STATUSES: [(&str, PythonStatus); 8] = [
    ("RUNNING", PythonStatus::Running),
    ("STOPPED", PythonStatus::Stopped),
    ("RESTARTING", PythonStatus::Restarting),
    ("UPGRADING", PythonStatus::Upgrading),
    ("MIGRATING", PythonStatus::Migrating),
    ("REMOVING", PythonStatus::Removing),
    ("DISABLED", PythonStatus::Disabled),
    ("DEAD", PythonStatus::Dead),
];

/// A node as the Python wnm had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonNode {
    /// The number of its row, and its own.
    pub id: u32,
    /// Its service, unit or job as it was called, with the ending.
    pub service: String,
    /// What kept it: `systemd+user`, or `systemd` alone in early versions; `None` in the first.
    pub manager: Option<String>,
    /// True when it was in a container.
    pub in_container: bool,
    /// As whom it was said to run. Nodes of a user had `ant` there as well.
    pub user: Option<String>,
    /// What it runs.
    pub binary: PathBuf,
    /// Its version, if it was known.
    pub version: Option<String>,
    /// Its data directory. `None` when what stands there cannot be one of one node: an early
    /// version cut paths at the first dot.
    pub data: Option<PathBuf>,
    /// Its log directory; mostly not written down.
    pub logs: Option<PathBuf>,
    /// The port it talks to others on.
    pub port: u16,
    /// Its metrics port.
    pub metrics_port: u16,
    /// Its RPC port; antctl's nodes have one.
    pub rpc_port: Option<u16>,
    /// The network. `None` when what stands there is none: an early version took the word after
    /// the wallet, whatever it was.
    pub network: Option<String>,
    /// Who earns, as written.
    pub wallet: Option<String>,
    /// Its status.
    pub status: PythonStatus,
    /// When it was launched first, in seconds since 1970. `None`: it is not known.
    pub launched: Option<u64>,
    /// One `KEY=VALUE`.
    pub environment: Option<String>,
    /// What was made of its row, a sentence each.
    pub remarks: Vec<String>,
}

/// 1 January 2100.
const FAR_FUTURE: u64 = 4_102_444_800;

const TABLE: &str = "node";

/// Every node, or all that is wrong with them.
pub(super) fn nodes(table: &Table) -> Result<Vec<PythonNode>, Vec<Problem>> {
    let mut problems = table.problems.clone();
    let mut nodes = Vec::new();
    for (row, cells) in &table.rows {
        let mut reading = Reading { row: *row, cells, problems: &mut problems };
        nodes.extend(reading.node());
    }
    problems.extend(doubles(&nodes));
    if problems.is_empty() { Ok(nodes) } else { Err(problems) }
}

/// One row.
struct Reading<'a> {
    row: i64,
    cells: &'a Row,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    /// `None` when a problem was noted, or one cell was refused before.
    fn node(&mut self) -> Option<PythonNode> {
        let before = self.problems.len();
        let mut remarks = Vec::new();
        let id = self.id();
        let node = PythonNode {
            id: id.unwrap_or_default(),
            service: self.service(id)?,
            manager: self.text("manager_type"),
            in_container: self.cells.contains_key("container_id"),
            user: self.text("user"),
            binary: self.path("binary")?,
            version: self.text("version"),
            data: self.data(id, &mut remarks),
            logs: self.logs(),
            port: self.port("port")?,
            metrics_port: self.port("metrics_port")?,
            rpc_port: self.rpc_port(),
            network: self.network(&mut remarks),
            wallet: self.text("wallet"),
            status: self.status()?,
            launched: self.launched(),
            environment: self.text("environment"),
            remarks,
        };
        (self.problems.len() == before && id.is_some()).then_some(node)
    }

    fn text(&self, column: &'static str) -> Option<String> {
        // Python's nothing, written as a text.
        self.cells.get(column).filter(|text| !text.is_empty() && *text != "None").cloned()
    }

    fn bad<T>(&mut self, column: &'static str, why: String) -> Option<T> {
        let (row, column) = (Some(self.row), Some(column));
        self.problems.push(Problem { table: TABLE, row, column, why });
        None
    }

    fn id(&mut self) -> Option<u32> {
        let text = self.cells.get("id")?;
        match text.parse::<u32>() {
            Ok(id) if id > 0 => {}
            _ => return self.bad("id", format!("{} is no number of a node", shown(text))),
        }
        let id: u32 = text.parse().ok()?;
        let name = self.cells.get("node_name")?;
        match name.parse::<u32>() {
            Ok(named) if named == id => Some(id),
            _ => self.bad("node_name", format!("{} is not the name of node {id}", shown(name))),
        }
    }

    /// Names of managers only: what goes into a command line begins with no dash and no path.
    fn service(&mut self, id: Option<u32>) -> Option<String> {
        let text = self.cells.get("service")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let sound = text.len() < 100
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(plain)
            && id.is_none_or(|id| names(text, id));
        match sound {
            true => Some(text.clone()),
            false => self.bad("service", format!("{} is no service of this node", shown(text))),
        }
    }

    fn path(&mut self, column: &'static str) -> Option<PathBuf> {
        let text = self.cells.get(column)?.clone();
        match refuse_path(&text) {
            None => Some(PathBuf::from(text)),
            Some(why) => self.bad(column, why),
        }
    }

    fn data(&mut self, id: Option<u32>, remarks: &mut Vec<String>) -> Option<PathBuf> {
        let path = self.path("root_dir")?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if id.is_some_and(|id| names(name, id)) {
            return Some(path);
        }
        remarks.push(format!(
            "its data directory stands there as {}, which is none of one node: early versions cut \
             paths at the first dot",
            shown(&path.to_string_lossy())
        ));
        None
    }

    fn logs(&mut self) -> Option<PathBuf> {
        self.cells.contains_key("log_dir").then(|| self.path("log_dir")).flatten()
    }

    fn port(&mut self, column: &'static str) -> Option<u16> {
        let text = self.cells.get(column)?;
        match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => self.bad(column, format!("{} is no port: ports go from 1 to 65535", shown(text))),
        }
    }

    fn rpc_port(&mut self) -> Option<u16> {
        match self.cells.get("rpc_port").map(String::as_str) {
            None | Some("0") => None,
            Some(_) => self.port("rpc_port"),
        }
    }

    fn network(&mut self, remarks: &mut Vec<String>) -> Option<String> {
        let text = self.text("network")?;
        if text.starts_with("evm-") {
            return Some(text);
        }
        remarks.push(format!(
            "its network stands there as {}, which is none: early versions took whatever followed \
             the wallet",
            shown(&text)
        ));
        None
    }

    fn status(&mut self) -> Option<PythonStatus> {
        let text = self.cells.get("status")?;
        match STATUSES.iter().find(|(name, _)| name == text) {
            Some((_, status)) => Some(*status),
            None => {
                self.bad("status", format!("{} is no status that was ever written", shown(text)))
            }
        }
    }

    fn launched(&mut self) -> Option<u64> {
        let text = self.cells.get("age")?;
        match text.parse::<u64>() {
            Ok(0) => None,
            Ok(seconds) if seconds < FAR_FUTURE => Some(seconds),
            _ => self.bad("age", format!("{} is no time in seconds since 1970", shown(text))),
        }
    }
}

/// True when `name` is of node `id`: `antnode0003`, `antnode3`, `com.autonomi.antnode-3`, with or
/// without the ending of a unit.
fn names(name: &str, id: u32) -> bool {
    let stem = name.strip_suffix(".service").unwrap_or(name);
    let number =
        stem.rsplit_once("antnode").map(|(_, rest)| rest.strip_prefix('-').unwrap_or(rest));
    let plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    number.filter(plain).is_some_and(|number| number.parse() == Ok(id))
}

/// What is wrong with a path that somebody may come to delete.
pub(super) fn refuse_path(text: &str) -> Option<String> {
    let path = Path::new(text);
    let found = shown(text);
    if !path.is_absolute() {
        return Some(format!("{found} is not a path from the root on"));
    }
    let leads_away = |part: Component<'_>| matches!(part, Component::ParentDir);
    if path.components().any(leads_away) || text.split('/').any(|part| part == ".") {
        return Some(format!("{found} has `.` or `..` in it: paths must say where they lead"));
    }
    path.file_name().is_none().then(|| format!("{found} is the root of everything"))
}

/// Two nodes on one port, service, directory or number.
fn doubles(nodes: &[PythonNode]) -> Vec<Problem> {
    let mut seen: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let mut problems = Vec::new();
    for node in nodes {
        let ports = [
            ("port", Some(node.port)),
            ("metrics_port", Some(node.metrics_port)),
            ("rpc_port", node.rpc_port),
        ];
        let ports = ports
            .into_iter()
            .filter_map(|(column, port)| Some((column, "port", port?.to_string())));
        let data = node.data.iter().map(|it| ("root_dir", "root_dir", it.display().to_string()));
        let own = [("id", "id", node.id.to_string()), ("service", "service", node.service.clone())];
        for (column, what, text) in own.into_iter().chain(data).chain(ports) {
            if let Some(other) = seen.insert((what, text.clone()), node.id) {
                let why = match other == node.id {
                    true => format!("{} stands there twice", shown(&text)),
                    false => format!("{} is of node {other} as well", shown(&text)),
                };
                let (row, column) = (Some(i64::from(node.id)), Some(column));
                problems.push(Problem { table: TABLE, row, column, why });
            }
        }
    }
    problems
}
