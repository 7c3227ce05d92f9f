//! The decisions of an answer: as the run's record keeps them, and as people read them.

use serde::Serialize;
use serde_json::{Value, json};
use sparkwright_core::answers::AnyAnswer;
use sparkwright_core::decision::{Made, Told};

use crate::record::{RecordedDecision, review_prose, told_bottleneck, told_recommendation};

/// The most characters of a pipeline's own words that are kept.
const LONGEST_TEXT: usize = 300;

/// The decisions of an answer, each with the name by which it stands there (for a clean-up, the table's), not numbered yet.
pub(super) fn decisions(answer: &AnyAnswer, subject: &str, now_ms: u64) -> Vec<(String, RecordedDecision)> {
    let recorded = |made: &Made<'_>| {
        let mut decision = RecordedDecision::of(now_ms, made, subject, false);
        decision.subject = short(&decision.subject);
        let name = match answer {
            AnyAnswer::Cleanup(_) => made.subject.unwrap_or_default(),
            _ => made.name,
        };
        (name.to_owned(), decision)
    };
    answer.decisions().iter().map(recorded).collect()
}

/// A decision as `plan --json` tells it, with what a pipeline shows to people.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    told: Told,
    /// What its grade means.
    how_sure: &'static str,
    /// Its trace as text.
    account: String,
}

/// The decisions of an answer; none is applied yet.
pub(super) fn shown(answer: &AnyAnswer, currency: &str) -> Vec<Shown> {
    let shown = |made: &Made<'_>| Shown {
        told: made.told(currency, false),
        how_sure: made.grade.meaning(),
        account: made.trace.render(""),
    };
    answer.decisions().iter().map(shown).collect()
}

/// Of a review what held the run up and what would help, line by line; of other answers nothing.
pub(super) fn prose(answer: &AnyAnswer, currency: &str) -> Value {
    let AnyAnswer::Review(review) = answer else { return Value::Null };
    let bottlenecks: Vec<String> = review.bottlenecks.iter().map(told_bottleneck).collect();
    let recommendations: Vec<String> = review.recommendations.iter().map(told_recommendation).collect();
    json!({"bottlenecks": bottlenecks, "recommendations": recommendations, "text": review_prose(review, currency)})
}

/// A text of the pipeline's as the record keeps it: bounded, on one line.
pub(super) fn short(text: &str) -> String {
    let mut kept: String = text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_on_one_line() {
        assert_eq!(short("a\nb\u{1b}"), "a b ");
        assert_eq!(short(&"ä".repeat(1_000)).chars().count(), LONGEST_TEXT + 1);
    }
}
