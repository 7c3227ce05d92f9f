//! Steers one running application: answers its questions, moves its executors, records what came of it.
//!
//! `server` listens for the plugin of one driver process; what the threads of an application share is `steered`. Spark's events come in on
//! one connection (`events`) and add up in [`crate::spark::application`]; the `questions` thread answers the plugin's question about each
//! query, and the `controller` thread ticks. Both fill in what is known (`facts`), ask the policy module (`decider`) and nothing else, and
//! carry on when it fails. What came of a decision is joined to it in `outcomes`; `finishing` closes the record. Pipelines that declare
//! their stages talk to the host on connections of their own (`pipeline`); `declared` is what runs of them, `stages` begins and ends it.
//! `stalls` says when the host itself did not run. An application that is not steered leaves a record too (`unsteered`).
//!
//! Modules here use each other one way only, and none uses this one.

mod begin;
mod controller;
mod counters;
mod decider;
mod declared;
mod driver;
mod events;
mod facts;
mod finishing;
mod host_process;
mod lock;
mod outcomes;
pub mod pipeline;
mod queries;
mod questions;
mod scaling;
pub mod server;
mod setup;
mod stages;
mod stalls;
mod starting;
mod steered;
mod unsteered;

pub use begin::record_lost_host;
pub use decider::Decider;
pub use driver::lives;
pub use host_process::{Host, NoHost, start_host};
pub use setup::{Mode, SteeringSetup};
pub(crate) use starting::EXECUTORS_IF_LOST;
