//! Programs that broke a promise once, as they were reported (`tests/reported`): on both Sparks each ends under `sparkwright submit`, whatever is
//! kept, as it ends under `spark-submit`. Their kinds and relatives have tests of their own (`faults.rs` names them).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use sparkwright_tests::unsteered;
use sparkwright_tests::venv::SparkLine;
use support::{Scene, faults, own_lines};

const MASTER: [&str; 4] = ["--master", "local[2]", "--driver-memory", "2g"];
const EAGER: [&str; 2] = ["--set", "temp_tables.cache_strategy=always"];
const KRYO: [&str; 4] = [
    "--conf",
    "spark.serializer=org.apache.spark.serializer.KryoSerializer",
    "--conf",
    "spark.kryo.registrationRequired=true",
];
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs a program of `tests/reported`, which prints so many lines, on both Sparks: alone, and steered by each policy.
fn ends_as_alone(options: &[&str], program: &[&str], policies: &[&[&str]], lines: usize) {
    let reported = unsteered::copy_of("tests/reported").unwrap();
    for spark in SparkLine::ALL {
        let line = |_: &Path| {
            let (name, arguments) = program.split_first().unwrap();
            let program = reported.join(name).display().to_string();
            [program].into_iter().chain(arguments.iter().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let options = [MASTER.as_slice(), options].concat();
        let scene = Scene::on(spark);
        let (alone, kept) = scene.alone_once(&options, line, |_| {}, DEADLINE);
        assert_eq!(alone.code(), Some(0), "kept in {}, remove it to run anew\n{}", kept.display(), alone.stderr);
        assert_eq!(own_lines(&alone).len(), lines, "{}", alone.stdout);
        for &policy in policies {
            let scene = Scene::on(spark);
            let scratch = scene.path("scratch");
            fs::create_dir(&scratch).unwrap();
            let steered = scene.steered(policy).args(&options).args(line(&scratch)).env("TMPDIR", &scratch);
            let outcome = steered.deadline(DEADLINE).run().unwrap();
            let case = format!("{} {policy:?} {}", spark.name(), outcome.stderr);
            assert_eq!((outcome.code(), own_lines(&outcome)), (alone.code(), own_lines(&alone)), "{case}");
            let record = scene.record();
            assert_eq!((&record["state"], faults(&record).as_str()), (&"ended".into(), ""), "{case}");
            // A query was steered, if only by leaving it alone: streams, and RDDs that the program holds, are.
            assert!(record["totals"]["questions"].as_u64() > Some(0), "{case}\n{:#}", record["totals"]);
        }
    }
}

#[test]
fn a_column_that_fails_and_that_nobody_asks_for() {
    ends_as_alone(&[], &["pruned_column_fails.py"], &[&[], &EAGER], 5);
}

#[test]
fn text_whose_rows_depend_on_the_columns_asked_for() {
    ends_as_alone(&[], &["csv_pruned_rows.py"], &[&[]], 5);
    ends_as_alone(&[], &["csv_pruned_rows.py", "FAILFAST"], &[&[]], 5);
}

#[test]
fn a_program_that_reads_a_few_rows_and_stops() {
    ends_as_alone(&[], &["partial_rows.py"], &[&EAGER], 3);
}

#[test]
fn files_that_can_t_be_read_for_a_while() {
    ends_as_alone(&[], &["failed_fill.py"], &[&EAGER], 5);
}

#[test]
fn numbers_that_are_none() {
    ends_as_alone(&[], &["nan_bounds.py"], &[&[]], 6);
}

#[test]
fn an_object_that_is_asked_again() {
    ends_as_alone(&[], &["same_object_stale.py"], &[&[]], 2);
}

#[test]
fn a_file_whose_time_was_put_back() {
    ends_as_alone(&[], &["kept_mtime_stale.py"], &[&[]], 2);
}

#[test]
fn the_checkpoint_of_a_streaming_query() {
    ends_as_alone(&[], &["stream_checkpoint_pinned.py"], &[&[]], 2);
}

#[test]
fn kryo_that_insists_on_registered_classes() {
    ends_as_alone(&KRYO, &["kryo_registration.py"], &[&EAGER], 6);
}
