//! What a plain YAML scalar is, by the core schema of YAML 1.2: `yes`, `on` and `010` are not what they were in 1.1, so they
//! are refused where a flag or a number is wanted instead of being guessed at.

/// A plain scalar by what it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plain {
    Null,
    Flag(bool),
    /// A whole number; the nearest one that fits where it is beyond all counting.
    Whole(i128),
    Real(f64),
    /// NaN, an infinity, or a number too large to be told from one.
    NotFinite,
    /// Any other text.
    Word,
}

/// What the plain scalar `text` stands for.
pub(crate) fn classify(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Flag(true),
        "false" | "False" | "FALSE" => return Plain::Flag(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Plain::NotFinite;
    }
    if unsigned.is_empty() || !is_number(unsigned) {
        return Plain::Word;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let beyond = if text.starts_with('-') { i128::MIN } else { i128::MAX };
        return Plain::Whole(text.parse().unwrap_or(beyond));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Plain::Real(number),
        Ok(_) => Plain::NotFinite,
        Err(_) => Plain::Word,
    }
}

/// Whether it is a decimal number: digits with at most one dot, then perhaps an exponent.
fn is_number(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_is_number = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_is_number = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    mantissa_is_number && exponent_is_number
}

/// Whether a number of YAML 1.1 would be another number today, as `010` (eight then, ten now).
pub(crate) fn has_leading_zero(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a word is how people and programs write a number that is none.
pub(crate) fn means_not_finite(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    ["nan", "inf", "infinity", ".nan", ".inf"].iter().any(|name| unsigned.eq_ignore_ascii_case(name))
}

/// The flag that a word of YAML 1.1 or of everyday speech stands for.
pub(crate) fn meant_flag(word: &str) -> Option<bool> {
    let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    if is(&["yes", "y", "on", "true", "t", "1", "enabled"]) {
        Some(true)
    } else if is(&["no", "n", "off", "false", "f", "0", "disabled"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_typed_by_the_core_schema() {
        for (text, plain) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("null", Plain::Null),
            ("none", Plain::Word),
            ("True", Plain::Flag(true)),
            ("FALSE", Plain::Flag(false)),
            ("yes", Plain::Word),
            ("8", Plain::Whole(8)),
            ("-8", Plain::Whole(-8)),
            ("+8", Plain::Whole(8)),
            ("8.0", Plain::Real(8.0)),
            (".5", Plain::Real(0.5)),
            ("5.", Plain::Real(5.0)),
            ("1e3", Plain::Real(1000.0)),
            ("1E-3", Plain::Real(0.001)),
            ("1e400", Plain::NotFinite),
            (".inf", Plain::NotFinite),
            ("-.INF", Plain::NotFinite),
            (".nan", Plain::NotFinite),
            ("inf", Plain::Word),
            (".", Plain::Word),
            ("-", Plain::Word),
            ("1e", Plain::Word),
            ("1.2.3", Plain::Word),
            ("0x10", Plain::Word),
            ("1_000", Plain::Word),
            ("4g", Plain::Word),
        ] {
            assert_eq!(classify(text), plain, "{text}");
        }
        assert_eq!(classify(&"9".repeat(100)), Plain::Whole(i128::MAX));
        assert_eq!(classify(&format!("-{}", "9".repeat(100))), Plain::Whole(i128::MIN));
    }

    #[test]
    fn numbers_of_yaml_1_1_are_noticed() {
        assert!(has_leading_zero("010") && has_leading_zero("-007"));
        assert!(!has_leading_zero("0") && !has_leading_zero("10") && !has_leading_zero("0.5"));
    }
}
