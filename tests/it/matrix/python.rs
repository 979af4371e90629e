//! A home as the Python wnm leaves it: its database, units, programs and crontab. Nodes 1 and 4 run, 2 is
//! stopped and 3 disabled.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use wnm_store::make_database;

use super::campaign::Ground;
use crate::harness::{TestEnv, wait_until};

const DATABASE: &str = include_str!("../../../wnm-store/museum/python/0.6.3-user.sql");
const DONATE: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";
const OWN: &str = "0x00000000000000000000000000000000000000A1";

pub(super) fn installation(_: &Ground) -> TestEnv {
    let env = TestEnv::with_program("antnode");
    let keeper = env!("CARGO_BIN_EXE_stand-in-keeper");
    symlink(keeper, env.path("tools/systemctl")).expect("linked");
    let (home, base) = (env.path("home").display().to_string(), env.base_dir());
    let units = env.path("home/.config/systemd/user");
    for place in [&units, &env.path("home/.local/bin"), &base.join("bootstrap-cache")] {
        fs::create_dir_all(place).expect("a directory");
    }
    fs::copy(env.program(), env.path("home/.local/bin/antnode")).expect("copied");
    let cron = format!("# mine\n* * * * * {home}/venv/bin/wnm >> {home}/cron.log 2>&1\n");
    fs::write(env.path("crontab"), cron).expect("written");
    // Its ports are 55000 and 13000, which other tests have as well.
    let port = env.spec(1).ports.node - 1;
    let metrics = port + 1000;
    let mut sql = DATABASE.replace("/home/ann", &home);
    for number in 1..=4 {
        node(&env, number, port + number, metrics + number);
        let old = format!(",{},{},", 55_000 + number, 13_000 + number);
        sql = sql.replace(&old, &format!(",{},{},", port + number, metrics + number));
    }
    sql = sql.replace(",55,13,30,", &format!(",{},{},30,", port / 1000, metrics / 1000));
    make_database(&sql, &base.join("colony.db")).expect("a database");
    env.run_tool("systemctl", &["--user", "daemon-reload"]).expect(0);
    for number in 1..=4 {
        let (unit, data) = (format!("antnode000{number}.service"), base.join("node"));
        env.run_tool("systemctl", &["--user", "start", "--quiet", "--", &unit]).expect(0);
        let key = data.join(format!("antnode000{number}/secret-key"));
        wait_until(Duration::from_secs(20), "the node has a key", || key.exists());
        if [2, 3].contains(&number) {
            env.run_tool("systemctl", &["--user", "stop", "--quiet", "--", &unit]).expect(0);
        }
    }
    env
}

/// Its directories and its unit, as that program writes it.
fn node(env: &TestEnv, number: u16, port: u16, metrics: u16) {
    let (base, name) = (env.base_dir(), format!("antnode000{number}"));
    let (data, logs) = (base.join("node").join(&name), base.join("logs").join(&name));
    let program = data.join("antnode");
    fs::create_dir_all(&data)
        .and_then(|()| fs::create_dir_all(&logs))
        .and_then(|()| fs::copy(env.program(), &program))
        .and_then(|_| fs::set_permissions(&program, Permissions::from_mode(0o755)))
        .expect("a node");
    let (data, logs, cache) = (data.display(), logs.display(), base.join("bootstrap-cache"));
    let (cache, wallet) = (cache.display(), if number == 1 { DONATE } else { OWN });
    let text = format!(
        "[Unit]\nDescription={name}\n[Service]\n\n\nExecStart={data}/antnode --bootstrap-cache-dir \
         {cache} --root-dir {data} --port {port} --enable-metrics-server --metrics-server-port \
         {metrics} --log-output-dest {logs} --max-log-files 1 --max-archived-log-files 1 \
         --rewards-address {wallet} evm-arbitrum-one\nRestart=always\n#RestartSec=300\n"
    );
    let unit = env.path("home/.config/systemd/user").join(format!("{name}.service"));
    fs::write(unit, text).expect("a unit");
}

/// Its nodes and its settings are taken over, but for waiting times.
pub(super) fn takeover(env: &TestEnv) -> Vec<String> {
    let file = env.base_dir().join("colony.db").display().to_string();
    let more = ["--from-python-db", &file, "--confirm", "--node-cap", "4", "--grow-window", "1d"];
    let told = ["--manager", "--rewards-address", "--port-start", "--metrics-port-start"];
    let mut words = env.init_args(&more).into_iter();
    let mut args = Vec::new();
    while let Some(word) = words.next() {
        match told.contains(&word.as_str()) {
            true => drop(words.next()),
            false => args.push(word),
        }
    }
    args
}
