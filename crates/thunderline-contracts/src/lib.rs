//! The published language between domains: the payload of every event.
//!
//! A domain that wants to know something about another listens to these events and keeps its own projection; it never
//! calls the other. Payloads are versioned and never edited once released: a change is a new version beside the old.
//!
//! Each payload says its own JSON schema ([`Shape`]), each name follows the [rules](name), and what is in the
//! [registry] is all that may be told: the database refuses the rest.

mod check;
pub mod dag;
pub mod federation;
pub mod flow;
pub mod grid;
pub mod link;
pub mod name;
pub mod registry;
mod shape;
pub mod system;

pub use check::{Fault, faults};
pub use registry::{EventType, Registry, find};
pub use shape::Shape;

/// Declares an event payload: its wire name and what it is about. It must be listed in [`registry`] as well.
macro_rules! event {
    (
        $(#[$doc:meta])*
        $name:ident = $wire:literal about $kind:literal $subject:ident {
            $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)?
        }
    ) => {
        $crate::record! {
            $(#[$doc])*
            #[derive(PartialEq)]
            pub struct $name { $( $(#[$field_doc])* pub $field: $type ),* }
        }

        impl thunderline_core::Event for $name {
            const NAME: &'static str = $wire;
            fn subject(&self) -> thunderline_core::Subject {
                thunderline_core::Subject::new($kind, &self.$subject)
            }
        }
    };
}
pub(crate) use event;

/// Declares a struct that is an event's payload or a part of one, with its schema.
macro_rules! record {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $( $(#[$field_doc:meta])* pub $field:ident : $type:ty ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $type ),* }

        impl $crate::Shape for $name {
            fn schema() -> serde_json::Value {
                $crate::shape::object(&[$( (
                    stringify!($field),
                    <$type as $crate::Shape>::schema(),
                    <$type as $crate::Shape>::REQUIRED,
                ) ),*])
            }
        }
    };
}
pub(crate) use record;

/// Gives an enum without data its schema: the words that stand for it in JSON.
macro_rules! words {
    ($name:ident: $($word:literal),+ $(,)?) => {
        impl $crate::Shape for $name {
            fn schema() -> serde_json::Value {
                serde_json::json!({ "type": "string", "enum": [$($word),+] })
            }
        }
    };
}
pub(crate) use words;
