//! `config.yaml`: right, complete, and the design's table.

use sparkwright_core::by_name::ByName;
use sparkwright_core::policy::{ResolvedPolicy, keys};
use sparkwright_policy::{DEFAULT_POLICY, Override, built_in, canonical};

use crate::{good, resolved};

/// The values of the table in the design: key, then development, staging, production, built-in.
const TABLE: [(&str, [&str; 4]); 7] = [
    ("autoscaling.enable_autoscaling", ["false", "true", "true", "true"]),
    ("autoscaling.min_executors", ["1", "2", "4", "2"]),
    ("autoscaling.max_executors", ["4", "10", "20", "20"]),
    ("autoscaling.target_processing_time_minutes", ["15.0", "45.0", "60.0", "30.0"]),
    ("temp_tables.enable_caching", ["false", "true", "true", "true"]),
    ("temp_tables.max_table_age_hours", ["2.0", "6.0", "24.0", "12.0"]),
    ("pipeline.optimization_target", ["\"speed\"", "\"balanced\"", "\"quality\"", "\"balanced\""]),
];

fn value(policy: &ResolvedPolicy, path: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(&canonical(policy)).unwrap();
    let (section, name) = path.rsplit_once('.').unwrap();
    json[section.rsplit('.').next().unwrap()][name].to_string()
}

#[test]
fn the_table_of_the_design_holds() {
    let file = good(DEFAULT_POLICY);
    assert!(file.environments().eq(["development", "staging", "production"]));
    assert_eq!(file.default_environment(), Some("development"));
    assert_eq!(file.module_sha256(), None);
    for (path, row) in TABLE {
        for (environment, expected) in ["development", "staging", "production"].iter().zip(row) {
            let policy = file.resolve(Some(environment), &[]).unwrap();
            assert_eq!(value(&policy, path), expected, "{environment} {path}");
        }
        assert_eq!(built_in(path).unwrap().to_string(), row[3], "{path}");
    }
    // And nothing but the table.
    for environment in ["development", "staging", "production"] {
        let policy = file.resolve(Some(environment), &[]).unwrap();
        assert_eq!(policy.origins.len(), TABLE.len(), "{environment}");
        policy.validate().unwrap();
    }
    assert_eq!(file.resolve(None, &[]), file.resolve(Some("development"), &[]));
}

/// The keys in the file's comments (`#key: value`) are all keys there are, and their values the built-in defaults.
#[test]
fn every_key_is_there_with_its_default() {
    let (before, global) = DEFAULT_POLICY.split_once("\nglobal_optimization:").unwrap();
    let uncommented: String = global
        .lines()
        .map(|line| {
            let text = line.trim_start();
            let is_default =
                text.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            let line = if is_default { line.replacen('#', "", 1) } else { line.to_owned() };
            line + "\n"
        })
        .collect();
    let policy = resolved(&format!("global_optimization:{uncommented}"), None);
    let set: Vec<&str> = policy.origins.keys().map(String::as_str).collect();
    let mut all: Vec<String> = keys().map(|key| key.path()).collect();
    all.sort();
    assert_eq!(set, all);
    assert_eq!(ResolvedPolicy { origins: ByName::new(), ..policy }, ResolvedPolicy::default());
    for key in keys() {
        assert!(
            global.contains(&format!("# {}", key.doc.trim())),
            "the meaning of {} is not that of the key table",
            key.path()
        );
    }
    // The pin in the comments is one that is understood.
    let pinned = before.replace("#policy_module", "policy_module");
    let pinned = pinned.replace("#  sha256", "  sha256");
    assert_eq!(good(&pinned).module_sha256(), Some("0".repeat(64).as_str()));
}

#[test]
fn every_key_can_be_set() {
    let file = good(DEFAULT_POLICY);
    for key in keys() {
        let default = built_in(&key.path()).unwrap();
        let change = Override::parse(&format!("{}={default}", key.path()));
        assert_eq!(change.diagnostics(), [], "{}", key.path());
        assert!(change.paths().eq([key.path()]));
        file.resolve(Some("production"), &[change]).unwrap();
    }
}
