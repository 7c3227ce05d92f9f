//! Whether a value fits its key.
#![allow(
    clippy::result_large_err,
    reason = "problems are built up where they are found, few at a time; `check` boxes them for its callers; none is large on wasm32"
)]

use serde_json::Value as Json;
use sparkwright_core::policy::key::{Key, Kind};

use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
use crate::memory_size::{LEAST, MOST, MemorySizeError, WRITE, memory_size_text, parse_memory_size};
use crate::nearest::nearest_of_few;
use crate::scalar::{Plain, has_leading_zero, means_not_finite, meant_flag};
use crate::source::{Mark, Source};
use crate::tree::{Node, Value};

/// Where a value stands, for messages.
pub(crate) struct Site<'a> {
    pub(crate) source: &'a Source,
    /// The path from the top of the file.
    pub(crate) path: &'a str,
    /// What messages call it: the path within the block.
    pub(crate) name: &'a str,
    /// The place of the key, for a value that takes no place.
    pub(crate) key: Mark,
}

impl Site<'_> {
    /// An error at `node`.
    pub(crate) fn error(&self, node: &Node, code: Code, message: impl Into<String>) -> Diagnostic {
        let mark = if node.mark.is_empty() { &self.key } else { &node.mark };
        Diagnostic::error(self.source, mark, code, message).at(self.path)
    }
}

/// What values a key takes, in words: `a whole number from 1 to 100000 (executors)`.
#[must_use]
pub fn expectation(key: &Key) -> String {
    let mut text = match key.kind {
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Whole { least, most } => format!("a whole number from {least} to {most}"),
        Kind::Real { least, most } if is_nullable(key) => format!("a number from {least} to {most}, or null"),
        Kind::Real { least, most } => format!("a number from {least} to {most}"),
        Kind::Choice(words) => any_of(words.iter().copied()),
        Kind::Memory => "a memory size like `4g` or `512m`, or null".to_owned(),
        Kind::Text if is_nullable(key) => "text or null".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::TextList => "a list of texts".to_owned(),
    };
    if !key.unit.is_empty() && !matches!(key.kind, Kind::Memory) {
        text = format!("{text} ({})", key.unit);
    }
    text
}

pub(crate) fn is_nullable(key: &Key) -> bool {
    key.default == "None"
}

/// A value in words: `the text `x``.
pub(crate) fn description(node: &Node) -> String {
    match (&node.value, node.plain()) {
        (Value::List(_), _) => "a list".to_owned(),
        (Value::Map(_), _) => "keys with values".to_owned(),
        (Value::Scalar { .. }, Some(Plain::Null)) => "null".to_owned(),
        (Value::Scalar { text, .. }, Some(Plain::Flag(_))) => quoted(text),
        (Value::Scalar { text, .. }, Some(Plain::Whole(_) | Plain::Real(_) | Plain::NotFinite)) => {
            format!("the number {}", quoted(text))
        }
        (Value::Scalar { text, .. }, _) => format!("the text {}", quoted(text)),
    }
}

/// `node` as JSON, in the form that the resolved policy has it.
pub(crate) fn check(key: &Key, node: &Node, site: &Site<'_>) -> Result<Json, Box<Diagnostic>> {
    let checked = if node.tagged {
        let message = format!("`{}` has a YAML tag, which means nothing here", site.name);
        Err(site.error(node, Code::UnexpectedTag, message).help("remove the tag"))
    } else if node.is_null() {
        null(key, node, site)
    } else {
        match key.kind {
            Kind::Flag => flag(key, node, site),
            Kind::Whole { least, most } => whole(key, node, site, least, most),
            Kind::Real { least, most } => real(key, node, site, least, most),
            Kind::Choice(words) => choice(key, node, site, words),
            Kind::Memory => memory(key, node, site),
            Kind::Text => text(key, node, site),
            Kind::TextList => text_list(key, node, site),
        }
    };
    checked.map_err(Box::new)
}

type Checked = Result<Json, Diagnostic>;

fn null(key: &Key, node: &Node, site: &Site<'_>) -> Checked {
    if is_nullable(key) {
        return Ok(Json::Null);
    }
    let message = format!("`{}` has no value", site.name);
    Err(site
        .error(node, Code::NullNotAllowed, message)
        .expected(expectation(key))
        .found("null")
        .help("give it a value, or remove the line to keep the value of the layer below"))
}

fn wrong_type(key: &Key, node: &Node, site: &Site<'_>) -> Diagnostic {
    let expected = expectation(key);
    let found = description(node);
    let message = format!("`{}` takes {expected}, not {found}", site.name);
    site.error(node, Code::WrongType, message).expected(expected).found(found)
}

fn flag(key: &Key, node: &Node, site: &Site<'_>) -> Checked {
    if let Some(Plain::Flag(flag)) = node.plain() {
        return Ok(Json::Bool(flag));
    }
    let help = node.text().and_then(meant_flag).map_or(String::new(), |flag| format!("write `{flag}`, without quotes"));
    Err(wrong_type(key, node, site).help(help))
}

/// What to say where a number was wanted and a scalar that is none stands.
fn number_help(node: &Node) -> String {
    let Value::Scalar { text, quoted: true } = &node.value else {
        return String::new();
    };
    match crate::scalar::classify(text) {
        Plain::Whole(_) | Plain::Real(_) => {
            format!("write {} without the quotes", quoted(text))
        }
        _ => String::new(),
    }
}

fn not_finite(key: &Key, node: &Node, site: &Site<'_>) -> Option<Diagnostic> {
    let Value::Scalar { text, quoted: false } = &node.value else {
        return None;
    };
    if node.plain() != Some(Plain::NotFinite) && !means_not_finite(text) {
        return None;
    }
    let message = format!("`{}` is {}, which is not a finite number", site.name, quoted(text));
    Some(site.error(node, Code::NotFinite, message).expected(expectation(key)).found(quoted(text)))
}

fn out_of_range(key: &Key, node: &Node, site: &Site<'_>, under: bool, limit: &str, nearest: &str) -> Diagnostic {
    let found = node.text().map(quoted).unwrap_or_default();
    let side = if under { "minimum" } else { "maximum" };
    let message = format!("`{}` is {found}; the {side} is {limit}", site.name);
    site.error(node, Code::OutOfRange, message)
        .expected(expectation(key))
        .found(found)
        .help(format!("the nearest valid value is `{nearest}`"))
}

fn whole(key: &Key, node: &Node, site: &Site<'_>, least: u64, most: u64) -> Checked {
    if let Some(problem) = not_finite(key, node, site) {
        return Err(problem);
    }
    let number = match node.plain() {
        Some(Plain::Whole(number)) => number,
        Some(Plain::Real(number)) => {
            let help = format!("write `{}`", nearest_whole(number));
            let is_near = number.abs() < 1e15;
            return Err(wrong_type(key, node, site).help(if is_near { help } else { String::new() }));
        }
        _ => return Err(wrong_type(key, node, site).help(number_help(node))),
    };
    leading_zero(key, node, site)?;
    match u64::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Ok(Json::from(number)),
        _ => {
            let under = number < i128::from(least);
            let limit = if under { least } else { most }.to_string();
            Err(out_of_range(key, node, site, under, &limit, &limit))
        }
    }
}

/// The nearest whole number, for a suggestion.
fn nearest_whole(number: f64) -> i64 {
    number.round() as i64
}

fn leading_zero(key: &Key, node: &Node, site: &Site<'_>) -> Result<(), Diagnostic> {
    match node.text() {
        Some(text) if has_leading_zero(text) => {
            let sign = if text.starts_with('-') { "-" } else { "" };
            let digits = text.trim_start_matches(['+', '-', '0']);
            let digits = if digits.is_empty() { "0" } else { digits };
            let message = format!("{} begins with a zero, which old and new YAML read differently", quoted(text));
            Err(site
                .error(node, Code::WrongType, message)
                .expected(expectation(key))
                .found(quoted(text))
                .help(format!("write {}", quoted(&format!("{sign}{digits}")))))
        }
        _ => Ok(()),
    }
}

fn real(key: &Key, node: &Node, site: &Site<'_>, least: f64, most: f64) -> Checked {
    if let Some(problem) = not_finite(key, node, site) {
        return Err(problem);
    }
    let number = match node.plain() {
        Some(Plain::Whole(number)) => number as f64,
        Some(Plain::Real(number)) => number,
        _ => return Err(wrong_type(key, node, site).help(number_help(node))),
    };
    leading_zero(key, node, site)?;
    if (least..=most).contains(&number) {
        // Adding 0 makes of -0 a 0, so that equal policies have equal bytes.
        Ok(Json::from(number + 0.0))
    } else {
        let under = number < least;
        let limit = if under { least } else { most }.to_string();
        Err(out_of_range(key, node, site, under, &limit, &limit))
    }
}

fn choice(key: &Key, node: &Node, site: &Site<'_>, words: &'static [&'static str]) -> Checked {
    let text = match &node.value {
        Value::Scalar { text, .. } => text,
        _ => return Err(wrong_type(key, node, site)),
    };
    if words.contains(&&**text) {
        return Ok(Json::from(&**text));
    }
    if !matches!(node.plain(), None | Some(Plain::Word)) {
        return Err(wrong_type(key, node, site));
    }
    let known = any_of(words.iter().copied());
    let message = format!("{} is not a valid value for `{}`; expected one of {known}", quoted(text), site.name);
    let help = nearest_of_few(text, words).map_or_else(String::new, |word| format!("did you mean `{word}`?"));
    Err(site.error(node, Code::UnknownWord, message).expected(expectation(key)).found(quoted(text)).help(help))
}

fn memory(key: &Key, node: &Node, site: &Site<'_>) -> Checked {
    let text = match (&node.value, node.plain()) {
        (Value::Scalar { text, .. }, None | Some(Plain::Word | Plain::Whole(_) | Plain::Real(_))) => text,
        _ => return Err(wrong_type(key, node, site)),
    };
    let range = |under: bool| {
        let (limit, why) = if under { (LEAST, ": Spark doesn't start with less") } else { (MOST, "") };
        let limit_text = memory_size_text(limit);
        let mut problem = out_of_range(key, node, site, under, &format!("{limit_text}{why}"), &limit_text);
        if under && text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 6 {
            problem.help = format!("a number without a unit is bytes; write {} for MiB", quoted(&format!("{text}m")));
        }
        problem
    };
    match parse_memory_size(text) {
        Ok(size) if size < LEAST => Err(range(true)),
        Ok(size) if size <= MOST => Ok(Json::from(size.0)),
        Ok(_) | Err(MemorySizeError::TooLarge) => Err(range(false)),
        Err(MemorySizeError::Malformed { .. }) if text.starts_with('-') => Err(range(true)),
        Err(MemorySizeError::Malformed { meant }) => {
            let message = format!("`{}` takes a memory size like `4g`, not {}", site.name, quoted(text));
            let help = match meant {
                Some(meant) => format!("write `{meant}`"),
                None if text.eq_ignore_ascii_case("none") => "write `null`".to_owned(),
                None => WRITE.to_owned(),
            };
            Err(site
                .error(node, Code::BadMemorySize, message)
                .expected(expectation(key))
                .found(quoted(text))
                .help(help))
        }
    }
}

fn text(key: &Key, node: &Node, site: &Site<'_>) -> Checked {
    match (&node.value, node.plain()) {
        (Value::Scalar { text, .. }, None | Some(Plain::Word)) => Ok(Json::from(&**text)),
        (Value::Scalar { text, .. }, _) => {
            Err(wrong_type(key, node, site).help(format!("write it in quotes: {}", quoted(&format!("'{text}'")))))
        }
        _ => Err(wrong_type(key, node, site)),
    }
}

fn text_list(key: &Key, node: &Node, site: &Site<'_>) -> Checked {
    match &node.value {
        Value::List(items) => items
            .iter()
            .map(|item| {
                if item.is_null() {
                    let message = format!("`{}` has an item without a value", site.name);
                    return Err(site
                        .error(item, Code::NullNotAllowed, message)
                        .expected("text")
                        .found("null")
                        .help("remove the item"));
                }
                text(key, item, site).map_err(|problem| Diagnostic {
                    message: format!("`{}` takes a list of texts; this item is {}", site.name, description(item)),
                    expected: "text".to_owned(),
                    ..problem
                })
            })
            .collect(),
        Value::Scalar { text, .. } => {
            Err(wrong_type(key, node, site).help(format!("write a list: {}", quoted(&format!("[{text}]")))))
        }
        Value::Map(_) => Err(wrong_type(key, node, site)),
    }
}
