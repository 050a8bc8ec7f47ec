//! What becomes of a domain next: a pure function of what is known about it.

use std::collections::VecDeque;

use thunderline_core::{DomainState, SignedDuration, Timestamp};

/// The bounds within which domains live.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A domain that has waited for so long is reported.
    pub tick_timeout: SignedDuration,
    /// Ticks without acknowledgement after which a domain is degraded.
    pub degraded_after: u64,
    /// Ticks without acknowledgement after which a domain counts as crashed.
    pub crashed_after: u64,
    /// The first pause before a restart; the pauses double.
    pub first_pause: SignedDuration,
    /// The longest pause before a restart.
    pub longest_pause: SignedDuration,
    /// So many failures within [`Limits::window`] and the domain is given up.
    pub failures: usize,
    /// How long a failure counts.
    pub window: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tick_timeout: SignedDuration::from_secs(30),
            degraded_after: 3,
            crashed_after: 10,
            first_pause: SignedDuration::from_secs(1),
            longest_pause: SignedDuration::from_secs(60),
            failures: 6,
            window: SignedDuration::from_mins(10),
        }
    }
}

/// What is known about a domain.
#[derive(Clone, Debug)]
pub struct Life {
    /// Where it is.
    pub state: DomainState,
    /// Since when.
    pub since: Timestamp,
    /// Since when it waits, over a change from waiting to degraded.
    pub waiting_since: Timestamp,
    /// When it failed, as far as that counts, oldest first.
    pub failures: VecDeque<Timestamp>,
    /// Whether an operator wants it not to work.
    pub unwanted: Option<String>,
}

impl Life {
    /// A domain that has not been active yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let state = DomainState::Waiting;
        Self { state, since: now, waiting_since: now, failures: VecDeque::new(), unwanted: None }
    }

    /// When a domain that failed may be made active again.
    #[must_use]
    pub fn restart_at(&self, limits: &Limits) -> Timestamp {
        let doublings = u32::try_from(self.failures.len().saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        self.since + (limits.first_pause * 2_i32.pow(doublings)).min(limits.longest_pause)
    }
}

/// What its tasks are doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Running {
    /// There are none.
    Nothing,
    /// It is being made active since so many ticks.
    Starting(u64),
    /// They run; how many ticks they have not acknowledged, and what troubles them.
    Working {
        /// Ticks since the last acknowledged one.
        missed: u64,
        /// What does not go well.
        trouble: Option<String>,
    },
    /// They ended, or could not be started.
    Failed(String),
}

/// A step in a domain's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begin to make it active.
    Start,
    /// Go to another state, for this reason. Tasks are stopped where it is one in which nothing works.
    Become(DomainState, String),
}

/// The next step, if any. It is asked again after each step until there is none.
#[must_use]
pub fn next(
    life: &Life,
    running: &Running,
    dependencies: bool,
    now: Timestamp,
    limits: &Limits,
) -> Option<Step> {
    use DomainState::{Active, Crashed, Degraded, Inactive, Restarting, Waiting};
    let become_ = |state, reason: String| Some(Step::Become(state, reason));
    if let Some(reason) = &life.unwanted {
        return if life.state == Inactive { None } else { become_(Inactive, reason.clone()) };
    }
    match (life.state, running) {
        (Inactive, _) => None,
        (Crashed, _) if life.failures.len() >= limits.failures => {
            let (count, minutes) = (life.failures.len(), limits.window.as_mins());
            become_(
                Inactive,
                format!("it failed {count} times within {minutes} minutes; activate it when that is mended"),
            )
        }
        (Crashed, _) => {
            let pause = life.restart_at(limits).duration_since(life.since);
            become_(Restarting, format!("again in {} s", pause.as_secs()))
        }
        (_, Running::Failed(reason)) => become_(Crashed, reason.clone()),
        (Waiting | Degraded | Restarting, Running::Starting(ticks)) if *ticks >= limits.crashed_after => {
            become_(Crashed, format!("it did not become active within {ticks} ticks"))
        }
        (Waiting | Degraded | Restarting, Running::Working { missed: 0, trouble: None }) => {
            let reason =
                if life.state == Degraded { "all is well again" } else { "what it depends on is active" };
            become_(Active, reason.into())
        }
        (Waiting | Restarting, Running::Working { .. }) => {
            become_(Active, "what it depends on is active".into())
        }
        (Active | Degraded, Running::Working { missed, .. }) if *missed >= limits.crashed_after => {
            become_(Crashed, format!("it has not acknowledged {missed} ticks"))
        }
        (Active, Running::Working { missed, .. }) if *missed >= limits.degraded_after => {
            become_(Degraded, format!("it has not acknowledged {missed} ticks"))
        }
        (Active, Running::Working { trouble: Some(trouble), .. }) => become_(Degraded, trouble.clone()),
        (Restarting, Running::Nothing) if now >= life.restart_at(limits) => Some(Step::Start),
        (Waiting | Degraded, Running::Nothing) if dependencies => Some(Step::Start),
        (Waiting, Running::Nothing) if now.duration_since(life.waiting_since) >= limits.tick_timeout => {
            let seconds = limits.tick_timeout.as_secs();
            become_(
                Degraded,
                format!("tick_timeout: what it depends on has not become active within {seconds} s"),
            )
        }
        (Active, Running::Nothing) => become_(Crashed, "its tasks are gone".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
