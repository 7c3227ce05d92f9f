//! What is valid and still probably unintended.

use sparkwright_policy::{DEFAULT_POLICY, Severity, parse};

use crate::good;

fn found(text: &str) -> Vec<String> {
    let (file, diagnostics) = parse("policy.yaml", text);
    assert!(!diagnostics.iter().any(sparkwright_policy::Diagnostic::is_error), "{diagnostics:?}");
    file.lint().iter().map(|it| format!("{}:{} {} {}", it.line, it.column, it.code.word(), it.message)).collect()
}

fn one(text: &str, expected: &str) {
    let found = found(text);
    assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:#?}");
}

#[test]
fn values_without_effect_are_warned_of_at_their_place() {
    let production = |block: &str| format!("environments:\n  production:\n    optimization: {{{block}}}\n");
    one(&production("cost: {budget_per_run: 5}"), "3:43 without_effect `budget_per_run` has no effect in `production`");
    one(&production("temp_tables: {max_total_tables: 5, cleanup_batch_size: 9}"), "never more than 5");
    one(
        &production("temp_tables: {max_table_age_hours: 0.2}"),
        "expire after 0.2 hours, but clean-up runs only every 0.5 hours",
    );
    one(
        &production("temp_tables: {enable_caching: false, cache_strategy: always}"),
        "`cache_strategy: always` has no effect in `production`",
    );
    one(&production("autoscaling: {min_executors: 3, max_executors: 3}"), "autoscaling has no effect in `production`");
    one(
        &production("autoscaling: {enable_autoscaling: false, guards: {tick_seconds: 2}}"),
        "`tick_seconds` has no effect in `production`",
    );
    assert_eq!(found(&production("cost: {budget_per_run: 5, executor_hour_price: 1}")), [""; 0]);
}

#[test]
fn a_target_time_that_earlier_runs_rule_out_is_told() {
    use sparkwright_core::facts::{History, PastRun};
    let run = PastRun { driver_ms: Some(400_000), critical_path_ms: Some(230_000), ..PastRun::default() };
    let history = History { runs: vec![run; 3], ..History::default() };
    let told = |minutes: u32| {
        let text = format!(
            "environments:\n  production:\n    optimization: {{autoscaling: {{target_processing_time_minutes: {minutes}}}}}\n"
        );
        let lints = good(&text).lint_history(&history);
        lints.iter().map(|lint| format!("{}:{} {}", lint.line, lint.column, lint.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        told(10),
        [
            "3:66 the target time in `production` can't be met: earlier runs spent 10 min 30 s in the driver and on the critical path, where more executors don't help"
        ]
    );
    assert_eq!(told(11), [""; 0]);
}

#[test]
fn what_an_environment_never_exercises_is_told() {
    let text = |staging: &str| {
        format!(
            "environments:\n  staging:\n    optimization: {{{staging}}}\n  production:\n    optimization: {{autoscaling: {{min_executors: 4}}}}\n"
        )
    };
    one(&text("temp_tables: {enable_caching: false}"), "caching is on in `production` but off in `staging`");
    one(&text("autoscaling: {enable_autoscaling: false}"), "autoscaling is on in `production` but off in `staging`");
    one(&text("autoscaling: {max_executors: 3}"), "`staging` has at most 3 executors and `production` at least 4");
    assert_eq!(found(&text("")), [""; 0]);
}

#[test]
fn the_default_policy_has_nothing_but_an_advice() {
    let lints = good(DEFAULT_POLICY).lint();
    assert_eq!(lints.len(), 1, "{lints:#?}");
    assert_eq!(lints[0].severity, Severity::Advice);
    assert!(lints[0].message.contains("but off in `development`"));
}
