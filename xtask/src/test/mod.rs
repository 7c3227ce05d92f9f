//! `cargo xtask test`.

mod binaries;
mod lanes;
mod report;
mod tally;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sparkwright_tests::java::Java;
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{jvm, paths, unsteered};

use crate::browser::Browser;
use crate::certificate::Run;
use crate::node::Node;
use crate::python::{self, EDITIONS, Edition};
use crate::{build, console, setup};
use lanes::{Lane, Part};

/// What pytest ends with when it has run none.
const NO_TESTS: i32 = 5;

/// Crates whose tests need no Spark. Those that share the host's dependencies are built together with it, so that wasmtime is built once; for those
/// of the page and of this command other features of the same dependencies are switched on.
const CRATES: [&[&str]; 2] = [
    &["sparkwright-core", "sparkwright-policy", "sparkwright", "sparkwright-event-log", "sparkwright-record"],
    &["sparkwright-web", "sparkwright-js", "xtask"],
];
/// The crate of the tests on real Spark; the tests of its library need none.
const ON_SPARK: &str = "sparkwright-tests";
/// Those on Spark whose outcome depends on when something happens: with another Spark beside them they may fail for its sake.
const TIMED: [&str; 2] = ["tests/tests/scaling", "tests/tests/spills"];
/// The parts that start Spark and watch no times, as far as they take minutes; the longest first, so that both lanes end at about the same time.
const LONGEST: [&str; 11] = [
    "tests/tests/invisible",
    "host/python beside PySpark 4.3",
    "host/python beside PySpark 3.5",
    DEMO,
    "tests/tests/plugin",
    "tests/tests/applications",
    "tests/tests/reported",
    "tests/tests/faults",
    CERTIFICATE,
    "tests/tests/examples",
    "tests/tests/tpcds",
];
/// Drawn programs, alone and steered.
const CERTIFICATE: &str = "tests/certificate";
/// What `cargo xtask test` runs of it: always the same programs, and no more than fit its time.
const CERTIFIED: Run = Run { line: SparkLine::Spark4, seed: 1, minutes: 10, histories: Some(60), resume: false };
/// How long it runs in `cargo xtask soak`, on each Spark: less than a part may take.
const CERTIFIED_MINUTES: u32 = 50;
/// The README's other command.
const DEMO: &str = "cargo xtask demo";
/// Those whose tests have a long form: they draw cases, or what they check may fail once in many times.
const LONG: [&str; 10] = [
    "core/tests/decision_properties",
    "core/tests/control_properties",
    "core/policy/tests/policy",
    "host/tests/engine_hostile",
    "host/tests/pipeline",
    "tests/tests/applications",
    "tests/tests/faults",
    "tests/tests/invisible",
    "tests/tests/out_of_memory",
    "tests/tests/tpcds",
];

/// Runs every test: the core, the policy reader, the host, the page, all of it on real Spark, the Python wheel, and the demo.
///
/// Ends with the tests that took longest, the parts, and the sum.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Only what needs no Spark: the crates' own tests.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        let filter: Vec<&str> = self.filter.as_deref().into_iter().collect();
        // The host embeds them, and its tests run the module, in a JavaScript engine as well.
        build::assets()?;
        let node = Node::ensure()?;
        let mut parts = without_spark(&node, &filter)?;
        if !self.quick {
            parts.extend(on_spark(&filter)?);
        }
        run(parts)
    }
}

/// How far `cargo xtask soak` goes.
#[derive(Debug)]
pub(crate) struct Extent {
    /// How often everything is run.
    pub(crate) rounds: u32,
    /// Cases that each property is tried on.
    pub(crate) cases: u32,
    /// What the certificate's programs are drawn from.
    pub(crate) seed: u64,
}

/// The long forms of [`LONG`] and of the drivers that are killed.
pub(crate) fn soak(extent: &Extent) -> Result<()> {
    let venv = setup::venv()?;
    let tables = setup::tables(&venv)?;
    let command = build::everything()?;
    let mut binaries = binaries::build(CRATES[0])?;
    binaries.extend(binaries::build(&[ON_SPARK])?);
    let mut parts = Vec::new();
    for round in 1..=extent.rounds {
        for binary in binaries.iter().filter(|binary| LONG.contains(&binary.title().as_str())) {
            let mut tests = binary.command(&[]);
            // proptest's own variable.
            told(tests.arg("--test-threads=1"), &command, &venv, &tables)
                .env("PROPTEST_CASES", extent.cases.to_string())
                .env(unsteered::AGAIN, "1");
            parts.push(Part::new(Lane::Alone, format!("{}, round {round}", binary.title()), tests));
        }
    }
    let wheel = build::wheel(&command)?;
    let [reference, _] = &EDITIONS;
    let mut killed = package(reference, &wheel, &tables, &["test_no_orphan"], &reference.tests()?)?;
    killed.set("SPARKWRIGHT_SOAK_ROUNDS", &extent.rounds.to_string());
    parts.push(killed);
    for edition in EDITIONS.iter().filter(|edition| !edition.soaked.is_empty()) {
        parts.push(package(edition, &wheel, &tables, &[], &edition.soaks())?);
    }
    for line in SparkLine::ALL {
        let certificate = Run { line, seed: extent.seed, minutes: CERTIFIED_MINUTES, histories: None, resume: false };
        parts.push(Part::new(Lane::Alone, format!("{CERTIFICATE} on {}", line.name()), certificate.command(&command)?));
    }
    run(parts)
}

/// Runs parts and gives the account of them.
fn run(parts: Vec<Part>) -> Result<()> {
    let ended = lanes::run(parts)?;
    print!("{}", report::account(&ended));
    let failed: Vec<&str> = ended.iter().filter(|part| part.failed.is_some()).map(|part| part.title.as_str()).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The crates, the page's TypeScript and the npm package.
fn without_spark(node: &Node, filter: &[&str]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for packages in CRATES {
        for binary in binaries::build(packages)? {
            let mut command = binary.command(filter);
            command.env("PATH", node.path());
            parts.push(Part::new(Lane::Beside, binary.title(), command));
        }
    }
    // Those of the page have none (`doctest = false`).
    let mut examples = setup::cargo(&["test", "--quiet", "--release", "--doc"]);
    examples.args(CRATES[0].iter().flat_map(|package| ["--package", *package]));
    examples.arg("--").args(filter).env("SPARKWRIGHT_ASSETS", paths::assets());
    parts.push(Part::new(Lane::Beside, "examples in the documentation", examples));
    for binary in binaries::build(&[ON_SPARK])?.iter().filter(|binary| binary.is("src")) {
        parts.push(Part::new(Lane::Beside, binary.title(), binary.command(filter)));
    }
    let mut shell = node.npm(&["run", "--silent", "test", "--"]);
    shell.args(filter).env("SPARKWRIGHT_ASSETS", paths::assets());
    parts.push(Part::new(Lane::Beside, "web/shell", node.npm(&["run", "--silent", "check"])).then(shell));
    build::package()?;
    // As it would be published: its decisions and its reading in Node.js, its types in a compiler.
    let mut package = node.tests(&build::package::sources().join("test"), filter)?;
    package.env("SPARKWRIGHT_PACKAGE", build::package::folder());
    parts.push(Part::new(Lane::Beside, "web/package", package));
    Ok(parts)
}

/// Everything on real Spark, and the page in a browser, which needs the command.
fn on_spark(filter: &[&str]) -> Result<Vec<Part>> {
    let venv = setup::venv()?;
    let java = Java::find()?;
    let tables = setup::tables(&venv)?;
    let command = build::everything()?;
    console::say(&format!(
        "Spark in {}, Java {}, tables in {}",
        venv.folder().display(),
        java.version,
        tables.display()
    ));
    let mut parts = vec![Part::new(Lane::Beside, "tests/browser", Browser::ensure()?.tests(&command, filter)?)];
    for binary in binaries::build(&[ON_SPARK])?.into_iter().filter(|binary| !binary.is("src")) {
        let mut tests = binary.command(filter);
        told(tests.arg("--test-threads=1"), &command, &venv, &tables);
        let lane = if TIMED.contains(&binary.title().as_str()) { Lane::Spark } else { Lane::Either };
        parts.push(Part::new(lane, binary.title(), tests));
    }
    let wheel = build::wheel(&command)?;
    for edition in &EDITIONS {
        parts.push(package(edition, &wheel, &tables, filter, &edition.tests()?)?);
    }
    if filter.iter().all(|word| CERTIFICATE.contains(word)) {
        parts.push(Part::new(Lane::Either, CERTIFICATE, CERTIFIED.command(&command)?));
    }
    // It checks itself: equal results, and steering that Spark's event log shows. What Spark does alone needs no second run.
    if filter.is_empty() {
        let mut demo = Command::new(std::env::current_exe().context("cannot find this program")?);
        demo.args(["demo", "--kept-unsteered"]);
        parts.push(Part::new(Lane::Either, DEMO, demo));
    }
    parts.sort_by_key(|part| LONGEST.iter().position(|title| *title == part.title()).unwrap_or(LONGEST.len()));
    Ok(parts)
}

/// A command that is told what it works with.
fn told<'a>(tests: &'a mut Command, command: &Path, venv: &Venv, tables: &Path) -> &'a mut Command {
    tests
        .env("SPARKWRIGHT_BINARY", command)
        .env("SPARKWRIGHT_VENV", venv.folder())
        .env("SPARKWRIGHT_NYCFLIGHTS13", tables)
}

/// The Python package as it would be published: its tests work on the installed wheel, with this PySpark and nothing else beside it.
fn package(edition: &Edition, wheel: &Path, tables: &Path, filter: &[&str], files: &[PathBuf]) -> Result<Part> {
    let python = edition.install(wheel)?;
    let venv = Venv::open(edition.environment()?)?;
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "--durations=30", "--durations-min=1", "--config-file"]);
    pytest.arg(python::sources().join("pyproject.toml"));
    if let [word] = filter {
        pytest.args(["-k", *word]);
    }
    // Spark leaves a warehouse and logs where it runs.
    let folder = paths::target().join("pytest").join(edition.spark);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    pytest
        .args(files)
        .current_dir(folder)
        .env("SPARKWRIGHT_NYCFLIGHTS13", tables)
        .env("SPARKWRIGHT_UNSTEERED", unsteered::folder())
        .env("SPARK_SUBMIT_OPTS", jvm::quick_start(&venv, &console::say)?)
        .env("SPARK_LOCAL_IP", "127.0.0.1");
    // What this machine's own Spark and Python are set to would be tested in their stead.
    for variable in ["SPARK_HOME", "SPARK_CONF_DIR", "PYTHONPATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"] {
        pytest.env_remove(variable);
    }
    let none_wanted = (!filter.is_empty()).then_some(NO_TESTS);
    Ok(Part::new(Lane::Either, package_title(edition), pytest).none_wanted(none_wanted))
}

fn package_title(edition: &Edition) -> String {
    format!("host/python beside {}", edition.spark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_that_are_named_here_exist() {
        let packages = EDITIONS.iter().map(package_title).collect::<Vec<_>>();
        for title in LONGEST.into_iter().chain(TIMED).chain(LONG) {
            let path = paths::workspace().join(title);
            let is_test = path.with_added_extension("rs").is_file() || path.join("main.rs").is_file();
            let is_package = path.join("__main__.py").is_file();
            assert!(
                is_package || title == DEMO || packages.iter().any(|it| it == title) || is_test,
                "there is no `{title}`"
            );
        }
    }
}
