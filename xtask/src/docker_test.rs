//! The system tier in Docker: hosts are containers of one image, with systemd as their first process.
//!
//! For machines that have an engine and cannot boot throw-away hosts, or to see that nothing rests on
//! how those are made. An engine that is running is used; else one is started for the time being,
//! with everything it keeps below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Done;
use crate::host_setup::is_root;
use crate::shell::{cargo, program, run as shell};
use crate::test::{metadata, system_tests};

/// What a host is made of: the same as on a small server.
const INSIDE: &str = "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,polkitd,cron,ufw,sudo,\
                      procps,iproute2,ca-certificates";
const IMAGE: &str = "wnm-test-host";
/// Starting takes a second, and on a busy machine ten.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the image unless it is there, runs the tier, and says what it ran on.
pub(crate) fn run() -> Done {
    let place = PathBuf::from(metadata()?.target_directory).join("docker-test");
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let engine = match Engine::find(&place) {
        Ok(engine) => engine,
        Err(why) => {
            println!("\nDOCKER TEST NOT RUN: {why}");
            println!("`cargo xtask test system` runs the same tier in throw-away hosts\n");
            return Ok(());
        }
    };
    println!("docker-test: {}", engine.about);
    if !engine.answers(&["image", "inspect", IMAGE]) {
        build(&engine, &place)?;
    }
    let stories = system_tests();
    shell(&mut cargo(&["build", "-p", "wnm-cli", "--bin", "wnm"]))?;
    shell(&mut cargo(&["build", "-p", "wnm-tests", "--bin", "stand-in-node"]))?;
    let built = place.with_file_name("debug");
    let done = shell(
        cargo(&stories)
            .env("WNM_SYSTEM_TESTS", "1")
            .env("WNM_SYSTEM_IMAGE", IMAGE)
            .env("DOCKER_HOST", &engine.socket)
            .env("WNM_BIN", built.join("wnm"))
            .env("WNM_STAND_IN", built.join("stand-in-node")),
    );
    println!("docker-test: the tier ran in containers of {IMAGE}, {}", engine.about);
    done
}

/// Debian packages in a directory, and the directory as an image: no registry is asked.
fn build(engine: &Engine, place: &Path) -> Done {
    let tree = place.join("tree");
    let archive = place.join("tree.tar");
    let (tree, archive) = (tree.display().to_string(), archive.display().to_string());
    if !Path::new(&tree).join("usr/sbin/cron").exists() {
        let include = format!("--include={INSIDE}");
        shell(&mut program("debootstrap", &["--variant=minbase", &include, "bookworm", &tree]))?;
    }
    shell(&mut program("tar", &["--directory", &tree, "--create", "--file", &archive, "."]))?;
    shell(engine.docker().args(["import", &archive, IMAGE]))?;
    fs::remove_file(&archive).map_err(|error| format!("{archive}: {error}"))
}

/// A docker that answers. One that was started for this ends with the value.
struct Engine {
    socket: String,
    about: String,
    started: Option<Child>,
}

impl Engine {
    fn find(place: &Path) -> Result<Engine, String> {
        let socket = std::env::var("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock".into());
        let running =
            Engine { socket, about: "with the Docker of this machine".into(), started: None };
        if running.answers(&["version"]) {
            return Ok(running);
        }
        Engine::start(place)
    }

    /// An engine of our own leaves the machine's network alone: hosts have none but loopback.
    fn start(place: &Path) -> Result<Engine, String> {
        for (needed, why) in [
            ("/usr/sbin/dockerd", "no Docker engine answers, and there is no dockerd to start one"),
            ("/usr/sbin/debootstrap", "there is no debootstrap to make an image with"),
        ] {
            if !Path::new(needed).exists() {
                return Err(format!("{why}: install docker.io and debootstrap"));
            }
        }
        if !is_root() {
            return Err("no Docker engine answers, and only root can start one".to_owned());
        }
        let at = |name: &str| place.join(name).display().to_string();
        let socket = format!("unix://{}", at("docker.sock"));
        let args = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--host", &socket];
        let log = fs::File::create(place.join("dockerd.log")).map_err(|error| error.to_string())?;
        let started = Command::new("/usr/sbin/dockerd")
            .args(args)
            .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
            .args(["--pidfile", &at("pid"), "--cgroup-parent", "/wnm-docker-test"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("dockerd cannot be started: {error}"))?;
        let about = "with a Docker engine started for it".to_owned();
        let mut engine = Engine { socket, about, started: Some(started) };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if engine.answers(&["version"]) {
                return Ok(engine);
            }
            if let Some(Ok(Some(status))) = engine.started.as_mut().map(Child::try_wait) {
                return Err(format!("dockerd ended: {status}; see {}", at("dockerd.log")));
            }
            sleep(Duration::from_millis(200));
        }
        Err(format!("dockerd does not answer; see {}", at("dockerd.log")))
    }

    fn docker(&self) -> Command {
        let mut docker = program("docker", &[]);
        docker.env("DOCKER_HOST", &self.socket);
        docker
    }

    fn answers(&self, args: &[&str]) -> bool {
        let mut docker = self.docker();
        docker.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        docker.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(started) = &mut self.started else { return };
        // It ends its containers and unmounts what it mounted; killing it would leave both.
        let ended = program("kill", &["-TERM", &started.id().to_string()]).status();
        if !ended.is_ok_and(|status| status.success()) || started.wait().is_err() {
            println!("docker-test: dockerd, process {}, may still run", started.id());
        }
    }
}
