//! A unit file that somebody else wrote, read strictly: what cannot be carried on exactly is a reason
//! to leave its node alone, and what is no unit file at all is a reason to stop.

use std::fmt;

use wnm_core::import::{NotANode, Told};
use wnm_core::model::Bytes;

/// One `Key=Value`, with lines that continue joined.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    line: usize,
    section: String,
    key: String,
    value: String,
}

/// What a unit of a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeUnit {
    pub(super) told: Told,
    pub(super) user: Option<String>,
    /// Keys whose effect wnm's own unit will not have.
    pub(super) dropped: Vec<String>,
}

/// Why it says nothing that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is none of our business, or wnm cannot carry it on.
    Left(String),
    /// Line and what is wrong with it.
    Broken(usize, String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Left(why) => f.write_str(why),
            Unusable::Broken(line, why) => write!(f, "line {line}: {why}"),
        }
    }
}

/// Keys that wnm's own unit answers in its own way, or that mean nothing for a node.
const ANSWERED: [&str; 22] = [
    "Description",
    "Documentation",
    "After",
    "Wants",
    "StartLimitIntervalSec",
    "StartLimitBurst",
    "Type",
    "Restart",
    "RestartSec",
    "TimeoutStopSec",
    "TimeoutStartSec",
    "WorkingDirectory",
    "StandardOutput",
    "StandardError",
    "SyslogIdentifier",
    "KillSignal",
    "KillMode",
    "User",
    "Group",
    "UMask",
    "WantedBy",
    "Slice",
];

/// Reads the text of a unit that mentions a node program.
pub(super) fn read(text: &str) -> Result<NodeUnit, Unusable> {
    let entries = entries(text)?;
    let service = |key: &str| {
        let of_key = move |entry: &&Entry| entry.section == "Service" && entry.key == key;
        entries.iter().filter(of_key).collect::<Vec<_>>()
    };
    refuse_what_runs_or_reads_more(&entries)?;
    let starts = service("ExecStart");
    let [start] = starts[..] else {
        return Err(Unusable::Left(match starts.len() {
            0 => "it has no ExecStart".to_owned(),
            many => format!("it has {many} ExecStart lines"),
        }));
    };
    if start.value.starts_with(['-', '@', ':', '+', '!', '|']) {
        let why = format!("its ExecStart begins with `{}`", &start.value[..1]);
        return Err(Unusable::Left(why));
    }
    let words = words(start, true)?;
    let mut told = Told::read(&words).map_err(|error| match error {
        NotANode::OtherProgram(_) | NotANode::Unfit(_) => Unusable::Left(error.to_string()),
    })?;
    for entry in service("Environment") {
        for word in self::words(entry, false)? {
            let (key, value) = word.split_once('=').ok_or_else(|| {
                Unusable::Broken(entry.line, format!("`{word}` is no assignment"))
            })?;
            told.launch.environment.push((key.to_owned(), value.to_owned()));
        }
    }
    told.launch.environment.retain(|(key, _)| key != "HOME");
    told.launch.memory_limit = last(&service("MemoryMax")).and_then(bytes);
    told.launch.cpu_limit = last(&service("CPUQuota"))
        .and_then(|text| text.strip_suffix('%')?.parse().ok())
        .filter(|percent| *percent > 0);
    let user = last(&service("User")).map(str::to_owned);
    let dropped = dropped(&entries, &told);
    Ok(NodeUnit { told, user, dropped })
}

fn last<'a>(entries: &[&'a Entry]) -> Option<&'a str> {
    entries.last().map(|entry| entry.value.as_str()).filter(|value| !value.is_empty())
}

/// `2G` and the like, in powers of 1024 as systemd counts.
fn bytes(text: &str) -> Option<Bytes> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).map(Bytes)
}

/// What runs beside the node, or comes from another file, would be lost.
fn refuse_what_runs_or_reads_more(entries: &[Entry]) -> Result<(), Unusable> {
    for entry in entries.iter().filter(|entry| entry.section == "Service") {
        let why = match entry.key.as_str() {
            "ExecStart" => continue,
            "EnvironmentFile" => "it reads an EnvironmentFile, which may say anything at any time",
            "Type" if !matches!(entry.value.as_str(), "simple" | "exec" | "") => {
                "it is of a Type other than simple and exec"
            }
            "RootDirectory" | "RootImage" | "DynamicUser" | "BindPaths" | "PassEnvironment" => {
                "its paths or variables are not what they seem"
            }
            key if key.starts_with("Exec") => "it runs more than the node",
            _ => continue,
        };
        return Err(Unusable::Left(format!("{why} (line {}: {}=)", entry.line, entry.key)));
    }
    Ok(())
}

fn dropped(entries: &[Entry], told: &Told) -> Vec<String> {
    let kept = |key: &str| match key {
        "MemoryMax" => told.launch.memory_limit.is_some(),
        "CPUQuota" => told.launch.cpu_limit.is_some(),
        "ExecStart" | "Environment" => true,
        _ => ANSWERED.contains(&key),
    };
    let mut keys: Vec<String> =
        entries.iter().map(|entry| entry.key.clone()).filter(|key| !kept(key)).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn entries(text: &str) -> Result<Vec<Entry>, Unusable> {
    let broken = |line: usize, why: &str| Err(Unusable::Broken(line, why.to_owned()));
    let mut found: Vec<Entry> = Vec::new();
    let mut section = None;
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    while let Some((number, line)) = lines.next() {
        if has_control(line) {
            return broken(number, "it has control characters in it");
        }
        let mut line = line.trim().to_owned();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        while let Some(begun) = line.strip_suffix('\\') {
            // systemd leaves comments out that stand between.
            let next = lines.by_ref().find(|(_, next)| !next.trim_start().starts_with(['#', ';']));
            let Some((number, next)) = next else {
                return broken(number, "it ends in the middle of a line");
            };
            if has_control(next) {
                return broken(number, "it has control characters in it");
            }
            line = format!("{begun} {}", next.trim());
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = Some(name.to_owned());
            continue;
        }
        let (Some(section), Some((key, value))) = (&section, line.split_once('=')) else {
            return broken(number, "it is neither a section nor KEY=VALUE within one");
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        // An empty value takes back what stood before.
        if value.is_empty() {
            found.retain(|entry| !(entry.section == *section && entry.key == key));
            continue;
        }
        found.push(Entry { line: number, section: section.clone(), key, value });
    }
    Ok(found)
}

fn has_control(line: &str) -> bool {
    line.contains(|c: char| c.is_control() && c != '\t')
}

/// Split as systemd does. `%` begins a specifier and, in commands, `$` a variable: both stand for
/// something that is not written here.
fn words(entry: &Entry, command: bool) -> Result<Vec<String>, Unusable> {
    let left = |why: String| Err(Unusable::Left(format!("{why} (line {})", entry.line)));
    let broken = |why: &str| Err(Unusable::Broken(entry.line, why.to_owned()));
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = entry.value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ' ' | '\t' if quote.is_none() => words.extend(word.take()),
            '\\' => match letters.next() {
                Some(next @ ('\\' | '"' | '\'' | ' ')) => {
                    word.get_or_insert_default().push(next);
                }
                Some('s') => word.get_or_insert_default().push(' '),
                Some(next) => return left(format!("it uses the escape `\\{next}`")),
                None => return broken("it ends in a backslash"),
            },
            '%' if letters.next_if_eq(&'%').is_some() => word.get_or_insert_default().push('%'),
            '%' => return left("it uses a `%` specifier, which stands for something else".into()),
            '$' if command && letters.next_if_eq(&'$').is_some() => {
                word.get_or_insert_default().push('$');
            }
            '$' if command => return left("it uses a `$` variable".into()),
            other => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return broken("a quote is not closed");
    }
    words.extend(word);
    if command && words.iter().any(|word| word == ";") {
        return left("its ExecStart has several commands".into());
    }
    Ok(words)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

    fn unit(start: &str, more: &str) -> String {
        format!(
            "[Unit]\nDescription=a\n[Service]\nUser=ant\n{more}ExecStart={start}\nRestart=always\n"
        )
    }

    fn anm() -> String {
        let start = format!(
            "/var/antctl/services/antnode0007/antnode --bootstrap-cache-dir /var/antctl/bootstrap-cache \
             --root-dir /var/antctl/services/antnode0007 --port 55007 --enable-metrics-server \
             --metrics-server-port 13007 --log-output-dest /var/log/antnode/antnode0007 \
             --max-log-files 1 --rewards-address {WALLET} evm-arbitrum-one"
        );
        unit(&start, "Environment=A=b \"C=d e\"\nNice=5\nMemoryMax=2G\nCPUQuota=150%\n")
    }

    #[test]
    fn a_unit_of_anm() {
        let unit = read(&anm()).unwrap();
        insta::assert_debug_snapshot!(unit, @r#"
        NodeUnit {
            told: Told {
                program: Antnode,
                binary: "/var/antctl/services/antnode0007/antnode",
                data: "/var/antctl/services/antnode0007",
                logs: Some(
                    "/var/log/antnode/antnode0007",
                ),
                wallet: Some(
                    0x00455d78f850b0358E8cea5be24d415E01E107CF,
                ),
                ports: FoundPorts {
                    node: Some(
                        55007,
                    ),
                    metrics: Some(
                        13007,
                    ),
                    webrtc: None,
                    rpc: None,
                },
                launch: Launch {
                    network: ArbitrumOne,
                    start_args: [
                        "--bootstrap-cache-dir",
                        "/var/antctl/bootstrap-cache",
                        "--max-log-files",
                        "1",
                    ],
                    environment: [
                        (
                            "A",
                            "b",
                        ),
                        (
                            "C",
                            "d e",
                        ),
                    ],
                    bootstrap: [],
                    no_upnp: false,
                    memory_limit: Some(
                        Bytes(
                            2147483648,
                        ),
                    ),
                    cpu_limit: Some(
                        150,
                    ),
                },
                notes: [],
            },
            user: Some(
                "ant",
            ),
            dropped: [
                "Nice",
            ],
        }
        "#);
    }

    #[test]
    fn control_characters_come_in_by_no_line() {
        for line in
            ["Nice=5\u{1b}\n", "Environment=A=b \\\n C=\u{1b}[1m\n", "Environment=\\\nA=\u{0}\n"]
        {
            let text = unit("/o/antnode --root-dir /n/a", line);
            let unusable = read(&text).unwrap_err();
            assert!(matches!(unusable, Unusable::Broken(..)), "{line:?}: {unusable}");
        }
    }

    #[test]
    fn what_cannot_be_carried_on_is_left() {
        let start = format!("/o/antnode --root-dir /n/a --port 5 --rewards-address {WALLET}");
        let table = [
            (
                unit(&start, "EnvironmentFile=/etc/x\n"),
                "it reads an EnvironmentFile, which may say anything at any time (line 5: EnvironmentFile=)",
            ),
            (
                unit(&start, "ExecStartPre=/bin/rm -rf /\n"),
                "it runs more than the node (line 5: ExecStartPre=)",
            ),
            (
                unit(&start, "Type=forking\n"),
                "it is of a Type other than simple and exec (line 5: Type=)",
            ),
            (unit(&format!("-{start}"), ""), "its ExecStart begins with `-`"),
            (
                unit(&format!("{start} ; /bin/true"), ""),
                "its ExecStart has several commands (line 5)",
            ),
            (
                unit(&start.replace("/n/a", "/n/%i"), ""),
                "it uses a `%` specifier, which stands for something else (line 5)",
            ),
            (unit(&start.replace("/n/a", "/n/$A"), ""), "it uses a `$` variable (line 5)"),
            (unit(&start.replace("/n/a", "/n/\\x2e"), ""), "it uses the escape `\\x` (line 5)"),
            (
                unit(&start.replace("/n/a", "/n/../a"), ""),
                "`--root-dir /n/../a` is not a plain absolute path: no `..`, no `//`, no `/` at its end",
            ),
            (
                unit(&start.replace("/n/a", "n/a"), ""),
                "`--root-dir n/a` is not a plain absolute path: no `..`, no `//`, no `/` at its end",
            ),
            (
                unit(&start.replace("--root-dir /n/a", ""), ""),
                "it has no --root-dir: which data and which key are its own, its line does not say",
            ),
            (unit(&start.replace("--port 5", "--port 0"), ""), "`--port 0` is no fixed port"),
            (unit(&format!("{start} --port 6"), ""), "`--port` is given twice"),
            (unit("/bin/sh -c antnode", ""), "it runs `/bin/sh`, which is no node program"),
            (unit(&start.replace("/o/", ""), ""), "its program is not named by an absolute path"),
            ("[Service]\nUser=a\n".into(), "it has no ExecStart"),
        ];
        for (text, expected) in table {
            let found = read(&text).unwrap_err();
            assert_eq!(found, Unusable::Left(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_unit_names_its_line() {
        let table = [
            ("ExecStart=/o/antnode\n", 1),
            ("[Service]\nExecStart=/o/antnode --root-dir \"/n/a\n", 2),
            ("[Service]\nExecStart=/o/antnode \\\n", 2),
            ("[Service]\nExecStart\n", 2),
            ("[Service]\nUser=a\u{1b}[31m\n", 2),
            ("[Service]\nExecStart=/o/antnode --root-dir /n/a\nEnvironment=A\n", 3),
        ];
        for (text, expected) in table {
            match read(text).unwrap_err() {
                Unusable::Broken(line, _) => assert_eq!(line, expected, "{text}"),
                other => panic!("{text}: {other}"),
            }
        }
    }

    #[test]
    fn every_cut_of_a_unit_is_refused_or_says_the_same_of_its_data() {
        let whole = anm();
        for end in 0..whole.len() {
            if let Ok(unit) = read(&whole[..end]) {
                let data = unit.told.data.to_string_lossy();
                assert!("/var/antctl/services/antnode0007".starts_with(&*data), "{data}");
            }
        }
    }
}
