//! What travels inside the binary: the policy module and the plugin for each line of Spark.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rustix::fs::Access;

/// `policy.wasm`.
pub const POLICY_MODULE: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"));
/// The SHA-256 of `policy.wasm`, in hexadecimal.
pub static POLICY_MODULE_SHA256: LazyLock<String> = LazyLock::new(|| crate::digest::sha256_hex(POLICY_MODULE));
/// The plugin for Spark 4 (Scala 2.13).
pub const PLUGIN_SPARK_4: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/sparkwright-spark4.jar"));
/// The plugin for Spark 3.5 (Scala 2.12, as PyPI and most clusters have it).
pub const PLUGIN_SPARK_35: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/sparkwright-spark35.jar"));

/// The plugin's class, for `spark.plugins`.
pub const PLUGIN_CLASS: &str = "io.sparkwright.spark.SparkwrightPlugin";
/// The listener's class that says when the plugin was not loaded, for `spark.extraListeners`.
pub const NOT_LOADED_CLASS: &str = "io.sparkwright.spark.NotLoaded";

/// The folder where this user's Sparkwright keeps what it can make again: `$SPARKWRIGHT_HOME`, else
/// `$XDG_CACHE_HOME/sparkwright`, else `~/.cache/sparkwright`.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    from("SPARKWRIGHT_HOME")
        .or_else(|| from("XDG_CACHE_HOME").map(|cache| cache.join("sparkwright")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/sparkwright")))
}

/// The folder of what this user's runs taught, where no store is named: below `$XDG_DATA_HOME`, else below `~/.local/share`. None where neither is an
/// absolute path in UTF-8, or this user may not write there: a folder that is made as somebody else, in somebody else's home, is in that one's way.
#[must_use]
pub fn lessons_folder() -> Option<String> {
    let data = from("XDG_DATA_HOME").filter(|data| data.is_absolute());
    let data = data.or_else(|| from("HOME").filter(|home| home.is_absolute()).map(|home| home.join(".local/share")))?;
    let folder = data.join("sparkwright/lessons");
    let there = folder.ancestors().find(|place| place.exists())?;
    let ours = fs::metadata(there).is_ok_and(|there| there.uid() == rustix::process::geteuid().as_raw());
    (ours && rustix::fs::access(there, Access::WRITE_OK).is_ok())
        .then(|| folder.into_os_string().into_string().ok())
        .flatten()
}

/// A folder that a variable of the environment names.
fn from(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where this user's Sparkwright keeps policy modules that it has compiled.
#[must_use]
pub fn compiled_folder() -> Option<PathBuf> {
    cache_folder().map(|cache| cache.join("compiled"))
}

/// The plugin for a version of Spark, and the name of its file.
#[must_use]
pub fn plugin_for(spark_version: &str) -> Option<(&'static str, &'static [u8])> {
    let mut parts = spark_version.trim().split(['.', '-']);
    match (parts.next()?, parts.next()) {
        ("4", _) => Some(("sparkwright-spark4.jar", PLUGIN_SPARK_4)),
        ("3", Some("5")) => Some(("sparkwright-spark35.jar", PLUGIN_SPARK_35)),
        _ => None,
    }
}

/// Writes the plugin for a version of Spark into the cache folder, unless it is there already, and gives its path. The
/// path holds the plugin's digest, so that an application keeps the plugin it was started with.
///
/// # Errors
/// There is no plugin for that version, or the folder can't be written.
pub fn write_plugin(spark_version: &str) -> io::Result<PathBuf> {
    let (name, bytes) = plugin_for(spark_version).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!("there is no plugin for Spark {spark_version}: Spark 4 and Spark 3.5 are supported"),
        )
    })?;
    let digest = crate::digest::sha256_hex(bytes);
    let cache = cache_folder()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "neither SPARKWRIGHT_HOME nor HOME is set"))?;
    let folder = cache.join("plugin").join(digest.get(..16).unwrap_or(&digest));
    let path = folder.join(name);
    let path = std::path::absolute(path)?;
    if fs::read(&path).is_ok_and(|known| known == bytes) {
        return Ok(path);
    }
    fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder)?;
    write_whole(&path, bytes)?;
    Ok(path)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("new.{}", std::process::id()));
    fs::write(&fresh, bytes)?;
    // Executors of another user read it from here under a standalone worker of theirs.
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644))?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_supported_line_of_spark_has_a_plugin_of_its_own() {
        let name = |version: &str| plugin_for(version).map(|(name, _)| name);
        for version in ["4.3.0", "4.0.1", "4", "4.1.0-preview1"] {
            assert_eq!(name(version), Some("sparkwright-spark4.jar"), "{version}");
        }
        for version in ["3.5.9", "3.5.0", "3.5.1-amzn-0", "3.5"] {
            assert_eq!(name(version), Some("sparkwright-spark35.jar"), "{version}");
        }
        for version in ["3.4.4", "3", "2.4.8", "5.0.0", "", "spark"] {
            assert_eq!(name(version), None, "{version}");
        }
        assert!(PLUGIN_SPARK_4.starts_with(b"PK") && PLUGIN_SPARK_35.starts_with(b"PK"));
        assert_ne!(PLUGIN_SPARK_4, PLUGIN_SPARK_35);
    }
}
