//! Where values come from: command line over environment over file over store over default.

mod env;
pub(crate) mod file;
mod paths;

pub(crate) use env::Environment;
pub(crate) use paths::Paths;

use std::path::Path;

use wnm_core::policy::{PolicyDraft, Setting};

use crate::args::Global;
use crate::error::CliError;

/// Where a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    Store,
    OldFile,
    File,
    OldEnvironment,
    Environment,
    CommandLine,
}

impl Source {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::Store => "store",
            Source::OldFile => "the Python tool's file",
            Source::File => "file",
            Source::OldEnvironment => "environment, by the Python tool's name",
            Source::Environment => "environment",
            Source::CommandLine => "command line",
        }
    }
}

/// The layers above the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) old_file: PolicyDraft,
    pub(crate) file: PolicyDraft,
    pub(crate) old_environment: PolicyDraft,
    pub(crate) environment: PolicyDraft,
    pub(crate) command_line: PolicyDraft,
    /// What is to be said about where they come from.
    pub(crate) warnings: Vec<String>,
}

impl Layers {
    pub(crate) fn read(
        global: &Global,
        environment: &Environment,
        paths: &Paths,
        command_line: &PolicyDraft,
    ) -> Result<Layers, CliError> {
        let files =
            file::read(global.config.as_deref(), &paths.config_file, &paths.old_config_files)?;
        Ok(Layers {
            old_file: files.old,
            file: files.ours,
            old_environment: environment.old_draft(),
            environment: environment.draft()?,
            command_line: command_line.clone(),
            warnings: files.warnings,
        })
    }

    /// All of them as one.
    pub(crate) fn merged(&self) -> PolicyDraft {
        let files = self.old_file.under(&self.file);
        files.under(&self.old_environment).under(&self.environment).under(&self.command_line)
    }

    /// What differs from the store: a value that says the same as the store is no override, and
    /// takes nothing from what the stored one may do.
    pub(crate) fn overrides(&self, stored: &PolicyDraft) -> PolicyDraft {
        let mut merged = self.merged();
        merged.values.retain(|setting, text| stored.text(*setting) != text);
        merged
    }

    /// Where a value above the store stands, in words.
    pub(crate) fn origin(
        &self,
        setting: Setting,
        environment: &Environment,
        file: &Path,
    ) -> Option<String> {
        let place = match self.provenance(&PolicyDraft::default(), setting).1 {
            Source::Environment => format!("the environment variable {}", ours(setting)),
            Source::OldEnvironment => {
                let name = environment.old_name(setting);
                format!("the environment variable {}", name.unwrap_or_else(|| ours(setting)))
            }
            Source::File => file.display().to_string(),
            Source::OldFile => "a file of the Python tool".to_owned(),
            Source::CommandLine | Source::Store | Source::Default => return None,
        };
        Some(format!("{setting} comes from {place}"))
    }

    /// The value in force, and where it comes from.
    pub(crate) fn provenance(&self, stored: &PolicyDraft, setting: Setting) -> (String, Source) {
        let layers = [
            (&self.command_line, Source::CommandLine),
            (&self.environment, Source::Environment),
            (&self.old_environment, Source::OldEnvironment),
            (&self.file, Source::File),
            (&self.old_file, Source::OldFile),
            (stored, Source::Store),
        ];
        for (draft, source) in layers {
            if let Some(text) = draft.values.get(&setting) {
                return (text.clone(), source);
            }
        }
        (setting.default_text().to_owned(), Source::Default)
    }
}

fn ours(setting: Setting) -> String {
    format!("WNM_{}", setting.key().to_uppercase())
}
