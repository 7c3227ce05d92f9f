//! Which layer wins, and where it stands in the file.

use sparkwright_core::policy::Layer;
use sparkwright_core::units::{Bytes, GIB, MIB};
use sparkwright_policy::{Location, Override, digest, parse, resolved_digest};

use crate::{brief, good, resolved};

const FILE: &str = "default_environment: prod
global_optimization:
  autoscaling:
    max_executors: 30
    target_executor_memory: 8g
    guards:
      cooldown_seconds: 60
environments:
  prod:
    optimization:
      autoscaling:
        max_executors: 40
  dev:
  test:
    optimization:
";

#[test]
fn higher_layers_win_and_are_named() {
    let file = good(FILE);
    let max = |environment, overrides: &[&str]| {
        let overrides: Vec<Override> = overrides.iter().map(|text| Override::parse(text)).collect();
        let policy = file.resolve(environment, &overrides).unwrap();
        let path = "autoscaling.max_executors";
        (policy.autoscaling.max_executors, policy.origins[path])
    };
    assert_eq!(max(Some("dev"), &[]), (30, Layer::Global));
    assert_eq!(max(Some("test"), &[]), (30, Layer::Global));
    assert_eq!(max(Some("prod"), &[]), (40, Layer::Environment));
    assert_eq!(max(None, &[]), (40, Layer::Environment));
    assert_eq!(max(None, &["autoscaling.max_executors=50"]), (50, Layer::Override));
    assert_eq!(max(None, &["max_executors=50", "{autoscaling: {max_executors: 60}}"]), (60, Layer::Override));

    let policy = file.resolve(None, &[]).unwrap();
    assert_eq!(policy.guards.cooldown_seconds, 60);
    assert_eq!(policy.origins["autoscaling.guards.cooldown_seconds"], Layer::Global);
    assert_eq!(policy.autoscaling.target_executor_memory, Some(Bytes::gib(8)));
    assert!(!policy.origins.contains_key("autoscaling.min_executors"));
}

#[test]
fn every_value_knows_its_place() {
    let file = good(FILE);
    let at = |environment, path| file.location(environment, path);
    let place = |line, column| Location { line, column };
    assert_eq!(at(Some("dev"), "autoscaling.max_executors"), Some((Layer::Global, place(4, 20))));
    assert_eq!(at(None, "autoscaling.max_executors"), Some((Layer::Environment, place(12, 24))));
    assert_eq!(at(None, "autoscaling.guards.cooldown_seconds"), Some((Layer::Global, place(7, 25))));
    assert_eq!(at(None, "autoscaling.min_executors"), None);
    assert_eq!(at(None, "no.such"), None);
}

#[test]
fn a_layer_tells_what_it_writes_itself() {
    let file = good(&FILE.replace("  test:\n    optimization:\n", "  test:\n    optimization: {max_executors: 50}\n"));
    let written = |environment, path| file.written(environment, path).map(|it| (it.path.to_owned(), it.value.clone()));
    let most = "autoscaling.max_executors";
    let at = |path: &str, value: u64| Some((path.to_owned(), value.into()));
    assert_eq!(written(None, most), at("global_optimization.autoscaling.max_executors", 30));
    assert_eq!(written(Some("prod"), most), at("environments.prod.optimization.autoscaling.max_executors", 40));
    assert_eq!(written(Some("test"), most), at("environments.test.optimization.max_executors", 50));
    let memory = written(None, "autoscaling.target_executor_memory");
    assert_eq!(memory, at("global_optimization.autoscaling.target_executor_memory", 8 * GIB), "as it is resolved");
    // Neither what a layer below writes, nor what the environment would be that holds where none is asked for.
    assert_eq!(written(Some("dev"), most), None);
    assert_eq!(written(Some("prod"), "autoscaling.target_executor_memory"), None);
    assert_eq!(written(Some("elsewhere"), most), None);
    assert_eq!(written(None, "no.such"), None);
}

#[test]
fn without_an_environment_the_global_layer_holds() {
    let file = good(&FILE.replace("default_environment: prod\n", ""));
    let policy = file.resolve(None, &[]).unwrap();
    assert_eq!(policy.environment, "");
    assert_eq!(policy.autoscaling.max_executors, 30);
}

#[test]
fn an_error_elsewhere_is_no_hindrance() {
    let text = FILE.replace("max_executors: 40", "max_executors: many");
    let (file, diagnostics) = parse("policy.yaml", &text);
    assert_eq!(diagnostics.len(), 1);
    file.resolve(Some("dev"), &[]).unwrap();
    let problems = file.resolve(Some("prod"), &[]).unwrap_err();
    assert_eq!(problems, diagnostics);
}

#[test]
fn an_unknown_environment_lists_the_known() {
    let file = good(FILE);
    let problems = file.resolve(Some("prd"), &[]).unwrap_err();
    assert_eq!(brief(&problems), ["8:1-13 unknown_environment unknown environment `prd`"]);
    assert_eq!(problems[0].help, "did you mean `prod`? known are `prod`, `dev` or `test`");
    let problems = good("{}").resolve(Some("prod"), &[]).unwrap_err();
    assert_eq!(brief(&problems), ["0:0-0 unknown_environment unknown environment `prod`"]);
    assert_eq!(problems[0].help, "this file has no environments");
}

#[test]
fn memory_is_written_as_spark_writes_it() {
    for (text, bytes) in [
        ("4g", 4 * GIB),
        ("512m", 512 * MIB),
        ("1572864k", 1536 * MIB),
        ("1073741824", GIB),
        ("'4g'", 4 * GIB),
        ("6GB", 6 * GIB),
    ] {
        let policy = resolved(&format!("global_optimization: {{target_driver_memory: {text}}}"), None);
        assert_eq!(policy.autoscaling.target_driver_memory, Some(Bytes(bytes)), "{text}");
    }
    let policy = resolved("global_optimization: {target_driver_memory: null}", None);
    assert_eq!(policy.autoscaling.target_driver_memory, None);
    assert_eq!(policy.origins["autoscaling.target_driver_memory"], Layer::Global);
}

#[test]
fn anchors_and_merge_keys_work() {
    let policy = resolved(
        "global_optimization: &base
  autoscaling: &scaling {min_executors: 3, max_executors: 9}
environments:
  prod:
    optimization:
      <<: *base
      temp_tables: {enable_caching: false}
      autoscaling: {<<: *scaling, max_executors: 12}
",
        Some("prod"),
    );
    assert_eq!(policy.autoscaling.min_executors, 3);
    assert_eq!(policy.autoscaling.max_executors, 12);
    assert!(!policy.temp_tables.enable_caching);
}

#[test]
fn a_file_may_pin_the_module() {
    let pin = "AB".repeat(32);
    let file = good(&format!("policy_module: {{sha256: {pin}}}"));
    assert_eq!(file.module_sha256(), Some("ab".repeat(32).as_str()));
    assert_eq!(good("{}").module_sha256(), None);
}

#[test]
fn digests_name_the_bytes_and_what_they_mean() {
    let (short, long) = (
        "global_optimization: {max_executors: 9}",
        "# nine\nglobal_optimization:\n  autoscaling:\n    max_executors: 9\n",
    );
    assert_eq!(good(short).raw_digest(), digest(short.as_bytes()));
    assert_ne!(good(short).raw_digest(), good(long).raw_digest());
    let resolved_of = |text| resolved_digest(&resolved(text, None));
    assert_eq!(resolved_of(short), resolved_of(long));
    assert_ne!(resolved_of(short), resolved_of("{}"));
    // -0 is 0, and 9 is 9.0.
    assert_eq!(
        resolved_of("global_optimization: {dead_band_up: -0.0}"),
        resolved_of("global_optimization: {dead_band_up: 0}")
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_make_no_difference() {
    let text = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    let file = good(&text);
    assert_eq!(
        file.location(None, "autoscaling.max_executors"),
        Some((Layer::Environment, Location { line: 12, column: 24 }))
    );
}
