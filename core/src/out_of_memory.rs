//! Which memory a run ended for want of, by the words of Spark, the JVM, Python and cluster managers; and how much of it the next run gets.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use crate::memory_kind::Memory;

use crate::facts::{PastRun, parse_spark_memory};
use crate::units::{Bytes, MIB, ceil_u64};

/// What a run ended for want of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacked {
    /// The memory.
    pub memory: Memory,
    /// How much of it there was; unknown when absent.
    pub had_bytes: Option<Bytes>,
    /// How much was to be held at the least: the results of all tasks at the rate of those that had ended, or what was left of a shuffle for the one
    /// task that died. Unknown when absent.
    pub wanted_bytes: Option<Bytes>,
}

impl PastRun {
    /// The same run with what it ended for want of.
    #[must_use]
    pub fn with_lacked(self, lacked: Option<Lacked>) -> Self {
        let bytes = |lacked: Lacked| match lacked.memory {
            Memory::Results => lacked.wanted_bytes.max(lacked.had_bytes),
            _ => lacked.had_bytes,
        };
        Self { lacked: lacked.map(|lacked| lacked.memory), lacked_bytes: lacked.and_then(bytes), ..self }
    }

    /// How much was too little of one of these memories.
    pub(crate) fn too_little(&self, memories: &[Memory]) -> Option<Bytes> {
        self.lacked_bytes.filter(|_| self.lacked.is_some_and(|lacked| memories.contains(&lacked)))
    }
}

/// What Java calls `OutOfMemoryError` and no heap cures.
const NO_HEAP: [&str; 3] = ["native thread", "Metaspace", "Compressed class space"];
/// Limits that no setting moves: of arrays in the JVM, of Spark's rows and of its broadcasts.
const LIMITS: [&str; 5] = [
    "Requested array size exceeds VM limit",
    "exceeds size limitation",
    "exceeding the array size limit",
    "Cannot broadcast the table that is larger than",
    "Cannot broadcast the table over",
];
/// What Java and its libraries say where a heap, or the direct memory that is as large, has no room.
const HEAP: [&str; 3] = ["OutOfMemoryError", "OutOfMemoryException", "OutOfDirectMemoryError"];
/// What says that a GPU's memory is meant.
const OF_A_GPU: [&str; 2] = ["CUDA", "torch."];
/// What Spark's own memory manager says, which gives out heap or off-heap memory.
const UNACQUIRED: [&str; 2] = ["bytes of memory, got", "SparkOutOfMemoryError"];
/// What Spark says of a task whose executor was lost.
const LOST: &str = "ExecutorLostFailure";
/// What Spark says of a Python worker that ended by itself: for want of memory, unless it says why.
const CRASHED: &str = "Python worker exited unexpectedly (crashed)";
/// What it says where a native library failed.
const FAULTS: [&str; 2] = ["Segmentation fault", "Fatal Python error"];
/// What is said where the output of an executor is gone that was lost.
const FETCH: [&str; 2] = ["FetchFailed", "Missing an output location"];
/// An executor that its JVM ended: 52 is its exit code for that (`SparkExitCode.OOM`).
const JVM_LOST: [&str; 3] = ["code 52", "status: 52", "JVM OOM"];
/// An executor that a container or a machine without memory ended: 137 is the exit code of a process that the system killed.
const KILLED: [&str; 5] =
    ["memory limits", "code 137", "status: 137", "OOMKilled", "beyond the 'PHYSICAL' memory limit"];
/// What Spark says of results that it stops.
const TOO_LARGE_FOR_DRIVER: &str = "is bigger than spark.driver.maxResultSize";
/// What it says where the driver has no room for a table to broadcast.
const NO_BROADCAST: &str = "Not enough memory to build and broadcast";
/// The start of what a query says that failed by a job.
const BY_A_JOB: &str = "Job aborted";

/// Whether a text has any of these words; those that end in a number end there in the text too.
fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|words| has(text, words))
}

fn has(text: &str, words: &str) -> bool {
    let digit = |text: Option<&u8>| text.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let whole = |at: usize| !(digit(words.as_bytes().last()) && digit(bytes.get(at + words.len())));
    text.match_indices(words).any(|(at, _)| whole(at))
}

/// Whether a Python program ran out of memory, by its traceback; Java's error ends in the same letters.
fn python(text: &str) -> bool {
    let ours = |(at, _): (usize, &str)| !text.get(..at).unwrap_or_default().ends_with("OutOf");
    text.match_indices("MemoryError").any(ours) || text.contains(CRASHED) && !says(text, &FAULTS)
}

impl Memory {
    /// The memory for want of which an executor was lost.
    #[must_use]
    pub fn of_executor(reason: &str) -> Option<Self> {
        if says(reason, &JVM_LOST) {
            return Some(Self::ExecutorHeap);
        }
        says(reason, &KILLED).then_some(Self::ExecutorOverhead)
    }

    /// The memory for want of which a stage or one of its tasks failed.
    #[must_use]
    pub fn of_stage(why: &str) -> Option<Self> {
        if says(why, &LIMITS) {
            return Some(Self::OverALimit);
        }
        if why.contains(TOO_LARGE_FOR_DRIVER) {
            return Some(Self::Results);
        }
        if says(why, &NO_HEAP) || says(why, &OF_A_GPU) {
            return None;
        }
        if python(why) {
            return Some(Self::PythonWorker);
        }
        if says(why, &HEAP) || says(why, &UNACQUIRED) {
            return Some(Self::ExecutorHeap);
        }
        // Any other text may hold such numbers.
        why.contains(LOST).then(|| Self::of_executor(why)).flatten()
    }

    /// The memory for want of which a stage failed, where executors may have been lost before: their output is then missing, and no more is said of why.
    #[must_use]
    pub fn of_stage_after(why: &str, lost: Option<Self>) -> Option<Self> {
        Self::of_stage(why).or(lost.filter(|_| says(why, &FETCH)))
    }

    /// The memory of the driver for want of which a query failed; nothing of one that failed by a job, whose stage tells.
    #[must_use]
    pub fn of_query(error: &str) -> Option<Self> {
        if error.contains(BY_A_JOB) {
            return None;
        }
        if says(error, &LIMITS) {
            return Some(Self::OverALimit);
        }
        let heap = says(error, &HEAP) || says(error, &UNACQUIRED) || error.contains(NO_BROADCAST);
        (heap && !says(error, &NO_HEAP) && !says(error, &OF_A_GPU)).then_some(Self::DriverHeap)
    }

    /// What a run lacked for which a stage or a query gives this reason, under this configuration; `local` where the driver ran the tasks.
    #[must_use]
    pub fn lacked<'a>(self, why: &str, local: bool, conf: impl Fn(&str) -> Option<&'a str>) -> Lacked {
        let size = |key: &str| conf(key).and_then(parse_spark_memory);
        // Keys whose bare number is one of bytes.
        let bytes = |key: &str| conf(key).and_then(|text| text.parse().ok().map(Bytes)).or_else(|| size(key));
        let heap = || size("spark.executor.memory").unwrap_or(crate::memory::DEFAULT_HEAP);
        let overhead = || {
            size("spark.executor.memoryOverhead")
                .unwrap_or_else(|| crate::memory::overhead(heap(), crate::memory::OVERHEAD_FACTOR))
        };
        let off_heap = conf("spark.memory.offHeap.enabled") == Some("true") && says(why, &UNACQUIRED);
        let memory = match self {
            Self::ExecutorHeap if off_heap => Self::OffHeap,
            Self::ExecutorHeap if local => Self::DriverHeap,
            other => other,
        };
        let had_bytes = match memory {
            Self::ExecutorHeap => Some(heap()),
            Self::ExecutorOverhead => Some(overhead()),
            Self::PythonWorker => Some(size("spark.executor.pyspark.memory").unwrap_or_else(overhead)),
            Self::OffHeap => bytes("spark.memory.offHeap.size"),
            Self::DriverHeap => Some(size("spark.driver.memory").unwrap_or(crate::memory::DEFAULT_HEAP)),
            Self::Results => Some(bytes("spark.driver.maxResultSize").unwrap_or(crate::memory::DEFAULT_RESULTS)),
            Self::OverALimit | Self::Other => None,
        };
        Lacked { memory, had_bytes, wanted_bytes: None }
    }
}

/// Of the reason for a failure the words that this module goes by, for logs from which the program's own are left out; nothing where there are none.
#[must_use]
pub fn known_words(why: &str) -> Option<String> {
    let lists: [&[&str]; 10] =
        [&[BY_A_JOB, LOST], &NO_HEAP, &LIMITS, &HEAP, &OF_A_GPU, &UNACQUIRED, &JVM_LOST, &KILLED, &FETCH, &FAULTS];
    let mut words: Vec<&str> = lists.into_iter().flatten().copied().filter(|words| has(why, words)).collect();
    if python(why) {
        words.push("Python: MemoryError");
    }
    let counted = counted_results(why).map(|(tasks, number, unit)| {
        format!("serialized results of {tasks} tasks ({number} {unit}) {TOO_LARGE_FOR_DRIVER}")
    });
    words.extend(counted.as_deref().or_else(|| why.contains(TOO_LARGE_FOR_DRIVER).then_some(TOO_LARGE_FOR_DRIVER)));
    words.extend(why.contains(NO_BROADCAST).then_some(NO_BROADCAST));
    (!words.is_empty()).then(|| words.join("; "))
}

/// Of how many tasks Spark counted the results as it stopped them, and their size as a number and its unit.
fn counted_results(why: &str) -> Option<(u64, f64, &str)> {
    let (counted, rest) = why.split_once("serialized results of ")?.1.split_once(" tasks (")?;
    let (number, unit) = rest.split_once(')')?.0.split_once(' ')?;
    let known = ["B", "KiB", "MiB", "GiB", "TiB"].contains(&unit);
    let counted = counted.trim().parse().ok().filter(|counted| *counted > 0 && known)?;
    Some((counted, number.parse().ok()?, unit))
}

/// The results that all tasks of a stage would have had by the usual one of those that ended, and at the least those that Spark counted as it stopped
/// them. One task that has far more than the others says nothing of the others.
#[must_use]
pub fn all_results(why: &str, tasks: u64, usual: Option<u64>) -> Option<Bytes> {
    let (_, number, unit) = counted_results(why)?;
    let unit = match unit {
        "KiB" => 1 << 10,
        "MiB" => MIB,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => 1,
    };
    Some(Bytes(ceil_u64(number * unit as f64).max(usual.unwrap_or(0).saturating_mul(tasks))))
}

/// How much more a run gets of a memory than one that ended for want of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// So many times as much.
    pub times: f64,
    /// And at the most so many times the least that any of the runs had.
    pub most: f64,
}

/// What runs show to be too little of these memories, and so what the next one gets of them; nothing where none ended for want of them. A size that was
/// too little is remembered as long as its run is, or each tenth night would fail again.
pub(crate) fn grown(runs: &[PastRun], memories: &[Memory], growth: Growth) -> Option<Bytes> {
    let had = || runs.iter().filter_map(|run| run.too_little(memories));
    let (most, least) = (had().max()?, had().min()?);
    let bytes = (most.get() as f64 * growth.times).min(least.get() as f64 * growth.most);
    Some(Bytes(ceil_u64(bytes).div_ceil(MIB).saturating_mul(MIB)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_managers_say_of_lost_executors() {
        for (reason, memory) in [
            ("Command exited with code 52", Some(Memory::ExecutorHeap)),
            ("The executor with id 3 exited with exit code 52(JVM OOM).", Some(Memory::ExecutorHeap)),
            ("Command exited with code 137", Some(Memory::ExecutorOverhead)),
            (
                "Container killed by YARN for exceeding memory limits. 5.5 GB of 5.5 GB physical memory used.",
                Some(Memory::ExecutorOverhead),
            ),
            (
                "Container from a bad node: container_1 on host: h. Exit status: 137. Diagnostics: ",
                Some(Memory::ExecutorOverhead),
            ),
            (
                "The executor with id 3 exited with exit code 137(SIGKILL, possible container OOM).",
                Some(Memory::ExecutorOverhead),
            ),
            ("Executor decommission: sparkwright", None),
            ("Command exited with code 0", None),
            ("worker lost", None),
            ("", None),
        ] {
            assert_eq!(Memory::of_executor(reason), memory, "{reason}");
        }
    }

    #[test]
    fn what_spark_says_of_failed_stages_and_queries() {
        let job = "Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.6: ";
        for (why, memory) in [
            ("java.lang.OutOfMemoryError: Java heap space", Some(Memory::ExecutorHeap)),
            ("java.lang.OutOfMemoryError: GC overhead limit exceeded", Some(Memory::ExecutorHeap)),
            ("java.lang.OutOfMemoryError: Cannot reserve 1 bytes of direct buffer memory", Some(Memory::ExecutorHeap)),
            ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes of memory, got 0.", Some(Memory::ExecutorHeap)),
            ("org.apache.arrow.memory.OutOfMemoryException: Failure allocating buffer.", Some(Memory::ExecutorHeap)),
            ("java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory", None),
            ("java.lang.OutOfMemoryError: Metaspace", None),
            ("java.lang.OutOfMemoryError: Requested array size exceeds VM limit", Some(Memory::OverALimit)),
            (
                "Cannot grow BufferHolder by size 3 because the size after growing exceeds size limitation 2147483632.",
                Some(Memory::OverALimit),
            ),
            ("Traceback (most recent call last):\n  File \"a.py\", line 1\nMemoryError\n", Some(Memory::PythonWorker)),
            ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 TiB", Some(Memory::PythonWorker)),
            (
                "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)",
                Some(Memory::PythonWorker),
            ),
            ("ExecutorLostFailure (executor 3 exited) Reason: Command exited with code 52", Some(Memory::ExecutorHeap)),
            (
                "Total size of serialized results of 11 tasks (1105.4 MiB) is bigger than spark.driver.maxResultSize (1024.0 MiB)",
                Some(Memory::Results),
            ),
            ("java.lang.ArithmeticException: / by zero", None),
            ("java.sql.SQLException: Unable to acquire JDBC Connection", None),
            ("requests.HTTPError: Request failed with status code 524", None),
            ("a service says: error code 137", None),
            ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", None),
            ("Python worker exited unexpectedly (crashed): Fatal Python error: Segmentation fault", None),
            ("ExecutorLostFailure (executor 3 exited) Reason: Command exited with code 1370", None),
            (
                "org.apache.spark.SparkException: Task failed while writing rows. Caused by: java.lang.OutOfMemoryError: Java heap space",
                Some(Memory::ExecutorHeap),
            ),
        ] {
            let stage = [job, why].concat();
            assert_eq!(Memory::of_stage(&stage), memory, "{why}");
            let kept = known_words(&stage).unwrap_or_default();
            assert_eq!((Memory::of_stage(&kept), Memory::of_query(&kept)), (memory, None), "{kept}");
            assert_eq!(all_results(&kept, 22, None), all_results(why, 22, None));
            assert_eq!(Memory::of_query(&stage), None, "its stage tells");
        }
        let fetch = "ShuffleMapStage 2 has failed 4 times: MetadataFetchFailedException: Missing an output location for shuffle 0";
        let lost = Some(Memory::ExecutorHeap);
        assert_eq!((Memory::of_stage_after(fetch, lost), Memory::of_stage_after(fetch, None)), (lost, None));
        assert_eq!(Memory::of_stage_after("java.lang.ArithmeticException: / by zero", lost), None);
        for (error, memory) in [
            ("java.lang.OutOfMemoryError: Java heap space\n\tat java.base", Some(Memory::DriverHeap)),
            ("Not enough memory to build and broadcast the table to all worker nodes.", Some(Memory::DriverHeap)),
            ("Cannot broadcast the table that is larger than 8.0 GiB: 9.1 GiB.", Some(Memory::OverALimit)),
            ("java.lang.OutOfMemoryError: unable to create native thread", None),
            ("[DIVIDE_BY_ZERO] Division by zero.", None),
        ] {
            assert_eq!(Memory::of_query(error), memory, "{error}");
            assert_eq!(Memory::of_query(&known_words(error).unwrap_or_default()), memory, "{error}");
        }
    }

    #[test]
    fn how_much_there_was_of_it() {
        let had = |memory: Memory, why: &str, local, confs: &[(&str, &str)]| {
            let conf = |key: &str| confs.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
            let lacked = memory.lacked(why, local, conf);
            (lacked.memory, lacked.had_bytes.map(Bytes::whole_mib))
        };
        let heap = Memory::ExecutorHeap;
        assert_eq!(had(heap, "", false, &[("spark.executor.memory", "3g")]), (heap, Some(3_072)));
        assert_eq!(had(heap, "", true, &[("spark.driver.memory", "2g")]), (Memory::DriverHeap, Some(2_048)));
        let off = [("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "64m")];
        assert_eq!(had(heap, "Unable to acquire 1 bytes of memory, got 0", false, &off), (Memory::OffHeap, Some(64)));
        assert_eq!(had(heap, "Java heap space", false, &off), (heap, Some(1_024)));
        let overhead = Memory::ExecutorOverhead;
        assert_eq!(had(overhead, "", false, &[("spark.executor.memory", "8g")]), (overhead, Some(820)));
        assert_eq!(had(Memory::PythonWorker, "", false, &[]), (Memory::PythonWorker, Some(384)));
        assert_eq!(had(Memory::Results, "", false, &[]), (Memory::Results, Some(1_024)));
        let bytes = [("spark.driver.maxResultSize", "2147483648")];
        assert_eq!(had(Memory::Results, "", false, &bytes), (Memory::Results, Some(2_048)));
    }

    #[test]
    fn results_of_all_tasks_by_the_usual_one() {
        let why = "Total size of serialized results of 11 tasks (1100.0 MiB) is bigger than spark.driver.maxResultSize (1024.0 MiB)";
        assert_eq!(all_results(why, 22, Some(100 << 20)), Some(Bytes::mib(2_200)));
        assert_eq!(all_results(why, 10_000, Some(1)), Some(Bytes::mib(1_100)), "one of them had it all");
        assert_eq!(all_results(why, 22, None), Some(Bytes::mib(1_100)));
        assert_eq!(all_results("something else", 2, None), None);
    }

    #[test]
    fn what_was_too_little_grows_and_ends_somewhere() {
        let run = |memory, mib| {
            let lacked = Lacked { memory, had_bytes: Some(Bytes::mib(mib)), wanted_bytes: None };
            PastRun::default().with_lacked(Some(lacked))
        };
        let growth = Growth { times: 1.5, most: 4.0 };
        let driver = [Memory::DriverHeap];
        assert_eq!(grown(&[PastRun::default(), run(Memory::Results, 9)], &driver, growth), None);
        let mut runs = alloc::vec![run(Memory::DriverHeap, 2_048), PastRun::default()];
        assert_eq!(grown(&runs, &driver, growth), Some(Bytes::mib(3_072)));
        for _ in 0..10 {
            let next = grown(&runs, &driver, growth).unwrap_or_default();
            runs.push(run(Memory::DriverHeap, next.whole_mib()));
        }
        assert_eq!(grown(&runs, &driver, growth), Some(Bytes::mib(8_192)));
    }
}
