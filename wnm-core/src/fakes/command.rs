//! A command runner that answers from a script and is strict about everything else.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use crate::observe::FaultKind;

/// Answers each call with the next line of its script; a call that was not expected is an error.
#[derive(Debug, Default)]
pub struct ScriptedRunner {
    script: Mutex<VecDeque<(String, Result<Completed, FaultKind>)>>,
    transcript: Mutex<Vec<String>>,
}

impl ScriptedRunner {
    /// An empty script: every call is an error.
    pub fn new() -> ScriptedRunner {
        ScriptedRunner::default()
    }

    /// Expects `line` next, and answers with exit code and output.
    #[must_use]
    pub fn on(self, line: &str, code: i32, stdout: &str, stderr: &str) -> ScriptedRunner {
        let completed =
            Completed { code: Some(code), stdout: stdout.to_owned(), stderr: stderr.to_owned() };
        self.script.lock().unwrap().push_back((line.to_owned(), Ok(completed)));
        self
    }

    /// Expects `line` next, and fails to run it.
    #[must_use]
    pub fn failing(self, line: &str, kind: FaultKind) -> ScriptedRunner {
        self.script.lock().unwrap().push_back((line.to_owned(), Err(kind)));
        self
    }

    /// The calls so far, as one would type them.
    pub fn transcript(&self) -> Vec<String> {
        self.transcript.lock().unwrap().clone()
    }

    /// Calls that were expected and did not come.
    pub fn left(&self) -> Vec<String> {
        self.script.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

impl CommandRunner for ScriptedRunner {
    fn run(&self, invocation: &Invocation) -> HostResult<Completed> {
        let line = invocation.line();
        self.transcript.lock().unwrap().push(line.clone());
        match self.script.lock().unwrap().pop_front() {
            Some((expected, answer)) if expected == line => {
                answer.map_err(|kind| HostError::new(format!("run {line}"), kind))
            }
            Some((expected, _)) => Err(HostError::new(
                format!("unexpected call: {line}\nexpected: {expected}"),
                FaultKind::Garbled,
            )),
            None => Err(HostError::new(format!("unexpected call: {line}"), FaultKind::Garbled)),
        }
    }
}
