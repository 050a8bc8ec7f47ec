//! What travels: the web's own types, made from the domains' and described in the OpenAPI document.

pub mod artifact;
pub mod decision;
pub mod domain;
pub mod event;
pub mod federation;
pub mod health;
pub mod job;
pub mod lease;
pub mod lineage;
pub mod node;
pub mod page;
pub mod problem;
pub mod rollup;
pub mod round;
pub mod schedule;
pub mod workflow;
