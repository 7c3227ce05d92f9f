//! `sparkwright decide`: the same words where there is no application.

use serde_json::json;
use sparkwright_core::steering::PROFILE_LIMITS;

use crate::client::Client;

#[test]
fn decides_without_an_application_and_ends_with_its_input() {
    let mut client = Client::decide(&[]);
    assert_eq!(client.greeting["sparkwright"], "welcome");
    assert_eq!(client.greeting["mode"], "act");
    let open = client.ok("open", json!({"policy": null, "environment": "production", "override": null}));
    assert_eq!(open["controller"], "nobody");
    assert_eq!(open["identity"]["environment"], "production");
    assert_eq!(
        (open["policy"]["autoscaling"]["max_executors"].as_u64(), open["warnings"].as_array().map(Vec::len)),
        (Some(20), Some(0))
    );
    assert_eq!(open["origins"]["autoscaling.max_executors"], "environment");
    assert_eq!(open["module_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(open["limits"], json!(PROFILE_LIMITS));
    let job = json!({"input_bytes": 10u64 << 30, "stage": "preprocessing"});
    let asked =
        client.ok("ask", json!({"point": "plan_stage", "input": {"job": job}, "subject": "prepare", "record": true}));
    let executors = asked["answer"]["executors"]["value"].as_u64().unwrap();
    assert!((4..=20).contains(&executors), "{asked:#}");
    assert_eq!(asked["numbers"], json!({}));
    let listed = asked["decisions"].as_array().unwrap();
    let told = listed.iter().find(|it| it["name"] == "executors").unwrap();
    assert_eq!(
        (&told["title"], &told["point"], &told["unit"]),
        (&json!("Executors"), &json!("plan_stage"), &json!("executors"))
    );
    assert_eq!(told["value"], asked["answer"]["executors"]["value"]);
    assert_eq!(told["trace"], asked["answer"]["executors"]["trace"]);
    assert!(listed.len() >= 7 && asked["prose"].is_null(), "{asked}");
    let advisory = listed.iter().find(|it| it["name"] == "advisory_partition_bytes").unwrap()["text"].as_str().unwrap();
    assert!(advisory.ends_with("MiB"), "with its unit: {advisory}");
    let begun = client.ok(
        "begin",
        json!({"stage": "prepare", "executors": executors, "confs": {"spark.sql.shuffle.partitions": "8"}}),
    );
    assert_eq!(begun["executors"]["applied"], false);
    assert!(begun["executors"]["why"].as_str().unwrap().contains("no application"), "{begun}");
    assert_eq!(begun["confs"]["applied"], json!([]));
    let ended = client.ok("end", json!({"stage": "prepare"}));
    assert!(ended["measured"].is_null() && ended["executors"].is_null(), "{ended}");
    assert_eq!(client.ok("close", json!({})), json!({}));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_the_command_names_holds_where_the_pipeline_names_nothing() {
    let mut client = Client::decide(&["--environment", "staging", "--set", "max_executors=7"]);
    let open = client.ok("open", json!({}));
    assert_eq!(open["identity"]["environment"], "staging");
    assert_eq!(open["policy"]["autoscaling"]["max_executors"], 7);
    // An override is one layer more, and the single value below it stands.
    let open =
        client.ok("open", json!({"override": {"min_executors": 3, "pipeline": {"optimization_target": "speed"}}}));
    let scaling = &open["policy"]["autoscaling"];
    assert_eq!((scaling["min_executors"].as_u64(), scaling["max_executors"].as_u64()), (Some(3), Some(7)));
    assert_eq!(open["policy"]["pipeline"]["optimization_target"], "speed");
    assert_eq!(open["origins"]["autoscaling.min_executors"], "override");
}

#[test]
fn every_problem_of_a_config_is_told_with_the_nearest_key() {
    let mut client = Client::decide(&[]);
    let config = json!({"autoscaling": {"max_executers": 8, "min_executors": "two"}, "cache_strategy": "somtimes"});
    let error = client.error("open", json!({"override": config}));
    assert_eq!(error["code"], "policy");
    let diagnostics = error["diagnostics"].as_array().unwrap();
    assert_eq!(diagnostics.len(), 3, "{error:#}");
    let rendered: Vec<&str> = diagnostics.iter().map(|problem| problem["rendered"].as_str().unwrap()).collect();
    let all = rendered.join("\n");
    for wanted in ["max_executers", "max_executors", "`two`", "somtimes", "always"] {
        assert!(all.contains(wanted), "{wanted} in {all}");
    }
    assert!(diagnostics.iter().all(|problem| problem["file"] == "config" && problem["line"].as_u64() > Some(1)));
    let crossed = client.error("open", json!({"override": {"min_executors": 9, "max_executors": 3}}));
    assert_eq!(crossed["diagnostics"][0]["code"], "bounds_cross");
    let unknown = client.error("open", json!({"environment": "produktion"}));
    assert!(unknown["diagnostics"][0]["rendered"].as_str().unwrap().contains("production"), "{unknown:#}");
    let missing = client.error("open", json!({"policy": "/nowhere/policy.yaml"}));
    assert_eq!((missing["code"].as_str(), missing["help"].is_string()), (Some("policy"), true));
    assert_eq!(client.error("open", json!({"policy": "policy.yaml"}))["code"], "protocol");
    // After all that: no policy is open.
    assert!(client.error("ask", json!({"point": "plan_stage"}))["help"].as_str().unwrap().contains("open"));
    client.ok("open", json!({}));
    client.ok("ask", json!({"point": "plan_stage"}));
}

#[test]
fn an_override_of_one_question_is_for_that_question() {
    let mut client = Client::decide(&[]);
    client.ok("open", json!({"override": {"max_table_age_hours": 10}}));
    let hour = 3_600_000;
    let tables = json!([{"name": "old", "bytes": 1, "last_access_ms": hour}]);
    let question = json!({"point": "plan_cleanup", "input": {"now_ms": 6 * hour, "tables": tables}});
    let drops = |answer: serde_json::Value| answer["answer"]["drop"].as_array().unwrap().len();
    assert_eq!(drops(client.ok("ask", question.clone())), 0);
    let mut sooner = question.clone();
    sooner["override"] = json!({"temp_tables": {"max_table_age_hours": 2}});
    assert_eq!(drops(client.ok("ask", sooner.clone())), 1);
    sooner["override"] = json!({"temp_tables": {"max_table_age_hours": "soon"}});
    assert_eq!(client.error("ask", sooner)["code"], "policy");
    assert_eq!(drops(client.ok("ask", question)), 0);
}

#[test]
fn what_the_module_says_no_to_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    let rules = "rules:\n  - name: no giants\n    when: input.job.input_bytes > 1000\n    deny: too much\n";
    std::fs::write(&file, rules).unwrap();
    let mut client = Client::decide(&[]);
    let open = client.request("open", json!({"policy": file}));
    assert!(open.get("ok").is_some(), "{open:#}");
    let denied = client.error("ask", json!({"point": "plan_stage", "input": {"job": {"input_bytes": 5000}}}));
    assert_eq!(denied["code"], "denied", "{denied}");
    let wrong = client.error("ask", json!({"point": "plan_stage", "input": {"job": {"input_bytes": "much"}}}));
    assert_eq!(
        (wrong["code"].as_str(), wrong["reason"].as_str(), wrong["path"].as_str()),
        (Some("refused"), Some("bad_input"), Some("job.input_bytes"))
    );
}

#[test]
fn a_member_that_is_not_read_is_told_with_the_one_that_is_meant() {
    let mut client = Client::decide(&[]);
    client.ok("open", json!({}));
    let job = |member: &str| json!({"point": "plan_stage", "input": {"job": {member: 10u64 << 30}}});
    let right = client.ok("ask", job("input_bytes"));
    assert_eq!(right["warnings"], json!([]));
    let misspelt = client.ok("ask", job("input_byte"));
    let told = "`job.input_byte` of `input` is not known and not read; is `input_bytes` meant?";
    assert_eq!(misspelt["warnings"], json!([told]));
    assert_ne!(misspelt["answer"], right["answer"]);
}

#[test]
fn a_review_comes_in_prose_too() {
    let mut client = Client::decide(&[]);
    client.ok("open", json!({}));
    let stages = json!([{"name": "train", "wall_ms": 90_000, "tasks": 8, "task_ms": 80_000, "median_task_ms": 10, "longest_task_ms": 60_000},
        {"name": "load", "wall_ms": 5_000, "tasks": 8, "task_ms": 8_000, "median_task_ms": 1_000, "longest_task_ms": 1_100}]);
    let asked = client.ok("ask", json!({"point": "review", "input": {"wall_ms": 100_000, "stages": stages}}));
    let lines = asked["prose"]["bottlenecks"].as_array().unwrap();
    assert_eq!(lines.len(), asked["answer"]["bottlenecks"].as_array().unwrap().len());
    assert!(lines.iter().any(|line| line.as_str().unwrap().starts_with("skew in train: at most ")), "{lines:?}");
    assert_eq!(
        asked["prose"]["recommendations"].as_array().unwrap().len(),
        asked["answer"]["recommendations"].as_array().unwrap().len()
    );
    assert!(asked["prose"]["text"].as_str().unwrap().contains("trend: "));
}

#[test]
fn a_launch_is_planned_from_the_confs_alone() {
    let mut client = Client::decide(&["--environment", "production"]);
    client.ok("open", json!({}));
    let plan = |client: &mut Client, cluster: serde_json::Value| {
        client.ok("ask", json!({"point": "plan_launch", "input": {"cluster": cluster}}))["answer"].clone()
    };
    let confs = json!({"spark.master": "local-cluster[3,2,2048]", "spark.executor.cores": "2"});
    let answer = plan(&mut client, json!({"spark_version": "4.3.0", "python": true, "user_confs": confs}));
    assert_eq!(answer["executor_cores"]["value"], 2);
    // Three workers of two cores hold three executors of two.
    assert_eq!(answer["max_executors"], 3, "{answer:#}");
    assert_eq!(answer["confs"]["spark.dynamicAllocation.enabled"]["value"], "true");
    let local = plan(&mut client, json!({"spark_version": "4.3.0", "python": true, "user_confs": {}}));
    assert!(local["confs"].get("spark.dynamicAllocation.enabled").is_none(), "{}", local["confs"]);
    // What the pipeline says of its cluster stands.
    let paper = plan(&mut client, json!({"manager": "yarn", "user_confs": {"spark.master": "local[2]"}}));
    assert_eq!(paper["confs"]["spark.dynamicAllocation.enabled"]["value"], "true");
}
