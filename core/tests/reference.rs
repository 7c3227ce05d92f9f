//! The rules once more, slowly and as their definitions read: numbers of executors, partitions and tables are tried one after the other. The
//! fast rules agree.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sparkwright_core::cleanup::{PlanCleanupInput, TempTableFacts, plan_cleanup};
use sparkwright_core::executor::count::{CountFacts, executor_count};
use sparkwright_core::executor::shared_work::elasticity_weight;
use sparkwright_core::facts::{ClusterFacts, History, JobFacts, ProcessingType};
use sparkwright_core::memory::Heap;
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_core::review::trend::median_slope;
use sparkwright_core::shuffle::{ShuffleFacts, Spill, advisory_size, shuffle_partitions};
use sparkwright_core::stage::{ColumnsFacts, PlanStageInput, plan_stage};
use sparkwright_core::trace::Grade;
use sparkwright_core::units::{Bytes, MIB};

/// The same cases every time: what is compared has floating-point edges of its own.
fn cases() -> ProptestConfig {
    ProptestConfig { cases: 2_000, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

const TARGETS: [OptimizationTarget; 4] =
    [OptimizationTarget::Speed, OptimizationTarget::Memory, OptimizationTarget::Balanced, OptimizationTarget::Quality];
const TYPES: [ProcessingType; 4] =
    [ProcessingType::Ml, ProcessingType::Etl, ProcessingType::Query, ProcessingType::General];
/// No rule below wants more than this.
const ENOUGH: u64 = 2_000_000;

/// The smallest number from 1 that will do.
fn smallest(will_do: impl Fn(u64) -> bool) -> Option<u64> {
    (1..=ENOUGH).find(|n| will_do(*n))
}

proptest! {
    #![proptest_config(cases())]

    /// The executor count, with the work known from history.
    #[test]
    fn executors_from_history(
        work_ms in 1..10_000_000_u64, serial_ms in prop_oneof![1 => Just(0), 5 => 1_000..400_000_u64], tasks in 1..3_000_u32, cores in 1..6_u32, task_cpus in 1..3_u32,
        (min, more) in (1..30_u32, 0..300_u32), minutes in 1..60_u32, target in 0..4_usize, cached_mib in 0..50_000_u64,
    ) {
        let cores = cores.max(task_cpus);
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = min;
        policy.autoscaling.max_executors = min + more;
        policy.autoscaling.target_processing_time_minutes = f64::from(minutes);
        policy.pipeline.optimization_target = TARGETS[target];
        let job = JobFacts { parallel_tasks: Some(tasks), ..JobFacts::default() };
        let history = History { work_task_ms: Some(work_ms), driver_ms: Some(serial_ms), ..History::default() };
        let cluster = ClusterFacts { task_cpus: Some(task_cpus), ..ClusterFacts::default() };
        let storage = Bytes::gib(4);
        let facts = CountFacts {
            job: &job, cluster: &cluster, history: &history, cores, storage_per_executor: storage,
            cached_bytes: Bytes::mib(cached_mib), room: None,
        };
        let fast = u64::from(executor_count(&policy, &facts).wanted.value);

        let deadline_ms = u64::from(minutes) * 60_000;
        // Whole tasks only: what is left of an executor's cores runs none.
        let each = (1..=u64::from(cores)).filter(|tasks| tasks * u64::from(task_cpus) <= u64::from(cores)).count() as u64;
        let slots = smallest(|n| n * each >= u64::from(tasks)).unwrap();
        let in_time = (deadline_ms > serial_ms).then(|| smallest(|n| n * each * (deadline_ms - serial_ms) >= work_ms).unwrap());
        let mut slow = in_time.unwrap_or_else(|| slots.min(u64::from(min + more))).min(slots);
        if serial_ms > 0 {
            // -d ln t / d ln n of S + P / n is (P / n) / (S + P / n).
            let parallel = (work_ms / each) as f64;
            let pays = |n: u64| {
                let shared = parallel / n as f64;
                shared / (serial_ms as f64 + shared)
            };
            let least = 1.0 - elasticity_weight(policy.pipeline.optimization_target);
            let knee = (1..=ENOUGH).take_while(|n| pays(*n) >= least).last().unwrap_or(1);
            // On the edge itself the two ways of computing may round to different sides.
            prop_assume!((pays(knee) - least).abs() > 1e-9 && (pays(knee + 1) - least).abs() > 1e-9);
            slow = if policy.pipeline.optimization_target == OptimizationTarget::Speed {
                slow.max(knee.min(slots))
            } else {
                slow.min(knee)
            };
        }
        if cached_mib > 0 {
            let held = storage.share(0.9).get();
            slow = slow.max(smallest(|n| n * held >= cached_mib * MIB).unwrap());
        }
        prop_assert_eq!(fast, slow.clamp(u64::from(min), u64::from(min + more)));
    }

    /// The executor count, with the work guessed from the size of the input.
    #[test]
    fn executors_from_size(mib in 0..4_000_000_u64, minutes in 1..60_u32, kind in 0..4_usize, (min, more) in (1..30_u32, 0..300_u32)) {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = min;
        policy.autoscaling.max_executors = min + more;
        policy.autoscaling.target_processing_time_minutes = f64::from(minutes);
        let job = JobFacts { input_bytes: Some(Bytes::mib(mib)), processing: TYPES[kind], ..JobFacts::default() };
        let (cluster, history) = (ClusterFacts::default(), History::default());
        let facts = CountFacts {
            job: &job, cluster: &cluster, history: &history, cores: 4, storage_per_executor: Bytes::gib(4), cached_bytes: Bytes(0), room: None,
        };
        let fast = u64::from(executor_count(&policy, &facts).wanted.value);
        // 16 MiB a second and core, times the factor of the type in tenths.
        let tenths = match TYPES[kind] {
            ProcessingType::Ml => 15,
            ProcessingType::Etl => 8,
            ProcessingType::Query => 6,
            ProcessingType::General => 10,
        };
        let work_ms = (mib * 1_000 * tenths).div_ceil(160);
        let wanted = if work_ms == 0 { 1 } else { smallest(|n| n * 4 * u64::from(minutes) * 60_000 >= work_ms).unwrap() };
        let slots = smallest(|n| n * 4 >= mib.div_ceil(128).max(1)).unwrap();
        prop_assert_eq!(fast, wanted.min(slots).clamp(u64::from(min), u64::from(min + more)));
    }

    /// Shuffle partitions.
    #[test]
    fn partitions(mib in 0..500_000_u64, slots in 1..200_u32, heap_mib in 1_000..20_000_u64, cores in 1..6_u32, adaptive: bool) {
        let facts = ShuffleFacts {
            from: "plan",
            spill: Spill::None,
            bytes: Some(Bytes::mib(mib)), grade: Grade::C, slots, heap: Heap::new(Bytes::mib(heap_mib), &ClusterFacts::default()), cores, adaptive,
        };
        let advisory = advisory_size(&facts).value.get();
        let fast = u64::from(shuffle_partitions(&ResolvedPolicy::default(), &facts).value);
        let (bytes, slots) = (mib * MIB, u64::from(slots));
        let pieces = |bytes: u64| (0..).find(|n| n * advisory >= bytes).unwrap();
        let slow = if adaptive {
            pieces(2 * bytes).clamp(slots, (10 * slots).max(pieces(bytes)))
        } else {
            (1..).map(|waves| waves * slots).find(|n| *n >= 2 * slots && n * advisory >= bytes).unwrap()
        };
        prop_assert_eq!(fast, slow);
    }

    /// A stage's data: its class by the limits in turn, its memory row by row and column by column.
    #[test]
    fn data(
        size in prop::option::of((0..4_000_u64, 0..1_000_000_000_u64)), rows in prop::option::of(0..500_u64),
        (plain, text, nested) in (0..150_u32, 0..50_u32, 0..20_u32), measured: bool,
    ) {
        let size = size.map(|(gb, more)| gb * 1_000_000_000 + more);
        let input = PlanStageInput {
            job: JobFacts { input_bytes: size.map(Bytes), ..JobFacts::default() },
            data_grade: if measured { Grade::A } else { Grade::C },
            rows,
            columns: ColumnsFacts { all: plain + text + nested, text, nested },
            ..PlanStageInput::default()
        };
        let fast = plan_stage(&ResolvedPolicy::default(), &input).unwrap().data.value;

        let all: Vec<(u64, f64)> = [
            vec![(8, 0.0); plain as usize],
            vec![(20, 0.5); text as usize],
            vec![(if size.is_some() && measured { 0 } else { 100 * 8 }, 1.0); nested as usize],
        ].concat();
        let in_rows = rows.filter(|_| !all.is_empty()).map(|rows| {
            (0..rows).map(|_| 8 + all.iter().map(|(width, _)| width).sum::<u64>()).sum::<u64>()
        });
        let known = size.or(in_rows);
        let memory = size.into_iter().chain(in_rows).max();
        prop_assert_eq!(fast.estimated_memory_bytes, memory.map(Bytes));
        let limits = [(10_u64, "small"), (100, "medium"), (1_000, "large")];
        let category = known.map_or("unknown", |bytes| {
            limits.iter().find(|(limit, _)| bytes < limit * 1_000_000_000).map_or("very_large", |(_, class)| class)
        });
        prop_assert_eq!(fast.category.word(), category);
        let kinds = all.iter().map(|(_, weight)| weight).sum::<f64>() / (all.len() as f64).max(1.0);
        let score = kinds / 2.0 + (all.len() as f64 / 100.0).min(1.0) / 2.0;
        prop_assert!((fast.complexity_score - score).abs() < 0.000_51, "{} and {score}", fast.complexity_score);
    }

    /// Clean-up: each table by itself, then the order by comparing every pair.
    #[test]
    fn cleanup(
        facts in prop::collection::vec((1..1_000_u64, 0..200_u64, 1..1_000_u64, 0..3_u32, 0..3_u32), 0..20),
        most in 1..20_u32, batch in 1..20_u32, ended: bool,
    ) {
        const HOUR: u64 = 3_600_000;
        let mut policy = ResolvedPolicy::default();
        policy.temp_tables.max_table_age_hours = 100.0;
        policy.temp_tables.max_total_tables = most;
        policy.temp_tables.cleanup_batch_size = batch;
        let tables: Vec<TempTableFacts> = facts.iter().enumerate().map(|(n, (gib, hours, rebuild_s, uses, readers))| TempTableFacts {
            name: format!("t{n:02}"),
            bytes: Bytes::gib(*gib),
            last_access_ms: 1_000 * HOUR - hours * HOUR,
            rebuild_ms: Some(rebuild_s * 1_000),
            remaining_uses: uses / 2,
            readers: readers / 2,
        }).collect();
        let input = PlanCleanupInput { now_ms: 1_000 * HOUR, pipeline_ended: ended, tables: tables.clone() };
        let fast = plan_cleanup(&policy, &input);

        // Whole numbers: a goes before b when its size * age * b's rebuild time is larger.
        let age = |table: &TempTableFacts| u128::from(1_000 * HOUR - table.last_access_ms);
        let weight = |a: &TempTableFacts, b: &TempTableFacts| {
            u128::from(a.bytes.get()) * age(a) * u128::from(b.rebuild_ms.unwrap())
        };
        let mut left = tables.clone();
        let (mut gone, mut over) = (Vec::new(), tables.len().saturating_sub(most as usize));
        while !left.is_empty() {
            let first = (0..left.len()).find(|a| {
                (0..left.len()).all(|b| {
                    let (mine, theirs) = (weight(&left[*a], &left[b]), weight(&left[b], &left[*a]));
                    let order = (age(&left[b]), &left[*a].name).cmp(&(age(&left[*a]), &left[b].name));
                    mine > theirs || (mine == theirs && order.is_le())
                })
            }).unwrap();
            let table = left.remove(first);
            let used = table.remaining_uses > 0 || table.readers > 0;
            if !used && (ended || age(&table) > u128::from(100 * HOUR) || over > 0) {
                gone.push(table.name);
                over = over.saturating_sub(1);
            }
        }
        let now: Vec<String> = gone.iter().take(batch as usize).cloned().collect();
        prop_assert_eq!(&fast.drop, &now);
        prop_assert_eq!(fast.postponed as usize, gone.len() - now.len());
    }

    /// Theil and Sen, by sorting every slope.
    #[test]
    fn slopes(runs in prop::collection::vec(0..1_000_000_u64, 2..40)) {
        let mut all: Vec<f64> = Vec::new();
        for j in 0..runs.len() {
            for i in 0..j {
                all.push((runs[j] as f64 - runs[i] as f64) / (j - i) as f64);
            }
        }
        all.sort_by(f64::total_cmp);
        let median = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
        prop_assert_eq!(median_slope(&runs), Some(median));
    }
}
