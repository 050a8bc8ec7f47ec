//! The database: opening it, and the only doors to reading and writing.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use thunderline_core::{Action, Contracts, Cx, Result, Subject};

use crate::{
    Engine, Jobs, Read, Signals, Stmt, Write,
    audit::{self, Outcome},
    denials::Denials,
    engine::Pools,
};

/// A database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    pools: Pools,
    signals: Signals,
    denials: Mutex<Denials>,
    working: Mutex<Vec<&'static str>>,
    contracts: OnceLock<Box<dyn Contracts>>,
}

impl Db {
    /// Opens `sqlite:PATH` (created where missing) or `postgres://USER@HOST/DATABASE`.
    ///
    /// # Errors
    /// `invalid` for a malformed address, `unavailable` where the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self> {
        let pools = Pools::connect(url).await?;
        let (signals, contracts) = (Signals::default(), OnceLock::new());
        let (denials, working) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { pools, signals, denials, working, contracts })))
    }

    /// Says which events may be told from now on; before, none may. What was said first stays.
    pub fn hold_to(&self, contracts: impl Contracts + 'static) {
        self.0.contracts.get_or_init(|| Box::new(contracts));
    }

    pub(crate) fn contracts(&self) -> Option<&dyn Contracts> {
        self.0.contracts.get().map(|contracts| &**contracts)
    }

    /// Which engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.pools.engine()
    }

    /// The wake-ups of this process.
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.0.signals
    }

    /// The job queue's mechanism.
    #[must_use]
    pub fn jobs(&self) -> Jobs {
        Jobs::new(self.clone())
    }

    pub(crate) fn working(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.0.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.0.pools
    }

    /// Asks the policy, then opens a read-only view of one state of the database.
    ///
    /// # Errors
    /// `forbidden`, or `unavailable` where no connection is free.
    pub async fn read(&self, cx: &Cx, action: &Action) -> Result<Read> {
        action.authorize(cx)?;
        Ok(Read::new(self.pools().begin_read(Some(cx.tenant())).await?))
    }

    /// Asks the policy, then opens a transaction that can write. There is no other way to get one.
    ///
    /// Nothing slow belongs between this and [`Write::commit`]: on SQLite there is one writer, and a task that asks for
    /// a second while it holds the first waits for itself until it is told `unavailable`.
    ///
    /// # Errors
    /// `forbidden`, in which case the refusal is in the audit; `unavailable` where the database is busy.
    pub async fn write(&self, cx: &Cx, action: &Action) -> Result<Write> {
        match action.authorize(cx) {
            Ok(decision) => {
                let tx = self.pools().begin_write(Some(cx.tenant())).await?;
                Ok(Write::new(self.clone(), tx, cx.clone(), *action, decision))
            }
            Err(refusal) => {
                // A refusal stays a refusal, also where it cannot be written down.
                if let Err(error) = self.record_denial(cx, action).await {
                    tracing::error!(
                        action = action.name,
                        error = error.chain(),
                        "a refusal was not recorded"
                    );
                }
                Err(refusal)
            }
        }
    }

    async fn record_denial(&self, cx: &Cx, action: &Action) -> Result<()> {
        let actor = cx.actor().to_string();
        let admitted = {
            let mut denials = self.0.denials.lock().unwrap_or_else(PoisonError::into_inner);
            denials.admit(actor, action.name, cx.now())
        };
        if !admitted {
            return Ok(());
        }
        let mut tx = self.pools().begin_write(None).await?;
        let nothing = Subject::new("", "");
        audit::insert(&mut tx, cx, action.name, &action.rule.describe(), &nothing, Outcome::Denied).await?;
        tx.commit().await
    }

    /// Lets the engine check statements without running them: unknown tables and columns and wrong syntax are errors.
    ///
    /// # Errors
    /// The first statement that the engine refuses.
    pub async fn prepare_all(&self, statements: &[&Stmt]) -> Result<()> {
        for statement in statements {
            let mut tx = self.pools().begin_read(None).await?;
            tx.prepare(statement.name, statement.sql).await?;
        }
        Ok(())
    }

    /// Closes all connections; what is running finishes first.
    pub async fn close(&self) {
        self.pools().close().await;
    }
}
