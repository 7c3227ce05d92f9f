//! Executors: how many ([`count`]), how large ([`size`]), who moves them ([`scaling`]), and the driver beside them ([`driver`]).

pub mod count;
pub mod driver;
pub mod run_time;
pub mod scaling;
pub mod shared_work;
pub mod size;
