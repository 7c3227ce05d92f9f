//! The compiled tests of crates: built together, run one by one, so that what needs no Spark can run beside what does.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use sparkwright_tests::paths;

use crate::setup;

/// What has libtest tell how long each test took. It is not stable, but any compiler's tests do it when they are told that they may.
const TIMED: [&str; 2] = ["-Zunstable-options", "--report-time"];
const PERMISSION: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// A program of tests.
#[derive(Debug)]
pub(super) struct Binary {
    /// The package that it belongs to.
    package: String,
    /// The file of `tests` that it was made from, or the library or command whose own tests it has.
    name: String,
    folder: PathBuf,
    program: PathBuf,
}

/// A line of cargo's.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    executable: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

/// Compiles the tests of packages; together, as cargo then gives their dependencies the features that all of them want.
pub(super) fn build(packages: &[&str]) -> Result<Vec<Binary>> {
    let mut command = setup::cargo(&["test", "--release", "--no-run", "--message-format=json-render-diagnostics"]);
    command.args(packages.iter().flat_map(|package| ["--package", *package]));
    command.env("SPARKWRIGHT_ASSETS", paths::assets()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    setup::announce(&command);
    let built = command.output().context("cannot start cargo")?;
    if !built.status.success() {
        bail!("the tests of {} do not compile", packages.join(", "));
    }
    let binaries: Vec<Binary> = String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok().and_then(Binary::of))
        .collect();
    if binaries.is_empty() {
        bail!("cargo names no program with the tests of {}", packages.join(", "));
    }
    Ok(binaries)
}

impl Binary {
    /// The program that a message of cargo's tells of, if it is one with tests.
    fn of(message: Message) -> Option<Self> {
        let (target, folder) = (message.target?, message.manifest_path?.parent()?.to_owned());
        if message.reason != "compiler-artifact" || !message.profile?.test {
            return None;
        }
        let package = folder.strip_prefix(paths::workspace()).unwrap_or(&folder).display().to_string();
        let name = if target.kind.iter().any(|kind| kind == "test") { target.name } else { "src".to_owned() };
        Some(Self { package, name, folder, program: message.executable? })
    }

    /// What it is called: `core/tests/reference`, `host/src`.
    pub(super) fn title(&self) -> String {
        if self.name == "src" {
            format!("{}/src", self.package)
        } else {
            format!("{}/tests/{}", self.package, self.name)
        }
    }

    /// Whether it was made from this file of `tests`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Runs its tests, or with words only those whose name contains one of them; to be completed.
    pub(super) fn command(&self, filter: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // As cargo would start it.
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command.args(TIMED).args(filter).env(PERMISSION.0, PERMISSION.1).env("SPARKWRIGHT_ASSETS", paths::assets());
        command
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn programs_with_tests_are_found_in_what_cargo_says() {
        let message = |test: bool, kind: &str| {
            let manifest = paths::workspace().join("core/policy/Cargo.toml");
            let text = format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{}","target":{{"kind":["{kind}"],"name":"policy"}},
                "profile":{{"test":{test}}},"executable":"/deps/policy-1"}}"#,
                manifest.display()
            );
            Binary::of(serde_json::from_str(&text).unwrap())
        };
        let binary = message(true, "test").unwrap();
        assert_eq!((binary.title().as_str(), binary.is("policy")), ("core/policy/tests/policy", true));
        assert!(binary.folder.ends_with("core/policy"));
        assert_eq!(message(true, "lib").unwrap().title(), "core/policy/src");
        assert!(message(false, "bin").is_none());
        assert!(Binary::of(serde_json::from_str(r#"{"reason":"build-finished","success":true}"#).unwrap()).is_none());
    }
}
