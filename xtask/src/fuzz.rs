//! Fuzzing: builds the targets of `tests/fuzz` with libFuzzer, and runs them one after the other.
//!
//! libFuzzer comes from its package and is compiled here; the counters that it looks at are put into our
//! code by the ordinary compiler. No other toolchain is needed, but a C++ compiler.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use cargo_metadata::Message;

use crate::Done;
use crate::shell::{cargo, program, root, run as shell};

const HELP: &str = "\
cargo xtask fuzz [TARGET …] [--seconds N] [--list] [--keep]

  without TARGET    all of them, one after the other
  --seconds N       how long each runs; 5 without it
  --list            their names
  --keep            takes what was found to be worth keeping into tests/fuzz/corpora
";

/// Counters at every edge, and what is compared with what.
const COUNTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                       -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                       -Cllvm-args=-sanitizer-coverage-pc-table \
                       -Cllvm-args=-sanitizer-coverage-trace-compares";

/// No input of any target takes that long on the slowest machine, in seconds.
const PATIENCE: u32 = 20;
/// Of the whole process, in MB: SQLite's own memory is in it.
const MOST_MEMORY: u32 = 1024;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    targets: Vec<String>,
    seconds: Option<u32>,
    list: bool,
    keep: bool,
}

fn read(words: &[&str]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--list" => asked.list = true,
            "--keep" => asked.keep = true,
            "--seconds" => {
                let seconds = words.next().and_then(|text| text.parse().ok());
                asked.seconds = Some(seconds.ok_or("--seconds wants a number")?);
            }
            option if option.starts_with('-') => return Err(HELP.to_owned()),
            name => asked.targets.push(name.to_owned()),
        }
    }
    Ok(asked)
}

/// A target, by the engine's word.
struct Target {
    name: String,
    most: String,
}

/// Builds and runs what is asked for; every target is run, whatever became of those before it.
pub(crate) fn run(words: &[&str]) -> Done {
    let asked = read(words)?;
    let engine = build()?;
    let all = targets(&engine)?;
    let names = || all.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(" ");
    if asked.list {
        println!("{}", names());
        return Ok(());
    }
    if let Some(name) = asked.targets.iter().find(|name| all.iter().all(|it| it.name != **name)) {
        return Err(format!("`{name}` is no target: {}", names()));
    }
    let chosen =
        |target: &&Target| asked.targets.is_empty() || asked.targets.contains(&target.name);
    let mut failed = Vec::new();
    for target in all.iter().filter(chosen) {
        let home = Home::of(&target.name)?;
        let done = match asked.keep {
            true => keep(&engine, target, &home),
            false => one(&engine, target, &home, asked.seconds.unwrap_or(5)),
        };
        if let Err(why) = done {
            println!("{why}");
            failed.push(target.name.as_str());
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(format!("failed: {}", failed.join(" "))),
    }
}

/// Whether there is what compiles the engine.
fn has_compiler() -> bool {
    let version = program("c++", &["--version"]).stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

fn build() -> Result<PathBuf, String> {
    if !has_compiler() {
        return Err("libFuzzer is C++, and there is no `c++` here: cargo xtask host-setup".into());
    }
    let host = host()?;
    let place = directory();
    let mut command = cargo(&["test", "--no-run", "--message-format=json-render-diagnostics"]);
    // With a target of its own nothing is counted in what only runs while building.
    command.args(["-p", "wnm-fuzz", "--test", "engine", "--features", "engine", "--target", &host]);
    command.args(["--profile", "fuzz", "--target-dir"]).arg(&place);
    command.env("RUSTFLAGS", COUNTED).stdout(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cargo: {error}"))?;
    let output = child.stdout.take().ok_or("cargo has no output")?;
    let mut built = None;
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Ok(Message::CompilerArtifact(artifact)) = message
            && artifact.target.name == "engine"
        {
            built = artifact.executable.map(PathBuf::from);
        }
    }
    let status = child.wait().map_err(|error| format!("cargo: {error}"))?;
    let engine = built.filter(|_| status.success()).ok_or("the targets do not compile")?;
    println!("built in {:.0} s", started.elapsed().as_secs_f32());
    Ok(engine)
}

fn host() -> Result<String, String> {
    let rustc = program("rustc", &["-vV"]).output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what machine this is".to_owned())
}

fn targets(engine: &Path) -> Result<Vec<Target>, String> {
    let listed = Command::new(engine).env("WNM_FUZZ_TARGET", "list").stderr(Stdio::null()).output();
    let listed = listed.map_err(|error| format!("{}: {error}", engine.display()))?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let target = |line: &str| {
        let (name, most) = line.split_once(' ')?;
        Some(Target { name: name.to_owned(), most: most.to_owned() })
    };
    Ok(text.lines().filter_map(target).collect())
}

fn directory() -> PathBuf {
    root().join("target").join("fuzz")
}

/// Where one target keeps what it grew.
struct Home {
    grown: PathBuf,
    made: PathBuf,
    kept: PathBuf,
    finds: PathBuf,
    log: PathBuf,
}

impl Home {
    fn of(name: &str) -> Result<Home, String> {
        let place = directory().join("targets").join(name);
        let home = Home {
            grown: place.join("grown"),
            made: place.join("made"),
            finds: place.join("finds"),
            log: place.join("log"),
            kept: root().join("tests/fuzz/corpora").join(name),
        };
        for directory in [&home.grown, &home.made, &home.finds, &home.kept] {
            fs::create_dir_all(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        Ok(home)
    }

    fn finds(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.finds).into_iter().flatten().flatten();
        let mut finds: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        finds.sort();
        finds
    }
}

fn one(engine: &Path, target: &Target, home: &Home, seconds: u32) -> Done {
    let log =
        File::create(&home.log).map_err(|error| format!("{}: {error}", home.log.display()))?;
    let again = log.try_clone().map_err(|error| format!("{}: {error}", home.log.display()))?;
    let before = home.finds();
    let status = Command::new(engine)
        .env("WNM_FUZZ_TARGET", &target.name)
        .env("WNM_FUZZ_SEEDS", &home.made)
        .env("RUST_BACKTRACE", "1")
        .args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={}", target.most),
            format!("-timeout={PATIENCE}"),
            format!("-rss_limit_mb={MOST_MEMORY}"),
            format!("-artifact_prefix={}/", home.finds.display()),
            "-print_final_stats=1".to_owned(),
        ])
        .args([&home.grown, &home.made, &home.kept])
        .stdout(log)
        .stderr(again)
        .status()
        .map_err(|error| format!("{}: {error}", engine.display()))?;
    let text = fs::read(&home.log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    println!("{:<20} {}", target.name, told(&text));
    if status.success() {
        return Ok(());
    }
    let tail: Vec<&str> = text.lines().rev().take(40).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    let mut finds = home.finds();
    finds.retain(|find| !before.contains(find));
    let finds: Vec<String> = finds.iter().map(|find| find.display().to_string()).collect();
    Err(format!(
        "{}\n{} FAILED ({status}); again: WNM_FUZZ_TARGET={} {} {}",
        tail.join("\n"),
        target.name,
        target.name,
        engine.display(),
        finds.join(" ")
    ))
}

/// The figures that libFuzzer ends with, in one line.
fn told(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().rev().find(|line| line.starts_with(&format!("stat::{name}:")));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or("?")
    };
    let word_after = |word: &str| {
        let line = log.lines().rev().find(|line| line.starts_with('#') && line.contains(word));
        let rest = line.and_then(|line| line.split_once(word)).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or("?")
    };
    format!(
        "{:>10} inputs  {:>7}/s  {:>6} edges  {:>9} kept  {:>4} MB",
        stat("number_of_executed_units"),
        stat("average_exec_per_sec"),
        word_after("cov: "),
        word_after("corp: "),
        stat("peak_rss_mb"),
    )
}

/// Adds what reaches something new. What is no text stays out of the tree: that is made.
fn keep(engine: &Path, target: &Target, home: &Home) -> Done {
    shell(
        Command::new(engine)
            .env("WNM_FUZZ_TARGET", &target.name)
            .args(["-merge=1".to_owned(), format!("-max_len={}", target.most)])
            .args([&home.kept, &home.grown])
            .stderr(Stdio::null()),
    )?;
    let entries = fs::read_dir(&home.kept).map_err(|error| error.to_string())?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let bytes = fs::read(&path).map_err(|error| error.to_string())?;
        if bytes.contains(&0) || String::from_utf8(bytes).is_err() {
            fs::remove_file(&path).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Asked, read, told};

    #[test]
    fn what_can_be_asked_for() {
        let asked = read(&["telemetry", "--seconds", "60", "metrics"]);
        let targets = vec!["telemetry".to_owned(), "metrics".to_owned()];
        assert_eq!(asked, Ok(Asked { targets, seconds: Some(60), ..Asked::default() }));
        assert!(read(&["--seconds", "soon"]).is_err());
        assert!(read(&["--sceonds", "5"]).is_err_and(|why| why.contains("--seconds N")));
    }

    #[test]
    fn what_libfuzzer_says_at_its_end() {
        let log = "#2\tINITED cov: 10 ft: 10 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                   #90\tDONE   cov: 12 ft: 12 corp: 3/7b lim: 4096 exec/s: 70 rss: 27Mb\n\
                   stat::number_of_executed_units: 90\nstat::average_exec_per_sec:     70\n\
                   stat::peak_rss_mb:              27\n";
        let words: Vec<String> = told(log).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "90 inputs 70/s 12 edges 3/7b kept 27 MB");
    }
}
