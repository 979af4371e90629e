//! The unit file of an antctl node, as antctl writes it: for nodes whose file was deleted by hand.

use wnm_core::model::NodeSpec;

pub(super) fn name(service: &str) -> String {
    format!("{service}.service")
}

/// The whole file. `Restart=on-success` brings a node back that upgraded itself, or was sent a
/// SIGTERM by hand; one that crashed is started again by us.
pub(super) fn render(spec: &NodeSpec, user: Option<&str>) -> String {
    let service = spec.service();
    let mut lines =
        vec!["[Unit]".to_owned(), format!("Description={service}"), "[Service]".to_owned()];
    let environment = spec.launch.environment.iter();
    lines.extend(environment.map(|(key, value)| format!("Environment=\"{key}={value}\"")));
    lines.push(format!("ExecStart={}", command_line(spec)));
    lines.push("Restart=on-success".to_owned());
    lines.extend(user.map(|user| format!("User={user}")));
    if spec.autostart {
        let target = if user.is_some() { "multi-user.target" } else { "default.target" };
        lines.extend(["[Install]".to_owned(), format!("WantedBy={target}")]);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Words are not quoted, as antctl does not; what would need it was refused as a setting.
fn command_line(spec: &NodeSpec) -> String {
    let mut words = vec![spec.binary.display().to_string()];
    if let Some(port) = spec.ports.rpc {
        words.extend(["--rpc".to_owned(), format!("127.0.0.1:{port}")]);
    }
    words.extend(spec.program.arguments(spec));
    words.join(" ")
}

/// Enough of a unit for systemd to disable, which antctl's removal insists on.
pub(super) const STUB: &str = "[Service]\nExecStart=/bin/true\n";

/// Whether a unit file runs the node whose data this is.
pub(super) fn runs(text: &str, spec: &NodeSpec) -> bool {
    let data = spec.data.display().to_string();
    let mut words = text.split_whitespace();
    words.any(|word| word == "--root-dir") && words.next() == Some(data.as_str())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use wnm_core::fakes::build;
    use wnm_core::policy::Setting;

    use super::*;

    #[test]
    fn as_antctl_would_have_written_it() {
        let draft = build::draft()
            .with(Setting::Manager, "antctl+sudo")
            .with(Setting::Program, "antnode")
            .with(Setting::Autostart, "system")
            .with(Setting::Environment, "RUST_LOG=info");
        let nodes = build::policy(&draft).nodes;
        let wallet = nodes.wallets.shares()[0].address;
        let spec = nodes.spec(build::id(7), wallet, build::STORAGE.as_ref()).unwrap();
        let text = render(&spec, Some("ant"));
        insta::assert_snapshot!(text, @r#"
        [Unit]
        Description=antnode7
        [Service]
        Environment="RUST_LOG=info"
        ExecStart=/srv/nodes/antnode7/antnode --rpc 127.0.0.1:30007 --root-dir /srv/nodes/antnode7 --log-output-dest /srv/logs/antnode7 --port 55007 --metrics-server-port 13007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --stop-on-upgrade evm-arbitrum-one
        Restart=on-success
        User=ant
        [Install]
        WantedBy=multi-user.target
        "#);
        assert!(runs(&text, &spec));
        assert!(!runs(&text.replace("antnode7", "antnode70"), &spec));
        assert!(!runs(STUB, &spec));
    }
}
