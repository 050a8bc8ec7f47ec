//! Strategies that specs may name.

pub mod list;
