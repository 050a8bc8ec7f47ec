//! Jobs: work to be done later, enqueued in the transaction that is its reason.

use serde::{Serialize, de::DeserializeOwned};

/// A kind of work. Handlers must be idempotent: a job runs at least once.
pub trait Job: Serialize + DeserializeOwned {
    /// `domain.noun.verb`, for example `fl.federation.drive`.
    const NAME: &'static str;

    /// Jobs with the same name and key that wait to start are one job. A job that is already running does not count:
    /// what was enqueued meanwhile runs again afterwards, so that no wake-up is lost.
    fn key(&self) -> String;
}
