//! Paths of this machine in Spark's configurations.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What stands for itself in a path: RFC 3986's unreserved characters and the slash. Spark splits some of its values at commas, takes `#` for the
/// name that a file gets, and expands `*`, `?`, `[` and `{`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An absolute path as a `file:` URI.
#[must_use]
pub fn local_uri(path: &Path) -> String {
    format!("file://{}", percent_encode(path.as_os_str().as_bytes(), ESCAPED))
}

/// The same where a path by itself will do for people and for Spark: as it is, or as URI where something in it means something else there.
#[must_use]
pub fn for_spark(path: &Path) -> String {
    let (plain, uri) = (path.display().to_string(), local_uri(path));
    if uri.strip_prefix("file://") == Some(&plain) { plain } else { uri }
}

/// Whether Spark finds a jar at this path: it splits lists of jars at commas after it has decoded them, expands each as a pattern, and writes brackets
/// into URIs that it then can't read.
#[must_use]
pub fn spark_can_load(jar: &Path) -> bool {
    !jar.as_os_str().as_bytes().iter().any(|byte| b",[]{}*?\\".contains(byte))
}

/// What to say where it doesn't.
pub const NO_PATH_OF_A_JAR: &str = "Spark takes one of ,[]{}*?\\ in its path for a list or a pattern";

/// Whether a JVM that is started here can name a file: with a locale that isn't UTF-8 it has no name for one beyond ASCII.
#[must_use]
pub fn java_can_name(path: &Path) -> bool {
    // As setlocale does it: the first of them that is set and not empty.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    path.as_os_str().is_ascii() || ((locale.contains("utf-8") || locale.contains("utf8")) && path.to_str().is_some())
}

/// What to say where it can't.
#[must_use]
pub fn no_name_in_java() -> io::Error {
    let why = "Java has no name for this path, as the locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8; C.UTF-8 is";
    io::Error::new(io::ErrorKind::Unsupported, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_uri_is_escaped() {
        for (path, uri) in [
            ("/runs/a-b_c.d~e/1", "file:///runs/a-b_c.d~e/1"),
            ("/my runs/50%/#1,[a]?", "file:///my%20runs/50%25/%231%2C%5Ba%5D%3F"),
            ("/größe", "file:///gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(local_uri(Path::new(path)), uri);
            assert_eq!(spark_can_load(Path::new(path)), !path.contains(','));
            let plain = uri.ends_with(path);
            assert_eq!(for_spark(Path::new(path)), if plain { path } else { uri });
        }
    }
}
