//! The units as text, and what systemd says of them: pure.

use wnm_core::model::Timestamp;

use super::super::{Every, Job};
use crate::systemd::{assignment, quote};

pub(super) const SERVICE: &str = "wnm.service";
pub(super) const TIMER: &str = "wnm.timer";

/// The first line of both.
const MARK: &str = "# Made by `wnm schedule install`. Changes are overwritten.";

pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with(MARK)
}

/// - `KillMode=process`: nodes that wnm started outside of units of their own survive the cycle.
/// - A cycle has limits for everything it waits for; one that hangs all the same would hold the
///   lock for ever, and killing it loses nothing.
/// - Started once in ten seconds at most, so a start limit would only get in the way.
pub(super) fn service(job: &Job) -> String {
    let mut lines = vec![
        MARK.to_owned(),
        "[Unit]".to_owned(),
        "Description=One cycle of wnm, which takes care of Autonomi nodes".to_owned(),
        "StartLimitIntervalSec=0".to_owned(),
        String::new(),
        "[Service]".to_owned(),
        "Type=oneshot".to_owned(),
        format!("ExecStart={}", command_line(job)),
    ];
    lines.extend(job.user.as_ref().map(|user| format!("User={user}")));
    let environment = job.environment.iter();
    lines.extend(environment.map(|(key, value)| format!("Environment={}", assignment(key, value))));
    lines.extend([
        "# Another cycle was running: nothing is wrong.".to_owned(),
        "SuccessExitStatus=3".to_owned(),
        "KillMode=process".to_owned(),
        "TimeoutStartSec=1h".to_owned(),
        "UMask=0077".to_owned(),
        String::new(),
    ]);
    lines.join("\n")
}

/// - `AccuracySec`: systemd would move it by up to a minute otherwise.
/// - The delay differs from machine to machine and stays the same on each.
pub(super) fn timer(every: Every) -> String {
    format!(
        "{MARK}\n[Unit]\nDescription=Runs wnm every {every}\n\n[Timer]\nOnCalendar={}\n\
         Persistent=yes\nAccuracySec=1s\nRandomizedDelaySec={}s\nFixedRandomDelay=yes\n\n\
         [Install]\nWantedBy=timers.target\n",
        calendar(every),
        (every.seconds() / 10).min(5),
    )
}

fn calendar(every: Every) -> String {
    match (every.minutes(), every.seconds()) {
        (Some(1), _) => "*-*-* *:*:00".to_owned(),
        (Some(minutes), _) => format!("*-*-* *:0/{minutes}:00"),
        (None, seconds) => format!("*-*-* *:*:0/{seconds}"),
    }
}

fn command_line(job: &Job) -> String {
    let program = quote(&job.program.to_string_lossy());
    let arguments = job.arguments.iter().map(|word| quote(word).replace('$', "$$"));
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// What `systemctl show` says of the timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) is_active: bool,
    pub(super) is_enabled: bool,
    pub(super) last: Option<Timestamp>,
    pub(super) next: Option<Timestamp>,
}

pub(super) const PROPERTIES: &str =
    "--property=ActiveState,UnitFileState,LastTriggerUSec,NextElapseUSecRealtime";

pub(super) fn parse(answer: &str) -> Shown {
    let value = |key: &str| {
        let found = answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_default()
    };
    Shown {
        is_active: value("ActiveState") == "active",
        is_enabled: value("UnitFileState").starts_with("enabled"),
        last: time(value("LastTriggerUSec")),
        next: time(value("NextElapseUSecRealtime")),
    }
}

/// `Sat 2026-11-21 02:52:10 UTC`; empty or `n/a` where there is none.
fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.strip_suffix(" UTC")?.split(' ').skip(1);
    let (date, clock) = (words.next()?, words.next()?);
    let numbers = |text: &str, separator| -> Option<[i64; 3]> {
        let parts: Result<Vec<i64>, _> = text.split(separator).map(str::parse).collect();
        parts.ok()?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(clock, ':')?);
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    let is_time =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (is_date && is_time && (1..=31).contains(&day)).then_some(())?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * 1000))
}

/// Days since 1970-01-01: eras of 400 years that begin on 1 March, so that the leap day is the last
/// of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::job;
    use super::*;

    #[test]
    fn a_service_that_leaves_nodes_alone() {
        insta::assert_snapshot!(service(&job()), @"
        # Made by `wnm schedule install`. Changes are overwritten.
        [Unit]
        Description=One cycle of wnm, which takes care of Autonomi nodes
        StartLimitIntervalSec=0

        [Service]
        Type=oneshot
        ExecStart=/home/op/.cargo/bin/wnm --scope user run
        Environment=PATH=/usr/local/bin:/usr/bin:/bin
        # Another cycle was running: nothing is wrong.
        SuccessExitStatus=3
        KillMode=process
        TimeoutStartSec=1h
        UMask=0077
        ");
    }

    #[test]
    fn words_that_would_break_a_unit_are_quoted() {
        let mut job = job();
        job.program = "/srv/my $tools/100%/wnm".into();
        job.arguments = vec!["--config".into(), "/a b/$c%.toml".into(), "run".into()];
        job.environment = vec![("XDG_DATA_HOME".into(), "/d e/50%".into())];
        job.user = Some("op".into());
        let text = service(&job);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(['E', 'U'])).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        ExecStart="/srv/my $tools/100%%/wnm" --config "/a b/$$c%%.toml" run
        User=op
        Environment="XDG_DATA_HOME=/d e/50%%"
        UMask=0077
        "#);
    }

    #[test]
    fn a_timer_for_each_interval() {
        insta::assert_snapshot!(timer(Every::MINUTE), @"
        # Made by `wnm schedule install`. Changes are overwritten.
        [Unit]
        Description=Runs wnm every 60s

        [Timer]
        OnCalendar=*-*-* *:*:00
        Persistent=yes
        AccuracySec=1s
        RandomizedDelaySec=5s
        FixedRandomDelay=yes

        [Install]
        WantedBy=timers.target
        ");
        let calendars = Every::ALL.map(|every| format!("{every}: {}", calendar(every)));
        insta::assert_snapshot!(calendars.join("\n"), @"
        10s: *-*-* *:*:0/10
        12s: *-*-* *:*:0/12
        15s: *-*-* *:*:0/15
        20s: *-*-* *:*:0/20
        30s: *-*-* *:*:0/30
        60s: *-*-* *:*:00
        120s: *-*-* *:0/2:00
        ");
    }

    #[test]
    fn what_systemd_252_says_of_a_timer() {
        let captured = "NextElapseUSecRealtime=Sat 2026-11-21 02:52:10 UTC\n\
                        LastTriggerUSec=Sat 2026-11-21 02:52:00 UTC\n\
                        ActiveState=active\nUnitFileState=enabled\n";
        let shown = parse(captured);
        assert!(shown.is_active && shown.is_enabled);
        assert_eq!(shown.next, Some(Timestamp(1_795_229_530_000)));
        assert_eq!(shown.last.map(|last| last.to_string()).as_deref(), Some("2026-11-21 02:52:00"));
        let absent =
            "NextElapseUSecRealtime=\nLastTriggerUSec=\nActiveState=inactive\nUnitFileState=\n";
        assert_eq!(parse(absent), Shown::default());
        assert_eq!(parse("LastTriggerUSec=n/a\n"), Shown::default());
    }

    #[test]
    fn what_is_no_date_is_no_time() {
        for text in [
            "99999999999999999-01-01 00:00:00",
            "2026-13-01 00:00:00",
            "2026-01-32 00:00:00",
            "2026-01-01 9223372036854775807:00:00",
            "-1-01-01 00:00:00",
        ] {
            assert_eq!(time(&format!("Xxx {text} UTC")), None, "{text}");
        }
    }

    #[test]
    fn dates_lead_back_to_themselves() {
        for text in ["2024-02-29 23:59:59", "2000-03-01 00:00:00", "1970-01-01 00:00:01"] {
            let parsed = time(&format!("Xxx {text} UTC")).map(|time| time.to_string());
            assert_eq!(parsed.as_deref(), Some(text));
        }
    }
}
