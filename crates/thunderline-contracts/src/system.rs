//! Events of the system itself: its domains become active, fail and come back.

use crate::event;

/// Declares one event of a domain's life; all have the same payload.
macro_rules! domain_event {
    ($($(#[$doc:meta])* $name:ident = $wire:literal),+ $(,)?) => {$(
        event! {
            $(#[$doc])*
            $name = $wire about "domain" domain {
                /// Which domain.
                domain: String,
                /// In which process.
                node: String,
                /// The state that it left.
                from: String,
                /// Why.
                reason: String,
                /// At which tick of the process; 0 before the first.
                tick: u64,
            }
        }
    )+};
}

domain_event! {
    /// A domain waits for what it depends on: its process started, or an operator wants it again.
    DomainWaiting = "system.domain.waiting",
    /// A domain works.
    DomainActivated = "system.domain.activated",
    /// A domain has trouble.
    DomainDegraded = "system.domain.degraded",
    /// A domain failed.
    DomainCrashed = "system.domain.crashed",
    /// A domain that failed will be made active again.
    DomainRestarting = "system.domain.restarting",
    /// A domain does not work any more: wished, given up, or the process stops.
    DomainDeactivated = "system.domain.deactivated",
}
