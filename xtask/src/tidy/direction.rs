//! Inside wnm-core, too, knowledge goes one way.

use super::{File, Offence};

/// A module may know itself and those before it. `host` comes late: deciding knows no effects.
const ORDER: &[&str] = &[
    "model", "select", "policy", "action", "observe", "plan", "explain", "host", "replay", "run",
    "fakes",
];

pub(super) fn check(file: &File<'_>) -> Vec<Offence> {
    let Some(path) = file.path.strip_prefix("wnm-core/src/") else {
        return Vec::new();
    };
    // Tests build their worlds with the fakes.
    if path.ends_with("tests.rs") || path.contains("/tests/") {
        return Vec::new();
    }
    let Some(own) = rank(path.split(['/', '.']).next().unwrap_or_default()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (line, text) in file.numbered_lines() {
        let code = text.split("//").next().unwrap_or_default();
        for (_, rest) in
            code.match_indices("crate::").map(|(at, word)| code.split_at(at + word.len()))
        {
            let module = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            let module = module.unwrap_or_default();
            match rank(module) {
                Some(other) if other > own => {
                    let own = ORDER[own];
                    found.push(Offence::new(line, format!("`{own}` must not know `{module}`")));
                }
                None if rest.starts_with('{') => {
                    let what = "write one `use` for each module, so that its direction is seen";
                    found.push(Offence::new(line, what));
                }
                _ => {}
            }
        }
    }
    found
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::check;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&File { path, text }).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn only_what_comes_before_is_known() {
        let text = "use crate::model::Node;\nuse crate::host::Host;\nfn a(_: crate::run::B) {}\n";
        assert_eq!(lines("wnm-core/src/plan/heal.rs", text), [2, 3]);
        assert_eq!(lines("wnm-core/src/run/mod.rs", text), [0; 0]);
        assert_eq!(lines("wnm-core/src/fakes.rs", text), [0; 0]);
        assert_eq!(lines("wnm-core/src/host/clock.rs", "use crate::fakes::World;\n"), [1]);
        assert_eq!(lines("wnm-core/src/model/net.rs", "// as crate::plan does\n"), [0; 0]);
    }

    #[test]
    fn the_rest_of_the_world_is_free() {
        let text = "use crate::fakes::build;\n";
        assert_eq!(lines("wnm-core/src/plan/tests.rs", text), [0; 0]);
        assert_eq!(lines("wnm-core/src/lib.rs", text), [0; 0]);
        assert_eq!(lines("wnm-store/src/plan/mod.rs", text), [0; 0]);
    }

    #[test]
    fn braces_cannot_hide_a_direction() {
        assert_eq!(lines("wnm-core/src/plan/mod.rs", "use crate::{run, host};\n"), [1]);
    }
}
