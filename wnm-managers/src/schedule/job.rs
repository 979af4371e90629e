//! What shall be run again and again, and how what is there differs from that.

use std::path::PathBuf;

use serde::Serialize;
use wnm_core::host::HostResult;

use super::{Every, Schedule};

/// A cycle to be run, with everything it needs: neither a timer nor cron knows a login's
/// environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The wnm to run, by its absolute path.
    pub program: PathBuf,
    /// With these arguments.
    pub arguments: Vec<String>,
    /// And these variables.
    pub environment: Vec<(String, String)>,
    /// As whom, where the schedule itself belongs to root: the operator, unless that is root.
    pub user: Option<String>,
    /// How often.
    pub every: Every,
}

/// A file, or a part of one, that makes a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// A path, or whose crontab.
    pub place: String,
    /// All of its text.
    pub text: String,
}

/// What is there, compared with what would be written now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The interval in seconds, where all else is as it would be.
    pub every: Option<u32>,
    /// Else lines that are there with `-`, and lines that would be there with `+`.
    pub lines: Vec<String>,
}

/// The program that what was found would run, as far as it can be read out of the text.
pub fn program_of(found: &[Piece]) -> Option<PathBuf> {
    found.iter().flat_map(|piece| piece.text.lines()).find_map(|line| {
        let words = shell_words::split(line).ok()?;
        let before_its_arguments =
            words.iter().position(|word| word == "--scope")?.checked_sub(1)?;
        let word = &words[before_its_arguments];
        Some(match word.strip_prefix("ExecStart=") {
            Some(program) => program.replace("%%", "%").into(),
            None => word.into(),
        })
    })
}

/// Compares `found` with what would be written for `job`, whatever its interval.
pub fn drift(schedule: &dyn Schedule, found: &[Piece], job: &Job) -> HostResult<Drift> {
    for every in Every::ALL {
        // An interval that this kind cannot have is not what was found either.
        let wanted = schedule.pieces(&Job { every, ..job.clone() });
        if wanted.is_ok_and(|wanted| wanted == found) {
            return Ok(Drift { every: Some(every.seconds()), lines: Vec::new() });
        }
    }
    let wanted = schedule.pieces(job)?;
    let mut lines = Vec::new();
    for place in places(found, &wanted) {
        let (old, new) = (text_at(found, place), text_at(&wanted, place));
        let gone = old.lines().filter(|line| !new.lines().any(|other| other == *line));
        let come = new.lines().filter(|line| !old.lines().any(|other| other == *line));
        lines.extend(gone.map(|line| format!("- {line}")));
        lines.extend(come.map(|line| format!("+ {line}")));
    }
    if lines.is_empty() {
        lines.push("the same lines in another order, or more than once".to_owned());
    }
    Ok(Drift { every: None, lines })
}

fn places<'a>(found: &'a [Piece], wanted: &'a [Piece]) -> Vec<&'a str> {
    let mut places: Vec<&str> = Vec::new();
    for piece in wanted.iter().chain(found) {
        if !places.contains(&piece.place.as_str()) {
            places.push(&piece.place);
        }
    }
    places
}

fn text_at<'a>(pieces: &'a [Piece], place: &str) -> &'a str {
    pieces.iter().find(|piece| piece.place == place).map_or("", |piece| &piece.text)
}
