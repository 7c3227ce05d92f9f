//! The two runs: the same command line but for what stands before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use sparkwright_tests::application::Application;
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::paths;
use sparkwright_tests::venv::Venv;

use crate::console::Step;

/// What fits a run of a minute on a cluster of four executors; printed beside what production has.
pub(super) const FOR_A_SHORT_RUN: [&str; 3] = [
    "autoscaling.min_executors=2",
    "autoscaling.guards.down_window_seconds=8",
    "autoscaling.guards.cooldown_seconds=3",
];

/// Long enough for a machine that does something else as well.
const DEADLINE: Duration = Duration::from_secs(900);

/// Where the program runs.
pub(super) enum Place {
    /// On a standalone cluster with this URL.
    Cluster(String),
    /// In one process.
    Local,
}

/// What makes a run a steered one.
pub(super) struct Steering<'a> {
    /// The `sparkwright` command.
    pub(super) binary: &'a Path,
    /// Where it keeps its records.
    pub(super) records: PathBuf,
}

/// What a run leaves.
pub(super) struct Run {
    /// From the start to the end of the command.
    pub(super) wall: Duration,
    /// What Spark wrote of it.
    pub(super) log: EventLog,
    /// The program's results, a JSON object a line.
    pub(super) results: String,
}

/// Runs the program once; everything that it leaves goes into `folder`.
pub(super) fn run(
    venv: &Venv,
    tables: &Path,
    place: &Place,
    folder: &Path,
    steering: Option<&Steering<'_>>,
) -> Result<Run> {
    let events = folder.join("events");
    fs::create_dir_all(&events).with_context(|| format!("cannot make the folder `{}`", events.display()))?;
    let results = folder.join("results.jsonl");
    let (title, mut application) = match steering {
        None => ("running it by spark-submit", Application::spark_submit(venv)),
        Some(steering) => ("running it by sparkwright submit", {
            let mut submit = Application::new(steering.binary, venv).arg("submit").arg("--policy").arg(paths::policy());
            submit = submit.args(["--environment", "production"]);
            for setting in FOR_A_SHORT_RUN {
                submit = submit.args(["--set", setting]);
            }
            submit.arg("--record").arg(&steering.records)
        }),
    };
    application = match place {
        Place::Cluster(url) => application
            .args(["--master", url.as_str(), "--executor-cores", "1", "--executor-memory", "768m"])
            // Many small JVMs on few real cores: what they need to start counts more than what they reach after minutes.
            .conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"),
        Place::Local => application.args(["--master", "local[2]"]),
    };
    let application = application
        .args(["--driver-memory", "1g"])
        .conf("spark.ui.port", 0)
        .conf("spark.ui.showConsoleProgress", false)
        .conf("spark.eventLog.enabled", true)
        .conf("spark.eventLog.dir", format!("file://{}", events.display()))
        .conf("spark.eventLog.logBlockUpdates.enabled", true)
        .arg(paths::demo_program())
        .arg(tables)
        .arg(&results)
        .in_folder(folder)
        .deadline(DEADLINE);

    let step = Step::begin(title);
    let news = step.news();
    // The program's headings are at the margin, its tables are not.
    let running = application.start(move |line| {
        if !line.is_empty() && !line.starts_with(' ') {
            news(line);
        }
    })?;
    let outcome = running.finish()?;
    step.end();
    for (name, text) in [("stdout.txt", &outcome.stdout), ("stderr.txt", &outcome.stderr)] {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    let wall = outcome.wall;
    outcome.succeeded(title)?;
    Ok(Run {
        wall,
        log: EventLog::read(&events)?,
        results: fs::read_to_string(&results).with_context(|| format!("cannot read `{}`", results.display()))?,
    })
}
