//! What a machine needs for the system tier.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::Done;
use crate::shell::{program, run as shell};

/// Debian packages, each with a file that shows that it is there.
const PACKAGES: &[(&str, &str)] = &[
    ("iproute2", "/sbin/ip"),
    ("procps", "/usr/bin/pgrep"),
    ("systemd-container", "/usr/bin/systemd-nspawn"),
    ("dbus", "/usr/bin/dbus-daemon"),
    ("dbus-user-session", "/usr/lib/systemd/user/dbus.socket"),
    ("libpam-systemd", "/usr/share/pam-configs/systemd"),
    ("cron", "/usr/sbin/cron"),
    ("ufw", "/usr/sbin/ufw"),
    ("firewalld", "/usr/sbin/firewalld"),
    ("nftables", "/usr/sbin/nft"),
    ("docker.io", "/usr/sbin/dockerd"),
    ("debootstrap", "/usr/sbin/debootstrap"),
    ("sudo", "/usr/bin/sudo"),
    // No part of a host: hermetic stories ask them what they offer after a tab.
    ("zsh", "/usr/bin/zsh"),
    ("fish", "/usr/bin/fish"),
    ("sqlite3", "/usr/bin/sqlite3"),
    // Neither: the crash matrix kills wnm with it.
    ("strace", "/usr/bin/strace"),
    // A clock that jumps.
    ("faketime", "/usr/bin/faketime"),
    // libFuzzer is C++.
    ("g++", "/usr/bin/g++"),
];

/// Whether this machine can run the system tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// It can.
    Fit,
    /// It cannot, and why.
    Unfit(String),
}

/// Installs what is missing.
pub(crate) fn run() -> Done {
    let missing = missing_packages();
    if missing.is_empty() {
        println!("host-setup: all {} packages are there", PACKAGES.len());
        return Ok(());
    }
    if !is_root() {
        return Err(format!("host-setup: only root can install {}", missing.join(" ")));
    }
    install(&missing)
}

/// Makes the machine fit where that is a matter of packages.
pub(crate) fn make_fit() -> Result<Fitness, String> {
    if let Some(why) = what_no_package_changes() {
        return Ok(Fitness::Unfit(why));
    }
    let missing = missing_packages();
    if missing.is_empty() {
        return Ok(Fitness::Fit);
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        let missing = missing.join(" ");
        return Ok(Fitness::Unfit(format!("no apt-get to install {missing}")));
    }
    install(&missing)?;
    Ok(Fitness::Fit)
}

fn what_no_package_changes() -> Option<String> {
    if !is_root() {
        return Some("not root".to_owned());
    }
    // The throw-away hosts get fresh groups of these hierarchies.
    let v1 = Path::new("/sys/fs/cgroup/memory").is_dir();
    (!v1).then(|| "no cgroup v1 hierarchies under /sys/fs/cgroup".to_owned())
}

fn missing_packages() -> Vec<&'static str> {
    let missing = PACKAGES.iter().filter(|(_, file)| !Path::new(file).exists());
    missing.map(|(package, _)| *package).collect()
}

fn install(packages: &[&str]) -> Done {
    let _quiet = NoServices::begin()?;
    let apt_get =
        |args: &[&str]| shell(program("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive"));
    apt_get(&["update", "-q"])?;
    apt_get(&[&["install", "-y", "-q", "--no-install-recommends"], packages].concat())
}

/// While it lives, packages do not start their services: firewalls and engines belong into the
/// throw-away hosts, not onto this machine.
struct NoServices {
    made: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<NoServices, String> {
        // A machine that has its own policy keeps it.
        let made = !Path::new(NoServices::POLICY).exists();
        if made {
            fs::write(NoServices::POLICY, "#!/bin/sh\nexit 101\n")
                .and_then(|()| {
                    fs::set_permissions(NoServices::POLICY, Permissions::from_mode(0o755))
                })
                .map_err(|error| format!("{}: {error}", NoServices::POLICY))?;
        }
        Ok(NoServices { made })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.made {
            fs::remove_file(NoServices::POLICY).ok();
        }
    }
}

/// The owner of a process's own directory in /proc is its effective user.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}
