//! Whether an application that failed is run again at once (`autoscaling.retries_after_out_of_memory`): only where its last
//! job failed after tasks or executors ended for want of memory, and the next attempt has more of it.

use alloc::format;
use alloc::string::String;

use crate::confs::EXECUTOR_MEMORY;
use crate::launch::PlanLaunchAnswer;
use crate::lesson::Lesson;
use crate::policy::ResolvedPolicy;
use crate::units::Bytes;

/// What the next attempt has, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// It runs again, with this heap of an executor; the text says what was lacking and what it gets.
    Again {
        /// The heap.
        executor_heap_bytes: Bytes,
        /// For people.
        why: String,
    },
    /// It does not; the text says why, where it died of memory.
    No(Option<String>),
}

/// Whether an application runs again after `made` attempts, of which the last one failed as `failed` tells; `next` is the plan that knows of it.
#[must_use]
pub fn retry(policy: &ResolvedPolicy, made: u32, lesson: &Lesson, next: &PlanLaunchAnswer) -> Retry {
    let failed = &lesson.run;
    let most = policy.autoscaling.retries_after_out_of_memory.saturating_add(1);
    let deaths = failed.memory_failures.unwrap_or(0);
    let Some(had) = failed.executor_heap_bytes.filter(|_| lesson.last_job_failed && deaths > 0 && most > 1) else {
        return Retry::No(None);
    };
    let lacked = format!("{deaths} tasks or executors ended for want of memory, with an executor memory of {had}");
    if made >= most {
        return Retry::No(Some(format!("{lacked}: that was attempt {made} of {most}")));
    }
    let gets = next.executor_memory_bytes.value;
    if !next.confs.contains_key(EXECUTOR_MEMORY.key) {
        return Retry::No(Some(format!(
            "{lacked}: {} is set by the user, or the cluster's machines are not known: another attempt would have no more",
            EXECUTOR_MEMORY.key
        )));
    }
    if gets <= had {
        return Retry::No(Some(format!(
            "{lacked}: another attempt would have no more, {}",
            next.executor_memory_bytes.trace.why()
        )));
    }
    Retry::Again { executor_heap_bytes: gets, why: format!("{lacked}: attempt {} of {most} has {gets}", made + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{History, PastRun};
    use crate::launch::{PlanLaunchInput, plan_launch};
    use alloc::string::ToString as _;
    use alloc::vec;

    fn after(retries: u32, made: u32, failed: PastRun, user: Option<&str>) -> Retry {
        told_by(retries, made, &Lesson { last_job_failed: true, run: failed, ..Lesson::default() }, user)
    }

    fn told_by(retries: u32, made: u32, lesson: &Lesson, user: Option<&str>) -> Retry {
        let failed = lesson.run;
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.retries_after_out_of_memory = retries;
        let mut input = PlanLaunchInput {
            history: History { runs: vec![failed], ..History::default() },
            ..PlanLaunchInput::default()
        };
        input.cluster.manager = crate::facts::Manager::Standalone;
        input.cluster.nodes = vec![crate::facts::NodeFacts { count: 2, cores: 4, memory_bytes: Bytes::gib(32) }];
        if let Some(memory) = user {
            input.cluster.user_confs.insert(EXECUTOR_MEMORY.key.into(), memory.to_string());
        }
        retry(&policy, made, lesson, &plan_launch(&policy, &input).unwrap_or_else(|error| panic!("{error:?}")))
    }

    #[test]
    fn runs_again_where_it_died_of_memory_and_more_can_be_had() {
        let died = PastRun {
            failed: true,
            executor_heap_bytes: Some(Bytes::gib(4)),
            executor_cores: Some(4),
            memory_failures: Some(3),
            ..PastRun::default()
        };
        let told = |retry| match retry {
            Retry::Again { executor_heap_bytes, why } => (Some(executor_heap_bytes), Some(why)),
            Retry::No(why) => (None, why),
        };
        assert_eq!(
            told(after(2, 1, died, None)),
            (
                Some(Bytes::gib(6)),
                Some("3 tasks or executors ended for want of memory, with an executor memory of 4 GiB: attempt 2 of 3 has 6 GiB".into())
            )
        );
        assert_eq!(after(0, 1, died, None), Retry::No(None), "nobody asked for it");
        assert_eq!(
            after(2, 1, PastRun { memory_failures: Some(0), ..died }, None),
            Retry::No(None),
            "something else failed"
        );
        assert_eq!(after(2, 1, PastRun { memory_failures: None, ..died }, None), Retry::No(None), "nobody knows");
        let came_through = Lesson { run: died, ..Lesson::default() };
        assert_eq!(
            told_by(2, 1, &came_through, None),
            Retry::No(None),
            "Spark got over it, and the program failed of something else"
        );
        let (more, why) = told(after(2, 3, died, None));
        assert!(more.is_none() && why.unwrap().ends_with(": that was attempt 3 of 3"));
        let (more, why) = told(after(2, 1, died, Some("4g")));
        assert!(more.is_none() && why.unwrap().contains("spark.executor.memory is set by the user"));
    }
}
