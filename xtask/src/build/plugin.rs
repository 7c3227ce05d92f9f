//! The plugin's jars, one for each line of Spark's versions, by `javac` and `jar` alone against the jars in PySpark's own package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::command::must_succeed;
use sparkwright_tests::java::Java;
use sparkwright_tests::paths;
use sparkwright_tests::venv::{SparkLine, Venv};

use super::files::{files_below, put};
use super::note::Note;
use crate::console::Step;
use crate::setup;

/// One jar for the versions of Spark that share their internals.
pub(crate) struct Edition {
    line: SparkLine,
    /// What it is for.
    pub(crate) spark: &'static str,
    /// Its own sources, beside the common ones.
    sources: &'static str,
}

/// The editions that are built.
pub(crate) const EDITIONS: [Edition; 2] = [
    Edition { line: SparkLine::Spark4, spark: SparkLine::Spark4.name(), sources: "src/spark4/java" },
    Edition { line: SparkLine::Spark35, spark: SparkLine::Spark35.name(), sources: "src/spark35/java" },
];

/// Warnings that the sources cannot avoid: Spark's own class files name annotations that its package does not hold, and
/// anonymous Scala functions are serializable.
const LINT: &str = "-Xlint:all,-classfile,-serial,-processing,-path";

/// The folder of what goes into the jar as it is.
const RESOURCES: &str = "src/main/resources";

/// All entries of the jar get this time, so that the same sources make the same jar.
const DATE: &str = "--date=2020-01-01T00:00:00Z";

/// Builds the jar of `edition` into the assets, unless its sources and its Spark are the ones that it was made from.
pub(super) fn build(edition: &Edition) -> Result<PathBuf> {
    let name = edition.line.jar();
    let jar = paths::assets().join(name);
    let venv = setup::venv_of(edition.line)?;
    let sources = sources(edition, &folder())?;
    let java = Java::find()?;
    let manifest = manifest();
    let note = Note::in_file(paths::target().join("plugin").join(format!("{name}.made-from")))
        .and(venv.folder().as_os_str().as_encoded_bytes())
        .and(java.version.as_bytes())
        .and(LINT.as_bytes())
        .and(manifest.as_bytes())
        .and_files(&folder(), sources.iter().chain(&resources()?))?;
    if jar.is_file() && note.holds() {
        return Ok(jar);
    }
    let step = Step::begin(format!("compiling the plugin for {} with Java {}", edition.spark, java.version));
    let classes = paths::target().join("plugin").join(name).with_extension("classes");
    compile(&java, &sources, &venv, &classes)?;
    pack(&java, &classes, &manifest, &jar)?;
    note.keep()?;
    step.end();
    Ok(jar)
}

/// Compiles the sources for their warnings only.
pub(crate) fn check(edition: &Edition) -> Result<()> {
    let classes = tempfile::tempdir().context("cannot make a temporary folder")?;
    compile(&Java::find()?, &sources(edition, &folder())?, &setup::venv_of(edition.line)?, classes.path())
}

/// Builds a jar of other sources than the project's own: `from` has the folders of [`folder`].
pub(crate) fn build_from(line: SparkLine, from: &Path, jar: &Path) -> Result<()> {
    let Some(edition) = EDITIONS.iter().find(|edition| edition.line == line) else {
        bail!("there is no plugin for {}", line.name());
    };
    let java = Java::find()?;
    let classes = from.join("classes");
    compile(&java, &sources(edition, from)?, &setup::venv_of(line)?, &classes)?;
    pack(&java, &classes, &manifest(), jar)
}

/// Where the plugin's sources are.
pub(crate) fn folder() -> PathBuf {
    paths::workspace().join("host/spark-plugin")
}

/// The Java sources of an edition in a folder, in order.
fn sources(edition: &Edition, from: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for part in ["src/main/java", edition.sources] {
        found.extend(files_below(&from.join(part))?);
    }
    found.retain(|file| file.extension().is_some_and(|extension| extension == "java"));
    if found.is_empty() {
        bail!("no Java sources in `{}`", from.display());
    }
    Ok(found)
}

/// The files that go into the jar as they are, in order.
fn resources() -> Result<Vec<PathBuf>> {
    let kept = folder().join(RESOURCES);
    if kept.is_dir() { files_below(&kept) } else { Ok(Vec::new()) }
}

/// Which version of Sparkwright the jar is of, where Java keeps it.
fn manifest() -> String {
    format!(
        "Implementation-Title: Sparkwright's plugin for Spark\nImplementation-Version: {}\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn compile(java: &Java, sources: &[PathBuf], venv: &Venv, classes: &Path) -> Result<()> {
    if classes.exists() {
        fs::remove_dir_all(classes).with_context(|| format!("cannot remove `{}`", classes.display()))?;
    }
    fs::create_dir_all(classes).with_context(|| format!("cannot make the folder `{}`", classes.display()))?;
    must_succeed(
        "compiling the plugin",
        Command::new(java.kit_tool("javac")?)
            .args([LINT, "-Werror", "--release", "17", "-encoding", "UTF-8", "-proc:none", "-classpath"])
            .arg(venv.spark_home().join("jars/*"))
            .arg("-d")
            .arg(classes)
            .args(sources),
    )?;
    for file in resources()? {
        let to = classes.join(file.strip_prefix(folder().join(RESOURCES)).unwrap_or(&file));
        put(&fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?, &to)?;
    }
    Ok(())
}

fn pack(java: &Java, classes: &Path, manifest: &str, jar: &Path) -> Result<()> {
    let files = files_below(classes)?;
    let mut command = Command::new(java.kit_tool("jar")?);
    let fresh = jar.with_extension("jar.new");
    if let Some(folder) = jar.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let attributes = classes.with_extension("manifest");
    put(manifest.as_bytes(), &attributes)?;
    command.arg("--create").arg("--file").arg(&fresh).arg("--manifest").arg(&attributes).arg(DATE);
    for file in &files {
        command.arg("-C").arg(classes).arg(file.strip_prefix(classes).unwrap_or(file));
    }
    must_succeed("packing the plugin", &mut command)?;
    // Beside the jar and renamed: somebody may be reading it.
    let bytes = fs::read(&fresh).with_context(|| format!("cannot read `{}`", fresh.display()))?;
    put(&bytes, jar)?;
    fs::remove_file(&fresh).with_context(|| format!("cannot remove `{}`", fresh.display()))
}
