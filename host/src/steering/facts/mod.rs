//! What the host knows, as `core` asks for it: one file a decision point, each a struct of `core` filled in by name, so that a fact that
//! `core` renames or adds does not go unnoticed. What the host does not know it leaves unknown: defaults are `core`'s.
//!
//! A pipeline asks in JSON of its own, which [`asked`] completes.

pub(super) mod asked;
mod cleanup;
pub(super) mod cluster;
pub(super) mod control;
mod executors;
pub(super) mod known;
mod launch;
pub(super) mod query;
mod review;
mod stage;
