//! Sparkwright's decisions: pure functions from facts to decisions, each with its trace.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod abi;
pub mod broadcast;
pub mod cache;
pub mod control;
pub mod error;
pub mod evaluate;
pub mod executor;
pub mod facts;
pub mod launch;
pub mod memory;
pub mod policy;
pub mod query;
pub mod scan;
pub mod shuffle;
pub mod steering;
pub mod temp_table;
pub mod trace;
pub mod units;
