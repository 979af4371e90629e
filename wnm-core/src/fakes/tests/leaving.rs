//! Nodes that leave: let go of, or for another disk.

use super::*;

#[test]
fn a_released_node_goes_on_and_nothing_of_it_is_given_to_another() {
    for fails in [None, Some(Op::Archive), Some(Op::HandOver)] {
        let sim = sim(eager(2));
        sim.cycles(5);
        let node = sim.keys()[0];
        let before = sim.host.world().nodes[&node.id].process;
        assert!(before.is_some());
        sim.host.world().faults.extend(fails.map(|op| (op, FaultKind::Failed)));
        sim.ask(Verb::Release { nodes: vec![node] });
        sim.cycle();
        if fails.is_some() {
            assert!(sim.keys().contains(&node), "what failed is still recorded: {fails:?}");
            sim.ask(Verb::Release { nodes: vec![node] });
            sim.cycle();
        }
        assert!(!sim.keys().contains(&node), "{fails:?}");
        assert!(sim.host.world().archive.contains(&node));
        sim.cycles(6);
        let world = sim.host.world();
        assert_eq!(world.nodes[&node.id].process, before, "its process was not touched");
        let open =
            world.nodes[&node.id].spec.ports.public().all(|rule| world.open_ports.contains(&rule));
        assert!(open, "its port stays open");
        drop(world);
        let ids: Vec<u32> = sim.keys().iter().map(|key| key.id.number()).collect();
        assert_eq!(ids, [2, 3], "another one came, by another name");
    }
}

#[test]
fn a_node_moves_to_another_disk_wherever_wnm_fails_or_dies() {
    const OTHER: &str = "/mnt/other";
    let fails = [None, Some(Op::Stop), Some(Op::Archive), Some(Op::Carry), Some(Op::SetAside)];
    for (fails, dies) in fails.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let sim = sim(eager(1).with(Setting::NodeStorage, format!("/srv/nodes {OTHER}")));
        let mut other = sim.host.world().disks[std::path::Path::new("/srv/nodes")].clone();
        (other.device, other.foreign) = (2, gb(500));
        sim.host.world().disks.insert(OTHER.into(), other);
        sim.cycles(4);
        let node = sim.keys()[0];
        assert_eq!(sim.nodes()[0].spec.storage.to_str(), Some("/srv/nodes"));
        sim.ask(Verb::Move { nodes: vec![node], storage: OTHER.into() });
        sim.host.world().faults.extend(fails.map(|op| (op, FaultKind::Full)));
        if dies {
            sim.store.fail_next_finish(FaultKind::Failed);
        }
        sim.cycles(4);
        if fails.is_some() && !dies {
            assert_eq!(sim.nodes()[0].spec.storage.to_str(), Some("/srv/nodes"), "{fails:?}");
            assert_eq!(sim.host.world().running(), 1, "it runs where it was: {fails:?}");
            sim.ask(Verb::Move { nodes: vec![node], storage: OTHER.into() });
        }
        sim.cycles(6);
        let record = sim.nodes().remove(0);
        assert_eq!(record.spec.storage.to_str(), Some(OTHER), "{fails:?} {dies}");
        assert_eq!(record.spec.left, None, "{fails:?} {dies}");
        assert!(!sim.host.world().nodes[&node.id].aside, "what was left is gone");
        assert_eq!(sim.keys(), [node]);
        sim.rests_with(1);
    }
}

#[test]
fn a_release_that_was_cut_short_is_finished() {
    let sim = sim(eager(1));
    sim.cycles(4);
    let node = sim.keys()[0];
    let before = sim.host.world().nodes[&node.id].process;
    sim.ask(Verb::Release { nodes: vec![node] });
    sim.store.fail_next_finish(FaultKind::Full);
    sim.cycles(2);
    assert!(!sim.keys().contains(&node));
    assert_eq!(sim.store.load().unwrap().open, vec![]);
    assert_eq!(sim.host.world().nodes[&node.id].process, before);
}

#[test]
fn an_opening_of_a_released_node_stays_while_it_is_down_for_a_moment() {
    let sim = sim(eager(1));
    sim.cycles(4);
    let node = sim.keys()[0];
    sim.ask(Verb::Release { nodes: vec![node] });
    sim.cycle();
    sim.set(eager(0));
    sim.host.world().reboot();
    sim.cycles(12);
    let world = sim.host.world();
    let rules = world.nodes[&node.id].spec.ports.public();
    assert!(rules.into_iter().all(|rule| world.open_ports.contains(&rule)));
}
