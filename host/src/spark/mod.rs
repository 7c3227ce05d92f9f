//! The Spark side as the host sees it: what the plugin says ([`protocol`]), Spark's own events ([`events`]) and what they
//! add up to ([`application`], [`work`], [`plan_history`]).

pub mod application;
pub mod lines;
pub mod plan_history;
pub mod protocol;
pub mod work;

pub use sparkwright_replay::events;
