//! Replay: what an event log says would have happened.
//!
//! [`log::Log`] takes the lines of an event log, [`trace::Trace`] keeps of it what a replay needs, and [`simulation`] computes when and where each
//! task runs. Pure: no file, clock, thread or global state, and the same numbers natively and as WebAssembly.
//!
//! **Kept as recorded**: how long each task held its slot, in the order of launch; which jobs and stages wait for which; the time that the driver
//! took before each job and each stage, until the first launch, and after the last task; where tasks were near to their data; when executors came and
//! went. **Computed**: when and on which executor each task runs, queues of jobs that run at the same time, executors that come, drain and are lost, where
//! cached partitions and map outputs lie, the wait for a near slot, and attempts again. **Never used**: launch times of tasks after a stage's
//! first, and the recorded ends of stages and jobs.
#![no_std]
extern crate alloc;

pub mod adaptive;
pub mod advice;
pub mod allocations;
pub mod causes;
pub mod coalescing;
pub mod compare;
pub mod curve;
pub mod events;
pub mod executor_time;
pub mod log;
pub mod measure;
pub mod promote;
mod settings;
pub mod simulation;
pub mod starts;
pub mod steered;
pub mod trace;
