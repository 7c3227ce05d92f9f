//! The Spark side as the host sees it: what the plugin says ([`protocol`]), Spark's own events ([`events`]) and what they
//! add up to ([`application`], [`plan_history`]).

pub mod application;
pub mod lines;
pub mod plan_history;
pub mod protocol;

pub use sparkwright_replay::events;
