//! Each diagnostic with its line, column, message and help.

use sparkwright_policy::{Severity, parse};

use crate::brief;

/// The problems of `text`, each followed by its help.
fn problems(text: &str) -> Vec<String> {
    let (_, diagnostics) = parse("policy.yaml", text);
    let helps = diagnostics.iter().map(|d| d.help.clone());
    brief(&diagnostics).into_iter().zip(helps).map(|(brief, help)| format!("{brief} | {help}")).collect()
}

/// The one problem of a value in a global block, without the place, which is checked here.
fn of_value(key: &str, value: &str) -> String {
    let text = format!("global_optimization:\n  {key}: {value}\n");
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    let value_at = format!("2:{}-{} ", key.len() + 5, key.len() + 5 + value.chars().count());
    let rest = found[0].strip_prefix(&value_at);
    rest.unwrap_or_else(|| panic!("{found:?} is not at {value_at}")).to_owned()
}

#[test]
fn keys() {
    for (text, expected) in [
        (
            "environments:\n  production:\n    optimization:\n      autoscaling:\n        max_executers: 8\n",
            "5:9-22 unknown_key unknown key `max_executers` in `autoscaling` | did you mean `max_executors`?",
        ),
        (
            "global_optimization:\n  autoscalling: {}\n",
            "2:3-15 unknown_key unknown key `autoscalling` in an optimization block | did you mean `autoscaling`?",
        ),
        (
            "global_optimization:\n  optimisation_target: speed\n",
            "2:3-22 unknown_key unknown key `optimisation_target` in an optimization block | \
             did you mean `optimization_target` in `pipeline`?",
        ),
        (
            "global_optimization:\n  temp_tables:\n    max_executors: 8\n",
            "3:5-18 unknown_key unknown key `max_executors` in `temp_tables` | it belongs in `autoscaling`",
        ),
        (
            "global_optimization:\n  autoscaling: {cooldown_seconds: 8}\n",
            "2:17-33 unknown_key unknown key `cooldown_seconds` in `autoscaling` | it belongs in `autoscaling.guards`",
        ),
        (
            "global_optimization:\n  autoscaling.max_executors: 8\n",
            "2:3-28 unknown_key unknown key `autoscaling.max_executors` in an optimization block | \
             write `max_executors` below `autoscaling`",
        ),
        (
            "global_optimization:\n  monitoring: {colour: 8}\n",
            "2:16-22 unknown_key unknown key `colour` in `monitoring` | expected one of `track_performance`, \
             `performance_history_size`, `enable_metrics_collection`, `store` or `report_interval_minutes`",
        ),
        (
            "global_optimization:\n  auto_cleanup: false\n",
            "2:3-15 ambiguous_key `auto_cleanup` is a key of several sections | \
             write it below `temp_tables` or `pipeline`",
        ),
        ("global_optimization:\n  [a]: 1\n", "2:3-6 wrong_type a key must be a word, not a list or mapping | "),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn duplicates() {
    for (text, expected) in [
        (
            "global_optimization:\n  autoscaling:\n    max_executors: 8\n    max_executors: 9\n",
            "4:5-18 duplicate_key `max_executors` is set twice; first on line 3 | keep one of the two",
        ),
        (
            "global_optimization:\n  autoscaling: {}\n  autoscaling: {}\n",
            "3:3-14 duplicate_key `autoscaling` is set twice; first on line 2 | keep one of the two",
        ),
        (
            "global_optimization:\n  optimization_target: speed\n  pipeline: {optimization_target: memory}\n",
            "3:14-33 duplicate_key `pipeline.optimization_target` is set twice; first on line 2 | keep one of the two",
        ),
        (
            "environments:\n  dev: {}\n  dev: {}\n",
            "3:3-6 duplicate_key `dev` is set twice; first on line 2 | keep one of the two",
        ),
        (
            "environments: {}\nenvironments: {}\n",
            "2:1-13 duplicate_key `environments` is set twice; first on line 1 | keep one of the two",
        ),
        (
            "environments: {dev: {optimization: {},\n optimization: {}}}\n",
            "2:2-14 duplicate_key `optimization` is set twice; first on line 1 | keep one of the two",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn types() {
    const WHOLE: &str = "wrong_type `autoscaling.max_executors` takes a whole number from 1 to 100000 (executors), not";
    const REAL: &str = "wrong_type `temp_tables.max_table_age_hours` takes a number from 0.01 to 100000 (hours), not";
    const FLAG: &str = "wrong_type `temp_tables.enable_caching` takes `true` or `false`, not";
    const TARGET: &str =
        "wrong_type `pipeline.optimization_target` takes `speed`, `memory`, `balanced` or `quality`, not";
    const LIST: &str = "wrong_type `autoscaling.overwrite_user_confs` takes a list of texts";
    for (key, value, expected) in [
        ("max_executors", "many", format!("{WHOLE} the text `many` | ")),
        ("max_executors", "'8'", format!("{WHOLE} the text `8` | write `8` without the quotes")),
        ("max_executors", "8.5", format!("{WHOLE} the number `8.5` | write `9`")),
        ("max_executors", "true", format!("{WHOLE} `true` | ")),
        ("max_executors", "[8]", format!("{WHOLE} a list | ")),
        ("max_executors", "{a: 8}", format!("{WHOLE} keys with values | ")),
        ("max_executors", "0x10", format!("{WHOLE} the text `0x10` | ")),
        ("max_table_age_hours", "12h", format!("{REAL} the text `12h` | ")),
        ("max_table_age_hours", "\"12\"", format!("{REAL} the text `12` | write `12` without the quotes")),
        ("enable_caching", "yes", format!("{FLAG} the text `yes` | write `true`, without quotes")),
        ("enable_caching", "'false'", format!("{FLAG} the text `false` | write `false`, without quotes")),
        ("enable_caching", "1", format!("{FLAG} the number `1` | write `true`, without quotes")),
        ("optimization_target", "3", format!("{TARGET} the number `3` | ")),
        ("optimization_target", "[speed]", format!("{TARGET} a list | ")),
        (
            "table_prefix",
            "7",
            "wrong_type `temp_tables.table_prefix` takes text, not the number `7` | write it in quotes: `'7'`"
                .to_owned(),
        ),
        ("overwrite_user_confs", "spark.x", format!("{LIST}, not the text `spark.x` | write a list: `[spark.x]`")),
        (
            "max_executors",
            "010",
            "wrong_type `010` begins with a zero, which old and new YAML read differently | write `10`".to_owned(),
        ),
    ] {
        assert_eq!(of_value(key, value), expected, "{key}: {value}");
    }
    assert_eq!(
        problems("global_optimization:\n  overwrite_user_confs: [spark.x, 7]\n"),
        [format!("2:35-36 {LIST}; this item is the number `7` | write it in quotes: `'7'`")]
    );
    assert_eq!(
        problems("global_optimization:\n  max_executors: !!int 8\n"),
        [
            "2:24-25 unexpected_tag `autoscaling.max_executors` has a YAML tag, which means nothing here | remove the tag"
        ]
    );
    for (text, expected) in [
        (
            "global_optimization: 8",
            "1:22-23 wrong_type `global_optimization` takes keys with values, not the number `8` | ",
        ),
        ("environments: [a]", "1:15-18 wrong_type `environments` takes keys with values, not a list | "),
        ("environments: {dev: x}", "1:21-22 wrong_type `environments.dev` takes keys with values, not the text `x` | "),
        (
            "environments: {dev: {optimization: x}}",
            "1:36-37 wrong_type `environments.dev.optimization` takes keys with values, not the text `x` | ",
        ),
        ("- a\n- b\n", "1:1-1 wrong_type `the policy` takes keys with values, not a list | "),
        ("just words", "1:1-11 wrong_type `the policy` takes keys with values, not the text `just words` | "),
        ("default_environment: [a]", "1:22-25 wrong_type `default_environment` takes the name of an environment | "),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn ranges() {
    for (key, value, expected) in [
        (
            "min_executors",
            "0",
            "out_of_range `autoscaling.min_executors` is `0`; the minimum is 1 | the nearest valid value is `1`",
        ),
        (
            "min_executors",
            "-3",
            "out_of_range `autoscaling.min_executors` is `-3`; the minimum is 1 | the nearest valid value is `1`",
        ),
        (
            "max_executors",
            "100001",
            "out_of_range `autoscaling.max_executors` is `100001`; the maximum is 100000 | \
             the nearest valid value is `100000`",
        ),
        (
            "max_executors",
            "99999999999999999999999999999999999999999999999999",
            "out_of_range `autoscaling.max_executors` is `99999999999999999999999999999999999999999999999999`; \
             the maximum is 100000 | the nearest valid value is `100000`",
        ),
        (
            "performance_threshold",
            "1.5",
            "out_of_range `pipeline.performance_threshold` is `1.5`; the maximum is 1 | \
             the nearest valid value is `1`",
        ),
        (
            "max_table_age_hours",
            "0",
            "out_of_range `temp_tables.max_table_age_hours` is `0`; the minimum is 0.01 | \
             the nearest valid value is `0.01`",
        ),
        (
            "max_table_age_hours",
            "-1e3",
            "out_of_range `temp_tables.max_table_age_hours` is `-1e3`; the minimum is 0.01 | \
             the nearest valid value is `0.01`",
        ),
        (
            "max_table_age_hours",
            ".nan",
            "not_finite `temp_tables.max_table_age_hours` is `.nan`, which is not a finite number | ",
        ),
        (
            "max_table_age_hours",
            "-.inf",
            "not_finite `temp_tables.max_table_age_hours` is `-.inf`, which is not a finite number | ",
        ),
        (
            "max_table_age_hours",
            "1e999",
            "not_finite `temp_tables.max_table_age_hours` is `1e999`, which is not a finite number | ",
        ),
        (
            "max_executors",
            "Infinity",
            "not_finite `autoscaling.max_executors` is `Infinity`, which is not a finite number | ",
        ),
    ] {
        assert_eq!(of_value(key, value), expected, "{key}: {value}");
    }
}

#[test]
fn memory_sizes() {
    const TAKES: &str = "bad_memory_size `autoscaling.target_executor_memory` takes a memory size like `4g`, not";
    const IS: &str = "out_of_range `autoscaling.target_executor_memory` is";
    for (value, expected) in [
        ("4GiB", format!("{TAKES} `4GiB` | write `4g`")),
        ("1.5g", format!("{TAKES} `1.5g` | write `1536m`")),
        ("big", format!("{TAKES} `big` | write a whole number and one of k, m, g, t, as in `4g`")),
        ("None", format!("{TAKES} `None` | write `null`")),
        (
            "512",
            format!(
                "{IS} `512`; the minimum is 450m: Spark doesn't start with less | \
                 a number without a unit is bytes; write `512m` for MiB"
            ),
        ),
        (
            "256m",
            format!(
                "{IS} `256m`; the minimum is 450m: Spark doesn't start with less | \
                 the nearest valid value is `450m`"
            ),
        ),
        (
            "-4g",
            format!(
                "{IS} `-4g`; the minimum is 450m: Spark doesn't start with less | \
                 the nearest valid value is `450m`"
            ),
        ),
        ("9p", format!("{IS} `9p`; the maximum is 16t | the nearest valid value is `16t`")),
        (
            "true",
            "wrong_type `autoscaling.target_executor_memory` takes a memory size like `4g` or `512m`, or \
             null, not `true` | "
                .to_owned(),
        ),
    ] {
        assert_eq!(of_value("target_executor_memory", value), expected, "{value}");
    }
}

#[test]
fn words() {
    for (key, value, expected) in [
        (
            "optimization_target",
            "sped",
            "unknown_word `sped` is not a valid value for `pipeline.optimization_target`; expected one of `speed`, `memory`, `balanced` or `quality` | did you mean `speed`?",
        ),
        (
            "cache_strategy",
            "Aggressive",
            "unknown_word `Aggressive` is not a valid value for `temp_tables.cache_strategy`; expected one of `auto`, \
             `always`, `never` or `aggressive` | did you mean `aggressive`?",
        ),
        (
            "partition_strategy",
            "roundrobin",
            "unknown_word `roundrobin` is not a valid value for `temp_tables.partition_strategy`; expected one of `auto`, \
             `hash`, `range` or `none` | ",
        ),
    ] {
        assert_eq!(of_value(key, value), expected, "{key}: {value}");
    }
}

#[test]
fn nulls() {
    const HELP: &str = "give it a value, or remove the line to keep the value of the layer below";
    for (text, expected) in [
        (
            "global_optimization:\n  max_executors:\n  min_executors: 2\n",
            format!("2:3-16 null_not_allowed `autoscaling.max_executors` has no value | {HELP}"),
        ),
        (
            "global_optimization:\n  enable_caching: ~\n",
            format!("2:19-20 null_not_allowed `temp_tables.enable_caching` has no value | {HELP}"),
        ),
        (
            "global_optimization: {overwrite_user_confs: [a, null]}",
            "1:49-53 null_not_allowed `autoscaling.overwrite_user_confs` has an item without a value | remove the item"
                .to_owned(),
        ),
        (
            "default_environment:\nenvironments: {}\n",
            "1:1-20 null_not_allowed `default_environment` takes the name of an environment | ".to_owned(),
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    // A section, a block and an environment may be empty: all of their lines may be comments.
    let text = "global_optimization:\n  autoscaling:\n    # max_executors: 9\nenvironments:\n  dev:\n  test:\n    optimization:\n";
    assert_eq!(problems(text), [""; 0]);
}

#[test]
fn bounds_are_reported_where_they_were_crossed() {
    for (text, expected) in [
        // Both in one layer: at the least value.
        (
            "global_optimization:\n  max_executors: 4\n  min_executors: 5\n",
            "3:18-19 bounds_cross `autoscaling.min_executors` is 5, above `autoscaling.max_executors`, which is 4 (line 2) | \
             write at most 4, or set `autoscaling.max_executors` too",
        ),
        // An environment that goes under the global least.
        (
            "global_optimization:\n  min_executors: 5\nenvironments:\n  dev:\n    optimization:\n      max_executors: 4\n",
            "6:22-23 bounds_cross `autoscaling.max_executors` is 4, under `autoscaling.min_executors`, which is 5 (line 2) | \
             write at least 5, or set `autoscaling.min_executors` too",
        ),
        // A value that crosses a built-in one.
        (
            "environments:\n  dev:\n    optimization:\n      max_executors: 1\n",
            "4:22-23 bounds_cross `autoscaling.max_executors` is 1, under `autoscaling.min_executors`, which is 2 (built in) | \
             write at least 2, or set `autoscaling.min_executors` too",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    // A crossing that every environment mends is none.
    let mended = "global_optimization: {min_executors: 30}\nenvironments: {dev: {optimization: {max_executors: 40}}}\n";
    assert_eq!(problems(mended), [""; 0]);
}

#[test]
fn environments() {
    assert_eq!(
        problems("default_environment: prodution\nenvironments: {production: {}, dev: {}}\n"),
        ["1:22-31 unknown_environment `default_environment` is `prodution`, but there is no such environment | \
             did you mean `production`? known are `production` or `dev`"]
    );
    assert_eq!(
        problems("default_environment: dev\n"),
        ["1:22-25 unknown_environment `default_environment` is `dev`, but there is no such environment | \
             this file has no environments"]
    );
}

#[test]
fn pins() {
    const HELP: &str = "`sparkwright inspect` shows the SHA-256 of a policy module";
    for (text, expected) in [
        (
            "policy_module: {sha256: abc}".to_owned(),
            format!("1:25-28 bad_digest a SHA-256 has 64 hexadecimal digits | {HELP}"),
        ),
        (
            "policy_module:\n  sha256:\n".to_owned(),
            format!("2:3-9 bad_digest a SHA-256 has 64 hexadecimal digits | {HELP}"),
        ),
        (
            format!("policy_module: {{sha265: {}}}", "a".repeat(64)),
            "1:17-23 unknown_key unknown key `sha265` in `policy_module` | it has only `sha256`".to_owned(),
        ),
        ("policy_module: {}".to_owned(), "1:1-14 bad_digest `policy_module` has no `sha256` | ".to_owned()),
    ] {
        assert_eq!(problems(&text), [expected], "{text}");
        let (file, _) = parse("policy.yaml", &text);
        assert_eq!(file.module_sha256(), None);
        assert!(file.resolve(None, &[]).is_err(), "a broken pin is no pin to ignore");
    }
}

#[test]
fn warnings() {
    for (text, expected) in [
        (
            "enviroments:\n  dev: {}\npolicy_module:\n",
            "1:1-12 similar_key `enviroments` is not a key of a policy and is ignored | did you mean `environments`?",
        ),
        (
            "environments:\n  dev:\n    optimisation: {max_executors: 8}\n",
            "3:5-17 similar_key `optimisation` is not a key of a policy and is ignored | did you mean `optimization`?",
        ),
        (
            "autoscaling:\n  max_executors: 8\n",
            "1:1-1 nothing_here this file holds no policy; the built-in defaults apply | \
             put `autoscaling` below `global_optimization`, or below `optimization` of an environment",
        ),
        (
            "environments:\n  dev: {}\nautoscaling:\n  max_executors: 8\n",
            "3:1-12 misplaced `autoscaling` at the top of the file is not read and has no effect | \
             put `autoscaling` below `global_optimization`, or below `optimization` of an environment",
        ),
        (
            "environments:\n  dev:\n    autoscaling: {max_executors: 8}\n    optimization: {}\n",
            "3:5-16 misplaced `autoscaling` in an environment is not read and has no effect | \
             put `autoscaling` below `optimization` of the environment",
        ),
        (
            "environments:\n  dev:\n    rules: [{when: 'true'}]\n",
            "3:5-10 misplaced `rules` in an environment is not read and has no effect | \
             put `rules` at the top of the file; one is of an environment by environment == '…' in its `when`",
        ),
        (
            "environments:\n  dev:\n    tests: []\n",
            "3:5-10 misplaced `tests` in an environment is not read and has no effect | \
             put `tests` at the top of the file; one is of an environment by its `environment`",
        ),
        (
            "environments:\n  dev: {}\noptimization: {max_executors: 8}\n",
            "3:1-13 misplaced `optimization` at the top of the file is not read and has no effect | \
             put it into an environment; what holds in all of them is `global_optimization`",
        ),
        (
            "environments:\n  dev:\n    global_optimization: {autoscaling: {}}\n",
            "3:5-24 misplaced `global_optimization` in an environment is not read and has no effect | \
             put it at the top of the file; what holds in this environment is its `optimization`",
        ),
        (
            "environments:\n  dev:\n    guards: {cooldown_seconds: 3}\n",
            "3:5-11 misplaced `guards` in an environment is not read and has no effect | \
             put `guards` below `optimization` of the environment as `autoscaling.guards`",
        ),
        (
            "environments:\n  dev:\n    max_executors: 8\n",
            "3:5-18 misplaced `max_executors` in an environment is not read and has no effect | \
             put `max_executors` below `optimization` of the environment",
        ),
        (
            "environments:\n  dev: {}\nmax_executors: 8\n",
            "3:1-14 misplaced `max_executors` at the top of the file is not read and has no effect | \
             put `max_executors` below `global_optimization`, or below `optimization` of an environment",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
        let (file, diagnostics) = parse("policy.yaml", text);
        assert_eq!(diagnostics[0].severity, Severity::Warning);
        file.resolve(None, &[]).unwrap();
    }
    // The same names with other content are of others.
    for foreign in [
        "environments:\n  dev:\n    pipeline: {steps: 3}\n    rules: strict\n    tests: {unit: yes}\n",
        "environments:\n  dev: {}\nmonitoring: {dashboards: []}\noptimization: none\n",
    ] {
        assert_eq!(problems(foreign), [""; 0], "{foreign}");
    }
    assert_eq!(problems(""), [""; 0]);
    assert_eq!(problems("# nothing\n"), [""; 0]);
}

#[test]
fn syntax() {
    for (text, expected) in [
        (
            "global_optimization:\n\tautoscaling:\n",
            "2:1-2 tab a tab stands where YAML needs spaces | replace each tab with two spaces",
        ),
        (
            "global_optimization:\n  table_prefix: 'abc\n",
            "2:17-18 syntax a quoted text is not closed | add the missing quotation mark",
        ),
        ("global_optimization: {max_executors: 8\n", "1:22-23 syntax `{` is not closed | add the missing bracket"),
        (
            "global_optimization:\n  autoscaling:\n    max_executors: 8\n   min_executors: 2\n",
            "4:4-5 syntax the indentation doesn't fit the lines before | keys of one section begin in the same column",
        ),
        (
            "global_optimization:\n  max_executors: 8: 9\n",
            "2:19-20 syntax a `key: value` can't stand here | begin it on a line of its own, or quote a text that has a colon",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "2:1-4 second_document a second document begins here; a policy is one document | \
             remove this line and what follows, or keep it in a file of its own",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
        let (file, _) = parse("policy.yaml", text);
        assert!(file.resolve(None, &[]).is_err());
    }
}

/// One look at a file shows all that is wrong, also before a place where reading stopped.
#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text = "default_environment: prod
global_optimization:
  autoscaling: {max_executers: 8, min_executors: zero}
environments:
  dev:
    optimization:
      enable_caching: maybe
    optimization: {
";
    let lines: Vec<usize> = parse("policy.yaml", text).1.iter().map(|d| d.line).collect();
    assert_eq!(lines, [3, 3, 7, 8, 8]);
}

#[test]
fn diagnostics_are_data() {
    let (_, diagnostics) = parse("p.yaml", "global_optimization:\n  max_executors: 0\n");
    assert_eq!(
        serde_json::to_value(&diagnostics).unwrap(),
        serde_json::json!([{
            "file": "p.yaml",
            "severity": "error",
            "code": "out_of_range",
            "message": "`autoscaling.max_executors` is `0`; the minimum is 1",
            "line": 2,
            "column": 18,
            "end_line": 2,
            "end_column": 19,
            "path": "global_optimization.max_executors",
            "expected": "a whole number from 1 to 100000 (executors)",
            "found": "`0`",
            "help": "the nearest valid value is `1`",
            "excerpt": "  max_executors: 0",
            "excerpt_column": 1,
        }])
    );
}
