//! Bad input gets one clear error and exit code 2, and nothing is started.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;

use support::{Scene, program};

/// Runs `sparkwright` and gives its standard error; it must end with 2, print nothing and leave no record.
fn refused(scene: &Scene, arguments: &[&str]) -> String {
    let outcome = scene.sparkwright().args(arguments).run().unwrap();
    assert_eq!(outcome.code(), Some(2), "{arguments:?}\n{}", outcome.stderr);
    assert_eq!(outcome.stdout, "", "{arguments:?}");
    assert!(!scene.runs().exists() && !scene.path("runs").exists(), "{arguments:?} left a record");
    outcome.stderr
}

#[test]
fn no_such_policy() {
    let scene = Scene::new();
    let error = refused(&scene, &["submit", "--policy", "absent.yaml", &program("exits.py"), "fine"]);
    assert!(error.contains("absent.yaml") && error.contains("No such file"), "{error}");
}

#[test]
fn a_yaml_error_with_its_place() {
    let scene = Scene::new();
    fs::write(scene.path("p.yaml"), "environments:\n  production:\n    optimization: {autoscaling: [\n").unwrap();
    let error = refused(&scene, &["submit", "--policy", "p.yaml", &program("exits.py"), "fine"]);
    assert!(error.contains("p.yaml:"), "no place: {error}");
}

#[test]
fn a_wrong_value_with_its_line_excerpt_and_what_is_wanted() {
    let scene = Scene::new();
    fs::write(
        scene.path("p.yaml"),
        "environments:\n  production:\n    optimization:\n      autoscaling:\n        max_exekutors: 8\n",
    )
    .unwrap();
    let error = refused(&scene, &["submit", "--policy", "p.yaml", &program("exits.py"), "fine"]);
    for part in ["p.yaml:5:", "max_exekutors: 8", "max_executors"] {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
}

#[test]
fn an_unknown_environment_lists_the_known() {
    let scene = Scene::new();
    let error = refused(&scene, &["submit", "--environment", "prod", &program("exits.py"), "fine"]);
    for part in ["prod", "development", "staging", "production"] {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
}

#[test]
fn an_unreadable_application() {
    let scene = Scene::new();
    let error = refused(&scene, &["submit", "--master", "local[1]", "absent.py", "x"]);
    assert!(error.contains("absent.py") && error.contains("help"), "{error}");
}

#[test]
fn no_spark_says_how_to_get_it() {
    let scene = Scene::new();
    let outcome = scene
        .sparkwright()
        .env("SPARK_HOME", "")
        .env("PATH", "/nowhere")
        .args(["submit", &program("exits.py"), "fine"])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(2));
    assert!(
        outcome.stderr.contains("no Spark was found") && outcome.stderr.contains("pip install pyspark"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn no_java_says_how_to_get_it() {
    let scene = Scene::new();
    let outcome = scene
        .sparkwright()
        .env("JAVA_HOME", "")
        .env("PATH", "/nowhere")
        .args(["submit", &program("exits.py"), "fine"])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(2));
    assert!(outcome.stderr.contains("no Java was found") && outcome.stderr.contains("Java 17"), "{}", outcome.stderr);
}

#[test]
fn a_module_that_is_no_policy_module_is_refused_before_anything_starts() {
    let scene = Scene::new();
    for (name, wat, part) in [
        ("imports.wasm", r#"(module (import "env" "now" (func)) (memory (export "memory") 1))"#, "import"),
        ("empty.wasm", "(module)", "memory"),
    ] {
        fs::write(scene.path(name), wat::parse_str(wat).unwrap()).unwrap();
        let error = refused(&scene, &["submit", "--module", name, &program("exits.py"), "fine"]);
        assert!(error.contains(part), "{name}: {error}");
        let inspected = scene.sparkwright().args(["inspect", name]).run().unwrap();
        assert_eq!(inspected.code(), Some(2));
        assert!(inspected.stdout.contains("REFUSED"), "{}", inspected.stdout);
    }
}

#[test]
fn a_policy_that_pins_another_module_is_refused() {
    let scene = Scene::new();
    let pin = "0".repeat(64);
    fs::write(
        scene.path("p.yaml"),
        format!("policy_module: {{sha256: \"{pin}\"}}\nenvironments: {{production: {{optimization: {{}}}}}}\n"),
    )
    .unwrap();
    let error =
        refused(&scene, &["submit", "--policy", "p.yaml", "--environment", "production", &program("exits.py"), "fine"]);
    assert!(error.contains(&pin[..12]), "{error}");
}

#[test]
fn check_ends_with_2_on_errors_and_0_on_the_default_policy() {
    let scene = Scene::new();
    fs::write(
        scene.path("p.yaml"),
        "environments: {a: {optimization: {autoscaling: {min_executors: 9, max_executors: 3}}}}\n",
    )
    .unwrap();
    let outcome = scene.sparkwright().args(["check", "p.yaml"]).run().unwrap();
    assert_eq!(outcome.code(), Some(2), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("min_executors"), "{}", outcome.stdout);
    let fine = scene.sparkwright().arg("check").arg(sparkwright_tests::paths::policy()).run().unwrap();
    assert_eq!(fine.code(), Some(0), "{}", fine.stdout);
}

#[test]
fn a_run_that_the_policy_forbids_does_not_begin() {
    let scene = Scene::new();
    fs::write(
        scene.path("p.yaml"),
        "rules:\n  - name: freeze\n    when: labels.team == 'risk'\n    deny: no releases this week\n",
    )
    .unwrap();
    let submit = ["submit", "--policy", "p.yaml", "--label", "team=risk", &program("exits.py"), "fine"];
    let error = refused(&scene, &submit);
    assert!(error.contains("the policy forbids this run: no releases this week (rule `freeze`)"), "{error}");
    assert!(error.contains("--mode shadow"), "{error}");
}
