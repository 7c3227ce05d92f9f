//! Conditions on what a change of the policy does: `time > +5%`, `any cost > +10%`, `denied > 0`.

use std::fmt;

use super::told::{Held, Told, ToldRun};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Time,
    ExecutorTime,
    Cost,
    Denied,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// Of each run instead of all of them together.
    any: bool,
    measure: Measure,
    more: bool,
    /// A share, as 0.05; of runs that are denied, their number.
    limit: f64,
}

const FORM: &str = "write it as 'time > +5%', 'any executor_time > +20%', 'cost > +10%' or 'denied > 0'";

impl Condition {
    /// Reads one.
    ///
    /// # Errors
    /// It is none; says how one is written.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = |what: String| format!("{what}; {FORM}");
        let (any, rest) = match text.trim().strip_prefix("any ") {
            Some(rest) => (true, rest.trim()),
            None => (false, text.trim()),
        };
        let at = rest.find(['<', '>']).ok_or_else(|| wrong(format!("`{text}` has neither < nor >")))?;
        let (name, comparison) = rest.split_at(at);
        let measure = match name.trim() {
            "time" => Measure::Time,
            "executor_time" => Measure::ExecutorTime,
            "cost" => Measure::Cost,
            "denied" => Measure::Denied,
            other => return Err(wrong(format!("`{other}` is not time, executor_time, cost or denied"))),
        };
        let (more, limit) = (comparison.starts_with('>'), comparison.get(1..).unwrap_or_default().trim());
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let limit = match (measure, limit.strip_suffix('%')) {
            (Measure::Denied, None) => number(limit),
            (Measure::Denied, Some(_)) | (_, None) => None,
            (_, Some(percent)) => number(percent).map(|percent| percent / 100.0),
        };
        let limit = limit.ok_or_else(|| {
            let unit = if measure == Measure::Denied { "a number of runs, as 0" } else { "a share in percent, as +5%" };
            wrong(format!("after {} stands no {unit}", if more { '>' } else { '<' }))
        })?;
        Ok(Self { any, measure, more, limit })
    }

    /// Whether it holds.
    fn holds(&self, told: &Told) -> bool {
        let beyond = |value: f64| if self.more { value > self.limit } else { value < self.limit };
        if self.measure == Measure::Denied {
            return beyond(told.runs.iter().filter(|run| run.newly_denied()).count() as f64);
        }
        if self.any {
            return told.runs.iter().any(|run| self.share(&[run]).is_some_and(beyond));
        }
        let runs: Vec<&ToldRun> = told.runs.iter().collect();
        self.share(&runs).is_some_and(beyond)
    }

    /// By what share these runs take more together; nothing where there is none of it.
    fn share(&self, runs: &[&ToldRun]) -> Option<f64> {
        let (old, new) = runs
            .iter()
            .filter_map(|run| run.both(self.measure))
            .fold((0.0, 0.0), |sum, both| (sum.0 + both.0, sum.1 + both.1));
        (old > 0.0).then(|| new / old - 1.0)
    }
}

/// Which of these hold.
pub(super) fn held(conditions: &[Condition], told: &Told) -> Vec<Held> {
    conditions.iter().map(|it| Held { condition: it.to_string(), holds: it.holds(told) }).collect()
}

impl ToldRun {
    fn both(&self, measure: Measure) -> Option<(f64, f64)> {
        let (old, new) = self.sides()?;
        match measure {
            Measure::Time => Some((old.time_ms as f64, new.time_ms as f64)),
            Measure::ExecutorTime => Some((old.executor_seconds, new.executor_seconds)),
            Measure::Cost => Some((old.cost? as f64, new.cost? as f64)),
            Measure::Denied => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measure = match self.measure {
            Measure::Time => "time",
            Measure::ExecutorTime => "executor_time",
            Measure::Cost => "cost",
            Measure::Denied => "denied",
        };
        let (any, sign) = (if self.any { "any " } else { "" }, if self.more { '>' } else { '<' });
        if self.measure == Measure::Denied {
            write!(f, "{any}{measure} {sign} {}", self.limit)
        } else {
            write!(f, "{any}{measure} {sign} {:+}%", (self.limit * 1e4).round() / 1e2)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn conditions_are_read_and_written() {
        for (text, as_written) in [
            ("time > +5%", "time > +5%"),
            (" any  executor_time>20 %", "any executor_time > +20%"),
            ("cost < -2.5%", "cost < -2.5%"),
            ("denied > 0", "denied > 0"),
        ] {
            assert_eq!(Condition::read(text).unwrap().to_string(), as_written, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for (text, told) in [
            ("", "neither < nor >"),
            ("time = 5%", "neither < nor >"),
            ("speed > 5%", "`speed` is not time"),
            ("time > 5", "no a share in percent"),
            ("time > x%", "no a share in percent"),
            ("denied > 5%", "no a number of runs"),
            ("time > inf%", "no a share in percent"),
        ] {
            let error = Condition::read(text).unwrap_err();
            assert!(error.contains(told) && error.contains("write it as"), "{text}: {error}");
        }
    }
}
