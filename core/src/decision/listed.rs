//! An answer with its decisions as a list.

use alloc::vec::Vec;
use serde::Serialize;

use super::Answer;
use super::made::Told;

/// An answer's members, and its decisions as a list: what `plan --json` prints and the page copies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed<'a, A> {
    #[serde(flatten)]
    answer: &'a A,
    decisions: Vec<Told>,
}

impl<'a, A: Answer> Listed<'a, A> {
    /// An answer that nothing was done by yet; money in `currency`.
    #[must_use]
    pub fn of(answer: &'a A, currency: &str) -> Self {
        Self { answer, decisions: answer.decisions().iter().map(|made| made.told(currency, false)).collect() }
    }
}
