//! Steers one running application: answers its questions, moves its executors, records what came of it.
//!
//! Facts come in on the events connection (`run`) and add up in [`crate::spark::application`]; the `questions` thread answers
//! the plugin's question about each query, and the `controller` thread ticks. Both ask the policy module and nothing
//! else, and both carry on when it fails. Pipelines that declare their stages talk to the host on connections of their own
//! (`pipeline`); what runs of them is `declared`.

mod controller;
mod decider;
mod declared;
mod outcomes;
pub mod pipeline;
mod questions;
mod reviewing;
mod run;
pub mod server;
mod starting;

pub use decider::Decider;
pub use run::{Launch, Mode};
pub(crate) use starting::EXECUTORS_IF_LOST;
