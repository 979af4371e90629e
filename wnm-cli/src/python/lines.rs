//! From what was given to lines of ours. What an action does is never widened: where both tools
//! differ, the milder meaning is taken, or none.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use wnm_core::policy::Setting;

use super::given::{Given, refused};
use super::options::{Becomes, OPTIONS};
use super::{Translation, World, names, settings};
use crate::args::Cli;
use crate::error::CliError;
use crate::exit::Exit;

/// Options that mean something with an action or a report only.
const OF_ACTIONS: [&str; 5] = ["confirm", "service_name", "count", "report_format", "json"];
/// The same under the names of the environment, where they say which nodes, and what with them.
const NOT_FROM_ENVIRONMENT: [&str; 5] =
    ["FORCE_ACTION", "REPORT", "SERVICE_NAME", "COUNT", "REPORT_FORMAT"];

pub(super) fn is_command(word: &str) -> bool {
    Cli::command().find_subcommand(word).is_some()
}

fn has_option(command: &str, option: &str) -> bool {
    let cli = Cli::command();
    let found = cli.find_subcommand(command);
    found.is_some_and(|found| found.get_arguments().any(|arg| arg.get_long() == Some(option)))
}

/// One line that says what an old one is now.
pub(super) fn notice(translation: &Translation) -> String {
    match form(translation) {
        none if none.is_empty() => "note: this is the Python tool's command line".to_owned(),
        form => format!("note: this is the Python tool's command line; now it is `{form}`"),
    }
}

/// The new lines as one would type them.
fn form(translation: &Translation) -> String {
    let lines = translation.lines.iter().map(|line| format!("wnm {}", shell_words::join(line)));
    lines.collect::<Vec<_>>().join(" && ")
}

pub(super) fn translate(given: &Given, world: &World) -> Result<Translation, CliError> {
    refuse_environment(given, world)?;
    let mut made = Translation { lines: Vec::new(), notes: notes(given) };
    let dry = given.has("dry_run") || world.variables.get("DRY_RUN").is_some_and(|it| is_on(it));
    let what = ["init", "remove_lockfile", "force_action", "report"];
    let what: Vec<&str> = what.into_iter().filter(|name| given.has(name)).collect();
    match what[..] {
        [] => cycle(given, dry, &mut made)?,
        ["init"] if dry => return Err(refused("--dry_run and --init exclude each other".into())),
        ["init"] => init(given, &mut made)?,
        ["remove_lockfile"] => made
            .notes
            .push("note: nothing was done: the lock of a killed run is gone with it".to_owned()),
        ["report"] => made.lines.push(report(given)?),
        ["force_action", "report"] if given.text("force_action") == Some("survey") => {
            made.lines.push(vec!["survey".to_owned(), "--quiet".to_owned()]);
            made.lines.push(report(given)?);
        }
        ["force_action"] => action(given, &mut made)?,
        _ => {
            let all = what.iter().map(|name| format!("--{name}")).collect::<Vec<_>>();
            return Err(refused(format!("{} exclude each other", all.join(" and "))));
        }
    }
    if dry && what.first() == Some(&"force_action") {
        made.notes.push(format!("note: a dry run: `{}` was not run", form(&made)));
        made.lines.clear();
    }
    let before = before(given, world)?;
    for line in &mut made.lines {
        line.splice(0..0, before.iter().cloned());
    }
    Ok(made)
}

fn is_on(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "true" | "yes" | "1")
}

/// The Python tool let a stray variable choose what is done, and with which nodes. To pass over
/// one that is meant would do something else than before, and to other nodes.
fn refuse_environment(given: &Given, world: &World) -> Result<(), CliError> {
    let is_set = |name: &&&str| world.variables.get(**name).is_some_and(|text| !text.is_empty());
    let acts = given.has("force_action") || given.has("report");
    let matters = |name: &&&str| match **name {
        "FORCE_ACTION" | "REPORT" => !acts && !given.has("init") && !given.has("remove_lockfile"),
        name => acts && !given.has(&name.to_lowercase()),
    };
    match NOT_FROM_ENVIRONMENT.iter().filter(is_set).find(matters) {
        None => Ok(()),
        Some(name) => {
            let option = name.to_lowercase();
            Err(refused(format!("the environment variable {name} is set, which is no longer read"))
                .hint(format!("unset it, or give --{option} on the command line")))
        }
    }
}

/// What was given and has no effect, a line each.
fn notes(given: &Given) -> Vec<String> {
    let given = OPTIONS.iter().filter(|old| given.has(old.name));
    let without = given.filter_map(|old| match old.becomes {
        Becomes::Nothing(why) => Some(format!("note: --{} has no effect: {why}", old.name)),
        Becomes::Setting(key) if key.parse::<Setting>().is_err() => {
            Some(format!("note: --{} has no effect: there is no such setting yet", old.name))
        }
        Becomes::Setting(_) | Becomes::Line => None,
    });
    without.collect()
}

/// What goes in front of every command: the scope, the file, how much is said.
fn before(given: &Given, world: &World) -> Result<Vec<String>, CliError> {
    let mut words = given.ours.clone();
    if !words.iter().any(|word| word.starts_with("--scope")) {
        let scope = scope(given, world)?;
        words.extend(
            scope.map(|scope| ["--scope".to_owned(), scope.to_owned()]).into_iter().flatten(),
        );
    }
    if let Some(file) = given.text("config") {
        words.extend(["--config".to_owned(), file.to_owned()]);
    }
    if given.text("loglevel").is_some_and(|level| level.eq_ignore_ascii_case("debug")) {
        words.push("-vv".to_owned());
    }
    Ok(words)
}

/// By the place of the store, else by the manager.
fn scope(given: &Given, world: &World) -> Result<Option<&'static str>, CliError> {
    let variable = world.variables.get("DBPATH").map(String::as_str);
    if let Some(path) = given.text("dbpath").or(variable.filter(|path| !path.is_empty())) {
        return store(path, world).map(Some);
    }
    let manager = given.text("process_manager").unwrap_or_default();
    Ok(match manager.rsplit_once('+') {
        Some((_, "sudo")) => Some("system"),
        Some((_, "user" | "zen")) => Some("user"),
        _ => None,
    })
}

fn store(path: &str, world: &World) -> Result<&'static str, CliError> {
    let bare = path.strip_prefix("sqlite:///").unwrap_or(path);
    let home = world.variables.get("HOME").map_or("~", String::as_str);
    let expanded = match bare.strip_prefix('~') {
        Some(rest) => format!("{home}{rest}"),
        None => bare.replace("${HOME}", home).replace("$HOME", home),
    };
    let is = |store: &Option<PathBuf>| store.as_deref() == Some(Path::new(&expanded));
    match &world.stores {
        [user, _] if is(user) => Ok("user"),
        [_, system] if is(system) => Ok("system"),
        [user, system] => {
            let both = [user, system].into_iter().flatten().map(|path| path.display().to_string());
            let both = both.collect::<Vec<_>>().join(" or ");
            Err(refused(format!("dbpath is `{path}`, but a store lies at {both}"))
                .hint("XDG_DATA_HOME decides where the one of a user lies"))
        }
    }
}

/// `key` and `value` of every setting that was given and that this version has.
fn given_settings(given: &Given) -> Vec<(Setting, String)> {
    let given = OPTIONS.iter().filter_map(|old| Some((old, given.text(old.name)?)));
    given.filter_map(|(old, text)| settings::setting(old, text)).collect()
}

/// `--key value`, or `--key=value` for switches and for what looks like an option.
fn as_options(settings: &[(Setting, String)]) -> Vec<String> {
    let option = |(setting, text): &(Setting, String)| match (setting, text.as_str()) {
        (Setting::NoUpnp, "on") => vec![format!("--{}", setting.option())],
        (Setting::NoUpnp, text) => vec![format!("--{}={text}", setting.option())],
        // Where it may be repeated, each is one word already.
        (Setting::NodeStorage, text) => {
            let words = shell_words::split(text).unwrap_or_default();
            vec![format!("--{}", setting.option()), words.concat()]
        }
        // Split like a shell does, as its units did.
        (Setting::Environment, text) => {
            let words = shell_words::split(text).unwrap_or_else(|_| vec![text.to_owned()]);
            let option = format!("--{}", setting.option());
            words.into_iter().flat_map(|word| [option.clone(), word]).collect()
        }
        (_, text) => vec![format!("--{}", setting.option()), text.to_owned()],
    };
    settings.iter().flat_map(option).collect()
}

/// The settings are stored, as they were. A cap that would cost nodes is not: there it stopped
/// nodes, here it would delete their data.
fn config_set(settings: &[(Setting, String)]) -> Vec<String> {
    let words = settings.iter().map(|(setting, text)| format!("{setting}={text}"));
    ["config", "set", "--keep-nodes"].map(str::to_owned).into_iter().chain(words).collect()
}

/// A line without an action: the settings are stored, then a cycle runs. A cap that is not stored
/// because it would cost nodes holds for this cycle, which stops them.
fn cycle(given: &Given, dry: bool, made: &mut Translation) -> Result<(), CliError> {
    if let Some(name) = OF_ACTIONS[..4].iter().find(|name| given.has(name)) {
        return Err(refused(format!("--{name} goes with --force_action or --report only")));
    }
    if given.has("enable_upgrade") && !has_option("run", "upgrade-mode") {
        made.notes.push(
            "note: --enable_upgrade has no effect: node programs upgrade themselves today".into(),
        );
    }
    let settings = given_settings(given);
    if !settings.is_empty() && !dry {
        made.lines.push(config_set(&settings));
    }
    let mut line = vec!["run".to_owned()];
    line.extend(dry.then(|| "--dry-run".to_owned()));
    let for_this_run = |(setting, _): &(Setting, String)| dry || *setting == Setting::NodeCap;
    let settings: Vec<_> = settings.into_iter().filter(for_this_run).collect();
    line.extend(as_options(&settings));
    if given.has("enable_upgrade") && has_option("run", "upgrade-mode") {
        line.extend(["--upgrade-mode".to_owned(), "managed".to_owned()]);
    }
    made.lines.push(line);
    Ok(())
}

fn init(given: &Given, made: &mut Translation) -> Result<(), CliError> {
    let mut line = vec!["init".to_owned()];
    for (old, new) in [("import", "import"), ("migrate_anm", "migrate-anm")] {
        match (given.has(old), has_option("init", new)) {
            (false, _) => {}
            (true, true) => line.push(format!("--{new}")),
            (true, false) => {
                return Err(refused(format!("--{old} is not supported by this version")));
            }
        }
    }
    if given.text("host").is_some_and(|host| !matches!(host, "127.0.0.1" | "localhost")) {
        return Err(refused("--host: nodes are looked at on this machine only".into()));
    }
    // There was no other program then.
    line.extend(["--program".to_owned(), "antnode".to_owned()]);
    line.extend(as_options(&given_settings(given)));
    made.lines.push(line);
    Ok(())
}

fn report(given: &Given) -> Result<Vec<String>, CliError> {
    let name = given.text("report").unwrap_or_default();
    let mut line = vec!["report".to_owned(), name.to_owned()];
    let format = match given.has("json") {
        true => Some("json"),
        false => given.text("report_format"),
    };
    if let Some(format) = format {
        line.extend(["--format".to_owned(), format.to_owned()]);
    }
    if let Some(list) = given.text("service_name") {
        line.extend(names::nodes(list)?);
    }
    Ok(line)
}

fn action(given: &Given, made: &mut Translation) -> Result<(), CliError> {
    let action = given.text("force_action").unwrap_or_default();
    let settings = given_settings(given);
    let word = |word: &str| vec![word.to_owned()];
    match action {
        "add" => made.lines.push([word("add"), count(given)?].concat()),
        "remove" => {
            let mut line = [word("remove"), which(given)?].concat();
            line.extend(given.has("confirm").then(|| "--confirm".to_owned()));
            made.lines.push(line);
        }
        "start" | "stop" => made.lines.push([word(action), which(given)?].concat()),
        "upgrade" if is_command("upgrade") => {
            made.lines.push([word("upgrade"), which(given)?].concat());
        }
        "upgrade" => {
            return Err(refused("--force_action upgrade is not supported by this version".into())
                .hint("node programs upgrade themselves today"));
        }
        "disable" => {
            let Some(list) = given.text("service_name") else {
                return Err(refused("--force_action disable needs --service_name".into()));
            };
            let nodes = names::nodes(list)?;
            made.lines.push([word("stop"), nodes.clone()].concat());
            made.lines.push([word("disable"), nodes].concat());
        }
        "survey" => {
            let nodes = given.text("service_name").map(names::nodes).transpose()?;
            made.lines.push([word("survey"), nodes.unwrap_or_default()].concat());
        }
        "teardown" if !given.has("confirm") => {
            let error = CliError::new(Exit::Refused, "--force_action teardown needs --confirm");
            return Err(error.hint("nothing was done"));
        }
        // There it left settings and database, so here it must not take them.
        "teardown" => {
            made.lines.push(["remove", "--all", "--confirm"].map(str::to_owned).to_vec());
            made.notes.push(
                "note: settings, store and disabled nodes stay, and the next cycle adds nodes \
                 again; `wnm teardown --confirm` ends everything"
                    .to_owned(),
            );
        }
        "nullop" | "update_config" if settings.is_empty() => {}
        "nullop" | "update_config" => {
            made.lines.push(config_set(&settings));
        }
        "disable_config" if given.has("no_upnp") => {
            made.lines.push(["config", "set", "no_upnp=off"].map(str::to_owned).to_vec());
        }
        "disable_config" => {}
        "wnm-db-migration" => {
            return Err(refused("--force_action wnm-db-migration is not needed any more".into()));
        }
        other => {
            return Err(refused(format!("--force_action is `{other}`")).hint(
                "it was add, remove, upgrade, start, stop, disable, survey, teardown, nullop, \
                 update_config or disable_config",
            ));
        }
    }
    let stores = matches!(action, "nullop" | "update_config" | "disable_config");
    if !settings.is_empty() && !stores {
        made.lines.insert(0, config_set(&settings));
    }
    Ok(())
}

fn which(given: &Given) -> Result<Vec<String>, CliError> {
    match given.text("service_name") {
        Some(list) => names::nodes(list),
        None => count(given),
    }
}

/// One, unless it was said otherwise.
fn count(given: &Given) -> Result<Vec<String>, CliError> {
    let text = given.text("count").unwrap_or("1");
    match text.parse::<u32>() {
        Ok(number) if number >= 1 => Ok(vec!["--count".to_owned(), number.to_string()]),
        _ => Err(refused(format!("--count is `{text}`: give a whole number of at least 1"))),
    }
}
