//! What travels: the web's own types, made from the domains' and described in the OpenAPI document.

pub mod artifact;
pub mod backup;
pub mod checkpoint;
pub mod decision;
pub mod domain;
pub mod event;
pub mod event_type;
pub mod fact;
pub mod federation;
pub mod group;
pub mod health;
pub mod job;
pub mod lease;
pub mod lineage;
pub mod node;
pub mod page;
pub mod privacy;
pub mod problem;
pub mod retention;
pub mod rollup;
pub mod round;
pub mod schedule;
pub mod workflow;
pub mod zone;
