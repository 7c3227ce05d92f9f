//! What is decided alike before a launch and before a stage: the executor's size, their number, what is kept, shuffle partitions, run time
//! and cost.
//!
//! The facts are completed first: by what the files say ([`crate::scan`]) and by what earlier runs say ([`crate::history`]).

use alloc::borrow::Cow;

use crate::cache::level::StorageLevel;
use crate::cache::result::{CachePlan, keep_result, table_pays, usual_uses};
use crate::cost::{Cost, run_cost};
use crate::executor::count::{CountFacts, ExecutorCount, executor_count};
use crate::executor::run_time::RunTimeEstimate;
use crate::executor::size::USUAL_CORES;
use crate::executor::slots::{slots, tasks_an_executor};
use crate::facts::{ClusterFacts, History, JobFacts, Manager, NextUse};
use crate::history;
use crate::memory::Heap;
use crate::policy::ResolvedPolicy;
use crate::scan::partition_size::partition_size;
use crate::scan::{self, Cutting};
use crate::shuffle::{self, ShuffleFacts, Spill};
use crate::temp_table::{ResultFacts, TempTable, temp_table};
use crate::trace::{Decision, Grade};
use crate::units::{Bytes, saturating_u32};

/// A job's facts with what its files and its earlier runs say.
pub(crate) struct Facts<'a> {
    pub(crate) job: Cow<'a, JobFacts>,
    pub(crate) cluster: &'a ClusterFacts,
    pub(crate) history: Cow<'a, History>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(
        policy: &ResolvedPolicy,
        job: &'a JobFacts,
        cluster: &'a ClusterFacts,
        history: &'a History,
    ) -> Self {
        let job = with_files(policy, job, cluster);
        let history = history::completed(policy, &job, history);
        Self { job, cluster, history }
    }
}

/// A job, or a stage of one, and the executors that it is for.
pub(crate) struct Question<'a> {
    pub(crate) facts: &'a Facts<'a>,
    /// Cores of an executor.
    pub(crate) cores: u32,
    /// Heap of an executor; of the driver with a local master.
    pub(crate) heap: Bytes,
    /// The most executors that the cluster holds.
    pub(crate) room: Option<u32>,
    /// What goes through its shuffles, where that was measured.
    pub(crate) shuffled: Option<Bytes>,
    /// How well the size of its data is known.
    pub(crate) data_grade: Grade,
    /// Whether its keys are known to be uneven.
    pub(crate) skewed: bool,
    /// How the stages to come read its result.
    pub(crate) next: &'a [NextUse],
}

/// What is decided of it.
pub(crate) struct JobPlan {
    pub(crate) count: ExecutorCount,
    pub(crate) shuffle: ShuffleFacts,
    pub(crate) partitions: Decision<u32>,
    /// Where adaptive execution is to coalesce by size.
    pub(crate) advisory: Option<Decision<Bytes>>,
    /// How much of files a task reads at most, where that is known to be better than Spark's own limit or as good.
    pub(crate) file_partition: Option<Decision<Bytes>>,
    pub(crate) cache: Decision<CachePlan>,
    pub(crate) table: Decision<TempTable>,
    pub(crate) run_time: Option<Decision<RunTimeEstimate>>,
    pub(crate) cost: Option<Decision<Cost>>,
}

/// Decides it.
pub(crate) fn plan_job(policy: &ResolvedPolicy, question: &Question<'_>) -> JobPlan {
    let Question { facts: Facts { job, cluster, history }, cores, room, .. } = *question;
    let heap = Heap::new(question.heap, cluster);
    let most = policy.autoscaling.max_executors.min(room.unwrap_or(u32::MAX)).max(1);
    let storage = Bytes(heap.protected_storage().get().saturating_mul(u64::from(most)));
    let uses = job.uses.unwrap_or_else(|| usual_uses(job, question.next));
    let cache = keep_result(policy, job, uses, history, storage);
    let kept_at = cache.value.level;
    let result_bytes = job.working_set_bytes.or(job.input_bytes);
    let in_memory = result_bytes.filter(|_| kept_at == Some(StorageLevel::MemoryAndDisk));
    let count = executor_count(
        policy,
        &CountFacts {
            job,
            cluster,
            history,
            cores,
            storage_per_executor: heap.unified(),
            cached_bytes: in_memory.unwrap_or_default(),
            room,
        },
    );
    let executors = if cluster.manager == Manager::Local { 1 } else { count.wanted.value };
    // What is not measured of this data, earlier runs say before the size of the input does.
    let (bytes, from, grade) = match (question.shuffled, history.largest_shuffle_bytes) {
        (None, Some(bytes)) if question.data_grade == Grade::C => (Some(bytes), "earlier runs", Grade::B),
        (shuffled, _) => (shuffled.or(job.input_bytes), "plan", question.data_grade),
    };
    let shuffle = ShuffleFacts {
        bytes,
        from: if grade == Grade::A { "measured" } else { from },
        grade,
        slots: slots(executors, tasks_an_executor(Some(cores), cluster.task_cpus)),
        heap,
        cores,
        adaptive: !cluster.user("spark.sql.adaptive.enabled").is_some_and(|on| on.trim().eq_ignore_ascii_case("false")),
        spill: Spill::of(history, question.skewed),
    };
    let result = ResultFacts {
        bytes: result_bytes,
        uses,
        cached: kept_at,
        table_pays: table_pays(job, uses, history),
        next: question.next,
        slots: shuffle.slots,
    };
    let run_time = count.model.as_ref().and_then(|model| model.estimate(executors));
    let cost = run_time.as_ref().and_then(|time| run_cost(policy, executors, time.value.run_ms, time.grade));
    let (partitions, advisory) = shuffle::partitioning(policy, &shuffle);
    JobPlan {
        file_partition: partition_size(job, cluster, shuffle.slots, question.data_grade),
        partitions,
        advisory: advisory.filter(|_| shuffle.bytes.is_some()),
        table: temp_table(policy, &result),
        count,
        shuffle,
        cache,
        run_time,
        cost,
    }
}

/// The job with what its files say: how much is read, and in how many tasks.
fn with_files<'a>(policy: &ResolvedPolicy, job: &'a JobFacts, cluster: &ClusterFacts) -> Cow<'a, JobFacts> {
    if job.file_bytes.is_empty() {
        return Cow::Borrowed(job);
    }
    // Spark cuts finer for more slots, so that the most executors see the most tasks.
    let (cores, executors) = match cluster.manager {
        Manager::Local => (cluster.local_threads, 1),
        _ => (cluster.user_whole("spark.executor.cores").or(Some(USUAL_CORES)), policy.autoscaling.max_executors),
    };
    let most = slots(executors, tasks_an_executor(cores, cluster.task_cpus));
    let tasks = scan::partitions(&job.file_bytes, &Cutting::with_slots(most));
    Cow::Owned(JobFacts {
        input_bytes: job.said_bytes(),
        parallel_tasks: job.parallel_tasks.or_else(|| Some(saturating_u32(tasks).max(1))),
        ..job.clone()
    })
}
