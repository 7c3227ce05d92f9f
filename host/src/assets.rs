//! What travels inside the binary: the policy module and the plugin for each line of Spark.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// `policy.wasm`.
pub const POLICY_MODULE: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"));
/// The plugin for Spark 4 (Scala 2.13).
pub const PLUGIN_SPARK_4: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/sparkwright-spark4.jar"));

/// The plugin's class, for `spark.plugins`.
pub const PLUGIN_CLASS: &str = "io.sparkwright.spark.SparkwrightPlugin";

/// The folder where this user's Sparkwright keeps what it can make again: `$SPARKWRIGHT_HOME`, else
/// `$XDG_CACHE_HOME/sparkwright`, else `~/.cache/sparkwright`.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("SPARKWRIGHT_HOME")
        .or_else(|| from("XDG_CACHE_HOME").map(|cache| cache.join("sparkwright")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/sparkwright")))
}

/// The plugin for a version of Spark, and the name of its file.
#[must_use]
pub fn plugin_for(spark_version: &str) -> Option<(&'static str, &'static [u8])> {
    match spark_version.split('.').next()? {
        "4" => Some(("sparkwright-spark4.jar", PLUGIN_SPARK_4)),
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
            format!("there is no plugin for Spark {spark_version}: Spark 4 is supported"),
        )
    })?;
    let digest = crate::engine::sha256_hex(bytes);
    let cache = cache_folder()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "neither SPARKWRIGHT_HOME nor HOME is set"))?;
    let folder = cache.join("plugin").join(digest.get(..16).unwrap_or(&digest));
    let path = folder.join(name);
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
