//! From texts to a valid policy, with every error found on the way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::{
    AutoLimit, Band, Cap, Containers, Delays, DiskBand, Keep, Limits, NodeDefaults, Policy,
    PolicyDraft, PolicyError, Releases, Setting, Stability, Thresholds, Together, Upgrades, antctl,
};
use crate::model::{
    Address, Bytes, DayWindow, EvmNetwork, FirewallChoice, Launch, Manager, ManagerKind, PortPlan,
    Program, Resource, Version, WalletShares,
};

/// Resources that are judged only when asked for.
const OPTIONAL: [Resource; 7] = [
    Resource::DiskRead,
    Resource::DiskWrite,
    Resource::NetRead,
    Resource::NetWrite,
    Resource::StallCpu,
    Resource::StallMemory,
    Resource::StallIo,
];

/// More nodes than this have no ports on one address.
const MOST_NODES: u32 = 10_000;

impl Policy {
    /// Reads the stored settings with `overrides`, which hold for this run only, laid over them.
    /// `cpus` is the number of logical CPUs, which the default load thresholds follow.
    pub fn parse(
        stored: &PolicyDraft,
        overrides: &PolicyDraft,
        cpus: u32,
    ) -> Result<Policy, Vec<PolicyError>> {
        let in_force = stored.under(overrides);
        let mut read = Reader { draft: &in_force, errors: Vec::new() };
        let policy = read.policy(stored, cpus);
        match policy {
            Some(policy) if read.errors.is_empty() => Ok(policy),
            _ => Err(read.errors),
        }
    }
}

impl Releases {
    /// What `in_force` says of releases.
    pub fn parse(in_force: &PolicyDraft) -> Result<Releases, Vec<PolicyError>> {
        let mut read = Reader { draft: in_force, errors: Vec::new() };
        let releases = read.releases();
        releases.ok_or(read.errors)
    }
}

struct Reader<'a> {
    draft: &'a PolicyDraft,
    errors: Vec<PolicyError>,
}

impl Reader<'_> {
    /// Every field is read before any is used, so that all errors are found in one go.
    fn policy(&mut self, stored: &PolicyDraft, cpus: u32) -> Option<Policy> {
        let limit = self.whole(Setting::NodeCap, 0, MOST_NODES);
        let cpu = self.percent_band(Setting::CpuLessThan, Setting::CpuRemove);
        let memory = self.percent_band(Setting::MemLessThan, Setting::MemRemove);
        let disk = self.percent_band(Setting::HdLessThan, Setting::HdRemove);
        let load = self.load_band(f64::from(cpus.max(1)));
        let optional = self.optional();
        let crisis_bytes = self.bytes(Setting::CrisisBytes);
        let limits = self.limits();
        let delays = self.delays();
        let stability = self.stability();
        let removal_order = self.parsed(Setting::NodeRemovalStrategy);
        let restart_mute = self.switch(Setting::RestartMute);
        let nodes = self.nodes(limit);
        for name in [Setting::DockerCommand, Setting::DockerImage] {
            self.name(name);
        }
        if let Some(rule) = super::recipients::rule(self.draft.text(Setting::IdentityRecipients)) {
            self.refuse::<()>(Setting::IdentityRecipients, rule);
        }
        let keep = self.keep();
        let together = self.together();
        let upkeep_every = self.duration(Setting::UpkeepEvery);
        let upgrades = self.upgrades();
        self.parsed::<FirewallChoice>(Setting::Firewall);
        self.releases();

        // The stored values stand by themselves: an override may loosen or tighten this run, but
        // what removes nodes is read as if there were none.
        let mut alone = Reader { draft: stored, errors: Vec::new() };
        let stored_cap = alone.whole(Setting::NodeCap, 0, MOST_NODES);
        let stored_disk = alone.number(Setting::HdRemove, 0.0, 100.0);
        let stored_crisis = alone.bytes(Setting::CrisisBytes);
        let stored_limits = alone.limits();
        let stored_delays = alone.delays();
        let stored_stability = alone.stability();
        let stored_keep = alone.keep();
        if self.errors.is_empty() {
            self.errors = alone.errors;
        }

        Some(Policy {
            // More than the store allows would be removed again by the next run without it.
            cap: Cap { limit: limit?.min(stored_cap?), stored: stored_cap? },
            cpu: cpu?,
            memory: memory?,
            disk: DiskBand { band: disk?, stored_remove_above: stored_disk? },
            load: load?,
            optional: optional?,
            crisis_bytes: crisis_bytes?,
            stored_crisis_bytes: stored_crisis?,
            limits: limits?.removing_no_more_than(&stored_limits?),
            delays: delays?.removing_no_sooner_than(&stored_delays?),
            stability: stability?.removing_no_more_than(&stored_stability?),
            removal_order: removal_order?,
            restart_mute: restart_mute?,
            nodes: nodes?,
            keep: keep?.no_less_than(&stored_keep?),
            together: together?,
            upkeep_every: upkeep_every?,
            upgrades: upgrades?,
        })
    }

    /// What is judged only where somebody asked for it.
    fn optional(&mut self) -> Option<BTreeMap<Resource, Thresholds>> {
        let mut judged = BTreeMap::new();
        let mut sound = true;
        for resource in OPTIONAL {
            let (grow, shed) = (Setting::growing(&resource), Setting::shedding(&resource));
            let (low, high) =
                (self.optional_value(&resource, grow), self.optional_value(&resource, shed));
            let (Some(low), Some(high)) = (low, high) else {
                sound = false;
                continue;
            };
            let of = |value: f64| (value > 0.0).then_some(value);
            match Thresholds::new(of(low), of(high)) {
                Some(thresholds) if thresholds.is_off() => {}
                Some(thresholds) => drop(judged.insert(resource, thresholds)),
                None => {
                    sound = false;
                    self.errors.push(PolicyError::Inverted {
                        grow: (grow, self.draft.text(grow).to_owned()),
                        shed: (shed, self.draft.text(shed).to_owned()),
                    });
                }
            }
        }
        sound.then_some(judged)
    }

    fn optional_value(&mut self, resource: &Resource, setting: Setting) -> Option<f64> {
        match resource {
            Resource::StallCpu | Resource::StallMemory | Resource::StallIo => {
                self.number(setting, 0.0, 100.0)
            }
            _ => self.bytes(setting).map(|bytes| bytes.0 as f64),
        }
    }

    fn keep(&mut self) -> Option<Keep> {
        let age = self.duration(Setting::KeepCycles);
        let bytes = self.bytes(Setting::KeepCyclesBytes);
        Some(Keep { age: age?, bytes: bytes? })
    }

    fn releases(&mut self) -> Option<Releases> {
        let source = self.parsed(Setting::ReleaseSource);
        let channel = self.parsed(Setting::ReleaseChannel);
        let key = PathBuf::from(self.draft.text(Setting::ReleaseKey));
        let key = match key.as_os_str().is_empty() || key.is_absolute() {
            true => Some(Some(key).filter(|key| key.is_absolute())),
            false => self.refuse(Setting::ReleaseKey, "give an absolute path".to_owned()),
        };
        let interval = self.duration(Setting::ReleaseInterval);
        let keep = self.whole(Setting::KeepReleases, 2, 100);
        Some(Releases {
            source: source?,
            channel: channel?,
            key: key?,
            interval: interval?,
            keep: keep?,
        })
    }

    fn limits(&mut self) -> Option<Limits> {
        let starts = self.auto_limit(Setting::MaxConcurrentStarts);
        let removals = self.whole(Setting::MaxConcurrentRemovals, 1, 1000);
        let operations = self.auto_limit(Setting::MaxConcurrentOperations);
        Some(Limits { starts: starts?, removals: removals?, operations: operations? })
    }

    fn delays(&mut self) -> Option<Delays> {
        let start = self.duration(Setting::DelayStart);
        let remove = self.duration(Setting::DelayRemove);
        let upgrade = self.duration(Setting::DelayUpgrade);
        Some(Delays { start: start?, remove: remove?, upgrade: upgrade? })
    }

    fn upgrades(&mut self) -> Option<Upgrades> {
        let mode = self.parsed(Setting::UpgradeMode);
        let at_once = self.whole(Setting::MaxConcurrentUpgrades, 1, 1000);
        let canaries = self.whole(Setting::CanaryCount, 0, 1000);
        let canary_time = self.duration(Setting::CanaryTime);
        let failure_limit = self.whole(Setting::UpgradeFailureLimit, 0, 1000);
        let soak = self.duration(Setting::UpgradeSoak);
        let window = match self.draft.text(Setting::UpgradeWindow) {
            "always" => Some(None),
            _ => self.parsed::<DayWindow>(Setting::UpgradeWindow).map(Some),
        };
        Some(Upgrades {
            mode: mode?,
            at_once: at_once?,
            canaries: canaries?,
            canary_time: canary_time?,
            failure_limit: failure_limit?,
            soak: soak?,
            window: window?,
        })
    }

    fn stability(&mut self) -> Option<Stability> {
        let pressure_grace = self.duration(Setting::PressureGrace);
        let memory_grace = self.duration(Setting::MemoryGrace);
        let disk_grace = self.duration(Setting::HdGrace);
        let urgent_cpu = self.number(Setting::UrgentCpu, 0.0, 100.0);
        let grow_window = self.duration(Setting::GrowWindow);
        let settle_time = self.duration(Setting::SettleTime);
        let quiet_time = self.duration(Setting::QuietTime);
        let learn_time = self.duration(Setting::LearnTime);
        let disk_prior = self.bytes(Setting::DiskPrior);
        let disk_horizon = self.duration(Setting::DiskHorizon);
        let destructive_per_hour = self.whole(Setting::MaxDestructivePerHour, 0, 10_000);
        let disk_removals_per_day = self.whole(Setting::MaxDiskRemovalsPerDay, 0, 10_000);
        let restart_backoff = self.duration(Setting::RestartBackoff);
        Some(Stability {
            pressure_grace: pressure_grace?,
            memory_grace: memory_grace?,
            disk_grace: disk_grace?,
            urgent_cpu: urgent_cpu?,
            grow_window: grow_window?,
            settle_time: settle_time?,
            quiet_time: quiet_time?,
            learn_time: learn_time?,
            disk_prior: disk_prior?,
            disk_horizon: disk_horizon?,
            destructive_per_hour: destructive_per_hour?,
            disk_removals_per_day: disk_removals_per_day?,
            restart_backoff: restart_backoff?,
        })
    }

    fn nodes(&mut self, cap: Option<u32>) -> Option<NodeDefaults> {
        let program = self.parsed(Setting::Program);
        let manager = self.parsed(Setting::Manager);
        let donate = self.parsed::<Address>(Setting::DonateAddress);
        let wallets = donate.and_then(|donate| self.wallets(donate));
        let ports = self.ports(cap);
        let storage = self.paths(Setting::NodeStorage);
        let logs = self.paths(Setting::LogStorage);
        let autostart = self.one_of(Setting::Autostart, &["wnm", "system"]);
        let launch = self.launch();
        let containers = self.containers();
        if let Some(manager) = manager {
            let is_shared = containers.as_ref().is_some_and(Containers::are_shared);
            self.enforceable(manager, is_shared);
        }
        self.refuse_what_the_daemon_cannot(manager, program, launch.as_ref());
        let antctl_version = self.antctl_version();
        let defaults = NodeDefaults {
            program: program?,
            manager: manager?,
            wallets: wallets?,
            ports: ports?,
            storage: storage?,
            logs: logs?.into_iter().next()?,
            autostart: autostart? == "system",
            launch: launch?,
            containers: containers?,
        };
        antctl_version?;
        for (setting, rule) in antctl::problems(&defaults) {
            self.refuse::<()>(setting, rule);
        }
        Some(defaults)
    }

    fn antctl_version(&mut self) -> Option<()> {
        match self.draft.text(Setting::AntctlVersion) {
            "" => Some(()),
            _ => self.parsed::<Version>(Setting::AntctlVersion).map(|_| ()),
        }
    }

    fn containers(&mut self) -> Option<Containers> {
        let most = self.whole(Setting::MaxNodesPerContainer, 1, 1000);
        let least = self.whole(Setting::MinContainerCount, 1, 1000);
        let name = self.name(Setting::ContainerName)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        // A node's own container has the node's name.
        if !name.chars().all(plain) || name.starts_with("antnode") {
            let rule = "give letters, digits, `-`, `_` and `.`, and not a name of a node";
            return self.refuse(Setting::ContainerName, rule.to_owned());
        }
        Some(Containers { most_nodes: most?, least: least?, name })
    }

    /// What goes to a tool as one word, and must not be taken for an option.
    fn name(&mut self, setting: Setting) -> Option<String> {
        let text = self.draft.text(setting).to_owned();
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        match text.is_empty() || text.starts_with('-') || text.contains(is_odd) {
            true => self.refuse(setting, "give a name without blanks or leading dash".to_owned()),
            false => Some(text),
        }
    }

    /// The ant daemon starts one program, and builds its arguments by itself.
    fn refuse_what_the_daemon_cannot(
        &mut self,
        manager: Option<Manager>,
        program: Option<Program>,
        launch: Option<&Launch>,
    ) {
        if manager.map(|manager| manager.kind) != Some(ManagerKind::Antd) {
            return;
        }
        if program == Some(Program::Antnode) {
            let why = "the ant daemon (manager antd+user) runs ant-node only".to_owned();
            self.refuse::<()>(Setting::Program, why);
        }
        if launch.is_some_and(|launch| !launch.start_args.is_empty()) {
            let why = "the ant daemon (manager antd+user) hands no arguments to nodes: every option \
                       of ant-node has a variable, give it with environment";
            self.refuse::<()>(Setting::StartArgs, why.to_owned());
        }
    }

    fn launch(&mut self) -> Option<Launch> {
        let network = self.parsed::<EvmNetwork>(Setting::Network);
        let start_args = self.words(Setting::StartArgs);
        let environment = self.environment();
        let no_upnp = self.switch(Setting::NoUpnp);
        let memory_limit = self.memory_limit(Setting::LimitMemory);
        let cpu_limit = self.cpu_limit(Setting::LimitCpu);
        let bootstrap = self
            .draft
            .text(Setting::Bootstrap)
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|peer| !peer.is_empty())
            .map(str::to_owned)
            .collect();
        Some(Launch {
            network: network?,
            start_args: start_args?,
            environment: environment?,
            bootstrap,
            no_upnp: no_upnp?,
            memory_limit: memory_limit?,
            cpu_limit: cpu_limit?,
        })
    }

    /// What all nodes of a manager get together.
    fn together(&mut self) -> Option<Together> {
        let memory = self.memory_limit(Setting::SliceMemory);
        let cpu = self.cpu_limit(Setting::SliceCpu);
        Some(Together { memory: memory?, cpu: cpu? })
    }

    /// No limit is `Some(None)`. Below the least no node program gets as far as its first peer.
    fn memory_limit(&mut self, setting: Setting) -> Option<Option<Bytes>> {
        const LEAST: Bytes = Bytes(64_000_000);
        match self.bytes(setting)? {
            Bytes(0) => Some(None),
            bytes if bytes >= LEAST => Some(Some(bytes)),
            _ => self.refuse(setting, "give 0 for no limit, or at least 64MB".to_owned()),
        }
    }

    fn cpu_limit(&mut self, setting: Setting) -> Option<Option<u32>> {
        let percent = self.whole(setting, 0, 100_000)?;
        Some((percent > 0).then_some(percent))
    }

    /// A limit that nobody would keep is no limit.
    fn enforceable(&mut self, manager: Manager, is_shared: bool) {
        let shares = is_shared && manager.kind == ManagerKind::Docker;
        let limits = [
            (Setting::LimitMemory, manager.kind.limits() && !shares),
            (Setting::LimitCpu, manager.kind.limits() && !shares),
            (Setting::SliceMemory, manager.kind.limits_together()),
            (Setting::SliceCpu, manager.kind.limits_together()),
        ];
        for (setting, can) in limits {
            if !can && self.draft.text(setting) != setting.default_text() {
                let rule = match (manager.kind.limits(), shares) {
                    (true, true) => {
                        "nodes that share a container cannot be limited one by one: give 0, or 1 \
                         for max_nodes_per_container"
                            .to_owned()
                    }
                    (true, false) => {
                        format!("{manager} cannot limit nodes together: give 0, or use systemd")
                    }
                    (false, _) => {
                        format!("{manager} cannot limit nodes: give 0, or use systemd or Docker")
                    }
                };
                self.refuse::<()>(setting, rule);
            }
        }
    }

    fn wallets(&mut self, donate: Address) -> Option<WalletShares> {
        let text = self.draft.text(Setting::RewardsAddress);
        if text.is_empty() {
            self.errors.push(PolicyError::Missing { setting: Setting::RewardsAddress });
            return None;
        }
        match WalletShares::parse(text, donate) {
            Ok(shares) => Some(shares),
            Err(error) => self.refuse(Setting::RewardsAddress, error.to_string()),
        }
    }

    fn ports(&mut self, cap: Option<u32>) -> Option<PortPlan> {
        let node = self.port_base(Setting::PortStart);
        let metrics = self.port_base(Setting::MetricsPortStart);
        let rpc = self.port_base(Setting::RpcPortStart);
        let webrtc = match self.draft.text(Setting::WebrtcPortStart) {
            "off" => Some(None),
            _ => self.port_base(Setting::WebrtcPortStart).map(Some),
        };
        let plan = PortPlan { node: node?, metrics: metrics?, rpc: rpc?, webrtc: webrtc? };
        let cap = cap?;
        let overlaps = plan.overlaps(cap);
        let sound = overlaps.is_empty();
        self.errors.extend(overlaps.into_iter().map(|(one, other)| PolicyError::PortsOverlap {
            one,
            other,
            cap,
        }));
        let bases = [
            (Setting::PortStart, Some(plan.node)),
            (Setting::MetricsPortStart, Some(plan.metrics)),
            (Setting::WebrtcPortStart, plan.webrtc),
        ];
        for (setting, base) in bases {
            let last = u32::from(base.unwrap_or(0)) * 1000 + cap;
            if last > 65_535 {
                self.refuse::<()>(
                    setting,
                    format!("with {cap} nodes the last port would be {last}, and ports end at 65535: lower it or node_cap"),
                );
            }
        }
        sound.then_some(plan)
    }

    fn port_base(&mut self, setting: Setting) -> Option<u16> {
        self.whole(setting, 2, 65).and_then(|base| u16::try_from(base).ok())
    }

    fn percent_band(&mut self, grow: Setting, shed: Setting) -> Option<Band> {
        let low = self.number(grow, 0.0, 100.0);
        let high = self.number(shed, 0.0, 100.0);
        self.band((grow, low?), (shed, high?))
    }

    fn load_band(&mut self, cpus: f64) -> Option<Band> {
        let (grow, shed) = (Setting::DesiredLoadAverage, Setting::MaxLoadAverageAllowed);
        let mut read = |setting, share: f64| match self.draft.text(setting) {
            "auto" => Some(cpus * share),
            _ => self.number(setting, 0.0, 100_000.0),
        };
        let low = read(grow, 0.6);
        let high = read(shed, 1.0);
        self.band((grow, low?), (shed, high?))
    }

    fn band(&mut self, grow: (Setting, f64), shed: (Setting, f64)) -> Option<Band> {
        let band = Band::new(grow.1, shed.1);
        if band.is_none() {
            self.errors.push(PolicyError::Inverted {
                grow: (grow.0, grow.1.to_string()),
                shed: (shed.0, shed.1.to_string()),
            });
        }
        band
    }

    fn whole(&mut self, setting: Setting, least: u32, most: u32) -> Option<u32> {
        let value = self.draft.text(setting).parse::<u32>().ok();
        match value.filter(|value| (least..=most).contains(value)) {
            Some(value) => Some(value),
            None => self.refuse(setting, format!("give a whole number from {least} to {most}")),
        }
    }

    fn auto_limit(&mut self, setting: Setting) -> Option<AutoLimit> {
        let text = self.draft.text(setting);
        match text.parse::<u32>().ok().filter(|count| (1..=1000).contains(count)) {
            Some(count) => Some(AutoLimit::AtMost(count)),
            None if text == "auto" => Some(AutoLimit::Auto),
            None => self.refuse(setting, "give auto, or a whole number from 1 to 1000".to_owned()),
        }
    }

    fn number(&mut self, setting: Setting, least: f64, most: f64) -> Option<f64> {
        let value = self.draft.text(setting).parse::<f64>().ok();
        match value.filter(|value| (least..=most).contains(value)) {
            Some(value) => Some(value),
            None => self.refuse(setting, format!("give a number from {least} to {most}")),
        }
    }

    fn switch(&mut self, setting: Setting) -> Option<bool> {
        match self.draft.text(setting) {
            "on" | "true" | "yes" | "1" => Some(true),
            "off" | "false" | "no" | "0" => Some(false),
            _ => self.refuse(setting, "give on or off".to_owned()),
        }
    }

    fn one_of(&mut self, setting: Setting, words: &[&'static str]) -> Option<&'static str> {
        let text = self.draft.text(setting);
        match words.iter().find(|word| **word == text) {
            Some(word) => Some(word),
            None => self.refuse(setting, format!("give {}", words.join(" or "))),
        }
    }

    fn duration(&mut self, setting: Setting) -> Option<Duration> {
        match parse_duration(self.draft.text(setting)) {
            Some(duration) => Some(duration),
            None => self.refuse(
                setting,
                "give a time up to 365 days such as 90, 90s, 10min, 6h or 14d".to_owned(),
            ),
        }
    }

    fn bytes(&mut self, setting: Setting) -> Option<Bytes> {
        match parse_bytes(self.draft.text(setting)) {
            Some(bytes) => Some(bytes),
            None => self.refuse(setting, "give a size such as 500MB, 2GB or 2GiB".to_owned()),
        }
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, setting: Setting) -> Option<T> {
        match self.draft.text(setting).parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let rule = error.to_string();
                self.refuse(setting, rule)
            }
        }
    }

    fn words(&mut self, setting: Setting) -> Option<Vec<String>> {
        match shell_words::split(self.draft.text(setting)) {
            Ok(words) => Some(words),
            Err(_) => self.refuse(setting, "a quote is not closed".to_owned()),
        }
    }

    fn environment(&mut self) -> Option<Vec<(String, String)>> {
        let words = self.words(Setting::Environment)?;
        let pairs: Option<Vec<_>> = words
            .iter()
            .map(|word| {
                let (key, value) = word.split_once('=')?;
                let sound = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                    && !key.is_empty()
                    && !key.as_bytes()[0].is_ascii_digit()
                    && !value.contains(['\n', '\0']);
                sound.then(|| (key.to_owned(), value.to_owned()))
            })
            .collect();
        match pairs {
            Some(pairs) => Some(pairs),
            None => self.refuse(
                Setting::Environment,
                "give KEY=VALUE, the key of letters, digits and _".to_owned(),
            ),
        }
    }

    fn paths(&mut self, setting: Setting) -> Option<Vec<PathBuf>> {
        let words = self.words(setting)?;
        if words.is_empty() {
            self.errors.push(PolicyError::Missing { setting });
            return None;
        }
        let sound = |word: &String| {
            let path = std::path::Path::new(word);
            let plain = path.components().all(|part| {
                matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_))
            });
            path.is_absolute() && plain && path.parent().is_some() && !word.contains(['\n', '\0'])
        };
        match words.iter().all(sound) {
            true => Some(words.into_iter().map(PathBuf::from).collect()),
            false => self
                .refuse(setting, "give absolute directories other than /, without `..`".to_owned()),
        }
    }

    fn refuse<T>(&mut self, setting: Setting, rule: String) -> Option<T> {
        let value = self.draft.text(setting).to_owned();
        self.errors.push(PolicyError::Value { setting, value, rule });
        None
    }
}

/// `90`, `90s`, `10min`, `6h`, `14d`: a whole number of seconds or of the unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    const YEAR: u64 = 365 * 86_400;
    let (number, unit) = split_unit(text);
    let seconds = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (seconds <= YEAR).then(|| Duration::from_secs(seconds))
}

/// `500`, `500MB`, `2GB`, `2GiB`.
pub(super) fn parse_bytes(text: &str) -> Option<Bytes> {
    let (number, unit) = split_unit(text);
    let size: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => Bytes::GB,
        "TB" => 1_000 * Bytes::GB,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(size).map(Bytes)
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(Setting, &str)]) -> Result<Policy, String> {
        let draft = PolicyDraft::default()
            .with(Setting::RewardsAddress, "faucet")
            .with(Setting::NodeStorage, "/srv/nodes")
            .with(Setting::LogStorage, "/srv/logs");
        let draft = pairs.iter().fold(draft, |draft, (setting, text)| draft.with(*setting, *text));
        Policy::parse(&draft, &PolicyDraft::default(), 4)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn limits_of_nodes_are_none_or_sensible_and_kept_by_somebody() {
        let policy = read(&[]).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((policy.nodes.launch.memory_limit, policy.nodes.launch.cpu_limit), (None, None));
        assert!(policy.together.is_free());

        let all = [
            (Setting::LimitMemory, "2GB"),
            (Setting::LimitCpu, "150"),
            (Setting::SliceMemory, "8GB"),
            (Setting::SliceCpu, "300"),
        ];
        let policy = read(&all).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(policy.nodes.launch.memory_limit, Some(Bytes(2 * Bytes::GB)));
        assert_eq!(policy.nodes.launch.cpu_limit, Some(150));
        assert_eq!(
            policy.together,
            Together { memory: Some(Bytes(8 * Bytes::GB)), cpu: Some(300) }
        );

        let why = read(&[(Setting::LimitMemory, "63MB")]).err().unwrap_or_default();
        assert!(why.contains("limit_memory") && why.contains("at least 64MB"), "{why}");
        let why = read(&[(Setting::Manager, "setsid+user"), all[1]]).err().unwrap_or_default();
        assert!(why.contains("limit_cpu") && why.contains("setsid+user cannot limit"), "{why}");
    }
}
