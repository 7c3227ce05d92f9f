//! Lines of the protocol, read so that no line is held that is longer than the protocol allows.

use std::io::{self, BufRead};

use super::protocol::MAX_LINE_BYTES;

/// What reading a line gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A line, the last one without an end included.
    Whole,
    /// A line above the protocol's limit; it was passed over, and the next one can be read.
    TooLong,
    /// The stream is at its end.
    End,
}

/// Reads one line without its end into `line`; what was in it is lost.
///
/// # Errors
/// The stream's.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let mut too_long = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(match (too_long, line.is_empty()) {
                (true, _) => Line::TooLong,
                (false, true) => Line::End,
                (false, false) => Line::Whole,
            });
        }
        let (taken, ends) = match available.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (available.len(), false),
        };
        if !too_long {
            line.extend_from_slice(available.get(..taken).unwrap_or_default());
            too_long = line.len() > MAX_LINE_BYTES + usize::from(ends);
            if too_long {
                *line = Vec::new();
            }
        }
        reader.consume(taken);
        if ends {
            if too_long {
                return Ok(Line::TooLong);
            }
            line.pop();
            return Ok(Line::Whole);
        }
    }
}

/// As [`read_line`], where a line above the protocol's limit ends the conversation; false at the end of the stream.
///
/// # Errors
/// The stream's, or a line above the limit.
pub fn read_whole(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    match read_line(reader, line)? {
        Line::Whole => Ok(true),
        Line::End => Ok(false),
        Line::TooLong => {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of more than {MAX_LINE_BYTES} bytes")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::BufReader;

    use super::*;

    fn read_all(text: &[u8]) -> Vec<(Line, usize)> {
        let mut reader = BufReader::with_capacity(1_000, text);
        let (mut line, mut read) = (Vec::new(), Vec::new());
        loop {
            let kind = read_line(&mut reader, &mut line).unwrap();
            read.push((kind, line.len()));
            if kind == Line::End {
                return read;
            }
        }
    }

    #[test]
    fn lines_end_where_they_end() {
        use Line::{End, Whole};
        assert_eq!(read_all(b""), [(End, 0)]);
        assert_eq!(read_all(b"ab\n\nc"), [(Whole, 2), (Whole, 0), (Whole, 1), (End, 0)]);
    }

    #[test]
    fn a_line_above_the_limit_is_passed_over_and_the_next_one_read() {
        use Line::{End, TooLong, Whole};
        let of = |length: usize, end: &str| [vec![b'x'; length], end.as_bytes().to_vec()].concat();
        assert_eq!(read_all(&of(MAX_LINE_BYTES, "\nab\n")), [(Whole, MAX_LINE_BYTES), (Whole, 2), (End, 0)]);
        assert_eq!(read_all(&of(MAX_LINE_BYTES + 1, "\nab\n")), [(TooLong, 0), (Whole, 2), (End, 0)]);
        assert_eq!(read_all(&of(3 * MAX_LINE_BYTES, "")), [(TooLong, 0), (End, 0)]);
    }
}
