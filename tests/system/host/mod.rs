//! A throw-away host: a value that cleans up after itself. Usually it is the `testhost` script's; with
//! `WNM_SYSTEM_IMAGE` it is a container of that image, as `cargo xtask docker-test` has it.

mod container;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, process, thread};

/// No single command in a host takes longer, in seconds.
const PATIENCE: &str = "180";

/// A host that is up. It goes down, without a trace, when it is dropped.
#[derive(Debug)]
pub(crate) struct Host {
    name: String,
    kind: Kind,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A whole machine in namespaces of its own, with what is installed on this one.
    Namespaces,
    /// A container with systemd in it.
    Container,
}

/// What a command in a host did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// For messages.
    pub(crate) command: String,
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    /// As text.
    pub(crate) stdout: String,
    /// As text.
    pub(crate) stderr: String,
}

impl Ran {
    /// Itself, when the command succeeded; panics otherwise.
    #[track_caller]
    pub(crate) fn ok(self) -> Ran {
        let Ran { command, code, stdout, stderr } = &self;
        assert_eq!(*code, Some(0), "failed: {command}\n{stdout}{stderr}");
        self
    }
}

impl Host {
    /// Boots a host named after `label`; None, and says so, when the system tier was not asked for.
    pub(crate) fn up(label: &str) -> Option<Host> {
        Host::up_with(label, &[])
    }

    /// A whole machine, with a boot of its own and a network that a cable can be laid to: containers
    /// have neither.
    pub(crate) fn up_whole(label: &str) -> Option<Host> {
        if container::image().is_some() {
            println!("not run: it is about a whole machine, and hosts are containers");
            return None;
        }
        Host::up(label)
    }

    /// The same, with more of the machine's units left enabled, such as `docker` or `firewalld`.
    pub(crate) fn up_with(label: &str, units: &[&str]) -> Option<Host> {
        if env::var_os("WNM_SYSTEM_TESTS").is_none_or(|value| value != "1") {
            println!("not run: WNM_SYSTEM_TESTS is not set");
            return None;
        }
        let name = format!("wnm-{label}-{}", process::id());
        if let Some(image) = container::image() {
            if !units.is_empty() {
                println!(
                    "not run: it needs {} in a host, and hosts are containers",
                    units.join(", ")
                );
                return None;
            }
            let host = Host { name, kind: Kind::Container };
            container::up(&host.name, &image);
            return Some(host);
        }
        let unfit = what_is_missing();
        assert!(unfit.is_empty(), "WNM_SYSTEM_TESTS is set, but this machine lacks: {unfit:?}");
        let host = Host { name, kind: Kind::Namespaces };
        host.testhost("up", &[], &[("TESTHOST_UNITS", &units.join(" "))]).ok();
        Some(host)
    }

    /// Its name, which is also its hostname.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs a program as a transient unit: in its own cgroup, as root, with an empty environment.
    pub(crate) fn exec(&self, argv: &[&str]) -> Ran {
        match self.kind {
            Kind::Namespaces => self.testhost("exec", argv, &[]),
            Kind::Container => container::exec(&self.name, argv),
        }
    }

    /// Runs a program for a user whose `systemctl --user` must work: see `lingering_user`.
    pub(crate) fn exec_as(&self, user: &str, argv: &[&str]) -> Ran {
        let runtime = format!("XDG_RUNTIME_DIR=/run/user/{}", self.uid(user));
        let home = format!("HOME=/home/{user}");
        let prefix = ["runuser", "-u", user, "--", "env", &runtime, &home];
        self.exec(&[&prefix, argv].concat())
    }

    /// Runs a shell script directly in the host: faster, but outside of the host's cgroups.
    pub(crate) fn sh(&self, script: &str) -> Ran {
        let argv = ["sh", "-c", script];
        match self.kind {
            Kind::Namespaces => self.testhost("sh", &argv, &[]),
            Kind::Container => container::sh(&self.name, &argv),
        }
    }

    /// Makes a user, unless there is one, whose services run without a login.
    pub(crate) fn lingering_user(&self, user: &str) {
        self.sh(&format!("id {user} >/dev/null 2>&1 || useradd -m -s /bin/bash {user}")).ok();
        self.exec(&["loginctl", "enable-linger", user]).ok();
        let bus = format!("/run/user/{}/bus", self.uid(user));
        // The manager of the user is started by the line above, but not waited for.
        self.sh(&format!(
            "for i in $(seq 300); do [ -S {bus} ] && exit 0; sleep 0.1; done; exit 1"
        ))
        .ok();
    }

    /// Copies a file of the machine into the host, executable for all.
    ///
    /// Build directories may lie on a file system that a host does not see.
    pub(crate) fn put(&self, from: &Path, to: &str) {
        if self.kind == Kind::Container {
            return container::put(&self.name, from, to);
        }
        let target = base().join(&self.name).join("root").join(to.trim_start_matches('/'));
        let folder = target.parent().expect("an absolute path of a file has a parent");
        fs::create_dir_all(folder)
            .and_then(|()| fs::copy(from, &target))
            .and_then(|_| fs::set_permissions(&target, Permissions::from_mode(0o755)))
            .unwrap_or_else(|error| panic!("cannot put {from:?} at {to} in the host: {error}"));
    }

    /// Powers off and boots again: files stay, processes do not, the boot id changes.
    pub(crate) fn reboot(&self) {
        match self.kind {
            Kind::Namespaces => drop(self.testhost("reboot", &[], &[]).ok()),
            Kind::Container => container::reboot(&self.name),
        }
    }

    /// Takes it down now, to look at what is left.
    pub(crate) fn down(self) {
        drop(self);
    }

    fn uid(&self, user: &str) -> String {
        self.sh(&format!("id -u {user}")).ok().stdout.trim().to_owned()
    }

    fn testhost(&self, verb: &str, argv: &[&str], env: &[(&str, &str)]) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("system/testhost");
        let mut command = within_time(script.as_os_str());
        command.args([verb, &self.name]).args(argv);
        command.envs(env.iter().copied()).env("TESTHOST_BASE", base());
        ran(&mut command, format!("{verb} {} {}", self.name, argv.join(" ")))
    }
}

fn within_time(program: &OsStr) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", PATIENCE]).arg(program).stdin(Stdio::null());
    command
}

fn ran(command: &mut Command, shown: String) -> Ran {
    let output = command.output().expect("timeout can be started");
    Ran {
        command: shown,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            let journal = self.sh("journalctl --no-pager -n 60").stdout;
            eprintln!("the last lines of the journal of {}:\n{journal}", self.name);
        }
        let down = match self.kind {
            Kind::Namespaces => self.testhost("down", &[], &[]),
            Kind::Container => container::down(&self.name),
        };
        // A second panic would abort the whole run and leave the other hosts up.
        if !thread::panicking() {
            down.ok();
        }
    }
}

/// The program under test.
pub(crate) fn wnm_bin() -> PathBuf {
    env::var_os("WNM_BIN").map(PathBuf::from).expect("`cargo xtask test system` sets WNM_BIN")
}

/// The stand-in node program that belongs to these tests.
pub(crate) fn stand_in_bin() -> PathBuf {
    env::var_os("WNM_STAND_IN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_stand-in-node")), PathBuf::from)
}

fn base() -> PathBuf {
    env::temp_dir().join("testhosts")
}

/// `cargo xtask host-setup` installs what can be installed; the rest is the machine's nature.
fn what_is_missing() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !nix::unistd::geteuid().is_root() {
        missing.push("root");
    }
    if !Path::new("/sys/fs/cgroup/memory").is_dir() {
        missing.push("cgroup v1 hierarchies");
    }
    let programs = [
        ("/lib/systemd/systemd", "systemd"),
        ("/usr/bin/systemd-run", "systemd-run"),
        ("/usr/bin/dbus-daemon", "dbus"),
        ("/usr/bin/pgrep", "procps"),
    ];
    let absent = |path: &str| !Path::new(path).exists();
    missing.extend(programs.iter().filter(|(path, _)| absent(path)).map(|(_, name)| *name));
    if absent("/usr/sbin/ip") && absent("/sbin/ip") {
        missing.push("iproute2");
    }
    missing
}
