//! A block of ours in a crontab: pure.

use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{Scope, Timestamp};
use wnm_core::observe::FaultKind;

use super::super::{Every, Job};

/// A crontab, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// All that is not ours, byte for byte.
    pub(super) others: String,
    /// Our block; more than one where somebody copied it.
    pub(super) blocks: Vec<String>,
    /// Where the first of them stood among the others.
    place: Option<usize>,
}

fn begin(scope: Scope) -> String {
    format!("# wnm, {scope} scope: begin.")
}

fn end(scope: Scope) -> String {
    format!("# wnm, {scope} scope: end.")
}

/// Takes `text` apart. A block without an end is an error: nobody could say what is ours.
pub(super) fn split(text: &str, scope: Scope) -> HostResult<Parts> {
    let (begin, end) = (begin(scope), end(scope));
    let mut parts = Parts::default();
    let mut open: Option<String> = None;
    for line in text.split_inclusive('\n') {
        match &mut open {
            Some(_) if line.starts_with(&begin) => break,
            Some(block) => {
                block.push_str(line);
                if line.starts_with(&end) {
                    parts.blocks.extend(open.take());
                }
            }
            None if line.starts_with(&begin) => {
                parts.place.get_or_insert(parts.others.len());
                open = Some(line.to_owned());
            }
            None => parts.others.push_str(line),
        }
    }
    match open {
        None => Ok(parts),
        Some(_) => {
            let op = format!(
                "the crontab has a line `{begin}…` without a line `{end}` after it: mend that with \
                 `crontab -e`"
            );
            Err(HostError::new(op, FaultKind::Garbled))
        }
    }
}

impl Parts {
    /// The crontab with `block` as our only one: where the first stood, else at the end.
    pub(super) fn with(&self, block: &str) -> String {
        let (before, after) = self.others.split_at(self.place.unwrap_or(self.others.len()));
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        format!("{before}{gap}{block}{after}")
    }
}

/// Our block: one line between two marks.
///
/// - `env`, because a line of the crontab that sets a variable would set it for all that follow, and
///   because the user's shell may be any.
/// - Without its output, which cron would mail every minute; `wnm history` tells what was done.
pub(super) fn block(job: &Job, scope: Scope) -> HostResult<String> {
    let refused = |why: String| HostError::new(why, FaultKind::Refused);
    let Some(minutes) = job.every.minutes() else {
        let why = format!("a crontab knows minutes only: every {} needs --systemd", job.every);
        return Err(refused(why));
    };
    let variables = job.environment.iter().map(|(key, value)| format!("{key}={value}"));
    let program = job.program.to_string_lossy().into_owned();
    let words: Vec<String> = std::iter::once("/usr/bin/env".to_owned())
        .chain(variables)
        .chain([program])
        .chain(job.arguments.iter().cloned())
        .collect();
    // cron treats a backslash before a percent sign in ways that differ between its versions.
    if let Some(word) = words.iter().find(|word| word.contains(['\\', '\n', '\r'])) {
        return Err(refused(format!("`{word}` cannot be written in a crontab: use --systemd")));
    }
    let when = if minutes == 1 { "*".to_owned() } else { format!("*/{minutes}") };
    let command = shell_words::join(words).replace('%', "\\%");
    Ok(format!(
        "{} Made by `wnm schedule install`; changes are overwritten.\n\
         {when} * * * * {command} >/dev/null 2>&1\n{}\n",
        begin(scope),
        end(scope),
    ))
}

/// When a block of ours fires next: at the full minute that its line names.
pub(super) fn next(block: &str, now: Timestamp) -> Option<Timestamp> {
    let line = block.lines().find(|line| !line.starts_with('#'))?;
    let minutes = |every: &Every| match every.minutes()? {
        1 if line.starts_with("* ") => Some(1),
        minutes if line.starts_with(&format!("*/{minutes} ")) => Some(minutes),
        _ => None,
    };
    let step = i64::from(Every::ALL.iter().find_map(minutes)?) * 60_000;
    Some(Timestamp((now.0.div_euclid(step) + 1) * step))
}

/// Lines of others that run a program called wnm.
pub(super) fn runs_wnm(others: &str) -> Vec<String> {
    let is_wnm = |word: &str| word.rsplit('/').next() == Some("wnm");
    let is_apart = |c: char| c.is_whitespace() || ";&|()\"'".contains(c);
    let lines = others.lines().filter(|line| !line.trim_start().starts_with('#'));
    let running = lines.filter(|line| line.split(is_apart).any(is_wnm));
    running.map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::tests::job;
    use super::*;

    fn ours() -> String {
        block(&job(), Scope::User).expect("it can be written")
    }

    #[test]
    fn one_line_between_two_marks() {
        insta::assert_snapshot!(ours(), @"
        # wnm, user scope: begin. Made by `wnm schedule install`; changes are overwritten.
        * * * * * /usr/bin/env 'PATH=/usr/local/bin:/usr/bin:/bin' /home/op/.cargo/bin/wnm --scope user run >/dev/null 2>&1
        # wnm, user scope: end.
        ");
        let mut other = job();
        other.every = Every::ALL[6];
        other.environment = vec![("XDG_DATA_HOME".into(), "/d e/50%".into())];
        let text = block(&other, Scope::System).expect("it can be written");
        insta::assert_snapshot!(text, @r"
        # wnm, system scope: begin. Made by `wnm schedule install`; changes are overwritten.
        */2 * * * * /usr/bin/env 'XDG_DATA_HOME=/d e/50\%' /home/op/.cargo/bin/wnm --scope user run >/dev/null 2>&1
        # wnm, system scope: end.
        ");
    }

    #[test]
    fn what_a_crontab_cannot_say_is_refused() {
        let mut seconds = job();
        seconds.every = Every::ALL[0];
        let mut backslash = job();
        backslash.program = "/a\\b/wnm".into();
        for (job, why) in [(seconds, "minutes only"), (backslash, "cannot be written")] {
            let refused = block(&job, Scope::User).expect_err("refused");
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }

    #[test]
    fn others_stay_and_both_scopes_live_side_by_side() {
        let others = "# mine\nMAILTO=me\n5 4 * * * backup --all % x\n";
        let system = block(&job(), Scope::System).expect("it can be written");
        let text = format!("{others}{system}");
        let parts = split(&text, Scope::User).expect("sound");
        assert_eq!((parts.others.as_str(), parts.blocks.len()), (text.as_str(), 0));
        let both = parts.with(&ours());
        assert_eq!(both, format!("{text}{}", ours()));
        let parts = split(&both, Scope::System).expect("sound");
        assert_eq!(parts.others, format!("{others}{}", ours()));
        assert_eq!(parts.blocks, [system]);
    }

    #[test]
    fn a_block_is_replaced_where_it_stood_and_copies_go() {
        let old = ours().replace("* * * * *", "*/2 * * * *");
        let text = format!("a\n{old}b\n{old}c");
        let parts = split(&text, Scope::User).expect("sound");
        assert_eq!((parts.others.as_str(), parts.blocks.len()), ("a\nb\nc", 2));
        assert_eq!(parts.with(&ours()), format!("a\n{}b\nc", ours()));
    }

    #[test]
    fn a_block_without_an_end_is_nobodys_guess() {
        let torn = ours().lines().take(2).collect::<Vec<_>>().join("\n");
        for text in [torn.clone(), format!("{torn}\n{}", ours())] {
            let refused = split(&text, Scope::User).expect_err("refused");
            assert_eq!(refused.kind, FaultKind::Garbled, "{text}");
        }
    }

    #[test]
    fn the_next_full_minute() {
        let at = |line: &str, now| next(&ours().replace("* * * * *", line), Timestamp(now));
        assert_eq!(at("* * * * *", 61_000), Some(Timestamp(120_000)));
        assert_eq!(at("* * * * *", 120_000), Some(Timestamp(180_000)));
        assert_eq!(at("*/2 * * * *", 130_000), Some(Timestamp(240_000)));
        assert_eq!(at("5 4 * * *", 130_000), None);
    }

    #[test]
    fn lines_of_others_that_run_wnm_are_seen() {
        let text = "# * * * * * wnm run\n* * * * * /home/me/.cargo/bin/wnm run >/dev/null\n\
                    1 * * * * cd /x && wnm --force_action add;true\n2 * * * * echo wnm-backup\n";
        assert_eq!(runs_wnm(text).len(), 2, "{:?}", runs_wnm(text));
    }

    proptest! {
        /// Whatever is in a crontab comes back byte for byte, and installing twice changes nothing.
        #[test]
        fn others_come_back(lines in prop::collection::vec("[ -~äé\t]{0,20}", 0..8), open: bool) {
            let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if open && !text.is_empty() {
                text.pop();
            }
            prop_assume!(!text.contains("# wnm, user scope"));
            let installed = split(&text, Scope::User).expect("sound").with(&ours());
            let parts = split(&installed, Scope::User).expect("sound");
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            prop_assert_eq!(&parts.others, &format!("{text}{newline}"));
            prop_assert_eq!(parts.with(&ours()), installed);
        }
    }
}
