//! Pipelines of one application that overlap: the stage that began last is in force, and none disturbs another for good.

use serde_json::json;
use sparkwright::steering::Mode;

use crate::host::{Driver, Host, launch, wait_for};

const SHUFFLE_PARTITIONS: &str = "spark.sql.shuffle.partitions";
const BROADCAST: &str = "spark.sql.autoBroadcastJoinThreshold";

#[test]
fn the_stage_that_began_last_is_in_force_until_it_ends() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    driver.executor_added(1);
    let (mut first, mut second) = (host.pipeline(), host.pipeline());
    first.ok("open", json!({}));
    second.ok("open", json!({"override": {"max_executors": 12, "min_executors": 1}}));
    first
        .ok("begin", json!({"stage": "load", "executors": 15, "confs": {SHUFFLE_PARTITIONS: "15", BROADCAST: "1000"}}));
    wait_for("the first plan", || driver.asked_for().last() == Some(&15));
    let begun = second.ok("begin", json!({"stage": "fit", "executors": 11, "confs": {SHUFFLE_PARTITIONS: "11"}}));
    assert_eq!(begun["executors"]["applied"], true);
    assert!(begun["executors"]["why"].as_str().unwrap().contains("`load`"), "{begun}");
    assert_eq!(driver.session(SHUFFLE_PARTITIONS).as_deref(), Some("11"));
    assert_eq!(driver.session(BROADCAST).as_deref(), Some("1000"));
    wait_for("the second plan", || driver.asked_for().last() == Some(&11));
    // Whatever becomes of the second one, the first one's stage still runs.
    drop(second);
    wait_for("the first one's conf", || driver.session(SHUFFLE_PARTITIONS).as_deref() == Some("15"));
    wait_for("the first plan again", || driver.asked_for().last() == Some(&15));
    first.ok("close", json!({}));
    assert_eq!((driver.session(SHUFFLE_PARTITIONS), driver.session(BROADCAST)), (None, None));
}

#[test]
fn the_one_that_ends_first_leaves_the_later_one_in_force() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    driver.executor_added(1);
    let (mut first, mut second) = (host.pipeline(), host.pipeline());
    first.ok("open", json!({}));
    second.ok("open", json!({}));
    let asked =
        first.ok("ask", json!({"point": "plan_stage", "subject": "load", "input": {"job": {"input_bytes": 1 << 30}}}));
    let number = asked["numbers"]["executors"].as_u64().unwrap();
    first.ok("begin", json!({"stage": "load", "executors": 5, "confs": {SHUFFLE_PARTITIONS: "5"}}));
    second.ok("begin", json!({"stage": "fit", "executors": 9, "confs": {SHUFFLE_PARTITIONS: "9"}}));
    first.ok("end", json!({"stage": "load"}));
    assert_eq!(driver.session(SHUFFLE_PARTITIONS).as_deref(), Some("9"));
    wait_for("the later plan", || driver.asked_for().last() == Some(&9));
    // A decision belongs to the pipeline that asked for it.
    let theirs = second.error("outcome", json!({"number": number, "applied": true, "outcome": "mine"}));
    assert!(theirs["message"].as_str().unwrap().contains(&number.to_string()), "{theirs}");
    first.ok("outcome", json!({"number": number, "applied": false, "outcome": "not done"}));
}
