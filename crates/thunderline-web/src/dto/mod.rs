//! What travels: the web's own types, made from the domains' and described in the OpenAPI document.

pub mod artifact;
pub mod blackboard;
pub mod consumer;
pub mod dead_letter;
pub mod decision;
pub mod domain;
pub mod event;
pub mod event_type;
pub mod fact;
pub mod federation;
pub mod flag;
pub mod health;
pub mod lease;
pub mod lineage;
pub mod node;
pub mod page;
pub mod problem;
pub mod rollup;
pub mod round;
pub mod webhook;
