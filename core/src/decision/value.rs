//! What is decided, as a number or a word.

use alloc::string::String;

use crate::trace::{Scalar, Unit};
use crate::units::Bytes;

/// The value of a decision, as lists show it.
pub trait Value {
    /// The value in a number or a word, in the decision's unit.
    fn scalar(&self) -> Scalar;

    /// The value as people read it, with `unit` and what belongs beside it.
    fn text(&self, unit: Unit) -> String {
        self.scalar().render(unit)
    }
}

macro_rules! plain {
    ($($type:ty),+) => { $(impl Value for $type {
        fn scalar(&self) -> Scalar {
            self.clone().into()
        }
    })+ };
}
plain!(u32, u64, bool, Bytes, String, Scalar);
