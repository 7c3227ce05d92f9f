//! Sizes of memory as Spark writes them: a whole number and one of `b`, `k`, `m`, `g`, `t`, `p`, also as `kb`, `mb` and so on,
//! in either case. Units are binary, as Spark's are. A number without a unit is bytes.

use std::fmt;

use sparkwright_core::units::{Bytes, GIB, MIB};

/// The least heap that Spark starts with: 1.5 times the 300 MiB that it keeps for itself (`UnifiedMemoryManager`).
pub const LEAST: Bytes = Bytes(450 * MIB);

/// More than any machine has.
pub const MOST: Bytes = Bytes(16 * 1024 * GIB);

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemorySizeError {
    /// It is not a number with a unit; with the size that was probably meant, as Spark writes it.
    Malformed {
        /// What was probably meant.
        meant: Option<String>,
    },
    /// It is more bytes than a machine can count.
    TooLarge,
}

/// How a size is written, for who meant none that can be guessed.
pub(crate) const WRITE: &str = "write a whole number and one of k, m, g, t, as in `4g`";

impl fmt::Display for MemorySizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { meant: Some(meant) } => {
                write!(f, "not a memory size as Spark writes it; write `{meant}`")
            }
            Self::Malformed { meant: None } => write!(f, "not a memory size as Spark writes it; {WRITE}"),
            Self::TooLarge => f.write_str("more bytes than a machine can count"),
        }
    }
}

impl std::error::Error for MemorySizeError {}

/// Reads a size as Spark writes it.
///
/// # Errors
/// [`MemorySizeError`], where Spark would not read it either.
pub fn parse_memory_size(text: &str) -> Result<Bytes, MemorySizeError> {
    let (number, unit) = split(text);
    let all_digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let (true, Some(factor)) = (all_digits, spark_unit(unit)) else {
        return Err(MemorySizeError::Malformed { meant: meant(text) });
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).map(Bytes).ok_or(MemorySizeError::TooLarge)
}

/// The leading digits, dots and signs, and the rest.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn spark_unit(unit: &str) -> Option<u64> {
    match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" => Some(1024),
        "m" | "mb" => Some(MIB),
        "g" | "gb" => Some(GIB),
        "t" | "tb" => Some(1024 * GIB),
        "p" | "pb" => Some(1024 * 1024 * GIB),
        _ => None,
    }
}

/// What `1.5g`, `4 GiB` or `4gig` mean, written as Spark reads it.
fn meant(text: &str) -> Option<String> {
    let (number, unit) = split(text.trim());
    let letter = unit.trim().chars().next()?.to_ascii_lowercase();
    let factor = spark_unit(letter.encode_utf8(&mut [0; 4]))?;
    let number: f64 = number.parse().ok()?;
    if !(number > 0.0 && number < 1e6) {
        return None;
    }
    if number.fract() == 0.0 {
        return Some(format!("{number}{letter}"));
    }
    // A fraction becomes the next smaller unit, rounded down.
    let bytes = number * factor as f64;
    let (size, letter) = if factor > MIB { (MIB, 'm') } else { (1024, 'k') };
    let whole = (bytes / size as f64) as u64;
    (whole > 0).then(|| format!("{whole}{letter}"))
}

/// A size as Spark reads it, in the largest unit that leaves it whole.
#[must_use]
pub fn memory_size_text(size: Bytes) -> String {
    const UNITS: [(&str, u64); 4] = [("t", 1024 * GIB), ("g", GIB), ("m", MIB), ("k", 1024)];
    for (unit, factor) in UNITS {
        if size.0 >= factor && size.0.is_multiple_of(factor) {
            return format!("{}{unit}", size.0 / factor);
        }
    }
    format!("{}b", size.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_spark_reads_them() {
        for (text, bytes) in [
            ("4g", 4 * GIB),
            ("4G", 4 * GIB),
            ("4gb", 4 * GIB),
            ("512m", 512 * MIB),
            ("1536k", 1536 * 1024),
            ("1536K", 1536 * 1024),
            ("17b", 17),
            ("471859200", 450 * MIB),
            ("1t", 1024 * GIB),
            ("1p", 1024 * 1024 * GIB),
            ("0", 0),
        ] {
            assert_eq!(parse_memory_size(text), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let told = |text| parse_memory_size(text).unwrap_err().to_string();
        assert_eq!(told("1.5g"), "not a memory size as Spark writes it; write `1536m`");
        assert!(told("4 elephants").ends_with(WRITE));
        assert!(told("99999999999p").contains("more bytes"));
    }

    #[test]
    fn what_spark_refuses_is_refused_with_what_was_meant() {
        for (text, meant) in [
            ("1.5g", Some("1536m")),
            ("0.5m", Some("512k")),
            ("4 g", Some("4g")),
            ("4GiB", Some("4g")),
            ("4 gigabytes", Some("4g")),
            ("four", None),
            ("-4g", None),
            ("", None),
            ("g", None),
            ("4x", None),
            ("nang", None),
            ("1e3g", None),
        ] {
            assert_eq!(
                parse_memory_size(text),
                Err(MemorySizeError::Malformed { meant: meant.map(str::to_owned) }),
                "{text}"
            );
        }
        assert_eq!(parse_memory_size("99999999999999999999"), Err(MemorySizeError::TooLarge));
        assert_eq!(parse_memory_size("99999999p"), Err(MemorySizeError::TooLarge));
    }

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for text in ["1t", "4g", "1536m", "450m", "17b", "3k"] {
            assert_eq!(parse_memory_size(text).map(memory_size_text), Ok(text.to_owned()));
        }
    }
}
