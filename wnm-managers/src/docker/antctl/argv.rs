//! How a container with a systemd and an antctl of its own is made, as data.

use std::path::Path;

use wnm_core::model::NodeSpec;

use super::super::argv::{Ground, SHARED_STOP_SECONDS, finish, mount, mount_at, text};
use super::places::Place;

/// Whose container it is, by the directory of its antctl on this machine.
pub(super) const OURS: &str = "wnm.antctl";
/// Where antctl keeps what it knows when root calls it.
pub(super) const ANTCTL_HOME: &str = "/var/antctl";
/// What systemd is started with: it requires nothing, so that nothing of the machine's is started twice.
const TARGET: &str = "wnm-nodes.target";
/// Without them systemd does not come up, or antctl cannot give directories to nodes.
const CAPABILITIES: [&str; 9] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_PTRACE",
];

/// A container whose first process is systemd. It sees the storage root of its nodes and their logs
/// under the names that they have here, and what antctl writes lies on this machine.
pub(super) fn create(
    name: &str,
    spec: &NodeSpec,
    place: &Place,
    ground: Ground<'_>,
) -> Vec<String> {
    let seconds = SHARED_STOP_SECONDS.to_string();
    let mut args: Vec<&str> = vec!["create", "--pull", "never", "--name", name];
    // SIGTERM has systemd start itself anew.
    args.extend(["--restart", "no", "--stop-timeout", &seconds, "--stop-signal", "SIGRTMIN+3"]);
    args.extend(["--network", "host", "--cgroupns", "private"]);
    args.extend(["--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp", "--cap-drop", "ALL"]);
    for capability in CAPABILITIES {
        args.extend(["--cap-add", capability]);
    }
    // The usual profile forbids what systemd mounts in its own container.
    args.extend(["--security-opt", "no-new-privileges", "--security-opt", "apparmor=unconfined"]);
    args.extend(["--log-driver", "json-file", "--log-opt", "max-size=1m"]);
    // What systemd says goes to a terminal, or nowhere.
    args.extend(["--tty", "--env", "container=docker"]);
    let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    args.extend(mount(&spec.storage, false));
    args.extend(spec.logs.parent().map(|logs| mount(logs, false)).into_iter().flatten());
    args.extend(mount_at(&place.home(), Path::new(ANTCTL_HOME), false));
    args.extend(mount_at(&place.units(), Path::new("/etc/systemd/system"), false));
    args.extend(mount_at(&place.users(), Path::new("/etc/passwd"), true));
    args.extend(mount_at(&place.groups(), Path::new("/etc/group"), true));
    args.extend(["--label".to_owned(), format!("{OURS}={}", text(&place.root))]);
    // Docker mounts control groups read-only: those of the second version at the first place, what of
    // the first version is systemd's at the other.
    let begin = format!(
        "for place in /sys/fs/cgroup /sys/fs/cgroup/systemd; do mount -o remount,bind,rw $place \
         2>/dev/null; done; exec /usr/lib/systemd/systemd --unit={TARGET} --log-target=console \
         --log-color=no --show-status=no"
    );
    finish(args, "/bin/sh", ground.image, vec!["-c".to_owned(), begin])
}

/// The users of the container: antctl gives nodes to `ant`, who is somebody of this machine.
pub(super) fn users(ground: Ground<'_>) -> String {
    let (uid, gid) = (ground.uid, ground.gid);
    format!("root:x:0:0::/root:/bin/sh\nant:x:{uid}:{gid}::{ANTCTL_HOME}:/bin/sh\n")
}

/// Their groups.
pub(super) fn groups(ground: Ground<'_>) -> String {
    format!("root:x:0:\nant:x:{}:\n", ground.gid)
}

/// A call of a program in the container `id`.
pub(super) fn exec(
    id: &str,
    env: &[(String, String)],
    program: &str,
    args: &[String],
) -> Vec<String> {
    let mut words = vec!["exec".to_owned()];
    for (key, value) in env {
        words.extend(["--env".to_owned(), format!("{key}={value}")]);
    }
    words.extend([id.to_owned(), program.to_owned()]);
    words.extend(args.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    use wnm_core::fakes::build::spec;

    use super::*;

    #[test]
    fn a_container_with_a_systemd() {
        let ground = Ground { image: "wnm-node", uid: 1000, gid: 1001, keeps_ids: false };
        let mut spec = spec(7);
        spec.storage = "/srv/nodes/wnm-nodes-1".into();
        spec.logs = "/srv/logs/wnm-nodes-1/antnode7".into();
        let place = Place::of(Path::new("/base/boxes"), "wnm-nodes-1");
        let args = create("wnm-nodes-1", &spec, &place, ground);
        let shown = shell_words::join(&args).replace(" --", "\n--");
        let (options, _) = shown.split_once("\n--label 'wnm.definition=").unwrap_or_default();
        insta::assert_snapshot!(options, @r#"
        create
        --pull never
        --name wnm-nodes-1
        --restart no
        --stop-timeout 100
        --stop-signal SIGRTMIN+3
        --network host
        --cgroupns private
        --read-only
        --tmpfs /run
        --tmpfs /tmp
        --cap-drop ALL
        --cap-add CHOWN
        --cap-add DAC_OVERRIDE
        --cap-add FOWNER
        --cap-add KILL
        --cap-add SETGID
        --cap-add SETPCAP
        --cap-add SETUID
        --cap-add SYS_ADMIN
        --cap-add SYS_PTRACE
        --security-opt no-new-privileges
        --security-opt 'apparmor=unconfined'
        --log-driver json-file
        --log-opt 'max-size=1m'
        --tty
        --env 'container=docker'
        --mount 'type=bind,"source=/srv/nodes/wnm-nodes-1","target=/srv/nodes/wnm-nodes-1"'
        --mount 'type=bind,"source=/srv/logs/wnm-nodes-1","target=/srv/logs/wnm-nodes-1"'
        --mount 'type=bind,"source=/base/boxes/wnm-nodes-1/antctl","target=/var/antctl"'
        --mount 'type=bind,"source=/base/boxes/wnm-nodes-1/units","target=/etc/systemd/system"'
        --mount 'type=bind,"source=/base/boxes/wnm-nodes-1/passwd","target=/etc/passwd",readonly'
        --mount 'type=bind,"source=/base/boxes/wnm-nodes-1/group","target=/etc/group",readonly'
        --label 'wnm.antctl=/base/boxes/wnm-nodes-1'
        --entrypoint /bin/sh
        "#);
        insta::assert_snapshot!(users(ground) + &groups(ground), @"
        root:x:0:0::/root:/bin/sh
        ant:x:1000:1001::/var/antctl:/bin/sh
        root:x:0:
        ant:x:1001:
        ");
        let call = exec("f00d", &[("TZ".into(), "UTC".into())], "antctl", &["--version".into()]);
        assert_eq!(call.join(" "), "exec --env TZ=UTC f00d antctl --version");
    }
}
