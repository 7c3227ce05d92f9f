//! A query that spilled is cut into smaller pieces when it comes again, and then does not spill, by Spark's own event log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::Value;
use sparkwright_tests::event_log::EventLog;
use support::{Scene, program};

#[test]
fn a_query_that_spilled_does_not_spill_again() {
    let scene = Scene::new();
    let outcome = scene
        .steered(["--set", "temp_tables.enable_caching=false"])
        .args(["--master", "local[2]", "--driver-memory", "640m"])
        .arg(program("spills.py"))
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let answers: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("sum of places")).collect();
    assert_eq!(answers.len(), 2, "{}", outcome.stdout);
    assert_eq!(answers[0], answers[1]);

    let run = scene.record();
    let log = scene.runs().join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
    let witness = EventLog::read(&log).unwrap();
    // Before the queries a view is made.
    let queries = &witness.executions[witness.executions.len() - 2..];
    let spilled = |query: usize| -> u64 {
        let of = &queries[query];
        let during = of.started_ms..=of.ended_ms.unwrap();
        witness.tasks.iter().filter(|task| during.contains(&task.launched_ms)).map(|task| task.spilled_bytes).sum()
    };
    assert!(spilled(0) > 1 << 20, "the first time it spills: {}", spilled(0));
    assert!(spilled(1) * 4 < spilled(0), "{} bytes at first, then {}", spilled(0), spilled(1));

    let agreed = support::recorded::agree(&run, &witness);
    assert!(agreed >= 2, "the partitions of two queries at least: {agreed}");

    let decisions = run["decisions"].as_array().unwrap();
    let advisory: Vec<&Value> = decisions.iter().filter(|it| it["name"] == "advisory_partition_size").collect();
    let last = advisory.last().expect("the pieces of the second query are decided");
    assert_eq!(last["applied"], true, "{last:#}");
    let bounds = last["trace"]["bounds"].as_array().unwrap();
    assert!(bounds.iter().any(|bound| bound["name"] == "an earlier run spilled"), "{last:#}");
}
