//! Everything that people get wrong, and what they are told: the value, the rule and the way out.
//! One snapshot a topic; a new way to be wrong is a new line here, or, for values, in
//! `errors_of_values.rs`.

use crate::harness::TestEnv;

/// Each line as typed, and what came of it. `''` is an empty word, `~` a blank within one.
pub(crate) fn told(env: &TestEnv, lines: &[&str]) -> String {
    let answer = |line: &&str| {
        let words = line.split_whitespace().map(|word| match word {
            "''" => String::new(),
            word => word.replace('~', " "),
        });
        let words: Vec<String> = words.collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = env.run(&words);
        assert!(ran.code.is_some_and(|code| code != 0), "`wnm {line}` is no mistake");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.block());
        format!("$ wnm {line}\n{}\n", ran.block())
    };
    lines.iter().map(answer).collect()
}

pub(crate) fn initialised() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "3"]).expect(0);
    env
}

#[test]
fn words_that_are_no_command_or_option() {
    let env = initialised();
    let lines = [
        "stauts",
        "--dry-run",
        "--node-cap 3",
        "run --cap 3",
        "run extra",
        "plan --snapshot",
        "help nonsense",
        "config lst",
        "report",
        "report node-stats",
        "report node-status --format xml",
        "status --sort colour",
        "status --json --jsn",
        "add --cuont 2",
    ];
    insta::assert_snapshot!(told(&env, &lines), @"
    $ wnm stauts
    exit 2
    err| error: unrecognized subcommand 'stauts'
    err|
    err|   tip: some similar subcommands exist: 'restart', 'start', 'status'
    err|
    err| Usage: wnm [OPTIONS] <COMMAND>
    err|
    err| For more information, try '--help'.

    $ wnm --dry-run
    exit 2
    err| error: unexpected argument '--dry-run' found
    err|
    err| Usage: wnm [OPTIONS] <COMMAND>
    err|
    err| For more information, try '--help'.
    err|
    err| hint: --dry-run goes after its command: `wnm run --dry-run`

    $ wnm --node-cap 3
    exit 2
    err| error: unexpected argument '--node-cap' found
    err|
    err| Usage: wnm [OPTIONS] <COMMAND>
    err|
    err| For more information, try '--help'.
    err|
    err| hint: --node-cap goes after its command: `wnm run --node-cap`

    $ wnm run --cap 3
    exit 2
    err| error: unexpected argument '--cap' found
    err|
    err| Usage: wnm run [OPTIONS]
    err|
    err| For more information, try '--help'.

    $ wnm run extra
    exit 2
    err| error: unexpected argument 'extra' found
    err|
    err| Usage: wnm run [OPTIONS]
    err|
    err| For more information, try '--help'.

    $ wnm plan --snapshot
    exit 2
    err| error: a value is required for '--snapshot <FILE>' but none was supplied
    err|
    err| For more information, try '--help'.

    $ wnm help nonsense
    exit 2
    err| error: there is no command `nonsense`
    err| hint: `wnm help` lists them

    $ wnm config lst
    exit 2
    err| error: unrecognized subcommand 'lst'
    err|
    err|   tip: a similar subcommand exists: 'list'
    err|
    err| Usage: wnm config [OPTIONS] <COMMAND>
    err|
    err| For more information, try '--help'.

    $ wnm report
    exit 2
    err| error: the following required arguments were not provided:
    err|   <REPORT>
    err|
    err| Usage: wnm report <REPORT> [NODE]...
    err|
    err| For more information, try '--help'.

    $ wnm report node-stats
    exit 2
    err| error: invalid value 'node-stats' for '<REPORT>'
    err|   [possible values: node-status, node-status-details, machine-config, machine-metrics, influx-resources]
    err|
    err|   tip: a similar value exists: 'node-status'
    err|
    err| For more information, try '--help'.

    $ wnm report node-status --format xml
    exit 2
    err| error: invalid value 'xml' for '--format <FORMAT>'
    err|   [possible values: text, json, env, config]
    err|
    err| For more information, try '--help'.

    $ wnm status --sort colour
    exit 2
    err| error: invalid value 'colour' for '--sort <BY>'
    err|   [possible values: name, state, peers, records, memory, disk, up, version]
    err|
    err| For more information, try '--help'.

    $ wnm status --json --jsn
    exit 2
    err| error: unexpected argument '--jsn' found
    err|
    err|   tip: a similar argument exists: '--json'
    err|
    err| Usage: wnm status --json [NODE]...
    err|
    err| For more information, try '--help'.

    $ wnm add --cuont 2
    exit 2
    err| error: unexpected argument '--cuont' found
    err|
    err|   tip: a similar argument exists: '--count'
    err|
    err| Usage: wnm add --count <N>
    err|
    err| For more information, try '--help'.
    ");
}

#[test]
fn numbers_and_nodes() {
    let env = initialised();
    env.run(&["add"]).expect(0);
    let lines = [
        "add --count 0",
        "add --count many",
        "add --count -1",
        "add 3",
        "add --count 5",
        "stop",
        "stop 1 --all",
        "stop --count 0",
        "stop 99",
        "stop antnode",
        "stop 3-1",
        "stop 0",
        "stop ''",
        "stop 1,,x",
        "start node1",
        "remove --all",
        "remove --count 5",
        "remove 2",
        "restart 1-999999",
        "teardown",
        "status 7",
        "status --state sleeping",
        "status --watch --json",
        "status --watch=0",
        "explain 7",
        "survey 7",
        "history x",
        "history --since yesterday",
        "history --limit few",
        "report machine-config 1",
        "report node-status 9",
    ];
    insta::assert_snapshot!(told(&env, &lines), @"
    $ wnm add --count 0
    exit 2
    err| error: invalid value '0' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.

    $ wnm add --count many
    exit 2
    err| error: invalid value 'many' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.

    $ wnm add --count -1
    exit 2
    err| error: invalid value '-1' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.

    $ wnm add 3
    exit 2
    err| error: `add` takes no names, and `3` is one word too many
    err| hint: new nodes get the next free names: `wnm add --count 3`

    $ wnm add --count 5
    exit 5
    out| nothing to do
    out| before this: 1 of 3 nodes, 1 running
    err| refused: 5 more would make 6 nodes and node_cap is 3: raise it with `wnm config set node_cap 6`

    $ wnm stop
    exit 2
    err| error: the following required arguments were not provided:
    err|   <NODE|--count <N>|--all>
    err|
    err| Usage: wnm stop <NODE|--count <N>|--all>
    err|
    err| For more information, try '--help'.

    $ wnm stop 1 --all
    exit 2
    err| error: the argument '[NODE]...' cannot be used with '--all'
    err|
    err| Usage: wnm stop <NODE|--count <N>|--all>
    err|
    err| For more information, try '--help'.

    $ wnm stop --count 0
    exit 2
    err| error: invalid value '0' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.

    $ wnm stop 99
    exit 2
    err| error: there is no antnode0099; nothing was done
    err| hint: `wnm status` shows the nodes there are

    $ wnm stop antnode
    exit 2
    err| error: `antnode` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm stop 3-1
    exit 2
    err| error: `3-1` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm stop 0
    exit 2
    err| error: `0` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm stop ''
    exit 2
    err| error: `` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm stop 1,,x
    exit 2
    err| error: `x` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm start node1
    exit 2
    err| error: `node1` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm remove --all
    exit 5
    err| error: removing all nodes, or more than four at once, needs --confirm
    err| hint: nothing was done

    $ wnm remove --count 5
    exit 5
    err| error: removing all nodes, or more than four at once, needs --confirm
    err| hint: nothing was done

    $ wnm remove 2
    exit 2
    err| error: there is no antnode0002; nothing was done
    err| hint: `wnm status` shows the nodes there are

    $ wnm restart 1-999999
    exit 2
    err| error: `1-999999` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm teardown
    exit 5
    err| error: teardown removes everything, 1 node and every setting: it needs --confirm
    err| hint: nothing was done

    $ wnm status 7
    exit 2
    err| error: there is no antnode0007
    err| hint: `wnm status` shows the nodes there are

    $ wnm status --state sleeping
    exit 2
    err| error: `sleeping` is no state: give running, mute, stopped, starting, upgrading, removing, dead, unknown, disabled

    $ wnm status --watch --json
    exit 2
    err| error: --watch is for people, and --json for programs: give one

    $ wnm status --watch=0
    exit 2
    err| error: invalid value '0' for '--watch [<SECONDS>]': give a whole number from 1 to 3600
    err|
    err| For more information, try '--help'.

    $ wnm explain 7
    exit 2
    err| error: there is no antnode0007
    err| hint: `wnm status` shows the nodes there are

    $ wnm survey 7
    exit 2
    err| error: there is no antnode0007
    err| hint: `wnm status` shows the nodes there are

    $ wnm history x
    exit 2
    err| error: `x` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these

    $ wnm history --since yesterday
    exit 2
    err| error: --since is `yesterday`: give a time such as 90s, 10min, 6h or 3d

    $ wnm history --limit few
    exit 2
    err| error: invalid value 'few' for '--limit <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.

    $ wnm report machine-config 1
    exit 2
    err| error: a report of the machine is not about nodes
    err| hint: leave out the names of nodes

    $ wnm report node-status 9
    exit 2
    err| error: there is no antnode0009
    err| hint: `wnm status` shows the nodes there are
    ");
}

#[test]
fn where_there_is_nothing_yet_or_something_else() {
    let env = TestEnv::new();
    let lines = ["status", "add", "config set node_cap 3", "report node-status", "explain", "init"];
    insta::assert_snapshot!(told(&env, &lines), @"
    $ wnm status
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`

    $ wnm add
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`

    $ wnm config set node_cap 3
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`

    $ wnm report node-status
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`

    $ wnm explain
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`

    $ wnm init
    exit 2
    err| error: rewards_address is not set: give --rewards-address
    ");
    env.init(&[]).expect(0);
    let lines = [
        "init --rewards-address faucet",
        "report machine-metrics 1",
        "init --node-binary relative",
        "--init --rewards_address faucet",
        "--force_action add --nodecap 3",
        "--force_action remove --service_name 3",
        "--node_cap many",
    ];
    insta::assert_snapshot!(told(&env, &lines), @"
    $ wnm init --rewards-address faucet
    exit 2
    err| error: already initialised: [DIR]/home/.local/share/autonomi/colony.db
    err| hint: change settings with `wnm config set KEY VALUE`

    $ wnm report machine-metrics 1
    exit 2
    err| error: a report of the machine is not about nodes
    err| hint: leave out the names of nodes

    $ wnm init --node-binary relative
    exit 2
    err| error: already initialised: [DIR]/home/.local/share/autonomi/colony.db
    err| hint: change settings with `wnm config set KEY VALUE`

    $ wnm --init --rewards_address faucet
    exit 2
    err| note: this is the Python tool's command line; now it is `wnm init --program antnode --rewards-address faucet`
    err| error: already initialised: [DIR]/home/.local/share/autonomi/colony.db
    err| hint: change settings with `wnm config set KEY VALUE`

    $ wnm --force_action add --nodecap 3
    exit 2
    err| error: `--nodecap` is no option of the old command line
    err| hint: nothing was done
    err| hint: `wnm --help` shows the commands there are now

    $ wnm --force_action remove --service_name 3
    exit 2
    err| error: --service_name has `3`, which is no node: write antnode0007, or a comma list
    err| hint: nothing was done

    $ wnm --node_cap many
    exit 2
    err| note: this is the Python tool's command line; now it is `wnm config set --keep-nodes 'node_cap=many' && wnm run --node-cap many`
    err| error: node_cap is `many`: give a whole number from 0 to 10000
    ");
    let mut env = env;
    env.set("WNM_LOCK_PATIENCE", "0");
    let held = env.hold_lock();
    insta::assert_snapshot!(told(&env, &["run", "survey", "add", "config set node_cap 2"]), @"
    $ wnm run
    exit 3
    err| error: another cycle is running; nothing was done

    $ wnm survey
    exit 3
    err| error: another cycle is running; nothing was done

    $ wnm add
    exit 3
    err| queued: request 1 waits for the cycle that is running

    $ wnm config set node_cap 2
    exit 3
    err| error: another cycle is running; nothing was done
    ");
    drop(held);
}
