//! Hosts that are containers with systemd in them.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use super::{Ran, ran, within_time};

/// What systemd needs in a container, and no more: an engine may itself lack CAP_SYS_RESOURCE, so that
/// `--privileged` would be refused. Loopback is all the network a story has.
const WITH_SYSTEMD: &str = "--network none --cap-add ALL --cap-drop SYS_RESOURCE \
                            --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                            --cgroupns private --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec \
                            --env container=docker";

/// The image of hosts, when they are to be containers.
pub(super) fn image() -> Option<String> {
    env::var("WNM_SYSTEM_IMAGE").ok().filter(|image| !image.is_empty())
}

pub(super) fn up(name: &str, image: &str) {
    let mut args = vec!["run", "--detach", "--name", name, "--hostname", name];
    args.extend(WITH_SYSTEMD.split_whitespace());
    args.extend([image, "/lib/systemd/systemd", "--system"]);
    docker(&args).ok();
    wait_for_systemd(name);
}

pub(super) fn exec(name: &str, argv: &[&str]) -> Ran {
    let unit = ["exec", name, "systemd-run", "--quiet", "--wait", "--pipe", "--collect"];
    docker(&[&unit, argv].concat())
}

pub(super) fn sh(name: &str, argv: &[&str]) -> Ran {
    docker(&[&["exec", name], argv].concat())
}

pub(super) fn put(name: &str, from: &Path, to: &str) {
    let folder = Path::new(to).parent().and_then(Path::to_str).expect("a path of UTF-8");
    sh(name, &["mkdir", "-p", folder]).ok();
    let from = from.to_str().expect("a path of UTF-8");
    docker(&["cp", "--follow-link", from, &format!("{name}:{to}")]).ok();
    sh(name, &["chmod", "755", to]).ok();
}

/// Files stay and processes do not. The boot id is the machine's, so that this is a short one.
pub(super) fn reboot(name: &str) {
    docker(&["restart", "--time", "30", name]).ok();
    wait_for_systemd(name);
}

pub(super) fn down(name: &str) -> Ran {
    docker(&["rm", "--force", "--volumes", name])
}

fn wait_for_systemd(name: &str) {
    let script = "for i in $(seq 600); do systemctl is-system-running 2>/dev/null | \
                  grep -qE '^(running|degraded)' && exit 0; sleep 0.1; done; \
                  systemctl --no-pager list-jobs; exit 1";
    sh(name, &["sh", "-c", script]).ok();
}

fn docker(args: &[&str]) -> Ran {
    let mut command = within_time(OsStr::new("docker"));
    command.args(args);
    ran(&mut command, format!("docker {}", args.join(" ")))
}
