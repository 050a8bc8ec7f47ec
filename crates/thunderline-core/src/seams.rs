//! Where the deterministic simulation takes hold of the code under test: crash points and planted bugs.
//!
//! In a release build all of this is empty: [`planted`] is a constant `false`, and [`point`] does nothing. In a build with
//! debug assertions, such as every test's, the simulation can stop the program around every write transaction, let a commit
//! fail, hold one request back while others go on, and switch on one of a list of named mistakes to prove that it would
//! find it. That is no cargo feature, since one test that asked for it would give it to every program built beside it.
//!
//! What is armed belongs to the calling thread. The simulation runs everything on one; planted mistakes must therefore be
//! asked for in async code, never in work that is sent to a thread pool.

/// A mistake that the simulation can switch on. What each does is said where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A repeated request with an idempotency key is done again.
    SkipIdempotency,
    /// A caller hears of success although the commit failed.
    AcknowledgeEarly,
    /// A worker that lost its claim can still end the job.
    ForgetFence,
    /// A lease that has ended is ended again.
    ReleaseTwice,
    /// A consumer's cursor is committed before its event is handled.
    CursorFirst,
    /// Closing a round leaves its leases open, so that late updates are still taken.
    CountLate,
    /// Events are written in a transaction of their own, after that of their action.
    EventsApart,
    /// A job is claimed although one of the same name and key is running.
    RunTwins,
    /// A node that falls silent goes without an event.
    LoseLeave,
    /// A lease may be answered for a minute after its end.
    WrongDeadline,
    /// A restarted server gives nodes no time to report.
    NoPatience,
    /// A failed round is opened again under its old attempt number.
    ReuseAttempt,
    /// A coming or going that was cut off between its row and the memory of it is never looked up.
    StayInDoubt,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::SkipIdempotency,
        Self::AcknowledgeEarly,
        Self::ForgetFence,
        Self::ReleaseTwice,
        Self::CursorFirst,
        Self::CountLate,
        Self::EventsApart,
        Self::RunTwins,
        Self::LoseLeave,
        Self::WrongDeadline,
        Self::NoPatience,
        Self::ReuseAttempt,
        Self::StayInDoubt,
    ];
}

/// A moment in a write transaction's life at which a simulated program can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Before it is begun: nothing is held.
    Begin,
    /// Everything is written, nothing is committed.
    Commit,
    /// It is committed; whoever asked has not heard yet.
    Committed,
}

#[cfg(not(debug_assertions))]
mod nothing {
    use super::{Bug, Point};
    use crate::Result;

    /// Whether this mistake is switched on: never.
    #[inline]
    #[must_use]
    pub const fn planted(_bug: Bug) -> bool {
        false
    }

    /// Passes through.
    ///
    /// # Errors
    /// None.
    #[inline]
    #[expect(clippy::unused_async, reason = "it is one where the simulation takes hold")]
    pub async fn point(_point: Point) -> Result<()> {
        Ok(())
    }
}

#[cfg(debug_assertions)]
mod traps {
    use std::{cell::RefCell, future::poll_fn, task::Poll};

    use super::{Bug, Point};
    use crate::{Error, Result};

    /// What happens at an armed point.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Effect {
        /// The program stops there for ever.
        Crash,
        /// The database reports a failure.
        Fail,
        /// The task waits there until it is released; others go on.
        Stall,
    }

    /// A point in a run that something is to happen at.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Trap {
        /// Where.
        pub point: Point,
        /// How many passages are let through before.
        pub after: u32,
        /// What.
        pub effect: Effect,
    }

    /// What a trap did.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Sprung {
        /// The program must be thrown away.
        Crashed,
        /// The task that was polled waits for [`release`] with this ticket.
        Stalled(u64),
    }

    #[derive(Default)]
    struct State {
        bug: Option<Bug>,
        trap: Option<Trap>,
        sprung: Option<Sprung>,
        tickets: u64,
        waiting: Vec<u64>,
        commits: u64,
    }

    thread_local! {
        static STATE: RefCell<State> = RefCell::default();
    }

    fn with<T>(change: impl FnOnce(&mut State) -> T) -> T {
        STATE.with(|state| change(&mut state.borrow_mut()))
    }

    /// Switches a mistake on, on this thread; or all off.
    pub fn plant(bug: Option<Bug>) {
        with(|state| state.bug = bug);
    }

    /// Whether this mistake is switched on.
    #[must_use]
    pub fn planted(bug: Bug) -> bool {
        with(|state| state.bug == Some(bug))
    }

    /// Sets the trap; gives the one before it that has not sprung.
    pub fn arm(trap: Option<Trap>) -> Option<Trap> {
        with(|state| std::mem::replace(&mut state.trap, trap))
    }

    /// What the trap will do that is set, if one is.
    #[must_use]
    pub fn armed() -> Option<Effect> {
        with(|state| state.trap.map(|trap| trap.effect))
    }

    /// What the trap did since this was last asked.
    #[must_use]
    pub fn sprung() -> Option<Sprung> {
        with(|state| state.sprung.take())
    }

    /// Transactions that were committed on this thread so far: where there are no more, nothing has changed.
    #[must_use]
    pub fn commits() -> u64 {
        with(|state| state.commits)
    }

    /// Lets a stalled task go on when it is polled next.
    pub fn release(ticket: u64) {
        with(|state| state.waiting.retain(|waiting| *waiting != ticket));
    }

    /// Passes through, or does what the trap says.
    ///
    /// # Errors
    /// `unavailable` where the trap says that the database fails.
    pub async fn point(point: Point) -> Result<()> {
        let effect = with(|state| {
            state.commits += u64::from(point == Point::Committed);
            let trap = state.trap.as_mut().filter(|trap| trap.point == point)?;
            if trap.after > 0 {
                trap.after -= 1;
                return None;
            }
            state.trap.take().map(|trap| trap.effect)
        });
        match effect {
            None => Ok(()),
            Some(Effect::Fail) => Err(Error::unavailable("the database is away (simulated)")),
            Some(Effect::Crash) => {
                with(|state| state.sprung = Some(Sprung::Crashed));
                std::future::pending().await
            }
            Some(Effect::Stall) => {
                let ticket = with(|state| {
                    state.tickets += 1;
                    state.sprung = Some(Sprung::Stalled(state.tickets));
                    state.waiting.push(state.tickets);
                    state.tickets
                });
                poll_fn(|_| match with(|state| state.waiting.contains(&ticket)) {
                    true => Poll::Pending,
                    false => Poll::Ready(Ok(())),
                })
                .await
            }
        }
    }
}

#[cfg(not(debug_assertions))]
pub use nothing::*;
#[cfg(debug_assertions)]
pub use traps::*;
