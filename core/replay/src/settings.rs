//! Spark's configurations as their texts say them.

/// A duration in milliseconds, as Spark reads it where `bare_ms` is what a number without a unit counts; nothing where it is none.
pub(crate) fn duration_ms(text: &str, bare_ms: i64) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: i64 = number.parse().ok()?;
    let unit = match unit.trim() {
        "" => return number.checked_mul(bare_ms),
        unit if unit.eq_ignore_ascii_case("us") => return Some(number / 1_000),
        unit if unit.eq_ignore_ascii_case("ms") => 1,
        unit if unit.eq_ignore_ascii_case("s") => 1_000,
        unit if unit.eq_ignore_ascii_case("m") || unit.eq_ignore_ascii_case("min") => 60_000,
        unit if unit.eq_ignore_ascii_case("h") => 3_600_000,
        unit if unit.eq_ignore_ascii_case("d") => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// A size in bytes, as Spark reads it where a number without a unit counts bytes; nothing where it is none.
pub(crate) fn size_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `JavaUtils.timeStringAs` of Apache Spark.
    #[test]
    fn durations_as_spark_reads_them() {
        let cases = [
            ("3s", Some(3_000)),
            ("3000", Some(3_000)),
            ("100ms", Some(100)),
            ("5min", Some(300_000)),
            ("5m", Some(300_000)),
            ("2H", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            (" 0s ", Some(0)),
            ("fast", None),
            ("3 weeks", None),
            ("", None),
        ];
        for (text, ms) in cases {
            assert_eq!(duration_ms(text, 1), ms, "{text}");
        }
        assert_eq!(duration_ms("60", 1_000), Some(60_000));
    }

    /// Source: `JavaUtils.byteStringAs` of Apache Spark.
    #[test]
    fn sizes_as_spark_reads_them() {
        let cases = [
            ("64MB", Some(64 << 20)),
            ("64m", Some(64 << 20)),
            ("1048576", Some(1 << 20)),
            ("64b", Some(64)),
            ("1 g", Some(1 << 30)),
            ("large", None),
            ("99999999999p", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size_bytes(text), bytes, "{text}");
        }
    }
}
