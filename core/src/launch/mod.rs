//! `plan_launch`: what an application starts with.

mod candidates;
mod clusters;
mod confs;
mod contract;
mod python_socket;

pub use clusters::{CandidatePlan, ClusterCandidate, ClusterChoice};
pub use confs::settable_while_starting;
pub use contract::{CachePlan, PlanLaunchAnswer, PlanLaunchInput};

use crate::by_name::ByName;
use crate::error::ErrorBody;
use crate::executor::driver::driver_memory;
use crate::executor::scaling::{Scaling, scaling};
use crate::executor::size::executor_size;
use crate::facts::{ClusterFacts, Manager};
use crate::job_plan::{Facts, JobPlan, Question, plan_job};
use crate::policy::ResolvedPolicy;
use crate::trace::Grade;
use crate::units::Bytes;
use python_socket::python_unix_socket;

/// Decides what an application starts with.
///
/// # Errors
/// `does_not_fit` when an executor that the user, the policy or history calls for is larger than every machine.
pub fn plan_launch(policy: &ResolvedPolicy, input: &PlanLaunchInput) -> Result<PlanLaunchAnswer, ErrorBody> {
    if input.candidates.is_empty() {
        plan_for(policy, input, &input.cluster)
    } else {
        candidates::plan_on_best(policy, input, plan_for)
    }
}

/// The plan on one cluster.
fn plan_for(
    policy: &ResolvedPolicy,
    input: &PlanLaunchInput,
    cluster: &ClusterFacts,
) -> Result<PlanLaunchAnswer, ErrorBody> {
    let facts = Facts::of(policy, &input.job, cluster, &input.history);
    let size = executor_size(policy, cluster, &facts.history, facts.job.input_bytes, Bytes(0))?;
    let driver = driver_memory(policy, cluster, &facts.job, &facts.history);
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
    let JobPlan { count, shuffle, partitions, advisory, file_partition, cache, table, run_time, cost } =
        plan_job(policy, &question);
    let scaling = scaling(policy, cluster);
    let mut plan = PlanLaunchAnswer {
        executors_if_lost: (scaling.value == Scaling::Policy).then_some(count.most),
        executors: count.wanted,
        initial_executors: count.initial,
        min_executors: count.least,
        max_executors: count.most,
        scaling: Some(scaling),
        executor_cores: size.cores,
        executor_memory_bytes: size.heap,
        executor_overhead_bytes: size.overhead,
        driver_memory_bytes: driver,
        file_partition_bytes: file_partition,
        shuffle_partitions: partitions,
        advisory_partition_bytes: advisory,
        python_unix_socket: python_unix_socket(cluster),
        cache,
        temp_table: table,
        run_time,
        cost,
        clusters: None,
        confs: ByName::new(),
    };
    plan.confs = confs::launch_confs(policy, &facts, &plan, shuffle.bytes.is_some());
    Ok(plan)
}

#[cfg(test)]
mod tests;
