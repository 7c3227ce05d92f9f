//! A key's value as the text in its control, and back.

use serde_json::Value as Json;
use sparkwright_core::policy::key::{Key, Kind};
use sparkwright_core::units::Bytes;
use sparkwright_policy::{expectation, memory_size_text, parse_memory_size};

use crate::document::built_in_value;

/// A value as a control shows it.
#[must_use]
pub fn shown(key: &Key, value: &Json) -> String {
    match (key.kind, value) {
        (_, Json::Null) => String::new(),
        (Kind::Memory, Json::Number(bytes)) => {
            bytes.as_u64().map_or_else(String::new, |bytes| memory_size_text(Bytes(bytes)))
        }
        (_, Json::String(text)) => text.clone(),
        (_, Json::Array(items)) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        // People write 60, not 60.0.
        (Kind::Real { .. }, Json::Number(number)) => number.as_f64().map_or_else(String::new, |real| real.to_string()),
        (_, other) => other.to_string(),
    }
}

/// The value that a text means for a key, in the form of the resolved policy.
///
/// # Errors
/// What the key takes.
pub fn read(key: &Key, text: &str) -> Result<Json, String> {
    let text = text.trim();
    let wrong = || format!("{} is needed", expectation(key));
    let value = match key.kind {
        Kind::Flag => Json::from(text == "true"),
        Kind::Choice(_) => Json::from(text),
        // A key whose built-in value is no text at all takes it from who writes.
        Kind::Text if text.is_empty() && built_in_value(key) == "" => Json::from(""),
        Kind::Memory | Kind::Real { .. } | Kind::Text if text.is_empty() => Json::Null,
        Kind::Memory => Json::from(parse_memory_size(text).map_err(|error| error.to_string())?.get()),
        Kind::Whole { least, most } => {
            Json::from(text.parse::<u64>().ok().filter(|n| (least..=most).contains(n)).ok_or_else(wrong)?)
        }
        Kind::Real { least, most } => {
            Json::from(text.parse::<f64>().ok().filter(|x| (least..=most).contains(x)).ok_or_else(wrong)?)
        }
        Kind::Text => Json::from(text),
        Kind::TextList => Json::from(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>(),
        ),
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sparkwright_core::policy::keys;

    #[test]
    fn what_is_shown_is_read_back() {
        for key in keys() {
            let value = built_in_value(key);
            assert_eq!(read(key, &shown(key, &value)), Ok(value), "{}", key.path());
        }
    }

    #[test]
    fn what_a_key_does_not_take_is_told() {
        let key = |name: &str| keys().find(|key| key.name == name).unwrap();
        for (name, text) in [
            ("min_executors", "0"),
            ("min_executors", "two"),
            ("dead_band_up", "NaN"),
            ("target_executor_memory", "4 elephants"),
        ] {
            assert!(read(key(name), text).is_err(), "{name} {text}");
        }
    }
}
