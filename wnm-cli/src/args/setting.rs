//! Every setting as an option, from the table in core: a new row there is a new option here.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use wnm_core::policy::{PolicyDraft, Setting};

/// The settings given on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingArgs {
    pub(crate) draft: PolicyDraft,
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        Setting::ALL.iter().fold(command, |command, setting| command.arg(option(*setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn option(setting: Setting) -> Arg {
    let mut help = setting.help().to_owned();
    if !setting.default_text().is_empty() && setting != Setting::DonateAddress {
        help.push_str(&format!(" [default: {}]", setting.default_text()));
    }
    let arg = Arg::new(setting.key())
        .long(setting.option())
        .value_name("VALUE")
        .help(help)
        .help_heading("Settings")
        .allow_hyphen_values(true);
    let arg = if setting.key().contains('_') { arg.alias(setting.key()) } else { arg };
    // What the Python tool called them.
    let arg = match setting {
        Setting::Manager => arg.aliases(["process_manager", "process-manager"]),
        Setting::NodeBinary => arg.aliases(["antnode_path", "antnode-path"]),
        _ => arg,
    };
    match setting {
        Setting::NoUpnp | Setting::RestartMute => {
            // A switch: bare it means on, and `=off` takes it back.
            arg.num_args(0..=1).require_equals(true).default_missing_value("on")
        }
        _ if setting.is_list() => arg.action(ArgAction::Append),
        _ => arg,
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SettingArgs, Error> {
        let mut draft = PolicyDraft::default();
        for setting in Setting::ALL {
            if let Some(values) = matches.get_many::<String>(setting.key()) {
                let values: Vec<String> = values.cloned().collect();
                draft = draft.with(*setting, setting.join(&values));
            }
        }
        Ok(SettingArgs { draft })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.draft = self.draft.under(&SettingArgs::from_arg_matches(matches)?.draft);
        Ok(())
    }
}
