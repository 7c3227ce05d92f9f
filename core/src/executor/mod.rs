//! Executors: how many ([`count`]), how large ([`size`]), what runs on them at a time ([`slots`]), how many there are at the start
//! by replay ([`start`]), how much work a job is where nothing is known of it ([`guess`]), and the driver beside them ([`driver`]).

pub mod count;
pub mod driver;
pub mod guess;
pub mod heap;
mod machines;
pub mod run_time;
pub mod scaling;
pub mod shared_work;
pub mod size;
pub mod slots;
pub mod start;
