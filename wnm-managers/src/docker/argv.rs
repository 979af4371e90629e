//! Every call that makes or changes a container, as data.

use std::path::Path;

use wnm_core::model::NodeSpec;

/// Whose node a container is, by its data.
pub(super) const DATA: &str = "wnm.data";
/// The directory that a shared container takes its orders from.
pub(super) const ORDERS: &str = "wnm.orders";
/// How a container was made: one that would be made otherwise now is made anew when it rests.
pub(super) const DEFINITION: &str = "wnm.definition";
/// See the unit's TimeoutStopSec: killing loses what a node was writing.
pub(super) const STOP_SECONDS: u64 = 90;
/// What ends all of its nodes needs a moment more than they do.
pub(super) const SHARED_STOP_SECONDS: u64 = STOP_SECONDS + 10;

/// What is the same for all containers of one manager.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) image: &'a str,
    /// As whom nodes run, so that their data belongs to the right user and to nobody else.
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// podman without root: the user inside is the user outside.
    pub(super) keeps_ids: bool,
}

/// A container for one node. The engine's own small init stands before it: as the first process of
/// a container a node would not hear SIGTERM while it starts, and an `antnode` never.
pub(super) fn create_own(spec: &NodeSpec, ground: Ground<'_>) -> Vec<String> {
    let mut args = common(&spec.service(), spec.autostart, STOP_SECONDS, ground);
    args.push("--init".to_owned());
    args.extend(limits(spec));
    args.extend(mount(&spec.data, false));
    args.extend(mount(&spec.logs, false));
    args.extend(["--workdir".to_owned(), text(&spec.data)]);
    let home = ("HOME".to_owned(), text(&spec.data));
    for (key, value) in std::iter::once(&home).chain(&spec.launch.environment) {
        args.extend(["--env".to_owned(), format!("{key}={value}")]);
    }
    args.extend(["--label".to_owned(), format!("{DATA}={}", text(&spec.data))]);
    // The node's own copy, which it replaces when it upgrades itself: the image has none.
    let command = spec.program.arguments(spec);
    finish(args, &text(&spec.binary), ground.image, command)
}

/// A container for many nodes, which runs what the files in `orders` say. It sees the whole storage
/// root, for what is mounted is fixed when it is made.
pub(super) fn create_shared(
    name: &str,
    spec: &NodeSpec,
    orders: &Path,
    ground: Ground<'_>,
) -> Vec<String> {
    let mut args = common(name, spec.autostart, SHARED_STOP_SECONDS, ground);
    args.extend(mount(orders, true));
    args.extend(mount(&spec.storage, false));
    args.extend(spec.logs.parent().map(|logs| mount(logs, false)).into_iter().flatten());
    args.extend(["--label".to_owned(), format!("{ORDERS}={}", text(orders))]);
    let command = vec![super::SUPERVISE.to_owned(), text(orders)];
    finish(args, &text(&orders.join(super::INIT)), ground.image, command)
}

fn common(name: &str, autostart: bool, seconds: u64, ground: Ground<'_>) -> Vec<String> {
    let user = format!("{}:{}", ground.uid, ground.gid);
    let seconds = seconds.to_string();
    // Docker knows no policy for crashes that does not hold for reboots as well, where all nodes
    // would start at once. So wnm brings a node back, with the next cycle, paced like all others.
    let restart = if autostart { "unless-stopped" } else { "no" };
    let mut args: Vec<&str> = vec!["create", "--pull", "never", "--name", name];
    args.extend(["--restart", restart, "--stop-timeout", &seconds]);
    // The node's sockets are the machine's: nothing is copied on the way, and its signs of life
    // are seen as those of any process.
    args.extend(["--network", "host", "--user", &user]);
    if ground.keeps_ids {
        args.extend(["--userns", "keep-id"]);
    }
    args.extend(["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]);
    args.extend(["--security-opt", "no-new-privileges"]);
    // Nodes write logs of their own; what they print besides must not fill a disk.
    args.extend(["--log-driver", "json-file", "--log-opt", "max-size=1m"]);
    args.into_iter().map(str::to_owned).collect()
}

fn limits(spec: &NodeSpec) -> Vec<String> {
    let mut args = Vec::new();
    if let Some(memory) = spec.launch.memory_limit {
        // As much of memory and swap together as of memory: a node that swaps helps nobody.
        let bytes = memory.0.to_string();
        args.extend(["--memory".to_owned(), bytes.clone(), "--memory-swap".to_owned(), bytes]);
    }
    if let Some(percent) = spec.launch.cpu_limit {
        args.extend(["--cpus".to_owned(), format!("{}.{:02}", percent / 100, percent % 100)]);
    }
    args
}

/// Quoted as CSV, for which a path may hold commas. What is not there is an error: `--volume` would
/// make an empty directory for a disk that is not mounted.
pub(super) fn mount(path: &Path, read_only: bool) -> [String; 2] {
    mount_at(path, path, read_only)
}

/// The same under another name in the container.
pub(super) fn mount_at(path: &Path, target: &Path, read_only: bool) -> [String; 2] {
    let quoted = |path: &Path| text(path).replace('"', "\"\"");
    let (path, target) = (quoted(path), quoted(target));
    let read_only = if read_only { ",readonly" } else { "" };
    let mount = format!("type=bind,\"source={path}\",\"target={target}\"{read_only}");
    ["--mount".to_owned(), mount]
}

pub(super) fn finish(
    mut args: Vec<String>,
    program: &str,
    image: &str,
    command: Vec<String>,
) -> Vec<String> {
    args.extend(["--entrypoint".to_owned(), program.to_owned()]);
    let definition = shell_words::join(args.iter().chain([&image.to_owned()]).chain(&command));
    args.extend(["--label".to_owned(), format!("{DEFINITION}={definition}")]);
    args.push(image.to_owned());
    args.extend(command);
    args
}

/// The definition among the arguments of a `create`.
pub(super) fn definition(args: &[String]) -> &str {
    // The first label of this name is ours; what goes to the node comes after it.
    let labels = args.windows(2).filter(|pair| pair[0] == "--label").map(|pair| &pair[1]);
    let mut definitions =
        labels.filter_map(|label| label.strip_prefix(DEFINITION)?.strip_prefix('='));
    definitions.next().unwrap_or_default()
}

/// The variables that a definition gives, apart from those of its image; `None` for what is none.
pub(super) fn environment(definition: &str) -> Option<Vec<(String, String)>> {
    let words = shell_words::split(definition).ok()?;
    let mut words = words.into_iter().skip_while(|word| word == "create");
    let mut given = Vec::new();
    while let Some(option) = words.next() {
        match option.as_str() {
            "--init" | "--read-only" => {}
            "--env" => {
                let pair = words.next()?;
                let (key, value) = pair.split_once('=')?;
                given.push((key.to_owned(), value.to_owned()));
            }
            option if option.starts_with("--") => drop(words.next()?),
            // The image: what comes after it goes to the node.
            _ => return Some(given),
        }
    }
    None
}

pub(super) fn start(name: &str) -> Vec<String> {
    words(&["start", "--", name])
}

pub(super) fn unpause(name: &str) -> Vec<String> {
    words(&["unpause", "--", name])
}

pub(super) fn stop(name: &str, seconds: u64) -> Vec<String> {
    words(&["stop", "-t", &seconds.to_string(), "--", name])
}

/// From now on the engine brings it back by itself.
pub(super) fn keep(name: &str) -> Vec<String> {
    words(&["update", "--restart", "unless-stopped", name])
}

/// It stays as it is when it ends.
pub(super) fn forsake(name: &str) -> Vec<String> {
    words(&["update", "--restart", "no", name])
}

pub(super) fn rename(name: &str, to: &str) -> Vec<String> {
    words(&["rename", name, to])
}

pub(super) fn remove(name: &str) -> Vec<String> {
    words(&["rm", "--", name])
}

pub(super) fn logs(name: &str) -> Vec<String> {
    words(&["logs", "--tail", "3", "--", name])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Paths reach records only after they were checked to be UTF-8, so nothing is lost here.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use wnm_core::fakes::build::spec;

    use super::*;

    const GROUND: Ground<'_> = Ground { image: "wnm-node", uid: 1000, gid: 1001, keeps_ids: false };

    /// A line an option, which is how one reads it.
    fn lines(args: &[String]) -> String {
        shell_words::join(args).replace(" --", "\n--")
    }

    #[test]
    fn a_node_by_itself() {
        let mut spec = spec(7);
        spec.launch.environment = vec![("A".into(), "b c".into())];
        let args = create_own(&spec, GROUND);
        let shown = lines(&args);
        let (options, definition) =
            shown.split_once("\n--label 'wnm.definition=").unwrap_or_default();
        insta::assert_snapshot!(options, @r#"
        create
        --pull never
        --name antnode0007
        --restart no
        --stop-timeout 90
        --network host
        --user 1000:1001
        --read-only
        --tmpfs /tmp
        --cap-drop ALL
        --security-opt no-new-privileges
        --log-driver json-file
        --log-opt 'max-size=1m'
        --init
        --mount 'type=bind,"source=/srv/nodes/antnode0007","target=/srv/nodes/antnode0007"'
        --mount 'type=bind,"source=/srv/logs/antnode0007","target=/srv/logs/antnode0007"'
        --workdir /srv/nodes/antnode0007
        --env 'HOME=/srv/nodes/antnode0007'
        --env 'A=b c'
        --label 'wnm.data=/srv/nodes/antnode0007'
        --entrypoint /srv/nodes/antnode0007/ant-node
        "#);
        assert!(definition.contains("wnm-node"), "{definition}");
    }

    #[test]
    fn many_nodes() {
        let ground = Ground { keeps_ids: true, ..GROUND };
        let args = create_shared(
            "wnm-nodes-1",
            &spec(7),
            Path::new("/base/containers/wnm-nodes-1"),
            ground,
        );
        let shown = lines(&args);
        let (options, _) = shown.split_once("\n--label 'wnm.definition=").unwrap_or_default();
        insta::assert_snapshot!(options, @r#"
        create
        --pull never
        --name wnm-nodes-1
        --restart no
        --stop-timeout 100
        --network host
        --user 1000:1001
        --userns keep-id
        --read-only
        --tmpfs /tmp
        --cap-drop ALL
        --security-opt no-new-privileges
        --log-driver json-file
        --log-opt 'max-size=1m'
        --mount 'type=bind,"source=/base/containers/wnm-nodes-1","target=/base/containers/wnm-nodes-1",readonly'
        --mount 'type=bind,"source=/srv/nodes","target=/srv/nodes"'
        --mount 'type=bind,"source=/srv/logs","target=/srv/logs"'
        --label 'wnm.orders=/base/containers/wnm-nodes-1'
        --entrypoint /base/containers/wnm-nodes-1/init
        "#);
    }

    #[test]
    fn limits_are_the_engines() {
        let mut spec = spec(7);
        spec.launch.memory_limit = Some(wnm_core::model::Bytes(500_000_000));
        spec.launch.cpu_limit = Some(150);
        let expected = "--memory 500000000 --memory-swap 500000000 --cpus 1.50";
        assert!(shell_words::join(create_own(&spec, GROUND)).contains(expected));
        spec.launch.cpu_limit = Some(5);
        assert!(shell_words::join(create_own(&spec, GROUND)).contains("--cpus 0.05"));
    }

    #[test]
    fn whatever_differs_is_another_definition() {
        let plain = create_own(&spec(7), GROUND);
        assert!(!definition(&plain).is_empty());
        assert_eq!(definition(&plain), definition(&create_own(&spec(7), GROUND)));
        let mut other = spec(7);
        other.launch.start_args = vec![format!("{DEFINITION}=x")];
        let mut restarting = spec(7);
        restarting.autostart = true;
        for args in [
            create_own(&other, GROUND),
            create_own(&restarting, GROUND),
            create_own(&spec(7), Ground { image: "other", ..GROUND }),
        ] {
            assert_ne!(definition(&plain), definition(&args), "{args:?}");
        }
    }

    #[test]
    fn a_definition_tells_what_it_gave() {
        let mut spec = spec(7);
        spec.launch.environment = vec![("A".into(), "b 'c'=d".into()), ("E".into(), "".into())];
        spec.launch.start_args = vec!["--env".into(), "X=y".into()];
        let args = create_own(&spec, GROUND);
        let given = environment(definition(&args));
        let home = ("HOME".to_owned(), "/srv/nodes/antnode0007".to_owned());
        let wanted: Vec<_> = std::iter::once(home).chain(spec.launch.environment).collect();
        assert_eq!(given, Some(wanted));
        assert_eq!(environment("create --env A"), None);
        assert_eq!(environment("'"), None);
    }

    #[test]
    fn no_path_breaks_out_of_its_mount() {
        let [_, mount] = mount(Path::new("/srv/a,\"b,readonly"), false);
        let expected = r#"type=bind,"source=/srv/a,""b,readonly","target=/srv/a,""b,readonly""#;
        assert_eq!(mount, expected);
    }
}
