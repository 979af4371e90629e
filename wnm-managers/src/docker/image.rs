//! The image that containers are made from: the libraries of the node program, and nothing else.
//! The program itself is not in it: each node has its own copy, which it replaces when it upgrades
//! itself, and which outlives its container.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the files of an image")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation, Privilege};
use wnm_core::observe::FaultKind;

use super::engine::Engine;

/// Reading and keeping some megabytes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where distributions keep the certificates that `ant-node` does not start without.
const CERTIFICATES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// antctl in an image.
const ANTCTL_PLACE: &str = "/usr/local/bin/antctl";
const UNIT_PLACE: &str = "/usr/lib/systemd/system";
/// What systemd, antctl and the beginning of a container call, by their places in the image, and where
/// they may be here.
const TOOLS: [(&str, &[&str]); 7] = [
    ("/usr/lib/systemd/systemd", &["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]),
    (
        "/usr/lib/systemd/systemd-shutdown",
        &["/usr/lib/systemd/systemd-shutdown", "/lib/systemd/systemd-shutdown"],
    ),
    // Where some distributions have told systemd to look for it.
    (
        "/lib/systemd/systemd-shutdown",
        &["/usr/lib/systemd/systemd-shutdown", "/lib/systemd/systemd-shutdown"],
    ),
    ("/usr/bin/systemctl", &["/usr/bin/systemctl", "/bin/systemctl"]),
    ("/usr/bin/id", &["/usr/bin/id", "/bin/id"]),
    ("/usr/bin/mount", &["/usr/bin/mount", "/bin/mount"]),
    ("/bin/sh", &["/bin/sh", "/usr/bin/sh"]),
];
/// All units that there are in such a container but those of nodes. What the machine itself has there
/// would start twice on the machine's network.
const UNITS: [(&str, &str); 6] = [
    ("wnm-nodes.target", "Description=Nodes of wnm\n"),
    // Every service requires or orders itself after these.
    ("sysinit.target", "Description=Nothing\n"),
    ("basic.target", "Description=Nothing\n"),
    ("shutdown.target", "Description=Everything stops\nRefuseManualStart=yes\n"),
    // What SIGRTMIN+3 asks for.
    (
        "halt.target",
        "Description=The end\nRequires=systemd-halt.service\nAfter=systemd-halt.service\n",
    ),
    (
        "systemd-halt.service",
        "Description=The end\nRequires=shutdown.target\nAfter=shutdown.target\n\
         SuccessAction=exit-force\n",
    ),
];

/// What an image consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Files of this machine, each at the same place in the image.
    pub files: BTreeSet<PathBuf>,
    /// Files of this machine that lie elsewhere in the image, by their place there.
    pub moved: BTreeMap<PathBuf, PathBuf>,
    /// Short texts of ours, by their place.
    pub texts: BTreeMap<PathBuf, String>,
    /// The one with the certificates.
    pub certificates: PathBuf,
}

impl Image {
    /// For programs that are linked as these are.
    pub fn of(runner: &dyn CommandRunner, programs: &[&Path]) -> HostResult<Image> {
        let mut files = BTreeSet::new();
        for program in programs {
            files.extend(libraries(runner, program)?);
        }
        let is_file = |path: &&str| fs::metadata(path).is_ok_and(|found| found.is_file());
        let found = CERTIFICATES.iter().find(|path| is_file(path)).map(PathBuf::from);
        let certificates = found.ok_or_else(|| {
            let op = format!(
                "no bundle of certificates, which ant-node needs, at {}: install ca-certificates",
                CERTIFICATES.join(", ")
            );
            HostError::new(op, FaultKind::NotFound)
        })?;
        files.insert(certificates.clone());
        let (moved, texts) = (BTreeMap::new(), BTreeMap::new());
        Ok(Image { files, moved, texts, certificates })
    }

    /// The same for containers with a systemd and an antctl of their own: both as they are on this
    /// machine, and no more of it than they need.
    pub fn with_antctl(mut self, runner: &dyn CommandRunner, antctl: &Path) -> HostResult<Image> {
        for (place, sources) in TOOLS {
            let is_file = |path: &&&str| fs::metadata(path).is_ok_and(|found| found.is_file());
            let found = sources.iter().find(is_file).ok_or_else(|| {
                let op = format!("there is no {}, which such an image needs", sources.join(", "));
                HostError::new(op, FaultKind::NotFound)
            })?;
            self.add(runner, place, Path::new(found))?;
        }
        self.add(runner, ANTCTL_PLACE, antctl)?;
        let texts = UNITS.iter().map(|(name, text)| {
            (Path::new(UNIT_PLACE).join(name), format!("[Unit]\nDefaultDependencies=no\n{text}"))
        });
        self.texts.extend(texts);
        // systemd writes into the first, and does not come up without. Nobody keeps a journal.
        let silent = "[Manager]\nDefaultStandardOutput=null\nDefaultStandardError=null\n";
        self.texts.insert("/etc/machine-id".into(), String::new());
        self.texts.insert("/etc/systemd/system.conf".into(), silent.to_owned());
        Ok(self)
    }

    fn add(&mut self, runner: &dyn CommandRunner, place: &str, source: &Path) -> HostResult<()> {
        self.files.extend(libraries(runner, source)?);
        self.moved.insert(place.into(), source.to_owned());
        Ok(())
    }

    /// The same as a Dockerfile, for a build with `/` as its context.
    pub fn dockerfile(&self) -> String {
        let mut text = "FROM scratch\n".to_owned();
        for file in &self.files {
            let path = file.display().to_string();
            let _ = writeln!(text, "COPY [{path:?}, {path:?}]");
        }
        for (place, source) in &self.moved {
            let (place, source) = (place.display().to_string(), source.display().to_string());
            let _ = writeln!(text, "COPY [{source:?}, {place:?}]");
        }
        for (place, written) in &self.texts {
            let _ = writeln!(text, "COPY <<END {}\n{written}END", place.display());
        }
        let _ = writeln!(text, "ENV {}", self.variable());
        text
    }

    fn variable(&self) -> String {
        format!("SSL_CERT_FILE={}", self.certificates.display())
    }
}

/// Makes an image and calls it `tag`. Nothing is fetched, and no builder is needed.
pub fn build_image(
    runner: Arc<dyn CommandRunner>,
    command: &str,
    as_root: bool,
    image: &Image,
    tag: &str,
) -> HostResult<String> {
    let privilege = if as_root { Privilege::Root } else { Privilege::Own };
    let engine = Engine::new(runner, command.to_owned(), privilege);
    let archive = archive(image)?;
    let change = format!("ENV {}", image.variable());
    let path = archive.path().to_string_lossy().into_owned();
    let args = ["import", "--change", &change, "--", &path, tag].map(str::to_owned).to_vec();
    let answer = engine.must(args, PATIENCE)?;
    Ok(answer.lines().last().unwrap_or_default().trim().to_owned())
}

fn archive(image: &Image) -> HostResult<tempfile::NamedTempFile> {
    let failed = |error| HostError::io("write the archive of an image", error);
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    let mut archive = tar::Builder::new(&mut file);
    for path in &image.files {
        let within = path.strip_prefix("/").unwrap_or(path);
        let mut opened = fs::File::open(path)
            .map_err(|error| HostError::io(format!("read {}", path.display()), error))?;
        archive.append_file(within, &mut opened).map_err(failed)?;
    }
    for (place, source) in &image.moved {
        let within = place.strip_prefix("/").unwrap_or(place);
        let mut opened = fs::File::open(source)
            .map_err(|error| HostError::io(format!("read {}", source.display()), error))?;
        archive.append_file(within, &mut opened).map_err(failed)?;
    }
    for (place, text) in &image.texts {
        let within = place.strip_prefix("/").unwrap_or(place);
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, within, text.as_bytes()).map_err(failed)?;
    }
    // Places that containers mount over; a read-only root would not let them be made.
    for place in ["tmp/", "proc/", "sys/", "dev/", "etc/", "run/", "var/"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(if place == "tmp/" { 0o1777 } else { 0o755 });
        header.set_size(0);
        archive.append_data(&mut header, place, std::io::empty()).map_err(failed)?;
    }
    archive.finish().map_err(failed)?;
    drop(archive);
    Ok(file)
}

/// What the loader would load for `program`, and the loader.
fn libraries(runner: &dyn CommandRunner, program: &Path) -> HostResult<Vec<PathBuf>> {
    let call = Invocation::new("ldd", [program.to_string_lossy()], Duration::from_secs(10));
    let answer = runner.run(&call)?;
    let text = format!("{}{}", answer.stdout, answer.stderr);
    parse_libraries(&text).map_err(|why| {
        HostError::with(
            format!("find the libraries of {}", program.display()),
            FaultKind::Garbled,
            why,
        )
    })
}

/// The words of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)`, the loader by its path alone, and what
/// the kernel has without a file.
fn parse_libraries(text: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.contains("not a dynamic executable") || line.contains("statically linked") {
            return Ok(Vec::new());
        }
        let (name, rest) = line.split_once(" => ").unwrap_or((line, line));
        let path = rest.split_once(" (").map_or(rest, |(path, _)| path);
        match path {
            _ if path.starts_with('/') => found.push(PathBuf::from(path)),
            _ if name.starts_with("linux-vdso") || name.starts_with("linux-gate") => {}
            _ => return Err(format!("`{line}`")),
        }
    }
    if found.is_empty() { Err("ldd printed nothing".to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_would_load() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(parse_libraries(text), Ok(expected.map(PathBuf::from).to_vec()));
        assert_eq!(parse_libraries("\tnot a dynamic executable\n"), Ok(Vec::new()));
        assert_eq!(parse_libraries("\tstatically linked\n"), Ok(Vec::new()));
        assert_eq!(
            parse_libraries("\tlibx.so.1 => not found\n"),
            Err("`libx.so.1 => not found`".to_owned())
        );
        assert!(parse_libraries("ldd: ./x: No such file or directory\n").is_err());
        assert!(parse_libraries("").is_err());
    }

    #[test]
    fn an_image_is_a_short_dockerfile() {
        let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        let files =
            BTreeSet::from(["/lib64/ld.so".into(), "/lib/libc.so.6".into(), certificates.clone()]);
        let (moved, texts) = (BTreeMap::new(), BTreeMap::new());
        insta::assert_snapshot!(Image { files, moved, texts, certificates }.dockerfile(), @r#"
        FROM scratch
        COPY ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt"]
        COPY ["/lib/libc.so.6", "/lib/libc.so.6"]
        COPY ["/lib64/ld.so", "/lib64/ld.so"]
        ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
        "#);
    }

    #[test]
    fn what_lies_elsewhere_and_what_is_ours_are_in_it_as_well() {
        let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        let image = Image {
            files: BTreeSet::from([certificates.clone()]),
            moved: [(ANTCTL_PLACE.into(), "/opt/antctl".into())].into(),
            texts: [("/etc/a".into(), String::new()), ("/etc/b".into(), "[Unit]\n".into())].into(),
            certificates,
        };
        insta::assert_snapshot!(image.dockerfile(), @r#"
        FROM scratch
        COPY ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt"]
        COPY ["/opt/antctl", "/usr/local/bin/antctl"]
        COPY <<END /etc/a
        END
        COPY <<END /etc/b
        [Unit]
        END
        ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
        "#);
    }

    #[test]
    fn every_unit_is_complete_and_nothing_of_the_machine_is_among_them() {
        for (name, text) in UNITS {
            let is_target = name.ends_with(".target");
            assert!(is_target || text.contains("SuccessAction="), "{name} would do nothing");
            assert!(text.ends_with('\n') && !text.contains("ExecStart"), "{name}");
        }
    }
}
