//! The examples that users of the Python original know are read as they are.

use serde_json::{Value, json};
use sparkwright_core::policy::{CacheStrategy, Layer, OptimizationTarget, PartitionStrategy};
use sparkwright_policy::{Override, canonical};

use crate::{good, resolved};

const CONFIG_YAML: &str = "# config.yaml
environments:
  development:
    optimization:
      autoscaling:
        enable_autoscaling: false  # Disabled for stability
        min_executors: 1
        max_executors: 4
      temp_tables:
        enable_caching: false      # Disabled for debugging
        max_table_age_hours: 2
    
  production:
    optimization:
      autoscaling:
        enable_autoscaling: true   # Enabled for performance
        min_executors: 4
        max_executors: 20
      temp_tables:
        enable_caching: true       # Enabled for performance
        max_table_age_hours: 24
";

#[test]
fn the_yaml_example_resolves() {
    let file = good(CONFIG_YAML);
    assert!(file.environments().eq(["development", "production"]));
    assert_eq!(file.default_environment(), None);

    let development = file.resolve(Some("development"), &[]).unwrap();
    assert!(!development.autoscaling.enable_autoscaling);
    assert_eq!(development.autoscaling.min_executors, 1);
    assert_eq!(development.autoscaling.max_executors, 4);
    assert!(!development.temp_tables.enable_caching);
    assert_eq!(development.temp_tables.max_table_age_hours, 2.0);
    assert_eq!(development.environment, "development");

    let production = file.resolve(Some("production"), &[]).unwrap();
    assert!(production.autoscaling.enable_autoscaling);
    assert_eq!(production.autoscaling.max_executors, 20);
    assert_eq!(production.temp_tables.max_table_age_hours, 24.0);
    // A value that equals the built-in one still comes from the file.
    assert_eq!(production.origins.get("autoscaling.max_executors"), Some(&Layer::Environment));
    assert_eq!(production.origins.len(), 5);
}

/// The dict of "Runtime Configuration Override", as Python's `json.dumps` and as `repr` write it.
#[test]
fn the_runtime_dict_is_an_override() {
    let json = r#"{"autoscaling": {"min_executors": 2, "max_executors": 15, "target_processing_time_minutes": 30},
        "temp_tables": {"enable_caching": true, "max_table_age_hours": 12}, "pipeline": {"optimization_target": "speed"}}"#;
    let repr = "{
    'autoscaling': {
        'min_executors': 2,
        'max_executors': 15,
        'target_processing_time_minutes': 30
    },
    'temp_tables': {
        'enable_caching': True,
        'max_table_age_hours': 12
    },
    'pipeline': {
        'optimization_target': 'speed'  # speed, memory, balanced, quality
    }
}";
    for text in [json, repr] {
        let change = Override::parse(text);
        assert_eq!(change.diagnostics(), []);
        let policy = good(CONFIG_YAML).resolve(Some("development"), &[change]).unwrap();
        assert_eq!(policy.autoscaling.min_executors, 2);
        assert_eq!(policy.autoscaling.max_executors, 15);
        assert_eq!(policy.autoscaling.target_processing_time_minutes, 30.0);
        assert!(policy.temp_tables.enable_caching);
        assert_eq!(policy.pipeline.optimization_target, OptimizationTarget::Speed);
        assert!(!policy.autoscaling.enable_autoscaling, "of the environment");
        assert_eq!(policy.origins.get("autoscaling.max_executors"), Some(&Layer::Override));
        assert_eq!(policy.origins.get("autoscaling.enable_autoscaling"), Some(&Layer::Environment));
    }
}

#[test]
fn the_custom_strategy_is_an_override() {
    let change = Override::parse(
        "{'autoscaling': {'enable_autoscaling': True, 'min_executors': 2, 'max_executors': 20,
          'executor_scaling_factor': 0.15,  # More aggressive scaling
          'memory_scaling_factor': 2.5},
          'temp_tables': {'enable_caching': True, 'cache_strategy': 'aggressive', 'partition_strategy': 'hash'},
          'pipeline': {'optimization_target': 'speed', 'stage_optimization': True, 'memory_management': True}}",
    );
    let policy = good("{}").resolve(None, &[change]).unwrap();
    assert_eq!(policy.autoscaling.executor_scaling_factor, 0.15);
    assert_eq!(policy.autoscaling.memory_scaling_factor, 2.5);
    assert_eq!(policy.temp_tables.cache_strategy, CacheStrategy::Aggressive);
    assert_eq!(policy.temp_tables.partition_strategy, PartitionStrategy::Hash);
}

/// The Python original turned everything off without a word when given a partial config, as in its own examples.
#[test]
fn a_partial_config_changes_what_it_names_and_nothing_else() {
    for (text, changed) in [
        ("{'optimization_target': 'quality'}", vec![("pipeline", "optimization_target", json!("quality"))]),
        ("{'monitoring': {'track_performance': False}}", vec![("monitoring", "track_performance", json!(false))]),
        (
            "{'autoscaling': {'max_executors': 15}, 'temp_tables': {'cache_strategy': 'never'}}",
            vec![("autoscaling", "max_executors", json!(15)), ("temp_tables", "cache_strategy", json!("never"))],
        ),
        ("{'autoscaling': {}}", vec![]),
        ("{}", vec![]),
    ] {
        let file = good(CONFIG_YAML);
        let json = |changes: &[Override]| {
            let policy = file.resolve(Some("production"), changes).unwrap();
            let mut json: Value = serde_json::from_str(&canonical(&policy)).unwrap();
            json.as_object_mut().unwrap().remove("origins");
            json
        };
        let mut expected = json(&[]);
        for (section, name, value) in changed {
            assert_ne!(expected[section][name], value, "{text}");
            expected[section][name] = value;
        }
        assert_eq!(json(&[Override::parse(text)]), expected, "{text}");
    }
}

#[test]
fn shorthands_go_to_their_sections() {
    for (text, path) in [
        ("{'optimization_target': 'quality'}", "pipeline.optimization_target"),
        ("enable_autoscaling: false", "autoscaling.enable_autoscaling"),
        ("enable_temp_tables: false", "temp_tables.enable_temp_tables"),
        ("performance_threshold: 0.9", "pipeline.performance_threshold"),
        ("cooldown_seconds: 60", "autoscaling.guards.cooldown_seconds"),
        ("{'monitoring': {'track_performance': True}}", "monitoring.track_performance"),
    ] {
        let change = Override::parse(text);
        assert_eq!(change.diagnostics(), [], "{text}");
        assert!(change.paths().eq([path]), "{text}");
    }
    let policy = resolved(
        "environments: {dev: {optimization: {optimization_target: memory, enable_temp_tables: false}}}",
        Some("dev"),
    );
    assert_eq!(policy.pipeline.optimization_target, OptimizationTarget::Memory);
    assert!(!policy.temp_tables.enable_temp_tables);
}

#[test]
fn sections_of_other_programs_are_left_alone() {
    let policy = resolved(
        "spark: {app_name: x, app_name: y, tags: [!custom a, ? [k] : v]}
environments:
  dev:
    data: {input_dir: /data, max_executers: many}
    optimization: {max_executors: 5}
preprocessing:
  drop: [a, b]
",
        Some("dev"),
    );
    assert_eq!(policy.autoscaling.max_executors, 5);
    assert_eq!(policy.origins.len(), 1);
}
