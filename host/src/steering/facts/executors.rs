//! The executors of an application as they are.

use sparkwright_core::units::Bytes;

use crate::steering::lock::lock;
use crate::steering::steered::Steered;

/// Executors as they are; with a local master the driver is the one executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Executors {
    /// Those that are there and not told to go.
    pub(super) count: u32,
    /// Cores of one; unknown before there is one and where nothing is configured.
    pub(super) cores: Option<u32>,
    /// `spark.task.cpus`, where it is configured.
    pub(super) task_cpus: Option<u32>,
    /// Heap of one, where it is configured.
    pub(super) heap_bytes: Option<Bytes>,
}

impl Executors {
    /// The executors of an application.
    pub(super) fn of(steered: &Steered) -> Self {
        let hello = &steered.hello;
        let task_cpus = hello.whole("spark.task.cpus");
        if !steered.manager().scales() {
            let heap_bytes = hello.driver_max_memory_bytes.map(Bytes);
            return Self { count: 1, cores: hello.default_parallelism, task_cpus, heap_bytes };
        }
        let (count, seen) = {
            let application = lock(&steered.application);
            (application.live_executors(), application.executor_cores())
        };
        let cores = seen.or_else(|| hello.whole("spark.executor.cores"));
        Self { count, cores, task_cpus, heap_bytes: hello.memory("spark.executor.memory") }
    }
}
