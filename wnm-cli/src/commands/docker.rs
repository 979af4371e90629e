//! `wnm docker`: the image of containers; and what runs inside a container that nodes share.

use std::env;
use std::path::Path;
use std::sync::Arc;

use wnm_core::host::Store;
use wnm_core::model::{Manager, Program, Scope};
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_managers::{Image, SystemRunner, build_image, probe_antctl, supervise};

use super::Context;
use super::init::binary;
use crate::args::{DockerCommand, ImageArgs, SuperviseArgs};
use crate::compose::{Access, antctl_program, open_store};
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::output;

pub(super) fn run(context: &Context<'_>, command: &DockerCommand) -> Result<Exit, CliError> {
    match command {
        DockerCommand::Image(args) => image(context, args),
    }
}

/// It is made before `init` as well, which insists on it.
fn image(context: &Context<'_>, args: &ImageArgs) -> Result<Exit, CliError> {
    let mut draft = in_force(context)?;
    // Where nodes are kept so, the small image would take the place of the one they need.
    let manager = draft.text(Setting::Manager).parse();
    let is_needed = manager.is_ok_and(|it: Manager| it.kind.counts_in_containers());
    let with_antctl = args.antctl || is_needed;
    if with_antctl {
        // antctl keeps one program only.
        draft = draft.with(Setting::Program, Program::Antnode.binary_name());
    }
    let program = draft
        .text(Setting::Program)
        .parse()
        .map_err(|error| CliError::usage(format!("{}: {error}", Setting::Program)))?;
    let release =
        binary(context, program, &draft).map_err(|why| CliError::new(Exit::Failed, why))?;
    let this = env::current_exe().map_err(|error| {
        CliError::new(Exit::Failed, format!("cannot tell where this program lies: {error}"))
    })?;
    // The program itself runs in containers that nodes share.
    let mut image = Image::of(&SystemRunner, &[&release.path, &this])?;
    if with_antctl {
        let antctl = antctl_program(&draft, context.environment);
        probe_antctl(&SystemRunner, &antctl)?;
        image = image.with_antctl(&SystemRunner, Path::new(&antctl))?;
    }
    if !args.build {
        output::print(image.dockerfile().trim_end());
        let option = if with_antctl { " --antctl" } else { "" };
        output::say(&format!(
            "`wnm docker image{option} --build` makes it; with Docker's own builder / is its context"
        ));
        return Ok(Exit::Done);
    }
    let tag = args.tag.as_deref().unwrap_or(draft.text(Setting::DockerImage));
    let command = draft.text(Setting::DockerCommand);
    let as_root = context.paths.scope == Scope::System;
    let id = build_image(Arc::new(SystemRunner), command, as_root, &image, tag)?;
    output::print(&id);
    output::say(&format!("made the image {tag} of {} files", image.files.len()));
    if tag != draft.text(Setting::DockerImage) {
        output::say(&format!(
            "containers are made from it with `wnm config set docker_image {tag}`"
        ));
    }
    Ok(Exit::Done)
}

/// The stored settings, where there are any yet, under those of this run.
fn in_force(context: &Context<'_>) -> Result<PolicyDraft, CliError> {
    let merged = context.layers.merged();
    match open_store(&context.paths, Access::Read) {
        Ok(store) => Ok(store.load()?.draft.under(&merged)),
        Err(error) if error.exit == Exit::NotInitialised => Ok(merged),
        Err(error) => Err(error),
    }
}

pub(super) fn keep(args: &SuperviseArgs) -> Result<Exit, CliError> {
    let stop = interrupt::listen();
    supervise(&args.orders, &|| stop.is_asked());
    Ok(Exit::Done)
}
