//! Where in a JSON text a place is: line and column, as serde_json reports them, to a path such as `executors[2].idle_ms`.
//!
//! The text is gone over once more, and only when something is wrong with it, so a good question pays nothing for this.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Deeper places are given no path; serde_json stops reading at the same depth.
const MAX_DEPTH: usize = 128;

/// Longer keys are cut in a path.
const MAX_KEY: usize = 64;

/// An object or list that is open at the place looked for.
enum Open<'a> {
    /// An object: the last key, and whether its value is still to come or just read (a key is next otherwise).
    Object { key: Option<&'a [u8]>, key_next: bool },
    /// A list: the index of the present element.
    List { index: usize },
}

/// The path of the value that is being read at `line` and `column` (both from 1, the column in bytes), if it lies
/// within anything.
pub(super) fn at(json: &[u8], line: usize, column: usize) -> Option<String> {
    let before = json.get(..offset(json, line, column)?)?;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut place = 0;
    while let Some(byte) = before.get(place) {
        place += 1;
        match byte {
            b'{' => open.push(Open::Object { key: None, key_next: true }),
            b'[' => open.push(Open::List { index: 0 }),
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Open::Object { key_next, .. }) => *key_next = true,
                Some(Open::List { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let text = string(before, place);
                place += text.len() + 1;
                if let Some(Open::Object { key, key_next }) = open.last_mut()
                    && *key_next
                {
                    *key = Some(text);
                    *key_next = false;
                }
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return None;
        }
    }
    render(&open)
}

/// How many bytes stand before that place.
fn offset(json: &[u8], line: usize, column: usize) -> Option<usize> {
    let lines_before = line.checked_sub(1)?;
    let start = match lines_before.checked_sub(1) {
        None => 0,
        Some(nth) => {
            let (newline, _) = json.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(nth)?;
            newline + 1
        }
    };
    Some(start.checked_add(column)?.min(json.len()))
}

/// The inside of the string that starts at `start`, up to its closing quote or the end of the text.
fn string(json: &[u8], start: usize) -> &[u8] {
    let rest = json.get(start..).unwrap_or_default();
    let mut escaped = false;
    let end = rest.iter().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => *byte == b'"',
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

fn render(open: &[Open<'_>]) -> Option<String> {
    let mut path = String::new();
    for level in open {
        match level {
            Open::Object { key: Some(key), .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                let key = String::from_utf8_lossy(key);
                path.extend(key.chars().take(MAX_KEY));
            }
            Open::Object { key: None, .. } => {}
            // Writing to a String can't fail.
            Open::List { index } => {
                let _ = write!(path, "[{index}]");
            }
        }
    }
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Inner {
        number: u32,
        words: Vec<String>,
        must: Option<Must>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Must {
        here: bool,
    }

    type Outer = BTreeMap<String, Vec<Inner>>;

    fn path_of(json: &str) -> Option<String> {
        let error = serde_json::from_str::<Outer>(json).expect_err("the text is wrong");
        at(json.as_bytes(), error.line(), error.column())
    }

    #[test]
    fn the_path_names_the_value_that_is_wrong() {
        for (json, path) in [
            (r#"{"a":[{"number":1},{"number":"x"}]}"#, "a[1].number"),
            (r#"{"a":[{"number":-1}]}"#, "a[0].number"),
            (r#"{"a":[{"number":{"b":1}}]}"#, "a[0].number"),
            (r#"{"a":[{"words":["x","y",3]}]}"#, "a[0].words[2]"),
            ("{\n\"a\": [\n {\"words\": [\"x\",\n 3]}]}", "a[0].words[1]"),
            (r#"{"a":[{"must":{"there":true}}]}"#, "a[0].must"),
            (r#"{"a":[],"b\"{":7}"#, r#"b\"{"#),
            (r#"{"a":[{"number":1,"number":2}]}"#, "a[0].number"),
            (r#"{"a":[{"number":1e999}]}"#, "a[0].number"),
            (r#"{"a":[{"number":nan}]}"#, "a[0].number"),
            (r#"{"a":[{"number":1"#, "a[0].number"),
            (r#"{"a":[{"ignored":"[[{{","number":true}]}"#, "a[0].number"),
        ] {
            assert_eq!(path_of(json).as_deref(), Some(path), "{json}");
        }
    }

    #[test]
    fn there_is_no_path_outside_of_everything() {
        for json in ["", "x", "7", "\"", "{}x", "\n\n\n"] {
            assert_eq!(path_of(json), None, "{json}");
        }
    }

    #[test]
    fn any_text_and_place_is_survived() {
        let text = br#"{"a":[{"n":[1,{"\\\"":"]}"}]},,]]]}}"#;
        for line in 0..4 {
            for column in [0, 1, 7, 20, 30, 1_000, usize::MAX] {
                let _ = at(text, line, column);
            }
        }
        let deep = "[".repeat(1_000_000);
        assert_eq!(at(deep.as_bytes(), 1, 1_000_000), None);
        let long = alloc::format!("{{\"{}\":", "k".repeat(1_000));
        assert_eq!(at(long.as_bytes(), 1, long.len()).map(|p| p.len()), Some(64));
    }
}
