//! A `crontab` that lies.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::TestEnv;

const INSTALL: [&str; 4] = ["schedule", "install", "--binary", "/usr/bin/true"];
const MINE: &str = "5 4 * * * backup\n";

/// Behind `lie`, which may end it, the honest one.
fn crontab(env: &TestEnv, lie: &str) {
    let file = env.path("crontab").display().to_string();
    let script = format!(
        "#!/bin/sh\n{lie}\ncase \"$1\" in\n-l) cat {file} ;;\n-r) rm {file} ;;\n*) cat \"$1\" >{file} ;;\nesac\n"
    );
    let tool = env.path("tools/crontab");
    fs::write(&tool, script).expect("written");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("ours");
}

#[test]
fn lines_of_others_survive_its_lies() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    let file = env.path("crontab");
    let put = format!("[ \"$1\" = -l ] || {{ cat \"$1\" >{}; exit 1; }}", file.display());
    let lies = [
        ("does nothing and says that it did", "[ \"$1\" = -l ] || exit 0", false),
        ("does it and says that it did not", put.as_str(), true),
        ("cannot be read", "[ \"$1\" = -l ] && { echo kaputt >&2; exit 1; }", false),
        (
            "is in another language",
            "[ \"$1\" = -l ] && { echo 'keine Crontab' >&2; exit 1; }",
            false,
        ),
        ("never ends", "exec sleep 600", false),
    ];
    for (what, lie, written) in lies {
        fs::write(&file, MINE).expect("written");
        crontab(&env, lie);
        let ran = env.run(&INSTALL);
        assert_ne!(ran.code, Some(0), "{what}: {}", ran.block());
        let text = fs::read_to_string(&file).expect("there");
        assert!(text.starts_with(MINE), "{what}: {text}");
        assert_eq!(text != MINE, written, "{what}: {text}");
        crontab(&env, "");
        env.run(&INSTALL).expect(0);
        env.run(&["schedule", "remove"]).expect(0);
        assert_eq!(fs::read_to_string(&file).expect("there"), MINE, "{what}");
    }
}
