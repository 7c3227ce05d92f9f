//! Spark's own example programs give the same output and exit code under `sparkwright submit` as under `spark-submit`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

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

/// What Pi's example prints is drawn at random, and some print times or addresses of objects: those words are no output.
fn comparable(outcome: &Outcome) -> Vec<String> {
    own_lines(outcome)
        .into_iter()
        .map(|line| if line.starts_with("Pi is roughly") { "Pi is roughly".to_owned() } else { line.to_owned() })
        .collect()
}

#[test]
fn examples_of_spark() {
    let quick = format!("spark.executor.extraJavaOptions={}", support::quick_start());
    let master =
        ["--master", "local-cluster[2,1,1024]", "--conf", "spark.executor.memory=600m", "--conf", quick.as_str()];
    let home = venv().spark_home();
    let mut wrong = Vec::new();
    for (name, arguments) in EXAMPLES {
        let program = home.join("examples/src/main/python").join(name).display().to_string();
        // The same for both runs, as some outputs have its path in them.
        let folder = Scene::new();
        let run = |steer: bool| {
            let scene = Scene::new();
            // The examples read their data by relative path and write into the folder they run in.
            let place = folder.path("place");
            let _ = std::fs::remove_dir_all(&place);
            std::fs::create_dir_all(&place).unwrap();
            let made = Application::new(venv().command("python"), venv())
                .arg(support::program("example_resources.py"))
                .arg(&place)
                .arg(home)
                .run()
                .unwrap();
            assert_eq!(made.code(), Some(0), "{}", made.stderr);
            let application = if steer { scene.steered::<&str>([]) } else { scene.alone() };
            let outcome = application.args(master).arg(&program).args(*arguments).in_folder(&place).run().unwrap();
            let record = steer.then(|| scene.record());
            (outcome, record)
        };
        let (alone, _) = run(false);
        let (steered, record) = run(true);
        if alone.code() != steered.code() || comparable(&alone) != comparable(&steered) {
            wrong.push(format!(
                "{name}: {:?} and {:?}\n--- alone\n{}\n--- steered\n{}\n{}",
                alone.code(),
                steered.code(),
                alone.stdout,
                steered.stdout,
                steered.stderr
            ));
        }
        assert_eq!(record.unwrap()["state"], "ended", "{name}");
        eprintln!("{name}: ended with {:?} both times, {} lines", alone.code(), alone.stdout.lines().count());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
