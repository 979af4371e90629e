//! What must hold after every cycle, and what when all has come to rest: P1, P3, P4 and P7 of the README.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::action::Action;
use wnm_core::host::{HistoryQuery, Intents, Store};
use wnm_core::model::{OpId, Phase, Timestamp, Want};
use wnm_core::observe::{Ledger, OpRecord};
use wnm_store::SqliteStore;

use super::tally::Tally;
use super::world::World;

const HOUR_MS: i64 = 3_600_000;

/// A key, by its content.
type Key = Vec<u8>;

pub(super) struct Judge {
    /// Every key that was ever seen, and where first.
    known: BTreeMap<Key, PathBuf>,
    /// Each node's key, and when it was first seen there.
    homes: BTreeMap<PathBuf, (Key, Timestamp)>,
    /// What may have deleted something, latest last.
    lines: BTreeMap<OpId, OpRecord>,
    /// The engine's own decisions to remove within an hour.
    removals: VecDeque<(OpId, Timestamp)>,
    journal: usize,
    /// Things that are none of wnm's, with what is in them.
    strays: BTreeMap<PathBuf, String>,
}

/// Files as they are.
#[derive(Default)]
struct Found {
    keys: Vec<(PathBuf, Key)>,
    files: usize,
}

impl Judge {
    /// With strays put among the nodes.
    pub(super) fn new(world: &World) -> Judge {
        let name = |name: &str| world.storage.join(name);
        let places = ["antnode9001/precious", "mine/secret-keys.txt", ".hidden", "notes"].map(name);
        let mut strays = BTreeMap::new();
        for (number, place) in places.into_iter().enumerate() {
            let text = format!("mine {number}");
            fs::create_dir_all(place.parent().expect("it has one"))
                .and_then(|()| fs::write(&place, &text))
                .expect("a file can be put there");
            strays.insert(place, text);
        }
        Judge {
            known: BTreeMap::new(),
            homes: BTreeMap::new(),
            lines: BTreeMap::new(),
            removals: VecDeque::new(),
            journal: 0,
            strays,
        }
    }

    pub(super) fn journal(&self) -> usize {
        self.journal
    }

    /// Judges, and answers how many files there are but for archived keys.
    pub(super) fn look(&mut self, world: &World, tally: &mut Tally) -> usize {
        let now = now();
        self.read_journal(world, now, tally);
        let mut found = Found::default();
        walk(&world.base, &mut found);
        self.keys(world, &found.keys, now, tally);
        for (place, text) in &self.strays {
            if fs::read_to_string(place).ok().as_ref() != Some(text) {
                tally.wrong(format!("P3: {} was touched", place.display()));
            }
        }
        one_process_each(world, &self.homes, tally);
        found.files
    }

    fn read_journal(&mut self, world: &World, now: Timestamp, tally: &mut Tally) {
        let Some(store) = open(world) else { return };
        // What has begun long ago is known already.
        let since = self.lines.values().next_back().map(|it| Timestamp(it.begun.0 - 60_000));
        let query = HistoryQuery { since, ..HistoryQuery::default() };
        let lines = match store.history(&query) {
            Ok(lines) => lines,
            Err(error) => return tally.wrong(format!("the journal cannot be read: {error:?}")),
        };
        for line in lines {
            if self.lines.contains_key(&line.id) {
                continue;
            }
            self.journal += 1;
            tally.note(&format!("wnm: {}", line.planned.action.name()), 1);
            if line.planned.removes_by_engine().is_some() {
                self.removals.push_back((line.id, line.begun));
            }
            self.lines.insert(line.id, line);
        }
        self.removals.retain(|(_, at)| now.0 - at.0 < HOUR_MS);
        let limit = world.removals_an_hour() as usize;
        if self.removals.len() > limit {
            let count = self.removals.len();
            tally.wrong(format!("P7: {count} removals in an hour, {limit} are allowed"));
        }
        // Those of the last hour explain whatever happens now.
        self.lines.retain(|_, line| now.0 - line.begun.0 < HOUR_MS);
    }

    fn keys(&mut self, world: &World, found: &[(PathBuf, Key)], now: Timestamp, tally: &mut Tally) {
        let present: BTreeSet<&Key> = found.iter().map(|(_, key)| key).collect();
        for (key, place) in self.known.iter().filter(|(key, _)| !present.contains(key)) {
            tally.wrong(format!("LOST: the key that was first in {} is nowhere", place.display()));
            tally.remember(format!("that key is {}", id(key)));
        }
        let mut homes = BTreeMap::new();
        for (place, key) in found {
            let data = place.parent().expect("a file lies somewhere");
            self.known.entry(key.clone()).or_insert_with(|| place.clone());
            if data.parent() == Some(&world.storage) && !is_hidden(data) {
                let since = match self.homes.get(data) {
                    Some((before, since)) if before == key => *since,
                    _ => now,
                };
                homes.insert(data.to_owned(), (key.clone(), since));
            }
        }
        for (data, (key, since)) in &self.homes {
            let is_same = homes.get(data).is_some_and(|(now, _)| now == key);
            if !is_same && !self.is_named(data, *since) {
                tally.wrong(format!("P3: {} lost its key, no intent names it", data.display()));
            }
        }
        // Told once.
        self.known.retain(|key, _| present.contains(key));
        self.homes = homes;
    }

    /// True when something that ends a node there was written down since then.
    fn is_named(&self, data: &Path, since: Timestamp) -> bool {
        let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.lines.values().any(|line| {
            let ends = matches!(line.planned.action, Action::Remove { .. } | Action::Retire { .. });
            let is_in_time = line.ended.is_none_or(|ended| ended >= since);
            ends && is_in_time && line.node.id.to_string() == name
        })
    }

    /// True when every node that is to run does, and there are as many as there may be.
    pub(super) fn is_at_rest(&self, world: &World, count: u32) -> bool {
        let Some(ledger) = ledger(world) else { return false };
        let runs = world.processes();
        let is_well = |it: &wnm_core::model::NodeRecord| {
            it.want == Want::Run
                && !matches!(it.phase, Phase::Removing { .. })
                && it.upgrade.is_none()
                && runs.contains_key(&it.spec.data)
        };
        let nodes = &ledger.nodes;
        ledger.open.is_empty() && nodes.len() == count as usize && nodes.iter().all(is_well)
    }

    /// Without chaos for a while: all of P2, and every key where keys belong.
    pub(super) fn at_rest(&self, world: &World, count: u32, tally: &mut Tally) {
        let Some(ledger) = ledger(world) else {
            return tally.wrong("the store cannot be read at the end".to_owned());
        };
        if !self.is_at_rest(world, count) {
            let runs = world.processes().len();
            let of = |it: &wnm_core::model::NodeRecord| {
                let runs = world.processes().contains_key(&it.spec.data);
                let told = format!("{} {:?} {:?} runs {runs}", it.spec.id, it.want, it.phase);
                (it.want != Want::Run || !runs || it.upgrade.is_some()).then_some(told)
            };
            let odd: Vec<String> = ledger.nodes.iter().filter_map(of).collect();
            let (is, open) = (ledger.nodes.len(), ledger.open.len());
            tally.wrong(format!(
                "P2: {runs} of {count} nodes run, {is} are recorded, {open} operations open: {odd:?}"
            ));
        }
        let homes: BTreeSet<&PathBuf> = ledger.nodes.iter().map(|it| &it.spec.data).collect();
        let mut found = Found::default();
        walk(&world.base, &mut found);
        let belongs = |place: &Path| {
            place
                .parent()
                .is_some_and(|it| it.ends_with("identities") || homes.contains(&it.to_owned()))
        };
        let kept: BTreeSet<&Key> =
            found.keys.iter().filter(|(place, _)| belongs(place)).map(|(_, key)| key).collect();
        for (key, place) in self.known.iter().filter(|(key, _)| !kept.contains(key)) {
            let place = place.display();
            tally.wrong(format!("LOST: {}, first in {place}, has no home at the end", id(key)));
        }
        for data in world.processes().keys().filter(|data| !homes.contains(data)) {
            tally.wrong(format!("P2: {} runs and is nobody's", data.display()));
        }
        let names = fs::read_dir(&world.storage).into_iter().flatten().flatten();
        for name in names.map(|it| it.file_name().to_string_lossy().into_owned()) {
            let is_known =
                [".wnm-storage", ".hidden", "mine", "notes", "antnode9001"].contains(&&*name);
            if !is_known && !homes.contains(&world.storage.join(&name)) {
                tally.wrong(format!("P2: {name} is left over"));
            }
        }
        tally.note("keys seen", self.known.len());
    }
}

/// P4: a data directory and a key have one process at most.
fn one_process_each(world: &World, homes: &BTreeMap<PathBuf, (Key, Timestamp)>, tally: &mut Tally) {
    let mut runs = BTreeMap::<&Key, &PathBuf>::new();
    let processes = world.processes();
    for (data, pids) in &processes {
        if pids.len() > 1 {
            tally.wrong(format!("P4: {} runs as {pids:?}", data.display()));
        }
        let Some((data, (key, _))) = homes.get_key_value(data) else { continue };
        if let Some(other) = runs.insert(key, data) {
            tally.wrong(format!("P4: one key in {} and {}", data.display(), other.display()));
        }
    }
}

fn walk(at: &Path, found: &mut Found) {
    let Ok(entries) = fs::read_dir(at) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Nodes delete files of their own at any moment.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(&path, found);
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_archived = at.ends_with("identities");
        found.files += usize::from(!is_archived);
        if (name == "secret-key" || name.ends_with(".key"))
            && let Ok(key) = fs::read(&path)
            // One that could not be written is none.
            && !key.is_empty()
        {
            found.keys.push((path, key));
        }
    }
}

fn is_hidden(data: &Path) -> bool {
    data.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn id(key: &[u8]) -> String {
    blake3::hash(key).to_hex()[..12].to_owned()
}

fn open(world: &World) -> Option<SqliteStore> {
    SqliteStore::open_read_only(&world.base.join("colony.db")).ok()
}

fn ledger(world: &World) -> Option<Ledger> {
    open(world)?.load().ok()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.expect("after 1970").as_millis() as i64)
}
