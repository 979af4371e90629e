//! A node's unit as text: a pure function.

use wnm_core::model::{Bytes, NodeId, NodeSpec};
use wnm_core::policy::Together;

/// `ant-node` has been seen to take ten seconds to stop gracefully, and up to 5 s plus 10 s for
/// each running replication by its source; killing it loses what it was writing.
pub(super) const STOP_SECONDS: u64 = 90;

/// The first line of every unit of ours.
const MARK: &str = "# Made by wnm. Changes are overwritten; use `wnm config` instead.";

/// The same of one that was released: it is not ours any more.
const RELEASED: &str = "# Made by wnm and released: it is yours, and wnm leaves it alone.";

/// Adopted units keep the name that somebody gave them.
pub(super) fn name(spec: &NodeSpec) -> String {
    format!("{}.service", spec.service())
}

/// The node that a unit file of this name belongs to, whoever made it.
pub(super) fn id_of(file_name: &str) -> Option<NodeId> {
    let stem = file_name.strip_suffix(".service")?;
    // A bare number is a fine way to name a node on the command line, but no unit of ours.
    stem.starts_with("antnode").then(|| stem.parse().ok()).flatten()
}

/// Whether a unit file of a node was made by wnm.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Whether it was, and was released.
pub fn is_released(text: &str) -> bool {
    text.starts_with(RELEASED)
}

/// A unit of ours as it is left to its user: nothing else of it changes.
pub(super) fn released(text: &str) -> String {
    text.replacen(MARK, RELEASED, 1)
}

/// The whole unit file.
///
/// - `Restart=always` because a program that upgraded itself exits cleanly and wants to be started.
/// - Five starts in ten minutes make it failed; from then on wnm's own back-off decides.
/// - `Type=exec`, or a missing program would count as started.
///
/// `user` is whom the node runs as under the machine's own systemd; without one the unit is for a
/// user's systemd, where nearly all hardening would be ignored or fail.
pub(super) fn render(spec: &NodeSpec, user: Option<&str>) -> String {
    let mut lines = vec![
        MARK.to_owned(),
        "[Unit]".to_owned(),
        format!("Description=Autonomi node {}", spec.id),
        "StartLimitIntervalSec=600".to_owned(),
        "StartLimitBurst=5".to_owned(),
        String::new(),
        "[Service]".to_owned(),
        format!("Slice={SLICE}"),
        "Type=exec".to_owned(),
        format!("ExecStart={}", command_line(spec)),
    ];
    match user {
        Some(user) => lines.extend(confined(spec, user)),
        None => lines.extend(FILTERS.lines().map(str::to_owned)),
    }
    let environment = spec.launch.environment.iter();
    lines.extend(environment.map(|(key, value)| format!("Environment={}", assignment(key, value))));
    lines.extend(limits(spec.launch.memory_limit, spec.launch.cpu_limit));
    lines.extend([
        "Restart=always".to_owned(),
        "RestartSec=5".to_owned(),
        format!("TimeoutStopSec={STOP_SECONDS}"),
        "UMask=0077".to_owned(),
        "NoNewPrivileges=yes".to_owned(),
        String::new(),
        "[Install]".to_owned(),
        format!("WantedBy={}", if user.is_some() { "multi-user.target" } else { "default.target" }),
        String::new(),
    ]);
    lines.join("\n")
}

/// All nodes are in it, so that they can be looked at and bounded together.
pub(super) const SLICE: &str = "wnm.slice";

/// The whole file of the slice.
pub(super) fn render_slice(together: &Together) -> String {
    let mut lines = vec![
        MARK.to_owned(),
        "[Unit]".to_owned(),
        "Description=Autonomi nodes kept by wnm".to_owned(),
        String::new(),
        "[Slice]".to_owned(),
        "CPUAccounting=yes".to_owned(),
        "MemoryAccounting=yes".to_owned(),
        "TasksAccounting=yes".to_owned(),
    ];
    lines.extend(limits(together.memory, together.cpu));
    lines.push(String::new());
    lines.join("\n")
}

/// What a user's own systemd can do without any rights: filters on system calls. All else of the
/// list below needs a user namespace there, which several distributions forbid, and a unit that
/// asks for one fails on those with nothing but a number (226).
const FILTERS: &str = "\
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources";

/// What both programs have been seen to work with. Not among them: `PrivateUsers`, which hides the
/// process from whoever looks at it from outside.
const CONFINEMENT: &str = "\
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources";

/// The node's own user, and nothing to write to but its data, where a program that upgrades itself
/// replaces its file, and its logs. The `-`: what is missing is the node's own trouble, not a
/// failure of the namespace that says nothing.
fn confined(spec: &NodeSpec, user: &str) -> Vec<String> {
    let writable = |path: &std::path::Path| quote(&format!("-{}", path.to_string_lossy()));
    let mut lines = vec![
        format!("User={user}"),
        format!("Group={user}"),
        format!("Environment={}", assignment("HOME", &spec.data.to_string_lossy())),
        format!("ReadWritePaths={} {}", writable(&spec.data), writable(&spec.logs)),
    ];
    lines.extend(CONFINEMENT.lines().map(str::to_owned));
    lines
}

/// What a unit or a slice may take at most. Without swap a node that leaks is ended at its limit;
/// with it, it would first push everything else of the machine out of memory.
fn limits(memory: Option<Bytes>, cpu: Option<u32>) -> Vec<String> {
    let memory = memory
        .map(|Bytes(most)| [format!("MemoryMax={most}"), "MemorySwapMax=0".to_owned()])
        .into_iter()
        .flatten();
    memory.chain(cpu.map(|percent| format!("CPUQuota={percent}%"))).collect()
}

fn command_line(spec: &NodeSpec) -> String {
    let program = quote(&spec.binary.to_string_lossy());
    let args = spec.program.arguments(spec);
    let args = args.iter().map(|arg| quote(arg).replace('$', "$$"));
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

pub(crate) fn assignment(key: &str, value: &str) -> String {
    quote(&format!("{key}={value}"))
}

/// Quoted for a unit file: `%` begins a specifier everywhere; `$` a variable in arguments only,
/// which is left to the caller.
pub(crate) fn quote(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
        .replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/.,:=_-+@%$".contains(c);
    match !escaped.is_empty() && escaped.chars().all(plain) {
        true => escaped,
        false => format!("\"{escaped}\""),
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::fakes::build::{id, spec};

    use super::*;

    #[test]
    fn a_plain_node() {
        insta::assert_snapshot!(render(&spec(7), None), @"
        # Made by wnm. Changes are overwritten; use `wnm config` instead.
        [Unit]
        Description=Autonomi node antnode0007
        StartLimitIntervalSec=600
        StartLimitBurst=5

        [Service]
        Slice=wnm.slice
        Type=exec
        ExecStart=/srv/nodes/antnode0007/ant-node --root-dir /srv/nodes/antnode0007 --port 55007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --stop-on-upgrade --enable-logging --log-format json --log-dir /srv/logs/antnode0007 --disable-webrtc-direct --evm-network arbitrum-one
        LockPersonality=yes
        MemoryDenyWriteExecute=yes
        RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources
        Restart=always
        RestartSec=5
        TimeoutStopSec=90
        UMask=0077
        NoNewPrivileges=yes

        [Install]
        WantedBy=default.target
        ");
    }

    #[test]
    fn a_node_of_the_machine() {
        let mut spec = spec(7);
        spec.launch.environment = vec![("A".into(), "b".into())];
        insta::assert_snapshot!(render(&spec, Some("ant")), @"
        # Made by wnm. Changes are overwritten; use `wnm config` instead.
        [Unit]
        Description=Autonomi node antnode0007
        StartLimitIntervalSec=600
        StartLimitBurst=5

        [Service]
        Slice=wnm.slice
        Type=exec
        ExecStart=/srv/nodes/antnode0007/ant-node --root-dir /srv/nodes/antnode0007 --port 55007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --stop-on-upgrade --enable-logging --log-format json --log-dir /srv/logs/antnode0007 --disable-webrtc-direct --evm-network arbitrum-one
        User=ant
        Group=ant
        Environment=HOME=/srv/nodes/antnode0007
        ReadWritePaths=-/srv/nodes/antnode0007 -/srv/logs/antnode0007
        CapabilityBoundingSet=
        LockPersonality=yes
        MemoryDenyWriteExecute=yes
        PrivateDevices=yes
        PrivateIPC=yes
        PrivateTmp=yes
        ProtectClock=yes
        ProtectControlGroups=yes
        ProtectHome=yes
        ProtectHostname=yes
        ProtectKernelLogs=yes
        ProtectKernelModules=yes
        ProtectKernelTunables=yes
        ProtectProc=invisible
        ProtectSystem=strict
        RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources
        Environment=A=b
        Restart=always
        RestartSec=5
        TimeoutStopSec=90
        UMask=0077
        NoNewPrivileges=yes

        [Install]
        WantedBy=multi-user.target
        ");
    }

    #[test]
    fn words_that_would_break_a_unit_are_quoted() {
        let mut spec = spec(7);
        spec.binary = "/srv/my $nodes/100%/ant-node".into();
        spec.launch.start_args =
            vec!["a b".into(), "$HOME".into(), "50%".into(), "say \"x\\\"".into(), String::new()];
        spec.launch.environment = vec![("A".into(), "b c%d $e".into())];
        let text = render(&spec, None);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('E')).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        ExecStart="/srv/my $nodes/100%%/ant-node" --root-dir /srv/nodes/antnode0007 --port 55007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --stop-on-upgrade --enable-logging --log-format json --log-dir /srv/logs/antnode0007 --disable-webrtc-direct --evm-network arbitrum-one "a b" $$HOME 50%% "say \"x\\\"" ""
        Environment="A=b c%%d $e"
        "#);
    }

    #[test]
    fn limits_are_those_of_the_node() {
        let mut spec = spec(7);
        assert!(!render(&spec, None).contains("MemoryMax"));
        spec.launch.memory_limit = Some(Bytes(2 * Bytes::GB));
        spec.launch.cpu_limit = Some(150);
        let text = render(&spec, Some("ant"));
        for line in ["MemoryMax=2000000000", "MemorySwapMax=0", "CPUQuota=150%"] {
            assert!(text.lines().any(|it| it == line), "{line}");
        }
    }

    #[test]
    fn the_slice_bounds_all_nodes_together() {
        let together = Together { memory: Some(Bytes(8 * Bytes::GB)), cpu: Some(300) };
        insta::assert_snapshot!(render_slice(&together), @"
        # Made by wnm. Changes are overwritten; use `wnm config` instead.
        [Unit]
        Description=Autonomi nodes kept by wnm

        [Slice]
        CPUAccounting=yes
        MemoryAccounting=yes
        TasksAccounting=yes
        MemoryMax=8000000000
        MemorySwapMax=0
        CPUQuota=300%
        ");
        assert!(is_ours(&render_slice(&Together::default())));
    }

    /// systemd ends a line at a carriage return as well.
    #[test]
    fn no_word_ends_its_line() {
        for end in ["\n", "\r", "\r\n"] {
            let text = quote(&format!("a{end}ExecStartPre=/bin/false"));
            assert!(!text.contains(['\n', '\r']), "{text:?}");
        }
        assert_eq!(quote("a\rb"), "\"a\\rb\"");
    }

    #[test]
    fn what_was_released_is_ours_no_more_and_else_the_same() {
        let ours = render(&spec(7), None);
        let theirs = released(&ours);
        assert!(is_ours(&ours) && !is_released(&ours));
        assert!(is_released(&theirs) && !is_ours(&theirs));
        let rest = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rest(&ours), rest(&theirs));
        assert_eq!(released(&theirs), theirs);
    }

    #[test]
    fn unit_names_lead_back_to_nodes() {
        assert_eq!(id_of(&name(&spec(7))), Some(id(7)));
        let adopted = NodeSpec { service: Some("ant-node-1".into()), ..spec(7) };
        assert_eq!(name(&adopted), "ant-node-1.service");
        assert_eq!(id_of("antnode12.service"), Some(id(12)));
        for other in ["7.service", "antnode0.service", "antnode7.timer", "sshd.service", ""] {
            assert_eq!(id_of(other), None, "{other}");
        }
    }
}
