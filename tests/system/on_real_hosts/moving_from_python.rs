//! Nodes of the Python wnm 0.6.3 are taken over where they are, from the database that it made.

use std::fs;
use std::time::{Duration, Instant};

use super::operator::{Operator, Who, json};
use super::story::EAGER;

/// As 0.6.3 made it in the home of `ann`: nodes 1 and 4 run, 2 is stopped, 3 is disabled.
const DATABASE: &str = include_str!("../../../wnm-store/museum/python/0.6.3-user.sql");
const FILE: &str = "/home/op/.local/share/autonomi/colony.db";
/// What cron ran: a program in a virtual environment.
const CRON: &str = "* * * * * /home/op/venv/bin/wnm >> /home/op/cron.log 2>&1";
/// The installation as that program leaves it: its database, a copy of `antnode` and a unit for each
/// node, and the user's crontab.
fn installation(op: &Operator) {
    let directory = tempfile::tempdir().expect("a directory");
    let sql = directory.path().join("colony.sql");
    fs::write(&sql, DATABASE.replace("/home/ann", "/home/op")).expect("it is written");
    op.host.put(&sql, "/home/op/colony.sql");
    op.host
        .sh("chown op /home/op/colony.sql && cp /usr/local/bin/ant-node /usr/local/bin/antnode")
        .ok();
    let script = r#"set -e
base=~/.local/share/autonomi
units=~/.config/systemd/user
mkdir -p ~/.local/bin $units $base/node $base/logs $base/bootstrap-cache
cp /usr/local/bin/antnode ~/.local/bin/antnode
sqlite3 $base/colony.db < ~/colony.sql
donate=0x00455d78f850b0358E8cea5be24d415E01E107CF
own=0x00000000000000000000000000000000000000A1
for i in 1 2 3 4; do
  name=antnode000$i
  data=$base/node/$name
  wallet=$own; test $i = 1 && wallet=$donate
  mkdir -p $data $base/logs/$name
  cp ~/.local/bin/antnode $data/antnode
  cat >$units/$name.service <<END
[Unit]
Description=$name
[Service]


ExecStart=$data/antnode --bootstrap-cache-dir $base/bootstrap-cache --root-dir $data --port 5500$i --enable-metrics-server --metrics-server-port 1300$i --log-output-dest $base/logs/$name --max-log-files 1 --max-archived-log-files 1 --rewards-address $wallet evm-arbitrum-one
Restart=always
#RestartSec=300
END
done
systemctl --user daemon-reload
systemctl --user start antnode0001 antnode0002 antnode0003 antnode0004
for i in $(seq 100); do
  test $(ls $base/node/*/secret-key 2>/dev/null | wc -l) = 4 && break
  sleep 0.1
done
systemctl --user stop antnode0002 antnode0003
test $(ls $base/node/*/secret-key | wc -l) = 4
"#;
    op.shell(script).ok();
    op.shell(&format!("echo '# mine\n{CRON}\n0 3 * * * true' | crontab -")).ok();
}

fn running(op: &Operator) -> String {
    let show = "systemctl --user show --property=Id,MainPID,InvocationID antnode0001 antnode0002 \
                antnode0003 antnode0004";
    op.shell(show).ok().stdout
}

/// Everything that a takeover touches.
fn outside(op: &Operator) -> String {
    let look = "cd ~ && find .config .local -type f ! -name '*.log' ! -path '*/logs/*' | sort | \
                xargs sha256sum; crontab -l";
    op.shell(look).ok().stdout
}

fn import<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["init", "--from-python-db", FILE], EAGER, &["--node-cap", "4"], more].concat()
}

#[test]
fn a_python_installation_moves_in_with_its_processes() {
    let Some(op) = Operator::new("python") else { return };
    installation(&op);
    let (before, places) = (running(&op), outside(&op));

    // Without being asked to nothing is taken, and the way is told.
    let plain = op.wnm(&["init", "--rewards-address", "faucet"]);
    assert_ne!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stderr.contains("--from-python-db"), "{plain:?}");
    let dry = op.wnm(&import(&["--dry-run"])).ok();
    for told in [
        "antnode0001",
        "it was disabled there and is here",
        "started again when there is room",
        "the crontab line `* * * * * /home/op/venv/bin/wnm",
        "revision e2f4a512d24c",
    ] {
        assert!(dry.stdout.contains(told), "{told}: {dry:?}");
    }
    let ran = op.wnm(&import(&[]));
    assert_eq!(ran.code, Some(5), "nobody agreed: {ran:?}");
    assert_eq!((running(&op), outside(&op)), (before.clone(), places));

    let took = json(&op.wnm(&import(&["--json", "--confirm"])).ok());
    assert_eq!(took["take"].as_array().map(Vec::len), Some(4), "{took}");
    assert_eq!(running(&op), before);
    let kept = "cd ~/.local/share/autonomi && cmp colony.db.python-* backups/import-*/*-colony.db \
                && ! ls wnm_active import-unfinished";
    op.shell(kept).ok();
    assert_eq!(op.shell("crontab -l").ok().stdout, "# mine\n0 3 * * * true\n");
    let get = |key: &str| op.wnm(&["config", "get", key]).ok().stdout.trim().to_owned();
    let wallets = get("rewards_address");
    assert!(wallets.contains("0x00000000000000000000000000000000000000A1:3,faucet:1"), "{wallets}");
    assert!(get("delay_remove").contains("300"), "seconds are seconds");

    // The stopped one comes back, the disabled one stays, and those that run are not touched.
    let deadline = Instant::now() + Duration::from_secs(90);
    while Instant::now() < deadline && op.states()["antnode0002"] != "running" {
        op.cycle();
    }
    let states = op.states();
    assert_eq!(states["antnode0002"], "running", "{states:?}");
    assert_eq!(states["antnode0003"], "disabled", "{states:?}");
    let pid = |text: &str, number: usize| {
        text.split("\n\n").nth(number - 1).map(str::to_owned).expect("a unit")
    };
    let after = running(&op);
    assert_eq!(pid(&after, 1), pid(&before, 1));
    assert_eq!(pid(&after, 3), pid(&before, 3));
    assert_eq!(pid(&after, 4), pid(&before, 4));
    assert_ne!(pid(&after, 2), pid(&before, 2));

    let again = op.wnm(&import(&["--confirm"]));
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("these are kept by wnm: antnode0001"), "{again:?}");
    // Its old command line goes on working, with the nodes that came along.
    let report = op.wnm(&["--report", "node-status"]).ok();
    assert!(report.stdout.contains("antnode0004"), "{report:?}");
}

#[test]
fn a_python_wnm_that_works_at_this_moment_is_not_disturbed() {
    let Some(op) = Operator::new("pylock") else { return };
    installation(&op);
    op.shell("date +%s > ~/.local/share/autonomi/wnm_active").ok();
    let places = outside(&op);
    let ran = op.wnm(&import(&["--confirm"]));
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("wnm_active is there"), "{ran:?}");
    // Only what says that it was tried.
    let trace = |text: &str| text.lines().filter(|it| !it.contains("backups/")).count();
    assert_eq!(trace(&outside(&op)), trace(&places));
    op.shell("rm ~/.local/share/autonomi/wnm_active").ok();
    let before = running(&op);
    op.wnm(&import(&["--confirm"])).ok();
    assert_eq!(running(&op), before);
}

#[test]
fn a_takeover_from_python_that_fails_puts_its_database_back() {
    let Some(op) = Operator::new("pyfail") else { return };
    installation(&op);
    let (before, places) = (running(&op), outside(&op));
    // Units cannot be written: nobody may make a name beside them.
    op.shell("chmod 500 ~/.config/systemd/user").ok();
    let ran = op.wnm(&import(&["--confirm"]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("everything is as it was before"), "{ran:?}");
    op.shell("chmod 700 ~/.config/systemd/user && ! ls ~/.local/share/autonomi/wnm_active").ok();
    assert_eq!(running(&op), before);
    let known = |text: &str| {
        let lines =
            text.lines().filter(|it| !it.contains("backups/") && !it.contains("identities"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for line in known(&places) {
        assert!(known(&outside(&op)).contains(&line), "{line}");
    }
    op.wnm(&import(&["--confirm"])).ok();
    assert_eq!(running(&op), before);
}

/// The same tool as an operator had it for the machine: 1 and 5 run, the others are stopped.
const OF_THE_MACHINE: &str = include_str!("../../../wnm-store/museum/python/0.6.3-system.sql");

fn installation_of_the_machine(op: &Operator) {
    let directory = tempfile::tempdir().expect("a directory");
    let sql = directory.path().join("colony.sql");
    fs::write(&sql, OF_THE_MACHINE).expect("it is written");
    op.host.put(&sql, "/opt/colony.sql");
    let script = r#"set -e
useradd --system --home-dir /var/antctl --shell /usr/sbin/nologin --user-group ant
mkdir -p /var/antctl/services /var/antctl/bootstrap-cache /var/log/antnode /home/op/.local/bin
cp /usr/local/bin/ant-node /usr/local/bin/antnode
sqlite3 /var/antctl/colony.db < /opt/colony.sql
chown op:op /var/antctl /var/antctl/colony.db
chown ant:ant /var/antctl/services /var/antctl/bootstrap-cache /var/log/antnode
for i in 1 2 3 4 5; do
  name=antnode000$i
  data=/var/antctl/services/$name
  mkdir -p $data /var/log/antnode/$name
  cp /usr/local/bin/antnode $data/antnode
  chown -R ant:ant $data /var/log/antnode/$name
  cat >/etc/systemd/system/$name.service <<END
[Unit]
Description=$name
[Service]
User=ant
ExecStart=$data/antnode --bootstrap-cache-dir /var/antctl/bootstrap-cache --root-dir $data --port 5500$i --enable-metrics-server --metrics-server-port 1300$i --log-output-dest /var/log/antnode/$name --max-log-files 1 --max-archived-log-files 1 --rewards-address 0x00000000000000000000000000000000000000A1 evm-arbitrum-one
Restart=always
#RestartSec=300
END
done
systemctl daemon-reload
systemctl start antnode0001 antnode0002 antnode0003 antnode0004 antnode0005
for i in $(seq 100); do
  test $(ls /var/antctl/services/*/secret-key 2>/dev/null | wc -l) = 5 && break
  sleep 0.1
done
systemctl stop antnode0002 antnode0003 antnode0004
test $(ls /var/antctl/services/*/secret-key | wc -l) = 5
echo '  * * * * * /home/op/venv/bin/wnm >> /home/op/cron.log 2>&1' | crontab -u op -
"#;
    op.host.sh(script).ok();
}

#[test]
fn a_python_installation_of_the_machine_moves_in_with_its_processes() {
    let Some(op) = Operator::of("pysys", Who::Sudo) else { return };
    installation_of_the_machine(&op);
    let running = || {
        let show = "systemctl show --property=Id,MainPID,InvocationID antnode0001 antnode0005";
        op.host.sh(show).ok().stdout
    };
    let before = running();
    let file = ["--scope", "system", "init", "--from-python-db", "/var/antctl/colony.db"];
    let line = [&file[..], EAGER, &["--node-cap", "5"]].concat();
    let user = ["--scope", "user", "init", "--from-python-db", "/var/antctl/colony.db"];
    let other = op.wnm(&user);
    assert!(other.stderr.contains("choose --scope system"), "{other:?}");
    let dry = op.wnm(&[&line[..], &["--dry-run"]].concat()).ok();
    assert!(dry.stdout.contains("antnode0005 as antnode0005"), "{dry:?}");
    assert!(dry.stdout.contains("the crontab line `* * * * * /home/op/venv/bin/wnm"), "{dry:?}");
    assert_eq!(running(), before);

    let took = json(&op.wnm(&[&line[..], &["--json", "--confirm"]].concat()).ok());
    assert_eq!(took["take"].as_array().map(Vec::len), Some(5), "{took}");
    assert_eq!(running(), before);
    let crontab = op.host.sh("crontab -u op -l").ok().stdout;
    assert_eq!(crontab.trim(), "", "its blanks do not save the line");
    let owners = "stat -c '%U %a' /var/antctl/services /var/antctl/services/antnode0001 \
                  /var/antctl/services/antnode0001/secret-key";
    assert!(op.host.sh(owners).ok().stdout.starts_with("root 755\nant 7"), "{owners}");
    // What was stopped for want of room is started again; the two that ran go on.
    op.rest_with(5);
    assert_eq!(running(), before);
    let again = op.wnm(&[&line[..], &["--confirm"]].concat());
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("these are kept by wnm: antnode0001"), "{again:?}");

    // Under wnm's own unit it comes back with the key it had.
    let key = || op.host.sh("sha256sum /var/antctl/services/antnode0005/secret-key").ok().stdout;
    let had = key();
    op.wnm(&["restart", "5"]).ok();
    op.rest_with(5);
    assert_eq!(key(), had);
    op.wnm(&["remove", "5"]).ok();
    assert_eq!(op.states().len(), 4);
}
