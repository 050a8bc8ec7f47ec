//! A domain of the simulation's own: wishes that jobs grant, and a consumer that writes down every event it hears of.
//!
//! The real domains are forgiving: what a lost job or event leaves undone, a sweep mends. These are not, so that a loss
//! shows.

use serde::{Deserialize, Serialize};
use thunderline_contracts::Registry;
use thunderline_core::{Action, Cx, Error, Event, Job, JobId, Result, Rule, SignedDuration, Subject};
use thunderline_runtime::{Subscription, Work};
use thunderline_store::{Db, Migration, Stmt, args};

/// The tables.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration::portable(
    900_001,
    "sim_base",
    "create table sim_wishes (number bigint primary key, wished bigint not null);
     create table sim_grants (number bigint primary key, granted bigint not null);
     create table sim_trail (sequence bigint primary key, id {uuid} not null unique, name text not null);",
)];

/// The contracts of the real events, and trust in the probe's own.
pub(crate) struct Contracts;

impl thunderline_core::Contracts for Contracts {
    fn check(&self, name: &str, version: u32, payload: &serde_json::Value) -> Result<()> {
        if name.starts_with("sim.") { Ok(()) } else { Registry.check(name, version, payload) }
    }
}

const WISH: Action = Action::new("sim.wish", Rule::System);
const GRANT: Action = Action::new("sim.grant", Rule::System);

const MAKE: Stmt = Stmt::new(
    "sim.wishes.make",
    "insert into sim_wishes (number, wished) values ($1, 1) on conflict (number) do update set wished = sim_wishes.wished + 1",
);
// What is granted is every wish made so far: a count behind the wishes' is a lost job.
const FULFIL: Stmt = Stmt::new(
    "sim.grants.fulfil",
    "insert into sim_grants (number, granted) select number, wished from sim_wishes where number = $1
     on conflict (number) do update set granted = excluded.granted",
);
const HEAR: Stmt =
    Stmt::new("sim.trail.hear", "insert into sim_trail (sequence, id, name) values ($1, $2, $3)");

#[derive(Serialize, Deserialize)]
struct Grant {
    number: i64,
}

impl Job for Grant {
    const NAME: &'static str = "sim.grant";

    fn key(&self) -> String {
        self.number.to_string()
    }
}

#[derive(Serialize, Deserialize)]
struct Wished {
    number: i64,
}

impl Event for Wished {
    const NAME: &'static str = "sim.wish.made";

    fn subject(&self) -> Subject {
        Subject::new("wish", self.number)
    }
}

#[derive(Serialize, Deserialize)]
struct Granted {
    number: i64,
    job: JobId,
    token: i64,
}

impl Event for Granted {
    const NAME: &'static str = "sim.wish.granted";

    fn subject(&self) -> Subject {
        Subject::new("wish", self.number)
    }
}

/// Makes a wish.
pub(crate) async fn wish(cx: &Cx, db: &Db, number: u8, after: u8) -> Result<()> {
    let mut write = db.write(cx, &WISH).await?;
    let number = i64::from(number);
    write.exec(&MAKE, args![number]).await?;
    write.emit(&Wished { number });
    write.enqueue_at(&Grant { number }, cx.now() + SignedDuration::from_secs(after.into()));
    write.commit(&Subject::new("wish", number)).await
}

async fn grant(cx: &Cx, db: &Db, number: i64) -> Result<()> {
    let attempt = cx.attempt().ok_or_else(|| Error::internal("wishes are granted by jobs"))?;
    let (job, token) = (attempt.job, attempt.token);
    let mut write = db.write(cx, &GRANT).await?;
    write.exec(&FULFIL, args![number]).await?;
    write.emit(&Granted { number, job, token });
    write.commit(&Subject::new("wish", number)).await
}

/// What runs.
pub(crate) fn work(db: &Db) -> Work {
    let mut jobs = thunderline_runtime::Registry::new();
    let db = db.clone();
    jobs.on(move |cx, job: Grant| {
        let db = db.clone();
        async move { grant(&cx, &db, job.number).await }
    });
    // No names: every event.
    let trail = Subscription::new("sim.trail", &[], |_cx, event, write| {
        Box::pin(async move {
            let row = args![event.sequence, event.id, event.name.clone()];
            write.exec(&HEAR, row).await.map(drop)
        })
    });
    Work { jobs, subscriptions: vec![trail], ..Work::default() }
}
