//! Which Spark and which Java an application is started with.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why an application can't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotInstalled {
    /// No Java.
    #[error("no Java was found: JAVA_HOME is {java_home}, and there is no `java` on the PATH")]
    Java {
        /// What `JAVA_HOME` is.
        java_home: String,
    },
    /// No Spark.
    #[error(
        "no Spark was found: SPARK_HOME is {spark_home}, there is no `spark-submit` on the PATH, and no pyspark for `python3`"
    )]
    Spark {
        /// What `SPARK_HOME` is.
        spark_home: String,
    },
}

impl NotInstalled {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Java { .. } => "install Java 17 (Debian: `apt-get install openjdk-17-jre-headless`) or set JAVA_HOME",
            Self::Spark { .. } => {
                "install one (`pip install pyspark==4.3.0`) or set SPARK_HOME to a folder with bin/spark-submit"
            }
        }
    }
}

/// A Spark that applications can be submitted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its folder.
    pub home: PathBuf,
    /// Its version; empty when its jars don't tell.
    pub version: String,
    /// The Python that it belongs to, where it was found beside this program and not by way of the PATH.
    pub python: Option<PathBuf>,
}

impl Installation {
    /// Finds the Spark that `spark-submit` would be: `SPARK_HOME`, else the pyspark of the Python environment that this program was
    /// installed into, else the PATH, else `python3`'s pyspark.
    ///
    /// # Errors
    /// There is none, or no Java to run it.
    pub fn find() -> Result<Self, NotInstalled> {
        let shown = |value: Option<std::ffi::OsString>| {
            value.map_or_else(|| "not set".to_owned(), |value| format!("`{}`", value.to_string_lossy()))
        };
        let java_home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
        let java = match &java_home {
            Some(home) => is_program(&Path::new(home).join("bin/java")),
            None => on_path("java").is_some(),
        };
        let spark_home = env::var_os("SPARK_HOME").filter(|home| !home.is_empty());
        let own = if spark_home.is_none() {
            env::current_exe().ok().and_then(|program| of_environment(&program))
        } else {
            None
        };
        let (home, python) = match (&spark_home, own) {
            (Some(home), _) => (Some(PathBuf::from(home)), None),
            (None, Some((home, python))) => (Some(home), Some(python)),
            (None, None) => (on_path("spark-submit").and_then(|path| home_of(&path)).or_else(of_python), None),
        };
        let home = home
            .filter(|home| is_program(&home.join("bin/spark-submit")))
            .ok_or_else(|| NotInstalled::Spark { spark_home: shown(spark_home) })?;
        if !java {
            return Err(NotInstalled::Java { java_home: shown(java_home) });
        }
        let version = version(&home);
        Ok(Self { home, version, python })
    }

    /// `spark-submit`.
    #[must_use]
    pub fn spark_submit(&self) -> PathBuf {
        self.home.join("bin/spark-submit")
    }

    /// The file of default configurations.
    #[must_use]
    pub fn defaults_file(&self) -> PathBuf {
        env::var_os("SPARK_CONF_DIR")
            .filter(|folder| !folder.is_empty())
            .map_or_else(|| self.home.join("conf"), PathBuf::from)
            .join("spark-defaults.conf")
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The program that a shell would run by this name.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// The home behind a `spark-submit` on the PATH: the folder above its `bin`, or the pyspark of the same environment.
fn home_of(spark_submit: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(spark_submit).ok()?;
    let above = real.parent()?.parent()?;
    if above.join("jars").is_dir() {
        return Some(above.to_owned());
    }
    // pip puts a copy of the script into the environment's bin, beside its python.
    beside(above).or_else(|| pyspark_of(real.parent()?.join("python").as_os_str())).or_else(of_python)
}

/// The pyspark of the Python environment `folder` where it has just one: looking is a tenth of a second faster than asking.
fn beside(folder: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(folder.join("lib")).ok()?.flatten();
    let mut found = versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
        .map(|entry| entry.path().join("site-packages/pyspark"))
        .filter(|home| is_program(&home.join("bin/spark-submit")));
    let first = found.next();
    first.filter(|_| found.next().is_none())
}

/// The pyspark and the Python of the environment whose programs `program` is among: it need not be the one that is activated.
fn of_environment(program: &Path) -> Option<(PathBuf, PathBuf)> {
    let programs = program.parent()?;
    let python = programs.join("python");
    if !is_program(&python) {
        return None;
    }
    Some((beside(programs.parent()?)?, python))
}

fn of_python() -> Option<PathBuf> {
    pyspark_of(OsStr::new("python3"))
}

fn pyspark_of(python: &OsStr) -> Option<PathBuf> {
    let find = "import importlib.util as u; s = u.find_spec('pyspark'); print(list(s.submodule_search_locations)[0] if s else '')";
    let output = Command::new(python).args(["-c", find]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let home = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!home.is_empty()).then(|| PathBuf::from(home))
}

/// The version that the name of `spark-core_<scala>-<version>.jar` tells.
fn version(home: &Path) -> String {
    fs::read_dir(home.join("jars"))
        .into_iter()
        .flatten()
        .flatten()
        .find_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix("spark-core_")?.strip_suffix(".jar")?;
            Some(rest.split_once('-')?.1.to_owned())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn an_environment_s_own_pyspark_is_found_beside_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (own, python) = (root.join("bin/sparkwright"), root.join("bin/python"));
        let home = root.join("lib/python3.12/site-packages/pyspark");
        program(&own);
        program(&home.join("bin/spark-submit"));
        // A folder of programs is no Python environment by itself.
        assert_eq!(of_environment(&own), None);
        program(&python);
        assert_eq!(of_environment(&own), Some((home, python.clone())));
        // Where there are two, nothing says which.
        program(&root.join("lib/python3.13/site-packages/pyspark/bin/spark-submit"));
        assert_eq!(of_environment(&own), None);
        assert_eq!(of_environment(Path::new("/sparkwright")), None);
    }
}
