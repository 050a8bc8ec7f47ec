//! Webhooks.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod disable;
pub mod enable;
pub mod list;
pub mod show;
pub mod test;
