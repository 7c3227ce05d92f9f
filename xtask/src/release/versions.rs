//! Everything that names a version names the same one.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;
use sparkwright_tests::command::{must_succeed, output_of};
use sparkwright_tests::java::Java;
use sparkwright_tests::paths;
use sparkwright_tests::venv::SparkLine;

use crate::metadata::Package;
use crate::{build, python};

/// The packages of npm that go by our version, each with its lock file.
const NPM: [&str; 2] = ["web/package", "web/shell"];
/// Where the plugin and the host say which protocol they speak, and the words before the number.
const PROTOCOL: [(&str, &str); 2] = [
    ("host/src/spark/protocol.rs", "pub const VERSION: u32 = "),
    ("host/spark-plugin/src/main/java/io/sparkwright/spark/Messages.java", "\"protocol\", "),
];

/// What in the sources is of another version, each as a sentence.
pub(super) fn of_sources(version: &str) -> Result<Vec<String>> {
    let mut named: Vec<(String, String)> = Vec::new();
    named.extend(Package::ours()?.into_iter().map(|package| (format!("crate {}", package.name), package.version)));
    for folder in NPM {
        let package = json(&format!("{folder}/package.json"))?;
        let lock = json(&format!("{folder}/package-lock.json"))?;
        named.push((format!("{folder}/package.json"), text(&package, "/version")));
        named.push((format!("{folder}/package-lock.json"), text(&lock, "/version")));
        named.push((format!("{folder}/package-lock.json, packages"), text(&lock, "/packages//version")));
    }
    let changes = source("CHANGELOG.md")?;
    named.push(("the newest release in CHANGELOG.md".to_owned(), newest(&changes).unwrap_or("none").to_owned()));
    let mut problems = others(version, named);
    let project = fs::read_to_string(python::sources().join("pyproject.toml")).context("cannot read pyproject.toml")?;
    if !project.contains("\ndynamic = [\"version\"]\n") {
        problems.push(
            "host/python/pyproject.toml does not take its version from Cargo.toml (`dynamic = [\"version\"]`)"
                .to_owned(),
        );
    }
    let [host, plugin] = PROTOCOL;
    let (host, plugin) = (number_in(host)?, number_in(plugin)?);
    if host != plugin {
        problems.push(format!("the host speaks version {host} of the plugin's protocol, the plugin version {plugin}"));
    }
    Ok(problems)
}

/// What of the products is of another version, each as a sentence.
pub(super) fn of_products(version: &str, command: &Path, wheel: &Path) -> Result<Vec<String>> {
    let said = output_of("asking the command for its version", Command::new(command).arg("--version"))?;
    let wheels = wheel.file_name().unwrap_or_default().to_string_lossy();
    let package = build::package::folder().join("package.json");
    let package: Value =
        serde_json::from_slice(&fs::read(&package).with_context(|| format!("cannot read `{}`", package.display()))?)?;
    let mut named = vec![
        ("the command".to_owned(), said.trim().trim_start_matches("sparkwright ").to_owned()),
        ("the wheel".to_owned(), wheels.split('-').nth(1).unwrap_or("none").to_owned()),
        ("the npm package".to_owned(), text(&package, "/version")),
    ];
    for line in SparkLine::ALL {
        named.push((format!("the plugin for {}", line.name()), of_jar(&paths::assets().join(line.jar()))?));
    }
    Ok(others(version, named))
}

/// Those that are of another version.
fn others(version: &str, named: Vec<(String, String)>) -> Vec<String> {
    let other = named.into_iter().filter(|(_, found)| found != version);
    other.map(|(what, found)| format!("{what} is {found}, not {version}")).collect()
}

/// The newest version in a changelog that has a date.
fn newest(changes: &str) -> Option<&str> {
    changes.lines().filter_map(|line| line.strip_prefix("## [")).find_map(|line| {
        let (version, date) = line.split_once("] - ")?;
        let dated = date.len() == 10 && date.split('-').all(|part| part.parse::<u32>().is_ok());
        dated.then_some(version)
    })
}

/// The version in the manifest of a jar.
fn of_jar(jar: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut extract = Command::new(Java::find()?.kit_tool("jar")?);
    extract.arg("--extract").arg("--file").arg(jar).arg("META-INF/MANIFEST.MF").current_dir(folder.path());
    must_succeed("reading the manifest of the plugin", &mut extract)?;
    let manifest =
        fs::read_to_string(folder.path().join("META-INF/MANIFEST.MF")).context("the plugin has no manifest")?;
    let version = manifest.lines().find_map(|line| line.strip_prefix("Implementation-Version: "));
    Ok(version.unwrap_or("none").trim().to_owned())
}

fn source(name: &str) -> Result<String> {
    fs::read_to_string(paths::workspace().join(name)).with_context(|| format!("cannot read `{name}`"))
}

fn json(name: &str) -> Result<Value> {
    serde_json::from_str(&source(name)?).with_context(|| format!("`{name}` is no JSON"))
}

fn text(value: &Value, place: &str) -> String {
    value.pointer(place).and_then(Value::as_str).unwrap_or("none").to_owned()
}

/// The number in a source file behind these words.
fn number_in((name, words): (&str, &str)) -> Result<u32> {
    let found = source(name)?;
    let digits =
        found.split_once(words).map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| anyhow!("`{name}` has no number behind `{}`", words.trim()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{newest, of_sources, others};

    #[test]
    fn everything_here_is_of_one_version() {
        assert_eq!(of_sources(env!("CARGO_PKG_VERSION")).unwrap(), [""; 0]);
        let problems = of_sources("9.9.9").unwrap();
        for part in ["crate sparkwright is", "web/package/package.json is", "the newest release in CHANGELOG.md is"] {
            assert!(problems.iter().any(|problem| problem.starts_with(part)), "{part}: {problems:#?}");
        }
    }

    #[test]
    fn only_what_has_a_date_is_released() {
        let changes = "# Changelog\n\n## [Unreleased]\n\n## [0.3.0] - soon\n\n## [0.2.0] - 2027-01-05\n\n## [0.1.0] - 2026-11-28\n";
        assert_eq!(newest(changes), Some("0.2.0"));
        assert_eq!(newest("## [Unreleased]\n"), None);
    }

    #[test]
    fn what_differs_is_told_by_name() {
        let named = ["a", "b"].map(|what| (what.to_owned(), if what == "a" { "1.0.0" } else { "none" }.to_owned()));
        assert_eq!(others("1.0.0", named.to_vec()), ["b is none, not 1.0.0"]);
    }
}
