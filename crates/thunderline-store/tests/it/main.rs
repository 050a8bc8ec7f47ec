//! The store on both engines.

mod alone;
mod fence;
mod history;
mod migrations;
mod queue;
mod queue_simulation;
mod steer;
mod stream;
mod transactions;

use serde::{Deserialize, Serialize};
use thunderline_core::{Action, Event, Job, Role, Rule, Subject};
use thunderline_store::{Migration, MigrationSet, Stmt};
use uuid::Uuid;

/// A little domain to write with.
const MIGRATIONS: &[MigrationSet] = &[THINGS];

const THINGS: MigrationSet = &[Migration::portable(
    9001,
    "things",
    "create table t_things (
        id {uuid} primary key, label text not null unique, count bigint not null, ratio double precision,
        body {bytes}, note {json}, flag bigint, at bigint);
     create table t_numbers (id {autoid}, n bigint not null);",
)];

const ADD: Action = Action::new("t.thing.add", Rule::AtLeast(Role::Operator));
const LOOK: Action = Action::new("t.thing.look", Rule::AtLeast(Role::Viewer));

const INSERT: Stmt = Stmt::new("thing.insert", "insert into t_things (id, label, count) values ($1, $2, $3)");
const BUMP: Stmt = Stmt::new("thing.bump", "update t_things set count = $2 where label = $1");
const GET: Stmt = Stmt::new("thing.get", "select id, label, count from t_things where label = $1");
const COUNT: Stmt = Stmt::new("thing.count", "select count(*) as n from t_things");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Added {
    id: Uuid,
}

impl Event for Added {
    const NAME: &'static str = "t.thing.added";
    fn subject(&self) -> Subject {
        Subject::new("thing", self.id)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Polish {
    id: Uuid,
}

impl Job for Polish {
    const NAME: &'static str = "t.thing.polish";
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// Before everything else, and only twice.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rescue {
    number: u32,
}

impl Job for Rescue {
    const NAME: &'static str = "t.thing.rescue";
    const PRIORITY: i64 = -1;
    const MAX_ATTEMPTS: u32 = 2;
    fn key(&self) -> String {
        self.number.to_string()
    }
}
