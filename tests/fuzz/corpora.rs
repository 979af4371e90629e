//! Every kept and every made input, once, without an engine.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "the directory of corpora is listed")]

mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use targets::ALL;

#[test]
fn what_is_kept_passes() {
    for target in ALL {
        let kept = target.corpus().unwrap();
        let made = (target.made)();
        assert!(kept.len() + made.len() > 0, "{} has nothing to begin with", target.name);
        for (path, bytes) in kept {
            assert!(bytes.len() <= target.most, "{} is too long", path.display());
            // Its name stands above whatever the panic says.
            eprint_name(&path);
            (target.run)(&bytes);
        }
        made.iter().for_each(|bytes| (target.run)(bytes));
        (target.run)(b"");
    }
}

#[expect(clippy::print_stderr, reason = "shown only when the test fails")]
fn eprint_name(path: &Path) {
    eprintln!("{}", path.display());
}

#[test]
fn every_directory_is_of_a_target() {
    let known: BTreeSet<&str> = ALL.iter().map(|target| target.name).collect();
    assert_eq!(known.len(), ALL.len(), "a name is there twice");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "corpora/{name} is of no target");
    }
}
