//! Quantities with their unit in the type, so that bytes, milliseconds and counts can't be mixed.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// 1 MiB in bytes.
pub const MIB: u64 = 1024 * 1024;
/// 1 GiB in bytes.
pub const GIB: u64 = 1024 * MIB;

impl Bytes {
    /// `n` MiB, as many as fit.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n.saturating_mul(MIB))
    }

    /// `n` GiB, as many as fit.
    #[must_use]
    pub const fn gib(n: u64) -> Self {
        Self(n.saturating_mul(GIB))
    }

    /// The plain number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// This share of the size, rounded down; `share` outside 0..=1 is taken as the nearer end.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self(floor_u64(self.0 as f64 * share.clamp(0.0, 1.0)))
    }

    /// The size in whole MiB, rounded down: the unit that Spark's memory settings are written in.
    #[must_use]
    pub const fn whole_mib(self) -> u64 {
        self.0 / MIB
    }

    /// Spark's notation of this size in MiB, for example `4096m`.
    #[must_use]
    pub fn spark_mib(self) -> alloc::string::String {
        alloc::format!("{}m", self.whole_mib())
    }

    /// This size rounded up to whole GiB.
    #[must_use]
    pub const fn ceil_gib(self) -> Self {
        Self(self.0.div_ceil(GIB).saturating_mul(GIB))
    }
}

/// Binary units, the largest first.
const UNITS: [(&str, u64); 4] = [("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", MIB), ("KiB", 1024)];

impl Bytes {
    /// As [`fmt::Display`], with up to three decimals: for sizes that matter to the last of them, as thresholds do.
    #[must_use]
    pub fn precise(self) -> alloc::string::String {
        for (name, size) in UNITS {
            if self.0 >= size {
                let thousandths = (u128::from(self.0) * 1_000 + u128::from(size) / 2) / u128::from(size);
                let text = alloc::format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
                return [text.trim_end_matches('0').trim_end_matches('.'), name].join(" ");
            }
        }
        alloc::format!("{} B", self.0)
    }
}

impl fmt::Display for Bytes {
    /// The largest binary unit that leaves a number of at least 1, with one decimal where it is not whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, size) in UNITS {
            if self.0 >= size {
                let tenths = (u128::from(self.0) * 10 + u128::from(size) / 2) / u128::from(size);
                return if tenths.is_multiple_of(10) {
                    write!(f, "{} {name}", tenths / 10)
                } else {
                    write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// The largest whole number not above `x`; 0 for anything negative or not a number, `u64::MAX` above its range.
#[must_use]
pub fn floor_u64(x: f64) -> u64 {
    // A float-to-integer cast in Rust saturates and maps NaN to 0 on every platform.
    libm::floor(x) as u64
}

/// The smallest whole number not under `x`; 0 for anything negative or not a number, `u64::MAX` above its range.
#[must_use]
pub fn ceil_u64(x: f64) -> u64 {
    libm::ceil(x) as u64
}

/// `x` as a `u32`, or the largest one when it is above.
#[must_use]
pub fn saturating_u32(x: u64) -> u32 {
    u32::try_from(x).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (128 * MIB, "128 MiB"),
            (2_388_233_421, "2.2 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn thresholds_read_to_the_last_decimal() {
        for (bytes, text) in [(0, "0 B"), (1025 * MIB, "1.001 GiB"), (41 * GIB, "41 GiB"), (1_500, "1.465 KiB")] {
            assert_eq!(Bytes(bytes).precise(), text);
        }
    }

    #[test]
    fn casts_never_wrap() {
        assert_eq!(ceil_u64(f64::NAN), 0);
        assert_eq!(ceil_u64(-3.2), 0);
        assert_eq!(ceil_u64(f64::INFINITY), u64::MAX);
        assert_eq!(floor_u64(2.999), 2);
    }
}
