//! The environment: read once, here and nowhere else.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::MachineProbe;
use wnm_core::policy::{PolicyDraft, Setting, parse_duration};
use wnm_metrics::ProcProbe;

use super::Paths;
use crate::error::CliError;
use crate::python::World;

/// Variables that are ours but no settings.
const NOT_SETTINGS: [&str; 3] = ["WNM_SCOPE", "WNM_LOG", LOCK_PATIENCE];
const LOCK_PATIENCE: &str = "WNM_LOCK_PATIENCE";

/// What the process was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    arguments: Vec<OsString>,
    variables: BTreeMap<String, String>,
    machine: Machine,
}

/// What looks at the machine.
#[derive(Clone)]
struct Machine(Arc<dyn MachineProbe>);

impl Default for Machine {
    fn default() -> Machine {
        Machine(Arc::new(ProcProbe::default()))
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine")
    }
}

impl Environment {
    pub(crate) fn read(machine: impl MachineProbe + 'static) -> Environment {
        let text = |(key, value): (OsString, OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Environment {
            arguments: std::env::args_os().collect(),
            variables: std::env::vars_os().filter_map(text).collect(),
            machine: Machine(Arc::new(machine)),
        }
    }

    /// What looks at the machine.
    pub(crate) fn machine(&self) -> Arc<dyn MachineProbe> {
        Arc::clone(&self.machine.0)
    }

    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// What the translation of an old command line may look at.
    pub(crate) fn old_world(&self) -> World {
        let streams = [
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        ];
        World {
            is_watched: streams.contains(&true),
            variables: self.variables.clone(),
            stores: Paths::stores(self),
        }
    }

    /// Settings under the Python tool's names, such as `NODE_CAP=5`.
    pub(crate) fn old_draft(&self) -> PolicyDraft {
        crate::python::draft_of_environment(&self.variables)
    }

    /// The Python tool's variable for `setting`.
    pub(crate) fn old_name(&self, setting: Setting) -> Option<String> {
        crate::python::variable_of(setting)
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Directories to look for programs in.
    pub(crate) fn program_directories(&self) -> Vec<PathBuf> {
        let path = self.get("PATH").unwrap_or_default();
        let mut directories: Vec<PathBuf> =
            path.split(':').filter(|part| part.starts_with('/')).map(PathBuf::from).collect();
        directories.extend(self.get("HOME").map(|home| PathBuf::from(home).join(".local/bin")));
        directories.push("/usr/local/bin".into());
        directories
    }

    /// Variables that give settings: they hold for this run only.
    pub(crate) fn setting_names(&self) -> Vec<&str> {
        let names = self.variables.keys().map(String::as_str);
        names.filter(|name| name.starts_with("WNM_") && !NOT_SETTINGS.contains(name)).collect()
    }

    /// How long a request may wait for a running cycle, where that is said.
    pub(crate) fn lock_patience(&self) -> Result<Option<Duration>, CliError> {
        let Some(text) = self.get(LOCK_PATIENCE) else { return Ok(None) };
        parse_duration(text).map(Some).ok_or_else(|| {
            CliError::usage(format!(
                "{LOCK_PATIENCE} is `{text}`: give a time such as 0, 5s or 2min"
            ))
        })
    }

    /// Settings given as `WNM_NODE_CAP=5`.
    pub(crate) fn draft(&self) -> Result<PolicyDraft, CliError> {
        let mut draft = PolicyDraft::default();
        for (name, value) in &self.variables {
            let Some(key) = name.strip_prefix("WNM_") else { continue };
            if NOT_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            let setting: Setting = key.to_lowercase().parse().map_err(|error| {
                CliError::usage(format!("environment variable {name}: {error}"))
            })?;
            draft = draft.with(setting, value);
        }
        Ok(draft)
    }
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Environment {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Environment { variables: pairs.iter().map(own).collect(), ..Environment::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_other_variables() {
        let environment =
            Environment::of(&[("WNM_NODE_CAP", "5"), ("WNM_LOG", "debug"), ("PATH", "/bin")]);
        let draft = environment.draft().expect("sound");
        assert_eq!(draft, PolicyDraft::default().with(Setting::NodeCap, "5"));
        let error = Environment::of(&[("WNM_NODE_CPA", "5")]).draft().expect_err("unknown");
        assert!(error.to_string().contains("WNM_NODE_CPA"), "{error}");
    }

    #[test]
    fn programs_are_looked_for_in_absolute_directories_only() {
        let environment = Environment::of(&[("PATH", "/bin::.:x:/usr/bin"), ("HOME", "/h")]);
        let expected = ["/bin", "/usr/bin", "/h/.local/bin", "/usr/local/bin"];
        assert_eq!(environment.program_directories(), expected.map(PathBuf::from));
    }
}
