//! Which columns of a sub-plan's output queries ask for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of one word of [`Columns`].
const WORD: usize = 64;
/// Hexadecimal digits of one word.
const DIGITS: usize = 16;

/// Columns by their positions in a sub-plan's output; no names. As text `17:000000000001ff03`: how many columns there are, then words of 64 bits in
/// hexadecimal, the first for positions 0 to 63. Text that is none stands for no column of none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Columns {
    of: u32,
    words: Vec<u64>,
}

impl Columns {
    /// These positions of so many columns.
    #[must_use]
    pub fn at(of: u32, positions: impl IntoIterator<Item = u32>) -> Self {
        let mut words = Vec::new();
        for position in positions.into_iter().filter(|position| *position < of) {
            let (word, bit) = (position as usize / WORD, position as usize % WORD);
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            if let Some(word) = words.get_mut(word) {
                *word |= 1 << bit;
            }
        }
        Self { of, words }
    }

    /// The columns of both; nothing where they are of different outputs.
    #[must_use]
    pub fn or(&self, other: &Self) -> Option<Self> {
        self.both(other, |one, other| one | other)
    }

    /// The columns that are in both; nothing where they are of different outputs.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        self.both(other, |one, other| one & other)
    }

    fn both(&self, other: &Self, of: fn(u64, u64) -> u64) -> Option<Self> {
        let word = |columns: &Self, at| columns.words.get(at).copied().unwrap_or(0);
        let words =
            (0..self.words.len().max(other.words.len())).map(|at| of(word(self, at), word(other, at))).collect();
        (self.of == other.of).then_some(Self { of: self.of, words })
    }

    /// How many there are, of how many.
    #[must_use]
    pub fn count(&self) -> (u32, u32) {
        (self.words.iter().map(|word| word.count_ones()).sum(), self.of)
    }

    fn read(text: &str) -> Option<Self> {
        let (of, digits) = text.split_once(':')?;
        let of = of.parse().ok()?;
        let words: Option<Vec<u64>> = digits
            .as_bytes()
            .chunks(DIGITS)
            .map(|word| {
                u64::from_str_radix(core::str::from_utf8(word).ok().filter(|word| word.len() == DIGITS)?, 16).ok()
            })
            .collect();
        // Bits beyond the last column would be columns that nobody has.
        words.filter(|words| words.len() <= (of as usize).div_ceil(WORD)).map(|words| Self { of, words })
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}:", self.of)?;
        self.words.iter().try_for_each(|word| write!(to, "{word:016x}"))
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{self}"))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::read(&String::deserialize(from)?).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn columns_are_text_and_back() {
        for (of, positions, text) in [
            (17, alloc::vec![0, 1, 8, 16], "17:0000000000010103"),
            (70, alloc::vec![64, 69], "70:00000000000000000000000000000021"),
            (0, alloc::vec![], "0:"),
            (5, alloc::vec![4, 5, 90], "5:0000000000000010"),
        ] {
            let columns = Columns::at(of, positions);
            assert_eq!(columns.to_string(), text);
            assert_eq!(Columns::read(text), Some(columns));
        }
        for none in [
            "",
            "5",
            "5:1",
            "x:0000000000000010",
            "5:00000000000000zz",
            "5:00000000000000100000000000000001",
            "5:é00000000000001",
        ] {
            assert_eq!(Columns::read(none), None, "{none}");
        }
        assert_eq!(serde_json::from_str::<Columns>("\"later versions\"").unwrap(), Columns::default());
    }

    #[test]
    fn of_two_outputs_nothing_is_said() {
        let (one, other) = (Columns::at(70, [1, 2, 65]), Columns::at(70, [2, 3]));
        assert_eq!(one.or(&other).map(|both| both.count()), Some((4, 70)));
        assert_eq!(one.and(&other), Columns::at(70, [2]).or(&Columns { of: 70, words: alloc::vec![0, 0] }));
        assert_eq!(one.and(&Columns::at(71, [1])), None);
    }
}
