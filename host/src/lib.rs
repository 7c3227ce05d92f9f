//! Steers running Spark applications by a policy compiled to WebAssembly.
//!
//! [`launch`] plans what an application starts with; [`steering`] serves the plugin inside its driver, asks the policy
//! module ([`engine`]) and records what came of it ([`record`]). [`web`] serves the page on which a policy is edited and its runs
//! are looked at. [`replay`] computes what a run would have taken otherwise. [`store`] keeps what a run
//! teaches ([`lesson`]) for the next runs of its job, which [`jobs`] lists. [`cleaning`] removes what killed sessions left behind. [`cli`] is the `sparkwright` command around them. Nothing here
//! decides: every number comes from `sparkwright_core`, compiled into `policy.wasm`.

#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod assets;
mod bounded_file;
pub mod cleaning;
pub mod cli;
mod clock;
pub mod conformance;
mod digest;
pub mod engine;
pub mod file_error;
pub mod jobs;
pub mod launch;
pub mod lesson;
mod own_log;
mod private;
pub mod record;
pub mod replay;
pub mod review;
pub mod spark;
pub mod spending;
pub mod steering;
pub mod store;
pub mod web;
