//! `plan_stage`: executors, session configurations, cache and temp table for a declared stage of a pipeline.
//!
//! The same rules as before a launch, for one stage and with what is known by then: the executors have their size, their heap says how
//! large a piece a task sorts in memory, and the stages to come say how the result is read.

mod contract;
mod data;
mod profile;

pub use contract::{PlanStageAnswer, PlanStageInput, RunningExecutors};
pub use profile::{ColumnsFacts, DataCategory, DataProfile};

use alloc::string::ToString as _;

use crate::broadcast::{SPARK_DEFAULT, broadcast_threshold};
use crate::confs::{BROADCAST_THRESHOLD, SKEW_THRESHOLD, Settings};
use crate::error::ErrorBody;
use crate::executor::size::executor_size;
use crate::job_plan::{Facts, JobPlan, Question, plan_job};
use crate::memory::DEFAULT_HEAP;
use crate::policy::ResolvedPolicy;
use crate::scan;
use crate::shuffle::tasks::shuffle_tasks;
use crate::shuffle::{self, advisory_size, skew};
use crate::trace::Grade;
use crate::units::Bytes;

/// Decides how a stage is run.
///
/// # Errors
/// `does_not_fit` when executors are still to be sized and the size called for is larger than every machine.
pub fn plan_stage(policy: &ResolvedPolicy, input: &PlanStageInput) -> Result<PlanStageAnswer, ErrorBody> {
    let cluster = &input.cluster;
    let (job, data) = data::described(input);
    let facts = Facts::of(policy, &job, cluster, &input.history);
    let size = executor_size(policy, cluster, &facts.history, facts.job.input_bytes, Bytes(0));
    let (cores, heap, room) = match input.executors {
        // They run: whatever size others would have is no reason to refuse.
        Some(RunningExecutors { cores: Some(cores), heap_bytes, .. }) => {
            (cores.max(1), heap_bytes.unwrap_or(DEFAULT_HEAP), size.ok().and_then(|size| size.room))
        }
        // Those of which nobody has seen one are sized as for a launch.
        _ => {
            let size = size?;
            (size.cores.value, size.heap.value, size.room)
        }
    };
    let sizes = &input.partition_bytes;
    let measured = sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(size.get()));
    let skewed = input.key_skew.is_some_and(|largest| largest >= skew::DEFAULT_FACTOR) || skew::any_skewed(sizes);
    let question = Question {
        facts: &facts,
        cores,
        heap,
        room,
        shuffled: (!sizes.is_empty()).then_some(Bytes(measured)),
        data_grade: if sizes.is_empty() { input.data_grade } else { Grade::A },
        skewed,
        next: &input.next,
    };
    let JobPlan { count, shuffle, partitions, advisory, file_partition, cache, table, run_time, cost } =
        plan_job(policy, &question);
    let size = advisory_size(&shuffle);
    let threshold = broadcast_threshold(policy, input.driver_heap_bytes);
    let skew = (shuffle.adaptive && skewed).then(|| skew::split_from(size.value));
    let user = |key: &str| cluster.user(key).is_some();
    let mut confs = Settings::new(policy, &user);
    if policy.pipeline.stage_optimization {
        scan::partition_size::set(file_partition.as_ref(), &mut confs);
        if shuffle.bytes.is_some() {
            shuffle::set(&partitions, advisory.as_ref(), "shuffle partitions for this stage's data", &mut confs);
        }
        if let Some(skew) = &skew {
            confs.set(SKEW_THRESHOLD, skew.value.get().to_string(), "the key is skewed: its largest groups are split");
        }
        if threshold.value != SPARK_DEFAULT {
            confs.set(BROADCAST_THRESHOLD, threshold.value.get().to_string(), "temp_tables.broadcast_threshold_mb");
        }
    }
    Ok(PlanStageAnswer {
        data,
        executors: count.wanted,
        file_partition_bytes: file_partition,
        shuffle_partitions: partitions,
        shuffle_tasks: shuffle_tasks(sizes, &shuffle, size.value),
        advisory_partition_bytes: size,
        skew_threshold_bytes: skew,
        broadcast_threshold_bytes: threshold,
        cache,
        temp_table: table,
        run_time,
        cost,
        confs: confs.done(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::confs::ADVISORY_SIZE;
    use crate::facts::{JobFacts, ProcessingType, StageType};
    use crate::policy::OptimizationTarget;
    use crate::temp_table::TableKind;

    fn input(gib: u64, stage: StageType) -> PlanStageInput {
        PlanStageInput {
            job: JobFacts { input_bytes: Some(Bytes::gib(gib)), stage: Some(stage), ..JobFacts::default() },
            ..PlanStageInput::default()
        }
    }

    fn policy(minutes: f64) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = 1;
        policy.autoscaling.max_executors = 100;
        policy.autoscaling.target_processing_time_minutes = minutes;
        policy
    }

    #[test]
    fn every_kind_of_stage_has_a_plan_of_its_own() {
        let of = |stage| {
            let plan = plan_stage(&policy(1.0), &input(10, stage)).unwrap();
            (plan.executors.value, plan.cache.value.keep, plan.temp_table.value.kind)
        };
        assert_eq!(of(StageType::DataLoading), (3, false, TableKind::View));
        assert_eq!(of(StageType::Preprocessing), (3, true, TableKind::CachedView));
        assert_eq!(of(StageType::ModelTraining), (4, true, TableKind::CachedView));
        assert_eq!(of(StageType::Prediction), (4, false, TableKind::View));
        // Two executors would do, but not hold the 10 GiB.
        assert_eq!(of(StageType::Evaluation), (3, true, TableKind::CachedView));
    }

    #[test]
    fn the_executors_that_run_set_the_size_of_a_piece() {
        let mut small = input(100, StageType::Prediction);
        small.executors = Some(RunningExecutors { count: 2, cores: Some(4), heap_bytes: Some(Bytes::mib(1324)) });
        let plan = plan_stage(&policy(10.0), &small).unwrap();
        // (1324 - 300) * 0.6 / 4 / 3
        assert_eq!(plan.advisory_partition_bytes.value, Bytes::mib(51));
        assert_eq!(plan.confs[ADVISORY_SIZE.key].value, Bytes::mib(51).get().to_string());
        assert!(u64::from(plan.shuffle_partitions.value) >= 100 * 1024 / 51);
    }

    #[test]
    fn what_is_not_known_of_running_executors_is_as_spark_has_it() {
        let with = |cores, heap_bytes| {
            let executors = Some(RunningExecutors { count: 2, cores, heap_bytes });
            plan_stage(&policy(10.0), &PlanStageInput { executors, ..input(100, StageType::Prediction) }).unwrap()
        };
        assert_eq!(with(Some(4), None), with(Some(4), Some(Bytes::gib(1))));
        // Without a core seen they are not there yet.
        assert_eq!(with(None, None), plan_stage(&policy(10.0), &input(100, StageType::Prediction)).unwrap());
    }

    #[test]
    fn a_skewed_key_is_split_and_not_scattered() {
        let mut skewed = input(100, StageType::Preprocessing);
        skewed.key_skew = Some(9.0);
        let (plain, plan) =
            (plan_stage(&policy(10.0), &input(100, StageType::Preprocessing)), plan_stage(&policy(10.0), &skewed));
        let (plain, plan) = (plain.unwrap(), plan.unwrap());
        assert_eq!(plan.shuffle_partitions.value, plain.shuffle_partitions.value);
        assert_eq!(plan.confs[SKEW_THRESHOLD.key].value, Bytes::mib(256).get().to_string());
        assert!(!plain.confs.contains_key(SKEW_THRESHOLD.key));
    }

    #[test]
    fn targets_and_switches_matter() {
        let mut cached = input(10, StageType::Preprocessing);
        cached.job.target = Some(OptimizationTarget::Memory);
        let mut off = policy(10.0);
        off.pipeline.stage_optimization = false;
        off.temp_tables.enable_caching = false;
        let plan = plan_stage(&off, &cached).unwrap();
        assert!(plan.confs.is_empty());
        assert_eq!((plan.cache.value.keep, plan.temp_table.value.kind), (false, TableKind::Table));
        cached.job.stage = None;
        cached.job.processing = ProcessingType::Query;
        assert_eq!(plan_stage(&off, &cached).unwrap().temp_table.value.kind, TableKind::View);
    }

    #[test]
    fn what_it_takes_and_costs_is_told() {
        let mut priced = policy(10.0);
        priced.cost.executor_hour_price = Some(0.5);
        let plan = plan_stage(&priced, &input(100, StageType::Prediction)).unwrap();
        let (time, cost) = (plan.run_time.unwrap().value, plan.cost.unwrap().value);
        assert_eq!((plan.executors.value, cost.executor_ms), (4, time.run_ms * 4));
        priced.cost.budget_per_run = Some(0.1);
        let poor = plan_stage(&priced, &input(100, StageType::Prediction)).unwrap();
        assert!(poor.executors.value <= 4);
    }
}
