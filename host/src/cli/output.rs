//! Standard output.

/// Prints to standard output; a reader that has gone (`| head`) is no error.
pub(super) fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}
