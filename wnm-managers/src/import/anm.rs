//! anm, the bash manager: its configuration, its script and its units. Nothing of it is ever run; what
//! is more than a plain assignment is refused with its line.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads anm's files")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::import::{Broken, Findings, Origin, Scheduler};
use wnm_core::policy::{PolicyDraft, Setting};

use super::Units;

/// Where anm keeps what.
#[derive(Clone, Debug)]
pub struct AnmPlaces {
    /// `/var/antctl`, with `config`, `override` and `block`.
    pub base: PathBuf,
    /// What cron runs.
    pub script: PathBuf,
    /// What makes cron run it.
    pub cron: PathBuf,
    /// A file that it reads at every addition, in the home of who set it up.
    pub wallets: Option<PathBuf>,
}

impl AnmPlaces {
    /// Where it puts them.
    pub fn usual(home: Option<&str>) -> AnmPlaces {
        AnmPlaces {
            base: "/var/antctl".into(),
            script: "/usr/bin/anms.sh".into(),
            cron: "/etc/cron.d/anm".into(),
            wallets: home.map(|home| Path::new(home).join(".local/share/anm-wallet")),
        }
    }

    /// True when anm is set up to work here.
    pub fn is_active(&self) -> bool {
        fs::symlink_metadata(&self.cron).is_ok()
    }

    /// Everything that anm has; nothing is changed.
    pub fn read(&self, units: &Units) -> HostResult<Findings> {
        let config = self.base.join("config");
        let Some(text) = text_of(&config)? else {
            let what = format!("{}: it is not there, so anm is not set up here", config.display());
            let broken = vec![Broken { name: None, what }];
            return Ok(Findings { broken, ..Findings::default() });
        };
        let mut findings = units.read(Origin::Anm, &is_name)?;
        read_config(&config, &text, &mut findings);
        self.read_script(&mut findings)?;
        self.read_the_rest(&mut findings)?;
        findings.keep.push(config);
        findings.gate = Some(self.base.join("block"));
        Ok(findings)
    }

    fn read_script(&self, findings: &mut Findings) -> HostResult<()> {
        let Some(text) = text_of(&self.script)? else {
            let note =
                format!("{} is not there: ports follow from the nodes", self.script.display());
            findings.notes.push(note);
            return Ok(());
        };
        match port_base(&text) {
            Ok(base) => {
                set(findings, Setting::PortStart, base.to_string());
                set(findings, Setting::MetricsPortStart, "13".to_owned());
            }
            Err(why) => findings
                .broken
                .push(Broken { name: None, what: format!("{}{why}", self.script.display()) }),
        }
        Ok(())
    }

    fn read_the_rest(&self, findings: &mut Findings) -> HostResult<()> {
        let others = [Some(self.base.join("override")), self.wallets.clone()];
        for file in others.into_iter().flatten() {
            if text_of(&file)?.is_some() {
                let note = format!("{} is a shell script and is not carried over", file.display());
                findings.notes.push(note);
            }
        }
        if self.is_active() {
            findings.schedulers.push(Scheduler::File(self.cron.clone()));
        }
        Ok(())
    }
}

/// Three or four digits, as different versions of it counted.
fn is_name(name: &str) -> bool {
    let digits = name.strip_prefix("antnode").unwrap_or_default();
    digits.len() >= 3 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn text_of(file: &Path) -> HostResult<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(format!("read {}", file.display()), error)),
    }
}

/// `ntpr=55`: ports are this and the node's number. It is the same wherever it stands.
pub(super) fn port_base(script: &str) -> Result<u16, String> {
    let mut found: Option<(usize, &str)> = None;
    for (at, line) in script.lines().enumerate() {
        let Some(value) = line.trim().strip_prefix("ntpr=") else { continue };
        match found {
            Some((first, other)) if other != value => {
                let line = at + 1;
                return Err(format!(":{line}: ntpr is `{value}`, and `{other}` in line {first}"));
            }
            _ => found = Some((at + 1, value)),
        }
    }
    let (line, value) = found.ok_or(": it has no line `ntpr=55`, from which ports follow")?;
    let number = value.parse().ok().filter(|base| (1..=65).contains(base));
    number.ok_or_else(|| format!(":{line}: ntpr is `{value}`, not a number from 1 to 65"))
}

fn set(findings: &mut Findings, setting: Setting, text: String) {
    findings.settings.values.insert(setting, text);
}

pub(super) fn read_config(file: &Path, text: &str, findings: &mut Findings) {
    for (at, line) in text.lines().enumerate() {
        let read = assignment(line).and_then(|found| {
            found.map_or(Ok(Meaning::Nothing), |(key, value)| meaning(key, value))
        });
        match read {
            Ok(Meaning::Nothing) => {}
            Ok(Meaning::Is(setting, text)) => set(findings, setting, text),
            Ok(Meaning::Note(note)) => findings.notes.push(note),
            Err(why) => {
                let what = format!("{}:{}: {why}", file.display(), at + 1);
                findings.broken.push(Broken { name: None, what });
            }
        }
    }
    let defaults = PolicyDraft::default()
        .with(Setting::Program, "antnode")
        .with(Setting::Manager, "systemd+sudo");
    findings.settings = defaults.under(&findings.settings);
}

/// `KEY=value`, with or without quotes around the value. A shell would do more with more.
fn assignment(line: &str) -> Result<Option<(&str, &str)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let no = || format!("`{line}` is more than a plain KEY=\"value\", and shell is not run");
    let (key, value) = line.split_once('=').ok_or_else(no)?;
    let is_key = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !key.is_empty();
    let quoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote).and_then(|value| value.strip_suffix(*quote)));
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:+-,".contains(c);
    let sound = match quoted {
        Some(value) => value.chars().all(|c| plain(c) || c == ' '),
        None => value.chars().all(plain),
    };
    if is_key && sound { Ok(Some((key, quoted.unwrap_or(value)))) } else { Err(no()) }
}

/// What a key says to wnm.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    Is(Setting, String),
    Note(String),
    Nothing,
}

fn meaning(key: &str, value: &str) -> Result<Meaning, String> {
    let is = |setting, text: &str| Ok(Meaning::Is(setting, text.to_owned()));
    let minutes = |setting| {
        let minutes: u32 = value.parse().map_err(|_| format!("{key} is `{value}`: no minutes"))?;
        let seconds = u64::from(minutes) * 60;
        Ok(Meaning::Is(setting, format!("{seconds}s")))
    };
    let number = |setting| match value.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => is(setting, value),
        _ => Err(format!("{key} is `{value}`: no number")),
    };
    match key {
        "RewardsAddress" => {
            let address = value.strip_prefix("--rewards-address ").unwrap_or(value).trim();
            match address.parse::<wnm_core::model::Address>() {
                Ok(_) => is(Setting::RewardsAddress, address),
                Err(error) => Err(format!("RewardsAddress: {error}")),
            }
        }
        "NodeStorage" if value.starts_with('/') => {
            let path = value.strip_suffix('/').unwrap_or(value);
            is(Setting::NodeStorage, &shell_words::quote(path))
        }
        "NodeStorage" => Err(format!("NodeStorage is `{value}`: no absolute path")),
        "NodeCap" => number(Setting::NodeCap),
        "CpuLessThan" => number(Setting::CpuLessThan),
        "CpuRemove" => number(Setting::CpuRemove),
        "MemLessThan" => number(Setting::MemLessThan),
        "MemRemove" => number(Setting::MemRemove),
        "HDLessThan" => number(Setting::HdLessThan),
        "HDRemove" => number(Setting::HdRemove),
        "DesiredLoadAverage" => number(Setting::DesiredLoadAverage),
        "MaxLoadAverageAllowed" => number(Setting::MaxLoadAverageAllowed),
        "DelayStart" => minutes(Setting::DelayStart),
        "DelayRemove" => minutes(Setting::DelayRemove),
        "DelayUpgrade" => minutes(Setting::DelayUpgrade),
        "NodeVersion" if value.is_empty() => Ok(Meaning::Nothing),
        "NodeVersion" => {
            let version = value.trim_start_matches("--version ");
            Ok(Meaning::Note(format!(
                "anm held its nodes at version {version}: `--upgrade-mode off` does, or `wnm binary \
                 pin`"
            )))
        }
        // Known, and without a meaning here: the owner is among the nodes' own arguments.
        "DiscordUsername" | "DelayReStart" | "UpgradeHour" | "UpgradeMin" => Ok(Meaning::Nothing),
        _ => Ok(Meaning::Note(format!("anm's {key} is not known and not carried over"))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CONFIG: &str = "\
DiscordUsername=\"--owner somebody\"
RewardsAddress=\"--rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF\"

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
NodeStorage=\"/var/antctl/services\"
NodeCap=20
UpgradeHour=3
UpgradeMin=17
NodeVersion=\"--version 0.4.17\"
";

    fn read(text: &str) -> Findings {
        let mut findings = Findings::default();
        read_config(Path::new("/c"), text, &mut findings);
        findings
    }

    #[test]
    fn its_configuration_becomes_settings() {
        let findings = read(CONFIG);
        let lines = findings.settings.values.iter().map(|(key, text)| format!("{key}={text}"));
        let lines: Vec<String> = lines.chain(findings.notes).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        rewards_address=0x00455d78f850b0358E8cea5be24d415E01E107CF
        node_cap=20
        cpu_less_than=50
        cpu_remove=70
        mem_less_than=70
        mem_remove=90
        hd_less_than=70
        hd_remove=90
        desired_load_average=4.80
        max_load_average_allowed=8.00
        delay_start=300s
        delay_remove=600s
        delay_upgrade=300s
        manager=systemd+sudo
        program=antnode
        node_storage=/var/antctl/services
        anm held its nodes at version 0.4.17: `--upgrade-mode off` does, or `wnm binary pin`
        ");
        assert_eq!(findings.broken, Vec::new());
    }

    #[test]
    fn what_a_shell_would_run_is_refused_with_its_line() {
        let table = [
            "NodeCap=$(nproc)",
            "NodeCap=\"`id`\"",
            "NodeCap=20; rm -rf /",
            "NodeCap=20 reboot",
            "source /etc/profile",
            "export NodeCap=20",
            "NodeCap=\"20\"\"",
            "NodeCap=\"20",
            "NodeCap=${X:-20}",
            "if true; then",
            "NodeCap=many",
            "NodeCap=-3",
            "DelayStart=-5",
            "DelayStart=1h",
            "NodeStorage=services",
            "RewardsAddress=\"--rewards-address 0x12\"",
            "RewardsAddress=\"\"",
            "=5",
        ];
        for line in table {
            let findings = read(&format!("# anm\n{line}\n"));
            let [broken] = &findings.broken[..] else { panic!("{line}: {findings:?}") };
            assert!(broken.what.starts_with("/c:2: "), "{line}: {}", broken.what);
        }
    }

    #[test]
    fn ports_follow_from_its_script() {
        assert_eq!(port_base("#!/bin/bash\nntpr=55\necho\n"), Ok(55));
        assert_eq!(port_base("ntpr=40\n  ntpr=40\n"), Ok(40));
        let table = [
            ("echo\n", ": it has no line `ntpr=55`, from which ports follow"),
            ("\nntpr=$1\n", ":2: ntpr is `$1`, not a number from 1 to 65"),
            ("ntpr=66\n", ":1: ntpr is `66`, not a number from 1 to 65"),
            ("ntpr=55\nntpr=56\n", ":2: ntpr is `56`, and `55` in line 1"),
        ];
        for (text, expected) in table {
            assert_eq!(port_base(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn names_have_three_digits_or_four() {
        for name in ["antnode001", "antnode0001", "antnode12345"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["antnode1", "antnode", "antnode00x1", "ant-node-001", "myantnode0001"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
