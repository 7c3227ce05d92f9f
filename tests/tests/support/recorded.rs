//! What a record says was set, held against what Spark says was set.

use std::collections::BTreeSet;

use serde_json::Value;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::answers;
use sparkwright_tests::event_log::EventLog;

fn text<'a>(of: &'a Value, member: &str) -> &'a str {
    of[member].as_str().unwrap_or_else(|| panic!("no {member} in {of:#}"))
}

/// Panics unless every decision that the record calls applied was set in Spark, and every configuration that core declares and Spark had from
/// us is a recorded decision's. Gives the number of configurations that agree.
pub fn agree(run: &Value, log: &EventLog) -> usize {
    let decisions = run["decisions"].as_array().unwrap();
    let applied = |point: &'static str| {
        decisions.iter().filter(move |it| it["point"] == point && it["applied"] == true).flat_map(|it| {
            it["sets"].as_array().into_iter().flatten().map(move |set| (it, text(set, "key"), text(set, "value")))
        })
    };
    let mut agreed = 0;
    for (decision, key, value) in applied("plan_launch") {
        assert_eq!(log.conf.get(key).map(String::as_str), Some(value), "{key} of {decision:#}");
        agreed += 1;
    }
    let recorded: BTreeSet<&str> = applied("plan_launch").map(|(_, key, _)| key).collect();
    let ours: BTreeSet<&str> =
        log.conf.get("spark.sparkwright.ownConfs").map_or("", String::as_str).split(',').collect();
    let declared = answers::declared(DecisionPoint::PlanLaunch).iter().flat_map(|it| it.sets).map(|key| key.key);
    for key in declared.filter(|key| ours.contains(key)) {
        assert!(recorded.contains(key), "{key} was set, and no decision of the record says so");
    }

    for (decision, key, value) in applied("plan_query") {
        let Some(id) = decision["execution"].as_u64() else { continue };
        let Some(execution) = log.executions.iter().find(|it| it.id == id) else { continue };
        // Spark tells the session's configuration as it was before it planned; what it planned with stands in the plan.
        if key == "spark.sql.shuffle.partitions" && execution.plan.contains("Exchange hashpartitioning") {
            assert!(
                execution.plan.contains(&format!(", {value}),")),
                "query {id} is planned otherwise: {decision:#}\n{}",
                execution.plan
            );
            agreed += 1;
        }
    }
    let ever: BTreeSet<(&str, &str)> =
        ["plan_query", "plan_stage"].into_iter().flat_map(applied).map(|(_, key, value)| (key, value)).collect();
    for execution in &log.executions {
        for key in answers::managed_keys() {
            if let Some(value) = execution.modified_configs.get(key).filter(|value| log.conf.get(key) != Some(value)) {
                assert!(
                    ever.contains(&(key, value.as_str())),
                    "query {}: {key} is {value}, and nobody recorded it",
                    execution.id
                );
            }
        }
    }
    agreed
}
