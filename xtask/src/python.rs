//! Python for `host/python`: what builds the wheel and checks its types, and the environments that the wheel is tested in.
//!
//! Each is made once for each content of its file in `host/python/requirements`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use sparkwright_tests::{paths, venv};

use crate::node::Node;
use crate::{console, setup};

/// A PySpark that the wheel works with.
#[derive(Debug)]
pub(crate) struct Edition {
    /// Its name.
    pub(crate) spark: &'static str,
    /// Files of tests that are not run beside it.
    pub(crate) left_out: &'static [&'static str],
    /// Files of tests that only `cargo xtask soak` runs beside it.
    pub(crate) soaked: &'static [&'static str],
    requirements: Requirements,
}

/// What an environment holds: a file of `host/python/requirements` and its content.
#[derive(Debug)]
struct Requirements {
    file: &'static str,
    content: &'static str,
}

/// Those that the wheel is tested with; the first is the reference.
pub(crate) const EDITIONS: [Edition; 2] = [
    Edition {
        spark: "PySpark 4.3",
        left_out: &[],
        soaked: &[],
        requirements: Requirements {
            file: "spark4.txt",
            content: include_str!("../../host/python/requirements/spark4.txt"),
        },
    },
    Edition {
        spark: "PySpark 3.5",
        // The first has no server in this PySpark; twenty drivers killed take minutes, and what they test is the same code.
        left_out: &["test_connect.py", "test_tables_connect.py", "test_orphans.py"],
        // Minutes, for a program whose every part other tests run beside this PySpark.
        soaked: &["test_examples.py"],
        requirements: Requirements {
            file: "spark35.txt",
            content: include_str!("../../host/python/requirements/spark35.txt"),
        },
    },
];

impl Edition {
    /// The files of tests that are run beside it.
    ///
    /// # Errors
    /// The folder of tests cannot be read.
    pub(crate) fn tests(&self) -> Result<Vec<PathBuf>> {
        let folder = tests();
        let left_out = [self.left_out, self.soaked].concat();
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
            let name = entry.with_context(|| format!("cannot read `{}`", folder.display()))?.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("test_") && name.ends_with(".py") && !left_out.contains(&name.as_ref()) {
                files.push(folder.join(name.as_ref()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The files of tests that are run beside it only at length.
    pub(crate) fn soaks(&self) -> Vec<PathBuf> {
        self.soaked.iter().map(|file| tests().join(file)).collect()
    }
}

fn tests() -> PathBuf {
    sources().join("tests")
}

const TOOLS: Requirements =
    Requirements { file: "tools.txt", content: include_str!("../../host/python/requirements/tools.txt") };

/// The folder of the package.
pub(crate) fn sources() -> PathBuf {
    paths::workspace().join("host/python")
}

/// `maturin` or `mypy`, to be completed.
pub(crate) fn tool(name: &str) -> Result<Command> {
    let folder = TOOLS.environment("maturin and mypy")?;
    let mut command = Command::new(folder.join("bin").join(name));
    command.current_dir(sources());
    Ok(command)
}

impl Requirements {
    /// The environment that has them; `what` is for people.
    fn environment(&self, what: &str) -> Result<PathBuf> {
        let what = format!("{what} (host/python/requirements/{})", self.file);
        Ok(venv::environment(self.content, &what, &console::say)?)
    }
}

impl Edition {
    /// The folder of the environment: this PySpark, pytest and, after [`Self::install`], the wheel.
    pub(crate) fn environment(&self) -> Result<PathBuf> {
        self.requirements.environment(self.spark)
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Result<PathBuf> {
        Ok(self.environment()?.join("bin/python"))
    }

    /// Puts this wheel in the place of whichever was there, and gives the interpreter.
    pub(crate) fn install(&self, wheel: &Path) -> Result<PathBuf> {
        let python = self.python()?;
        setup::run_quietly(
            &format!("installing the wheel beside {}", self.spark),
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                // No index: it needs nothing else. By force: its version stays while it is worked on.
                .args(["--no-index", "--force-reinstall"])
                .arg(wheel),
        )?;
        Ok(python)
    }
}

/// mypy and pyright, both strict, over the package, its tests and its examples.
pub(crate) fn check_types() -> Result<()> {
    // What PySpark and pytest say of their own types.
    let python = EDITIONS[0].python()?;
    setup::show(tool("mypy")?.arg("--python-executable").arg(&python))?;
    let node = Node::ensure()?;
    let checker = sources().join("pyright");
    node.packages(&checker)?;
    let mut pyright = node.command();
    pyright.arg(checker.join("node_modules/pyright/index.js")).arg("--project").arg(sources().join("pyproject.toml"));
    setup::show(pyright.arg("--pythonpath").arg(python).current_dir(sources()))
}
