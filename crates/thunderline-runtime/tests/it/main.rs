//! Background work on both engines, each piece run once and as a loop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod background;
mod host;
mod job_control;
mod kills;
mod periodic;
mod policy;
mod relay;
mod relay_kills;
mod worker;

use serde::{Deserialize, Serialize};
use thunderline_core::{Action, Cx, Event, Job, Result, Role, Rule, Subject};
use thunderline_store::{Db, Migration, MigrationSet, Stmt};
use uuid::Uuid;

const MIGRATIONS: &[MigrationSet] = &[&[Migration::portable(
    9001,
    "seen",
    "create table t_seen (id {uuid} primary key, times bigint not null);
     create table t_notes (id {autoid}, consumer text not null, event bigint not null);
     create table t_aside (id {uuid} primary key, consumer text not null, sequence bigint not null, event {json} not null,
        attempts bigint not null, class text not null, state text not null);",
)]];

const ADD: Action = Action::new("t.thing.add", Rule::AtLeast(Role::Operator));
const LOOK: Action = Action::new("t.thing.look", Rule::AtLeast(Role::Viewer));
/// Counts how often something was seen, so that what is done twice shows.
const SEE: Stmt = Stmt::new(
    "seen.see",
    "insert into t_seen (id, times) values ($1, 1) on conflict (id) do update set times = t_seen.times + 1",
);
const SEEN: Stmt = Stmt::new("seen.all", "select id, times from t_seen order by id");

#[derive(Serialize, Deserialize)]
struct Added {
    id: Uuid,
}

impl Event for Added {
    const NAME: &'static str = "t.thing.added";
    fn subject(&self) -> Subject {
        Subject::new("thing", self.id)
    }
}

#[derive(Serialize, Deserialize)]
struct Polish {
    id: Uuid,
}

impl Job for Polish {
    const NAME: &'static str = "t.thing.polish";
    fn key(&self) -> String {
        self.id.to_string()
    }
}

async fn add(cx: &Cx, db: &Db, number: u128) -> Result<Uuid> {
    let id = Uuid::from_u128(number);
    let mut write = db.write(cx, &ADD).await?;
    write.emit(&Added { id });
    write.commit(&Subject::new("thing", id)).await?;
    Ok(id)
}

async fn enqueue(cx: &Cx, db: &Db, number: u128) -> Result<()> {
    let id = Uuid::from_u128(number);
    let mut write = db.write(cx, &ADD).await?;
    write.enqueue(&Polish { id });
    write.commit(&Subject::new("thing", id)).await
}

/// What was seen, and how often.
async fn seen(cx: &Cx, db: &Db) -> Result<Vec<(u128, i64)>> {
    let rows = db.read(cx, &LOOK).await?.all(&SEEN, vec![]).await?;
    rows.iter().map(|row| Ok((row.get::<Uuid>("id")?.as_u128(), row.get("times")?))).collect()
}
