//! Executors really move: from 2 to 6 and back on a standalone cluster, read from Spark's own REST API, with the cached
//! blocks still there after it. And on Spark 3.5 too; everything else in `tests` that needs the real host runs on Spark 4.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::rest::SparkPage;
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{jvm, paths, quietly};
use support::{Scene, faults, own_lines, program, venv};

/// What Spark itself shows of an application's executors.
#[derive(Default)]
struct Seen {
    /// Every number of live executors, in order.
    counts: Vec<usize>,
    /// Why executors went.
    reasons: BTreeSet<String>,
}

/// Looks at an application's REST API until it is told to end.
struct Watch {
    over: Arc<AtomicBool>,
    watcher: JoinHandle<Seen>,
}

impl Watch {
    fn on_port(port: u16) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let watcher = std::thread::spawn(move || {
            let page = SparkPage::on_port(port);
            let mut seen = Seen::default();
            while !ends.load(Ordering::Relaxed) {
                let executors = page.application().and_then(|id| page.executors(&id)).unwrap_or_default();
                let live = executors.iter().filter(|it| it.is_active && it.id != "driver").count();
                seen.reasons.extend(executors.iter().filter_map(|it| it.remove_reason.clone()));
                if seen.counts.last() != Some(&live) {
                    seen.counts.push(live);
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            seen
        });
        Self { over, watcher }
    }

    fn end(self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap()
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn two_conf_lines_on_a_plain_spark_submit_move_executors_too() {
    let scene = Scene::new();
    let size = Size { workers: 2, cores: 2, memory_mib: 2048 };
    let cluster = StandaloneCluster::start(venv(), size, &scene.path("cluster"), &quietly).unwrap();
    let policy = r"
environments:
  production:
    optimization:
      autoscaling:
        enable_autoscaling: true
        min_executors: 1
        max_executors: 3
";
    fs::write(scene.path("policy.yaml"), policy).unwrap();
    let plugin = scene.sparkwright().arg("plugin").run().unwrap();
    let two_lines = plugin.stdout.split_whitespace();
    let port = free_port();
    let running = scene
        .alone()
        .args(["--master", &cluster.url(), "--executor-cores", "1", "--executor-memory", "600m"])
        .args(two_lines)
        .args(["--conf", &format!("spark.sparkwright.policy={}", scene.text("policy.yaml"))])
        .args(["--conf", "spark.sparkwright.environment=production"])
        .args(["--conf", &format!("spark.sparkwright.record={}", scene.runs().display())])
        .args(["--conf", &format!("spark.ui.port={port}"), &program("sleepers.py"), "--after", "1"])
        .start(|_| {})
        .unwrap();
    let watch = Watch::on_port(port);
    let outcome = running.finish().unwrap();
    let seen = watch.end().counts;
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    // Alone it would have taken all four cores at once.
    let first = seen.iter().find(|count| **count > 0);
    assert_eq!((first, seen.iter().max()), (Some(&1), Some(&3)), "{seen:?}");
    let record = scene.record();
    let mut decisions = record["decisions"].as_array().unwrap().iter();
    let launch = decisions.find(|it| it["name"] == "initial_executors").unwrap();
    assert_eq!((&launch["point"], &launch["applied"]), (&Value::from("plan_launch"), &Value::from(true)), "{launch}");
    drop(cluster);
}

#[test]
fn sixty_sleeping_tasks_take_two_executors_to_six_and_back() {
    let scene = Scene::new();
    let size = Size { workers: 4, cores: 2, memory_mib: 2048 };
    let cluster = StandaloneCluster::start(venv(), size, &scene.path("cluster"), &quietly).unwrap();
    let port = free_port();
    let set = |key: &str| ["--set".to_owned(), format!("autoscaling.{key}")];
    let running = scene
        .steered::<&str>([])
        .args(set("min_executors=2"))
        .args(set("max_executors=6"))
        // An executor goes after twice the time that it takes to start, which on a busy machine is half a minute.
        .args(["--set", "pipeline.optimization_target=balanced"])
        .args(["--master", &cluster.url(), "--executor-cores", "1", "--executor-memory", "600m"])
        .args(["--conf", &format!("spark.ui.port={port}"), &program("sleepers.py"), "--after", "75"])
        .start(|_| {})
        .unwrap();

    let watch = Watch::on_port(port);
    let outcome = running.finish().unwrap();
    let Seen { counts: seen, reasons } = watch.end();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);

    let top = seen.iter().position(|live| *live == 6).unwrap_or_else(|| panic!("never 6 executors: {seen:?}"));
    assert!(seen[..top].contains(&2), "did not start with 2: {seen:?}");
    let changes = || scene.record()["executors"].to_string();
    assert!(seen[top..].contains(&2), "did not come back to 2: {seen:?} {reasons:?} {}", changes());
    assert!(seen.iter().all(|live| *live <= 6), "{seen:?}");
    assert!(reasons.iter().all(|reason| reason.contains("decommission")), "{reasons:?}");

    let last: Value = serde_json::from_str(own_lines(&outcome).last().unwrap()).unwrap();
    // Before anything could compute them again.
    assert_eq!(last["cached_partitions_before_second_count"], 8, "cached blocks were lost: {last}");
    assert_eq!(last["count"], last["count_again"]);
    let record = scene.record();
    let asked: Vec<_> = record["executors"].as_array().unwrap().iter().filter(|it| it["change"] == "asked").collect();
    assert!(!asked.is_empty());
    let log =
        scene.runs().join(record["application"]["id"].as_str().unwrap()).join(record["event_log"].as_str().unwrap());
    let agreed = support::recorded::agree(&record, &EventLog::read(&log).unwrap());
    assert!(agreed >= 14, "pinned dynamic allocation and decommission: {agreed}");
    eprintln!("executors as Spark showed them: {seen:?}; {last}");
    drop(cluster);
}

#[test]
fn an_application_on_spark_35_is_steered() {
    let (scene, venv) = (Scene::new(), Venv::of(SparkLine::Spark35, &quietly).unwrap());
    let size = Size { workers: 2, cores: 2, memory_mib: 2048 };
    let cluster = StandaloneCluster::start(&venv, size, &scene.path("cluster"), &quietly).unwrap();
    let outcome = Application::new(paths::binary(), &venv)
        .env("SPARKWRIGHT_HOME", scene.text("home"))
        .env("XDG_RUNTIME_DIR", scene.text("nowhere"))
        .env("SPARK_SUBMIT_OPTS", jvm::quick_start(&venv, &quietly).unwrap())
        .in_folder(&scene.path(""))
        .deadline(Duration::from_secs(300))
        .args(["submit", "--environment", "production", "--record"])
        .arg(scene.runs())
        .args(["--set", "autoscaling.min_executors=1", "--set", "autoscaling.max_executors=3"])
        .args(["--master", &cluster.url(), "--executor-cores", "1", "--executor-memory", "600m"])
        .args([&program("sleepers.py"), "--after", "1"])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let told: Value = serde_json::from_str(own_lines(&outcome).last().unwrap()).unwrap();
    assert_eq!(told["executors_after_tasks"], 3, "Spark's REST API: {told}");
    let record = scene.record();
    // Alone it would have taken all four cores at once.
    let moves = record["executors"].as_array().unwrap();
    let asked: Vec<_> = moves.iter().filter(|it| it["change"] == "asked").map(|it| &it["count"]).collect();
    assert!(asked.contains(&&3.into()), "as many as the policy allows, and no more: {moves:#?}");
    assert!(record["application"]["spark"].as_str().unwrap().starts_with("3.5."), "{}", record["application"]);
    assert_eq!((&record["state"], &record["totals"]["events_lost"]), (&"ended".into(), &0.into()), "{record}");
    let named: Vec<_> = record["decisions"].as_array().unwrap().iter().filter(|it| it["applied"] == true).collect();
    let applied = |point: &str| named.iter().any(|it| it["point"] == point);
    assert!(record["totals"]["questions"].as_u64() > Some(0) && applied("plan_query"), "{named:#?}");
    assert!(applied("plan_launch") && applied("control"), "{named:#?}");
    // A machine that is too busy to run the host says nothing about Sparkwright.
    let faults = faults(&record);
    assert!(faults.lines().all(|fault| fault.contains("did not run for")), "{faults}");
    drop(cluster);
}
