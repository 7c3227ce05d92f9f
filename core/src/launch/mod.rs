//! `plan_launch`: what an application starts with.

mod candidates;
mod confs;
mod contract;

pub use candidates::{CandidatePlan, ClusterCandidate, ClusterChoice};
pub use confs::settable_while_starting;
pub use contract::{CachePlan, ConfSetting, ConfWhen, PlanLaunchAnswer, PlanLaunchInput};

use crate::error::ErrorBody;
use crate::executor::driver::driver_memory;
use crate::executor::size::executor_size;
use crate::facts::{ClusterFacts, Manager};
use crate::job_plan::{Facts, JobPlan, Question, plan_job};
use crate::policy::ResolvedPolicy;
use crate::trace::Grade;
use crate::units::Bytes;

/// Decides what an application starts with.
///
/// # Errors
/// `does_not_fit` when an executor that the user, the policy or history calls for is larger than every machine.
pub fn plan_launch(policy: &ResolvedPolicy, input: &PlanLaunchInput) -> Result<PlanLaunchAnswer, ErrorBody> {
    if input.candidates.is_empty() {
        plan_for(policy, input, &input.cluster)
    } else {
        candidates::plan_on_best(policy, input)
    }
}

/// The plan on one cluster.
fn plan_for(
    policy: &ResolvedPolicy,
    input: &PlanLaunchInput,
    cluster: &ClusterFacts,
) -> Result<PlanLaunchAnswer, ErrorBody> {
    let facts = Facts::of(policy, &input.job, cluster, &input.history);
    let size = executor_size(policy, cluster, &facts.history, Bytes(0))?;
    let driver = driver_memory(policy, cluster, &facts.job);
    let question = Question {
        facts: &facts,
        cores: size.cores.value,
        // With a local master the driver's heap is the one that tasks work in.
        heap: if cluster.manager == Manager::Local { driver.value } else { size.heap.value },
        room: size.room,
        shuffled: None,
        data_grade: Grade::C,
        skewed: false,
        next: &[],
    };
    let JobPlan { count, shuffle, partitions, cache, table, run_time, cost, .. } = plan_job(policy, &question);
    let confs = confs::launch_confs(policy, cluster, &count, &size, &driver, &shuffle, &partitions);
    let pinned = confs.iter().any(|(key, conf)| key == confs::DYNAMIC_ALLOCATION && conf.value == "true");
    Ok(PlanLaunchAnswer {
        executors_if_lost: pinned.then_some(count.most),
        executors: count.wanted,
        initial_executors: count.initial,
        min_executors: count.least,
        max_executors: count.most,
        executor_cores: size.cores,
        executor_memory_bytes: size.heap,
        executor_overhead_bytes: size.overhead,
        driver_memory_bytes: driver,
        shuffle_partitions: partitions,
        cache,
        temp_table: table,
        run_time,
        cost,
        clusters: None,
        confs,
    })
}

#[cfg(test)]
mod tests;
