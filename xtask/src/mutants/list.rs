//! Which faults there are to put in: what cargo-mutants says.

use std::process::Stdio;

use serde_json::Value;

use crate::shell::cargo;

/// One fault: a piece of a file, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// `FILE:LINE:COLUMN: what is done`.
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) genre: Genre,
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) replacement: String,
}

/// Line and column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What is replaced; in the words of cargo-mutants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

impl Mutant {
    /// The name without line and column, which change with every edit.
    pub(crate) fn plain(&self) -> String {
        let what = self.name.splitn(4, ':').nth(3).unwrap_or_default();
        format!("{}:{what}", self.file)
    }

    fn read(value: &Value) -> Option<Mutant> {
        let place = |end: &str| {
            let number = |word: &str| value["span"][end][word].as_u64()?.try_into().ok();
            Some(Place { line: number("line")?, column: number("column")? })
        };
        Some(Mutant {
            name: value["name"].as_str()?.to_owned(),
            file: value["file"].as_str()?.to_owned(),
            genre: match value["genre"].as_str()? {
                "FnValue" => Genre::FnValue,
                "BinaryOperator" => Genre::BinaryOperator,
                "UnaryOperator" => Genre::UnaryOperator,
                "MatchArm" => Genre::MatchArm,
                "MatchArmGuard" => Genre::MatchArmGuard,
                "StructField" => Genre::StructField,
                _ => return None,
            },
            from: place("start")?,
            to: place("end")?,
            replacement: value["replacement"].as_str()?.to_owned(),
        })
    }
}

/// All faults in these files of `wnm-core`.
pub(crate) fn ask(files: &[&str]) -> Result<Vec<Mutant>, String> {
    let mut command = cargo(&["mutants", "--list", "--json", "--package", "wnm-core"]);
    for file in files {
        command.args(["--file", file]);
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err(
            "cargo-mutants says no list of faults: cargo install cargo-mutants --locked".into()
        );
    }
    let list: Vec<Value> = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("what cargo-mutants says is no list: {error}"))?;
    let read =
        |value| Mutant::read(value).ok_or_else(|| format!("no fault as known here: {value}"));
    list.iter().map(read).collect()
}
