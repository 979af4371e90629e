//! Programs that are begun as somebody else, or with other files in some places, by namespaces of their own:
//! nothing of it is seen by anybody but them, and it needs no rights where a user may make such.

use std::process::{Command, Stdio};

/// True where a program that is begun through `words` sees to it that `check` holds.
pub(crate) fn works(words: &[String], check: &[&str]) -> bool {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(check);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a program is begun through so that it is a user's and not root's: nothing where it is so already,
/// `None` where it cannot be done.
pub(crate) fn as_a_user() -> Option<Vec<String>> {
    if !nix::unistd::geteuid().is_root() {
        return Some(Vec::new());
    }
    let words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"];
    let words = words.map(str::to_owned).to_vec();
    works(&words, &["sh", "-c", "test \"$(id -u)\" = 1000"]).then_some(words)
}

/// Past the capture of the test harness.
pub(crate) fn not_tested(what: &str) {
    let note = format!("NOT TESTED: {what}\n");
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("somebody listens");
}
