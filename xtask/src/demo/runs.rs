//! The two runs: the same command line but for what stands before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use sparkwright_tests::application::{Application, Outcome};
use sparkwright_tests::cluster::Size;
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::venv::{Venv, digest};
use sparkwright_tests::{Error, paths, unsteered};

use crate::console::Step;

/// Long enough for a machine that does something else as well.
const DEADLINE: Duration = Duration::from_secs(900);

/// The master without a cluster.
const LOCAL: &str = "local[2]";
/// Spark's event log of a run, in its folder.
const EVENTS: &str = "events";
/// The program's results, in the run's folder.
const RESULTS: &str = "results.jsonl";

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

/// Runs the program once, everything that it leaves going into `folder`, and reads that.
pub(super) fn run(
    venv: &Venv,
    tables: &Path,
    place: &Place,
    folder: &Path,
    steering: Option<&Steering<'_>>,
) -> Result<Run> {
    let outcome = run_in(venv, tables, place, folder, steering)?.succeeded(title(steering))?;
    read(folder, outcome.wall)
}

/// The unsteered run of an earlier call, else one for later calls: kept for the program's text, its tables, its Spark and the cluster's size.
pub(super) fn kept(venv: &Venv, tables: &Path, place: &Place, size: &Size) -> Result<Run> {
    let program = paths::demo_program();
    let text = fs::read_to_string(&program).with_context(|| format!("cannot read `{}`", program.display()))?;
    let on = match place {
        Place::Cluster(_) => format!("{size:?}"),
        Place::Local => LOCAL.to_owned(),
    };
    let what = ["the demo's program", &digest(&[&text]), &tables.display().to_string(), &on];
    let (outcome, folder) = unsteered::once(venv, &what, |folder| run_in(venv, tables, place, folder, None))?;
    let outcome = outcome
        .succeeded(title(None))
        .with_context(|| format!("kept in `{}`, remove it to run anew", folder.display()))?;
    read(&folder, outcome.wall)
}

/// What a run is called while it goes on.
fn title(steering: Option<&Steering<'_>>) -> &'static str {
    if steering.is_some() { "running it by sparkwright submit" } else { "running it by spark-submit" }
}

/// What a run left in its folder.
fn read(folder: &Path, wall: Duration) -> Result<Run> {
    let results = folder.join(RESULTS);
    Ok(Run {
        wall,
        log: EventLog::read(&folder.join(EVENTS))?,
        results: fs::read_to_string(&results).with_context(|| format!("cannot read `{}`", results.display()))?,
    })
}

fn run_in(
    venv: &Venv,
    tables: &Path,
    place: &Place,
    folder: &Path,
    steering: Option<&Steering<'_>>,
) -> sparkwright_tests::Result<Outcome> {
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { doing, path, source }
    };
    let events = folder.join(EVENTS);
    fs::create_dir_all(&events).map_err(io("cannot make the folder", &events))?;
    let mut application = match steering {
        None => Application::spark_submit(venv),
        Some(steering) => {
            let submit = Application::new(steering.binary, venv).arg("submit").arg("--policy").arg(paths::policy());
            submit.args(["--environment", "production", "--record"]).arg(&steering.records)
        }
    };
    application = match place {
        Place::Cluster(url) => application
            .args(["--master", url.as_str(), "--executor-cores", "1", "--executor-memory", "768m"])
            // Many small JVMs on few real cores: what they need to start counts more than what they reach after minutes.
            .conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"),
        Place::Local => application.args(["--master", LOCAL]),
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
        .arg(folder.join(RESULTS))
        .in_folder(folder)
        .deadline(DEADLINE);

    let step = Step::begin(title(steering));
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
        fs::write(&file, text).map_err(io("cannot write", &file))?;
    }
    Ok(outcome)
}
