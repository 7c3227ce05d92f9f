//! Java properties files as Spark reads them: `spark-defaults.conf` and `--properties-file`.
//!
//! Our own reader, held against `java.util.Properties` itself by a test: the crate for this (java-properties 2.0) refuses characters beyond
//! U+FFFF. What `spark-submit` reads must be read here to the letter, or what the user set would count as not set.

use std::collections::BTreeMap;
use std::fs;
use std::iter::Peekable;
use std::path::Path;

/// The keys of Spark in a file; none where there is no such file, or where Spark can't read it either and says so itself.
#[must_use]
pub fn of_spark(path: &Path) -> BTreeMap<String, String> {
    // Bytes that are no UTF-8 become U+FFFD, as in Java.
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all = read(&text).unwrap_or_default();
    // `Utils.trimExceptCRLF` of Spark: control characters and blanks.
    let trimmed = |value: String| value.trim_matches(|c| c <= ' ' && c != '\r' && c != '\n').to_owned();
    all.into_iter().filter(|(key, _)| key.starts_with("spark.")).map(|(key, value)| (key, trimmed(value))).collect()
}

/// All keys with their values, as `java.util.Properties.load` reads a text; `None` where it throws: at `\u` without four hexadecimal digits.
#[must_use]
pub fn read(text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut text = text.chars().peekable();
    while let Some(line) = logical_line(&mut text) {
        let (key, value) = parted(&line);
        found.insert(unescaped(key)?, unescaped(value)?);
    }
    Some(found)
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

const fn ends_line(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

/// The next line with its continuations, without blanks before it; comments and empty lines are passed over. `None` at the end.
///
/// As `Properties.LineReader` of the JDK.
fn logical_line(text: &mut Peekable<impl Iterator<Item = char>>) -> Option<Vec<char>> {
    let mut line = Vec::new();
    let (mut at_begin, mut continued, mut escaped) = (true, false, false);
    while let Some(c) = text.next() {
        if at_begin {
            // A line that is continued by an empty one ends there.
            if is_blank(c) || (!continued && ends_line(c)) {
                continue;
            }
            (at_begin, continued) = (false, false);
        }
        if line.is_empty() && matches!(c, '#' | '!') {
            while text.next().is_some_and(|c| !ends_line(c)) {}
            at_begin = true;
        } else if !ends_line(c) {
            line.push(c);
            escaped = c == '\\' && !escaped;
        } else if line.is_empty() {
            at_begin = true;
        } else if escaped && text.peek().is_some() {
            line.pop();
            (at_begin, continued, escaped) = (true, true, false);
            if c == '\r' {
                text.next_if_eq(&'\n');
            }
        } else {
            break;
        }
    }
    if escaped {
        line.pop();
        return Some(line);
    }
    (!line.is_empty()).then_some(line)
}

/// A line's key and value: parted by the first `=`, `:` or blank that is not escaped, with blanks around it.
fn parted(line: &[char]) -> (&[char], &[char]) {
    let mut escaped = false;
    let end = line.iter().position(|&c| {
        let parts = !escaped && (is_blank(c) || matches!(c, '=' | ':'));
        escaped = c == '\\' && !escaped;
        parts
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let after = |rest: &[char], parts: fn(char) -> bool| rest.iter().position(|&c| !parts(c)).unwrap_or(rest.len());
    let rest = rest.split_at(after(rest, is_blank)).1;
    let rest = match rest {
        ['=' | ':', rest @ ..] => rest,
        rest => rest,
    };
    (key, rest.split_at(after(rest, is_blank)).1)
}

/// A text without its escapes.
fn unescaped(text: &[char]) -> Option<String> {
    // Java's characters are units of UTF-16: two `\u` may make one character.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut text = text.iter().copied();
    while let Some(c) = text.next() {
        let plain = if c == '\\' { text.next()? } else { c };
        let unit = match (c, plain) {
            ('\\', 'u') => {
                let digits: String = text.by_ref().take(4).collect();
                let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?);
                continue;
            }
            ('\\', 't') => '\t',
            ('\\', 'n') => '\n',
            ('\\', 'r') => '\r',
            ('\\', 'f') => '\x0c',
            _ => plain,
        };
        units.extend_from_slice(unit.encode_utf16(&mut [0; 2]));
    }
    // Half of a pair is no character; Java writes a question mark for it.
    Some(char::decode_utf16(units).map(|read| read.unwrap_or('?')).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_keys_of_spark_with_their_values_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spark-defaults.conf");
        fs::write(&path, b"# caf\xe9\nspark.a  1 \nspark.b=2\n spark.c : x y \\\n   z\nother 3\nspark.d\\ e=\\n\\tf\n")
            .unwrap();
        let read = of_spark(&path);
        let pairs: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("spark.a", "1"), ("spark.b", "2"), ("spark.c", "x y z"), ("spark.d e", "\n\tf")]);
        assert_eq!(of_spark(&folder.path().join("none")), BTreeMap::new());
    }
}
