//! What a container says of the node in it, whoever made it, in places of the machine. What cannot be
//! carried on as it is, is a reason to leave it alone.

use std::path::{Path, PathBuf};

use wnm_core::import::{Found, Inside, NotANode, Origin, Told as Line};
use wnm_core::model::{Bytes, Manager, Want};

use super::argv;
use super::found::Status;
use super::told::{Mount, Told};

/// Who makes containers anew by an own plan, by the beginnings of its labels.
const KEEPERS: [(&str, &str); 5] = [
    ("com.docker.compose.", "docker compose"),
    ("com.docker.swarm.", "a swarm"),
    ("io.podman.compose.", "podman-compose"),
    ("io.kubernetes.", "Kubernetes"),
    ("PODMAN_SYSTEMD_UNIT", "a unit of systemd"),
];
/// What a shell or the engine puts there; wnm says its own.
const NOT_THE_NODES: [&str; 5] = ["HOME", "PATH", "HOSTNAME", "TERM", "container"];
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The node of a container; its process, its user and its disk are not looked at yet.
pub(super) fn node(told: &Told, manager: Manager) -> Result<Found, String> {
    refuse_what_differs(told)?;
    let (words, programs) = command(told)?;
    let line = Line::read(&words).map_err(|error| match error {
        NotANode::OtherProgram(_) => {
            format!("{error}: what its node is started with is hidden behind it")
        }
        NotANode::Unfit(why) => why,
    })?;
    let place = format!("container {}", told.name);
    let mut found = Found::told(Origin::Container, &told.name, &place, line, manager);
    found.service = Some(told.name.clone());
    found.autostart = matches!(told.restart.as_str(), "always" | "unless-stopped");
    found.want = if told.status == Status::Resting { Want::StoppedByOperator } else { Want::Run };
    found.launch.memory_limit = Some(told.memory).filter(|it| *it > 0).map(Bytes);
    found.launch.cpu_limit = u32::try_from(told.nano_cpus / 10_000_000).ok().filter(|it| *it > 0);
    if let Some(data) = told.labels.get(argv::DATA) {
        return ours(told, found, data);
    }
    placed(told, &mut found)?;
    environment(told, &mut found)?;
    found.inside = Some(Inside { container: told.id.clone(), programs });
    found.notes.push(
        "its container stays as it is until the node rests; then wnm makes one of its own under the \
         same name, and this one goes"
            .to_owned(),
    );
    Ok(found)
}

/// One that a wnm made whose store is gone: it says where everything is.
fn ours(told: &Told, mut found: Found, data: &str) -> Result<Found, String> {
    if found.data != Path::new(data) {
        return Err(format!("its label {} is {data}, and its line says otherwise", argv::DATA));
    }
    let of_image = told.environment.clone();
    let given = told.labels.get(argv::DEFINITION).and_then(|text| argv::environment(text));
    let is_own = |(key, _): &(String, String)| !NOT_THE_NODES.contains(&key.as_str());
    found.launch.environment = given.unwrap_or(of_image).into_iter().filter(is_own).collect();
    Ok(found)
}

/// The line, with a program by a whole path; and where that may lie.
fn command(told: &Told) -> Result<(Vec<String>, Vec<PathBuf>), String> {
    let mut words = told.words.clone();
    let Some(first) = words.first_mut() else { return Err("it has no command line".to_owned()) };
    if first.contains('/') {
        let programs = vec![PathBuf::from(&*first)];
        return Ok((words, programs));
    }
    let path = told.environment.iter().find(|(key, _)| key == "PATH");
    let path = path.map_or(USUAL_PATH, |(_, value)| value.as_str());
    let directories = path.split(':').map(Path::new).filter(|it| it.is_absolute());
    let programs: Vec<PathBuf> = directories.map(|it| it.join(&*first)).collect();
    *first = format!("/{first}");
    Ok((words, programs))
}

/// What wnm could not keep so, or what somebody else would make otherwise.
fn refuse_what_differs(told: &Told) -> Result<(), String> {
    let keeper =
        KEEPERS.iter().find(|(label, _)| told.labels.keys().any(|it| it.starts_with(label)));
    if let Some((_, keeper)) = keeper {
        return Err(format!("{keeper} made it, and would make it again by its own plan"));
    }
    if told.auto_remove {
        return Err("it was made with --rm: it is deleted as soon as it ends".to_owned());
    }
    match told.status {
        Status::Running | Status::Paused | Status::Resting => {}
        Status::Restarting => {
            return Err("it ends and is started again and again: stop or mend it first".to_owned());
        }
        Status::Dead => return Err("the engine cannot get rid of it".to_owned()),
    }
    if told.network != "host" {
        return Err(format!(
            "its network is `{}`, and nodes of wnm use that of the machine: with --network host and \
             without published ports it could be taken",
            told.network
        ));
    }
    Ok(())
}

/// Everything at its place on the machine.
fn placed(told: &Told, found: &mut Found) -> Result<(), String> {
    let inside = found.data.clone();
    let mount = mount_of_data(told, &inside)?;
    let data = on_host(mount, &inside);
    let own = data.join(found.program.binary_name());
    let bare = told.words.first().is_some_and(|word| !word.contains('/'));
    found.binary = match bare {
        true => found.program.binary_name().into(),
        false if found.binary.starts_with(&mount.at) && on_host(mount, &found.binary) == own => own,
        false => found.binary.clone(),
    };
    found.logs = found.logs.take().and_then(|logs| {
        let host = bind_over(told, &logs).map(|mount| on_host(mount, &logs));
        if host.is_none() {
            found.notes.push(format!("its logs stay in its container, in {}", logs.display()));
        }
        host
    });
    for word in &mut found.launch.start_args {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (format!("{option}="), value),
            _ => (String::new(), word.as_str()),
        };
        if value.starts_with('/') {
            let refused = || format!("its argument `{word}` names a place inside of its container");
            let host = within(mount, &inside, Path::new(value)).ok_or_else(refused)?;
            *word = format!("{option}{}", host.display());
        }
    }
    let needed = |it: &&Mount| {
        it.at != mount.at && !found.logs.as_ref().is_some_and(|logs| logs.starts_with(&it.source))
    };
    let others: Vec<String> =
        told.mounts.iter().filter(needed).map(|it| it.at.display().to_string()).collect();
    if !others.is_empty() {
        found.notes.push(format!("wnm's container is without its mounts {}", others.join(", ")));
    }
    found.data = data;
    Ok(())
}

/// The one directory of the machine that has all of the node's data.
fn mount_of_data<'a>(told: &'a Told, data: &Path) -> Result<&'a Mount, String> {
    let over: Vec<&Mount> = told.mounts.iter().filter(|it| data.starts_with(&it.at)).collect();
    let below = told.mounts.iter().find(|it| it.at != data && it.at.starts_with(data));
    let mount = match (&over[..], below) {
        ([], None) => {
            return Err(format!(
                "its data {}, and its key with it, lies inside of the container and nowhere else",
                data.display()
            ));
        }
        ([mount], None) => *mount,
        _ => {
            return Err(format!("its data {} is put together from several mounts", data.display()));
        }
    };
    if mount.kind != "bind" {
        return Err(format!(
            "its data {} lies in a {} of the engine's, not in a directory of yours",
            data.display(),
            mount.kind
        ));
    }
    if !mount.writable {
        return Err(format!("its data {} is mounted read-only", data.display()));
    }
    Ok(mount)
}

/// The bind mount that `path` lies in.
fn bind_over<'a>(told: &'a Told, path: &Path) -> Option<&'a Mount> {
    let mut over = told.mounts.iter().filter(|it| path.starts_with(&it.at));
    over.next().filter(|it| it.kind == "bind" && over.next().is_none())
}

/// `path`, which lies in `mount`.
fn on_host(mount: &Mount, path: &Path) -> PathBuf {
    match path.strip_prefix(&mount.at) {
        Ok(rest) if !rest.as_os_str().is_empty() => mount.source.join(rest),
        Ok(_) | Err(_) => mount.source.clone(),
    }
}

/// The same when it is a part of the node's data, which is all that a container of wnm's has.
fn within(mount: &Mount, data: &Path, path: &Path) -> Option<PathBuf> {
    path.starts_with(data).then(|| on_host(mount, path))
}

/// What a node was told by variables it goes on with; what the image says of places in it stays
/// behind.
fn environment(told: &Told, found: &mut Found) -> Result<(), String> {
    let mut left = Vec::new();
    for (key, value) in &told.environment {
        if NOT_THE_NODES.contains(&key.as_str()) {
            continue;
        }
        if !value.starts_with('/') {
            found.launch.environment.push((key.clone(), value.clone()));
        } else if key.starts_with("ANT_") {
            return Err(format!("its variable {key} names a place inside of its container"));
        } else {
            left.push(key.as_str());
        }
    }
    if !left.is_empty() {
        found.notes.push(format!("wnm's container is without its variables {}", left.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use serde_json::{Value, json};
    use wnm_core::model::{ManagerKind, Scope};

    use super::super::told;
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

    /// As the engine tells of one that somebody made by hand, without what nobody reads.
    pub(crate) fn container() -> Value {
        json!({
            "Id": ID,
            "Name": "/node7",
            "Path": "ant-node",
            "Args": ["--root-dir", "/data", "--port", "41007", "--rewards-address", WALLET,
                     "--disable-webrtc-direct"],
            "State": { "Status": "running", "Pid": 4711 },
            "Config": {
                "User": "1000:1000",
                "Env": ["PATH=/opt/bin:/bin", "HOME=/root", "ANT_LOG=debug"],
                "Labels": {},
            },
            "HostConfig": {
                "NetworkMode": "host", "AutoRemove": false, "Memory": 0, "NanoCpus": 0,
                "RestartPolicy": { "Name": "unless-stopped", "MaximumRetryCount": 0 },
            },
            "Mounts": [
                { "Type": "bind", "Source": "/srv/nodes/7", "Destination": "/data", "RW": true },
            ],
        })
    }

    fn read(container: &Value) -> Result<Found, String> {
        let manager = Manager { kind: ManagerKind::Docker, scope: Scope::User };
        node(&told::read(container).unwrap(), manager)
    }

    fn with(change: &[(&str, Value)]) -> Value {
        let mut container = container();
        for (place, value) in change {
            *container.pointer_mut(place).unwrap() = value.clone();
        }
        container
    }

    fn args(words: &str) -> Value {
        words.split(' ').collect()
    }

    #[test]
    fn one_made_by_hand_is_told_in_places_of_the_machine() {
        let found = read(&container()).unwrap();
        assert_eq!(found.data, Path::new("/srv/nodes/7"));
        assert_eq!(found.service.as_deref(), Some("node7"));
        assert_eq!(found.number.map(|it| it.number()), Some(7));
        assert_eq!((found.want, found.autostart), (Want::Run, true));
        assert_eq!(found.launch.environment, [("ANT_LOG".to_owned(), "debug".to_owned())]);
        assert_eq!(found.binary, Path::new("ant-node"));
        let inside = found.inside.unwrap();
        assert_eq!(inside.container, ID);
        assert_eq!(inside.programs, ["/opt/bin/ant-node", "/bin/ant-node"].map(PathBuf::from));
    }

    #[test]
    fn what_lies_below_a_mount_is_found_below_its_source() {
        let line = format!(
            "--root-dir /all/7 --port 5 --rewards-address {WALLET} --log-dir /logs/7 \
             --cache=/all/7/cache --other /all/7/x"
        );
        let found = read(&with(&[
            ("/Path", json!("/all/7/ant-node")),
            ("/Args", args(&line)),
            (
                "/Mounts",
                json!([
                    { "Type": "bind", "Source": "/srv/nodes", "Destination": "/all", "RW": true },
                    { "Type": "bind", "Source": "/var/l", "Destination": "/logs", "RW": true },
                    { "Type": "volume", "Source": "/x", "Destination": "/extra", "RW": true },
                ]),
            ),
            ("/HostConfig/Memory", json!(500_000_000)),
            ("/HostConfig/NanoCpus", json!(1_500_000_000)),
            ("/State", json!({ "Status": "exited", "Pid": 0 })),
        ]))
        .unwrap();
        assert_eq!(found.data, Path::new("/srv/nodes/7"));
        assert_eq!(found.binary, Path::new("/srv/nodes/7/ant-node"), "its own already");
        assert_eq!(found.logs.as_deref(), Some(Path::new("/var/l/7")));
        assert_eq!(
            found.launch.start_args,
            ["--cache=/srv/nodes/7/cache", "--other", "/srv/nodes/7/x"]
        );
        assert_eq!(found.launch.memory_limit, Some(Bytes(500_000_000)));
        assert_eq!(found.launch.cpu_limit, Some(150));
        assert_eq!(found.want, Want::StoppedByOperator);
        assert!(
            found.notes.iter().any(|it| it.ends_with("its mounts /extra")),
            "{:?}",
            found.notes
        );
    }

    #[test]
    fn what_wnm_made_goes_on_as_it_was_made() {
        let line = format!("--root-dir /srv/nodes/antnode0003 --port 5 --rewards-address {WALLET}");
        let own = with(&[
            ("/Name", json!("antnode0003")),
            ("/Path", json!("/srv/nodes/antnode0003/ant-node")),
            ("/Args", args(&line)),
            ("/Config/Env", json!(["HOME=/x", "PATH=/bin", "A=/b", "OF_IMAGE=x"])),
            (
                "/Config/Labels",
                json!({
                    "wnm.data": "/srv/nodes/antnode0003",
                    "wnm.definition": "create --env HOME=/x --env 'A=/b' --init wnm-node --env B=c",
                }),
            ),
        ]);
        let found = read(&own).unwrap();
        assert_eq!(found.inside, None);
        assert_eq!(found.launch.environment, [("A".to_owned(), "/b".to_owned())]);
        assert_eq!(found.binary, found.data.join("ant-node"));
        let mut other = own;
        *other.pointer_mut("/Config/Labels/wnm.data").unwrap() = json!("/srv/nodes/antnode0004");
        let why = read(&other).unwrap_err();
        assert!(why.starts_with("its label wnm.data is /srv/nodes/antnode0004"), "{why}");
    }

    #[test]
    fn what_cannot_be_kept_as_it_is_is_left_with_a_reason() {
        let mounts = |kind: &str, source: &str, rw: bool| json!([{ "Type": kind, "Source": source, "Destination": "/data", "RW": rw }]);
        let nested = json!([
            { "Type": "bind", "Source": "/srv/a", "Destination": "/data", "RW": true },
            { "Type": "bind", "Source": "/srv/b", "Destination": "/data/records", "RW": true },
        ]);
        let line = |more: &str| args(&format!("--root-dir /data --port 5 {more}"));
        let table = [
            (
                "/Config/Labels",
                json!({ "com.docker.compose.project": "x" }),
                "docker compose made it",
            ),
            ("/Config/Labels", json!({ "PODMAN_SYSTEMD_UNIT": "x" }), "a unit of systemd made it"),
            ("/HostConfig/AutoRemove", json!(true), "made with --rm"),
            ("/HostConfig/NetworkMode", json!("bridge"), "its network is `bridge`"),
            ("/HostConfig/NetworkMode", json!("container:x"), "its network is `container:x`"),
            ("/State/Status", json!("restarting"), "again and again"),
            ("/State/Status", json!("dead"), "cannot get rid of it"),
            (
                "/Path",
                json!("/entrypoint.sh"),
                "`/entrypoint.sh`, which is no node program: what its node is started with is hidden",
            ),
            ("/Args", json!([]), "it has no --root-dir"),
            ("/Args", args("--root-dir /data/../etc"), "not a plain absolute path"),
            ("/Args", line("--config /data/x"), "it reads a configuration file"),
            ("/Args", line("--cache /var/cache"), "its argument `/var/cache` names a place inside"),
            ("/Args", line("--cache=/database"), "its argument `--cache=/database` names a place"),
            ("/Config/Env", json!(["ANT_LOG_DIR=/x"]), "its variable ANT_LOG_DIR names a place"),
            ("/Mounts", json!([]), "lies inside of the container and nowhere else"),
            (
                "/Mounts",
                mounts("volume", "/var/lib/docker/volumes/x", true),
                "in a volume of the engine's",
            ),
            ("/Mounts", mounts("bind", "/srv/a", false), "mounted read-only"),
            ("/Mounts", nested, "put together from several mounts"),
        ];
        for (place, value, told) in table {
            let why = read(&with(&[(place, value)])).unwrap_err();
            assert!(why.contains(told), "{place}: {why}");
        }
    }
}
