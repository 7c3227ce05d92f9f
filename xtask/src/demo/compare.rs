//! Whether two runs came to the same results.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

/// Floating-point sums depend on the order of the partitions in their last digits.
const TOLERANCE: f64 = 1e-6;

/// Compares results of one JSON object a line; returns how many there are.
pub(super) fn equal(one: &str, other: &str) -> Result<usize> {
    let (one, other) = (parse(one)?, parse(other)?);
    ensure!(!one.is_empty(), "the unsteered run has no results");
    ensure!(one.len() == other.len(), "unsteered: {} rows, steered: {} rows", one.len(), other.len());
    for (left, right) in one.iter().zip(&other) {
        if !same_object(left, right) {
            bail!(
                "the results differ\n  unsteered: {}\n  steered:   {}",
                Value::Object(left.clone()),
                Value::Object(right.clone())
            );
        }
    }
    Ok(one.len())
}

fn parse(text: &str) -> Result<Vec<Map<String, Value>>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not a JSON object: {line}"))).collect()
}

fn same_object(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    left.len() == right.len()
        && left.iter().all(|(key, value)| right.get(key).is_some_and(|counterpart| same(value, counterpart)))
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::equal;

    #[test]
    fn numbers_may_differ_in_their_last_digits_only() {
        let one = "{\"a\":\"x\",\"n\":0.25}\n{\"a\":\"y\",\"n\":3}\n";
        assert_eq!(equal(one, &one.replace("0.25", "0.2500000001")).unwrap(), 2);
        assert!(equal(one, &one.replace("0.25", "0.26")).is_err());
        assert!(equal(one, &one.replace('y', "z")).is_err());
        assert!(equal(one, "{\"a\":\"x\",\"n\":0.25}\n").is_err());
        assert!(equal("", "").is_err());
    }
}
