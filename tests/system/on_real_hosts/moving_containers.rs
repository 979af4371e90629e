//! Containers of the real docker are taken over where they are: the same ids and processes before and
//! after.

use super::docker::{build_image, containers, docked};
use super::operator::{Operator, Who};
use super::story::EAGER;

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// Everything that a takeover must not touch: every container with its process.
fn shown(op: &Operator) -> String {
    let look = "docker ps -aq --no-trunc | sort | xargs -r docker inspect -f \
                '{{.Id}} {{.Name}} {{.State.Pid}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}'";
    op.host.sh(look).ok().stdout
}

/// An image as somebody has it who made one for nodes, with the program in it.
fn image_of_somebody(op: &Operator) {
    let script = "set -e
mkdir -p /opt/image/usr/local/bin
cp /usr/local/bin/ant-node /opt/image/usr/local/bin/
docker create --name making wnm-node /x
tar c -C /opt/image . | docker cp - making:/
docker commit making mine
docker rm making";
    op.host.sh(script).ok();
}

/// `docker run` as somebody types it, as user `op`; waits for the node's key.
fn run(op: &Operator, name: &str, options: &str, program: &str, data: &str, port: u16) {
    let line = format!(
        "install -d -o op -g op -m 700 /srv/nodes /srv/nodes/{name} && docker run -d --name {name} \
         {options} mine {program} --root-dir {data} --port {port} --rewards-address {WALLET} \
         --disable-webrtc-direct"
    );
    op.host.sh(&line).ok();
}

fn keys_are_there(op: &Operator, names: &str) {
    let wait = format!(
        "for i in $(seq 200); do ok=1; for n in {names}; do test -s \
         /srv/nodes/$n/node_identity.key || ok=0; done; test $ok = 1 && exit 0; sleep 0.1; done; exit 1"
    );
    op.host.sh(&wait).ok();
}

fn import<'a>(op: &Operator, more: &[&'a str]) -> Vec<&'a str> {
    let scope: &[&str] = match op.node_user() {
        "ant" => &["--scope", "system", "init", "--import", "--manager", "docker+sudo"],
        _ => &["init", "--import", "--manager", "docker+user"],
    };
    [scope, EAGER, &["--node-storage", "/srv/nodes"], more].concat()
}

#[test]
fn containers_made_by_hand_move_in() {
    let Some(op) = docked("dkhand", Who::User) else { return };
    build_image(&op, Who::User);
    image_of_somebody(&op);
    let user = op.host.sh("echo $(id -u op):$(id -g op)").ok().stdout.trim().to_owned();
    let base = format!("--network host --user {user}");
    run(
        &op,
        "node7",
        &format!("{base} --restart always -v /srv/nodes/node7:/data"),
        "ant-node",
        "/data",
        41007,
    );
    run(
        &op,
        "all8",
        &format!("{base} --init -v /srv/nodes:/all -e ANT_X=y"),
        "/usr/local/bin/ant-node",
        "/all/all8",
        41008,
    );
    run(
        &op,
        "node9",
        &format!("{base} -v /srv/nodes/node9:/srv/nodes/node9"),
        "ant-node",
        "/srv/nodes/node9",
        41009,
    );
    run(&op, "rooted", "--network host -v /srv/nodes/rooted:/data", "ant-node", "/data", 41010);
    run(
        &op,
        "bridged",
        &format!("--user {user} -p 41011:41011/udp -v /srv/nodes/bridged:/data"),
        "ant-node",
        "/data",
        41011,
    );
    run(&op, "once", &format!("{base} --rm -v /srv/nodes/once:/data"), "ant-node", "/data", 41012);
    run(&op, "volume", &format!("{base} -v somewhere:/data --user 0"), "ant-node", "/data", 41013);
    keys_are_there(&op, "node7 all8 node9 bridged once");
    op.host.sh("docker stop node9").ok();
    let before = shown(&op);

    let dry = op.wnm(&import(&op, &["--dry-run"])).ok();
    for told in [
        "3 nodes to take over",
        "node7 as antnode0007",
        "data /srv/nodes/node7, of a container (container node7)",
        "all8 as antnode0008",
        "node9 as antnode0009: ant-node, port 41009, stopped, stays so",
        "rooted (container rooted): it runs as `root`, and nodes of the user scope as `op`",
        "bridged (container bridged): its network is `",
        "once (container once): it was made with --rm",
        "volume (container volume): its data /data lies in a volume",
    ] {
        assert!(dry.stdout.contains(told), "{told}: {dry:?}");
    }
    assert_eq!(shown(&op), before);

    // Nobody can make a copy of its program there: all is put back.
    op.host.sh("chmod 500 /srv/nodes/all8").ok();
    let ran = op.wnm(&import(&op, &["--confirm"]));
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("everything is as it was before"), "{ran:?}");
    op.host.sh("chmod 700 /srv/nodes/all8 && ! ls /srv/nodes/*/ant-node").ok();
    assert_eq!(shown(&op), before);

    op.wnm(&import(&op, &["--confirm"])).ok();
    assert_eq!(shown(&op), before);
    op.cycle();
    assert_eq!((op.cycle(), shown(&op)), (0, before.clone()));
    let states: Vec<String> = op.states().into_values().collect();
    assert_eq!(states, ["running", "running", "stopped"]);
    let again = op.wnm(&import(&op, &["--confirm"]));
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("these are kept by wnm: antnode0007, antnode0008"), "{again:?}");

    // A process with a path of its own world is one of the node's: none is started beside it.
    op.host.sh("docker rename node7 another").ok();
    op.cycle();
    assert_eq!(op.states()["antnode0007"], "running");
    op.host.sh("docker rename another node7").ok();

    let key = || op.host.sh("sha256sum /srv/nodes/*[789]/node_identity.key").ok().stdout;
    let had = key();
    op.wnm(&["stop", "7"]).ok();
    op.host.sh("systemctl restart docker && for i in $(seq 100); do docker ps && break; sleep 0.1; done").ok();
    op.host.sh("test $(docker inspect -f '{{.State.Running}}' node7) = false").ok();
    let all = containers(&op);
    op.wnm(&["start", "7"]).ok();
    op.wnm(&["start", "8"]);
    op.wnm(&["start", "9"]).ok();
    op.rest_with(3);
    assert_eq!(key(), had, "each is who it was");
    assert_eq!(containers(&op), all, "under the names they had");
    let where_ = op.host.sh("docker inspect -f '{{.Config.Image}}' node7 node9").ok().stdout;
    assert_eq!(where_, "wnm-node\nwnm-node\n", "made anew when they rested");
    op.wnm(&["restart", "8"]).ok();
    op.rest_with(3);
    op.wnm(&["remove", "7"]).ok();
    op.host.sh("! ls -d /srv/nodes/node7 && ! docker inspect node7").ok();
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(containers(&op), ["bridged", "rooted", "volume"]);
    op.host.sh("test -s /srv/nodes/bridged/node_identity.key").ok();
}

#[test]
fn containers_of_a_lost_store_move_in_again() {
    for (label, who, more) in [
        ("dklost", Who::User, &["--manager", "docker+user"][..]),
        (
            "dklostsys",
            Who::Sudo,
            &["--manager", "docker+sudo", "--max-nodes-per-container", "2"][..],
        ),
    ] {
        let Some(op) = docked(label, who) else { return };
        build_image(&op, who);
        op.init(&[more, &["--node-cap", "3"]].concat());
        op.rest_with(3);
        let before = shown(&op);
        let base = op.base();
        op.host.sh(&format!("rm -rf {base}/colony.db* {base}/backups")).ok();
        let scope: &[&str] = if who == Who::Sudo { &["--scope", "system"] } else { &[] };
        let line = [scope, &["init", "--import", "--confirm"], EAGER, more].concat();
        let ran = op.wnm(&line).ok();
        assert!(ran.stderr.contains("took over 3 nodes"), "{ran:?}");
        op.cycle();
        assert_eq!((op.cycle(), shown(&op)), (0, before.clone()));
        op.wnm(&["restart", "3"]).ok();
        op.rest_with(3);
        let ids = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
        };
        assert_eq!(ids(&shown(&op)), ids(&before), "nothing differs, and nothing is made anew");
        op.wnm(&["teardown", "--confirm"]).ok();
        assert_eq!((op.processes(), containers(&op)), (0, Vec::new()));
    }
}
