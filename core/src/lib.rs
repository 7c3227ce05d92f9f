//! Sparkwright's decisions: pure functions from facts to decisions, each with its trace.
#![no_std]
extern crate alloc;
// CEL needs it; nothing of ours does.
extern crate std;

pub mod abi;
pub mod answers;
pub mod broadcast;
pub mod by_name;
pub mod cache;
pub mod cleanup;
pub mod confs;
pub mod control;
pub mod cost;
pub mod decision;
pub mod error;
pub mod evaluate;
pub mod executor;
pub mod facts;
pub mod history;
pub mod job_name;
mod job_plan;
pub mod json;
pub mod launch;
pub mod lesson;
mod members;
pub mod memory;
pub mod memory_kind;
pub mod out_of_memory;
pub mod policy;
pub mod predict;
pub mod printable;
pub mod query;
pub mod retry;
pub mod review;
pub mod rules;
pub mod scan;
pub mod schedule;
#[cfg(feature = "schema")]
pub mod schema;
pub mod shuffle;
pub mod stage;
pub mod steering;
pub mod temp_table;
pub mod trace;
pub mod units;
mod words;
