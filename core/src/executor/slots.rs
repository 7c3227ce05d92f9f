//! How many tasks run at a time: the one rule behind shared work, partitions, the ramp and a review.
//!
//! An executor runs whole tasks only, `floor(spark.executor.cores / spark.task.cpus)` at a time, and so does the driver of a local master.
//! Source: `ResourceProfile.calculateTasksAndLimitingResource` and `ExecutorAllocationManager` of Apache Spark.

/// Cores of an executor where neither an executor nor the configuration says: Spark's default on YARN and Kubernetes.
pub const DEFAULT_CORES: u32 = 1;
/// `spark.task.cpus` as Spark has it when nobody sets it.
pub const DEFAULT_TASK_CPUS: u32 = 1;

/// Tasks that one executor runs at a time, by its cores and `spark.task.cpus`; either is Spark's default where it is unknown. At least
/// one: an executor that can't run a single task of the application would never have been started.
#[must_use]
pub const fn tasks_an_executor(cores: Option<u32>, task_cpus: Option<u32>) -> u32 {
    let cores = match cores {
        Some(cores) => cores,
        None => DEFAULT_CORES,
    };
    match task_cpus {
        Some(cpus) if cpus > 1 && cores >= cpus => cores / cpus,
        Some(cpus) if cpus > 1 => 1,
        _ if cores > 1 => cores,
        _ => 1,
    }
}

/// Tasks that so many executors run at a time.
#[must_use]
pub const fn slots(executors: u32, tasks_an_executor: u32) -> u32 {
    executors.saturating_mul(tasks_an_executor)
}

/// Executors that so many tasks fill.
#[must_use]
pub const fn executors_for(tasks: u64, tasks_an_executor: u32) -> u64 {
    tasks.div_ceil(if tasks_an_executor > 1 { tasks_an_executor as u64 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executor_runs_whole_tasks_and_at_least_one() {
        for (cores, task_cpus, tasks) in [
            (Some(4), Some(1), 4),
            (Some(4), Some(2), 2),
            (Some(5), Some(2), 2),
            (Some(1), Some(2), 1),
            (Some(4), Some(4), 1),
            (Some(4), None, 4),
            (Some(4), Some(0), 4),
            (Some(0), Some(1), 1),
            (Some(0), Some(0), 1),
            (None, Some(1), 1),
            (None, Some(8), 1),
            (None, None, 1),
            (Some(u32::MAX), Some(u32::MAX), 1),
        ] {
            assert_eq!(tasks_an_executor(cores, task_cpus), tasks, "{cores:?} / {task_cpus:?}");
        }
    }

    #[test]
    fn executors_and_slots_belong_together() {
        for (executors, each, all) in [(0, 4, 0), (3, 4, 12), (u32::MAX, 2, u32::MAX)] {
            assert_eq!(slots(executors, each), all);
        }
        for (tasks, each, executors) in
            [(0, 4, 0), (1, 4, 1), (4, 4, 1), (5, 4, 2), (7, 1, 7), (7, 0, 7), (u64::MAX, 2, u64::MAX / 2 + 1)]
        {
            assert_eq!(executors_for(tasks, each), executors, "{tasks} tasks, {each} at a time");
        }
    }
}
