//! The job to be scheduled: neither a timer nor cron knows the environment of a login.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};
use wnm_core::model::{Program, Release, Scope};
use wnm_core::observe::Ledger;
use wnm_core::policy::Setting;
use wnm_managers::{Every, Job};

use crate::commands::Context;
use crate::compose::Adapters;
use crate::error::CliError;
use crate::settings::{Environment, Paths};

/// Where the tools of a Linux system lie. Deliberately not the PATH of whoever installs, which
/// differs from one terminal to the next.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A cycle with the scope, the configuration file and the places that are in force here.
pub(super) fn job(
    context: &Context<'_>,
    config: Option<&Path>,
    program: PathBuf,
    release: Option<&Release>,
    every: Every,
) -> Result<Job, CliError> {
    let scope = context.paths.scope;
    let mut arguments = vec!["--scope".to_owned(), scope.to_string()];
    if let Some(config) = config {
        let path = absolute(config)?;
        arguments.extend(["--config".to_owned(), path]);
    }
    arguments.push("run".to_owned());
    let home = User::from_uid(geteuid()).ok().flatten().map(|user| user.dir);
    let environment =
        variables(context.environment, &context.paths, home.as_deref(), release.map(|r| &*r.path));
    let is_operators = scope == Scope::System && !geteuid().is_root();
    let user = is_operators.then(user_name);
    Ok(Job { program, arguments, environment, user, every })
}

/// The node program that new nodes would get; none where there is none just now.
pub(super) fn release(
    context: &Context<'_>,
    adapters: &Adapters,
    ledger: &Ledger,
) -> Option<Release> {
    let in_force = ledger.draft.under(&context.layers.merged());
    let program: Program = in_force.text(Setting::Program).parse().ok()?;
    adapters.host().binaries.available(program).ok()
}

/// Who we are.
pub(in crate::commands) fn user_name() -> String {
    let user = User::from_uid(geteuid()).ok().flatten();
    user.map_or_else(|| geteuid().to_string(), |user| user.name)
}

fn absolute(path: &Path) -> Result<String, CliError> {
    let absolute = std::path::absolute(path).ok();
    let text = absolute.as_deref().and_then(Path::to_str).map(str::to_owned);
    text.ok_or_else(|| CliError::usage(format!("{} is not UTF-8", path.display())))
}

/// What a cycle needs to find its places and its tools again.
fn variables(
    environment: &Environment,
    paths: &Paths,
    home: Option<&Path>,
    node_program: Option<&Path>,
) -> Vec<(String, String)> {
    let mut variables = vec![("PATH".to_owned(), search_path(environment, node_program))];
    if paths.scope == Scope::System {
        return variables;
    }
    variables.push(("XDG_RUNTIME_DIR".to_owned(), paths.runtime_dir.clone()));
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        let given = environment.get(name).filter(|path| path.starts_with('/'));
        variables.extend(given.map(|path| (name.to_owned(), path.to_owned())));
    }
    let other_home = environment.get("HOME").filter(|given| home != Some(Path::new(given)));
    variables.extend(other_home.map(|home| ("HOME".to_owned(), home.to_owned())));
    variables
}

/// The usual directories, and the one where the node program was found, if that is elsewhere.
fn search_path(environment: &Environment, node_program: Option<&Path>) -> String {
    let mut known: BTreeSet<PathBuf> = PATH.split(':').map(PathBuf::from).collect();
    // Searched in any case.
    known.extend(environment.get("HOME").map(|home| PathBuf::from(home).join(".local/bin")));
    let directory = node_program.and_then(Path::parent).filter(|found| !known.contains(*found));
    match directory.and_then(Path::to_str).filter(|found| !found.contains(':')) {
        Some(directory) => format!("{PATH}:{directory}"),
        None => PATH.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;

    fn paths(environment: &Environment, scope: &str) -> Paths {
        let global =
            Global { scope: Some(scope.to_owned()), config: None, json: false, verbose: 0 };
        Paths::find(&global, environment, None).expect("places")
    }

    fn rendered(given: &[(&str, &str)], scope: &str, program: Option<&str>) -> String {
        let environment = Environment::of(given);
        let paths = paths(&environment, scope);
        let home = Path::new("/home/op");
        let variables = variables(&environment, &paths, Some(home), program.map(Path::new));
        let lines = variables.into_iter().map(|(name, value)| format!("{name}={value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn places_that_were_given_are_kept_and_the_rest_is_not() {
        let given = [
            ("HOME", "/home/op"),
            ("PATH", "/home/op/bin:/opt/x"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("XDG_DATA_HOME", "/srv/data"),
            ("XDG_CONFIG_HOME", "relative"),
            ("WNM_NODE_CAP", "3"),
        ];
        insta::assert_snapshot!(rendered(&given, "user", Some("/usr/bin/ant-node")), @"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        XDG_RUNTIME_DIR=/run/user/7
        XDG_DATA_HOME=/srv/data
        ");
        insta::assert_snapshot!(rendered(&given, "system", Some("/opt/ant/ant-node")), @"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/ant");
        let elsewhere = [("HOME", "/srv/home"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        insta::assert_snapshot!(rendered(&elsewhere, "user", Some("/srv/home/.local/bin/ant-node")), @"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        XDG_RUNTIME_DIR=/run/user/7
        HOME=/srv/home
        ");
    }
}
