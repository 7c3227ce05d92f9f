//! Runs that more than one test replays. Each test uses some of them.

#![allow(dead_code)]

pub(crate) mod clusters;
pub(crate) mod loads;
pub(crate) mod public;
