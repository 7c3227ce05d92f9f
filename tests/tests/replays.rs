//! `sparkwright replay`, as a person or a script runs it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::paths;
use support::{Scene, venv};

/// An application of two jobs, each of four tasks of 10 s on two executors of one slot, and 5 s of the driver before, between and after them.
fn log() -> String {
    const START_MS: u64 = 1_700_000_000_000;
    let mut lines = vec![
        r#"{"Event":"SparkListenerLogStart","Spark Version":"4.3.0"}"#.to_owned(),
        format!(r#"{{"Event":"SparkListenerApplicationStart","App Name":"two jobs","Timestamp":{START_MS}}}"#),
        r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.dynamicAllocation.maxExecutors":"4"}}"#
            .to_owned(),
    ];
    for executor in 0..2 {
        lines.push(format!(
            r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{START_MS},"Executor ID":"{executor}","Executor Info":{{"Host":"h{executor}","Total Cores":1}}}}"#
        ));
    }
    for job in 0..2 {
        let from = START_MS + 5_000 + job * 25_000;
        lines.push(format!(
            r#"{{"Event":"SparkListenerJobStart","Job ID":{job},"Submission Time":{from},"Stage IDs":[{job}]}}"#
        ));
        for task in 0..4 {
            let launch = from + task / 2 * 10_000;
            lines.push(format!(
                r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{job},"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{},"Index":{task},"Attempt":0,"Launch Time":{launch},"Executor ID":"{}","Locality":"ANY","Speculative":false,"Finish Time":{}}}}}"#,
                job * 4 + task,
                task % 2,
                launch + 10_000
            ));
        }
        let to = from + 20_000;
        lines.push(format!(
            r#"{{"Event":"SparkListenerStageCompleted","Stage Info":{{"Stage ID":{job},"Stage Attempt ID":0,"Number of Tasks":4,"Submission Time":{from},"Completion Time":{to}}}}}"#
        ));
        lines.push(format!(r#"{{"Event":"SparkListenerJobEnd","Job ID":{job},"Completion Time":{to}}}"#));
    }
    lines.push(format!(r#"{{"Event":"SparkListenerApplicationEnd","Timestamp":{}}}"#, START_MS + 55_000));
    lines.join("\n") + "\n"
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_curve_the_policy_and_spark_s_own_rule() {
    let scene = Scene::new();
    fs::write(scene.path("two jobs.log"), log()).unwrap();
    let outcome = scene
        .sparkwright()
        .args(["replay", "two jobs.log", "--executors", "1,2,4,0", "--spark-dynamic-allocation", "--json"])
        .args(["--environment", "production", "--set", "cost.executor_hour_price=3.6"])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let told = json(&outcome.stdout);
    assert_eq!(told["in_job_ms"], json(r#"{"recorded": 40000.0, "replayed": 40000.0}"#));
    let times: Vec<&Value> = told["curve"].as_array().unwrap().iter().map(|at| &at["time_ms"]).collect();
    // 15 s of the driver, and 80 s of tasks.
    assert_eq!(times, [95_000, 55_000, 35_000], "{told:#}");
    assert_eq!([&told["curve"][1]["grade"], &told["curve"][2]["grade"]], ["A", "B"], "{told:#}");
    // 0.001 a second: 55 s until the application's end, on two.
    assert_eq!(
        (&told["curve"][1]["executor_seconds"], &told["curve"][1]["cost"]),
        (&110.0.into(), &110_000.into()),
        "{told:#}"
    );
    assert_eq!(told["refused"][0]["executors"], 0);
    let steered = told["steered"].as_array().unwrap();
    assert_eq!(steered.len(), 2);
    for by in steered {
        let time_ms = by["time_ms"].as_u64().unwrap();
        assert!((35_000..140_000).contains(&time_ms) && by["most_executors"].as_u64().unwrap() <= 20, "{by:#}");
    }

    // The same for people.
    let outcome = scene.sparkwright().args(["replay", "two jobs.log", "--executors", "4"]).run().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.starts_with("two jobs: 55.0 s on 2 executors of 1 slot (Spark 4.3.0)\n"),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("replayed as it was: +0.0 % of 40.0 s within jobs\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("35.0 s") && outcome.stdout.contains("B: predicted"), "{}", outcome.stdout);
}

#[test]
fn the_next_plan_starts_with_what_replays_chose() {
    let scene = Scene::new();
    fs::write(scene.path("two jobs.log"), log()).unwrap();
    let settings =
        ["autoscaling.min_executors=1", "autoscaling.max_executors=4", "autoscaling.enable_autoscaling=true"];
    let settings = || settings.iter().flat_map(|setting| ["--set", setting]);
    let outcome = scene.sparkwright().args(["history", "two jobs.log"]).args(settings()).run().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let history = json(&outcome.stdout);
    let starts = history["starts"].as_array().unwrap();
    let tried: Vec<u64> = starts.iter().map(|start| start["executors"].as_u64().unwrap()).collect();
    assert_eq!(tried, [1, 2, 4], "{history:#}");
    let run_ms = |place: usize| starts[place]["run_ms"].as_u64().unwrap();
    assert!(run_ms(2) < run_ms(0), "{history:#}");
    fs::write(scene.path("history.json"), outcome.stdout).unwrap();
    let initial = |target: &str| {
        let target = format!("pipeline.optimization_target={target}");
        let plan = scene.sparkwright().args(["plan", "--json", "--history", "history.json", "--set", &target]);
        json(&plan.args(settings()).run().unwrap().stdout)["initial_executors"].clone()
    };
    let speed = initial("speed");
    assert_eq!((&speed["value"], &speed["grade"]), (&4.into(), &"B".into()), "{speed:#}");
    assert_eq!(speed["trace"]["rule"], "executors.initial_by_replay");
    // Without replays it is a rule of thumb.
    fs::write(scene.path("history.json"), serde_json::json!({ "runs": history["runs"] }).to_string()).unwrap();
    assert_eq!(initial("speed")["trace"]["rule"], "executors.initial");
}

#[test]
fn what_can_not_be_replayed_is_told() {
    let scene = Scene::new();
    let cut: Vec<String> = log().lines().filter(|line| !line.contains("JobEnd")).map(str::to_owned).collect();
    fs::write(scene.path("cut"), cut.join("\n") + "\n").unwrap();
    fs::write(scene.path("clock"), log().replace("\"Launch Time\":17000", "\"Launch Time\":15000")).unwrap();
    for (name, wanted) in [
        ("cut", "`cut` can't be replayed: no job in it ended"),
        ("clock", "its times are not of one clock"),
        ("nothing", "`sparkwright submit` records one"),
    ] {
        let outcome = scene.sparkwright().args(["replay", name, "--record"]).arg(scene.runs()).run().unwrap();
        assert_eq!(outcome.code(), Some(2), "{name}: {}", outcome.stdout);
        assert!(outcome.stderr.contains(wanted), "{name}: {}", outcome.stderr);
    }
}

/// A policy with so many executors at most, in which no run that says `team=risk` may start.
fn policy(most: u32) -> String {
    format!(
        r"
default_environment: production
environments:
  production:
    optimization:
      autoscaling: {{min_executors: 1, max_executors: {most}}}
      cost: {{executor_hour_price: 3.6}}
rules:
  - name: no risk
    when: has(labels.team) && labels.team == 'risk'
    deny: not on this cluster
"
    )
}

#[test]
fn a_change_of_the_policy_is_judged_by_what_ran() {
    let scene = Scene::new();
    fs::create_dir(scene.path("logs")).unwrap();
    fs::write(scene.path("logs/two jobs"), log()).unwrap();
    let cut: Vec<String> = log().lines().filter(|line| !line.contains("JobEnd")).map(str::to_owned).collect();
    fs::write(scene.path("logs/cut"), cut.join("\n") + "\n").unwrap();
    fs::write(scene.path("old.yaml"), policy(4)).unwrap();
    fs::write(scene.path("new.yaml"), policy(1)).unwrap();
    let diff = |more: &[&str]| {
        scene.sparkwright().args(["diff", "old.yaml", "new.yaml", "--runs", "logs"]).args(more).run().unwrap()
    };

    let outcome = diff(&["--json", "--fail-on", "time > +5%", "--fail-on", "cost > +50%", "--junit", "diff.xml"]);
    assert_eq!(outcome.code(), Some(1), "{}", outcome.stderr);
    let told = json(&outcome.stdout);
    let run = &told["runs"][0];
    assert_eq!((&run["name"], &run["changed"]), (&"two jobs".into(), &true.into()), "{told:#}");
    let of = |what: &str, side: &str| run[what][side].as_f64().unwrap();
    // One executor does 80 s of tasks one after the other.
    assert!(of("time_ms", "new") >= 90_000.0 && of("time_ms", "old") <= 80_000.0, "{run:#}");
    assert_eq!((&run["most_executors"]["new"], &run["most_executors"]["old"]), (&1.into(), &4.into()), "{run:#}");
    let longer = &run["difference"]["time_ms"];
    let (low, expected, high) = (&longer["low"], &longer["expected"], &longer["high"]);
    assert!(0.0 < low.as_f64().unwrap() && low.as_f64() <= expected.as_f64() && expected.as_f64() <= high.as_f64());
    assert_eq!(run["confs"]["spark.dynamicAllocation.maxExecutors"], json(r#"{"old": "4", "new": "1"}"#), "{run:#}");
    assert_eq!(told["refused"][0]["name"], "cut");
    assert_eq!([&told["conditions"][0]["holds"], &told["conditions"][1]["holds"]], [&true, &false], "{told:#}");
    let xml = fs::read_to_string(scene.path("diff.xml")).unwrap();
    assert!(xml.contains(r#"<testcase name="not time &gt; +5%""#) && xml.contains(r#"failures="1""#), "{xml}");

    // The same again is the same, byte for byte; the other way round it is better, and no condition on more time holds.
    let again = diff(&["--json", "--fail-on", "time > +5%", "--fail-on", "cost > +50%"]);
    assert_eq!(again.stdout, outcome.stdout);
    let better = scene
        .sparkwright()
        .args(["diff", "new.yaml", "old.yaml", "--runs", "logs/two jobs", "--fail-on", "any time > 0%", "--markdown"])
        .run()
        .unwrap();
    assert_eq!(better.code(), Some(0), "{}", better.stderr);
    assert!(better.stdout.starts_with("**1 of 1 run would be decided otherwise: time -"), "{}", better.stdout);
    assert!(better.stdout.contains("| two jobs | 1 min"), "{}", better.stdout);

    // Against itself nothing differs.
    let same = scene.sparkwright().args(["diff", "old.yaml", "old.yaml", "--runs", "logs/two jobs"]).run().unwrap();
    assert_eq!(same.stdout, "nothing of 1 run would be decided otherwise\n");

    // What a rule denies is denied under both; with a policy that denies nothing before, it is new.
    fs::write(scene.path("free.yaml"), policy(4).split("rules:").next().unwrap()).unwrap();
    let denied = scene
        .sparkwright()
        .args(["diff", "free.yaml", "old.yaml", "--runs", "logs/two jobs", "--label", "team=risk"])
        .args(["--fail-on", "denied > 0"])
        .run()
        .unwrap();
    assert_eq!(denied.code(), Some(1), "{}", denied.stderr);
    assert!(denied.stdout.contains("not on this cluster"), "{}", denied.stdout);

    for (arguments, wanted) in [
        (&["--runs", "logs/cut"][..], "none of 1 log can be replayed: `cut`: no job in it ended"),
        (&["--runs", "logs/two jobs", "--fail-on", "time > 5"], "no a share in percent"),
        (&["--runs", "nothing"], "nothing"),
    ] {
        let outcome = scene.sparkwright().args(["diff", "old.yaml", "new.yaml"]).args(arguments).run().unwrap();
        assert_eq!(outcome.code(), Some(2), "{arguments:?}: {}", outcome.stdout);
        assert!(outcome.stderr.contains(wanted), "{arguments:?}: {}", outcome.stderr);
    }
}

/// An application that ends and starts again, each time with another codec of its event log; the last log rolls over.
const CODECS: &str = r#"
import sys
from pyspark.sql import SparkSession

for codec in ["none", "lz4", "snappy", "zstd", "lzf", "rolling"]:
    builder = SparkSession.builder.master("local[2]").appName(codec).config("spark.ui.enabled", "false")
    builder = builder.config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", "file:" + sys.argv[1])
    builder = builder.config("spark.eventLog.rolling.enabled", str(codec == "rolling").lower())
    builder = builder.config("spark.eventLog.compress", str(codec != "none").lower())
    builder = builder.config("spark.eventLog.compression.codec", codec if codec not in ("none", "rolling") else "zstd")
    spark = builder.getOrCreate()
    spark.range(100).repartition(4).groupBy("id").count().collect()
    print(codec, spark.sparkContext.applicationId, flush=True)
    spark.stop()
"#;

#[test]
fn logs_of_every_codec_of_spark_are_replayed() {
    let scene = Scene::new();
    fs::write(scene.path("codecs.py"), CODECS).unwrap();
    fs::create_dir(scene.path("logs")).unwrap();
    let ran = Application::new(venv().command("python"), venv())
        .args([scene.text("codecs.py"), scene.text("logs")])
        .run()
        .unwrap();
    assert_eq!(ran.code(), Some(0), "{}", ran.stderr);
    let mut codecs = 0;
    for line in ran.stdout.lines() {
        let Some((codec, id)) = line.split_once(' ') else { continue };
        let logs = fs::read_dir(scene.path("logs")).unwrap();
        let log = logs.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().contains(id)).unwrap();
        let outcome = scene.sparkwright().args(["replay", "--json"]).arg(&log).run().unwrap();
        codecs += 1;
        if codec == "lzf" {
            assert_eq!(outcome.code(), Some(2), "{}", outcome.stdout);
            assert!(outcome.stderr.contains("is compressed with lzf; zstd, lz4, snappy"), "{}", outcome.stderr);
            continue;
        }
        assert_eq!(outcome.code(), Some(0), "{codec}: {}", outcome.stderr);
        let told = json(&outcome.stdout);
        assert_eq!(told["application"], codec);
        assert!(told["in_job_ms"]["recorded"].as_f64().unwrap() > 0.0, "{codec}: {told:#}");
        assert!(outcome.stderr.is_empty(), "{codec}: {}", outcome.stderr);
    }
    assert_eq!(codecs, 6, "{}", ran.stdout);
}

#[test]
fn public_logs_are_replayed() {
    let data = paths::workspace().join("../shared/data/eventlogs");
    if !data.is_dir() {
        eprintln!("left out: there are no event logs in {}", data.display());
        return;
    }
    let scene = Scene::new();
    for name in [
        "databricks/eventlog-2.gz",
        "rapids/db_sim_eventlog",
        "rapids/nds_q66_gpu.zstd",
        "rapids/malformed_json_eventlog.zstd",
    ] {
        let outcome = scene.sparkwright().args(["replay", "--json"]).arg(data.join(name)).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{name}: {}", outcome.stderr);
        let told = json(&outcome.stdout);
        let (recorded, replayed) =
            (told["in_job_ms"]["recorded"].as_f64().unwrap(), told["in_job_ms"]["replayed"].as_f64().unwrap());
        assert!((replayed / recorded - 1.0).abs() < 0.02, "{name}: {told:#}");
    }
}
