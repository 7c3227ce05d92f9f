//! The whole lines of a text.

use std::io::{BufRead, Read as _};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::error::{EventLogError, LINE_BYTES_AT_MOST, Result, io};

/// Hands each whole line to `take`, without its end; empty ones are left out.
pub(crate) fn each(mut reader: impl BufRead, file: &Path, take: &mut impl FnMut(&[u8])) -> Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        // Most lines lie whole in what was read.
        let read = reader.fill_buf().map_err(io(file))?;
        if let Some(whole) = memchr::memchr(b'\n', read).and_then(|end| read.get(..end)) {
            if !whole.trim_ascii_end().is_empty() {
                take(whole.trim_ascii_end());
            }
            let used = whole.len() + 1;
            reader.consume(used);
            continue;
        }
        line.clear();
        (&mut reader).take(LINE_BYTES_AT_MOST + 1).read_until(b'\n', &mut line).map_err(io(file))?;
        if line.len() as u64 > LINE_BYTES_AT_MOST {
            return Err(EventLogError::LongLine { path: file.to_owned(), number });
        }
        let ends = line.last() == Some(&b'\n');
        // A last line without an end was cut off, unless nothing of it is missing.
        if !ends && serde_json::from_slice::<IgnoredAny>(&line).is_err() {
            break;
        }
        if !line.trim_ascii_end().is_empty() {
            take(line.trim_ascii_end());
        }
        if !ends {
            break;
        }
    }
    Ok(())
}
