//! The published language between domains: the payload of every event.
//!
//! A domain that wants to know something about another listens to these events and keeps its own projection; it never
//! calls the other. Payloads are versioned and never edited once released: a change is a new version beside the old.

pub mod dag;
pub mod federation;
pub mod link;
pub mod system;

/// Declares an event payload: its wire name and what it is about.
macro_rules! event {
    (
        $(#[$doc:meta])*
        $name:ident = $wire:literal about $kind:literal $subject:ident {
            $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $type ),* }

        impl thunderline_core::Event for $name {
            const NAME: &'static str = $wire;
            fn subject(&self) -> thunderline_core::Subject {
                thunderline_core::Subject::new($kind, &self.$subject)
            }
        }
    };
}
pub(crate) use event;
