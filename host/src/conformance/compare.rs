//! An expected answer against the one that came, and the first place where they differ.

use std::fmt;

use serde_json::Value;

/// The first place where two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The place, as `ok.executors[2]`; empty for the whole.
    pub path: String,
    /// What should be there, as JSON.
    pub expected: String,
    /// What is there, as JSON; `nothing` where nothing is.
    pub found: String,
}

impl Difference {
    fn at(path: &str, expected: Option<&Value>, found: Option<&Value>) -> Self {
        let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), |value| cut(&value.to_string()));
        Self { path: path.to_owned(), expected: text(expected), found: text(found) }
    }

    /// Two answers that differ as a whole.
    pub(super) fn whole(expected: &str, found: &str) -> Self {
        Self { path: String::new(), expected: cut(expected), found: cut(found) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the answer" } else { &self.path };
        write!(f, "{path}: expected {}, found {}", self.expected, self.found)
    }
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first difference between two values; `1` and `1.0` are the same number.
pub(super) fn exact(expected: &Value, found: &Value) -> Option<Difference> {
    compare("", expected, found, true)
}

/// The first part of `expected` that isn't in `found`: objects may have more members than are named.
pub(super) fn contains(expected: &Value, found: &Value) -> Option<Difference> {
    compare("", expected, found, false)
}

fn compare(path: &str, expected: &Value, found: &Value, exact: bool) -> Option<Difference> {
    match (expected, found) {
        (Value::Object(wanted), Value::Object(there)) => {
            let member = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            wanted
                .iter()
                .find_map(|(key, value)| match there.get(key) {
                    Some(found) => compare(&member(key), value, found, exact),
                    None => Some(Difference::at(&member(key), Some(value), None)),
                })
                .or_else(|| {
                    let (key, value) = there.iter().find(|(key, _)| exact && !wanted.contains_key(*key))?;
                    Some(Difference::at(&member(key), None, Some(value)))
                })
        }
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => wanted
            .iter()
            .zip(there)
            .enumerate()
            .find_map(|(index, (value, found))| compare(&format!("{path}[{index}]"), value, found, exact)),
        (Value::Number(wanted), Value::Number(there)) if same_number(wanted, there) => None,
        _ if expected == found => None,
        _ => Some(Difference::at(path, Some(expected), Some(found))),
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    // Two whole numbers are compared as such: as floats, large ones would run together.
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named() {
        let answer = json!({"ok": {"target": {"value": 4}, "remove": ["1", "2"]}});
        let path = |difference: Option<Difference>| difference.map(|difference| difference.path);
        assert_eq!(exact(&answer, &answer), None);
        assert_eq!(contains(&json!({"ok": {"target": {"value": 4.0}}}), &answer), None);
        assert_eq!(path(exact(&json!({"ok": {"target": {"value": 4}}}), &answer)).as_deref(), Some("ok.remove"));
        assert_eq!(
            path(contains(&json!({"ok": {"target": {"value": 5}}}), &answer)).as_deref(),
            Some("ok.target.value")
        );
        assert_eq!(path(contains(&json!({"ok": {"remove": ["1", "3"]}}), &answer)).as_deref(), Some("ok.remove[1]"));
        assert_eq!(path(contains(&json!({"ok": {"remove": ["1"]}}), &answer)).as_deref(), Some("ok.remove"));
        assert_eq!(path(contains(&json!({"ok": {"held": null}}), &answer)).as_deref(), Some("ok.held"));
        let (large, next) = (json!(u64::MAX), json!(u64::MAX - 1));
        assert!(exact(&large, &next).is_some());
    }
}
