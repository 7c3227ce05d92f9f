//! Test equipment: what the end-to-end tests, the benches, the demo and `cargo xtask` need to work with real Spark.
//!
//! - [`paths`]: where everything is;
//! - [`java`] and [`venv`]: what Spark runs on, found or made once; [`jvm`]: how it starts quickly;
//! - [`data`]: the tables, written once;
//! - [`cluster`]: a standalone cluster on loopback that never outlives its value;
//! - [`command`] and [`application`]: any command, and a Spark application, as a bounded process;
//! - [`s3`]: an S3 server on loopback;
//! - [`unsteered`]: what programs do without Sparkwright, run once and kept;
//! - [`rest`] and [`event_log`]: what Spark says of a run, while it goes on and after it.
//!
//! Everything that takes a while tells what it does through a [`Say`], so that each caller shows it in its own way. Processes
//! started here are ended at Ctrl-C too ([`processes`]).

pub mod application;
pub mod cluster;
pub mod command;
pub mod data;
mod error;
pub mod event_log;
pub mod java;
pub mod jvm;
pub mod paths;
pub mod processes;
pub mod rest;
pub mod s3;
pub mod unsteered;
pub mod venv;

pub use error::{Error, Result};

/// Takes one line on what is being done, such as "installing pyspark 4.3.0 into ...".
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// Says nothing: for tests, whose output is read only when they fail.
pub fn quietly(_: &str) {}
