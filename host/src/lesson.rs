//! What a run teaches: its lesson, from its event log and its review.

use sparkwright_core::facts::PastRun;
use sparkwright_core::job_name::{Called, JobName, job_name};
use sparkwright_core::lesson::{LESSON_FORMAT, Lesson, RunEnd};

use crate::launch::attempt::Outcome;
use crate::review::Log;

/// The lesson of a run that left this log, of which the policy's review made `run`.
#[must_use]
pub fn lesson(log: &Log, outcome: Option<Outcome>, run: PastRun, job: &str, mode: &str) -> Lesson {
    Lesson {
        format: LESSON_FORMAT,
        job: job.to_owned(),
        application: log.replayed.conf.get("spark.app.id").cloned().unwrap_or_default(),
        started_ms: log.measured.started_ms(),
        mode: mode.to_owned(),
        spark: log.replayed.spark_version.clone(),
        ended: ended(log, outcome),
        last_job_failed: log.replayed.last_job_failed,
        executor_ms: log.measured.question(&[], None).executor_ms,
        run,
    }
}

/// How the run ended: as its process did, else as far as its log says.
fn ended(log: &Log, outcome: Option<Outcome>) -> RunEnd {
    let log = &log.replayed;
    match (outcome, log.exit_code) {
        (Some(Outcome { code: Some(0), .. }), _) => RunEnd::Well,
        (Some(_), _) => RunEnd::Failed,
        (None, Some(code)) if code != 0 => RunEnd::Failed,
        (None, _) if log.last_job_failed => RunEnd::Failed,
        (None, _) => RunEnd::Unknown,
    }
}

/// The job of a run of which only its event log is known.
#[must_use]
pub fn job_of(job: Option<&str>, application: &str) -> String {
    job_name(&Called { job, application: Some(application), ..Called::default() }).name
}

/// The job of a run that is started here: what is said of it, and what the orchestrator says in the environment.
#[must_use]
pub fn job_here(job: Option<&str>, label: Option<&str>, application: Option<&str>, main: Option<&str>) -> JobName {
    let says = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let (dag, task) = (says("AIRFLOW_CTX_DAG_ID"), says("AIRFLOW_CTX_TASK_ID"));
    let (dagster, step) = (says("DAGSTER_RUN_JOB_NAME"), says("DAGSTER_RUN_STEP_KEY"));
    job_name(&Called {
        job,
        label,
        airflow: dag.as_deref().zip(task.as_deref()),
        dagster: dagster.as_deref().map(|job| (job, step.as_deref())),
        application,
        main,
    })
}
