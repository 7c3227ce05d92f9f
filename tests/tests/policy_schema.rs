//! The JSON Schema and the reader agree: what one takes, the other does.
//!
//! It stands here and not beside the reader because `jsonschema` switches on another way of reading numbers in `serde_json`, and the rules
//! that are compared with the module byte for byte must read them as the module does.

#![allow(clippy::unwrap_used, clippy::panic)]

use jsonschema::Validator;
use serde_json::Value;
use sparkwright_policy::{DEFAULT_POLICY, parse, schema};

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

/// YAML as an editor's schema support sees it.
fn json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn it_validates_the_default_policy_with_everything_in_its_comments() {
    let validator = validator();
    let commented: String = DEFAULT_POLICY
        .lines()
        .map(|line| {
            let is_yaml = line.trim_start().strip_prefix('#').is_some_and(|rest| {
                let key = rest.starts_with(|c: char| c.is_ascii_lowercase());
                key || rest.starts_with("  - ") || rest.starts_with("    ") || rest.starts_with("  sha256")
            });
            if is_yaml { line.replacen('#', "", 1) + "\n" } else { line.to_owned() + "\n" }
        })
        .collect();
    assert!(commented.contains("\nrules:\n  - name: more at night\n"));
    for text in [DEFAULT_POLICY, &commented] {
        let errors: Vec<String> =
            validator.iter_errors(&json(text)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, [""; 0]);
        assert!(parse("config.yaml", text).1.is_empty());
    }
}

#[test]
fn it_refuses_what_the_reader_refuses() {
    let validator = validator();
    for (text, good) in [
        ("global_optimization: {autoscaling: {max_executors: 3}}", true),
        ("global_optimization: {max_executors: 3}", true),
        ("global_optimization:", true),
        ("spark: {anything: 1}", true),
        ("global_optimization: {autoscaling: {max_executors: 0}}", false),
        ("global_optimization: {autoscaling: {max_executors: many}}", false),
        ("global_optimization: {autoscaling: {max_executors: 1.5}}", false),
        ("global_optimization: {autoscaling: {max_executers: 3}}", false),
        ("global_optimization: {autoscaling: {guards: {cooldown_seconds: -1}}}", false),
        ("global_optimization: {autoscaling: {target_executor_memory: 4g}}", true),
        ("global_optimization: {autoscaling: {target_executor_memory: null}}", true),
        ("global_optimization: {autoscaling: {target_executor_memory: 4 gigs}}", false),
        ("global_optimization: {temp_tables: {cache_strategy: aggressive}}", true),
        ("global_optimization: {temp_tables: {cache_strategy: sometimes}}", false),
        ("global_optimization: {cost: {executor_hour_price: 0.24, budget_per_run: null}}", true),
        ("global_optimization: {cost: {executor_hour_price: free}}", false),
        ("policy_module: {sha256: abc}", false),
        ("rules: [{when: hour > 3, set: {max_executors: 3}}]", true),
        ("rules: [{when: hour > 3, deny: 'no'}]", true),
        ("rules: [{when: hour > 3}]", false),
        ("rules: [{when: hour > 3, set: {max_executors: 3}, deny: never}]", false),
        ("tests: [{expect: {executors: 3}}]", true),
        ("tests: [{facts: {}}]", false),
    ] {
        let by_schema = validator.is_valid(&json(text));
        let by_reader = !parse("policy.yaml", text).1.iter().any(sparkwright_policy::Diagnostic::is_error);
        assert_eq!((by_schema, by_reader), (good, good), "{text}");
    }
}
