//! Each run teaches the next one of its job, through a store; a store that fails costs a run its lesson, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::s3::S3;
use support::{Scene, program};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Runs a program as a job, with its lessons in a store; gives its exit code, standard output and record.
fn run(scene: &Scene, store: &str, options: &[&str], arguments: &[&str]) -> (Option<i32>, String, Value) {
    let outcome = scene
        .steered(["--store", store].iter().chain(options))
        .args(["--master", "local[2]"])
        .arg(program("exits.py"))
        .args(arguments)
        .run()
        .unwrap();
    (outcome.code(), outcome.stdout, scene.record())
}

/// The faults of the last run once there are so many: what the store does comes after the run's end.
fn faults_of(scene: &Scene, count: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let record = scene.record();
        let found: Vec<String> = faults(&record).into_iter().map(str::to_owned).collect();
        if found.len() >= count || began.elapsed() > Duration::from_secs(20) {
            assert_eq!(found.len(), count, "{found:?}");
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn faults(record: &Value) -> Vec<&str> {
    record["faults"].as_array().unwrap().iter().map(|fault| fault["what"].as_str().unwrap()).collect()
}

/// Waits until a store has so many lessons.
fn lessons(store: &str, count: usize) -> Vec<PathBuf> {
    let began = Instant::now();
    loop {
        let found = if Path::new(store).exists() { files(Path::new(store)) } else { Vec::new() };
        if found.len() >= count {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{count} lessons in {store}: {found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The files of a store.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { all.extend(files(&entry.path())) } else { all.push(entry.path()) }
    }
    all
}

#[test]
fn the_second_run_of_a_job_is_planned_by_the_first() {
    let scene = Scene::new();
    let store = scene.text("store");
    let secret = ["--conf", "spark.hadoop.fs.s3a.secret.key=planted-secret", "--name", "planted-name"];
    let arguments: Vec<&str> = secret.into_iter().collect();
    let planned = |record: &Value| {
        let decisions = record["decisions"].as_array().unwrap();
        decisions.iter().find(|made| made["name"] == "run_time").cloned()
    };
    let submitted = std::cell::Cell::new(0);
    let submit = |options: &[&str], tasks: &str| {
        let outcome = scene
            .steered(["--store", &store, "--job", "nightly tasks"].iter().chain(options))
            .args(["--master", "local[2]"])
            .args(&arguments)
            .arg(program("exits.py"))
            .args(["tasks", "--tasks", tasks])
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        submitted.set(submitted.get() + 1);
        lessons(&store, submitted.get());
        scene.record()
    };
    let first = submit(&[], "12");
    assert_eq!((planned(&first), faults(&first)), (None, vec![]), "nothing is known of the first run");
    let second = submit(&[], "12");
    let predicted = planned(&second).expect("the second one has a run time");
    let took_ms = first["review"]["answer"]["past_run"]["run_ms"].as_u64().unwrap();
    let told_ms = predicted["value"].as_u64().unwrap_or_else(|| panic!("{predicted:#}"));
    assert!(told_ms.abs_diff(took_ms) < took_ms / 2, "{told_ms} of {took_ms}: {predicted:#}");
    // What is not steered teaches as well.
    submit(&["--mode", "off"], "12");

    let sparkwright = |arguments: &[&str]| {
        let outcome = scene.sparkwright().args(arguments).args(["--store", &store]).run().unwrap();
        (outcome.code(), outcome.stdout, outcome.stderr)
    };
    let jobs = json(&sparkwright(&["jobs", "--json"]).1);
    assert_eq!((jobs["jobs"][0]["job"].as_str(), jobs["jobs"][0]["runs"].as_u64()), (Some("nightly tasks"), Some(3)));
    let job = json(&sparkwright(&["jobs", "nightly tasks", "--json"]).1);
    let modes: Vec<&str> = job["runs"].as_array().unwrap().iter().map(|run| run["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["off", "act", "act"]);
    assert!(job["runs"].as_array().unwrap().iter().all(|run| run["ended"] == "well"), "{job:#}");
    let plan = json(&sparkwright(&["plan", "--job", "nightly tasks", "--json"]).1);
    assert_eq!(plan["decisions"], job["next"]["decisions"]);
    let text = sparkwright(&["jobs", "nightly tasks"]).1;
    assert!(text.starts_with("nightly tasks: 3 runs\n") && text.contains("the next run starts with"), "{text}");

    // The same from the event log alone, which is the same run.
    let folder = scene.runs().join(first["application"]["id"].as_str().unwrap());
    let learned = sparkwright(&["learn", folder.to_str().unwrap(), "--job", "again", "--json"]);
    let lesson = &json(&learned.1)["lessons"][0];
    let kept = job["runs"].as_array().unwrap().iter().find(|run| run["application"] == lesson["application"]).unwrap();
    assert_eq!((&lesson["run"], &lesson["started_ms"]), (&kept["run"], &kept["started_ms"]));
    assert_eq!(lesson["ended"], "unknown", "a log alone does not tell");

    // Nothing of names, paths and configuration is in the store.
    for file in files(Path::new(&store)) {
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.len() < 256 << 10);
        let text = String::from_utf8(bytes).unwrap();
        for secret in ["planted", "exits.py", "secret", scene.path("").to_str().unwrap()] {
            assert!(!text.contains(secret), "{secret} in {}: {text}", file.display());
        }
    }

    assert_eq!(sparkwright(&["jobs", "forget", "nightly tasks"]).0, Some(0));
    assert_eq!(sparkwright(&["jobs", "forget", "nightly tasks"]).0, Some(1));
    let (code, _, stderr) = sparkwright(&["jobs", "nightly tasks"]);
    assert!(code == Some(2) && stderr.contains("has left a lesson"), "{stderr}");
}

/// A sub-plan that came again in the last run is kept at its first meeting in this one, over another day's folder too.
#[test]
fn what_a_run_used_again_the_next_one_keeps_at_once() {
    let scene = Scene::new();
    let store = scene.text("store");
    let kept_by = |day: &str| {
        let folder = scene.text(day);
        let (code, stdout, record) =
            run(&scene, &store, &["--job", "rounds"], &["long", &folder, "--seconds", "0", "--settled"]);
        assert_eq!((code, faults(&record)), (Some(0), vec![]), "{stdout}");
        let decisions = record["decisions"].as_array().unwrap();
        let kept: Vec<&Value> =
            decisions.iter().filter(|made| made["name"] == "cache" && made["value"] == "MEMORY_AND_DISK").collect();
        let inputs = kept[0]["trace"]["inputs"].as_array().unwrap();
        let input = |name: &str| inputs.iter().find(|input| input["name"] == name)?["value"].as_u64();
        let told = (input("earlier queries that held it"), input("queries that hold it in a run"));
        let plans = record["cached_plans"].as_array().unwrap();
        let used = plans.iter().filter_map(|plan| plan["uses"].as_u64()).sum::<u64>();
        let answer = json(stdout.lines().next_back().unwrap());
        (told, used, answer["checksum"].clone())
    };
    let (told, used, answer) = kept_by("day-2026-11-30");
    assert_eq!(told, (Some(1), None), "a first run keeps what it meets again");
    let (told, again, same) = kept_by("day-2026-12-01");
    assert_eq!(told, (Some(0), Some(4)), "the second one knows");
    assert!(again >= used && again > 0, "{again} uses, {used} in the first run");
    assert_eq!(answer, same);
    // The tables are read in each round, and count once.
    let size = |day: &str| {
        let tables = files(&scene.path(day)).into_iter().filter(|file| file.extension() == Some("parquet".as_ref()));
        tables.map(|table| fs::metadata(table).unwrap().len()).sum::<u64>()
    };
    let mut left: Vec<Value> = lessons(&store, 2).iter().map(|path| json(&fs::read_to_string(path).unwrap())).collect();
    left.sort_by_key(|lesson| lesson["started_ms"].as_u64());
    for (lesson, day) in left.iter().zip(["day-2026-11-30", "day-2026-12-01"]) {
        assert_eq!(lesson["run"]["scanned_bytes"].as_u64(), Some(size(day)), "{lesson:#}");
        let shuffled =
            lesson["plans"].as_array().unwrap().iter().filter(|plan| plan["shuffled"]["bytes"].as_u64() > Some(0));
        assert!(shuffled.count() > 0, "{lesson:#}");
    }
    assert_eq!(left[0]["plans_told"], 0);
    assert!(left[1]["plans_told"].as_u64() > Some(0), "{:#}", left[1]);
}

/// A change after which a run took longer than those before it is taken back, and `jobs` says so.
#[test]
fn a_change_that_made_a_run_slower_is_taken_back() {
    let scene = Scene::new();
    let store = scene.text("store");
    let (code, stdout, _) = run(&scene, &store, &["--job", "daily"], &["fine"]);
    assert_eq!(code, Some(0), "{stdout}");
    let real = lessons(&store, 1).remove(0);
    let lesson = json(&fs::read_to_string(&real).unwrap());
    fs::remove_file(&real).unwrap();
    // The same run on a cluster, three times on 8 executors, and once on 2.
    for (night, (executors, run_ms)) in [(8, 100_000), (8, 104_000), (8, 99_000), (2, 300_000)].into_iter().enumerate()
    {
        let mut told = lesson.clone();
        let started = lesson["started_ms"].as_u64().unwrap() + night as u64;
        told["started_ms"] = started.into();
        told["application"] = format!("app-{night}").into();
        for (key, value) in [
            ("executors", executors),
            ("executors_at_start", executors),
            ("executor_cores", 4),
            ("run_ms", run_ms),
            ("work_task_ms", 400_000),
        ] {
            told["run"][key] = value.into();
        }
        let name = format!("{:013}-app-{night}.json", 9_999_999_999_999 - started);
        fs::write(real.parent().unwrap().join(name), told.to_string()).unwrap();
    }
    let jobs = |more: &[&str]| {
        let jobs =
            scene.sparkwright().args(["jobs", "daily", "--store", &store, "--set", "autoscaling.max_executors=20"]);
        jobs.args(more).run().unwrap().stdout
    };
    let next = json(&jobs(&["--json"]))["next"]["decisions"].clone();
    let start = next.as_array().unwrap().iter().find(|made| made["name"] == "initial_executors").unwrap().clone();
    assert_eq!(start["value"], 8, "{start:#}");
    let text = jobs(&[]);
    assert!(text.contains("taken back for this run and 9 more: the first run after it took 5 min 0 s; on as much input the 3 runs before it would have taken 1 min 44 s at most"), "{text}");
}

/// Nobody has to name a store: this user's own folder is one, below the one for data.
#[test]
fn without_a_named_store_the_users_folder_has_the_lessons() {
    let scene = Scene::new();
    let data = scene.path("data");
    let store = data.join("sparkwright/lessons").display().to_string();
    let run = |data: &Path, confs: &[&str]| {
        let application =
            scene.steered(["--label", "team=risk"]).env("SPARKWRIGHT_STORE", "").env("XDG_DATA_HOME", data);
        let application = application.args(["--master", "local[2]"]).args(confs);
        let outcome = application.arg(program("exits.py")).args(["tasks", "--tasks", "6"]).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        (outcome.stderr, scene.record())
    };
    for run_so_far in 1..=2 {
        let (said, record) = run(&data, &[]);
        assert!(!said.contains("sparkwright: "), "nobody asked: {said}");
        lessons(&store, run_so_far);
        let job = &record["job"];
        // Another file of that name, in another folder, is another job.
        assert!(job["name"].as_str().unwrap().starts_with("exits-"), "{job}");
        assert_eq!(job["store"].as_str(), Some(store.as_str()));
        assert_eq!(
            (job["from"].as_str(), job["earlier_runs"].as_u64()),
            (Some("main file"), Some(run_so_far as u64 - 1))
        );
        assert_eq!(faults(&record), Vec::<&str>::new());
    }
    let here = |arguments: &[&str]| {
        let command = scene.sparkwright().env("SPARKWRIGHT_STORE", "").env("XDG_DATA_HOME", &data);
        command.args(arguments).run().unwrap()
    };
    let told = here(&["explain", "--record", &scene.text("runs"), "last"]).stdout;
    let name = scene.record()["job"]["name"].as_str().unwrap().to_owned();
    assert!(told.contains(&format!("job {name} (by main file): planned by 1 earlier run")), "{told}");
    assert_eq!(json(&here(&["jobs", "--json"]).stdout)["jobs"][0]["runs"], 2);
    let schema = json(&here(&["schema", "lesson"]).stdout);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in files(Path::new(&store)) {
        let lesson = json(&fs::read_to_string(&file).unwrap());
        let problems: Vec<String> = validator.iter_errors(&lesson).map(|error| error.to_string()).collect();
        assert_eq!(problems, [""; 0], "{lesson:#}");
        assert!(lesson.as_object().unwrap().keys().all(|key| schema["properties"].get(key).is_some()), "{lesson:#}");
    }
    let spent = json(&here(&["jobs", "--by", "team", "--json"]).stdout);
    let risk = &spent["groups"][0];
    let ms = |name: &str| risk[name].as_u64().unwrap();
    assert_eq!(
        (risk["value"].as_str(), risk["runs"].as_u64(), ms("unknown_ms")),
        (Some("risk"), Some(2), 0),
        "{spent:#}"
    );
    assert!(ms("idle_ms") > 0 && ms("idle_ms") + ms("pinned_ms") < ms("executor_ms"), "{spent:#}");
    assert_eq!(spent["spent"], json(&here(&["jobs", &name, "--json"]).stdout)["spent"], "there is no other job");
    // So is what is there and no lesson.
    let broken = files(Path::new(&store))[0].with_file_name("8000000000000-broken.json");
    fs::write(&broken, "{").unwrap();
    let (said, record) = run(&data, &[]);
    assert!(
        !said.contains("sparkwright: ") && faults(&record)[0].contains("1 of the store's objects"),
        "{said}: {record:#}"
    );
    fs::remove_file(&broken).unwrap();
    // What can't be kept is said in the record, and nowhere else.
    let file = scene.path("no-folder");
    fs::write(&file, "").unwrap();
    let (said, _) = run(&file, &[]);
    assert!(!said.contains("sparkwright: "), "{said}");
    assert!(faults_of(&scene, 2).iter().all(|fault| fault.contains("no-folder")), "{:?}", faults(&scene.record()));
    // Nor is one who named no store told that there is no event log for it.
    let (said, record) = run(&data, &["--conf", "spark.eventLog.enabled=false"]);
    assert!(!said.contains("sparkwright: ") && faults(&record).is_empty(), "{said}: {:?}", faults(&record));
    // A file whose name many have is known by its folder, wherever it is started from.
    let main = scene.path("orders/main.py");
    fs::create_dir(scene.path("orders")).unwrap();
    fs::copy(program("exits.py"), &main).unwrap();
    let common = scene.steered::<&str>([]).env("SPARKWRIGHT_STORE", "").env("XDG_DATA_HOME", &data);
    let outcome =
        common.args(["--master", "local[2]", "main.py", "three"]).in_folder(main.parent().unwrap()).run().unwrap();
    assert_eq!(outcome.code(), Some(3), "{}", outcome.stderr);
    let name = scene.record()["job"]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("orders main-"), "{name}");
    // A run on one machine says little of a cluster.
    let cluster = scene.steered::<&str>([]).env("SPARKWRIGHT_STORE", "").env("XDG_DATA_HOME", &data);
    let cluster = cluster.args(["--master", "local-cluster[1,1,1024]"]).arg(program("exits.py"));
    assert_eq!(cluster.arg("fine").run().unwrap().code(), Some(0));
    assert_eq!(scene.record()["job"]["earlier_runs"], 0);
    // `none` is no store.
    let before = lessons(&store, 5).len();
    let off = scene.steered(["--store", "none"]).env("XDG_DATA_HOME", &data).args(["--master", "local[2]"]);
    assert_eq!(off.arg(program("exits.py")).arg("fine").run().unwrap().code(), Some(0));
    assert_eq!((scene.record()["job"].clone(), files(Path::new(&store)).len()), (Value::Null, before));
    let outcome = scene.sparkwright().args(["jobs", "--store", "none"]).run().unwrap();
    assert!(outcome.code() == Some(2) && outcome.stderr.contains("there is no store of lessons"), "{}", outcome.stderr);
}

/// How a lesson says that its run ended.
fn ended(lesson: &Path) -> String {
    json(&fs::read_to_string(lesson).unwrap())["ended"].as_str().unwrap().to_owned()
}

/// Spark's own log does not tell: its exit code is 0 for a Python program that raised.
#[test]
fn how_a_run_ended_is_known_by_its_process() {
    let scene = Scene::new();
    for (how, code, told) in [("throws", 1, "failed"), ("three", 3, "failed"), ("fine", 0, "well")] {
        let store = scene.text(how);
        let (ended_with, stderr, record) = run(&scene, &store, &["--label", &format!("job={how}")], &[how]);
        assert_eq!((ended_with, faults(&record)), (Some(code), vec![]), "{how}: {stderr}");
        assert_eq!(ended(&lessons(&store, 1)[0]), told, "{how}");
        let outcome = scene.sparkwright().args(["jobs", how, "--json", "--store", &store]).run().unwrap();
        assert_eq!(json(&outcome.stdout)["runs"][0]["ended"].as_str(), Some(told), "{}", outcome.stderr);
    }
}

/// A terminal's Ctrl-C goes to everybody in its foreground, and `submit` is no one more who passes it on.
#[test]
fn ctrl_c_ends_an_application_as_it_does_alone() {
    let ended = |steered: bool| {
        let scene = Scene::new();
        let application = if steered { scene.steered(["--store", &scene.text("store")]) } else { scene.alone() };
        let application = application.args(["--master", "local[2]"]).arg(program("exits.py"));
        let ticks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ticks);
        let running = application
            .args(["long", &scene.text("work"), "--seconds", "60"])
            .start(move |line| {
                counted.fetch_add(usize::from(line.starts_with("tick")), Ordering::Relaxed);
            })
            .unwrap();
        let began = Instant::now();
        while ticks.load(Ordering::Relaxed) == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "it runs");
            std::thread::sleep(Duration::from_millis(50));
        }
        kill_process_group(Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap(), Signal::INT).unwrap();
        let outcome = running.finish().unwrap();
        (outcome.code(), outcome.status.signal())
    };
    assert_eq!(ended(true), ended(false));
}

/// The process of `submit` stands for the application's: who ends it ends the application, in the same way.
#[test]
fn a_signal_to_submit_is_the_applications() {
    for (signal, told) in [(Signal::TERM, Some(143)), (Signal::KILL, None)] {
        let scene = Scene::new();
        let store = scene.text("store");
        let work = scene.text("work");
        let application = scene.steered(["--store", &store, "--job", "long"]).args(["--master", "local[2]"]);
        let running =
            application.arg(program("exits.py")).args(["long", &work, "--seconds", "60"]).start(|_| {}).unwrap();
        let began = Instant::now();
        while !scene.journal().contains("plan_query") {
            assert!(began.elapsed() < Duration::from_secs(60), "it runs queries");
            std::thread::sleep(Duration::from_millis(100));
        }
        let submit = running.id();
        let driver = fs::read_to_string(format!("/proc/{submit}/task/{submit}/children")).unwrap();
        let driver = driver.trim().to_owned();
        assert!(driver.parse::<u32>().is_ok(), "the driver is the only child of `submit`: {driver}");
        kill_process(Pid::from_raw(i32::try_from(submit).unwrap()).unwrap(), signal).unwrap();
        let outcome = running.finish().unwrap();
        assert_eq!(outcome.code(), told, "{}", outcome.stderr);
        let gone = Instant::now();
        while Path::new(&format!("/proc/{driver}")).exists() {
            assert!(gone.elapsed() < Duration::from_secs(5), "the driver is gone with it");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// An application that dies of memory is run again with more, and ends as its last attempt does; each attempt is a lesson.
#[test]
fn what_died_of_memory_comes_back_with_more() {
    let scene = Scene::new();
    let store = scene.text("store");
    let submit = |retries: u32, confs: &[&str]| {
        let set = [
            "memory_scaling_factor=0.5",
            "max_executors=1",
            "min_executors=1",
            &format!("retries_after_out_of_memory={retries}"),
        ];
        let outcome = scene
            .steered(set.iter().flat_map(|set| ["--set".to_owned(), format!("autoscaling.{set}")]))
            .args(["--store", &store, "--job", "array", "--master", "local-cluster[1,1,4096]"])
            .args(confs)
            .arg(program("needs_memory.py"))
            .deadline(Duration::from_secs(280))
            .run()
            .unwrap();
        // Python's traceback is on standard output too.
        let last = outcome.stdout.lines().next_back().unwrap_or_default().to_owned();
        let ours: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("sparkwright: ")).collect();
        (outcome.code(), last, ours.join("\n"))
    };
    let told = |count: usize| {
        let found = lessons(&store, count).into_iter().map(|path| json(&fs::read_to_string(path).unwrap()));
        let told = found.map(|lesson| {
            (
                lesson["started_ms"].as_u64(),
                lesson["ended"].clone(),
                lesson["run"]["executor_heap_bytes"].as_u64().unwrap() >> 20,
            )
        });
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|(started, ..)| *started);
        told.into_iter().map(|(_, ended, heap)| (ended.as_str().unwrap().to_owned(), heap)).collect::<Vec<_>>()
    };
    // Where the user says how much there is, no attempt would have more.
    let (code, stdout, stderr) = submit(3, &["--conf", "spark.executor.memory=1g"]);
    assert_eq!(code, Some(1), "{stdout} {stderr}");
    assert!(
        stderr.contains("sparkwright: the application does not run again: ")
            && stderr.contains("spark.executor.memory is set by the user"),
        "{stderr}"
    );
    assert_eq!(told(1), [("failed".to_owned(), 1_024)]);
    let listed = scene.sparkwright().args(["jobs", "array", "--store", &store]).run().unwrap().stdout;
    assert!(listed.contains("failed: executor memory"), "{listed}");
    // It starts with more at once: the run that failed says so.
    let (code, stdout, stderr) = submit(0, &[]);
    assert_eq!((code, stdout.as_str()), (Some(0), "numbers: 80000000"), "{stderr}");
    assert_eq!(told(2).pop(), Some(("well".to_owned(), 1_536)));

    assert_eq!(scene.sparkwright().args(["jobs", "forget", "array", "--store", &store]).run().unwrap().code(), Some(0));
    let began = SystemTime::now();
    let (code, stdout, stderr) = submit(3, &[]);
    assert_eq!((code, stdout.as_str()), (Some(0), "numbers: 80000000"), "{stderr}");
    assert!(stderr.contains("with an executor memory of 1 GiB: attempt 2 of 4 has 1.5 GiB"), "{stderr}");
    let attempts = told(2);
    assert_eq!((attempts[0].clone(), attempts[1].1), (("failed".to_owned(), 1_024), 1_536), "{attempts:?}");
    assert_eq!(told(attempts.len()).pop().unwrap().0, "well");
    // Once the hosts are gone, nothing is left of either attempt.
    let left = || {
        let folders = fs::read_dir("/tmp").unwrap().flatten().filter(|folder| {
            let ours = folder.file_name().to_string_lossy().starts_with("sparkwright-");
            ours && folder.path().join("lesson.json").exists()
                && folder.metadata().is_ok_and(|at| at.modified().unwrap() > began)
        });
        folders.map(|folder| folder.path()).collect::<Vec<_>>()
    };
    let waited = Instant::now();
    while !left().is_empty() {
        assert!(waited.elapsed() < Duration::from_secs(10), "{:?}", left());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A driver that starts its host by itself, as under a plain `spark-submit`, learns and teaches too; how it ended nobody knows.
#[test]
fn a_driver_without_submit_learns_and_teaches() {
    let scene = Scene::new();
    let store = scene.text("store");
    let plugin = json(&scene.sparkwright().args(["plugin", "--json"]).run().unwrap().stdout);
    let confs = plugin["confs"].as_object().unwrap().iter();
    let mut confs: Vec<String> = confs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
    confs.push(format!("spark.sparkwright.command={}", plugin["command"].as_str().unwrap()));
    confs.push(format!("spark.sparkwright.record={}", scene.runs().display()));
    confs.push("spark.sparkwright.job=plain tasks".to_owned());
    confs.push(format!("spark.eventLog.dir={}", scene.text("events")));
    confs.push("spark.eventLog.enabled=true".to_owned());
    fs::create_dir(scene.path("events")).unwrap();
    for run in 1..=2 {
        let mut application = scene.alone().env("SPARKWRIGHT_STORE", &store).args(["--master", "local[2]"]);
        for conf in &confs {
            application = application.args(["--conf", conf]);
        }
        let outcome = application.arg(program("exits.py")).args(["tasks", "--tasks", "6"]).run().unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        let newest = lessons(&store, run).into_iter().min().unwrap();
        assert!(
            newest.starts_with(Path::new(&store).join("jobs/plain=20tasks")) && ended(&newest) == "unknown",
            "{newest:?}"
        );
        let record = scene.record();
        assert_eq!(faults(&record), Vec::<&str>::new());
        let predicted = record["decisions"].as_array().unwrap().iter().any(|made| made["name"] == "run_time");
        assert_eq!(predicted, run == 2, "the second one knows how long the first one took");
    }
}

/// What did not die of memory is not run again.
#[test]
fn what_fails_of_something_else_runs_once() {
    let scene = Scene::new();
    let retries = ["--set", "autoscaling.retries_after_out_of_memory=2", "--store"];
    let store = scene.text("store");
    let outcome = scene
        .steered(retries.into_iter().chain([store.as_str(), "--job", "throws"]))
        .args(["--master", "local[2]"])
        .arg(program("exits.py"))
        .arg("throws")
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.stdout.matches("ValueError: ").count(), 1, "{}", outcome.stdout);
    assert_eq!(ended(&lessons(&store, 1)[0]), "failed");
    // Where no lesson can be, that is said at once; what is no store stops nothing from being told either.
    let unread =
        scene.steered(["--store", &store]).args(["--conf", "spark.eventLog.enabled=false", "--master", "local[2]"]);
    let outcome = unread.arg(program("exits.py")).arg("three").run().unwrap();
    assert!(outcome.code() == Some(3) && outcome.stderr.contains("the run teaches nothing"), "{}", outcome.stderr);
    let wrong = scene.steered(["--store", "ftp://host/x"]).arg(program("exits.py")).arg("three").run().unwrap();
    assert!(
        wrong.code() == Some(2) && wrong.stderr.contains("`ftp://host/x` is no store of lessons"),
        "{}",
        wrong.stderr
    );
}

/// A store in a bucket does what one in a folder does; one that refuses or hangs costs a run its lessons, and a little time.
#[test]
fn a_store_may_be_a_bucket() {
    let scene = Scene::new();
    let s3 = S3::start(&scene.path("s3"), &sparkwright_tests::quietly).unwrap();
    let store = format!("s3://{}/team/a", S3::BUCKET);
    let inside = |mut application: Application| {
        for (name, value) in s3.environment() {
            application = application.env(name, value);
        }
        application
    };
    let submit = |environment: &[(&str, &str)], missed: usize| {
        let mut application =
            inside(scene.steered(["--store", &store, "--job", "nightly"])).args(["--master", "local[2]"]);
        for (name, value) in environment {
            application = application.env(name, value);
        }
        let outcome = application.arg(program("exits.py")).arg("three").run().unwrap();
        assert_eq!(outcome.code(), Some(3), "{}", outcome.stderr);
        faults_of(&scene, missed)
    };
    submit(&[], 0);
    let kept = lessons(s3.objects().to_str().unwrap(), 1);
    assert!(kept[0].starts_with(s3.objects().join("team/a/jobs/nightly")) && ended(&kept[0]) == "failed", "{kept:?}");

    let sparkwright = |arguments: &[&str]| {
        let outcome = inside(scene.sparkwright()).args(arguments).args(["--store", &store]).run().unwrap();
        (outcome.code(), outcome.stdout, outcome.stderr)
    };
    let jobs = json(&sparkwright(&["jobs", "--json"]).1);
    assert_eq!(
        (jobs["jobs"][0]["job"].as_str(), jobs["jobs"][0]["runs"].as_u64()),
        (Some("nightly"), Some(1)),
        "{jobs:#}"
    );
    // Twenty writers, each the same lesson twice.
    let log = scene.runs().join(scene.record()["application"]["id"].as_str().unwrap());
    std::thread::scope(|scope| {
        for writer in 0..20 {
            let (log, sparkwright) = (log.to_str().unwrap(), &sparkwright);
            scope.spawn(move || {
                for _ in 0..2 {
                    let (code, _, stderr) = sparkwright(&["learn", log, "--job", &format!("job {}", writer % 4)]);
                    assert_eq!(code, Some(0), "{stderr}");
                }
            });
        }
    });
    let jobs = json(&sparkwright(&["jobs", "--json"]).1);
    let counts: Vec<_> = jobs["jobs"].as_array().unwrap().iter().map(|job| job["runs"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1; 5], "the same lesson is one");
    assert_eq!(sparkwright(&["jobs", "forget", "job 0"]).0, Some(0));
    assert_eq!(json(&sparkwright(&["jobs", "--json"]).1)["jobs"].as_array().unwrap().len(), 4);

    // Who may not get in is told so, without keys or signatures.
    let refused = submit(&[("AWS_SECRET_ACCESS_KEY", "wrong")], 2);
    for fault in &refused {
        assert!(fault.ends_with(": SignatureDoesNotMatch (403 Forbidden)") && !fault.contains("planted"), "{fault}");
    }
    // One that takes connections and never answers.
    let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let began = Instant::now();
    let hung = submit(&[("AWS_ENDPOINT", &format!("http://{}", mute.local_addr().unwrap()))], 2);
    assert!(
        hung[0].starts_with("the launch plan goes without lessons: ")
            && hung[0].ends_with(" did not answer within 2 s"),
        "{hung:?}"
    );
    assert!(
        hung[1].starts_with("the run's lesson is not kept: ") && hung[1].ends_with(" did not answer within 10 s"),
        "{hung:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// A store that is no folder: the run is what it is without one, and its record says what was missed.
#[test]
fn a_store_that_fails_costs_a_run_nothing_but_its_lesson() {
    let scene = Scene::new();
    fs::write(scene.path("file"), "no folder").unwrap();
    let (code, stdout, _) = run(&scene, &scene.text("file/store"), &[], &["three"]);
    assert_eq!(code, Some(3), "{stdout}");
    let faults = faults_of(&scene, 2);
    assert!(faults[0].starts_with("the launch plan goes without lessons: the store "), "{faults:?}");
    assert!(faults[1].starts_with("the run's lesson is not kept: the store "), "{faults:?}");
}
