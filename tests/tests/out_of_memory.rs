//! Applications that die for want of memory, each of another one: what more can cure ends well on another attempt, and what none cures is told at once.
//!
//! In a long run (`cargo xtask soak`) all of them, on Spark 3.5 as well; else one of the driver's, one of a limit of the user's, and one that nothing cures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use sparkwright_tests::unsteered;
use sparkwright_tests::venv::SparkLine;
use support::{Scene, program};

/// How a kind ends.
#[derive(Clone, Copy)]
enum End {
    /// With this last line, after another attempt which is told of with these words.
    Cured(&'static str, &'static str),
    /// As it does without retries; it is said why there is none.
    Told(&'static str),
}

struct Kind {
    name: &'static str,
    /// The worker's memory, in MiB.
    machine: u32,
    confs: &'static [&'static str],
    end: End,
    /// Also where tests are to be quick.
    quick: bool,
}

const fn kind(name: &'static str, end: End) -> Kind {
    Kind { name, machine: 4_096, confs: &[], end, quick: false }
}

const HEAP: &str = "with an executor memory of 1 GiB: attempt 2 of 4 has 1.5 GiB";
const DRIVER: &str = "the driver ran out of memory, with a driver memory of 2 GiB: attempt 2 of 4 has 3 GiB";

const KINDS: [Kind; 11] = [
    kind("aggregation", End::Cured("aggregation: 1048579", HEAP)),
    kind("list", End::Cured("list: 900", HEAP)),
    kind("window", End::Cured("window: 1048578", HEAP)),
    kind("arrow", End::Cured("arrow: 1", HEAP)),
    kind("broadcast", End::Cured("broadcast: 999000", DRIVER)),
    Kind { quick: true, ..kind("collect", End::Cured("collect: 1300", DRIVER)) },
    kind("results", End::Cured("results: 12", "and spark.driver.maxResultSize is 1 GiB: attempt 2 of 4 has 14")),
    Kind {
        confs: &["spark.executor.pyspark.memory=600m"],
        ..kind("python_worker", End::Told("spark.executor.pyspark.memory is set by the user"))
    },
    Kind {
        confs: &["spark.memory.offHeap.enabled=true", "spark.memory.offHeap.size=8m", "spark.sql.shuffle.partitions=1"],
        quick: true,
        ..kind("off_heap", End::Told("spark.memory.offHeap.size is set by the user"))
    },
    Kind {
        machine: 1_024,
        confs: &["spark.shuffle.compress=false"],
        ..kind("hot_key", End::Told("and the largest machine has 1 GiB: more memory can't cure that"))
    },
    Kind { quick: true, ..kind("everything", End::Told("more memory can't cure that; write them out")) },
];

/// Whether tests may take long.
fn long() -> bool {
    std::env::var_os(unsteered::AGAIN).is_some_and(|value| !value.is_empty())
}

fn each_ends_as_it_should(spark: SparkLine) {
    for kind in KINDS.iter().filter(|kind| kind.quick || long()) {
        let scene = Scene::on(spark);
        let set = ["memory_scaling_factor=0.5", "max_executors=1", "min_executors=1", "retries_after_out_of_memory=3"];
        let set = set.iter().flat_map(|set| ["--set".to_owned(), format!("autoscaling.{set}")]);
        let submit = scene.steered(set).args(["--master", &format!("local-cluster[1,1,{}]", kind.machine)]);
        let confs = kind.confs.iter().flat_map(|conf| ["--conf", conf]);
        let outcome = submit
            .args(confs)
            .arg(program("out_of_memory.py"))
            .arg(kind.name)
            .deadline(Duration::from_secs(400))
            .run()
            .unwrap();
        let last = outcome.stdout.lines().next_back().unwrap_or_default();
        let said: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("sparkwright: ")).collect();
        let name = format!("{} on {}: {last}: {said:#?}", kind.name, spark.name());
        match kind.end {
            End::Cured(line, words) => {
                assert_eq!((outcome.code(), last), (Some(0), line), "{name}\n{}", outcome.stderr);
                assert!(said.iter().any(|said| said.contains(words)), "{name}");
            }
            End::Told(words) => {
                assert_eq!(outcome.code(), Some(1), "{name}");
                assert!(
                    said.len() == 1
                        && said[0].contains("the application does not run again: ")
                        && said[0].contains(words),
                    "{name}"
                );
            }
        }
        eprintln!(
            "{} on {}: {} attempts, {:.0} s",
            kind.name,
            spark.name(),
            said.len() + 1,
            outcome.wall.as_secs_f64()
        );
    }
}

#[test]
fn on_spark_4() {
    each_ends_as_it_should(SparkLine::Spark4);
}

#[test]
fn on_spark_35() {
    if long() {
        each_ends_as_it_should(SparkLine::Spark35);
    }
}
