//! Runs are reviewed by what Spark's own event log says, and what is said of them plans the next one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;

use serde_json::Value;
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::paths;
use support::{Scene, program};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_run_ends_with_its_review_and_plans_the_next() {
    let scene = Scene::new();
    let run = |tasks: &str| {
        let outcome = scene
            .steered(["--set", "cost.executor_hour_price=0.36"])
            .args(["--master", "local[2]"])
            .args([program("exits.py"), "tasks".into(), "--tasks".into(), tasks.into()])
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        scene.record()
    };
    let first = run("12");
    let (id, past) = (first["application"]["id"].as_str().unwrap(), &first["review"]["answer"]["past_run"]);

    // The witness is another reader of Spark's log.
    let folder = scene.runs().join(id);
    let log = folder.join(first["event_log"].as_str().unwrap());
    let witness = EventLog::read(&log).unwrap();
    assert_eq!(past["run_ms"].as_u64(), Some(witness.ended_ms - witness.started_ms));
    let stages: u64 = first["review"]["answer"]["report"]["stages"].as_u64().unwrap();
    assert_eq!(
        stages,
        witness.stages.iter().map(|stage| stage.id).collect::<std::collections::BTreeSet<_>>().len() as u64
    );
    let held_ms = first["review"]["answer"]["report"]["cost"]["value"]["executor_ms"].as_u64().unwrap();
    assert!(
        (held_ms as f64 / 1e3 - witness.executor_seconds()).abs() < 0.01,
        "{held_ms} ms, {} s",
        witness.executor_seconds()
    );
    // 12 tasks that sleep 0.3 s, one after the other on each of 2 cores.
    let work_ms = past["work_task_ms"].as_u64().unwrap();
    assert!((3_600..20_000).contains(&work_ms), "{past:#}");
    assert!((300..5_000).contains(&past["critical_path_ms"].as_u64().unwrap()), "{past:#}");
    let report = fs::read_to_string(folder.join("report.txt")).unwrap();
    assert!(report.contains("\nReview\n") && report.contains("it cost "), "{report}");

    // The commands say the same of the record, of the log, and of the run by its name.
    let review = |of: &str| {
        let outcome = scene.sparkwright().args(["review", of, "--json", "--record"]).arg(scene.runs()).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        json(&outcome.stdout)["past_run"].clone()
    };
    for of in [id, "last", log.to_str().unwrap(), folder.to_str().unwrap()] {
        assert_eq!(&review(of), past, "{of}");
    }

    // What its time went to adds up, and is what the tasks say: sleeps of 0.3 s, six one after the other on each of two cores.
    let outcome = scene.sparkwright().args(["review", "last", "--json", "--record"]).arg(scene.runs()).run().unwrap();
    let told = json(&outcome.stdout);
    let causes = told["causes"].as_array().unwrap();
    let shares: f64 = causes.iter().map(|cause| cause["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{causes:#?}");
    let wave_ms: u64 =
        causes.iter().filter(|cause| cause["cause"] == "waves").filter_map(|cause| cause["time_ms"].as_u64()).sum();
    assert!((1_500..20_000).contains(&wave_ms), "{causes:#?}");
    // One process: no key of an executor is advised.
    assert_eq!(told["advice"], json("[]"), "{told:#}");
    let text = scene.sparkwright().args(["review", "last", "--record"]).arg(scene.runs()).run().unwrap().stdout;
    let answer = told["answer"].as_str().unwrap();
    assert_eq!(text.lines().next(), Some(answer));
    for line in
        ["what its time went to", "start-up, until the first task", "no key is known that would have saved 5 % of it"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }

    // A second run is compared with the first, and both make the history of a third.
    let second = run("24");
    assert_eq!(
        second["review"]["answer"]["trend"]["trace"]["inputs"][0]["value"], 2,
        "{:#}",
        second["review"]["answer"]["trend"]
    );
    let second_id = second["application"]["id"].as_str().unwrap();
    let history = scene.sparkwright().args(["history", second_id, id, "--record"]).arg(scene.runs()).run().unwrap();
    assert_eq!(history.code(), Some(0), "{}", history.stderr);
    let runs = json(&history.stdout)["runs"].clone();
    assert_eq!(runs[0], *past, "the oldest first");
    fs::write(scene.path("history.json"), history.stdout).unwrap();
    let plan = scene
        .sparkwright()
        .args([
            "plan",
            "--json",
            "--history",
            &scene.text("history.json"),
            "--set",
            "autoscaling.target_processing_time_minutes=1",
        ])
        .run()
        .unwrap();
    let plan = json(&plan.stdout);
    assert_eq!(plan["executors"]["grade"], "B", "{plan:#}");
    assert!(plan["run_time"]["value"]["run_ms"].as_u64().unwrap() > 300, "{plan:#}");
}

#[test]
fn logs_of_other_versions_and_tools_are_read() {
    let data = paths::workspace().join("../shared/data/eventlogs");
    if !data.is_dir() {
        eprintln!("left out: there are no event logs in {}", data.display());
        return;
    }
    let scene = Scene::new();
    let review = |name: &str| {
        let outcome = scene.sparkwright().args(["review", "--json"]).arg(data.join(name)).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{name}: {}", outcome.stderr);
        (json(&outcome.stdout), outcome.stderr)
    };
    // Two jobs of 8 tasks of a minute each, one after the other (aws-emr-advisor's own sample, MIT-0).
    let (shell, _) = review("emr-advisor/job_spark_shell");
    let ideal_ms = shell["past_run"]["critical_path_ms"].as_u64().unwrap();
    assert!((118_000..126_000).contains(&ideal_ms), "{ideal_ms}");
    // More slots are advised with what they would have saved.
    let advice = &shell["advice"][0];
    assert_eq!(
        (advice["key"].as_str(), advice["now"].as_u64(), advice["set_to"].as_u64()),
        (Some("spark.executor.instances"), Some(1), Some(2))
    );
    let gain = |name: &str| advice["gain_ms"][name].as_i64().unwrap();
    assert!((gain("expected") - 120_000).abs() < 2_000, "{advice:#}");
    assert!(0 < gain("low") && gain("low") < gain("expected") && gain("expected") < gain("high"), "{advice:#}");
    // Times of two clocks: nothing is said of them.
    let (apart, _) = review("sparkscope/app-20231025121456-0004-eventLog-finished");
    assert!(apart["unknown"].as_str().unwrap().contains("not of one clock"), "{apart:#}");
    assert_eq!((&apart["causes"], &apart["advice"]), (&json("[]"), &json("[]")));
    let (rolling, _) = review("rapids/eventlog_v2_local-1623876083964");
    assert!(rolling["report"]["stages"].as_u64().unwrap() > 0);
    let (compressed, _) = review("rapids/xgboost_eventlog.zstd");
    assert!(compressed["past_run"]["work_task_ms"].as_u64().unwrap() > 0);
    let (_, said) = review("rapids/truncated_eventlog");
    assert!(said.contains("has no end"), "{said}");
    for log in ["spark/app-20161115172038-0000", "spark/app-20200706201101-0003", "rapids/malformed_json_eventlog.zstd"]
    {
        review(log);
    }
}

#[test]
fn what_is_no_run_is_told() {
    let scene = Scene::new();
    fs::write(scene.path("note.txt"), "hello\n").unwrap();
    for (of, wanted) in [("note.txt", "is not an event log of Spark"), ("nothing", "`sparkwright submit` records one")]
    {
        let of = if of == "note.txt" { scene.text(of) } else { of.to_owned() };
        let outcome = scene.sparkwright().args(["review", &of, "--record"]).arg(scene.runs()).run().unwrap();
        assert_eq!(outcome.code(), Some(2));
        assert!(outcome.stderr.contains(wanted), "{}", outcome.stderr);
    }
}

/// The `Review` section of what `explain` prints.
fn explained(text: &str) -> &str {
    let (_, rest) = text.split_once("\nReview\n").unwrap_or_else(|| panic!("no review in {text}"));
    rest.split("\n\nDecisions: ").next().unwrap()
}

#[test]
fn explain_and_review_say_the_same_of_a_run() {
    let scene = Scene::new();
    let policy = scene.path("team.yaml");
    fs::write(
        &policy,
        "default_environment: cheap\nenvironments:\n  cheap:\n    optimization: {cost: {executor_hour_price: 0.1}}\n  dear:\n    optimization: {cost: {executor_hour_price: 99.0}}\n",
    )
    .unwrap();
    let submit = || {
        let submit =
            scene.sparkwright().args(["submit", "--environment", "dear", "--policy"]).arg(&policy).arg("--record");
        let outcome = scene
            .quiet(submit.arg(scene.runs()))
            .args(["--master", "local[2]"])
            .args([program("exits.py"), "tasks".into(), "--tasks".into(), "8".into()])
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        scene.record()
    };
    submit();
    let run = submit();
    let told = |arguments: &[&str]| {
        let outcome = scene.sparkwright().args(arguments).arg("--record").arg(scene.runs()).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    // Without a policy named: the environment that decided, its price, and the trend over the run before it.
    let (text, review) = (told(&["explain", "last"]), told(&["review", "last"]));
    assert_eq!(explained(&text), review.trim_end());
    assert!(review.contains("it cost ") && !review.contains("it cost 0.00 "), "{review}");
    // Another price where another environment is named.
    let policy = policy.display().to_string();
    let cheap = told(&["review", "last", "--policy", &policy]);
    assert_ne!(cheap, review);

    // One run time: of the record's head, of the list, of the review, and of another reader of Spark's log.
    let json_of = |arguments: &[&str]| json(&told(arguments));
    let log = scene.runs().join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
    let witness = EventLog::read(&log).unwrap();
    let run_ms = witness.ended_ms - witness.started_ms;
    assert_eq!(json_of(&["review", "last", "--json"])["run_ms"].as_u64(), Some(run_ms));
    assert_eq!(json_of(&["runs", "--json"])[0]["took_ms"].as_u64(), Some(run_ms));
    assert_eq!(run["review"]["found"]["run_ms"].as_u64(), Some(run_ms));

    // What the executors' time went to adds up to it, and each part has its share of the cost.
    let time = &run["review"]["found"]["executor_time"];
    let ms = |part: &Value| part.as_f64().unwrap();
    let work = time["work"].as_array().unwrap();
    let parts =
        work.iter().map(|work| ms(&work["executor_ms"])).sum::<f64>() + ms(&time["pinned_ms"]) + ms(&time["idle_ms"]);
    let whole_ms = witness.executor_seconds() * 1e3;
    assert!((parts - whole_ms).abs() < whole_ms * 0.01, "{whole_ms}: {time:#}");
    assert_eq!(work.len(), 1, "{time:#}");
    // Eight tasks of 0.3 s.
    assert!(
        ms(&work[0]["executor_ms"]) > 1_200.0 && work[0]["what"].as_str().unwrap().contains("exits.py:"),
        "{time:#}"
    );
    assert!(review.contains("what the executors' time went to") && review.contains(": job 0, "), "{review}");
}

#[test]
fn a_run_that_is_not_steered_is_recorded_and_reviewed() {
    let scene = Scene::new();
    let off = |options: &[&str], arguments: &[&str]| {
        let outcome = scene
            .steered(["--mode", "off"].iter().chain(options))
            .args(["--master", "local[2]"])
            .arg(program("exits.py"))
            .args(arguments)
            .run()
            .unwrap();
        (outcome.code(), outcome.stderr)
    };
    let (code, stderr) = off(&[], &["tasks", "--tasks", "8"]);
    assert_eq!(code, Some(0), "{stderr}");
    let run = scene.record();
    assert_eq!((run["mode"].as_str(), run["state"].as_str()), (Some("off"), Some("ended")), "{run:#}");
    assert_eq!(
        (run["faults"].as_array().unwrap().len(), run["decisions"].as_array().unwrap().len()),
        (0, 0),
        "{run:#}"
    );
    let log = scene.runs().join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
    let witness = EventLog::read(&log).unwrap();
    assert_eq!(run["totals"]["tasks"].as_u64(), Some(8));
    let work: u64 = run["work"].as_array().unwrap().iter().map(|work| work["tasks"].as_u64().unwrap()).sum();
    assert_eq!(work, 8, "each task is told by its job: {run:#}");
    assert_eq!(run["started_ms"].as_u64(), Some(witness.started_ms));
    assert_eq!(run["ended_ms"].as_u64(), Some(witness.ended_ms));
    let explain = scene.sparkwright().args(["explain", "last", "--record"]).arg(scene.runs()).run().unwrap().stdout;
    let review = scene.sparkwright().args(["review", "last", "--record"]).arg(scene.runs()).run().unwrap().stdout;
    assert_eq!(explained(&explain), review.trim_end());

    // Its own exit code, and a record of a run that failed.
    assert_eq!(off(&[], &["three"]).0, Some(3));
    assert_eq!(scene.record()["mode"], "off");
    // Nothing at all where the policy wants no metrics.
    let before = fs::read_dir(scene.runs()).unwrap().count();
    assert_eq!(off(&["--set", "monitoring.enable_metrics_collection=false"], &["fine"]).0, Some(0));
    assert_eq!(fs::read_dir(scene.runs()).unwrap().count(), before);
}

#[test]
fn an_event_log_of_the_users_own_is_reviewed_where_it_lies() {
    let scene = Scene::new();
    let events = scene.path("own events");
    fs::create_dir(&events).unwrap();
    let outcome = scene
        .steered::<&str>([])
        .args(["--master", "local[2]", "--conf", "spark.eventLog.enabled=true", "--conf"])
        .arg(format!("spark.eventLog.dir=file://{}", events.display().to_string().replace(' ', "%20")))
        .args([program("exits.py"), "fine".into()])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let run = scene.record();
    let log = run["event_log"].as_str().unwrap_or_else(|| panic!("{run:#}"));
    assert!(log.starts_with(events.to_str().unwrap()), "{log}");
    assert!(fs::exists(log).unwrap(), "it stays the user's");
    let review = scene.sparkwright().args(["review", "last", "--record"]).arg(scene.runs()).run().unwrap();
    assert_eq!(review.code(), Some(0), "{}", review.stderr);
}
