//! Writes a store of the newest schema as SQL, for the museum: `cargo run -p wnm-store --example museum
//! -- 0003 >wnm-store/museum/0003.sql`, once, with the version that is released with that schema. With
//! an earlier version it takes later migrations back, which is how the first pieces were made.
#![expect(clippy::disallowed_methods, reason = "a program for whoever adds a migration")]
#![expect(clippy::print_stdout, reason = "its output is the piece")]

use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use wnm_core::action::{Action, Change, Outcome, PlannedAction, Reason, Stopped};
use wnm_core::fakes::build::{draft, id, policy, release, seconds, spec};
use wnm_core::host::{Intents, Recording, Store};
use wnm_core::model::{BootId, Instant, NodeKey, Now, OpId, RecordId, Timestamp, Verb};
use wnm_core::observe::{FaultKind, Readings, Unread, snapshot};
use wnm_core::plan::{PlanScope, plan};
use wnm_core::policy::{Delays, Drafts};
use wnm_store::SqliteStore;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let version = std::env::args().nth(1).ok_or("name the schema, such as 0002")?;
    let home = std::env::temp_dir().join(format!("wnm-museum-{}", std::process::id()));
    std::fs::create_dir(&home)?;
    let file = home.join("colony.db");
    let made = furnish(&file).and_then(|()| dump(&file.display().to_string(), &version));
    std::fs::remove_dir_all(&home)?;
    println!("{}", made?);
    Ok(())
}

fn at(second: u64) -> Now {
    let instant = Instant { boot: BootId("museum".to_owned()), uptime_ms: second * 1000 };
    Now { wall: Timestamp(1_795_000_000_000 + second as i64 * 1000), instant }
}

fn furnish(file: &std::path::Path) -> Result<(), Failed> {
    let store = SqliteStore::create(file)?;
    store.set_policy(&draft(), at(1).wall)?;
    let node = |number: u32| NodeKey { id: id(number), record: RecordId(i64::from(number)) };
    let act = |action: Action| {
        let planned = PlannedAction { action, reason: Reason::RoomAgain };
        store.begin(&planned, &at(10)).map(|begun| begun.op)
    };
    let finish =
        |op: OpId| store.finish(op, &Outcome::Done { changes: vec![Change::Made] }, at(20).wall);
    for number in 1..=3 {
        finish(act(Action::Add { spec: Box::new(spec(number)), release: release(), key: None })?)?;
    }
    finish(act(Action::Stop { node: node(2), stopped: Stopped::ByOperator })?)?;
    finish(act(Action::Disable { node: node(3) })?)?;
    act(Action::Restart { node: node(1), release: None })?;
    store.request(&Verb::Add { count: 1 }, &at(30))?;
    cycle(&store)
}

fn cycle(store: &SqliteStore) -> Result<(), Failed> {
    let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".to_owned() };
    let readings = Readings {
        machine: Err(unread()),
        ports: Ok(Default::default()),
        nodes: Default::default(),
        storage: Default::default(),
        occupied: Err(unread()),
        numbering: None,
        release: Ok(release()),
        program: None,
        around: Default::default(),
        releases: Default::default(),
    };
    let delays = Delays { start: seconds(300), remove: seconds(300), upgrade: seconds(300) };
    let snapshot = snapshot(&store.load()?, &readings, &delays, &at(60));
    let policy = policy(&draft());
    let plan = plan(&snapshot, &policy, PlanScope::Everything);
    store.save_cycle(&Recording {
        sample: None,
        snapshot: &snapshot,
        drafts: &Drafts { stored: draft(), ..Drafts::default() },
        policy: &policy,
        scope: PlanScope::Everything,
        plan: &plan,
        memory: &plan.memory,
    })?;
    Ok(())
}

/// What takes migrations back, the newest first.
const BACK: [(&str, &str); 1] = [("0002", include_str!("../migrations/0002_upgrades/down.sql"))];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn dump(file: &str, version: &str) -> Result<String, Failed> {
    let mut connection = SqliteConnection::establish(file)?;
    for (later, down) in BACK.iter().filter(|(later, _)| *later > version) {
        connection.batch_execute(down)?;
        let forget = format!("DELETE FROM __diesel_schema_migrations WHERE version = '{later}'");
        connection.batch_execute(&forget)?;
    }
    let mut ask = |sql: &str| -> Result<Vec<String>, Failed> {
        let lines = diesel::sql_query(sql).load::<Line>(&mut connection)?;
        Ok(lines.into_iter().map(|line| line.line).collect())
    };
    let mut text = vec![
        format!("-- A store of schema {version}, as it was written then. It is never changed."),
        "PRAGMA foreign_keys = OFF;".to_owned(),
        "PRAGMA application_id = 2003725617;".to_owned(),
        "BEGIN;".to_owned(),
    ];
    let own = "sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
    let tables = ask(&format!(
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND {own} ORDER BY rowid"
    ))?;
    text.extend(ask(&format!(
        "SELECT sql || ';' AS line FROM sqlite_master WHERE {own} ORDER BY rowid"
    ))?);
    for table in tables.iter().map(String::as_str).chain(["sqlite_sequence"]) {
        let columns = ask(&format!("SELECT name AS line FROM pragma_table_info('{table}')"))?;
        let quoted: Vec<String> = columns.iter().map(|it| format!("quote(\"{it}\")")).collect();
        let values = quoted.join(" || ', ' || ");
        text.extend(ask(&format!(
            "SELECT 'INSERT INTO {table} ({}) VALUES (' || {values} || ');' AS line FROM {table}",
            columns.join(", ")
        ))?);
    }
    text.push("COMMIT;".to_owned());
    Ok(text.join("\n"))
}
