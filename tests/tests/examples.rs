//! Spark's own example programs give the same output and exit code under `sparkwright submit` as under `spark-submit`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use sparkwright_tests::application::{Application, Outcome};
use support::{Scene, own_lines, venv};

/// The examples, with their arguments, as far as they give the same each time (many of `ml/` split their data at random).
/// `sql/datasource.py` ends with 1: it writes the folder `output` twice.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("pi.py", &["4"]),
    ("sort.py", &["examples/src/main/resources/numbers.txt"]),
    ("wordcount.py", &["examples/src/main/resources/people.txt"]),
    ("sql/basic.py", &[]),
    ("sql/datasource.py", &[]),
    ("ml/logistic_regression_with_elastic_net.py", &[]),
    ("ml/kmeans_example.py", &[]),
    ("ml/linear_regression_with_elastic_net.py", &[]),
    ("ml/pipeline_example.py", &[]),
    ("ml/correlation_example.py", &[]),
    ("ml/tf_idf_example.py", &[]),
];

/// The lines of a program that ran in `folder`. What Pi's example prints is drawn at random.
fn comparable(outcome: &Outcome, folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    own_lines(outcome)
        .into_iter()
        .map(|line| {
            if line.starts_with("Pi is roughly") {
                "Pi is roughly".to_owned()
            } else {
                line.replace(&folder, "<folder>")
            }
        })
        .collect()
}

/// The examples read their data by relative path and write into the folder they run in.
fn laid_out(folder: &Path) {
    let made = Application::new(venv().command("python"), venv())
        .arg(support::program("example_resources.py"))
        .arg(folder)
        .arg(venv().spark_home())
        .run()
        .unwrap();
    assert_eq!(made.code(), Some(0), "{}", made.stderr);
}

/// Three times what one of them takes on a quiet machine of two cores.
const DEADLINE: Duration = Duration::from_secs(300);

#[test]
fn examples_of_spark() {
    let quick = format!("spark.executor.extraJavaOptions={}", support::quick_start());
    let master =
        ["--master", "local-cluster[1,2,1024]", "--conf", "spark.executor.memory=600m", "--conf", quick.as_str()];
    let home = venv().spark_home();
    let mut wrong = Vec::new();
    for (name, arguments) in EXAMPLES {
        let program = home.join("examples/src/main/python").join(name).display().to_string();
        let line = |_: &Path| [program.clone()].into_iter().chain(arguments.iter().map(ToString::to_string)).collect();
        let scene = Scene::new();
        let (alone, kept) = scene.alone_once(&master, line, laid_out, DEADLINE);
        let _ = fs::remove_dir_all(kept.join("data"));
        let place = scene.path("place");
        fs::create_dir(&place).unwrap();
        laid_out(&place);
        let steered = scene
            .steered::<&str>([])
            .args(master)
            .args(line(&place))
            .in_folder(&place)
            .deadline(DEADLINE)
            .run()
            .unwrap();
        let same = alone.code() == steered.code() && comparable(&alone, &kept) == comparable(&steered, &place);
        if !same {
            wrong.push(format!(
                "{name}: {:?} and {:?}\n--- alone\n{}\n--- steered\n{}\n{}",
                alone.code(),
                steered.code(),
                alone.stdout,
                steered.stdout,
                steered.stderr
            ));
        }
        assert_eq!(scene.record()["state"], "ended", "{name}");
        eprintln!("{name}: ended with {:?} both times, {} lines", alone.code(), alone.stdout.lines().count());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
