//! What is handed to others: the program, a Debian package of it, and their checksums.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;
use crate::shell::{cargo, program, root, run as shell};
use crate::test::metadata;

/// What fits on any machine, and in any chat.
const LARGEST: u64 = 8_000_000;
const PACKAGE: &str = "wnm";

/// Builds everything below `target/dist`.
pub(crate) fn run() -> Done {
    shell(&mut built_small())?;
    let target = PathBuf::from(metadata()?.target_directory);
    let built = target.join("packaged/wnm");
    let bytes = fs::metadata(&built).map_err(|error| failed(&built, &error))?.len();
    println!("wnm: {:.2} MB of {} MB", bytes as f64 / 1e6, LARGEST / 1_000_000);
    if bytes > LARGEST {
        return Err(format!("the program has {bytes} bytes, {LARGEST} are the most"));
    }
    let dist = target.join("dist");
    clear(&dist)?;
    let (version, architecture) = (version()?, architecture()?);
    let alone = dist.join(format!("wnm-{version}-linux-{architecture}"));
    place(&built, &alone, 0o755)?;
    let package = dist.join(format!("{PACKAGE}_{version}_{architecture}.deb"));
    debian(&built, &dist, &package, &version, architecture)?;
    checksums(&dist, &[&alone, &package])
}

/// What SQLite brings and wnm never asks for.
const NOT_OF_SQLITE: &str = "-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 \
                             -USQLITE_ENABLE_RTREE -USQLITE_SOUNDEX -USQLITE_ENABLE_LOAD_EXTENSION";

fn built_small() -> Command {
    let build = ["rustc", "--profile", "packaged", "--locked", "-p", "wnm-cli", "--bin", "wnm"];
    let mut command = cargo(&build);
    let script = root().join("xtask/no_unwinding.ld");
    command.args(["--", "-C", "link-arg=-Wl,--no-eh-frame-hdr", "-C"]);
    command.arg(format!("link-arg=-Wl,-T,{}", script.display()));
    command.env("LIBSQLITE3_FLAGS", NOT_OF_SQLITE);
    command
}

fn debian(built: &Path, dist: &Path, package: &Path, version: &str, architecture: &str) -> Done {
    let tree = dist.join("tree");
    place(built, &tree.join("usr/bin/wnm"), 0o755)?;
    documents(built, &tree)?;
    let size = installed_size(&tree)?;
    let control = control(version, architecture, &glibc(built)?, size);
    write(&tree.join("DEBIAN/control"), &control)?;
    // Deterministic as far as dpkg-deb is: no names of whoever builds, and one time for all files.
    shell(
        program("dpkg-deb", &["--build", "--root-owner-group", "-Zxz", "--"])
            .arg(&tree)
            .arg(package),
    )?;
    fs::remove_dir_all(&tree).map_err(|error| failed(&tree, &error))
}

/// There are no units among them: `wnm schedule install` writes those, for the scope, the places and
/// the program that are really used.
fn control(version: &str, architecture: &str, glibc: &str, size: u64) -> String {
    format!(
        "Package: {PACKAGE}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The wnm \
         developers <wnm@localhost>\nInstalled-Size: {size}\nDepends: libc6 (>= {glibc}), libgcc-s1\n\
         Recommends: systemd | cron-daemon\nSuggests: sudo, ufw\nSection: net\nPriority: \
         optional\nDescription: autopilot for Autonomi storage nodes\n Looks at the machine and at \
         every node once a minute, and adds, starts,\n stops or removes nodes so that the machine \
         stays healthy and earns.\n"
    )
}

/// Manual pages and completions come from the program itself.
fn documents(built: &Path, tree: &Path) -> Done {
    let pages = tree.join("usr/share/man/man1");
    shell(program(&built.to_string_lossy(), &["man", "--directory"]).arg(&pages))?;
    for page in listed(&pages)? {
        shell(program("gzip", &["-9n", "--"]).arg(page))?;
    }
    let completions = [
        ("bash", "usr/share/bash-completion/completions/wnm"),
        ("zsh", "usr/share/zsh/vendor-completions/_wnm"),
        ("fish", "usr/share/fish/vendor_completions.d/wnm.fish"),
    ];
    for (shell, path) in completions {
        write(&tree.join(path), &output(built, &["completions", shell])?)?;
    }
    let shared = tree.join("usr/share/doc/wnm");
    for file in ["README.md", "CHANGELOG.md"] {
        place(&root().join(file), &shared.join(file), 0o644)?;
    }
    let licences =
        ["LICENSE-MIT", "LICENSE-APACHE"].map(|file| fs::read_to_string(root().join(file)));
    let [mit, apache] = licences;
    let texts = mit.and_then(|mit| Ok((mit, apache?))).map_err(|error| error.to_string())?;
    write(
        &shared.join("copyright"),
        &format!("Either of MIT:\n\n{}\nor:\n\n{}", texts.0, texts.1),
    )?;
    write(&shared.join("reference.md"), &output(built, &["help", "reference"])?)?;
    for page in listed(&root().join("wnm-cli/docs/guide"))? {
        let name = page.file_name().unwrap_or_default();
        place(&page, &shared.join("guide").join(name), 0o644)?;
    }
    Ok(())
}

/// The newest version of the C library that the program asks for, from the names of its symbols.
fn glibc(built: &Path) -> Result<String, String> {
    let bytes = fs::read(built).map_err(|error| failed(built, &error))?;
    newest_glibc(&bytes).ok_or_else(|| format!("{} asks for no C library", built.display()))
}

fn newest_glibc(bytes: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"GLIBC_2.";
    let versions = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let minor = |(at, _): (usize, &[u8])| {
        let digits = bytes[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        String::from_utf8(digits.copied().collect()).ok()?.parse::<u32>().ok()
    };
    versions.filter_map(minor).max().map(|minor| format!("2.{minor}"))
}

fn checksums(dist: &Path, files: &[&Path]) -> Done {
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let mut command = program("sha256sum", &["--"]);
    let sums = command.args(names).current_dir(dist).output();
    let sums = sums.map_err(|error| format!("sha256sum: {error}"))?;
    if !sums.status.success() {
        return Err(String::from_utf8_lossy(&sums.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&sums.stdout).into_owned();
    print!("{text}");
    write(&dist.join("SHA256SUMS"), &text)
}

fn version() -> Result<String, String> {
    let metadata = metadata()?;
    let package = metadata.packages.iter().find(|package| package.name == "wnm-cli");
    package.map(|package| package.version.to_string()).ok_or_else(|| "wnm-cli is gone".to_owned())
}

/// As Debian calls it.
fn architecture() -> Result<&'static str, String> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(format!("no Debian name is known for {other}")),
    }
}

/// In units of 1024 bytes, rounded up.
fn installed_size(tree: &Path) -> Result<u64, String> {
    let mut bytes = 0;
    let mut left = vec![tree.to_owned()];
    while let Some(directory) = left.pop() {
        for path in listed(&directory)? {
            let found = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
            match found.is_dir() {
                true => left.push(path),
                false => bytes += found.len(),
            }
        }
    }
    Ok(bytes.div_ceil(1024))
}

fn output(built: &Path, args: &[&str]) -> Result<String, String> {
    let ran = program(&built.to_string_lossy(), args).output();
    let ran = ran.map_err(|error| failed(built, &error))?;
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

fn listed(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|one| one.path())).collect();
    let mut paths = paths.map_err(|error| failed(directory, &error))?;
    paths.sort();
    Ok(paths)
}

fn clear(directory: &Path) -> Done {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(directory, &error))
        }
        Ok(()) | Err(_) => fs::create_dir_all(directory).map_err(|error| failed(directory, &error)),
    }
}

fn place(from: &Path, to: &Path, mode: u32) -> Done {
    folder(to)?;
    fs::copy(from, to)
        .and_then(|_| fs::set_permissions(to, Permissions::from_mode(mode)))
        .map_err(|error| failed(to, &error))
}

fn write(path: &Path, text: &str) -> Done {
    folder(path)?;
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn folder(path: &Path) -> Done {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|error| failed(parent, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{control, newest_glibc};

    #[test]
    fn the_newest_version_counts_and_not_the_last() {
        let bytes = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0GLIBC_PRIVATE\0GLIBC_2.";
        assert_eq!(newest_glibc(bytes).as_deref(), Some("2.34"));
        assert_eq!(newest_glibc(b"nothing"), None);
    }

    #[test]
    fn control_files_have_one_field_a_line() {
        let text = control("0.1.0", "amd64", "2.34", 7000);
        assert!(text.lines().all(|line| line.contains(": ") || line.starts_with(' ')), "{text}");
        assert!(text.contains("\nDepends: libc6 (>= 2.34), libgcc-s1\n"), "{text}");
        assert!(text.ends_with('\n'));
    }
}
