//! Executors: how many ([`count`]), how large ([`size`]), and the driver beside them ([`driver`]).

pub mod count;
pub mod driver;
pub mod run_time;
pub mod size;
