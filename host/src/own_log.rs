//! The lines that the host says of itself, on standard error: in its own log, or among those of `submit` before it becomes `spark-submit`.

use std::fmt;
use std::io::{self, Write as _};

/// Says a line. Where it can't be written (a full disk, `ulimit -f`) nothing is lost but the line: `eprintln!` would panic.
pub fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
