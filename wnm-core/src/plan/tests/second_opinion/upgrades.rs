//! Programs that are replaced, put back and proven.

use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// From what the built nodes have.
fn given(to: &str, role: UpgradeRole) -> Action {
    let (from, to) = (release().version, version(to));
    let release = crate::model::Release::new(to.clone(), PathBuf::from("/opt/next"));
    let upgrade = Upgrade {
        from,
        to,
        role,
        since: at(0),
        before: Shown { peers: Some(5), records: Some(10) },
    };
    Action::Upgrade { node: key(2), release, upgrade: Box::new(upgrade), start: true }
}

fn outdated() -> Reason {
    let role = UpgradeRole::Canary;
    Reason::Outdated { from: release().version, to: version("0.24.0"), role }
}

#[test]
fn no_program_is_replaced_without_a_reason() {
    let managed = [(Setting::UpgradeMode, "managed")];
    let of = |change: Change<'_>, reason: Reason| {
        opinion_with(&managed, change, &[(given("0.24.0", UpgradeRole::Canary), reason)])
    };
    let to = |version: &str, reason: Reason| {
        opinion_with(&managed, &all_is_well, &[(given(version, UpgradeRole::Canary), reason)])
    };
    let wanted = |nodes: Vec<NodeKey>, allow_downgrade: bool, to: &str| {
        let verb = Verb::Upgrade { nodes, to: None, allow_downgrade };
        let change = move |it: &mut Snapshot| it.requests = vec![request(1, verb.clone())];
        opinion_with(&managed, &change, &[(given(to, UpgradeRole::Asked), asked())])
    };
    let program = record(2).spec.program;
    let held = |version_of: &str| {
        let quarantined = Quarantined {
            program,
            version: version(version_of),
            since: Timestamp(0),
            why: "it died".into(),
        };
        move |it: &mut Snapshot| it.holds.quarantined = vec![quarantined.clone()]
    };
    let canary = || [(given("0.24.0", UpgradeRole::Canary), outdated())];
    let one = [
        (Setting::UpgradeMode, "managed"),
        (Setting::MaxConcurrentUpgrades, "1"),
        (Setting::CanaryCount, "1"),
    ];
    let mut first = given("0.24.0", UpgradeRole::Canary);
    if let Action::Upgrade { node, .. } = &mut first {
        *node = key(1);
    }
    let both = [(first, outdated()), (given("0.24.0", UpgradeRole::Canary), outdated())];
    let mut mixed = given("0.24.0", UpgradeRole::Canary);
    if let Action::Upgrade { upgrade, .. } = &mut mixed {
        upgrade.to = version("0.25.0");
    }
    let text = rows([
        ("outdated", of(&all_is_well, outdated())),
        ("no reason", of(&all_is_well, Reason::Mute)),
        ("begun before", of(&|it| it.nodes[1].record.upgrade = Some(on_trial()), unfinished())),
        ("not proven", of(&|it| it.nodes[1].record.upgrade = Some(on_trial()), outdated())),
        (
            "it has another one",
            of(&|it| it.nodes[1].record.version = Some(version("0.22.0")), outdated()),
        ),
        ("not what it is given", opinion_with(&managed, &all_is_well, &[(mixed, outdated())])),
        ("the same again", to("0.23.1", outdated())),
        ("an older one", to("0.22.0", outdated())),
        ("quarantined", of(&held("0.24.0"), outdated())),
        ("another is quarantined", of(&held("0.25.0"), outdated())),
        (
            "not managed",
            opinion_with(
                &[(Setting::UpgradeMode, "off")],
                &all_is_well,
                &[(given("0.24.0", UpgradeRole::Canary), outdated())],
            ),
        ),
        (
            "not the time of the day",
            opinion_with(&[managed[0], (Setting::UpgradeWindow, "2-5")], &all_is_well, &canary()),
        ),
        (
            "the time of the day",
            opinion_with(&[managed[0], (Setting::UpgradeWindow, "7-9")], &all_is_well, &canary()),
        ),
        ("paused", of(&|it| it.holds.paused = Some(Timestamp(0)), outdated())),
        (
            "busy",
            of(
                &|it| {
                    it.machine.cpu = Some(Percent(99.0));
                    it.memory.over.insert(Resource::Cpu, at(9000));
                },
                outdated(),
            ),
        ),
        ("it does not run", of(&|it| set(it, 2, stopped(), Some(false)), outdated())),
        (
            "it is not to run",
            of(&|it| it.nodes[1].record.want = Want::StoppedByOperator, outdated()),
        ),
        (
            "a stranger uses its data",
            of(&|it| it.around.strangers = [(id(2), vec![77])].into(), outdated()),
        ),
        ("nobody asked", of(&all_is_well, asked())),
        ("asked", wanted(vec![key(2)], false, "0.24.0")),
        ("asked for another node", wanted(vec![key(1)], false, "0.24.0")),
        ("asked, an older one", wanted(vec![key(2)], false, "0.22.0")),
        ("asked, an older one may be", wanted(vec![key(2)], true, "0.22.0")),
        ("two at once, one may", opinion_with(&one, &all_is_well, &both)),
        (
            "two at once, two may",
            opinion_with(
                &[(Setting::UpgradeMode, "managed"), (Setting::MaxConcurrentUpgrades, "2")],
                &all_is_well,
                &both,
            ),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    outdated:
    no reason: antnode0002: no reason to upgrade it
    begun before:
    not proven: antnode0002: its last upgrade is not proven
    it has another one: antnode0002: the upgrade is not from what it has to what it is given
    not what it is given: antnode0002: the upgrade is not from what it has to what it is given
    the same again: antnode0002: an older version in the place of a newer one
    an older one: antnode0002: an older version in the place of a newer one
    quarantined: antnode0002: 0.24.0 is quarantined
    another is quarantined:
    not managed: antnode0002: wnm does not replace programs here
    not the time of the day: antnode0002: it is not the time of the day
    the time of the day:
    paused: antnode0002: upgrades are paused
    busy: antnode0002: nodes are being shed
    it does not run: antnode0002: it does not run
    it is not to run: antnode0002: it does not run
    a stranger uses its data: antnode0002: another process uses its data
    nobody asked: antnode0002: nobody asked for it
    asked:
    asked for another node: antnode0002: nobody asked for it
    asked, an older one: antnode0002: nobody asked for an older version
    asked, an older one may be:
    two at once, one may: antnode0001: 2 nodes upgraded at once, 1 allowed
    two at once, two may:
    ");
}

#[test]
fn what_is_put_back_is_what_was_there_and_what_is_proven_runs() {
    let trial = |it: &mut Snapshot| it.nodes[1].record.upgrade = Some(on_trial());
    let revert = |from: &str, to: &str| Action::Revert {
        node: key(2),
        from: version(from),
        to: version(to),
        quarantine: None,
        start: true,
    };
    let failed = |text: &str| Reason::UpgradeFailed {
        version: version(text),
        failure: UpgradeFailure::Died,
    };
    let prove = || Action::Prove { node: key(2), version: version("0.23.1") };
    let held = || Reason::UpgradeHeld { version: version("0.23.1"), for_s: 900 };
    let installed = |size: u64| Installed {
        stamp: FileStamp { inode: 1, size, changed_ms: 2 },
        version: version("0.24.0"),
        sha256: "5eed".to_owned(),
        identity: None,
    };
    let recognise = || Action::Recognise { node: key(2), installed: installed(5) };
    let changed = || Reason::ProgramChanged { from: None, to: version("0.24.0") };
    let text = rows([
        ("put back", opinion(&trial, &[(revert("0.23.1", "0.22.1"), failed("0.23.1"))])),
        (
            "put back, nothing was tried",
            opinion(&all_is_well, &[(revert("0.23.1", "0.22.1"), failed("0.23.1"))]),
        ),
        (
            "put back, something else",
            opinion(&trial, &[(revert("0.23.1", "0.21.0"), failed("0.23.1"))]),
        ),
        (
            "put back, from something else",
            opinion(&trial, &[(revert("0.24.0", "0.22.1"), failed("0.24.0"))]),
        ),
        (
            "put back, another one failed",
            opinion(&trial, &[(revert("0.23.1", "0.22.1"), failed("0.24.0"))]),
        ),
        (
            "put back, nothing failed",
            opinion(&trial, &[(revert("0.23.1", "0.22.1"), Reason::Mute)]),
        ),
        ("proven", opinion(&trial, &[(prove(), held())])),
        ("proven, nothing was tried", opinion(&all_is_well, &[(prove(), held())])),
        (
            "proven, it does not run",
            opinion(
                &|it| {
                    trial(it);
                    set(it, 2, stopped(), Some(false));
                },
                &[(prove(), held())],
            ),
        ),
        (
            "written down",
            opinion(&|it| it.nodes[1].installed = Some(installed(5)), &[(recognise(), changed())]),
        ),
        (
            "written down, not as seen",
            opinion(&|it| it.nodes[1].installed = Some(installed(6)), &[(recognise(), changed())]),
        ),
        ("written down, nothing seen", opinion(&all_is_well, &[(recognise(), changed())])),
    ]);
    insta::assert_snapshot!(text, @"
    put back:
    put back, nothing was tried: antnode0002: 0.22.1 is not what it had before 0.23.1
    put back, something else: antnode0002: 0.21.0 is not what it had before 0.23.1
    put back, from something else: antnode0002: 0.22.1 is not what it had before 0.24.0
    put back, another one failed: antnode0002: an upgrade is taken back that did not fail
    put back, nothing failed: antnode0002: an upgrade is taken back that did not fail
    proven:
    proven, nothing was tried: antnode0002: what does not run proves nothing
    proven, it does not run: antnode0002: what does not run proves nothing
    written down:
    written down, not as seen: antnode0002: what is written down is not what was seen
    written down, nothing seen: antnode0002: what is written down is not what was seen
    ");
}
