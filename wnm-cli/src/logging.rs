//! What happens inside, on standard error, when asked for.

use tracing::level_filters::LevelFilter;

use crate::error::CliError;
use crate::settings::Environment;

/// `-v` shows what is done, `-vv` every command that is run; `WNM_LOG` sets a level by name.
pub(crate) fn start(verbose: u8, environment: &Environment) -> Result<(), CliError> {
    let named = environment.get("WNM_LOG").map(|text| {
        let wrong = format!("WNM_LOG is `{text}`: give off, error, warn, info, debug or trace");
        text.parse().map_err(|_| CliError::usage(wrong))
    });
    let named: Option<LevelFilter> = named.transpose()?;
    let level = match (verbose, named) {
        (0, Some(level)) => level,
        (0, None) => LevelFilter::WARN,
        (1, _) => LevelFilter::INFO,
        (_, _) => LevelFilter::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        // Else it panics where standard error is a file on a full disk, in the middle of a step.
        .log_internal_errors(false)
        .finish();
    // A second subscriber is refused, which only happens when tests start several runs.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}
