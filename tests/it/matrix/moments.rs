//! Which effects a run of wnm had, from what strace wrote down, and in which order they are tried. Shared
//! by the hermetic tier and that of real hosts.

use std::collections::{BTreeMap, BTreeSet};

/// What writes to a disk, which may answer that it did not.
pub(crate) const WRITES: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "copy_file_range",
    "sendfile",
];

/// What else changes something outside of the process, begins another one, or waits for it. Some are
/// not there on every architecture.
const OTHERS: &[&str] = &[
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "utimensat",
    "kill",
    "pidfd_send_signal",
    "vfork",
    "fork",
    "clone",
    "clone3",
    "connect",
    "sendto",
    "wait4",
    "waitid",
    "flock",
];

/// A line that tells which step begins: `-v` of wnm.
pub(crate) const TELLS: &str = "progress: ";
/// Just before the `nth` call of this name in a thread of wnm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Which call.
    pub(crate) call: String,
    /// Counted from one, in each thread by itself.
    pub(crate) nth: usize,
    /// What wnm was at.
    pub(crate) at: String,
    /// The beginning of what the call was told.
    pub(crate) args: String,
}

/// What strace is to write down.
pub(crate) fn traced() -> String {
    let calls = WRITES.iter().chain(OTHERS).map(|call| format!("?{call}"));
    format!("trace={}", calls.collect::<Vec<_>>().join(","))
}

/// The calls of a trace, in order. What comes of a call that another thread interrupts is on a line of
/// its own, which is no call.
pub(crate) fn read(trace: &str) -> Vec<Moment> {
    let mut counts = BTreeMap::<(&str, &str), usize>::new();
    let mut seen = BTreeSet::new();
    let mut at = "observe".to_owned();
    let mut moments = Vec::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let Some((call, args)) = rest.split_once('(') else { continue };
        if !WRITES.contains(&call) && !OTHERS.contains(&call) {
            continue;
        }
        let nth = counts.entry((pid, call)).or_default();
        *nth += 1;
        // The store's own writes are moments of every action alike.
        let of_store = args.split_once('>').is_some_and(|(fd, _)| fd.contains("/colony.db"));
        let here = if of_store { format!("the store, {at}") } else { at.clone() };
        if seen.insert((call.to_owned(), *nth)) {
            let args = args.chars().take(200).collect();
            moments.push(Moment { call: call.to_owned(), nth: *nth, at: here, args });
        }
        // Whoever dies before this line is still at the step before.
        if let Some((_, told)) = args.split_once(TELLS).filter(|_| args.starts_with("2<")) {
            let told = told.split("\\n").next().unwrap_or(told);
            if let Some((action, step)) = split_step(told) {
                at = format!("{action}: {step}");
            }
        }
    }
    moments
}

/// `add antnode0001: start it` as its action and its step.
pub(crate) fn split_step(told: &str) -> Option<(String, String)> {
    let (action, step) = told.split_once(": ")?;
    Some((action.to_owned(), step.to_owned()))
}

/// `all` in such an order that every beginning of it is spread over all that wnm was at, and over
/// the length of each.
pub(crate) fn spread(all: Vec<Moment>) -> Vec<Moment> {
    let mut groups: Vec<(String, Vec<Moment>)> = Vec::new();
    for moment in all {
        match groups.iter_mut().find(|(at, _)| *at == moment.at) {
            Some((_, group)) => group.push(moment),
            None => groups.push((moment.at.clone(), vec![moment])),
        }
    }
    let mut ranked: Vec<(usize, usize, Moment)> = Vec::new();
    for (number, (_, group)) in groups.into_iter().enumerate() {
        let length = group.len();
        for (place, moment) in group.into_iter().enumerate() {
            ranked.push((rank(place, length), number, moment));
        }
    }
    ranked.sort();
    ranked.into_iter().map(|(_, _, moment)| moment).collect()
}

/// The first, the middle, the quarters, the eighths …: how early `place` of `length` is taken.
fn rank(place: usize, length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros();
    (place << 1).reverse_bits() >> (usize::BITS - bits - 1).min(usize::BITS - 1)
}
