//! What must hold of property lists, and whatever launchctl prints.

use wnm_core::fakes::build;

use super::{ctl, plist};

/// The services of a domain.
pub fn services(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (label, pid) in ctl::services(&text).unwrap_or_default() {
        assert_ne!(pid, Some(0));
        assert!(!label.contains(char::is_whitespace) && text.contains(&label));
        plist::id_of(&label);
    }
}

/// Any words as a node's own: they come out of the list as they went in, and nothing else does.
pub fn list(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Settings with control characters are refused before anything is made of them.
    let words: Vec<String> =
        text.lines().filter(|it| !it.contains(char::is_control)).map(str::to_owned).collect();
    let mut spec = build::spec(7);
    spec.launch.start_args = words.clone();
    spec.launch.environment = words.iter().map(|it| (it.clone(), it.clone())).collect();
    let rendered = plist::render(&spec, None);
    assert!(plist::is_ours(&rendered) && !plist::is_ours(&plist::released(&rendered)));
    let strings: Vec<String> = between(&rendered, "<string>", "</string>");
    let arguments = spec.program.arguments(&spec);
    let found = strings.windows(arguments.len()).any(|it| it == arguments);
    assert!(found, "{arguments:?} in {rendered}");
    // Label, program, its arguments, type of session, variables, directory, two outputs, kind.
    assert_eq!(strings.len(), 2 + arguments.len() + 1 + words.len() + 4, "{rendered}");
}

fn between(text: &str, begin: &str, end: &str) -> Vec<String> {
    let parts = text.split(begin).skip(1).filter_map(|rest| rest.split(end).next());
    let plain = |it: &str| {
        it.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&")
    };
    parts.map(plain).collect()
}
