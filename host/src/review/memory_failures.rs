//! Tasks and executors that ended for want of memory, by the words of Spark and of cluster managers.

use crate::spark::events::{ExecutorRemoved, TaskEnd};

/// What is said of an executor that a JVM, a container or a machine without memory ended. 52 is the exit code of Spark's executors for it
/// (`SparkExitCode.OOM`), 137 that of a process that the system killed.
const LOST: [&str; 7] = ["OutOfMemory", "OOM", "memory limits", "code 52", "code 137", "status: 52", "status: 137"];

/// Whether a task failed for want of heap.
pub(super) fn of_task(end: &TaskEnd) -> bool {
    end.reason.class.as_deref().is_some_and(|class| class.contains("OutOfMemoryError"))
}

/// Whether an executor was lost for want of memory.
pub(super) fn of_executor(removed: &ExecutorRemoved) -> bool {
    LOST.iter().any(|words| removed.reason.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_managers_say_of_it() {
        let lost = |reason: &str| {
            of_executor(&ExecutorRemoved { at_ms: 0, executor: "1".to_owned(), reason: reason.to_owned() })
        };
        for reason in [
            "Command exited with code 52",
            "Command exited with code 137",
            "Container killed by YARN for exceeding memory limits. 5.5 GB of 5.5 GB physical memory used.",
            "Container from a bad node: container_1 on host: h. Exit status: 137. Diagnostics: ",
            "The executor with id 3 exited with exit code 137(SIGKILL, possible container OOM).",
            "The executor with id 3 exited with exit code 52(JVM OOM).",
        ] {
            assert!(lost(reason), "{reason}");
        }
        for reason in ["Executor decommission: sparkwright", "Command exited with code 0", "worker lost", ""] {
            assert!(!lost(reason), "{reason}");
        }
    }
}
