//! Where everything lies.

use std::path::{Path, PathBuf};

use wnm_core::model::{Manager, Scope};
use wnm_core::policy::Setting;

use super::Environment;
use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;

/// Where the system scope lies: antctl's own place, known to operators.
const SYSTEM_BASE: &str = "/var/antctl";

/// Where a user's data and settings lie below the home, unless the XDG variables say otherwise.
#[cfg(not(target_os = "macos"))]
const PLACES: [&str; 2] = [".local/share", ".config"];
#[cfg(target_os = "macos")]
const PLACES: [&str; 2] = ["Library/Application Support", "Library/Application Support"];

/// The places of one scope.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) scope: Scope,
    /// Everything of wnm lies below, unless a setting says otherwise.
    pub(crate) base: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) identities: PathBuf,
    /// Where versions of node programs are kept.
    pub(crate) binaries: PathBuf,
    /// Default of `node_storage`.
    pub(crate) nodes: PathBuf,
    /// Default of `log_storage`.
    pub(crate) logs: PathBuf,
    pub(crate) config_file: PathBuf,
    /// Where the Python tool's own configuration files lay; a later one counts more.
    pub(crate) old_config_files: Vec<PathBuf>,
    /// Where units lie.
    pub(crate) units: PathBuf,
    /// Where property lists of launchd lie, on macOS.
    pub(crate) launchd_lists: PathBuf,
    /// Where the `ant` daemon of this user keeps its files.
    pub(crate) antd: PathBuf,
    /// Where the user's systemd listens.
    pub(crate) runtime_dir: String,
    /// The other scope, when that one has a store.
    pub(crate) elsewhere: Option<Scope>,
}

impl Paths {
    /// The paths of the scope that was asked for, or follows from where a store is and who asks.
    pub(crate) fn find(
        global: &Global,
        environment: &Environment,
        manager: Option<&str>,
    ) -> Result<Paths, CliError> {
        let old = old_config_files(environment);
        let system = Paths { old_config_files: old.clone(), ..Paths::of_system() };
        let user =
            Paths::of_user(environment).map(|paths| Paths { old_config_files: old, ..paths });
        let stored = |paths: Option<&Paths>| paths.is_some_and(store_is_ours);
        let (in_system, in_user) = (stored(Some(&system)), stored(user.as_ref().ok()));
        let is_root = nix::unistd::getuid().is_root();
        let named = named(global, environment, manager)?;
        Ok(match named.unwrap_or_else(|| usual(in_system, in_user, is_root)) {
            Scope::System => Paths { elsewhere: in_user.then_some(Scope::User), ..system },
            Scope::User => Paths { elsewhere: in_system.then_some(Scope::System), ..user? },
        })
    }

    /// Where antctl keeps its registry; the user's lies among the nodes, whatever the settings say.
    pub(crate) fn antctl_registry(&self) -> PathBuf {
        let directory = match self.scope {
            Scope::User => &self.nodes,
            Scope::System => &self.base,
        };
        directory.join("node_registry.json")
    }

    /// Copies of it.
    pub(crate) fn antctl_copies(&self) -> PathBuf {
        self.base.join("antctl")
    }

    /// Where the stores of both scopes would lie, the user's first.
    pub(crate) fn stores(environment: &Environment) -> [Option<PathBuf>; 2] {
        let user = Paths::of_user(environment).ok();
        [user.map(|paths| paths.store), Some(Paths::of_system().store)]
    }

    /// Root can write to an operator's base directory, but what it makes there the operator could
    /// not read any more.
    pub(crate) fn refuse_other_owner(&self) -> Result<(), CliError> {
        let owner = owner(&self.base).filter(|owner| *owner != nix::unistd::geteuid());
        let Some(owner) = owner.filter(|_| self.scope == Scope::System) else { return Ok(()) };
        let name = nix::unistd::User::from_uid(owner).ok().flatten();
        let name = name.map_or_else(|| owner.to_string(), |user| user.name);
        let problem = format!("{} belongs to {name}, who ran init", self.base.display());
        Err(CliError::new(Exit::Refused, problem).hint(format!("run wnm as {name}")))
    }

    fn of_system() -> Paths {
        let base = PathBuf::from(SYSTEM_BASE);
        Paths {
            nodes: base.join("services"),
            logs: "/var/log/antnode".into(),
            units: "/etc/systemd/system".into(),
            launchd_lists: "/Library/LaunchDaemons".into(),
            ..Paths::below(Scope::System, base, "/etc".into())
        }
    }

    fn of_user(environment: &Environment) -> Result<Paths, CliError> {
        let home = || {
            environment
                .get("HOME")
                .filter(|home| home.starts_with('/'))
                .map(PathBuf::from)
                .ok_or_else(|| {
                    CliError::usage("HOME is not set: it is needed to find ~/.local/share/autonomi")
                })
        };
        let directory = |variable: &str, below_home: &str| {
            let given = environment.get(variable).filter(|path| path.starts_with('/'));
            given.map_or_else(|| home().map(|home| home.join(below_home)), |path| Ok(path.into()))
        };
        let [data, config] = PLACES;
        let data = directory("XDG_DATA_HOME", data)?;
        let base = data.join("autonomi");
        let config = directory("XDG_CONFIG_HOME", config)?;
        // Where there is no home there is no macOS either.
        let launchd_lists = home().map(|home| home.join("Library/LaunchAgents"));
        let launchd_lists = launchd_lists.unwrap_or_default();
        let antd = data.join("ant");
        let runtime_dir = match environment.get("XDG_RUNTIME_DIR") {
            Some(path) => path.to_owned(),
            // Missing under cron, and all that systemctl needs.
            None => format!("/run/user/{}", nix::unistd::getuid()),
        };
        let below = Paths::below(Scope::User, base, config);
        Ok(Paths { runtime_dir, launchd_lists, antd, ..below })
    }

    /// What has the same name in both scopes.
    fn below(scope: Scope, base: PathBuf, config: PathBuf) -> Paths {
        Paths {
            scope,
            store: base.join("colony.db"),
            lock: base.join("wnm_active"),
            identities: base.join("identities"),
            binaries: base.join("bin"),
            nodes: base.join("node"),
            logs: base.join("logs"),
            config_file: config.join("wnm/config.toml"),
            units: config.join("systemd/user"),
            old_config_files: Vec::new(),
            runtime_dir: String::new(),
            launchd_lists: PathBuf::new(),
            antd: PathBuf::new(),
            elsewhere: None,
            base,
        }
    }
}

fn old_config_files(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.get("HOME").filter(|home| home.starts_with('/')).map(Path::new);
    let places = [".local/share/wnm/config", "wnm/config", ".local/share/wnm/.env"];
    home.map(|home| places.map(|place| home.join(place)).to_vec()).unwrap_or_default()
}

/// The scope that somebody named, in so many words or by a manager.
fn named(
    global: &Global,
    environment: &Environment,
    manager: Option<&str>,
) -> Result<Option<Scope>, CliError> {
    match global.scope.as_deref().or_else(|| environment.get("WNM_SCOPE")) {
        Some("user") => return Ok(Some(Scope::User)),
        Some("system") => return Ok(Some(Scope::System)),
        Some(other) => {
            let name = if global.scope.is_some() { "--scope" } else { "WNM_SCOPE" };
            let problem = format!("{name} is `{other}`, which is not a scope: use user or system");
            return Err(CliError::usage(problem));
        }
        None => {}
    }
    let manager = manager
        .or_else(|| environment.get("WNM_MANAGER"))
        .or_else(|| environment.get("PROCESS_MANAGER").filter(|name| name.contains('+')));
    let Some(text) = manager else { return Ok(None) };
    let manager: Manager = text
        .parse()
        .map_err(|error| CliError::usage(format!("{} is `{text}`: {error}", Setting::Manager)))?;
    Ok(Some(manager.scope))
}

/// The scope of whoever names none: where a store is, else by who asks.
fn usual(in_system: bool, in_user: bool, is_root: bool) -> Scope {
    match (in_system, in_user) {
        (true, false) => Scope::System,
        (false, true) => Scope::User,
        _ if is_root => Scope::System,
        _ => Scope::User,
    }
}

/// Another user's store is there, but nothing that we could work with.
#[expect(clippy::disallowed_methods, reason = "whether there is a store decides the scope")]
fn store_is_ours(paths: &Paths) -> bool {
    std::fs::metadata(&paths.store).is_ok()
        && nix::unistd::access(&paths.store, nix::unistd::AccessFlags::R_OK).is_ok()
}

#[expect(clippy::disallowed_methods, reason = "whose the base directory is")]
fn owner(base: &Path) -> Option<nix::unistd::Uid> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(base).ok().map(|found| found.uid().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_follows_the_store_and_then_who_asks() {
        let table = [
            (false, false, true, Scope::System),
            (false, false, false, Scope::User),
            (true, false, false, Scope::System),
            (false, true, true, Scope::User),
            (true, true, true, Scope::System),
            (true, true, false, Scope::User),
        ];
        for (in_system, in_user, is_root, expected) in table {
            assert_eq!(usual(in_system, in_user, is_root), expected, "{in_system} {in_user}");
        }
    }

    #[test]
    fn the_places_of_the_system() {
        let paths = Paths::of_system();
        assert_eq!(paths.store, Path::new("/var/antctl/colony.db"));
        assert_eq!(paths.lock, Path::new("/var/antctl/wnm_active"));
        assert_eq!(paths.nodes, Path::new("/var/antctl/services"));
        assert_eq!(paths.binaries, Path::new("/var/antctl/bin"));
        assert_eq!(paths.logs, Path::new("/var/log/antnode"));
        assert_eq!(paths.units, Path::new("/etc/systemd/system"));
        assert_eq!(paths.config_file, Path::new("/etc/wnm/config.toml"));
    }
}
