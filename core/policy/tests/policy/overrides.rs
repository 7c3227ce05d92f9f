//! `--set` and fragments that are wrong.

use sparkwright_policy::{Override, built_in};

use crate::{brief, good};

#[test]
fn set_takes_any_yaml_value() {
    for (text, path, value) in [
        ("autoscaling.max_executors=8", "autoscaling.max_executors", "8"),
        ("max_executors = 8", "autoscaling.max_executors", "8"),
        ("autoscaling.target_executor_memory=4g", "autoscaling.target_executor_memory", "4294967296"),
        (
            "autoscaling.overwrite_user_confs=[spark.a, spark.b]",
            "autoscaling.overwrite_user_confs",
            "[\"spark.a\",\"spark.b\"]",
        ),
        ("autoscaling.guards.dead_band_up=.1", "autoscaling.guards.dead_band_up", "0.1"),
        ("temp_tables.table_prefix=a=b", "temp_tables.table_prefix", "\"a=b\""),
        ("temp_tables.table_prefix=\"a: b\"", "temp_tables.table_prefix", "\"a: b\""),
    ] {
        let change = Override::parse(text);
        assert_eq!(change.diagnostics(), [], "{text}");
        let policy = good("{}").resolve(None, &[change]).unwrap();
        let json = serde_json::to_value(&policy).unwrap();
        let (section, name) = path.rsplit_once('.').unwrap();
        let section = section.rsplit('.').next().unwrap();
        assert_eq!(json[section][name].to_string(), value, "{text}");
        assert_eq!(policy.origins.len(), 1);
        assert!(built_in(path).is_some());
    }
}

#[test]
fn wrong_overrides_are_told_with_their_place() {
    for (text, expected) in [
        ("autoscaling.max_executers=8", "1:1-26 unknown_key unknown key `max_executers` in `autoscaling`"),
        (
            "autoscaling.max_executors=lots",
            "1:27-31 wrong_type `autoscaling.max_executors` takes a whole number from 1 to 100000 (executors), \
             not the text `lots`",
        ),
        ("autoscaling.max_executors=", "1:1-26 null_not_allowed `autoscaling.max_executors` has no value"),
        (
            "autoscaling.min_executors=21",
            "1:27-29 bounds_cross `autoscaling.min_executors` is 21, above `autoscaling.max_executors`, \
             which is 20 (built in)",
        ),
        ("autoscaling=5", "1:13-14 wrong_type `autoscaling` takes keys with values, not the number `5`"),
        ("auto_cleanup=false", "1:1-13 ambiguous_key `auto_cleanup` is a key of several sections"),
        ("table_prefix=[a", "1:14-15 syntax `[` is not closed"),
        ("8", "1:1-2 wrong_type `the override` takes keys with values, not the number `8`"),
        ("a.b.c.d.e=1", "1:1-10 unknown_key unknown key `a` in an optimization block"),
        (
            "{autoscaling: {max_executors: 0}}",
            "1:31-32 out_of_range `autoscaling.max_executors` is `0`; the minimum is 1",
        ),
        ("größe=4", "1:1-6 unknown_key unknown key `größe` in an optimization block"),
    ] {
        let change = if text.starts_with("größe") { Override::set(text) } else { Override::parse(text) };
        let problems = good("{}").resolve(None, &[change]).unwrap_err();
        assert_eq!(brief(&problems)[0], expected, "{text}");
    }
    let change = Override::set("max_executors");
    assert_eq!(brief(change.diagnostics()), ["1:1-14 bad_setting `max_executors` is not `key=value`"]);
}

#[test]
fn a_crossing_names_the_file_of_the_other_bound() {
    let file = good("global_optimization:\n  max_executors: 6\n");
    let change = Override::parse("min_executors=7");
    assert_eq!(
        brief(&file.resolve(None, &[change]).unwrap_err()),
        ["1:15-16 bounds_cross `autoscaling.min_executors` is 7, above `autoscaling.max_executors`, which is 6 \
             (line 2 of policy.yaml)"]
    );
}

#[test]
fn a_crossing_of_two_overrides_names_the_other() {
    let changes = ["autoscaling.min_executors=50", "autoscaling.max_executors=2"].map(Override::set);
    assert_eq!(
        brief(&good("{}").resolve(None, &changes).unwrap_err()),
        ["1:27-28 bounds_cross `autoscaling.max_executors` is 2, under `autoscaling.min_executors`, which is 50 \
             (in another --set)"]
    );
}

#[test]
fn an_empty_override_changes_nothing() {
    for text in ["", "{}", "# nothing", "null"] {
        let change = Override::parse(text);
        assert_eq!(change.diagnostics(), [], "{text}");
        assert_eq!(change.paths().count(), 0);
    }
}
