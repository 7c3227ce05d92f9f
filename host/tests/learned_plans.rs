//! What the runs of public logs teach: a plan from them is never too small for what was seen. (`../shared/data` beside the checkout; skipped, and said,
//! where it is absent.)

#![allow(clippy::unwrap_used, clippy::panic)]

mod public_logs;

use std::path::Path;

use public_logs::public_logs;
use sparkwright::lesson::lesson;
use sparkwright::review;
use sparkwright_core::by_name::ByName;
use sparkwright_core::facts::{ClusterFacts, Manager, PastRun};
use sparkwright_core::launch::{PlanLaunchInput, plan_launch};
use sparkwright_core::lesson::{Lesson, history};
use sparkwright_core::memory::Heap;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::Bytes;

/// What a log teaches; nothing where it is none, or nothing ran in it.
fn taught(path: &Path) -> Option<Lesson> {
    let log = review::read(path).ok().filter(|log| !log.measured.is_empty())?;
    let run = sparkwright_core::review::review(&ResolvedPolicy::default(), &log.measured.question(&[], None)).past_run;
    Some(lesson(&log, None, (run, Vec::new()), ("job", &ByName::new()), "log"))
}

#[test]
fn a_plan_from_the_history_of_any_log_has_the_memory_that_its_run_was_seen_to_need() {
    let paths = public_logs();
    if paths.is_empty() {
        return;
    }
    let (mut taught_something, mut of_memory) = (0, 0);
    for path in paths {
        let Some(lesson) = taught(&path) else { continue };
        taught_something += 1;
        let run = lesson.run;
        // The next night, and after so many that heap to spare is taken away.
        for nights in [1, 6, 12] {
            // The same night, as steered, over as much or a little more each time.
            let nights: Vec<Lesson> = (0..nights)
                .map(|night| {
                    let scanned = (1 << 30) + night * (1 << 24) * u64::from(nights > 6);
                    let run = PastRun { scanned_bytes: Some(Bytes(scanned)), ..lesson.run };
                    Lesson { started_ms: lesson.started_ms + night, mode: "act".into(), run, ..lesson.clone() }
                })
                .collect();
            let cluster = ClusterFacts { manager: Manager::Standalone, ..ClusterFacts::default() };
            let input = PlanLaunchInput { cluster, history: history(&nights), ..PlanLaunchInput::default() };
            let plan =
                plan_launch(&ResolvedPolicy::default(), &input).unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
            let (heap, cores) = (plan.executor_memory_bytes.value, plan.executor_cores.value);
            let seen = run.heap_peak_bytes.unwrap_or_default();
            assert!(heap >= seen, "{path:?}: {heap} planned, {seen} seen in use");
            let peak = run.task_peak_bytes.unwrap_or_default();
            let each = Heap::new(heap, &ClusterFacts::default()).execution_per_core(cores);
            assert!(each >= peak, "{path:?}: {each} for the execution of a task, {peak} taken");
            let lacked = run.memory_failures.unwrap_or(0) > 0 || run.gc_share.is_some_and(|share| share > 0.1);
            if let Some(had) = run.executor_heap_bytes.filter(|_| lacked || run.spilled_bytes > Some(Bytes(0))) {
                of_memory += 1;
                let for_each = |heap: Bytes, cores: u32| heap.get() / u64::from(cores.max(1));
                let had_cores = run.executor_cores.unwrap_or(cores);
                assert!(
                    for_each(heap, cores) >= for_each(had, had_cores),
                    "{path:?}: {heap} for {cores} cores after {had} for {had_cores}"
                );
            }
        }
    }
    assert!(
        taught_something >= 20 && of_memory > 0,
        "{taught_something} logs taught something, {of_memory} lacked memory"
    );
}
