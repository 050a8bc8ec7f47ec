//! Events that a consumer gave up: the port through which the relay puts them aside.
//!
//! The relay is mechanism and moves cursors; whose table the letters are in, and who may replay or drop them, is
//! Thunderflow's. Everything here happens in the transaction that also moves (or holds) the consumer's cursor, so that no
//! event is lost between the two.

use std::{collections::HashSet, pin::Pin};

use thunderline_core::{Cx, Envelope, ErrorClass, Result, Subject, TenantId, Timestamp};
use uuid::Uuid;

use crate::Write;

/// What a port's function gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// How handling an event failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How often it was tried; 0 for an event that only waits behind another one.
    pub attempts: u32,
    /// When it failed for the first time.
    pub first_at: Timestamp,
    /// The class of the last error.
    pub class: ErrorClass,
    /// The last error, for whoever may look.
    pub reason: String,
}

/// An event that is to be put aside.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// Who gives it up.
    pub consumer: &'a str,
    /// The consumer's pipeline.
    pub pipeline: &'a str,
    /// The event.
    pub event: &'a Envelope,
    /// Why; `None`: it waits behind an earlier event about the same thing.
    pub failure: Option<&'a Failure>,
}

/// Where events are kept that a consumer gave up. Order per subject holds: while a consumer has a letter about a thing,
/// later events about that thing become letters as well, and a replay hands them over in order.
pub trait DeadLetters: Send + Sync {
    /// The things of which the consumer's events must wait.
    fn held<'a>(
        &'a self,
        write: &'a mut Write,
        consumer: &'a str,
    ) -> Answer<'a, HashSet<(TenantId, Subject)>>;

    /// Puts an event aside.
    fn add<'a>(&'a self, write: &'a mut Write, letter: Letter<'a>) -> Answer<'a, ()>;

    /// The letters that somebody wants to be tried again, in the order of their events.
    fn due<'a>(&'a self, cx: &'a Cx, consumer: &'a str) -> Answer<'a, Vec<(Uuid, Envelope)>>;

    /// The consumer has handled this letter. `conflict` where it is not to be replayed any more.
    fn handled<'a>(&'a self, write: &'a mut Write, letter: Uuid) -> Answer<'a, ()>;

    /// The letter failed again; it and those behind it wait for another replay.
    fn failed<'a>(&'a self, write: &'a mut Write, letter: Uuid, failure: &'a Failure) -> Answer<'a, ()>;
}
