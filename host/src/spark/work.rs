//! What an application's tasks were for: each belongs to a SQL execution, or to a job outside of any.

use std::collections::BTreeMap;

use sparkwright_core::query::SpillFacts;
use sparkwright_record::Work as Recorded;
use sparkwright_replay::events::call_site;

use super::events::{JobEnd, JobStart, SqlEnd, SqlStart, TaskEnd};

/// Executions, and jobs outside of them, that are remembered.
const MOST_REMEMBERED: usize = 2_000;

/// Task time of a SQL execution, or of a job outside of any.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExecutionWork {
    /// Sum of its tasks' run times.
    pub task_ms: u64,
    /// Its tasks.
    pub tasks: u64,
    /// When it started.
    pub started_ms: u64,
    /// When it ended; absent while it runs.
    pub ended_ms: Option<u64>,
    /// Whether it failed or was cancelled.
    pub failed: bool,
    /// Bytes that its tasks spilled to disk.
    pub spilled_bytes: u64,
    /// Of its stages that read a shuffle, the one that spilled most; absent while none did.
    pub spill: Option<SpillFacts>,
    /// Bytes that the tasks of one of its stages read from shuffles, the most of them.
    pub shuffled_bytes: u64,
}

/// Whom a stage's tasks belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// A job outside of any SQL execution.
    Job(i64),
    /// A SQL execution.
    Execution(i64),
}

#[derive(Debug, Default)]
struct Owned {
    work: ExecutionWork,
    what: String,
    running: u64,
    told: bool,
}

/// The work of an application, by whom it was for.
#[derive(Debug, Default)]
pub struct Work {
    owner_of_stage: BTreeMap<i64, Owner>,
    owned: BTreeMap<Owner, Owned>,
    complete: Vec<Recorded>,
}

impl Work {
    /// A SQL execution started.
    pub fn execution_started(&mut self, start: &SqlStart) {
        let owned = self.owned.entry(Owner::Execution(start.execution)).or_default();
        owned.work.started_ms = start.time;
        owned.what = call_site(&start.description).to_owned();
        self.forget();
    }

    /// A SQL execution ended.
    pub fn execution_ended(&mut self, end: &SqlEnd) {
        let failed = end.error.as_deref().is_some_and(|error| !error.is_empty());
        self.ended(Owner::Execution(end.execution), end.time, failed);
    }

    /// A job started. A stage that several jobs name is the first one's, which runs it.
    pub fn job_started(&mut self, job: &JobStart) {
        let owner = job.execution().map_or(Owner::Job(job.job), Owner::Execution);
        for stage in &job.stages {
            let known = self.owner_of_stage.get(stage).and_then(|known| self.owned.get(known));
            // One whose owner has ended is run again for this one, where it is run at all.
            if known.is_none_or(|known| known.told) {
                self.owner_of_stage.insert(*stage, owner);
            }
        }
        if matches!(owner, Owner::Job(_)) {
            // Its last stage is what the program called.
            let last = job.infos.iter().max_by_key(|stage| stage.stage);
            let owned = self.owned.entry(owner).or_default();
            owned.work.started_ms = job.at_ms;
            owned.what = last.map(|stage| call_site(&stage.name).to_owned()).unwrap_or_default();
            self.forget();
        }
    }

    /// A job ended; one of a SQL execution is a part of that.
    pub fn job_ended(&mut self, end: &JobEnd) {
        self.ended(Owner::Job(end.job), end.at_ms, end.failed());
    }

    /// A task of a stage started.
    pub fn task_started(&mut self, stage: i64) {
        if let Some(owned) = self.of_stage(stage) {
            owned.running += 1;
        }
    }

    /// A task ended, in whatever way.
    pub fn task_ended(&mut self, end: &TaskEnd) {
        let Some(owner) = self.owner_of_stage.get(&end.stage).copied() else { return };
        let Some(owned) = self.owned.get_mut(&owner) else { return };
        let (run_ms, spilled) = end.metrics.as_ref().map_or((0, 0), |it| (it.run_ms, it.spilled_bytes));
        owned.running = owned.running.saturating_sub(1);
        owned.work.task_ms = owned.work.task_ms.saturating_add(run_ms);
        owned.work.tasks += 1;
        owned.work.spilled_bytes = owned.work.spilled_bytes.saturating_add(spilled);
        self.complete_if_done(owner);
    }

    /// A stage ended, having spilled so much.
    pub fn stage_spilled(&mut self, stage: i64, spill: SpillFacts) {
        if let Some(owned) = self.of_stage(stage)
            && owned.work.spill.is_none_or(|most| spill.spilled_bytes > most.spilled_bytes)
        {
            owned.work.spill = Some(spill);
        }
    }

    /// A stage ended, having read so much from shuffles.
    pub fn stage_shuffled(&mut self, stage: i64, bytes: u64) {
        if let Some(owned) = self.of_stage(stage) {
            owned.work.shuffled_bytes = owned.work.shuffled_bytes.max(bytes);
        }
    }

    /// Whether a stage is one of a SQL execution that still runs.
    #[must_use]
    pub fn of_running_execution(&self, stage: i64) -> bool {
        let owner = self.owner_of_stage.get(&stage).filter(|owner| matches!(owner, Owner::Execution(_)));
        let owned = owner.and_then(|owner| self.owned.get(owner));
        owned.is_some_and(|owned| owned.work.started_ms > 0 && owned.work.ended_ms.is_none())
    }

    /// What a SQL execution took so far.
    #[must_use]
    pub fn execution(&self, execution: i64) -> Option<ExecutionWork> {
        self.owned.get(&Owner::Execution(execution)).map(|owned| owned.work)
    }

    /// What has ended since it was asked last, with its last task, for the record.
    pub fn completed(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.complete)
    }

    /// What has not, at the end of the application.
    #[must_use]
    pub fn uncompleted(&self) -> Vec<Recorded> {
        let open = self.owned.iter().filter(|(_, owned)| !owned.told);
        open.map(|(owner, owned)| recorded(*owner, owned)).collect()
    }

    fn of_stage(&mut self, stage: i64) -> Option<&mut Owned> {
        self.owned.get_mut(self.owner_of_stage.get(&stage)?)
    }

    fn ended(&mut self, owner: Owner, at_ms: u64, failed: bool) {
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.work.ended_ms = Some(at_ms);
            owned.work.failed = failed;
            self.complete_if_done(owner);
        }
    }

    /// Copies of tasks, and tasks of a job that failed, end after it.
    fn complete_if_done(&mut self, owner: Owner) {
        if let Some(owned) = self.owned.get_mut(&owner)
            && owned.running == 0
            && owned.work.ended_ms.is_some()
            && !owned.told
        {
            owned.told = true;
            self.complete.push(recorded(owner, owned));
        }
    }

    fn forget(&mut self) {
        while self.owned.len() > MOST_REMEMBERED {
            // What has ended first, and what holds no shuffle before what may.
            let rank = |(owner, owned): &(&Owner, &Owned)| {
                (!owned.told, matches!(owner, Owner::Execution(_)), owned.work.started_ms)
            };
            let oldest = self.owned.iter().min_by_key(rank).map(|(owner, _)| *owner);
            let Some(oldest) = oldest else { return };
            if let Some(owned) = self.owned.remove(&oldest).filter(|owned| !owned.told) {
                self.complete.push(recorded(oldest, &owned));
            }
        }
    }
}

fn recorded(owner: Owner, owned: &Owned) -> Recorded {
    let (query, job) = match owner {
        Owner::Execution(execution) => (Some(execution), None),
        Owner::Job(job) => (None, Some(job)),
    };
    let ExecutionWork { task_ms, tasks, started_ms, ended_ms, failed, .. } = owned.work;
    Recorded { query, job, what: owned.what.clone(), started_ms, ended_ms, tasks, task_ms, failed }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::application::Application;
    use super::super::events::Event;
    use super::*;

    fn work_of(lines: &[&str]) -> (Vec<Recorded>, Vec<Recorded>) {
        let mut application = Application::default();
        for line in lines {
            application.take(&Event::read(line.as_bytes()).unwrap(), 1_000);
        }
        (application.work.completed(), application.work.uncompleted())
    }

    fn task(stage: i64, run_ms: u64) -> [String; 2] {
        let info = r#""Stage Attempt ID":0,"Task Info":{"Executor ID":"0","Index":0}"#;
        [
            format!(r#"{{"Event":"SparkListenerTaskStart","Stage ID":{stage},{info}}}"#),
            format!(
                r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{stage},{info},"Task Metrics":{{"Executor Run Time":{run_ms}}}}}"#
            ),
        ]
    }

    #[test]
    fn each_task_is_for_a_query_or_for_a_job_outside_of_any() {
        let [q_start, q_end] = task(4, 40);
        let [j_start, j_end] = task(7, 7);
        let (done, open) = work_of(&[
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":9,"description":"count at a.py:1","time":5}"#,
            r#"{"Event":"SparkListenerJobStart","Job ID":1,"Stage IDs":[4],"Properties":{"spark.sql.execution.id":"9"}}"#,
            &q_start,
            &q_end,
            r#"{"Event":"SparkListenerJobEnd","Job ID":1,"Completion Time":50}"#,
            r#"{"Event":"SparkListenerJobStart","Job ID":2,"Submission Time":60,"Stage IDs":[4,7],"Stage Infos":[{"Stage ID":4,"Stage Name":"a"},{"Stage ID":7,"Stage Name":"treeAggregate at b.py:2"}]}"#,
            &j_start,
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd","executionId":9,"time":99}"#,
            r#"{"Event":"SparkListenerJobEnd","Job ID":2,"Completion Time":70,"Job Result":{"Result":"JobFailed"}}"#,
            &j_end,
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":10,"time":80}"#,
        ]);
        let query = Recorded {
            query: Some(9),
            what: "count at a.py:1".to_owned(),
            started_ms: 5,
            ended_ms: Some(99),
            tasks: 1,
            task_ms: 40,
            ..Recorded::default()
        };
        let job = Recorded {
            job: Some(2),
            what: "treeAggregate at b.py:2".to_owned(),
            started_ms: 60,
            ended_ms: Some(70),
            tasks: 1,
            task_ms: 7,
            failed: true,
            ..Recorded::default()
        };
        assert_eq!(done, [query, job], "its last task ended after it");
        assert_eq!(open.iter().map(|work| work.query).collect::<Vec<_>>(), [Some(10)]);
    }
}
