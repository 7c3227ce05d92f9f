//! What the end-to-end tests share: one stage with Spark, the command under test and a folder for each test.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod recorded;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use sparkwright_tests::application::{Application, Outcome};
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{jvm, paths, quietly, unsteered};

/// The Spark that the tests run on.
pub fn venv() -> &'static Venv {
    venv_of(SparkLine::Spark4)
}

/// A Spark of a line of versions.
pub fn venv_of(line: SparkLine) -> &'static Venv {
    static SPARK_4: OnceLock<Venv> = OnceLock::new();
    static SPARK_35: OnceLock<Venv> = OnceLock::new();
    let made = match line {
        SparkLine::Spark4 => &SPARK_4,
        SparkLine::Spark35 => &SPARK_35,
    };
    made.get_or_init(|| Venv::of(line, &quietly).expect("a venv with pyspark"))
}

/// A program of `tests/programs`.
pub fn program(name: &str) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| unsteered::copy_of("tests/programs").expect("a copy of the programs"))
        .join(name)
        .display()
        .to_string()
}

/// A folder for one test, with the command under test.
pub struct Scene {
    folder: tempfile::TempDir,
    venv: &'static Venv,
}

impl Scene {
    pub fn new() -> Self {
        Self::on(SparkLine::Spark4)
    }

    /// One whose applications run on this Spark.
    pub fn on(line: SparkLine) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), venv: venv_of(line) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn runs(&self) -> PathBuf {
        self.path("runs")
    }

    /// `spark-submit`, alone.
    pub fn alone(&self) -> Application {
        self.quiet(Application::spark_submit(self.venv).in_folder(self.folder.path()))
    }

    /// `spark-submit`, alone, with arguments for a folder of its own that is prepared and which it runs in; what came of it is kept, and where.
    pub fn alone_once(
        &self,
        options: &[&str],
        arguments: impl Fn(&Path) -> Vec<String>,
        prepare: impl FnOnce(&Path),
        deadline: Duration,
    ) -> (Outcome, PathBuf) {
        let named = arguments(Path::new("<folder>"));
        let parts: Vec<&str> = options.iter().copied().chain(named.iter().map(String::as_str)).collect();
        unsteered::once(self.venv, &parts, |folder| {
            prepare(folder);
            self.alone().args(options).args(arguments(folder)).in_folder(folder).deadline(deadline).run()
        })
        .unwrap()
    }

    /// `sparkwright`, with any arguments.
    pub fn sparkwright(&self) -> Application {
        Application::new(paths::binary(), self.venv)
            .env("SPARKWRIGHT_HOME", self.text("home"))
            .env("XDG_RUNTIME_DIR", self.text("nowhere"))
            .in_folder(self.folder.path())
            .deadline(Duration::from_secs(300))
    }

    /// `sparkwright submit` in production, with more options of its own.
    pub fn steered<A: AsRef<std::ffi::OsStr>>(&self, options: impl IntoIterator<Item = A>) -> Application {
        let submit = self.sparkwright().args(["submit", "--environment", "production", "--record"]).arg(self.runs());
        self.quiet(submit.args(options))
    }

    /// Only warnings of Spark on standard error, so that a failing test shows what matters; and a driver that starts quickly.
    pub fn quiet(&self, application: Application) -> Application {
        let log = paths::workspace().join("tests/programs/log4j2.properties");
        let quick = jvm::quick_start(self.venv, &quietly).expect("an archive of Spark's classes");
        application.env("SPARK_SUBMIT_OPTS", format!("-Dlog4j2.configurationFile=file:{} {quick}", log.display()))
    }

    /// The record of the only run, once the host has ended it or is gone.
    pub fn record(&self) -> Value {
        self.record_in(&self.runs())
    }

    /// The same where the records are in another folder.
    pub fn record_in(&self, runs: &Path) -> Value {
        let began = Instant::now();
        loop {
            let outcome = self.sparkwright().args(["explain", "last", "--json", "--record"]).arg(runs).run().unwrap();
            let run: Option<Value> = serde_json::from_str(&outcome.stdout).ok();
            if let Some(run) = &run
                && run["state"] != "running"
            {
                return run.clone();
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "no finished record under {}: {run:#?} {}",
                runs.display(),
                outcome.stderr
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The journal of the only run as far as it is written.
    pub fn journal(&self) -> String {
        let folders = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        folders.filter_map(|folder| fs::read_to_string(folder.path().join("journal.jsonl")).ok()).collect()
    }
}

/// Options by which the JVMs of [`venv`]'s Spark start quickly.
pub fn quick_start() -> &'static str {
    static OPTIONS: OnceLock<String> = OnceLock::new();
    OPTIONS.get_or_init(|| jvm::quick_start(venv(), &quietly).expect("an archive of Spark's classes"))
}

/// Waits until `look` gives something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The host that serves the driver process `driver`.
pub fn host_of(driver: u32) -> u32 {
    let wanted = driver.to_string();
    wait_for("the host", || {
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_string_lossy().parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            let serves = words.iter().any(|word| word == "serve") && !words.iter().any(|word| word == "--detach");
            let ours = words.windows(2).any(|two| two[0] == "--driver-pid" && two[1] == wanted);
            (serves && ours).then_some(pid)
        })
    })
}

/// Every fault that a record holds, in one text.
pub fn faults(run: &Value) -> String {
    let faults = run["faults"].as_array().cloned().unwrap_or_default();
    faults.iter().filter_map(|fault| fault["what"].as_str()).collect::<Vec<_>>().join("\n")
}

/// The lines of a program's output that are its own: those that Spark's launcher prints are left out.
pub fn own_lines(outcome: &Outcome) -> Vec<&str> {
    outcome.stdout.lines().filter(|line| !line.starts_with("WARNING:") && !line.starts_with("Using Spark's")).collect()
}

/// The content of a file, empty when it is not there.
pub fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
