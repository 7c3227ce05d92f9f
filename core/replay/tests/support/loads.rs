//! Loads of one-core executors, as a single executor ran them one task after another.

use sparkwright_replay::log::Log;
use sparkwright_replay::trace::Trace;

const START_MS: i64 = 1_700_000_000_000;
/// From a task's end to the next one's launch on its slot.
const HAND_OVER_MS: i64 = 3;
/// What a task takes beside its run time.
const TASK_OVERHEAD_MS: i64 = 20;

/// A job: how long the driver works before it, and how long each of its tasks takes. Milliseconds.
struct Job {
    after_ms: i64,
    tasks_ms: Vec<i64>,
}

/// Four loads that batch jobs are made of: their names, and their traces.
pub(crate) fn loads() -> [(&'static str, Trace); 4] {
    let job = |after_ms, tasks_ms| Job { after_ms, tasks_ms };
    let straggler = (0..160).map(|task| if task == 0 { 60_000 } else { 500 }).collect();
    [
        (
            "bursts with pauses",
            (0..4).map(|burst| job(if burst == 0 { 3_000 } else { 25_000 }, vec![500; 80])).collect(),
        ),
        ("a straggler and a serial tail", vec![job(3_000, straggler), job(50, vec![90_000; 2])]),
        ("many short jobs", (0..100).map(|turn| job(if turn == 0 { 3_000 } else { 300 }, vec![200; 4])).collect()),
        ("two stages with the driver alone between", vec![job(3_000, vec![800; 200]), job(40_000, vec![800; 200])]),
    ]
    .map(|(name, jobs): (_, Vec<Job>)| (name, ran(&jobs)))
}

fn ran(jobs: &[Job]) -> Trace {
    let mut log = Log::default();
    let mut put = |line: String| log.take_line(line.as_bytes());
    put(format!(r#"{{"Event":"SparkListenerApplicationStart","App Name":"load","Timestamp":{START_MS}}}"#));
    put(format!(
        r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{START_MS},"Executor ID":"0","Executor Info":{{"Host":"h","Total Cores":1}}}}"#
    ));
    let (mut now, mut id) = (START_MS, 0);
    for (place, Job { after_ms, tasks_ms }) in jobs.iter().enumerate() {
        now += after_ms;
        let (started, submitted, count) = (now, now + 10, tasks_ms.len());
        put(format!(
            r#"{{"Event":"SparkListenerJobStart","Job ID":{place},"Submission Time":{started},"Stage IDs":[{place}]}}"#
        ));
        put(format!(
            r#"{{"Event":"SparkListenerStageSubmitted","Stage Info":{{"Stage ID":{place},"Stage Attempt ID":0,"Number of Tasks":{count},"Submission Time":{submitted}}}}}"#
        ));
        now = submitted + 15;
        for (index, task_ms) in tasks_ms.iter().enumerate() {
            let ends = now + task_ms + TASK_OVERHEAD_MS;
            put(format!(
                r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{place},"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{id},"Index":{index},"Attempt":0,"Launch Time":{now},"Executor ID":"0","Locality":"ANY","Speculative":false,"Finish Time":{ends}}}}}"#
            ));
            (now, id) = (ends + HAND_OVER_MS, id + 1);
        }
        now += 5;
        put(format!(
            r#"{{"Event":"SparkListenerStageCompleted","Stage Info":{{"Stage ID":{place},"Stage Attempt ID":0,"Number of Tasks":{count},"Submission Time":{submitted},"Completion Time":{now}}}}}"#
        ));
        now += 5;
        put(format!(r#"{{"Event":"SparkListenerJobEnd","Job ID":{place},"Completion Time":{now}}}"#));
    }
    put(format!(r#"{{"Event":"SparkListenerApplicationEnd","Timestamp":{}}}"#, now + 500));
    Trace::of(&log).unwrap()
}
