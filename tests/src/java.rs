//! The Java that Spark and the plugin's build use.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::{Error, Result};

/// The oldest Java that Spark 4 and the plugin run on.
const OLDEST: u32 = 17;

/// An installed Java development kit.
#[derive(Debug, Clone)]
pub struct Java {
    home: Option<PathBuf>,
    /// Its version, such as `17.0.15`.
    pub version: String,
}

impl Java {
    /// Finds Java: `$JAVA_HOME`, else the `java` on the PATH.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, or one that is too old.
    pub fn find() -> Result<Self> {
        let home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let mut java = Self { home, version: String::new() };
        let output = Command::new(java.tool("java"))
            .arg("-version")
            .output()
            .map_err(|error| missing(format!("no Java found: `{}`: {error}", java.tool("java").display())))?;
        // openjdk version "17.0.15" 2025-04-15
        let text = String::from_utf8_lossy(&output.stderr);
        java.version = text.split('"').nth(1).unwrap_or_default().to_owned();
        match java.version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
            Some(major) if major >= OLDEST => Ok(java),
            _ => Err(missing(format!("the Java found is {:?} (`{}`)", java.version, java.tool("java").display()))),
        }
    }

    /// One of its tools: `java`, `javac`, `jar`.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.home.as_ref().map_or_else(|| PathBuf::from(name), |home| home.join("bin").join(name))
    }

    /// A tool of the development kit, which a plain runtime does not have.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is not there.
    pub fn kit_tool(&self, name: &str) -> Result<PathBuf> {
        let tool = self.tool(name);
        match Command::new(&tool).arg("--version").output() {
            Ok(output) if output.status.success() => Ok(tool),
            _ => Err(missing(format!("Java {} is there, but without `{name}`", self.version))),
        }
    }
}

fn missing(what: String) -> Error {
    Error::Missing {
        what,
        wanted: "a Java development kit, version 17 or newer, on the PATH or in JAVA_HOME",
        get: "apt-get install openjdk-17-jdk-headless".to_owned(),
    }
}
