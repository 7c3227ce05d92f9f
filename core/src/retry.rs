//! Whether an application that failed is run again at once (`autoscaling.retries_after_out_of_memory`): only where its last
//! job or query failed for want of a memory, and the next attempt has more of that.

use alloc::format;
use alloc::string::String;

use crate::confs::{DRIVER_MEMORY, EXECUTOR_MEMORY, EXECUTOR_OVERHEAD, MAX_RESULTS};
use crate::executor::driver::{COPIES_OF_A_RESULT, LOCAL_SHARE};
use crate::facts::{ClusterFacts, PastRun};
use crate::launch::PlanLaunchAnswer;
use crate::lesson::Lesson;
use crate::out_of_memory::{Lacked, Memory};
use crate::policy::ResolvedPolicy;

/// Python workers' own limit.
const PYTHON_MEMORY: &str = "spark.executor.pyspark.memory";

/// What the next attempt has, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// It runs again; the text says what was lacking and what it gets.
    Again(String),
    /// It does not; the text says why, where it died of memory.
    No(Option<String>),
}

/// Whether an application runs again after `made` attempts, of which the last one failed as `failed` tells; `next` is the plan that knows of it.
#[must_use]
pub fn retry(
    policy: &ResolvedPolicy,
    made: u32,
    failed: &Lesson,
    cluster: &ClusterFacts,
    next: &PlanLaunchAnswer,
) -> Retry {
    let most = policy.autoscaling.retries_after_out_of_memory.saturating_add(1);
    let Some(lacked) = failed.lacked().filter(|_| most > 1) else { return Retry::No(None) };
    let why = why(&failed.run, lacked);
    if let Some(never) = never(lacked, cluster) {
        return Retry::No(Some(format!("{why}: {never}")));
    }
    if made >= most {
        return Retry::No(Some(format!("{why}: that was attempt {made} of {most}")));
    }
    let no_more = |because: &str| Retry::No(Some(format!("{why}: {because}: another attempt would have no more")));
    let (key, gets) = match lacked.memory {
        Memory::PythonWorker if cluster.user(PYTHON_MEMORY).is_some() => {
            return no_more(&format!("{PYTHON_MEMORY} is set by the user"));
        }
        Memory::OffHeap => return no_more("spark.memory.offHeap.size is set by the user"),
        Memory::ExecutorHeap => (EXECUTOR_MEMORY, &next.executor_memory_bytes),
        Memory::ExecutorOverhead | Memory::PythonWorker => (EXECUTOR_OVERHEAD, &next.executor_overhead_bytes),
        Memory::DriverHeap => (DRIVER_MEMORY, &next.driver_memory_bytes),
        Memory::Results => {
            return match next.confs.get(MAX_RESULTS.key) {
                Some(results) => Retry::Again(format!("{why}: attempt {} of {most} has {}", made + 1, results.value)),
                None => no_more(&not_set(
                    &[MAX_RESULTS.key, DRIVER_MEMORY.key],
                    cluster,
                    "half of the driver's machine would not hold them",
                )),
            };
        }
        Memory::OverALimit | Memory::Other => return Retry::No(Some(why)),
    };
    if !next.confs.contains_key(key.key) {
        let unknown = match lacked.memory {
            Memory::DriverHeap => "the policy plans no memory",
            Memory::ExecutorHeap => "the cluster's machines are not known, or the policy plans no memory",
            _ => "this cluster manager has no overhead, or its machines are not known",
        };
        return no_more(&not_set(&[key.key], cluster, unknown));
    }
    if lacked.had_bytes.is_some_and(|had| gets.value <= had) {
        return Retry::No(Some(format!("{why}: another attempt would have no more, {}", gets.trace.why())));
    }
    Retry::Again(format!("{why}: attempt {} of {most} has {}", made + 1, gets.value))
}

/// Why the next attempt sets none of these keys.
fn not_set(keys: &[&str], cluster: &ClusterFacts, otherwise: &str) -> String {
    match keys.iter().find(|key| cluster.user(key).is_some()) {
        Some(key) => format!("{key} is set by the user"),
        None => otherwise.into(),
    }
}

/// What was lacking, for people.
fn why(run: &PastRun, lacked: Lacked) -> String {
    let had = lacked.had_bytes.map_or_else(|| "an unknown size".into(), |had| format!("{had}"));
    let deaths = run.memory_failures.unwrap_or(0);
    match lacked.memory {
        Memory::ExecutorHeap => {
            let deaths = if deaths > 0 { format!("{deaths} ") } else { String::new() };
            format!("{deaths}tasks or executors ended for want of memory, with an executor memory of {had}")
        }
        Memory::ExecutorOverhead => {
            format!(
                "an executor was killed for want of memory beside its heap, with an executor memory overhead of {had}"
            )
        }
        Memory::PythonWorker => format!("a Python worker ended for want of memory, of which it had {had}"),
        Memory::OffHeap => format!("tasks ended for want of off-heap memory, of which an executor had {had}"),
        Memory::DriverHeap => format!("the driver ran out of memory, with a driver memory of {had}"),
        Memory::Results => {
            let about = lacked.wanted_bytes.map_or_else(String::new, |wanted| format!("about {wanted}, "));
            format!("a job's results were too large for the driver: {about}and spark.driver.maxResultSize is {had}")
        }
        Memory::OverALimit => {
            "a row, an array or a broadcast table is over a limit of Spark or the JVM: no memory cures that".into()
        }
        Memory::Other => "it ran out of a memory that this version does not know".into(),
    }
}

/// Why no attempt would ever have enough.
fn never(lacked: Lacked, cluster: &ClusterFacts) -> Option<String> {
    let wanted = lacked.wanted_bytes?;
    match lacked.memory {
        Memory::ExecutorHeap => {
            let largest =
                cluster.nodes.iter().map(|node| node.memory_bytes).max().filter(|largest| wanted > *largest)?;
            Some(format!(
                "one task had {wanted} of its shuffle to read, and the largest machine has {largest}: more memory can't cure that; one key may hold most \
                 rows: aggregate it in two steps, or split it by a second key"
            ))
        }
        Memory::Results => {
            let machine = cluster.driver_machine_bytes?;
            let room = machine.share(LOCAL_SHARE);
            (wanted.get().saturating_mul(COPIES_OF_A_RESULT) > room.get()).then(|| {
                format!(
                    "a driver holds results {COPIES_OF_A_RESULT} times over and may take half of its machine's {machine}: more memory can't cure that; write \
                     them out, or take fewer rows"
                )
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::History;
    use crate::launch::{PlanLaunchInput, plan_launch};
    use crate::units::Bytes;
    use alloc::string::ToString as _;
    use alloc::vec;
    use alloc::vec::Vec;

    fn cluster(user: &[(&str, &str)]) -> ClusterFacts {
        let mut cluster = ClusterFacts {
            manager: crate::facts::Manager::Standalone,
            nodes: vec![crate::facts::NodeFacts { count: 2, cores: 4, memory_bytes: Bytes::gib(32) }],
            driver_machine_bytes: Some(Bytes::gib(32)),
            ..ClusterFacts::default()
        };
        for (key, value) in user {
            cluster.user_confs.insert((*key).into(), (*value).to_string());
        }
        cluster
    }

    fn after(retries: u32, made: u32, failed: &Lesson, cluster: ClusterFacts) -> Retry {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.retries_after_out_of_memory = retries;
        let history = History { runs: vec![PastRun { failed: true, ..failed.run }], ..History::default() };
        let input = PlanLaunchInput { history, cluster, ..PlanLaunchInput::default() };
        let next = plan_launch(&policy, &input).unwrap_or_else(|error| panic!("{error:?}"));
        retry(&policy, made, failed, &input.cluster, &next)
    }

    fn lacked(memory: Memory, had: Bytes, wanted: Option<Bytes>) -> Lesson {
        let run = PastRun {
            executor_heap_bytes: Some(Bytes::gib(4)),
            executor_cores: Some(4),
            memory_failures: Some(if memory == Memory::ExecutorHeap { 3 } else { 0 }),
            ..PastRun::default()
        };
        let lacked = Some(Lacked { memory, had_bytes: Some(had), wanted_bytes: wanted });
        Lesson { run, ..Lesson::default() }.with_lacked(lacked)
    }

    fn told(retry: Retry) -> (bool, String) {
        match retry {
            Retry::Again(why) => (true, why),
            Retry::No(why) => (false, why.unwrap_or_default()),
        }
    }

    #[test]
    fn runs_again_where_it_died_of_memory_and_more_can_be_had() {
        let died = lacked(Memory::ExecutorHeap, Bytes::gib(4), None);
        assert_eq!(
            told(after(2, 1, &died, cluster(&[]))),
            (
                true,
                "3 tasks or executors ended for want of memory, with an executor memory of 4 GiB: attempt 2 of 3 has 6 GiB".into()
            )
        );
        assert_eq!(after(0, 1, &died, cluster(&[])), Retry::No(None), "nobody asked for it");
        let something_else = died.clone().with_lacked(None);
        assert_eq!(after(2, 1, &something_else, cluster(&[])), Retry::No(None), "Spark got over it");
        let (again, why) = told(after(2, 3, &died, cluster(&[])));
        assert!(!again && why.ends_with(": that was attempt 3 of 3"));
        let (again, why) = told(after(2, 1, &died, cluster(&[("spark.executor.memory", "4g")])));
        assert!(!again && why.contains("spark.executor.memory is set by the user"));
    }

    #[test]
    fn each_memory_is_another_key() {
        let driver = "driver memory of 2 GiB: attempt 2 of 3 has 3 GiB";
        let results = "about 1.2 GiB, and spark.driver.maxResultSize is 1 GiB: attempt 2 of 3 has 1440m";
        for (memory, had, wanted, user, again, text) in [
            (Memory::DriverHeap, 2_048, None, None, true, driver),
            (
                Memory::DriverHeap,
                2_048,
                None,
                Some(("spark.driver.memory", "2g")),
                false,
                "spark.driver.memory is set by the user:",
            ),
            (Memory::DriverHeap, 16_384, None, None, false, "another attempt would have no more"),
            (Memory::Results, 1_024, Some(1_200), None, true, results),
            (
                Memory::Results,
                1_024,
                Some(1_200),
                Some(("spark.driver.maxResultSize", "1g")),
                false,
                "spark.driver.maxResultSize is set by the user",
            ),
            (Memory::Results, 1_024, Some(900_000), None, false, "its machine's 32 GiB: more memory can't cure that"),
            (
                Memory::ExecutorHeap,
                4_096,
                Some(40_000),
                None,
                false,
                "the largest machine has 32 GiB: more memory can't cure that",
            ),
            (Memory::ExecutorHeap, 4_096, Some(4_000), None, true, "attempt 2 of 3 has 6 GiB"),
            (Memory::OffHeap, 64, None, None, false, "spark.memory.offHeap.size is set by the user"),
            (Memory::PythonWorker, 64, None, Some((PYTHON_MEMORY, "64m")), false, "pyspark.memory is set by the user"),
            (Memory::OverALimit, 0, None, None, false, "no memory cures that"),
        ] {
            let user: Vec<(&str, &str)> = user.into_iter().collect();
            let run = lacked(memory, Bytes::mib(had), wanted.map(Bytes::mib));
            let (ran, why) = told(after(2, 1, &run, cluster(&user)));
            assert!(ran == again && why.contains(text), "{memory:?} {had} {wanted:?}: {ran} {why}");
        }
    }

    /// Standalone workers know no overhead; containers do.
    #[test]
    fn a_container_gets_twice_the_overhead() {
        let run = lacked(Memory::ExecutorOverhead, Bytes::mib(410), None);
        let yarn = ClusterFacts { manager: crate::facts::Manager::Yarn, ..cluster(&[]) };
        let (again, why) = told(after(2, 1, &run, yarn));
        assert!(again && why.ends_with("overhead of 410 MiB: attempt 2 of 3 has 820 MiB"), "{why}");
        let (again, why) = told(after(2, 1, &run, cluster(&[])));
        assert!(!again && why.contains("this cluster manager has no overhead"), "{why}");
    }
}
