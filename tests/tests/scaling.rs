//! Executors really move: from 2 to 6 and back on a standalone cluster, read from Spark's own REST API, with the cached
//! blocks still there after it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::quietly;
use sparkwright_tests::rest::SparkPage;
use support::{Scene, own_lines, program, venv};

#[test]
fn sixty_sleeping_tasks_take_two_executors_to_six_and_back() {
    let scene = Scene::new();
    let size = Size { workers: 4, cores: 2, memory_mib: 2048 };
    let cluster = StandaloneCluster::start(venv(), size, &scene.path("cluster"), &quietly).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let set = |key: &str| ["--set".to_owned(), format!("autoscaling.{key}")];
    let running = scene
        .steered::<&str>([])
        .args(set("min_executors=2"))
        .args(set("max_executors=6"))
        // Production waits minutes before it gives executors back; a test can't.
        .args(set("guards.down_window_seconds=5"))
        .args(set("guards.cooldown_seconds=3"))
        .args(set("guards.max_growth_a_minute=4"))
        .args(set("guards.max_shrink_a_window=1"))
        .args(["--master", &cluster.url(), "--executor-cores", "1", "--executor-memory", "600m"])
        .args(["--conf", &format!("spark.ui.port={port}"), &program("sleepers.py"), "--after", "45"])
        .start(|_| {})
        .unwrap();

    // Every number of executors that Spark itself shows, in order.
    let seen = Arc::new(Mutex::new(Vec::<usize>::new()));
    let over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (seen, over) = (Arc::clone(&seen), Arc::clone(&over));
        std::thread::spawn(move || {
            let page = SparkPage::on_port(port);
            let mut reasons = BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                let executors = page.application().and_then(|id| page.executors(&id)).unwrap_or_default();
                let live = executors.iter().filter(|it| it.is_active && it.id != "driver").count();
                reasons.extend(executors.iter().filter_map(|it| it.remove_reason.clone()));
                let mut seen = seen.lock().unwrap();
                if seen.last() != Some(&live) {
                    seen.push(live);
                }
                drop(seen);
                std::thread::sleep(Duration::from_millis(200));
            }
            reasons
        })
    };
    let outcome = running.finish().unwrap();
    over.store(true, Ordering::Relaxed);
    let reasons = watcher.join().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);

    let seen = seen.lock().unwrap().clone();
    let top = seen.iter().position(|live| *live == 6).unwrap_or_else(|| panic!("never 6 executors: {seen:?}"));
    assert!(seen[..top].contains(&2), "did not start with 2: {seen:?}");
    assert!(seen[top..].contains(&2), "did not come back to 2: {seen:?}");
    assert!(seen.iter().all(|live| *live <= 6), "{seen:?}");
    assert!(reasons.iter().all(|reason| reason.contains("decommission")), "{reasons:?}");

    let last: Value = serde_json::from_str(own_lines(&outcome).last().unwrap()).unwrap();
    // Before anything could compute them again.
    assert_eq!(last["cached_partitions_before_second_count"], 8, "cached blocks were lost: {last}");
    assert_eq!(last["count"], last["count_again"]);
    let record = scene.record();
    let asked: Vec<_> = record["executors"].as_array().unwrap().iter().filter(|it| it["change"] == "asked").collect();
    assert!(!asked.is_empty());
    eprintln!("executors as Spark showed them: {seen:?}; {last}");
    drop(cluster);
}
