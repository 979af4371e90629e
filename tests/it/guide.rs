//! The pages of the guide, run as they stand: each line that begins with `$ wnm` in a block of kind
//! `console`, one after the other in one home a page.
//!
//! Below a command stands what it prints, on both outputs. `…` stands for anything within a line, and
//! alone for any number of lines; `[exit N]` is its code when that is not 0.

use std::fs;
use std::path::Path;

use crate::harness::TestEnv;

/// A command of a page, and what it should come to.
#[derive(Debug)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
    code: i32,
}

#[test]
fn first_node() {
    run_page("first-node.md");
}

#[test]
fn identities() {
    run_page("identities.md");
}

#[test]
fn tuning() {
    run_page("tuning.md");
}

#[test]
fn trouble() {
    run_page("trouble.md");
}

#[test]
fn upgrades() {
    run_page("upgrades.md");
}

#[test]
fn moving_in() {
    run_page("moving-in.md");
}

#[test]
fn no_page_is_forgotten() {
    let here = include_str!("guide.rs");
    for entry in fs::read_dir(pages()).expect("the guide is there") {
        let name = entry.expect("it can be listed").file_name();
        let call = format!("run_page({name:?});");
        assert!(here.contains(&call), "nobody runs {name:?}");
    }
}

fn pages() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wnm-cli/docs/guide")
}

fn run_page(name: &str) {
    let text = fs::read_to_string(pages().join(name)).expect("a page");
    let steps = steps(&text);
    assert!(steps.len() > 5, "{name} has few commands: {steps:?}");
    let env = TestEnv::new();
    env.configure_for_guide();
    for step in steps {
        let args = words(&step.command);
        let ran = env.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let place = format!("{name}:{}: `wnm {}`", step.line, step.command);
        assert_eq!(ran.code, Some(step.code), "{place}: {ran:?}");
        // What is said comes before what is data: an operation is told of as it goes on.
        let mut printed: Vec<&str> = ran.stderr.lines().chain(ran.stdout.lines()).collect();
        printed.retain(|line| !is_about_this_machine(line));
        let expected: Vec<&str> = step.expected.iter().map(String::as_str).collect();
        assert!(
            matches(&expected, &printed),
            "{place} printed\n{}\nand not\n{}",
            printed.join("\n"),
            expected.join("\n")
        );
    }
}

/// A busy machine is no part of the guide.
fn is_about_this_machine(line: &str) -> bool {
    line.starts_with("note: load is")
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(text.lines()) {
        match (inside, text) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, text) => match (text.strip_prefix("$ wnm "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step {
                    line,
                    command: command.to_owned(),
                    expected: Vec::new(),
                    code: 0,
                }),
                (None, Some(step)) => match exit_code(text) {
                    Some(code) => step.code = code,
                    None => step.expected.push(text.to_owned()),
                },
                (None, None) => panic!("line {line} belongs to no command: {text}"),
            },
            (false, _) => {}
        }
    }
    steps
}

fn exit_code(line: &str) -> Option<i32> {
    line.strip_prefix("[exit ")?.strip_suffix(']')?.parse().ok()
}

fn matches(expected: &[&str], printed: &[&str]) -> bool {
    match (expected.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => {
            (0..=printed.len()).any(|skip| matches(rest, &printed[skip..]))
        }
        (Some((pattern, expected)), Some((line, printed))) => {
            fits(pattern, line.trim_end()) && matches(expected, printed)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// `…` in a line stands for any text, even none.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_fit_what_they_say_and_nothing_else() {
    assert!(fits("a … c", "a b c") && fits("…", "") && fits("x…", "x") && fits("same", "same"));
    assert!(!fits("a … c", "a b d") && !fits("same", "same more") && !fits("", "x"));
    assert!(matches(&["a", "…", "d"], &["a", "b", "c", "d"]) && matches(&["…"], &[]));
    assert!(!matches(&["a", "…", "d"], &["a", "b"]) && !matches(&[], &["a"]));
}
