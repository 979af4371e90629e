//! Starts a node of another user, through root's hands: a fixed chain of tools, each of which becomes
//! the next, so that nothing of root's stays behind. No shell is among them.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that starts nodes of another user"
)]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation};
use wnm_core::model::NodeSpec;
use wnm_core::observe::FaultKind;

use crate::process::{becoming, processes_of};

/// The chain itself takes milliseconds; a machine under load takes its time.
const PATIENCE: Duration = Duration::from_secs(30);
/// By then the last of the chain has become the node.
const APPEARS_WITHIN: Duration = Duration::from_secs(5);
/// A program that dislikes its arguments or finds its port taken ends within this time.
const FIRST_LOOK: Duration = Duration::from_millis(150);

/// How nodes of another user come to run.
pub(super) struct ThroughRoot {
    pub(super) runner: Arc<dyn CommandRunner>,
    /// As whom.
    pub(super) user: String,
    /// Where what they print goes.
    pub(super) output: PathBuf,
}

impl ThroughRoot {
    pub(super) fn start(&self, spec: &NodeSpec) -> HostResult<()> {
        let args = arguments(spec, &self.user)?;
        // What hung where users are looked up may go on at any moment.
        if let Some(pid) = becoming(spec)? {
            let op = format!(
                "start {}: process {pid} is still on its way to become it: end that one first",
                spec.id
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.output);
        made.map_err(|error| HostError::io(format!("make {}", self.output.display()), error))?;
        let output = self.output_of(spec);
        let call = Invocation::new("/usr/bin/setsid", args, PATIENCE)
            .as_root()
            .printing_to(output.clone());
        let op = || format!("start {}", spec.id);
        let answer = self.runner.run(&call)?;
        if !answer.ok() {
            let why = match answer.stderr.trim() {
                "" => format!("setsid ended with {:?}", answer.code),
                why => why.to_owned(),
            };
            return Err(HostError::with(op(), FaultKind::Failed, why));
        }
        match (stays(spec)?, becoming(spec)?) {
            (true, _) => Ok(()),
            (false, Some(pid)) => {
                let why = format!("process {pid} has not come to run it yet");
                Err(HostError::with(op(), FaultKind::Timeout, why))
            }
            (false, None) => {
                let said = last_line(&output).map(|line| format!(": {line}")).unwrap_or_default();
                let why = format!("it ended at once{said}; see {}", output.display());
                Err(HostError::with(op(), FaultKind::Failed, why))
            }
        }
    }

    /// Deletes what the node has printed.
    pub(super) fn forget(&self, spec: &NodeSpec) -> HostResult<()> {
        let output = self.output_of(spec);
        match fs::remove_file(&output) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(HostError::io(format!("delete {}", output.display()), error));
            }
            Ok(()) | Err(_) => {}
        }
        // As soon as the last node is gone.
        let _ = fs::remove_dir(&self.output);
        Ok(())
    }

    fn output_of(&self, spec: &NodeSpec) -> PathBuf {
        self.output.join(format!("{}.log", spec.id))
    }
}

/// `setsid` leaves our session and ends at once, `setpriv` gives up all of root's rights for good, `env`
/// gives the node an environment with nothing of ours in it.
fn arguments(spec: &NodeSpec, user: &str) -> HostResult<Vec<String>> {
    let text = |path: &Path| {
        let op = || format!("{} is not UTF-8", path.display());
        path.to_str().map(str::to_owned).ok_or_else(|| HostError::new(op(), FaultKind::Refused))
    };
    let (data, binary) = (text(&spec.data)?, text(&spec.binary)?);
    if binary.contains('=') {
        let op = format!("start {}: `env` takes {binary} for a variable", spec.id);
        return Err(HostError::new(op, FaultKind::Refused));
    }
    let mut args: Vec<String> = ["--fork", "/usr/bin/setpriv"].map(str::to_owned).to_vec();
    args.extend([format!("--reuid={user}"), format!("--regid={user}")]);
    args.extend(["--init-groups", "--inh-caps=-all", "--no-new-privs", "--"].map(str::to_owned));
    args.extend(["/usr/bin/env", "--ignore-environment"].map(str::to_owned));
    args.extend([format!("--chdir={data}"), "--".to_owned()]);
    args.extend([format!("HOME={data}"), format!("USER={user}"), format!("LOGNAME={user}")]);
    args.push("PATH=/usr/local/bin:/usr/bin:/bin".to_owned());
    let given = spec.launch.environment.iter();
    args.extend(given.map(|(key, value)| format!("{key}={value}")));
    args.push(binary);
    args.extend(spec.program.arguments(spec));
    Ok(args)
}

/// Whether the node comes to run and does not end at once.
fn stays(spec: &NodeSpec) -> HostResult<bool> {
    let deadline = Instant::now() + APPEARS_WITHIN;
    let first = loop {
        if let Some(process) = processes_of(spec)?.first() {
            break *process;
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    };
    thread::sleep(FIRST_LOOK);
    Ok(processes_of(spec)?.contains(&first))
}

fn last_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wnm_core::fakes::{ScriptedRunner, build};

    fn spec() -> NodeSpec {
        let mut spec = build::spec(7);
        spec.data = "/var/antctl/services/antnode0007".into();
        spec.binary = spec.data.join("ant-node");
        spec.launch.environment = vec![("A B".to_owned(), "c 'd'".to_owned())];
        spec
    }

    #[test]
    fn the_whole_chain_is_fixed() {
        let args = arguments(&spec(), "ant").expect("sound");
        let end = args.iter().position(|arg| arg.ends_with("/ant-node")).expect("the node");
        insta::assert_snapshot!(args[..=end].join("\n"), @r"
        --fork
        /usr/bin/setpriv
        --reuid=ant
        --regid=ant
        --init-groups
        --inh-caps=-all
        --no-new-privs
        --
        /usr/bin/env
        --ignore-environment
        --chdir=/var/antctl/services/antnode0007
        --
        HOME=/var/antctl/services/antnode0007
        USER=ant
        LOGNAME=ant
        PATH=/usr/local/bin:/usr/bin:/bin
        A B=c 'd'
        /var/antctl/services/antnode0007/ant-node
        ");
        assert_eq!(args[end + 1..], spec().program.arguments(&spec()));
    }

    #[test]
    fn a_path_that_reads_like_a_variable_is_refused() {
        let spec = NodeSpec { binary: "/srv/a=b/ant-node".into(), ..spec() };
        assert_eq!(arguments(&spec, "ant").expect_err("refused").kind, FaultKind::Refused);
    }

    #[test]
    fn beside_a_start_that_hangs_no_second_one_is_made() {
        let dir = tempfile::TempDir::new().expect("a directory");
        let data = dir.path().join("antnode0007");
        let spec = NodeSpec { binary: data.join("ant-node"), data, ..spec() };
        // It waits for files of these names, as a chain that hangs has these words.
        let mut hanging = std::process::Command::new("/usr/bin/tail")
            .args(["-F", "--"])
            .arg(&spec.binary)
            .arg("--root-dir")
            .arg(&spec.data)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let deadline = Instant::now() + Duration::from_secs(10);
        while becoming(&spec).expect("asked").is_none() {
            assert!(Instant::now() < deadline, "it has its words by now");
        }
        let runner = Arc::new(ScriptedRunner::new());
        let root = ThroughRoot { runner, user: "ant".into(), output: dir.path().join("output") };
        let error = root.start(&spec).expect_err("one is on its way");
        hanging.kill().expect("ours");
        hanging.wait().expect("ended");
        assert_eq!(error.kind, FaultKind::Conflict);
        assert!(error.chain().contains("is still on its way to become it"), "{}", error.chain());
        assert_eq!(becoming(&spec).expect("asked"), None);
    }

    #[test]
    fn a_refusal_of_sudo_is_told_in_its_words() {
        let dir = tempfile::TempDir::new().expect("a directory");
        let spec = spec();
        let output = dir.path().join("output");
        let line =
            Invocation::new("/usr/bin/setsid", arguments(&spec, "ant").expect("sound"), PATIENCE)
                .as_root()
                .printing_to(output.join("antnode0007.log"))
                .line();
        let runner = ScriptedRunner::new().on(&line, 1, "", "setpriv: setresuid failed\n");
        let root = ThroughRoot { runner: Arc::new(runner), user: "ant".into(), output };
        let error = root.start(&spec).expect_err("it did not start").chain();
        assert_eq!(error, "failed to start antnode0007: setpriv: setresuid failed");
        root.forget(&spec).expect("nothing is there");
        assert!(fs::read_dir(dir.path()).expect("listed").next().is_none(), "nothing is left");
    }
}
