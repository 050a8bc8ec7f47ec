//! The domain's behaviour on both engines, through its public actions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod backups;
mod checkpoints;
mod health;
mod home;
mod jobs;
mod registry;
mod retention;
mod schedules;
mod statements;

use serde::{Deserialize, Serialize};
use thunderblock::{Block, schedules::kind::Kind};
use thunderline_core::{Action, Job, Result, Role, Rule};
use thunderline_testkit::{MigrationSet, TestDb};

const MIGRATIONS: &[MigrationSet] = &[thunderblock::MIGRATIONS];

const TIDY: Action = Action::new("t.room.tidy", Rule::AtLeast(Role::Operator));

/// A kind of job that some other domain might have.
#[derive(Serialize, Deserialize)]
struct Tidy {
    room: String,
}

impl Job for Tidy {
    const NAME: &'static str = "t.room.tidy";
    fn key(&self) -> String {
        self.room.clone()
    }
}

fn block(t: &TestDb) -> Block {
    Block::new(t.db().clone()).with_schedulable([Kind::of::<Tidy>(&TIDY)])
}
