//! A pipeline of a steered application: what it plans happens, is measured, recorded and taken back.

use serde_json::{Value, json};
use sparkwright::record::RecordedDecision;
use sparkwright::steering::Mode;

use crate::host::{Driver, Host, launch, now_ms, wait_for};

const SHUFFLE_PARTITIONS: &str = "spark.sql.shuffle.partitions";

fn plan() -> Value {
    let job = json!({"input_bytes": 4000u64 << 30, "stage": "preprocessing"});
    json!({"point": "plan_stage", "input": {"job": job}, "subject": "prepare"})
}

/// A job of two tasks that starts now.
fn job(driver: &Driver, number: u32) {
    let from = now_ms();
    let stage = |event: &str, more: Value| {
        let mut info =
            json!({"Stage ID": number, "Stage Attempt ID": 0, "Number of Tasks": 2, "Submission Time": from});
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        driver.says(&json!({"Event": format!("SparkListener{event}"), "Stage Info": info}));
    };
    driver.says(
        &json!({"Event": "SparkListenerJobStart", "Job ID": number, "Submission Time": from, "Stage IDs": [number]}),
    );
    stage("StageSubmitted", json!({}));
    for index in 0..2 {
        driver.says(&json!({"Event": "SparkListenerTaskEnd", "Stage ID": number, "Stage Attempt ID": 0,
            "Task Info": {"Executor ID": "1", "Index": index, "Launch Time": from, "Finish Time": from + 40},
            "Task Metrics": {"Executor Run Time": 30, "JVM GC Time": 2, "Input Metrics": {"Bytes Read": 1000}}}));
    }
    stage("StageCompleted", json!({"Completion Time": from + 50}));
    driver.says(&json!({"Event": "SparkListenerJobEnd", "Job ID": number, "Completion Time": from + 50}));
}

fn decision(host: &Host, number: u64) -> RecordedDecision {
    host.run().decisions.into_iter().find(|decision| decision.number == number).unwrap()
}

#[test]
fn a_stage_gets_its_executors_and_confs_and_gives_them_back() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    driver.executor_added(1);
    driver.executor_added(2);
    let mut pipeline = host.pipeline();
    assert_eq!(pipeline.greeting["mode"], "act");
    let open = pipeline.ok("open", json!({"override": {"autoscaling": {"min_executors": 1, "max_executors": 30}}}));
    assert_eq!((open["controller"].as_str(), open["mode"].as_str()), (Some("policy"), Some("act")));

    let asked = pipeline.ok("ask", plan());
    let numbers = &asked["numbers"];
    let executors = asked["answer"]["executors"]["value"].as_u64().unwrap();
    // More than the application's own policy has: this pipeline's own bound holds.
    assert!(executors > 20, "{asked:#}");
    let number = numbers["executors"].as_u64().unwrap();
    let recorded = decision(&host, number);
    assert_eq!((&*recorded.point, recorded.subject.as_str(), &*recorded.name), ("plan_stage", "prepare", "executors"));
    assert!(!recorded.applied && recorded.outcome.is_none());
    // What the host knew was asked about: the executors there are, of 2 GiB with 2 cores.
    let said = asked["answer"]["executors"]["trace"].to_string();
    assert!(said.contains("cores"), "{said}");

    let confs = json!({SHUFFLE_PARTITIONS: 77, "spark.executor.memory": "9g"});
    let begun = pipeline
        .ok("begin", json!({"stage": "prepare", "executors": executors, "executors_decision": number, "confs": confs}));
    assert_eq!(begun["executors"], json!({"applied": true, "why": null}));
    assert_eq!(begun["confs"]["applied"], json!([SHUFFLE_PARTITIONS]));
    assert!(
        begun["confs"]["refused"]["spark.executor.memory"].as_str().unwrap().contains(SHUFFLE_PARTITIONS),
        "{begun}"
    );
    assert_eq!(driver.session(SHUFFLE_PARTITIONS).as_deref(), Some("77"));
    wait_for("the planned executors", || driver.asked_for().last() == Some(&executors));
    assert!(decision(&host, number).applied);

    driver.executor_added(3);
    job(&driver, 5);
    driver.says(
        &json!({"Event": "SparkListenerBlockUpdated", "Block Updated Info": {"Block Manager ID": {"Executor ID": "1"},
        "Block ID": "rdd_1_0", "Storage Level": {"Replication": 1}, "Memory Size": 4096, "Disk Size": 0}}),
    );
    driver.says(&json!({"Event": "SparkListenerUnpersistRDD", "RDD ID": 1}));
    std::thread::sleep(std::time::Duration::from_millis(60));
    let ended = pipeline.ok("end", json!({"stage": "prepare"}));
    let measured = &ended["measured"];
    assert_eq!(
        (measured["name"].as_str(), measured["tasks"].as_u64(), measured["task_ms"].as_u64()),
        (Some("prepare"), Some(2), Some(60))
    );
    assert_eq!((ended["jobs"].as_u64(), ended["critical_path_ms"].as_u64()), (Some(1), Some(40)));
    assert!(measured["wall_ms"].as_u64() >= Some(60), "{ended}");
    assert_eq!(ended["executors"], json!({"at_begin": 2, "most": 3, "at_end": 3}));
    assert_eq!(ended["peak_storage_bytes"], 4096);
    assert!(ended["executor_ms"].as_u64() >= Some(2 * 60), "{ended}");
    assert_eq!(driver.session(SHUFFLE_PARTITIONS), None);
    let outcome = decision(&host, number).outcome.unwrap();
    assert!(outcome.contains("2 executors when the stage began, at most 3"), "{outcome}");
    // The plan is no need any more, and the application's own policy has at most 20.
    wait_for("the application's own number", || driver.asked_for().last().is_some_and(|total| *total <= 20));

    let partitions = numbers["shuffle_partitions"].as_u64().unwrap();
    pipeline.ok("outcome", json!({"number": partitions, "applied": true, "outcome": "set for the stage"}));
    let told = decision(&host, partitions);
    assert_eq!((told.applied, told.outcome.as_deref()), (true, Some("set for the stage")));

    // A review is completed from the stages that ended.
    let review = pipeline
        .ok("ask", json!({"point": "review", "input": {"wall_ms": 10_000, "stages": [measured]}, "record": false}));
    let past = &review["answer"]["past_run"];
    assert_eq!((past["work_task_ms"].as_u64(), past["critical_path_ms"].as_u64()), (Some(60), Some(40)));
    assert!(past["driver_ms"].as_u64() > Some(0), "{past}");
    assert!(host.run().faults.is_empty(), "{:?}", host.run().faults);
}

#[test]
fn a_connection_that_is_cut_leaves_nothing_behind() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    driver.executor_added(1);
    let mut pipeline = host.pipeline();
    pipeline.ok("open", json!({}));
    pipeline.ok("begin", json!({"stage": "fit", "executors": 17, "confs": {SHUFFLE_PARTITIONS: "9"}}));
    wait_for("the planned executors", || driver.asked_for().last() == Some(&17));
    // In the middle of a request.
    pipeline.send(r#"{"id":9,"do":"end","#);
    drop(pipeline);
    wait_for("the session to have its own value", || driver.session(SHUFFLE_PARTITIONS).is_none());
    let mut next = host.pipeline();
    next.ok("open", json!({}));
    assert_eq!(next.error("end", json!({"stage": "fit"}))["code"], "protocol");
    // No stage is in the way of the next one's executors.
    let begun = next.ok("begin", json!({"stage": "next", "executors": 6}));
    assert_eq!(begun["executors"], json!({"applied": true, "why": null}));
    wait_for("the next plan", || driver.asked_for().last() == Some(&6));
}

#[test]
fn what_the_user_set_stands() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[SHUFFLE_PARTITIONS]);
    let advisory = "spark.sql.adaptive.advisoryPartitionSizeInBytes";
    let mut pipeline = host.pipeline();
    pipeline.ok("open", json!({}));
    let begun = pipeline.ok("begin", json!({"stage": "a", "confs": {SHUFFLE_PARTITIONS: "9", advisory: "1000000"}}));
    assert_eq!(begun["executors"]["applied"], false);
    assert_eq!(begun["confs"]["applied"], json!([advisory]));
    assert!(begun["confs"]["refused"][SHUFFLE_PARTITIONS].as_str().unwrap().contains("user"), "{begun}");
    // The next stage ends the one before it, by whatever name.
    let begun = pipeline.ok("begin", json!({"stage": "b", "confs": {}}));
    assert_eq!(begun["confs"], json!({"applied": [], "refused": {}}));
    assert_eq!(driver.session(advisory), None);
    assert!(pipeline.error("end", json!({"stage": "a"}))["message"].as_str().unwrap().contains("`b`"));
    pipeline.ok("end", json!({"stage": "b"}));
}

#[test]
fn in_shadow_everything_is_said_and_nothing_done() {
    let host = Host::start(launch(Mode::Shadow));
    let driver = Driver::connect(&host, &[]);
    driver.executor_added(1);
    let mut pipeline = host.pipeline();
    assert_eq!(pipeline.greeting["mode"], "shadow");
    pipeline.ok("open", json!({}));
    let asked = pipeline.ok("ask", plan());
    let number = asked["numbers"]["executors"].as_u64().unwrap();
    let begun = pipeline.ok(
        "begin",
        json!({"stage": "prepare", "executors": 9, "executors_decision": number, "confs": {SHUFFLE_PARTITIONS: "9"}}),
    );
    assert_eq!(begun["executors"]["applied"], false);
    assert!(begun["executors"]["why"].as_str().unwrap().contains("shadow"), "{begun}");
    job(&driver, 1);
    let ended = pipeline.ok("end", json!({"stage": "prepare"}));
    assert_eq!(ended["measured"]["tasks"], 2);
    assert_eq!((driver.session(SHUFFLE_PARTITIONS), driver.asked_for()), (None, Vec::new()));
    let recorded = decision(&host, number);
    assert!(!recorded.applied && recorded.outcome.unwrap().contains("shadow"));
}

#[test]
fn steering_that_is_off_still_resolves_policies() {
    let host = Host::start(launch(Mode::Off));
    let mut pipeline = host.pipeline();
    assert_eq!(pipeline.greeting["mode"], "off");
    assert_eq!(pipeline.ok("open", json!({}))["mode"], "off");
    let begun = pipeline.ok("begin", json!({"stage": "a", "executors": 3}));
    assert_eq!(begun["executors"], json!({"applied": false, "why": "steering is off"}));
}

#[test]
fn an_application_that_has_ended_is_told_nothing_and_a_dead_driver_ends_the_host() {
    let mut host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    let mut pipeline = host.pipeline();
    pipeline.ok("open", json!({}));
    pipeline.ok("begin", json!({"stage": "a", "executors": 5, "confs": {SHUFFLE_PARTITIONS: "9"}}));
    driver.end(true);
    wait_for("the host to see the end", || host.run().ended_ms.is_some());
    let start = std::time::Instant::now();
    assert!(pipeline.ok("end", json!({"stage": "a"}))["measured"].is_object());
    let begun = pipeline.ok("begin", json!({"stage": "b", "executors": 5, "confs": {SHUFFLE_PARTITIONS: "9"}}));
    assert!(begun["executors"]["why"].as_str().unwrap().contains("not steered any more"), "{begun}");
    assert!(begun["confs"]["refused"][SHUFFLE_PARTITIONS].is_string(), "{begun}");
    // Decisions are still made, and are no part of a record that is closed.
    let asked = pipeline.ok("ask", plan());
    assert_eq!(asked["numbers"], json!({}));
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "it waits for a driver that is gone");
    // The pipeline's own end is not waited for.
    host.end();
    assert_eq!(pipeline.receive(), Value::Null);
}
