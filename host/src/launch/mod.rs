//! Before an application starts: what the user asked `spark-submit` for ([`arguments`]), which Spark and Java there are
//! ([`installation`], [`properties`]), what is known of the cluster ([`cluster`]), the plan that comes of it ([`plan`]), and the event log that
//! is kept of it ([`event_log`]). Then it is run, and how it ended is known ([`spark_submit`], [`attempt`]).

pub mod arguments;
pub mod attempt;
pub mod cluster;
pub mod event_log;
pub mod history_file;
pub mod input_files;
pub mod installation;
pub mod local_uri;
pub mod plan;
pub mod policy_source;
pub mod properties;
pub mod spark_submit;
