//! What every member of the workspace must have.

use std::fs;
use std::path::Path;

use toml::Table;

/// One line for each thing that a member lacks.
pub(super) fn offences(root: &Path) -> Result<Vec<String>, String> {
    let workspace = read(&root.join("Cargo.toml"))?;
    let members = workspace["workspace"].get("members").and_then(|members| members.as_array());
    let mut found = Vec::new();
    for member in members.into_iter().flatten().filter_map(|member| member.as_str()) {
        let manifest = read(&root.join(member).join("Cargo.toml"))?;
        if !inherits_lints(&manifest) {
            found.push(format!("{member}/Cargo.toml:0: needs `[lints] workspace = true`"));
        }
        if !root.join(member).join("README.md").is_file() {
            found.push(format!("{member}/README.md:0: is missing"));
        }
    }
    Ok(found)
}

fn inherits_lints(manifest: &Table) -> bool {
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    lints.and_then(|value| value.as_bool()) == Some(true)
}

fn read(path: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::offences;

    #[test]
    fn members_need_lints_and_a_readme() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        write("Cargo.toml", "[workspace]\nmembers = [\"good\", \"bad\"]\n");
        write("good/Cargo.toml", "[lints]\nworkspace = true\n");
        write("good/README.md", "# good\n");
        write("bad/Cargo.toml", "[lints.rust]\nunsafe_code = \"deny\"\n");
        let found = offences(dir.path()).expect("it can be read");
        let wanted =
            ["bad/Cargo.toml:0: needs `[lints] workspace = true`", "bad/README.md:0: is missing"];
        assert_eq!(found, wanted);
    }
}
