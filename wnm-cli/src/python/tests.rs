//! Old lines and what becomes of them. The left side is what people have in their crontabs.

use std::collections::BTreeSet;

use super::options::OPTIONS;
use super::*;

fn world(variables: &[(&str, &str)]) -> World {
    let home = [("HOME", "/home/bob")];
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    World {
        is_watched: false,
        variables: home.iter().chain(variables).map(own).collect(),
        stores: [
            Some("/home/bob/.local/share/autonomi/colony.db".into()),
            Some("/var/antctl/colony.db".into()),
        ],
    }
}

/// What becomes of `line`, in words.
fn told(line: &str, world: &World) -> String {
    let words = shell_words::split(line).expect("a sound line");
    let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    match translate(&words, world) {
        Ok(None) => "is ours".to_owned(),
        Ok(Some(made)) => {
            let lines = made.lines.iter().map(|line| format!("-> wnm {}", shell_words::join(line)));
            match lines.chain(made.notes.into_iter().skip(1)).collect::<Vec<_>>() {
                none if none.is_empty() => "-> nothing to do".to_owned(),
                lines => lines.join("\n   "),
            }
        }
        Err(error) => format!("exit {}: {}", error.exit as u8, error.to_string().trim_end()),
    }
}

fn table_in(world: &World, lines: &[&str]) -> String {
    let row =
        |line: &&str| format!("{line}\n   {}\n", told(line, world).replace("\nhint", "\n   hint"));
    lines.iter().map(row).collect()
}

fn table(lines: &[&str]) -> String {
    table_in(&world(&[]), lines)
}

#[test]
fn cycles() {
    insta::assert_snapshot!(table(&[
        "wnm",
        "wnm -v",
        "wnm -q",
        "wnm --json",
        "wnm --dry_run",
        "wnm -c /etc/wnm.conf",
        "wnm --config=/etc/wnm.conf --loglevel debug",
        "wnm --loglevel INFO",
        "wnm --node_cap 50",
        "wnm --dry_run --node_cap 1 --cpu_remove 60",
        "wnm --cpu_less_than 40 --cpu_remove=60 --delay_start 30",
        "wnm --enable_upgrade --no_upnp",
        "wnm --process_manager systemd+sudo",
        "wnm --dbpath /var/antctl/colony.db",
        "wnm --dbpath sqlite:///$HOME/.local/share/autonomi/colony.db",
        "wnm --dbpath /tmp/other.db",
        "wnm --port_start 55001 --metrics_port_start 13",
        "wnm --scope user --enable_upgrade",
        "wnm --show_decisions --show_machine_config --show_machine_metrics",
        "wnm --node_storage '/mnt/a disk' --environment 'A=1 B=2'",
    ]), @r"
    wnm
       -> wnm run
    wnm -v
       -> wnm -v run
    wnm -q
       -> wnm run
       note: --quiet has no effect: a cycle says little anyway
    wnm --json
       -> wnm run
    wnm --dry_run
       -> wnm run --dry-run
    wnm -c /etc/wnm.conf
       -> wnm --config /etc/wnm.conf run
    wnm --config=/etc/wnm.conf --loglevel debug
       -> wnm --config /etc/wnm.conf -vv run
    wnm --loglevel INFO
       -> wnm run
    wnm --node_cap 50
       -> wnm config set --keep-nodes 'node_cap=50'
       -> wnm run --node-cap 50
    wnm --dry_run --node_cap 1 --cpu_remove 60
       -> wnm run --dry-run --node-cap 1 --cpu-remove 60
    wnm --cpu_less_than 40 --cpu_remove=60 --delay_start 30
       -> wnm config set --keep-nodes 'cpu_less_than=40' 'cpu_remove=60' 'delay_start=30'
       -> wnm run
    wnm --enable_upgrade --no_upnp
       -> wnm config set --keep-nodes 'no_upnp=on'
       -> wnm run --upgrade-mode managed
    wnm --process_manager systemd+sudo
       -> wnm --scope system config set --keep-nodes 'manager=systemd+sudo'
       -> wnm --scope system run
    wnm --dbpath /var/antctl/colony.db
       -> wnm --scope system run
    wnm --dbpath sqlite:///$HOME/.local/share/autonomi/colony.db
       -> wnm --scope user run
    wnm --dbpath /tmp/other.db
       exit 2: error: dbpath is `/tmp/other.db`, but a store lies at /home/bob/.local/share/autonomi/colony.db or /var/antctl/colony.db
       hint: nothing was done
       hint: XDG_DATA_HOME decides where the one of a user lies
    wnm --port_start 55001 --metrics_port_start 13
       -> wnm config set --keep-nodes 'port_start=55' 'metrics_port_start=13'
       -> wnm run
    wnm --scope user --enable_upgrade
       -> wnm --scope user run --upgrade-mode managed
    wnm --show_decisions --show_machine_config --show_machine_metrics
       -> wnm run
       note: --show_machine_config has no effect: `wnm report machine-config` prints it
       note: --show_machine_metrics has no effect: `wnm report machine-metrics` prints them
       note: --show_decisions has no effect: `wnm explain` prints them
    wnm --node_storage '/mnt/a disk' --environment 'A=1 B=2'
       -> wnm config set --keep-nodes 'node_storage='\''/mnt/a disk'\''' 'environment=A=1 B=2'
       -> wnm run
    ");
}

#[test]
fn actions() {
    insta::assert_snapshot!(table(&[
        "wnm --force_action add",
        "wnm --force_action add --count 2",
        "wnm --force_action=add --count=2 --json",
        "wnm --force add --cou 2",
        "wnm --force_action add --count 0",
        "wnm --force_action add --count many",
        "wnm --force_action remove",
        "wnm --force_action remove --count 10",
        "wnm --force_action remove --count 10 --confirm",
        "wnm --force_action remove --service_name antnode0003,antnode12.service",
        "wnm --force_action remove --service_name antnode0001-0010",
        "wnm --force_action remove --service_name 3",
        "wnm --force_action remove --service_name ,",
        "wnm --force_action remove --service_name ''",
        "wnm --force_action start --count 3",
        "wnm --force_action start --service_name antnode0001",
        "wnm --force_action stop",
        "wnm --force_action upgrade",
        "wnm --force_action disable",
        "wnm --force_action disable --service_name antnode0001",
        "wnm --force_action survey",
        "wnm --force_action survey --service_name antnode0001",
        "wnm --force_action teardown",
        "wnm --force_action teardown --confirm",
        "wnm --force_action teardown --confirm --dry_run",
        "wnm --force_action remove --count 3 --dry_run",
        "wnm --force_action nullop",
        "wnm --force_action update_config --node_cap 5 --hd_remove 80",
        "wnm --force_action disable_config --no_upnp --antctl_debug",
        "wnm --force_action add --node_cap 30",
        "wnm --force_action wnm-db-migration --confirm",
        "wnm --force_action explode",
        "wnm --force_action",
        "wnm --force_action add --report node-status",
        "wnm --remove_lockfile",
    ]), @"
    wnm --force_action add
       -> wnm add --count 1
    wnm --force_action add --count 2
       -> wnm add --count 2
    wnm --force_action=add --count=2 --json
       -> wnm add --count 2
    wnm --force add --cou 2
       -> wnm add --count 2
    wnm --force_action add --count 0
       exit 2: error: --count is `0`: give a whole number of at least 1
       hint: nothing was done
    wnm --force_action add --count many
       exit 2: error: --count is `many`: give a whole number of at least 1
       hint: nothing was done
    wnm --force_action remove
       -> wnm remove --count 1
    wnm --force_action remove --count 10
       -> wnm remove --count 10
    wnm --force_action remove --count 10 --confirm
       -> wnm remove --count 10 --confirm
    wnm --force_action remove --service_name antnode0003,antnode12.service
       -> wnm remove antnode0003 antnode12
    wnm --force_action remove --service_name antnode0001-0010
       exit 2: error: --service_name has `antnode0001-0010`, which is no node: write antnode0007, or a comma list
       hint: nothing was done
    wnm --force_action remove --service_name 3
       exit 2: error: --service_name has `3`, which is no node: write antnode0007, or a comma list
       hint: nothing was done
    wnm --force_action remove --service_name ,
       exit 2: error: --service_name is `,`, which names no node
       hint: nothing was done
    wnm --force_action remove --service_name ''
       exit 2: error: --service_name is ``, which names no node
       hint: nothing was done
    wnm --force_action start --count 3
       -> wnm start --count 3
    wnm --force_action start --service_name antnode0001
       -> wnm start antnode0001
    wnm --force_action stop
       -> wnm stop --count 1
    wnm --force_action upgrade
       -> wnm upgrade --count 1
    wnm --force_action disable
       exit 2: error: --force_action disable needs --service_name
       hint: nothing was done
    wnm --force_action disable --service_name antnode0001
       -> wnm stop antnode0001
       -> wnm disable antnode0001
    wnm --force_action survey
       -> wnm survey
    wnm --force_action survey --service_name antnode0001
       -> wnm survey antnode0001
    wnm --force_action teardown
       exit 5: error: --force_action teardown needs --confirm
       hint: nothing was done
    wnm --force_action teardown --confirm
       -> wnm remove --all --confirm
       note: settings, store and disabled nodes stay, and the next cycle adds nodes again; `wnm teardown --confirm` ends everything
    wnm --force_action teardown --confirm --dry_run
       note: settings, store and disabled nodes stay, and the next cycle adds nodes again; `wnm teardown --confirm` ends everything
       note: a dry run: `wnm remove --all --confirm` was not run
    wnm --force_action remove --count 3 --dry_run
       note: a dry run: `wnm remove --count 3` was not run
    wnm --force_action nullop
       -> nothing to do
    wnm --force_action update_config --node_cap 5 --hd_remove 80
       -> wnm config set --keep-nodes 'node_cap=5' 'hd_remove=80'
    wnm --force_action disable_config --no_upnp --antctl_debug
       -> wnm config set 'no_upnp=off'
       note: --antctl_debug has no effect: antctl always says why it fails
    wnm --force_action add --node_cap 30
       -> wnm config set --keep-nodes 'node_cap=30'
       -> wnm add --count 1
    wnm --force_action wnm-db-migration --confirm
       exit 2: error: --force_action wnm-db-migration is not needed any more
       hint: nothing was done
    wnm --force_action explode
       exit 2: error: --force_action is `explode`
       hint: nothing was done
       hint: it was add, remove, upgrade, start, stop, disable, survey, teardown, nullop, update_config or disable_config
    wnm --force_action
       exit 2: error: --force_action needs a value
       hint: nothing was done
    wnm --force_action add --report node-status
       exit 2: error: --force_action and --report exclude each other
       hint: nothing was done
    wnm --remove_lockfile
       note: nothing was done: the lock of a killed run is gone with it
    ");
}

#[test]
fn reports_and_init() {
    insta::assert_snapshot!(table(&[
        "wnm --report node-status",
        "wnm --report node-status --json",
        "wnm --report node-status-details --report_format json --service_name antnode0001.service",
        "wnm --report machine-config --report_format env",
        "wnm --report influx-resources --dry_run",
        "wnm --force_action survey --report influx-resources -q",
        "wnm --force_action survey --report node-status --dry_run",
        "wnm --init --rewards_address 0x00455d78f850b0358E8cea5be24d415E01E107CF",
        "wnm --init --rewards_address faucet:2,donate --process_manager systemd+user --node_cap 40 \
         --antnode_path /opt/antnode --no_upnp --port_start 45",
        "wnm --init --rewards_address faucet --start_args --x",
        "wnm --init --rewards_address faucet --start_args '--x 1' --crisis_bytes 50000000000",
        "wnm --init --rewards_address faucet --host 192.168.1.5",
        "wnm --init --dry_run",
        "wnm --init --report node-status",
        "wnm --init --force_action add",
    ]), @"
    wnm --report node-status
       -> wnm report node-status
    wnm --report node-status --json
       -> wnm report node-status --format json
    wnm --report node-status-details --report_format json --service_name antnode0001.service
       -> wnm report node-status-details --format json antnode0001
    wnm --report machine-config --report_format env
       -> wnm report machine-config --format env
    wnm --report influx-resources --dry_run
       -> wnm report influx-resources
    wnm --force_action survey --report influx-resources -q
       -> wnm survey --quiet
       -> wnm report influx-resources
       note: --quiet has no effect: a cycle says little anyway
    wnm --force_action survey --report node-status --dry_run
       note: a dry run: `wnm survey --quiet && wnm report node-status` was not run
    wnm --init --rewards_address 0x00455d78f850b0358E8cea5be24d415E01E107CF
       -> wnm init --program antnode --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF
    wnm --init --rewards_address faucet:2,donate --process_manager systemd+user --node_cap 40 --antnode_path /opt/antnode --no_upnp --port_start 45
       -> wnm --scope user init --program antnode --node-cap 40 --rewards-address faucet:2,donate --port-start 45 --manager systemd+user --no-upnp --node-binary /opt/antnode
    wnm --init --rewards_address faucet --start_args --x
       exit 2: error: --start_args needs a value
       hint: nothing was done
    wnm --init --rewards_address faucet --start_args '--x 1' --crisis_bytes 50000000000
       -> wnm init --program antnode --rewards-address faucet
       note: --crisis_bytes has no effect: it was a forecast there, but nodes are removed for it here: set it by its new name
       note: --start_args has no effect: the Python tool stored it and never used it
    wnm --init --rewards_address faucet --host 192.168.1.5
       exit 2: error: --host: nodes are looked at on this machine only
       hint: nothing was done
    wnm --init --dry_run
       exit 2: error: --dry_run and --init exclude each other
       hint: nothing was done
    wnm --init --report node-status
       exit 2: error: --init and --report exclude each other
       hint: nothing was done
    wnm --init --force_action add
       exit 2: error: --init and --force_action exclude each other
       hint: nothing was done
    ");
}

#[test]
fn what_is_ours_and_what_is_neither() {
    insta::assert_snapshot!(table(&[
        "wnm run",
        "wnm run --dry_run",
        "wnm --json status",
        "wnm --config file.toml run --dry_run",
        "wnm --scope user config set node_cap 5",
        "wnm --help",
        "wnm --version",
        "wnm -h",
        "wnm frobnicate",
        "wnm --dry-run",
        "wnm --node-cap 3",
        "wnm --node_cap 3 --dry-run",
        "wnm --force_action add --node-cap 3",
        "wnm --force_action add --nonsense",
        "wnm --force_action add antnode0001",
        "wnm --force_action add status",
        "wnm --count 3",
        "wnm --confirm",
        "wnm --service_name antnode0001",
        "wnm --dry_run=true",
        "wnm --node_cap",
        "wnm --node_cap --dry_run",
        "wnm --nod 3",
    ]), @"
    wnm run
       is ours
    wnm run --dry_run
       is ours
    wnm --json status
       is ours
    wnm --config file.toml run --dry_run
       is ours
    wnm --scope user config set node_cap 5
       is ours
    wnm --help
       is ours
    wnm --version
       is ours
    wnm -h
       is ours
    wnm frobnicate
       is ours
    wnm --dry-run
       is ours
    wnm --node-cap 3
       is ours
    wnm --node_cap 3 --dry-run
       exit 2: error: `--dry-run` is no option of the old command line
       hint: nothing was done
       hint: it had --dry_run
    wnm --force_action add --node-cap 3
       exit 2: error: `--node-cap` is no option of the old command line
       hint: nothing was done
       hint: it had --node_cap
    wnm --force_action add --nonsense
       exit 2: error: `--nonsense` is no option of the old command line
       hint: nothing was done
       hint: `wnm --help` shows the commands there are now
    wnm --force_action add antnode0001
       exit 2: error: `antnode0001` is unexpected: the old command line has options only
       hint: nothing was done
    wnm --force_action add status
       is ours
    wnm --count 3
       exit 2: error: --count goes with --force_action or --report only
       hint: nothing was done
    wnm --confirm
       exit 2: error: --confirm goes with --force_action or --report only
       hint: nothing was done
    wnm --service_name antnode0001
       exit 2: error: --service_name goes with --force_action or --report only
       hint: nothing was done
    wnm --dry_run=true
       exit 2: error: `--dry_run=true`: --dry_run takes no value
       hint: nothing was done
    wnm --node_cap
       exit 2: error: --node_cap needs a value
       hint: nothing was done
    wnm --node_cap --dry_run
       exit 2: error: --node_cap needs a value
       hint: nothing was done
    wnm --nod 3
       is ours
    ");
}

#[test]
fn whoever_sits_at_a_terminal_gets_help_instead_of_a_cycle() {
    let watched = World { is_watched: true, ..world(&[]) };
    for line in ["wnm", "wnm -v", "wnm --json", "wnm --scope user"] {
        assert_eq!(told(line, &watched), "is ours", "{line}");
        assert_ne!(told(line, &world(&[])), "is ours", "{line}");
    }
    for line in ["wnm --dry_run", "wnm --force_action add", "wnm -q", "wnm -c file"] {
        assert_eq!(told(line, &watched), told(line, &world(&[])), "{line}");
    }
}

#[test]
fn variables_that_choose_are_not_passed_over() {
    let table = [
        (("FORCE_ACTION", "survey"), "wnm"),
        (("FORCE_ACTION", "survey"), "wnm --report node-status"),
        (("FORCE_ACTION", "survey"), "wnm --remove_lockfile"),
        (("REPORT", "node-status"), "wnm --node_cap 3"),
        (("SERVICE_NAME", "antnode0003"), "wnm --force_action remove"),
        (("SERVICE_NAME", "antnode0003"), "wnm --force_action remove --service_name antnode0004"),
        (("SERVICE_NAME", "antnode0003"), "wnm"),
        (("COUNT", "50"), "wnm --force_action remove"),
        (("REPORT_FORMAT", "json"), "wnm --report node-status"),
        (("DRY_RUN", "true"), "wnm"),
        (("DRY_RUN", "true"), "wnm --force_action remove"),
        (("DRY_RUN", "false"), "wnm"),
        (("DRY_RUN", "true"), "wnm run"),
        (("DBPATH", "/elsewhere.db"), "wnm"),
    ];
    let row = |(variable, line): &((&str, &str), &str)| {
        format!("{}={} {}", variable.0, variable.1, table_in(&world(&[*variable]), &[line]))
    };
    insta::assert_snapshot!(table.iter().map(row).collect::<String>(), @"
    FORCE_ACTION=survey wnm
       exit 2: error: the environment variable FORCE_ACTION is set, which is no longer read
       hint: nothing was done
       hint: unset it, or give --force_action on the command line
    FORCE_ACTION=survey wnm --report node-status
       -> wnm report node-status
    FORCE_ACTION=survey wnm --remove_lockfile
       note: nothing was done: the lock of a killed run is gone with it
    REPORT=node-status wnm --node_cap 3
       exit 2: error: the environment variable REPORT is set, which is no longer read
       hint: nothing was done
       hint: unset it, or give --report on the command line
    SERVICE_NAME=antnode0003 wnm --force_action remove
       exit 2: error: the environment variable SERVICE_NAME is set, which is no longer read
       hint: nothing was done
       hint: unset it, or give --service_name on the command line
    SERVICE_NAME=antnode0003 wnm --force_action remove --service_name antnode0004
       -> wnm remove antnode0004
    SERVICE_NAME=antnode0003 wnm
       -> wnm run
    COUNT=50 wnm --force_action remove
       exit 2: error: the environment variable COUNT is set, which is no longer read
       hint: nothing was done
       hint: unset it, or give --count on the command line
    REPORT_FORMAT=json wnm --report node-status
       exit 2: error: the environment variable REPORT_FORMAT is set, which is no longer read
       hint: nothing was done
       hint: unset it, or give --report_format on the command line
    DRY_RUN=true wnm
       -> wnm run --dry-run
    DRY_RUN=true wnm --force_action remove
       note: a dry run: `wnm remove --count 1` was not run
    DRY_RUN=false wnm
       -> wnm run
    DRY_RUN=true wnm run
       is ours
    DBPATH=/elsewhere.db wnm
       exit 2: error: dbpath is `/elsewhere.db`, but a store lies at /home/bob/.local/share/autonomi/colony.db or /var/antctl/colony.db
       hint: nothing was done
       hint: XDG_DATA_HOME decides where the one of a user lies
    ");
}

/// Every option that there was, on a line with what it needs, is known and answered.
#[test]
fn no_option_is_forgotten() {
    for old in OPTIONS.iter().filter(|old| !matches!(old.name, "version" | "config")) {
        let value = match old.name {
            "force_action" => " nullop",
            "report" => " node-status",
            "dbpath" => " /var/antctl/colony.db",
            "process_manager" => " systemd+user",
            "service_name" => " antnode0001",
            _ if old.takes_value => " 7",
            _ => "",
        };
        let company = match old.name {
            "count" | "service_name" | "confirm" => " --force_action stop",
            "report_format" => " --report node-status",
            "import" | "migrate_anm" => " --init",
            _ => "",
        };
        let said = told(&format!("wnm --{}{value}{company}", old.name), &world(&[]));
        let unsupported = said.contains("is not supported by this version");
        assert!(
            said != "is ours" && (unsupported || !said.starts_with("exit")),
            "{}: {said}",
            old.name
        );
    }
    let names: BTreeSet<&str> = OPTIONS.iter().map(|old| old.name).collect();
    assert_eq!(names.len(), OPTIONS.len(), "none twice");
}

/// Whatever an old line says, it never becomes a teardown, and removes by name or number only.
#[test]
fn no_old_line_destroys_more_than_it_said() {
    let actions = [
        "add",
        "remove",
        "start",
        "stop",
        "disable",
        "survey",
        "teardown",
        "nullop",
        "update_config",
        "disable_config --no_upnp",
    ];
    let with =
        ["", " --count 1", " --service_name antnode0001", " --confirm", " --node_cap 0", " --json"];
    for action in actions {
        for one in with {
            for other in with {
                let line = format!("wnm --force_action {action}{one}{other}");
                let words = shell_words::split(&line).expect("sound");
                let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
                let Ok(Some(made)) = translate(&words, &world(&[])) else { continue };
                for new in &made.lines {
                    let new: Vec<&str> = new.iter().map(String::as_str).collect();
                    let is_named = new.contains(&"--count") || new.contains(&"antnode0001");
                    match new[0] {
                        "teardown" => panic!("{line} became {new:?}"),
                        "remove" if action == "remove" => assert!(is_named, "{line}: {new:?}"),
                        "remove" => {
                            assert!(action == "teardown" && line.contains("--confirm"), "{line}")
                        }
                        // A lower cap stopped nodes there; here it would delete their data.
                        "config" if new.iter().any(|word| word.starts_with("node_cap")) => {
                            assert!(new.contains(&"--keep-nodes"), "{line}: {new:?}")
                        }
                        "run" => panic!("{line} became {new:?}"),
                        _ => {}
                    }
                }
            }
        }
    }
}

#[test]
fn settings_of_the_environment() {
    let variables = world(&[
        ("NODE_CAP", "7"),
        ("REWARDS_ADDRESS", "faucet"),
        ("PORT_START", "55001"),
        ("NO_UPNP", "true"),
        ("ENVIRONMENT", "production"),
        ("HOST", "build7"),
        ("CRISIS_BYTES", "50000000000"),
        ("COUNT", "3"),
        ("MEM_REMOVE", ""),
    ]);
    let draft = draft_of_environment(&variables.variables);
    let shown: Vec<String> =
        draft.values.iter().map(|(key, text)| format!("{key}={text}")).collect();
    assert_eq!(shown, ["rewards_address=faucet", "node_cap=7", "port_start=55", "no_upnp=on"]);
}

#[test]
fn files_of_key_and_value() {
    let text = "\
# as the Python tool's own listing wrote it
node_cap=12
cpu-less-than: 40   # percent
mem_less_than 55
node_storage=\"/mnt/my disk/node\"
no_upnp = true
antctl_version=None
highest_node_id_used=0
crisis_bytes=50000000000
cpu_count=8
colour=red
environment=\"\"
port_start=55
";
    let (draft, without_effect) = draft_of_file(text).expect("keys are known");
    let shown: Vec<String> =
        draft.values.iter().map(|(key, text)| format!("{key}={text}")).collect();
    assert_eq!(
        shown,
        [
            "node_cap=12",
            "cpu_less_than=40",
            "mem_less_than=55",
            "node_storage='/mnt/my disk/node'",
            "port_start=55",
            "no_upnp=on"
        ]
    );
    assert_eq!(without_effect, ["highest_node_id_used", "crisis_bytes", "cpu_count", "colour"]);
    for other in ["", "hello world", "<html>", "[section]\nkey = 1"] {
        assert_eq!(draft_of_file(other), None, "{other}");
    }
}
