//! Where everything lies.

use std::path::PathBuf;

use wnm_core::model::{Manager, Scope};
use wnm_core::policy::Setting;

use super::Environment;
use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;

/// The places of one scope.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// Everything of wnm lies below, unless a setting says otherwise.
    pub(crate) base: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) identities: PathBuf,
    /// Default of `node_storage`.
    pub(crate) nodes: PathBuf,
    /// Default of `log_storage`.
    pub(crate) logs: PathBuf,
    pub(crate) config_file: PathBuf,
    /// Where units of the user's systemd lie.
    pub(crate) units: PathBuf,
    /// Where the user's systemd listens.
    pub(crate) runtime_dir: String,
}

impl Paths {
    /// The paths of the scope that was asked for, or follows from who asks.
    pub(crate) fn find(
        global: &Global,
        environment: &Environment,
        manager: Option<&str>,
        is_init: bool,
    ) -> Result<Paths, CliError> {
        match scope(global, environment, manager)? {
            Scope::User => Paths::of_user(environment),
            // Without it there can be no store in it either.
            Scope::System => Err(CliError::new(
                if is_init { Exit::Usage } else { Exit::NotInitialised },
                "the system scope, which root has by default, is not part of this version",
            )
            .hint("run as the user who shall own the nodes, or choose --scope user")),
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
        let base = directory("XDG_DATA_HOME", ".local/share")?.join("autonomi");
        let config = directory("XDG_CONFIG_HOME", ".config")?;
        let runtime_dir = match environment.get("XDG_RUNTIME_DIR") {
            Some(path) => path.to_owned(),
            // Missing under cron, and all that systemctl needs.
            None => format!("/run/user/{}", nix::unistd::getuid()),
        };
        Ok(Paths {
            store: base.join("colony.db"),
            lock: base.join("wnm_active"),
            identities: base.join("identities"),
            nodes: base.join("node"),
            logs: base.join("logs"),
            config_file: config.join("wnm/config.toml"),
            units: config.join("systemd/user"),
            runtime_dir,
            base,
        })
    }
}

fn scope(
    global: &Global,
    environment: &Environment,
    manager: Option<&str>,
) -> Result<Scope, CliError> {
    let named = global.scope.as_deref().or_else(|| environment.get("WNM_SCOPE"));
    match named {
        Some("user") => return Ok(Scope::User),
        Some("system") => return Ok(Scope::System),
        Some(other) => {
            return Err(CliError::usage(format!("`{other}` is not a scope: use user or system")));
        }
        None => {}
    }
    let manager = manager.or_else(|| environment.get("WNM_MANAGER"));
    if let Some(text) = manager {
        // `+sudo` is a scope that this version lacks; say that rather than "unknown manager".
        if text.ends_with("+sudo") {
            return Ok(Scope::System);
        }
        let manager: Manager = text.parse().map_err(|error| {
            CliError::usage(format!("{} is `{text}`: {error}", Setting::Manager))
        })?;
        return Ok(manager.scope);
    }
    let user_has_store = Paths::of_user(environment).is_ok_and(|paths| store_exists(&paths));
    let is_root = nix::unistd::getuid().is_root();
    Ok(if is_root && !user_has_store { Scope::System } else { Scope::User })
}

#[expect(clippy::disallowed_methods, reason = "whether there is a store decides the scope")]
fn store_exists(paths: &Paths) -> bool {
    std::fs::metadata(&paths.store).is_ok()
}
