//! Somebody who runs wnm on a host, with a node program: a user, root, or an operator with sudo.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::host::{Host, Ran, stand_in_bin, wnm_bin};

/// The user.
const NAME: &str = "op";
/// What keeps a real `ant-node` on the host's loopback.
const CLOSED_NETWORK: [&str; 6] = [
    "--network",
    "evm-custom,http://127.0.0.1:61611,0x5FbDB2315678afecb367f032d93F642f64180aa3,\
     0x8464135c8F25Da09e49BC8782676a84730C318bC",
    "--start-args",
    "--network-mode development --ipv4-only",
    "--bootstrap",
    "127.0.0.1:55001",
];
/// CPU use is known ten seconds after init, and a real node takes its time to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A lingering user who may do nothing special: the user scope.
    User,
    /// Root: the system scope.
    Root,
    /// A user with sudo, without a password: the system scope.
    Sudo,
}

#[derive(Debug)]
pub(super) struct Operator {
    pub(super) host: Host,
    who: Who,
    /// wnm runs as from a login, and not in a service that takes along what it started.
    is_logged_in: bool,
}

impl Operator {
    /// An unprivileged user on a new host; None when the system tier was not asked for.
    pub(super) fn new(label: &str) -> Option<Operator> {
        Operator::of(label, Who::User)
    }

    /// The same for anybody.
    pub(super) fn of(label: &str, who: Who) -> Option<Operator> {
        Operator::with_units(label, who, &[])
    }

    /// The same on a host with more of the machine's units enabled.
    pub(super) fn with_units(label: &str, who: Who, units: &[&str]) -> Option<Operator> {
        let host = Host::up_with(label, units)?;
        match who {
            Who::User => host.lingering_user(NAME),
            Who::Root => {}
            Who::Sudo => {
                host.sh(&format!("useradd -m -s /bin/bash {NAME}")).ok();
                host.sh(&format!("echo '{NAME} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{NAME}"))
                    .ok();
            }
        }
        host.put(&wnm_bin(), "/usr/local/bin/wnm");
        let program = real_node().unwrap_or_else(stand_in_bin);
        host.put(&program, "/usr/local/bin/ant-node");
        Some(Operator { host, who, is_logged_in: false })
    }

    /// From now on wnm runs outside of services.
    pub(super) fn logged_in(mut self) -> Operator {
        self.is_logged_in = true;
        self
    }

    fn is_user(&self) -> bool {
        self.who == Who::User
    }

    /// The base directory.
    pub(super) fn base(&self) -> &'static str {
        if self.is_user() { "/home/op/.local/share/autonomi" } else { "/var/antctl" }
    }

    /// Where the nodes' data lies.
    pub(super) fn data_root(&self) -> &'static str {
        if self.is_user() { "/home/op/.local/share/autonomi/node" } else { "/var/antctl/services" }
    }

    /// Where units lie.
    pub(super) fn unit_dir(&self) -> &'static str {
        if self.is_user() { "/home/op/.config/systemd/user" } else { "/etc/systemd/system" }
    }

    /// What talks to the systemd that keeps the nodes, in a `shell`.
    pub(super) fn systemctl(&self) -> &'static str {
        if self.is_user() { "systemctl --user" } else { "systemctl" }
    }

    /// As whom nodes run.
    pub(super) fn node_user(&self) -> &'static str {
        if self.is_user() { NAME } else { "ant" }
    }

    /// Runs wnm as the user, in a unit of its own, with what cron would give it and no more.
    pub(super) fn wnm(&self, args: &[&str]) -> Ran {
        self.run(&[&["/usr/local/bin/wnm"], args].concat())
    }

    /// Runs a program as the user, without XDG_RUNTIME_DIR: wnm has to find it.
    pub(super) fn run(&self, argv: &[&str]) -> Ran {
        // From a login more would come along: everything that the tests themselves were given.
        let user =
            ["runuser", "-u", NAME, "--", "env", "-i", "HOME=/home/op", "PATH=/usr/bin:/bin"];
        let prefix =
            if self.who == Who::Root { &["env", "-i", "PATH=/usr/bin:/bin"][..] } else { &user };
        let argv = [prefix, argv].concat();
        if !self.is_logged_in {
            return self.host.exec(&argv);
        }
        let quoted = argv.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
        self.host.sh(&quoted.collect::<Vec<_>>().join(" "))
    }

    /// Runs a script with the systemd that keeps the nodes to talk to: as the user, else as root.
    pub(super) fn shell(&self, script: &str) -> Ran {
        match self.is_user() {
            true => self.host.exec_as(NAME, &["sh", "-c", script]),
            false => self.host.exec(&["sh", "-c", script]),
        }
    }

    /// Initialised for systemd units, with limits at one and waiting times at nothing.
    pub(super) fn init(&self, more: &[&str]) {
        let mut args = vec!["init", "--rewards-address", "faucet"];
        for wait in ["delay-start", "delay-remove", "grow-window", "settle-time", "quiet-time"] {
            args.extend([Box::leak(format!("--{wait}").into_boxed_str()), "0"]);
        }
        args.extend([
            "--learn-time",
            "0",
            "--restart-backoff",
            "0",
            "--max-concurrent-starts",
            "1",
        ]);
        args.extend(["--max-destructive-per-hour", "1000", "--disk-prior", "1MB"]);
        // The whole host lies on 2 GB.
        args.extend(["--crisis-bytes", "100MB"]);
        // The machine below the host may be busy with other things; that is no part of the story.
        args.extend(["--cpu-less-than", "99.99", "--cpu-remove", "100"]);
        args.extend(["--hd-less-than", "98", "--hd-remove", "99"]);
        args.extend(["--desired-load-average", "9999", "--max-load-average-allowed", "10000"]);
        if real_node().is_some() {
            args.extend(CLOSED_NETWORK);
        }
        if self.who == Who::Sudo {
            // Root need not say so.
            args.extend(["--scope", "system"]);
        }
        args.extend(more);
        self.wnm(&args).ok();
    }

    /// One cycle; how many actions it did.
    pub(super) fn cycle(&self) -> usize {
        let ran = self.wnm(&["run", "--json"]).ok();
        json(&ran)["done"].as_array().expect("a list").len()
    }

    /// Cycles until one has nothing to do while `count` nodes run; the actions of each cycle.
    #[track_caller]
    pub(super) fn rest_with(&self, count: usize) -> Vec<usize> {
        let mut done = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            done.push(self.cycle());
            if done.last() == Some(&0) && self.is_at_rest_with(count) {
                return done;
            }
        }
        panic!("no rest with {count} nodes: {}", self.wnm(&["status"]).stdout);
    }

    fn is_at_rest_with(&self, count: usize) -> bool {
        let states = self.states();
        states.len() == count && states.values().all(|state| state == "running")
    }

    /// The state of every node as `status` tells it.
    pub(super) fn states(&self) -> BTreeMap<String, String> {
        let status = json(&self.wnm(&["status", "--json"]).ok());
        let nodes = status["nodes"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        nodes
            .iter()
            .map(|node| (text(&node["record"]["spec"]["id"]), text(&node["state"])))
            .collect()
    }

    /// `pid` of the unit of node `number`, 0 when it has none.
    pub(super) fn pid(&self, number: u32) -> u32 {
        let unit = format!("antnode{number:04}.service");
        let show = format!("{} show --property=MainPID --value {unit}", self.systemctl());
        self.shell(&show).ok().stdout.trim().parse().expect("a number")
    }

    /// How many node processes there are of the nodes' user, whoever started them. The small init of
    /// a container has a node's words in its own line, behind its name; antctl puts its port first.
    pub(super) fn processes(&self) -> usize {
        let line = "'^[^ ]*/ant-?node (--rpc [^ ]* )?--root-dir'";
        let count = self.host.sh(&format!("pgrep -u {} -f -c -- {line}", self.node_user()));
        count.stdout.trim().parse().expect("a number")
    }

    /// Names in a directory of wnm, by what the user scope calls it, hidden ones too.
    pub(super) fn names(&self, below: &str) -> Vec<String> {
        let directory = match (below, self.is_user()) {
            ("node", _) => self.data_root().to_owned(),
            ("logs", false) => "/var/log/antnode".to_owned(),
            _ => format!("{}/{below}", self.base()),
        };
        let listed = self.host.sh(&format!("ls -A {directory}")).stdout;
        listed.lines().map(str::to_owned).collect()
    }

    /// Names of the nodes' unit files and of whatever was left beside them.
    pub(super) fn units(&self) -> Vec<String> {
        let listed = self.host.sh(&format!("ls -A {}", self.unit_dir())).stdout;
        let names = listed.lines().map(str::to_owned);
        let of_nodes = |name: &String| name != "wnm.slice" && self.is_user();
        names.filter(|name| of_nodes(name) || name.contains("antnode")).collect()
    }
}

/// A real `ant-node` to run the stories with, where somebody built one: `WNM_REAL_NODE=/path`.
fn real_node() -> Option<PathBuf> {
    env::var_os("WNM_REAL_NODE").map(PathBuf::from)
}

pub(super) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}
