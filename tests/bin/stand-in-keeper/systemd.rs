//! A user's systemd. It knows a unit as it read it, at `daemon-reload` or when it was first asked about it,
//! not as its file is by now. It brings nobody back: that is for wnm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{lives, start, stop};
use crate::{Answer, told};

pub(crate) fn answer(place: &Path, units: &Path, args: &[&str]) -> Answer {
    let systemd = Systemd { place, units };
    let Some(("--user", args)) = args.split_first().map(|(first, rest)| (*first, rest)) else {
        return Err("System has not been booted with systemd".to_owned());
    };
    let done = |done: Result<(), String>| done.map(|()| String::new());
    match args {
        ["show", "--property=Version", "--value"] => Ok("252\n".to_owned()),
        ["show", properties, "--", names @ ..] if properties.starts_with("--property=") => {
            Ok(names.iter().map(|name| systemd.show(name)).collect::<Vec<_>>().join("\n"))
        }
        ["is-enabled", "--", names @ ..] => {
            let word = |name: &&str| match systemd.wanted(name).is_symlink() {
                true => "enabled\n",
                false => "disabled\n",
            };
            Ok(names.iter().map(word).collect())
        }
        ["daemon-reload"] => done(systemd.reload()),
        ["start", .., name] => done(systemd.start(name)),
        ["stop", .., name] => done(systemd.stop(name)),
        ["enable", .., name] => done(systemd.enable(name)),
        ["disable", .., name] => done(remove(&systemd.wanted(name))),
        ["reset-failed", ..] => Ok(String::new()),
        other => Err(format!("no call of systemctl: {other:?}")),
    }
}

struct Systemd<'a> {
    place: &'a Path,
    units: &'a Path,
}

impl Systemd<'_> {
    fn known(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}.known"))
    }

    fn pid_file(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}.pid"))
    }

    fn wanted(&self, name: &str) -> PathBuf {
        self.units.join("default.target.wants").join(name)
    }

    /// What it read, reading it now if it never has.
    fn text(&self, name: &str) -> Option<String> {
        let known = self.known(name);
        fs::read_to_string(&known).ok().or_else(|| {
            let text = fs::read_to_string(self.units.join(name)).ok()?;
            fs::write(known, &text).ok()?;
            Some(text)
        })
    }

    fn pid(&self, name: &str) -> u32 {
        let text = fs::read_to_string(self.pid_file(name)).unwrap_or_default();
        text.trim().parse().ok().filter(|pid| lives(*pid)).unwrap_or(0)
    }

    fn show(&self, name: &str) -> String {
        let (pid, text) = (self.pid(name), self.text(name));
        let load = if text.is_some() { "loaded" } else { "not-found" };
        let (active, sub) = if pid > 0 { ("active", "running") } else { ("inactive", "dead") };
        let is_as_read = text == fs::read_to_string(self.units.join(name)).ok();
        let reload = if is_as_read { "no" } else { "yes" };
        format!(
            "Id={name}\nLoadState={load}\nActiveState={active}\nSubState={sub}\nMainPID={pid}\n\
             NRestarts=0\nInvocationID=\nNeedDaemonReload={reload}\nDropInPaths=\n"
        )
    }

    fn reload(&self) -> Result<(), String> {
        for entry in fs::read_dir(self.place).map_err(told)?.flatten() {
            if entry.path().extension().is_some_and(|it| it == "known") {
                fs::remove_file(entry.path()).map_err(told)?;
            }
        }
        Ok(())
    }

    fn start(&self, name: &str) -> Result<(), String> {
        if self.pid(name) > 0 {
            return Ok(());
        }
        let text = self.text(name).ok_or(format!("Unit {name} not found."))?;
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap_or("");
        let words = line.split(' ').map(|word| word.trim_matches('"').replace("%%", "%"));
        let words: Vec<String> = words.collect();
        let (program, args) = words.split_first().ok_or("no ExecStart")?;
        let pid = start(Command::new(program).args(args))?;
        fs::write(self.pid_file(name), pid.to_string()).map_err(told)
    }

    fn stop(&self, name: &str) -> Result<(), String> {
        stop(self.pid(name), Duration::from_secs(90));
        remove(&self.pid_file(name))
    }

    fn enable(&self, name: &str) -> Result<(), String> {
        let wanted = self.wanted(name);
        fs::create_dir_all(wanted.parent().unwrap_or(self.units)).map_err(told)?;
        remove(&wanted)?;
        std::os::unix::fs::symlink(self.units.join(name), wanted).map_err(told)
    }
}

/// What may not be there.
fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(told(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
