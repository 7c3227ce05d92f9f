//! `sparkwright clean`, as a person or a script runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::Scene;

const SESSION: &str = "0123456789abcdef";

/// A warehouse of a dead session with one table, and a table that is nobody's.
fn warehouse(scene: &Scene, name: &str) -> PathBuf {
    let warehouse = scene.path(name);
    fs::create_dir_all(warehouse.join(".sparkwright")).unwrap();
    let lease = json!({"session": SESSION, "prefix": "tmp_", "application": "app-1\u{1b}[31m", "pid": 7, "host": "h", "started_ms": 1, "locked": true});
    fs::write(warehouse.join(format!(".sparkwright/{SESSION}.lease")), lease.to_string()).unwrap();
    for table in [format!("tmp_{SESSION}_1_a"), "orders".to_owned()] {
        fs::create_dir(warehouse.join(&table)).unwrap();
        fs::write(warehouse.join(&table).join("part-0.parquet"), [0; 2048]).unwrap();
    }
    warehouse
}

#[test]
fn it_says_what_would_go_and_then_removes_it() {
    let scene = Scene::new();
    let warehouse = warehouse(&scene, "spark-warehouse");
    let dry = scene.sparkwright().args(["clean", "--dry-run"]).run().unwrap();
    assert_eq!((dry.code(), dry.stderr.as_str()), (Some(0), ""), "{}", dry.stdout);
    assert!(dry.stdout.contains(&format!("tmp_{SESSION}_1_a, 2.0 KiB in 1 file: would be removed")), "{}", dry.stdout);
    assert!(!dry.stdout.contains('\u{1b}'), "what a lease says reaches a terminal escaped: {:?}", dry.stdout);
    assert!(warehouse.join(format!("tmp_{SESSION}_1_a")).exists());
    let done = scene.sparkwright().args(["clean"]).run().unwrap();
    assert_eq!(done.code(), Some(0));
    assert!(
        done.stdout.ends_with("spark-warehouse: 1 dead session, 0 live; 2.0 KiB in 1 file removed\n"),
        "{}",
        done.stdout
    );
    assert!(!warehouse.join(format!("tmp_{SESSION}_1_a")).exists() && warehouse.join("orders").exists());
}

#[test]
fn scripts_get_json_and_exit_codes() {
    let scene = Scene::new();
    let warehouse = warehouse(&scene, "elsewhere");
    fs::write(warehouse.join(".sparkwright/ffffffffffffffff.lease"), "{").unwrap();
    let outcome = scene.sparkwright().args(["clean", "--json", "--warehouse", "elsewhere"]).run().unwrap();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(outcome.code(), Some(1), "one lease is none: {report}");
    assert_eq!((&report["files"], &report["bytes"], &report["dry_run"]), (&json!(1), &json!(2048), &json!(false)));
    assert_eq!(
        report["sessions"][0]["folders"][0],
        json!({"name": format!("tmp_{SESSION}_1_a"), "files": 1, "bytes": 2048, "removed": true, "error": null})
    );
    assert_eq!(report["sessions"][1]["state"], "unreadable");
    assert!(report["problems"][0].as_str().unwrap().starts_with(".sparkwright/ffffffffffffffff.lease: "), "{report}");
}

#[test]
fn what_is_no_warehouse_is_told_with_the_next_step() {
    let scene = Scene::new();
    fs::write(scene.path("file"), "").unwrap();
    for (arguments, told) in [
        (&["clean"][..], "there is no spark-warehouse in this folder"),
        (&["clean", "--warehouse", "absent"], "there is no folder absent"),
        (&["clean", "--warehouse", "file"], "file is a file, not a folder"),
        (&["clean", "--warehouse", "s3a://bucket/warehouse"], "is an address, not a folder"),
        (&["clean", "--warehouse", "file:/data"], "write the path alone"),
        (&["clean", "--unlocked-after", "-1"], "--unlocked-after"),
    ] {
        let outcome = scene.sparkwright().args(arguments).run().unwrap();
        assert_eq!((outcome.code(), outcome.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(told), "{arguments:?}: {}", outcome.stderr);
    }
    let help = scene.sparkwright().args(["clean", "--help"]).run().unwrap();
    for part in ["--dry-run", "spark.sql.warehouse.dir", "Exit codes: 0 nothing is left"] {
        assert!(help.stdout.contains(part), "no `{part}` in: {}", help.stdout);
    }
}
