//! What operators do in the middle of it, and what is done to the wnm that they run.

use std::time::Duration;

use super::chaos::{Chaos, Later};
use super::tally::Tally;
use super::world::World;

impl Chaos {
    /// In the middle of a cycle, or of a request.
    pub(super) fn kill_wnm(&mut self, world: &mut World, tally: &mut Tally) {
        let number = self.any(world).to_string();
        let requests =
            [&["run"][..], &["run"], &["restart", &number], &["add"], &["remove", &number]];
        let args = requests[self.rng.usize(0..requests.len())];
        let most = tally.usual_ms() * 3 / 2;
        let delay = Duration::from_millis(self.rng.u64(0..=most.max(10)));
        let ran = world.wnm_until(args, delay);
        match ran.code {
            None => {
                tally.note(&format!("wnm: SIGKILL in `{}`", args[0]), 1);
                tally.remember(format!("`{}` killed after {:?}", args.join(" "), ran.took));
            }
            Some(_) => tally.ended(world, args[0], &ran),
        }
    }

    /// Several wnm at once.
    pub(super) fn crowd(&mut self, world: &mut World, tally: &mut Tally) {
        let number = self.any(world).to_string();
        let all = [&["run"][..], &["run"], &["restart", &number], &["status"]];
        let started: Vec<_> = (0..)
            .zip(all)
            .map(|(at, args)| world.start(args, &world.env.path(&format!("out-{at}"))))
            .collect();
        tally.note("wnm: four at once", 1);
        for (mut child, args) in started.into_iter().zip(all) {
            let code = child.wait().expect("our own child").code();
            if !matches!(code, Some(0..=3 | 5 | 6)) && !world.is_full {
                tally.wrong(format!("{args:?} beside others ended with {code:?}"));
            }
        }
    }

    pub(super) fn request(&mut self, world: &mut World, tally: &mut Tally) {
        let (number, other) = (self.any(world).to_string(), self.any(world).to_string());
        let node = format!("antnode{number:0>4}");
        let requests: [(&[&str], Option<&str>); 9] = [
            (&["add"], None),
            (&["remove", &number], None),
            (&["remove", &number, &other], None),
            (&["stop", &number], Some("start")),
            (&["restart", &number, &other], None),
            (&["disable", &number], Some("enable")),
            (&["upgrade", &number], None),
            (&["identity", "restore", &node], None),
            (&["db", "backup"], None),
        ];
        let (args, back) = requests[self.rng.usize(0..requests.len())];
        self.wnm(world, tally, args);
        if let Some(back) = back {
            self.later(tally, Later::Wnm(vec![back.to_owned(), number.clone()]));
        }
    }

    pub(super) fn cap(&mut self, world: &mut World, tally: &mut Tally) {
        let cap = world.nodes - self.rng.u32(0..=(world.nodes / 20).max(1));
        self.wnm(world, tally, &["config", "set", "node_cap", &cap.to_string()]);
    }
}
