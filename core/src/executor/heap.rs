//! The heap of an executor.
//!
//! Where nothing is known it is so many GiB a core. Earlier runs say two things. What their tasks took for execution is a need, and a heap is never under
//! it; a whole heap it is not, for what user code, broadcasts and Spark itself hold is not in it. What the runs were given did for them: it stands, more
//! is given at once, and less slowly, after runs that had it to spare.

use crate::facts::{ClusterFacts, History, PastRun};
use crate::history::inputs::Inputs;
use crate::history::setback::{Started, setback};
use crate::history::window;
use crate::memory::{self, Heap};
use crate::memory_kind::Memory;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, GIB, MIB, ceil_u64};

/// The GC time, share of task time above which an executor gets fewer cores, and never less heap.
pub const HIGH_GC_SHARE: f64 = 0.10;
/// Room left above the memory that history shows to be needed.
pub const HEAP_MARGIN: f64 = 1.2;
/// The least heap of an executor.
pub const LEAST_HEAP: Bytes = Bytes::gib(1);
/// The GC time, share of task time up to which a run had heap to spare.
pub const LITTLE_GC_SHARE: f64 = 0.05;
/// After so many runs in a row with heap to spare, on as much input, the next one gets less.
pub const CLEAN_RUNS: usize = 5;
/// The share of its heap that an executor keeps then.
pub const KEPT_SHARE: f64 = 0.8;
/// By how much the heap grows after a run that lacked memory, or collected much garbage with no more cores than now.
pub const GROWTH: f64 = 1.5;
/// The most that it grows to that way, in times the smallest heap of the runs that count.
pub const MOST_GROWTH: f64 = 4.0;
/// A larger heap helped where it left at most this much of the share of garbage collection.
pub const LESS_GC: f64 = 0.9;
/// For so many runs after one that lacked memory none gets less.
pub const RUNS_AFTER_A_LACK: usize = 10;
/// A heap that goes down is a whole number of these.
const STEP: Bytes = Bytes::mib(256);

/// What the heap is decided from.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeapFacts<'a> {
    pub(super) cluster: &'a ClusterFacts,
    pub(super) history: &'a History,
    /// Cores of the executor.
    pub(super) cores: u32,
    /// What the job reads, and its earlier runs read.
    pub(super) inputs: Inputs,
    /// What one executor is to keep.
    pub(super) storage_need: Bytes,
}

/// A heap, and how much of it is known to be needed.
#[derive(Debug)]
pub(super) struct ExecutorHeap {
    pub(super) heap: Decision<Bytes>,
    pub(super) needed: Bytes,
}

impl From<Decision<Bytes>> for ExecutorHeap {
    fn from(heap: Decision<Bytes>) -> Self {
        let needed = if heap.grade == Grade::C { Bytes(0) } else { heap.value };
        Self { heap, needed }
    }
}

/// Decides the heap; `held` says what a machine leaves of one, for so many cores, where it does not hold it.
pub(super) fn heap(
    policy: &ResolvedPolicy,
    facts: &HeapFacts<'_>,
    held: impl Fn(Bytes, u32) -> Option<Bytes>,
) -> ExecutorHeap {
    let HeapFacts { cluster, history, cores, inputs, storage_need } = *facts;
    let runs = window(policy, history, usize::MAX);
    let proven = proven(runs, cores, inputs);
    // Garbage is in it too; nobody knows how much, so all of it is taken for needed.
    let peak_seen = grown(runs.iter().filter_map(|run| run.heap_peak_bytes).max().unwrap_or_default(), 1.0);
    let taken_back = setback(policy, history, Started::Heap);
    let floor = peak_seen.max(Bytes(taken_back.as_ref().map_or(0, |setback| setback.before)));
    let at_least_seen = |trace: &mut Trace, mut bytes: u64| {
        if let Some(setback) = &taken_back {
            bytes = trace.at_least("what runs had before less made one slower or fail", setback.before, bytes);
            trace.notes.push(setback.note.clone().into());
        }
        match peak_seen {
            Bytes(0) => bytes,
            seen => trace.at_least("the most of a heap that was seen in use", seen.get(), bytes),
        }
    };
    let formula = if proven.is_some() {
        "what earlier runs had, half as much again after one that lacked memory, a fifth less after five with heap to spare; at least what their tasks needed"
    } else {
        "memory_scaling_factor GiB a core; at least what the tasks of earlier runs needed: (300 MiB + (cores * 95th percentile of a task's peak memory + \
         storage need) / spark.memory.fraction) * 1.2, rounded up to GiB"
    };
    let mut trace = Trace::new("executor.heap", formula, Unit::Bytes);
    if let Some(bytes) = cluster.user_memory("spark.executor.memory") {
        trace = trace.input("spark.executor.memory", bytes, Unit::Bytes, "set by the user");
        return trace.unbounded(bytes).decide(bytes, Grade::A).into();
    }
    if let Some(bytes) = policy.autoscaling.target_executor_memory {
        let from = policy.origin("autoscaling.target_executor_memory");
        return trace
            .input("target_executor_memory", bytes, Unit::Bytes, from)
            .unbounded(bytes)
            .decide(bytes, Grade::A)
            .into();
    }
    if !policy.pipeline.memory_management {
        return memory::left_to_spark(policy, trace).into();
    }
    let per_core = policy.autoscaling.memory_scaling_factor;
    let usual = |cores: u64| {
        let bytes = ceil_u64(per_core * GIB as f64 * cores as f64);
        Bytes(bytes / MIB * MIB).max(LEAST_HEAP)
    };
    trace = trace.input("cores", cores, Unit::Cores, "executor.cores");
    if proven.is_none() {
        let from = policy.origin("autoscaling.memory_scaling_factor");
        trace = trace.input("memory_scaling_factor", per_core, Unit::None, from);
    }
    let least = proven.as_ref().map_or_else(|| usual(u64::from(cores)), |proven| proven.bytes);
    let Some(peak) = history.task_peak_bytes else {
        let grade = if proven.is_some() { Grade::B } else { Grade::C };
        trace = told(trace, proven.as_ref());
        if proven.is_none() {
            let along =
                Along { input: "cores of", unit: Unit::Cores, at: u64::from(cores), least: 1, most: 16, step: 1 };
            trace = trace.flips(along.flips(|cores| {
                let wanted = usual(cores).max(floor);
                held(wanted, u32::try_from(cores).unwrap_or(u32::MAX)).map_or(wanted, |held| held.min(wanted))
            }));
        }
        trace = trace.unbounded(least);
        let bytes = trace.at_least("least heap", LEAST_HEAP.get(), least.get());
        let bytes = Bytes(at_least_seen(&mut trace, bytes));
        return ExecutorHeap { heap: trace.decide(bytes, grade), needed: Bytes(0) };
    };
    let fraction = Heap::new(LEAST_HEAP, cluster).memory_fraction.max(0.01);
    let need = |peak: u64| {
        let work = f64::from(cores) * peak as f64 + storage_need.get() as f64;
        Bytes(ceil_u64((memory::RESERVED.get() as f64 + work / fraction) * HEAP_MARGIN)).ceil_gib()
    };
    let along = Along {
        input: "a task's peak memory of",
        unit: Unit::Bytes,
        at: peak.get(),
        least: 0,
        most: u64::MAX,
        step: MIB,
    };
    let needed = need(peak.get());
    trace = told(
        trace
            .input("95th percentile of a task's peak memory", peak, Unit::Bytes, "history")
            .input("storage need of one executor", storage_need, Unit::Bytes, "cache rule")
            .input("spark.memory.fraction", fraction, Unit::None, ""),
        proven.as_ref(),
    )
    .flips(along.flips(|peak| need(peak).max(least).max(LEAST_HEAP).max(floor)))
    .unbounded(needed);
    let name = if proven.is_some() { "what earlier runs had" } else { "memory_scaling_factor GiB a core" };
    let bytes = trace.at_least(name, least.get(), needed.get());
    let bytes = trace.at_least("least heap", LEAST_HEAP.get(), bytes);
    let bytes = Bytes(at_least_seen(&mut trace, bytes));
    let grade = if proven.is_some() || needed >= least { Grade::B } else { Grade::C };
    ExecutorHeap { heap: trace.decide(bytes, grade), needed }
}

/// A heap that did for earlier runs.
struct Proven {
    bytes: Bytes,
    why: &'static str,
}

fn told(trace: Trace, proven: Option<&Proven>) -> Trace {
    match proven {
        Some(proven) => trace.input("what earlier runs had", proven.bytes, Unit::Bytes, "history").note(proven.why),
        None => trace,
    }
}

/// The heap that earlier runs, the oldest first, show to be enough for an executor of so many cores; nothing where none tells what it had.
fn proven(runs: &[PastRun], cores: u32, inputs: Inputs) -> Option<Proven> {
    let mut latest: Option<(Bytes, &PastRun)> = None;
    let (mut seen, mut to_spare) = (0_usize, 0_usize);
    let (mut largest, mut smallest) = (Bytes(0), Bytes(u64::MAX));
    let (mut lacked, mut in_vain) = (false, false);
    // The newest first.
    for run in runs.iter().rev() {
        let Some(had) = run.executor_heap_bytes else { continue };
        // It did for nothing, and what failed was something else.
        if run.failed && !died(run) {
            continue;
        }
        // More tasks at a time want more of it; fewer leave the others theirs.
        let more = match run.executor_cores {
            Some(had) if had > 0 && had < cores => f64::from(cores) / f64::from(had),
            _ => 1.0,
        };
        let had = grown(had, more);
        let (newest, last) = *latest.get_or_insert((had, run));
        let gc = run.gc_share.unwrap_or(f64::NAN);
        // More heap that made no difference says that its size is not why garbage is collected.
        in_vain |= had < newest && last.gc_share.unwrap_or(0.0) > gc * LESS_GC;
        // Of all of them, or a job that dies of it each night would have more each night.
        smallest = smallest.min(had);
        if seen < RUNS_AFTER_A_LACK {
            largest = largest.max(had);
            lacked |= died(run) || gc > HIGH_GC_SHARE || run.spilled_bytes.unwrap_or_default() > Bytes(0);
        }
        let as_much = inputs.next.is_some() && inputs.of_run(run) >= inputs.next;
        let clean = !run.failed
            && run.memory_failures == Some(0)
            && run.spilled_bytes == Some(Bytes(0))
            && gc <= LITTLE_GC_SHARE;
        to_spare += usize::from(to_spare == seen && as_much && clean);
        seen += 1;
    }
    let (had, last) = latest?;
    let starved = last.gc_share.unwrap_or(0.0) > HIGH_GC_SHARE && last.executor_cores.unwrap_or(0) <= cores && !in_vain;
    let (mut bytes, mut why) = (had, "the latest run had this heap, and it did");
    if died(last) || starved {
        bytes = largest.max(grown(had, GROWTH).min(grown(smallest, MOST_GROWTH)));
        why = "the latest run lacked memory or collected much garbage: up to half as much again";
    } else if lacked {
        bytes = largest;
        why = "one of the last ten runs lacked memory, spilled or collected much garbage: their largest heap";
    } else if to_spare >= CLEAN_RUNS {
        let less = ceil_u64(had.get() as f64 * KEPT_SHARE).div_ceil(STEP.get()).saturating_mul(STEP.get());
        bytes = had.min(Bytes(less));
        why = "the last five runs had heap to spare on as much input: a fifth less";
    }
    Some(Proven { bytes, why })
}

/// Whether tasks or executors of a run ended for want of memory.
fn died(run: &PastRun) -> bool {
    run.memory_failures.unwrap_or(0) > 0 || run.lacked == Some(Memory::ExecutorHeap)
}

/// So many times a heap, in whole MiB, as Spark is told it.
fn grown(heap: Bytes, times: f64) -> Bytes {
    Bytes(ceil_u64(heap.get() as f64 * times).div_ceil(MIB).saturating_mul(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// A run on 100 GiB with this heap, share of garbage collection and spilled bytes.
    fn run(heap_mib: u64, gc_share: f64, spilled: u64) -> PastRun {
        PastRun {
            input_bytes: Some(Bytes::gib(100)),
            executor_heap_bytes: Some(Bytes::mib(heap_mib)),
            executor_cores: Some(4),
            gc_share: Some(gc_share),
            spilled_bytes: Some(Bytes(spilled)),
            memory_failures: Some(0),
            ..PastRun::default()
        }
    }

    fn decided(runs: Vec<PastRun>, peak_mib: Option<u64>, cores: u32, input_gib: Option<u64>) -> (u64, Grade) {
        let history = History { runs, task_peak_bytes: peak_mib.map(Bytes::mib), ..History::default() };
        let facts = HeapFacts {
            cluster: &ClusterFacts::default(),
            history: &history,
            cores,
            inputs: Inputs::of(input_gib.map(Bytes::gib), &history),
            storage_need: Bytes(0),
        };
        let heap = heap(&ResolvedPolicy::default(), &facts, |_, _| None).heap;
        (heap.value.whole_mib(), heap.grade)
    }

    #[test]
    fn what_tasks_needed_is_the_least_and_no_whole_heap() {
        // (300 + 4 * 2048 / 0.6) * 1.2 = 16744 MiB
        assert_eq!(decided(vec![], Some(2_048), 4, None), (17 * 1024, Grade::B));
        // Less than the usual 2 GiB a core is no reason for less: what else a heap holds, nobody measured.
        assert_eq!(decided(vec![], Some(100), 4, None), (8 * 1024, Grade::C));
        // 9,397 MB and 12 % garbage collection with tasks of little execution memory: an executor of 1 GiB would have died.
        assert_eq!(decided(vec![run(9_397, 0.12, 0)], Some(8), 2, None), (9_397, Grade::B));
        assert_eq!(decided(vec![run(9_397, 0.12, 0)], Some(4_096), 4, None), (33 * 1024, Grade::B));
    }

    #[test]
    fn more_cores_want_more_and_fewer_take_nothing_away() {
        assert_eq!(decided(vec![run(4_096, 0.01, 0)], None, 5, None).0, 5_120);
        assert_eq!(decided(vec![run(4_096, 0.01, 0)], None, 2, None).0, 4_096);
    }

    #[test]
    fn much_garbage_on_as_few_cores_wants_half_as_much_again() {
        assert_eq!(decided(vec![run(4_096, 0.3, 0)], None, 4, None).0, 6_144);
        assert_eq!(decided(vec![run(4_096, 0.3, 0)], None, 2, None).0, 4_096, "half of the cores are as good");
        // Once it was enough it stays.
        assert_eq!(decided(vec![run(4_096, 0.3, 0), run(6_144, 0.02, 0)], None, 4, None).0, 6_144);
        // What a larger heap does not help is not its size; and it ends somewhere.
        assert_eq!(decided(vec![run(4_096, 0.3, 0), run(6_144, 0.29, 0)], None, 4, None).0, 6_144);
        let helped = vec![run(4_096, 0.5, 0), run(6_144, 0.4, 0), run(9_216, 0.3, 0), run(13_824, 0.2, 0)];
        assert_eq!(decided(helped, None, 4, None).0, 16_384);
    }

    #[test]
    fn a_run_that_died_of_it_gets_more_at_once_and_none_is_taken_for_ten_runs() {
        let died = |heap| PastRun { memory_failures: Some(3), ..run(heap, 0.01, 0) };
        assert_eq!(decided(vec![died(4_096)], None, 2, Some(1)).0, 6_144, "fewer cores are no cure that is known");
        // However often it dies, it ends somewhere.
        let mut nights = vec![died(4_096)];
        for _ in 0..40 {
            nights.push(died(decided(nights.clone(), None, 4, None).0));
        }
        assert_eq!(nights.last().unwrap().executor_heap_bytes, Some(Bytes::mib(16_384)));
        let mut runs = vec![died(4_096)];
        runs.extend(vec![run(6_144, 0.01, 0); 9]);
        assert_eq!(decided(runs.clone(), None, 4, Some(1)).0, 6_144);
        runs.push(run(6_144, 0.01, 0));
        assert_eq!(decided(runs, None, 4, Some(1)).0, 5_120);
        // One that failed of something else tells nothing of the heap.
        let failed = PastRun { failed: true, ..run(1_024, 0.5, 7) };
        assert_eq!(decided(vec![run(4_096, 0.01, 0), failed], None, 4, Some(1)).0, 4_096);
        assert_eq!(decided(vec![run(4_096, 0.01, 0), PastRun { failed: true, ..died(4_096) }], None, 4, None).0, 6_144);
        // Of runs that do not say whether something died, nobody knows that they had heap to spare.
        let silent = PastRun { memory_failures: None, ..run(4_096, 0.01, 0) };
        assert_eq!(decided(vec![silent; 9], None, 4, Some(1)).0, 4_096);
    }

    #[test]
    fn a_policy_that_looks_at_no_runs_sizes_by_none() {
        let history = History { runs: vec![run(20_480, 0.01, 0)], ..History::default() };
        let mut policy = ResolvedPolicy::default();
        policy.monitoring.track_performance = false;
        let facts = HeapFacts {
            cluster: &ClusterFacts::default(),
            history: &history,
            cores: 4,
            inputs: Inputs::of(None, &history),
            storage_need: Bytes(0),
        };
        assert_eq!(heap(&policy, &facts, |_, _| None).heap.value, Bytes::gib(8));
    }

    #[test]
    fn down_by_a_fifth_after_five_runs_with_heap_to_spare_on_as_much() {
        let clean = |count: usize| vec![run(10_240, 0.02, 0); count];
        assert_eq!(decided(clean(4), None, 4, Some(100)).0, 10_240);
        assert_eq!(decided(clean(5), None, 4, Some(100)).0, 8_192);
        assert_eq!(decided(clean(5), None, 4, Some(101)).0, 10_240, "more input than any of them");
        assert_eq!(decided(clean(5), None, 4, None).0, 10_240, "nobody knows how much it reads");
        let mut busy = clean(5);
        busy[2].gc_share = Some(0.06);
        assert_eq!(decided(busy, None, 4, Some(100)).0, 10_240);
        let mut peak = clean(5);
        peak[0].heap_peak_bytes = Some(Bytes::mib(9_000));
        assert_eq!(decided(peak, None, 4, Some(100)).0, 9_000, "never under a peak that was seen");
    }

    #[test]
    fn a_step_down_that_spilled_is_taken_back_and_not_tried_again_for_ten_runs() {
        let mut runs = vec![run(10_240, 0.02, 0); 5];
        runs.push(run(8_192, 0.02, 7));
        assert_eq!(decided(runs.clone(), None, 4, Some(100)).0, 10_240);
        for _ in 0..9 {
            runs.push(run(10_240, 0.02, 0));
            assert_eq!(decided(runs.clone(), None, 4, Some(100)).0, 10_240);
        }
        runs.push(run(10_240, 0.02, 0));
        assert_eq!(decided(runs, None, 4, Some(100)).0, 8_192);
    }
}
