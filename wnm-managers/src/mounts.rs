//! Where a path of another process lies for us: a node in a container may be started with a path that
//! means another place there than here.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads tables of mounts")]

use std::fs;
use std::path::{Path, PathBuf};

/// What is mounted where, as one process sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mounts(Vec<Mount>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// Of the file system, the same for everybody who sees it.
    device: String,
    /// Which directory of that file system it is.
    root: PathBuf,
    /// Where it is seen.
    at: PathBuf,
}

/// What tells whether two processes see all files in the same places: their mounts and their root. Said of
/// processes only that we may look at; the tables of others can be read, at a greater cost.
pub(crate) fn view_of(pid: u32) -> Option<[PathBuf; 2]> {
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    Some([link("ns/mnt")?, link("root")?])
}

impl Mounts {
    /// Of process `pid`; nothing where nobody tells.
    pub(crate) fn of(pid: u32) -> Mounts {
        let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        Mounts::parse(&text)
    }

    /// Of this process.
    pub(crate) fn own() -> Mounts {
        Mounts::of(std::process::id())
    }

    fn parse(text: &str) -> Mounts {
        Mounts(text.lines().filter_map(mount).collect())
    }

    /// Where `theirs`, a path for whoever has the mounts `others`, lies for us; nothing where it does
    /// not, or under the same name.
    pub(crate) fn place_of(&self, theirs: &Path, others: &Mounts) -> Vec<PathBuf> {
        let Some((mount, below)) = others.over(theirs) else { return Vec::new() };
        let inner = joined(&mount.root, below);
        let is_it = |(own, below): (&Mount, &Path)| {
            own.device == mount.device && joined(&own.root, below) == inner
        };
        if self.over(theirs).is_some_and(is_it) {
            return Vec::new();
        }
        let here = self.0.iter().filter(|own| own.device == mount.device);
        let places = here.filter_map(|own| {
            let place = joined(&own.at, inner.strip_prefix(&own.root).ok()?);
            // Something else may be mounted over it.
            let seen = self.over(&place).is_some_and(|(over, _)| over == own);
            seen.then_some(place)
        });
        places.collect()
    }

    /// The mount that `path` lies in, and the rest of the path. Of several at one place the last one
    /// is seen.
    fn over<'a>(&self, path: &'a Path) -> Option<(&Mount, &'a Path)> {
        let over = self.0.iter().filter(|mount| path.starts_with(&mount.at));
        let mount = over.max_by_key(|mount| mount.at.components().count())?;
        Some((mount, path.strip_prefix(&mount.at).ok()?))
    }
}

/// `root` itself for an empty rest, without a slash at its end.
fn joined(root: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { root.to_owned() } else { root.join(rest) }
}

/// Fields 3 to 5 of a line.
fn mount(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ').skip(2);
    let device = fields.next()?.to_owned();
    let (root, at) = (plain(fields.next()?)?, plain(fields.next()?)?);
    Some(Mount { device, root, at })
}

/// Blanks and the like are written as a backslash and three octal digits.
fn plain(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(3).collect();
        let text = std::str::from_utf8(&digits).ok().filter(|text| text.len() == 3)?;
        bytes.push(u8::from_str_radix(text, 8).ok()?);
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                        30 22 8:2 / /srv rw - ext4 /dev/sdb1 rw\n\
                        31 30 8:3 / /srv/over\\040there rw - ext4 /dev/sdc1 rw\n";

    fn place(theirs: &str, others: &str) -> Vec<PathBuf> {
        Mounts::parse(OURS).place_of(Path::new(theirs), &Mounts::parse(others))
    }

    #[test]
    fn a_directory_that_is_mounted_elsewhere_is_found_where_it_is() {
        let container = "90 80 0:50 / / rw - overlay overlay rw\n\
                         91 90 8:2 /nodes/7 /data rw - ext4 /dev/sdb1 rw\n\
                         92 90 8:3 / /other rw - ext4 /dev/sdc1 rw\n\
                         93 90 8:1 /srv/nodes /hidden rw - ext4 /dev/sda1 rw\n";
        assert_eq!(place("/data", container), [PathBuf::from("/srv/nodes/7")]);
        assert_eq!(place("/data/x/y", container), [PathBuf::from("/srv/nodes/7/x/y")]);
        assert_eq!(place("/other/1", container), [PathBuf::from("/srv/over there/1")]);
        assert_eq!(
            place("/database", container),
            Vec::<PathBuf>::new(),
            "that is in its own layer"
        );
        assert_eq!(place("/hidden/7", container), Vec::<PathBuf>::new(), "/srv is over it here");
    }

    #[test]
    fn this_process_sees_what_it_sees_and_nobody_sees_nothing() {
        let view = view_of(std::process::id()).unwrap_or_default();
        assert!(view.iter().all(|link| !link.as_os_str().is_empty()), "{view:?}");
        assert_eq!(view_of(u32::MAX), None, "nobody tells, so the tables are asked");
    }

    #[test]
    fn the_last_one_at_a_place_is_seen() {
        let container = "90 80 0:50 / / rw - overlay overlay rw\n\
                         91 90 8:2 /nodes/7 /data rw - ext4 /dev/sdb1 rw\n\
                         92 90 8:2 /nodes/8 /data rw - ext4 /dev/sdb1 rw\n";
        assert_eq!(place("/data", container), [PathBuf::from("/srv/nodes/8")]);
    }

    #[test]
    fn what_has_the_same_name_or_makes_no_sense_is_nowhere_else() {
        assert_eq!(place("/srv/nodes/7", OURS), Vec::<PathBuf>::new());
        // The same directory is seen twice here, and the process means the one that it names.
        let twice = format!("{OURS}32 22 8:2 /nodes /mnt rw - ext4 /dev/sdb1 rw\n");
        let twice = Mounts::parse(&twice);
        assert_eq!(twice.place_of(Path::new("/mnt/7"), &twice), Vec::<PathBuf>::new());
        assert_eq!(place("/srv/nodes/7", ""), Vec::<PathBuf>::new());
        assert_eq!(place("/data", "90 80 8:2\n91 90 8:2 /\\0 /data"), Vec::<PathBuf>::new());
    }
}
