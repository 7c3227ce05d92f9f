//! Commands that read many logs, `promote` and `fleet`, on logs that are written here: what is right of them can be said by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const START_MS: i64 = 1_700_000_000_000;

/// A log of a standalone cluster of eight executors of one slot: jobs of 64 tasks of two seconds, 16 seconds each, with a pause of the driver before each.
fn log(jobs: i64, pause_ms: i64) -> String {
    let mut text = String::new();
    let mut line = |event: &str, rest: String| writeln!(text, r#"{{"Event":"SparkListener{event}",{rest}}}"#).unwrap();
    line("LogStart", r#""Spark Version":"4.3.0""#.to_owned());
    line("ApplicationStart", format!(r#""App Name":"nightly","App ID":"app-1","Timestamp":{START_MS}"#));
    line(
        "EnvironmentUpdate",
        r#""Spark Properties":{"spark.master":"spark://h:7077","spark.app.id":"app-1"}"#.to_owned(),
    );
    for executor in 0..8 {
        let added = START_MS + 2_000;
        line(
            "ExecutorAdded",
            format!(r#""Timestamp":{added},"Executor ID":"{executor}","Executor Info":{{"Host":"h","Total Cores":1}}"#),
        );
    }
    let mut now = START_MS + 2_000;
    for job in 0..jobs {
        now += pause_ms;
        let (from, to) = (now, now + 16_000);
        let info = format!(r#""Stage ID":{job},"Stage Name":"count at a.py:{job}","Number of Tasks":64"#);
        line(
            "JobStart",
            format!(r#""Job ID":{job},"Submission Time":{from},"Stage IDs":[{job}],"Stage Infos":[{{{info}}}]"#),
        );
        line("StageSubmitted", format!(r#""Stage Info":{{{info},"Submission Time":{from}}}"#));
        for task in 0..64 {
            let (launched, executor) = (from + task / 8 * 2_000, task % 8);
            let ended = launched + 2_000;
            line(
                "TaskEnd",
                format!(
                    r#""Stage ID":{job},"Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{},"Index":{task},"Launch Time":{launched},"Executor ID":"{executor}","Finish Time":{ended}}},"Task Metrics":{{"Executor Run Time":1990}}"#,
                    job * 64 + task
                ),
            );
        }
        line("StageCompleted", format!(r#""Stage Info":{{{info},"Submission Time":{from},"Completion Time":{to}}}"#));
        line("JobEnd", format!(r#""Job ID":{job},"Completion Time":{to},"Job Result":{{"Result":"JobSucceeded"}}"#));
        now = to;
    }
    line("ApplicationEnd", format!(r#""Timestamp":{}"#, now + 1_000));
    text
}

struct Scene(TempDir);

impl Scene {
    /// Six runs in two folders.
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for (name, jobs, pause_ms) in [
            ("a/1", 3, 300_000),
            ("a/2", 3, 280_000),
            ("a/3", 4, 310_000),
            ("b/4", 3, 290_000),
            ("b/5", 4, 300_000),
            ("b/6", 3, 320_000),
        ] {
            scene.write(&format!("logs/{name}"), &log(jobs, pause_ms));
        }
        scene
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright"));
        let home = self.0.path().join("home");
        let ended = command.current_dir(self.0.path()).args(arguments).env("SPARKWRIGHT_HOME", home).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let (ended, out, err) = self.run(arguments);
        assert_eq!(ended, Some(code), "{out}{err}");
        serde_json::from_str(&out).unwrap()
    }
}

/// Eight executors wait five minutes for each job: a policy that lets them go saves most of them, and a run gets a little longer.
#[test]
fn runs_are_evidence_where_they_agree() {
    let scene = Scene::new();
    let promote = |more: &[&str], code: i32| {
        let all = ["promote", "--json", "--environment", "production", "--set", "autoscaling.min_executors=1", "--set"];
        scene.json(&[&all, more].concat(), code)
    };
    let memory =
        ["autoscaling.max_executors=8", "--set", "pipeline.optimization_target=memory", "--runs", "logs/a", "logs/b"];
    let enough = promote(&memory, 0);
    assert_eq!((enough["enough"].as_bool(), enough["runs"].as_array().unwrap().len()), (Some(true), 6), "{enough:#}");
    assert!(enough["executor_time"]["high"].as_f64().unwrap() < 0.6, "{enough:#}");
    let time = enough["time"]["expected"].as_f64().unwrap();
    assert!((1.0..1.25).contains(&time), "{enough:#}");

    // Three runs are too few, whatever they say.
    let few = promote(&["pipeline.optimization_target=memory", "--runs", "logs/a"], 1);
    assert_eq!(few["missing"][0], "2 more runs that can be replayed: there are 3 of 5", "{few:#}");
    // One executor for eight: many times as long, which no target of time takes for an answer.
    let slow = ["autoscaling.max_executors=1", "--set", "pipeline.optimization_target=speed"];
    let harm = promote(&[&slow[..], &["--runs", "logs/a", "logs/b"]].concat(), 1);
    let missing = harm["missing"].to_string();
    assert!(missing.contains("it is worse for `speed`") && missing.contains("longer"), "{missing}");

    // What the policy denies, what is no log, and what it steered itself.
    scene.write("denies.yaml", "rules: [{name: freeze, when: 'true', deny: no releases this week}]\n");
    scene.write("logs/a/note.txt", "hello\n");
    let denied = scene.json(&["promote", "--json", "--policy", "denies.yaml", "--runs", "logs/a"], 1);
    assert!(denied["missing"].to_string().contains("no releases this week"), "{denied:#}");
    assert_eq!(denied["not_counted"][0]["name"], "note.txt", "{denied:#}");
    scene.write("runs/app-1/run.json", r#"{"format":2,"mode":"act","event_log":"eventlog","state":"ended"}"#);
    scene.write("runs/app-1/journal.jsonl", "");
    scene.write("runs/app-1/eventlog", &log(3, 300_000));
    let acted = scene.json(&["promote", "--json", "--environment", "production", "--runs", "runs"], 1);
    assert!(acted["not_counted"][0]["why"].as_str().unwrap().starts_with("a policy steered it"), "{acted:#}");

    // As people read it.
    let (code, out, _) = scene.run(&["promote", "--environment", "production", "--runs", "logs/b"]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("not enough to let `production` act"), "{out}");
    assert!(out.contains("missing: ") && out.contains("executor time"), "{out}");
}

#[test]
fn a_fleet_is_summed_up_and_each_run_has_its_row() {
    let scene = Scene::new();
    scene.write("logs/b/note.txt", "hello\n");
    let fleet = scene.json(&["fleet", "logs", "--json"], 0);
    let runs = fleet["runs"].as_array().unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["logs/a/1", "logs/a/2", "logs/a/3", "logs/b/4", "logs/b/5", "logs/b/6"]);
    // 20 jobs of 64 tasks; of each run three seconds around its jobs.
    assert_eq!(fleet["tasks"], 1_280);
    let pauses_ms = 3 * 300_000 + 3 * 280_000 + 4 * 310_000 + 3 * 290_000 + 4 * 300_000 + 3 * 320_000;
    assert_eq!(fleet["run_ms"].as_i64(), Some(20 * 16_000 + pauses_ms + 6 * 3_000));
    let shares: f64 = fleet["causes"].as_array().unwrap().iter().map(|cause| cause["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{:#}", fleet["causes"]);
    assert_eq!(fleet["left_out"][0]["name"], "logs/b/note.txt");
    // A row is what `review` says of that log.
    let review = scene.json(&["review", "logs/a/3", "--json"], 0);
    assert_eq!((&runs[2]["answer"], &runs[2]["causes"]), (&review["answer"], &review["causes"]));
    assert_eq!(runs[2]["executor_seconds"].as_f64(), Some(8.0 * (4.0 * 326.0 + 1.0)));

    let seconds = |name: &str| fleet[name].as_f64().unwrap();
    let idle: f64 = runs.iter().map(|run| run["executor_time"]["idle_ms"].as_f64().unwrap()).sum();
    assert!((seconds("idle_seconds") - idle / 1e3).abs() < 1e-3 && idle > 0.0, "{idle}");
    assert!(seconds("pinned_seconds") == 0.0 && seconds("idle_seconds") < seconds("executor_seconds"));

    let (code, out, err) = scene.run(&["fleet", "logs"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(" % idle), 1280 tasks"), "{out}");
    assert!(out.starts_with("6 runs: "), "{out}");
    for part in ["what their time went to", "runs to look at first", "left out: 1 log, `logs/b/note.txt`"] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let (code, _, err) = scene.run(&["fleet", "logs/b/note.txt"]);
    assert_eq!(code, Some(2), "{err}");
}
