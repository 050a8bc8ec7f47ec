//! A fresh database for one test, and everything that one call context needs.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    sync::Arc,
};

use futures::FutureExt;
use tempfile::TempDir;
use thunderline_contracts::Registry;
use thunderline_core::{
    Actor, Contracts, Cx, FixedClock, NodeId, Random, Result, Role, SeededRandom, SystemRandom, TenantId,
    Timestamp,
};
use thunderline_store::{Db, Engine, MigrationSet, scratch};
use uuid::Uuid;

use crate::cluster;

/// Where the clock of every test starts: 2027-01-15 08:00 UTC.
const START: i64 = 1_800_000_000;

/// A migrated, empty database of its own, with a clock, randomness and callers.
pub struct TestDb {
    db: Db,
    url: String,
    engine: Engine,
    folder: Arc<TempDir>,
    random: Arc<SeededRandom>,
    tenant: TenantId,
    /// The clock that all contexts of this test share. It stands still until it is moved.
    pub clock: Arc<FixedClock>,
}

/// Runs one test body on one engine; what [`crate::both`] expands to.
///
/// # Panics
/// Where the body panics or fails.
pub fn run<F: Future<Output = Result<()>>>(
    engine: Engine,
    sets: &[MigrationSet],
    body: impl FnOnce(TestDb) -> F,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    runtime.block_on(async {
        let t = TestDb::new(engine, sets).await.expect("a test database can be made");
        let (url, folder) = (t.url.clone(), t.folder.clone());
        let outcome = AssertUnwindSafe(body(t)).catch_unwind().await;
        if engine == Engine::Postgres {
            let name = database_of(&url);
            scratch::remove(cluster::url(), name).await.expect("a test database can be removed");
        }
        drop(folder);
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("the test failed: {} ({})", error.chain(), error.code()),
            Err(panic) => resume_unwind(panic),
        }
    });
}

fn database_of(url: &str) -> &str {
    let base = url.split('?').next().unwrap_or(url);
    base.rsplit('/').next().unwrap_or(base)
}

impl TestDb {
    async fn new(engine: Engine, sets: &[MigrationSet]) -> Result<Self> {
        let folder = Arc::new(tempfile::tempdir()?);
        let clock = FixedClock::new(Timestamp::from_second(START).expect("2027 is in range"));
        let random = SeededRandom::new(1);
        let tenant = TenantId(Uuid::from_u128(0x7e57));
        let cx = Cx::new(Actor::System("testkit"), tenant, clock.clone(), random.clone());
        let (url, db);
        match engine {
            Engine::Sqlite => {
                url = format!("sqlite:{}", folder.path().join("test.db").display());
                db = Db::connect(&url).await?;
                db.migrate(&cx, sets).await?;
            }
            Engine::Postgres => {
                let admin = cluster::url();
                let template = format!("tl_template_{:016x}", fingerprint(sets));
                scratch::template(admin, &template, &cx, sets).await?;
                let mut bits = [0; 8];
                SystemRandom.fill(&mut bits);
                let name = format!("t_{:016x}", u64::from_le_bytes(bits));
                scratch::create(admin, &name, Some(&template)).await?;
                url = scratch::sibling(admin, &name)?;
                db = Db::connect(&url).await?;
            }
        }
        db.hold_to(TestContracts);
        Ok(Self { db, url, engine, folder, random, tenant, clock })
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The address of the database, for a process or a second pool that the test starts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The engine under test.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// A folder of this test's own, removed after it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The same database as another process would open it: own connections, own signals.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn reopen(&self) -> Result<Db> {
        let db = Db::connect(&self.url).await?;
        db.hold_to(TestContracts);
        Ok(db)
    }

    /// Cuts all connections at once, as a crash of the server would; on SQLite there is nothing between us and the file.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn cut_connections(&self) -> Result<()> {
        match self.engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => scratch::disconnect(cluster::url(), database_of(&self.url)).await,
        }
    }

    /// The tenant of all callers below.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// A caller who may look.
    #[must_use]
    pub fn viewer(&self) -> Cx {
        self.user("viewer", Role::Viewer)
    }

    /// A caller who may submit and steer.
    #[must_use]
    pub fn operator(&self) -> Cx {
        self.user("operator", Role::Operator)
    }

    /// A caller who may change the installation.
    #[must_use]
    pub fn admin(&self) -> Cx {
        self.user("admin", Role::Admin)
    }

    /// A caller with a name of its own.
    #[must_use]
    pub fn user(&self, name: &str, role: Role) -> Cx {
        self.actor(Actor::User { name: name.into(), role })
    }

    /// A part of Thunderline itself.
    #[must_use]
    pub fn system(&self) -> Cx {
        self.actor(Actor::System("test"))
    }

    /// A training node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Cx {
        self.actor(Actor::Node(id))
    }

    /// Any caller, with a correlation of its own.
    #[must_use]
    pub fn actor(&self, actor: Actor) -> Cx {
        Cx::new(actor, self.tenant, self.clock.clone(), self.random.clone())
    }
}

/// The contracts, and beside them the events that tests make up: those whose first segment is `t`.
pub struct TestContracts;

impl Contracts for TestContracts {
    fn check(&self, name: &str, version: u32, payload: &serde_json::Value) -> Result<()> {
        if name.starts_with("t.") { Ok(()) } else { Registry.check(name, version, payload) }
    }
}

/// Distinguishes templates: an edited migration gives another one.
fn fingerprint(sets: &[MigrationSet]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in thunderline_store::STORE_MIGRATIONS.iter().chain(sets.iter().copied().flatten()) {
        (migration.version, migration.name, migration.postgres).hash(&mut hasher);
    }
    hasher.finish()
}
