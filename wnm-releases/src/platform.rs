//! What release files are called.

use wnm_core::model::{Program, Version};

/// A kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its system, as Rust calls it.
    pub os: &'static str,
    /// Its processor, as Rust calls it.
    pub arch: &'static str,
}

impl Platform {
    /// This machine.
    pub const HERE: Platform = Platform { os: std::env::consts::OS, arch: std::env::consts::ARCH };

    /// The file of a release for machines of this kind; none where the project makes none.
    pub fn archive(self, program: Program, version: &Version) -> Option<String> {
        match program {
            Program::AntNode => {
                let name = match (self.os, self.arch) {
                    ("linux", "x86_64") => "linux-x64",
                    ("linux", "aarch64") => "linux-arm64",
                    ("macos", "x86_64") => "macos-x64",
                    ("macos", "aarch64") => "macos-arm64",
                    _ => return None,
                };
                Some(format!("ant-node-cli-{name}.tar.gz"))
            }
            Program::Antnode => Some(format!("antnode-{version}-{}.tar.gz", self.triple()?)),
        }
    }

    /// Its name in release notes of the first generation.
    pub(crate) fn triple(self) -> Option<&'static str> {
        Some(match (self.os, self.arch) {
            ("linux", "x86_64") => "x86_64-unknown-linux-musl",
            ("linux", "aarch64") => "aarch64-unknown-linux-musl",
            ("linux", "arm") => "armv7-unknown-linux-musleabihf",
            ("macos", "x86_64") => "x86_64-apple-darwin",
            ("macos", "aarch64") => "aarch64-apple-darwin",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_two_projects() {
        let pi = Platform { os: "linux", arch: "aarch64" };
        let version = Version::new(0, 4, 17);
        assert_eq!(
            pi.archive(Program::Antnode, &version).as_deref(),
            Some("antnode-0.4.17-aarch64-unknown-linux-musl.tar.gz")
        );
        let name = pi.archive(Program::AntNode, &Version::new(0, 23, 1));
        assert_eq!(name.as_deref(), Some("ant-node-cli-linux-arm64.tar.gz"));
        let odd = Platform { os: "linux", arch: "riscv64" };
        assert_eq!(odd.archive(Program::AntNode, &version), None);
    }
}
