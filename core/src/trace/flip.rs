//! The nearest change of an input that would change a decision: "one executor fewer below 41 GiB".
//!
//! A rule gives its value as a plain function of one input; [`Along::flips`] looks along that input in both directions, in steps that double
//! from a sixty-fourth of it, and then halves its way to the place where the value changes. The value at the place found differs from the decision's and the
//! value one step before it does not. Rules rise or fall with an input: where one should come back to its value at the end of the range,
//! or within one doubling, a flip may be missed.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::{Scalar, Unit};
use crate::units::Bytes;

/// On which side of the present input a flip lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The decision changes once the input is down to this.
    DownTo,
    /// The decision changes once the input is up to this.
    UpTo,
}

/// A change of one input that changes the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Flip {
    /// The input, as the trace names it.
    pub input: Cow<'static, str>,
    /// On which side of its present value.
    pub side: Side,
    /// The value of the input from which on the decision is another.
    pub at: Scalar,
    /// The unit of `at`.
    pub unit: Unit,
    /// What the decision is there.
    pub becomes: Scalar,
}

impl Flip {
    /// The flip in prose, where `unit` is the decision's: `7 with shuffled data of 960 MiB or less`.
    #[must_use]
    pub fn render(&self, unit: Unit) -> String {
        // The places lie close to the present one: sizes are told to the last MiB.
        let precise = |value: &Scalar, unit| match (value, unit) {
            (Scalar::Whole(bytes), Unit::Bytes) => Bytes(*bytes).precise(),
            (value, unit) => value.render(unit),
        };
        let beyond = match self.side {
            Side::DownTo => "or less",
            Side::UpTo => "or more",
        };
        alloc::format!("{} with {} {} {beyond}", precise(&self.becomes, unit), self.input, precise(&self.at, self.unit))
    }
}

/// An input that may be changed: its name, where it stands, and how far and how finely it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Along {
    /// The input, as the trace names it.
    pub input: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Where it stands.
    pub at: u64,
    /// The smallest value that makes sense.
    pub least: u64,
    /// The largest value that makes sense.
    pub most: u64,
    /// How finely it is looked at: flips are told to within this.
    pub step: u64,
}

/// The first look for a flip goes this part of the way from nothing to where the input stands.
const FIRST_LOOK: u64 = 64;

impl Along {
    /// The nearest flips below and above, where there are any. `value` is the decision at another value of the input.
    #[must_use]
    pub fn flips<T: Into<Scalar>>(&self, value: impl Fn(u64) -> T) -> Vec<Flip> {
        self.search(&|at| value(at).into())
    }

    // One search for all rules, and not a copy in every one: the module is smaller for it.
    #[inline(never)]
    fn search(&self, value: &dyn Fn(u64) -> Scalar) -> Vec<Flip> {
        let now = value(self.at);
        let mut flips = Vec::with_capacity(2);
        for side in [Side::DownTo, Side::UpTo] {
            if let Some((at, becomes)) = self.nearest(side, value, &now) {
                let input = Cow::Borrowed(self.input);
                flips.push(Flip { input, side, at: Scalar::Whole(at), unit: self.unit, becomes });
            }
        }
        flips
    }

    /// The place nearest to where the input stands, on one side, at which the value is not `now`, and the value there.
    #[inline(never)]
    fn nearest(&self, side: Side, value: &dyn Fn(u64) -> Scalar, now: &Scalar) -> Option<(u64, Scalar)> {
        let step = self.step.max(1);
        let reach = match side {
            Side::DownTo => self.at.saturating_sub(self.least),
            Side::UpTo => self.most.saturating_sub(self.at),
        };
        let at = |steps: u64| match side {
            Side::DownTo => self.at - steps * step,
            Side::UpTo => self.at + steps * step,
        };
        // Distances in steps: up to `same` the value was seen to hold, at `other` it was seen to differ.
        let (mut same, mut other) = (0, reach / step);
        let mut becomes = value(at(other));
        if other == 0 || becomes == *now {
            return None;
        }
        // Most flips lie within a small share of where the input stands.
        let mut next = (self.at / step / FIRST_LOOK).max(1);
        while other - same > 1 {
            let middle = if next < other { next } else { same.midpoint(other) };
            let found = value(at(middle));
            if found == *now {
                (same, next) = (middle, middle.saturating_mul(2));
            } else {
                (other, becomes, next) = (middle, found, u64::MAX);
            }
        }
        Some((at(other), becomes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn along(at: u64, least: u64, most: u64, step: u64) -> Along {
        Along { input: "size", unit: Unit::Bytes, at, least, most, step }
    }

    fn places(flips: &[Flip]) -> Vec<(Side, u64)> {
        flips
            .iter()
            .map(|flip| match flip.at {
                Scalar::Whole(at) => (flip.side, at),
                _ => (flip.side, 0),
            })
            .collect()
    }

    #[test]
    fn both_sides_are_found() {
        let flips = along(41, 0, 1_000, 1).flips(|x| x.div_ceil(10));
        assert_eq!(places(&flips), [(Side::DownTo, 40), (Side::UpTo, 51)]);
        assert_eq!(flips.iter().map(|flip| flip.becomes.clone()).collect::<Vec<_>>(), [4_u64.into(), 6_u64.into()]);
    }

    #[test]
    fn where_nothing_changes_there_is_no_flip() {
        assert_eq!(along(41, 0, 1_000, 1).flips(|_| true), []);
        assert_eq!(along(7, 7, 7, 1).flips(|x| x), []);
        assert_eq!(along(u64::MAX, u64::MAX, 0, 0).flips(|x| x), []);
        assert_eq!(places(&along(0, 0, u64::MAX, 1).flips(|x| x == u64::MAX)), [(Side::UpTo, u64::MAX)]);
    }

    proptest! {
        #[test]
        fn a_flip_of_a_rising_rule_is_the_nearest(least in 0..100_u64, above in 0..5_000_u64, more in 0..5_000_u64, edge in 1..300_u64) {
            let (at, most) = (least + above, least + above + more);
            for (side, place) in places(&along(at, least, most, 1).flips(|x| x / edge)) {
                prop_assert!((least..=most).contains(&place));
                let before = if side == Side::UpTo { place - 1 } else { place + 1 };
                prop_assert_eq!(before / edge, at / edge);
                prop_assert!(place / edge != at / edge);
            }
        }
    }
}
