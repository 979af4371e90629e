//! Hours of cycles with chaos throughout: `tests/it/soak` does it and judges, this gives it a place.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use serde_json::Value;

use crate::Done;
use crate::host_setup::{self, Fitness};
use crate::shell::{cargo, program, root, run as shell};
use crate::test::metadata;

/// The test that it is.
const TEST: &str = "soak::nothing_is_lost_over_time";
/// A node's program, its data and its log take some 3 MB.
const HOST_BYTES: &str = "6G";

const HELP: &str = "\
cargo xtask soak [OPTIONS]

  --nodes N        so many stand-in nodes (200)
  --minutes M      for so long (120)
  --every SECONDS  from the beginning of one cycle to that of the next, if it does not take longer (3)
  --seed N         of the chaos (9)
  --plain          as plain processes in a temporary home; else, as root, as units of a throw-away host
";

/// Options as typed, or what they are without.
struct Wanted {
    nodes: String,
    seconds: String,
    every: String,
    seed: String,
    is_plain: bool,
}

/// Runs it, in a host where that can be had.
pub(crate) fn run(options: &[&str]) -> Done {
    if options.contains(&"--help") {
        print!("{HELP}");
        return Ok(());
    }
    let wanted = Wanted::read(options)?;
    let (test, wnm, node) = build()?;
    match host_setup::make_fit()? {
        Fitness::Fit if !wanted.is_plain => in_host(&wanted, &test, &wnm, &node),
        fitness => {
            if let Fitness::Unfit(why) = fitness {
                println!("\nas plain processes, for there can be no host: {why}\n");
            }
            let mut command = program(&test.display().to_string(), &arguments());
            command.envs(wanted.variables("setsid+user"));
            shell(command.env("WNM_BIN", wnm).env("WNM_STAND_IN", node))
        }
    }
}

impl Wanted {
    fn read(options: &[&str]) -> Result<Wanted, String> {
        let mut wanted = Wanted {
            nodes: "200".to_owned(),
            seconds: (120 * 60).to_string(),
            every: "3".to_owned(),
            seed: "9".to_owned(),
            is_plain: false,
        };
        let mut words = options.iter();
        while let Some(option) = words.next() {
            if *option == "--plain" {
                wanted.is_plain = true;
                continue;
            }
            let number = words.next().and_then(|word| word.parse::<f64>().ok());
            let number = number
                .filter(|it| *it >= 0.0)
                .ok_or_else(|| format!("`{option}` wants a number\n\n{HELP}"))?;
            match *option {
                "--nodes" => wanted.nodes = number.to_string(),
                "--minutes" => wanted.seconds = (number * 60.0).round().to_string(),
                "--every" => wanted.every = number.to_string(),
                "--seed" => wanted.seed = number.to_string(),
                _ => return Err(format!("`{option}` is no option of soak\n\n{HELP}")),
            }
        }
        Ok(wanted)
    }

    fn variables(&self, manager: &str) -> Vec<(String, String)> {
        let all = [
            ("NODES", self.nodes.as_str()),
            ("SECONDS", &self.seconds),
            ("EVERY", &self.every),
            ("SEED", &self.seed),
            ("MANAGER", manager),
        ];
        all.map(|(name, value)| (format!("WNM_SOAK_{name}"), value.to_owned())).to_vec()
    }
}

fn arguments() -> [&'static str; 4] {
    [TEST, "--exact", "--nocapture", "--test-threads=1"]
}

/// The test, the program under test on a machine that is always calm, whatever else runs there, and a small
/// node: two hundred copies of it lie in memory.
fn build() -> Result<(PathBuf, PathBuf, PathBuf), String> {
    let test = ["test", "-p", "wnm-tests", "--test", "it", "--no-run", "--message-format=json"];
    let output = cargo(&test).stderr(process::Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo could not be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_test = |it: &Value| it["target"]["name"] == "it" && it["executable"].is_string();
    let test = lines.filter(is_test).find_map(|it| it["executable"].as_str().map(PathBuf::from));
    let test = test.ok_or("the test `it` was not built")?;
    let target = PathBuf::from(metadata()?.target_directory);
    let built = target.join("debug/stand-in-node");
    let node = target.join("debug/stand-in-node.small");
    fs::copy(&built, &node).map_err(|error| format!("{}: {error}", built.display()))?;
    // Without it the disk of the host must be larger.
    drop(shell(&mut program("strip", &[&node.display().to_string()])));
    Ok((test, target.join("debug/wnm-dup"), node))
}

/// Whatever becomes of it, the host is taken down.
fn in_host(wanted: &Wanted, test: &Path, wnm: &Path, node: &Path) -> Done {
    let base = env::temp_dir().join("testhosts");
    let name = format!("soak-{}", process::id());
    let testhost = |words: &[&str]| {
        let script = root().join("tests/system/testhost");
        let mut command = program(&script.display().to_string(), words);
        command.env("TESTHOST_BASE", &base).env("TESTHOST_TMPFS", HOST_BYTES);
        shell(&mut command)
    };
    testhost(&["up", &name])?;
    let inside = base.join(&name).join("root/opt/soak");
    let put = |from: &Path, as_name: &str| {
        let copied =
            fs::create_dir_all(&inside).and_then(|()| fs::copy(from, inside.join(as_name)));
        copied.map(drop).map_err(|error| format!("{}: {error}", from.display()))
    };
    let put = put(test, "it").and(put(wnm, "wnm")).and(put(node, "node"));
    let variables = wanted.variables("systemd+sudo");
    let variables = variables.iter().map(|(name, value)| format!("{name}={value}"));
    let mut words: Vec<String> =
        ["exec", &name, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"].map(str::to_owned).to_vec();
    words.extend(variables);
    words.extend(["WNM_BIN=/opt/soak/wnm", "WNM_STAND_IN=/opt/soak/node"].map(str::to_owned));
    words.push("/opt/soak/it".to_owned());
    words.extend(arguments().map(str::to_owned));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = put.and_then(|()| testhost(&words));
    let down = testhost(&["down", &name]);
    done.and(down)
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn options_are_numbers_and_nothing_is_guessed() {
        let wanted = Wanted::read(&["--minutes", "0.5", "--plain", "--nodes", "8"]).expect("fine");
        assert_eq!((wanted.seconds.as_str(), wanted.nodes.as_str()), ("30", "8"));
        assert!(wanted.is_plain && wanted.every == "3");
        for bad in [&["--nodes"][..], &["--nodes", "many"], &["--hours", "2"], &["2"]] {
            assert!(Wanted::read(bad).is_err(), "{bad:?}");
        }
        let told = wanted.variables("setsid+user");
        assert!(told.contains(&("WNM_SOAK_SECONDS".to_owned(), "30".to_owned())), "{told:?}");
    }
}
