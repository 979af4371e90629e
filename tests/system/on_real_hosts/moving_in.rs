//! Nodes of others are taken over where they are: the same processes before and after.

use super::operator::{Operator, Who, json};
use super::story::EAGER;

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";
/// An installation as anm leaves it: three running nodes, one of them with three digits, and a cron
/// file that is due every minute.
fn anm(op: &Operator) {
    let script = format!(
        r#"set -e
useradd --system --home-dir /var/antctl --shell /usr/sbin/nologin --user-group ant
mkdir -p /var/antctl/services /var/antctl/bootstrap-cache /var/log/antnode
chown op:op /var/antctl
chown ant:ant /var/antctl/services /var/antctl/bootstrap-cache /var/log/antnode
cp /usr/local/bin/ant-node /usr/local/bin/antnode
i=0
for name in antnode0001 antnode0002 antnode003; do
  i=$((i+1))
  data=/var/antctl/services/$name
  mkdir -p $data /var/log/antnode/$name
  cp /usr/local/bin/antnode $data/antnode
  chown -R ant:ant $data /var/log/antnode/$name
  cat >/etc/systemd/system/$name.service <<END
[Unit]
Description=$name
[Service]
User=ant
ExecStart=$data/antnode --bootstrap-cache-dir /var/antctl/bootstrap-cache --root-dir $data --port 5500$i --enable-metrics-server --metrics-server-port 1300$i --log-output-dest /var/log/antnode/$name --max-log-files 1 --max-archived-log-files 1 --rewards-address {WALLET} evm-arbitrum-one
Restart=always
#RestartSec=300
END
done
systemctl daemon-reload
systemctl start antnode0001 antnode0002 antnode003
cat >/usr/bin/anms.sh <<'END'
#!/bin/bash
ntpr=55
echo ran >>/var/antctl/ran
END
cat >/etc/cron.d/anm <<'END'
* * * * * op /bin/bash /usr/bin/anms.sh >> /var/antctl/log
END
cat >/var/antctl/config <<'END'
DiscordUsername="--owner somebody"
RewardsAddress="--rewards-address {WALLET}"
MaxLoadAverageAllowed=8.00
DesiredLoadAverage=4.80
CpuLessThan=50
CpuRemove=70
MemLessThan=70
MemRemove=90
HDLessThan=70
HDRemove=90
DelayStart=5
DelayReStart=5
DelayUpgrade=5
DelayRemove=10
NodeStorage="/var/antctl/services"
NodeCap=3
UpgradeHour=3
UpgradeMin=17
NodeVersion=""
END
for i in $(seq 100); do
  test $(ls /var/antctl/services/*/secret-key 2>/dev/null | wc -l) = 3 && exit 0
  sleep 0.1
done
exit 1"#
    );
    op.host.sh(&script).ok();
}

/// Pid and invocation of every node's unit.
fn running(op: &Operator) -> String {
    let show = "systemctl show --property=Id,MainPID,InvocationID,NRestarts \
                antnode0001 antnode0002 antnode003";
    let ran = op.host.sh(show).ok();
    assert_eq!(ran.stdout.matches("MainPID=0\n").count(), 0, "{ran:?}");
    ran.stdout
}

/// Everything that a takeover touches, as one text.
fn outside(op: &Operator) -> String {
    let look = "cd / && find etc/systemd/system etc/cron.d usr/bin/anms.sh var/antctl/config \
                -type f | sort | xargs sha256sum; stat -c '%n %U %a' /var/antctl/services \
                /var/log/antnode /etc/cron.d/anm /etc/systemd/system/antnode*.service; \
                ls -A /var/antctl/services; systemctl show --property=NeedDaemonReload \
                antnode0001 antnode0002 antnode003";
    op.host.sh(look).ok().stdout
}

/// Nothing is there at any of these paths.
#[track_caller]
fn gone(op: &Operator, paths: &str) {
    let each = format!("for path in {paths}; do test ! -e $path || echo $path; done");
    assert_eq!(op.shell(&each).ok().stdout, "");
}

fn migrate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--scope", "system", "init", "--migrate-anm"], EAGER, more].concat()
}

#[test]
fn nodes_of_anm_go_on_and_anm_is_turned_off() {
    let Some(op) = Operator::of("anm", Who::Sudo) else { return };
    anm(&op);
    let (before, places) = (running(&op), outside(&op));

    let dry = op.wnm(&migrate(&["--dry-run"])).ok();
    assert!(dry.stdout.contains("antnode003 as antnode0003"), "{dry:?}");
    assert!(dry.stdout.contains("turned off at the end: /etc/cron.d/anm"), "{dry:?}");
    let ran = op.wnm(&migrate(&[]));
    assert_eq!(ran.code, Some(5), "nobody agreed: {ran:?}");
    assert_eq!((running(&op), outside(&op)), (before.clone(), places.clone()));
    assert_ne!(op.host.sh("ls /var/antctl/colony.db").code, Some(0));

    let ran = op.wnm(&migrate(&["--confirm"])).ok();
    assert_eq!(running(&op), before, "{ran:?}");
    gone(&op, "/etc/cron.d/anm /var/antctl/block /var/antctl/import-unfinished");
    op.host.sh("grep -q anms.sh /var/antctl/backups/import-*/*-anm").ok();
    op.host.sh("grep -q '^# Made by wnm' /etc/systemd/system/antnode003.service").ok();
    assert_eq!(op.names("identities").len(), 6, "three keys and their descriptions");
    op.rest_with(3);
    assert_eq!(running(&op), before);
    let get = |key: &str| op.wnm(&["config", "get", key]).ok().stdout.trim().to_owned();
    let delay = get("delay_remove");
    assert!(delay.contains("\"600s\""), "minutes are not seconds: {delay}");

    let again = op.wnm(&migrate(&["--confirm"]));
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("these are kept by wnm: antnode0001, antnode0002, antnode0003"));

    // Under wnm's own unit, confined, each comes back with the key it had.
    let key = "sha256sum /var/antctl/services/antnode003/secret-key";
    let key_before = op.host.sh(key).ok().stdout;
    op.wnm(&["restart", "3"]).ok();
    op.rest_with(3);
    assert_ne!(running(&op), before);
    assert_eq!(op.host.sh(key).ok().stdout, key_before);
    op.wnm(&["remove", "3"]).ok();
    gone(&op, "/etc/systemd/system/antnode003.service /var/antctl/services/antnode003");
    assert_eq!(op.states().len(), 2);
}

#[test]
fn a_takeover_that_fails_in_the_middle_leaves_everything_as_it_was() {
    let Some(op) = Operator::of("anmfail", Who::Sudo) else { return };
    anm(&op);
    let (before, places) = (running(&op), outside(&op));
    // The third unit cannot be written: something lies where its new text would.
    let in_the_way = "/etc/systemd/system/antnode003.service.new";
    op.host.sh(&format!("mkdir -p {in_the_way}/x")).ok();
    let ran = op.wnm(&migrate(&["--confirm"]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("everything is as it was before"), "{ran:?}");
    op.host.sh(&format!("rmdir {in_the_way}/x {in_the_way}")).ok();
    assert_eq!((running(&op), outside(&op)), (before.clone(), places));
    gone(&op, "/var/antctl/colony.db /var/antctl/block /var/antctl/import-unfinished");
    op.wnm(&migrate(&["--confirm"])).ok();
    assert_eq!(running(&op), before);
}

#[test]
fn a_takeover_killed_at_any_moment_is_undone_and_done_again() {
    let Some(op) = Operator::of("anmkill", Who::Sudo) else { return };
    anm(&op);
    let before = running(&op);
    let line = migrate(&["--confirm"]).join(" ");
    let mut interrupted = 0;
    for hundredths in (2..400).step_by(9) {
        let seconds = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let kill = format!(
            "runuser -u op -- env -i HOME=/home/op PATH=/usr/bin:/bin timeout -s KILL {seconds} \
             /usr/local/bin/wnm {line}"
        );
        let ran = op.host.sh(&kill);
        assert_eq!(running(&op), before, "after {seconds} s: {ran:?}");
        if ran.code == Some(0) || ran.code == Some(2) {
            break;
        }
        if op.host.sh("ls /var/antctl/import-unfinished").code == Some(0) {
            interrupted += 1;
            // Nothing else is done before it is settled.
            let cycle = op.wnm(&["--scope", "system", "run"]);
            assert_eq!(cycle.code, Some(5), "{cycle:?}");
            op.host.sh("ls /etc/cron.d/anm || ls /var/antctl/backups/*/*-anm").ok();
        }
    }
    assert!(interrupted > 0, "no kill hit a takeover");
    let ran = op.wnm(&migrate(&["--confirm"]));
    assert!(matches!(ran.code, Some(0 | 2)), "{ran:?}");
    assert_eq!(running(&op), before);
    gone(&op, "/etc/cron.d/anm /var/antctl/block /var/antctl/import-unfinished");
    op.rest_with(3);
}

#[test]
fn units_written_by_hand_are_taken_over_under_their_names() {
    let Some(op) = Operator::new("handmade") else { return };
    let script = format!(
        r#"set -e
units=~/.config/systemd/user
mkdir -p $units ~/nodes/one ~/nodes/antnode007 ~/nodes/three ~/elsewhere/four
unit() {{
  cat >$units/$1.service <<END
[Unit]
Description=my node
[Service]
ExecStart=/usr/local/bin/ant-node --root-dir $2 --port $3 --rewards-address {WALLET} --disable-webrtc-direct --enable-logging --log-dir $2/logs
Restart=always
$4
[Install]
WantedBy=default.target
END
}}
unit my-node-1 ~/nodes/one 41001 MemoryMax=2G
unit antnode007 ~/nodes/antnode007 41007
unit with-file ~/nodes/three 41003 EnvironmentFile=-/home/op/x
unit far-away ~/elsewhere/four 41004
systemctl --user daemon-reload
systemctl --user enable --now my-node-1 antnode007 with-file far-away 2>/dev/null
for i in $(seq 100); do
  test $(ls ~/nodes/*/node_identity.key 2>/dev/null | wc -l) = 3 && exit 0
  sleep 0.1
done
exit 1"#
    );
    op.shell(&script).ok();
    let running = || {
        let show = "systemctl --user show --property=Id,MainPID,InvocationID my-node-1 antnode007 \
                    with-file far-away";
        op.shell(show).ok().stdout
    };
    let before = running();
    let line = [&["init", "--import", "--node-storage", "/home/op/nodes"], EAGER].concat();
    let dry = op.wnm(&[&line[..], &["--dry-run"]].concat()).ok();
    for told in [
        "my-node-1 as antnode0001",
        "antnode007 as antnode0007",
        "it reads an EnvironmentFile",
        "give --node-storage /home/op/elsewhere as well",
        "made from /usr/local/bin/ant-node now",
    ] {
        assert!(dry.stdout.contains(told), "{told}: {dry:?}");
    }
    let took = json(&op.wnm(&[&line[..], &["--json", "--confirm"]].concat()).ok());
    assert_eq!(took["applied"], true, "{took}");
    assert_eq!(took["take"].as_array().map(Vec::len), Some(2), "{took}");
    assert_eq!(running(), before);
    op.rest_with(2);
    assert_eq!(running(), before);

    // What wnm does with them, it does with units of these names.
    op.wnm(&["stop", "1"]).ok();
    assert!(op.shell("systemctl --user is-active my-node-1").stdout.starts_with("inactive"));
    op.wnm(&["start", "1"]).ok();
    assert!(op.shell("systemctl --user is-active my-node-1").stdout.starts_with("active"));
    let exe = "readlink /proc/$(systemctl --user show --property=MainPID --value my-node-1)/exe";
    assert_eq!(op.shell(exe).stdout.trim(), "/home/op/nodes/one/ant-node");
    op.wnm(&["remove", "1"]).ok();
    gone(&op, "~/.config/systemd/user/my-node-1.service ~/nodes/one");
    op.shell("systemctl --user is-active with-file far-away").ok();
    assert_eq!(op.names("identities").len(), 4, "two keys and their descriptions");
}
