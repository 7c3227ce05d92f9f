//! The table of applications: of each kind one, from programs that no Spark engineer would call unusual, gives the same output and exit code under
//! `sparkwright submit`, keeping whatever it uses twice, as under `spark-submit`.
//!
//! | kind | program of `tests/applications` |
//! |---|---|
//! | structured streaming: state, restarts, availableNow, foreachBatch, joins with tables | `streaming.py` |
//! | Python, Arrow and pandas functions, grouped maps, functions that return tables | `python_functions.py` |
//! | RDDs, checkpoints, accumulators | `rdds.py` |
//! | MLlib with checkpoints, trees, ALS, cross-validation | `ml.py` |
//! | ten threads in FAIR pools, `newSession`, cancelled jobs, a second context after `stop()` | `sessions.py` |
//! | 2,000 columns, 300 unions, the program's own cache | `plans.py` |
//! | `spark-sql` | `queries.sql` |
//! | `spark-shell` | `shell.scala` |
//! | a Scala application in a jar, which ends by an exception | `Jar.scala` |
//! | the Thrift server with two JDBC clients | `thrift.py` |
//! | the TPC-DS queries | `tpcds.py`, in `tpcds.rs` |
//! | Spark Connect | `host/python/tests/test_connect.py`, `test_tables_connect.py` |
//!
//! `cargo xtask soak` runs each with `--mode off` too, and on Spark 3.5. The times are printed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use sparkwright_tests::application::Outcome;
use sparkwright_tests::java::Java;
use sparkwright_tests::unsteered;
use sparkwright_tests::venv::SparkLine;
use support::{Scene, own_lines, venv_of};

const EAGER: [&str; 2] = ["--set", "temp_tables.cache_strategy=always"];
const MASTER: [&str; 4] = ["--master", "local[2]", "--driver-memory", "2g"];
/// How lines begin that are another each time: what PySpark 4.3 logs of an error, and where the shell's context is.
const ANOTHER_EACH_TIME: [&str; 2] = ["{\"ts\":", "Spark context "];
const DEADLINE: Duration = Duration::from_secs(600);

/// A file of `tests/applications`.
fn file(name: &str) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| unsteered::copy_of("tests/applications").unwrap());
    folder.join(name).display().to_string()
}

/// A PySpark program, with more options of `spark-submit`, whose folder is its argument.
fn python(options: &[&str], name: &str) -> impl Fn(&Path) -> Vec<String> {
    let before: Vec<String> = options.iter().map(ToString::to_string).collect();
    let program = file(name);
    move |folder| {
        let mut line = before.clone();
        line.extend([program.clone(), folder.join("work").display().to_string()]);
        line
    }
}

/// The application's own lines; its folder is not its own.
fn comparable(outcome: &Outcome, folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let own =
        own_lines(outcome).into_iter().filter(|line| ANOTHER_EACH_TIME.iter().all(|begin| !line.starts_with(begin)));
    own.map(|line| line.replace(&folder, "<folder>")).collect()
}

/// The Sparks and the modes of a run: in long ones Spark 3.5 too, and a host that decides nothing.
fn extent() -> (&'static [SparkLine], &'static [&'static str]) {
    let long = std::env::var_os(unsteered::AGAIN).is_some_and(|value| !value.is_empty());
    if long { (&SparkLine::ALL, &["off", "act"]) } else { (&[SparkLine::Spark4], &["act"]) }
}

/// Runs an application alone and steered.
fn same_as_alone(arguments: impl Fn(&Path) -> Vec<String>, code: i32, steers: bool) {
    for &spark in extent().0 {
        same_on(spark, &arguments, code, steers);
    }
}

/// The same on one Spark; says how long each took.
fn same_on(spark: SparkLine, arguments: &impl Fn(&Path) -> Vec<String>, code: i32, steers: bool) {
    let scene = Scene::on(spark);
    let (alone, kept) = scene.alone_once(&MASTER, arguments, |_| {}, DEADLINE);
    assert_eq!(alone.code(), Some(code), "kept in {}, remove it to run anew\n{}", kept.display(), alone.stderr);
    let wanted = comparable(&alone, &kept);
    assert!(wanted.len() >= 8, "it says too little to be compared: {wanted:#?}");
    let mut times = vec![format!("{}: alone {:.1} s", spark.name(), alone.wall.as_secs_f64())];
    for &mode in extent().1 {
        let place = scene.path(mode);
        fs::create_dir(&place).unwrap();
        let options = EAGER.into_iter().chain(["--mode", mode]);
        let line = scene.steered(options).args(MASTER).args(arguments(&place));
        let outcome = line.in_folder(&place).deadline(DEADLINE).run().unwrap();
        let found = comparable(&outcome, &place);
        let differs = wanted.iter().zip(&found).find(|(one, other)| one != other);
        assert!(
            wanted == found,
            "{} {mode}: {differs:#?}, {} and {} lines\n{}",
            spark.name(),
            wanted.len(),
            found.len(),
            outcome.stderr
        );
        assert_eq!(outcome.code(), Some(code), "{} {mode}: {}", spark.name(), outcome.stderr);
        times.push(format!("{mode} {:.1} s", outcome.wall.as_secs_f64()));
    }
    let record = scene.record();
    assert_eq!(record["state"], "ended");
    assert_eq!(record["faults"].as_array().map_or(0, Vec::len), 0, "{:#}", record["faults"]);
    let of_queries = record["decisions"].as_array().unwrap().iter().filter(|it| it["point"] == "plan_query").count();
    assert!(!steers || of_queries > 0, "no query was steered: the comparison says nothing");
    let plans = record["cached_plans"].as_array().map_or(0, Vec::len);
    eprintln!("{}, {of_queries} decisions of queries, {plans} plans kept", times.join(", "));
}

#[test]
fn structured_streaming() {
    same_as_alone(python(&[], "streaming.py"), 0, true);
}

#[test]
fn python_functions() {
    same_as_alone(python(&[], "python_functions.py"), 0, true);
}

#[test]
fn rdds() {
    same_as_alone(python(&[], "rdds.py"), 0, true);
}

#[test]
fn mllib() {
    same_as_alone(python(&[], "ml.py"), 0, true);
}

#[test]
fn threads_sessions_and_contexts() {
    same_as_alone(python(&["--conf", "spark.scheduler.mode=FAIR"], "sessions.py"), 0, true);
}

#[test]
fn wide_and_deep_plans() {
    same_as_alone(python(&[], "plans.py"), 0, true);
}

#[test]
fn the_thrift_server() {
    same_as_alone(python(&[], "thrift.py"), 0, true);
}

#[test]
fn spark_sql() {
    let script = file("queries.sql");
    let line = |_: &Path| {
        let class = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver";
        ["--class", class, "spark-internal", "-f", &script].map(str::to_owned).to_vec()
    };
    same_as_alone(line, 1, true);
}

#[test]
fn spark_shell() {
    let script = file("shell.scala");
    let line = |folder: &Path| {
        let folder = format!("spark.application.folder={}", folder.display());
        let class =
            ["--conf", "spark.driver.extraJavaOptions=-Dscala.usejavacp=true", "--class", "org.apache.spark.repl.Main"];
        let words = class.into_iter().chain(["--conf", &folder, "spark-shell", "-i", &script]);
        words.map(str::to_owned).collect()
    };
    same_as_alone(line, 5, true);
}

#[test]
fn a_scala_jar() {
    for &spark in extent().0 {
        let built = Scene::new();
        let classes = built.path("classes");
        fs::create_dir(&classes).unwrap();
        let (java, jars) = (Java::find().unwrap(), venv_of(spark).spark_home().join("jars/*"));
        // Spark brings the compiler of its own Scala, for its shell.
        let mut compile = Command::new(java.tool("java"));
        compile
            .arg("-cp")
            .arg(&jars)
            .args(["scala.tools.nsc.Main", "-usejavacp", "-d"])
            .arg(&classes)
            .arg(file("Jar.scala"));
        let mut pack = Command::new(java.kit_tool("jar").unwrap());
        // Where the application runs alone only once, its jar has the same name each time.
        let jar = built.path("application.jar");
        pack.arg("cf").arg(&jar).arg("-C").arg(&classes).arg(".");
        for command in [&mut compile, &mut pack] {
            let outcome = command.output().unwrap();
            assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        }
        let line = |folder: &Path| {
            let at = folder.join("application.jar");
            if folder.is_dir() {
                fs::copy(&jar, &at).unwrap();
            }
            let words =
                ["--class".into(), "Jar".into(), at.display().to_string(), folder.join("work").display().to_string()];
            words.to_vec()
        };
        same_on(spark, &line, 1, true);
    }
}

#[test]
fn a_plugin_of_the_program_s_own() {
    let scene = Scene::new();
    let outcome = scene.steered::<&str>([]).args(MASTER).arg(file("plugins.py")).run().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("plugins: org.apache.spark.sql.connect.SparkConnectPlugin\nrows: [[1, 1000]]"),
        "{}",
        outcome.stdout
    );
    let told: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("Sparkwright")).collect();
    assert!(
        matches!(&told[..], [line] if line.contains("WARN") && line.contains("spark.plugins")),
        "{}",
        outcome.stderr
    );
    let faults = support::faults(&scene.record());
    assert!(faults.contains("spark.plugins"), "{faults}");
}
