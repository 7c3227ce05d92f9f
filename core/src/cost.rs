//! What a run costs: executors times hours times the price of an executor-hour.
//!
//! Money is counted in whole millionths of the policy's currency, so that every shell has the same figure. The price covers one executor
//! of the size that the plan has; where the driver's machine costs too, it belongs to the price of what it serves.

use serde::{Deserialize, Serialize};

use crate::decision::Value;
use crate::policy::ResolvedPolicy;
use crate::trace::{Decision, Grade, Scalar, Trace, Unit};
use crate::units::ceil_u64;

const MS_AN_HOUR: u128 = 3_600_000;

/// Prices of a policy, in millionths of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Of one executor for one hour; absent where the policy names none.
    pub executor_hour_micros: Option<u64>,
    /// What one run may cost; absent where the policy sets no limit.
    pub budget_micros: Option<u64>,
}

impl Prices {
    /// The prices of a policy.
    #[must_use]
    pub fn of(policy: &ResolvedPolicy) -> Self {
        Self {
            executor_hour_micros: policy.cost.executor_hour_price.map(micros),
            budget_micros: policy.cost.budget_per_run.map(micros),
        }
    }

    /// Those of nobody: what is known of no policy costs nothing that is known.
    #[must_use]
    pub const fn none() -> Self {
        Self { executor_hour_micros: None, budget_micros: None }
    }

    /// What so many executors cost in so long; nothing where they have no price.
    #[must_use]
    pub fn run(&self, executors: u32, run_ms: u64) -> Option<u64> {
        self.executor_time(u64::from(executors).saturating_mul(run_ms))
    }

    /// What so much executor time costs; nothing where it has no price.
    #[must_use]
    pub fn executor_time(&self, executor_ms: u64) -> Option<u64> {
        let price = u128::from(self.executor_hour_micros?);
        Some(u64::try_from((u128::from(executor_ms) * price).div_ceil(MS_AN_HOUR)).unwrap_or(u64::MAX))
    }

    /// Whether so many executors for so long stay within the budget; so does everything where there is none.
    #[must_use]
    pub fn affords(&self, executors: u32, run_ms: u64) -> bool {
        match (self.run(executors, run_ms), self.budget_micros) {
            (Some(cost), Some(budget)) => cost <= budget,
            _ => true,
        }
    }
}

/// A price of a policy file as millionths.
fn micros(price: f64) -> u64 {
    ceil_u64(libm::round(price * 1e6))
}

/// What a run takes and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cost {
    /// Executors times the time that they are held, in milliseconds.
    pub executor_ms: u64,
    /// Its price in millionths of the policy's currency.
    pub micros: u64,
}

impl Value for Cost {
    fn scalar(&self) -> Scalar {
        self.micros.into()
    }
}

/// Says what so many executors for so long cost; nothing where the policy names no price.
#[must_use]
pub fn run_cost(policy: &ResolvedPolicy, executors: u32, run_ms: u64, grade: Grade) -> Option<Decision<Cost>> {
    let prices = Prices::of(policy);
    let micros = prices.run(executors, run_ms)?;
    let executor_ms = u64::from(executors).saturating_mul(run_ms);
    let mut trace = Trace::new(
        "cost",
        "what the executors cost for the run time; executors * run time * price of an executor-hour",
        Unit::Micros,
    )
    .input("executors", executors, Unit::Executors, "executors")
    .input("run time", run_ms, Unit::Milliseconds, "run_time")
    .input(
        "price of an executor-hour",
        prices.executor_hour_micros,
        Unit::Micros,
        policy.origin("cost.executor_hour_price"),
    )
    .input("budget of a run", prices.budget_micros, Unit::Micros, policy.origin("cost.budget_per_run"))
    .unbounded(micros);
    if let Some(over) = prices.budget_micros.and_then(|budget| micros.checked_sub(budget)).filter(|over| *over > 0) {
        trace = trace.note(
            ["it is over the budget by ", &crate::trace::render_micros(over), " ", &policy.cost.currency].concat(),
        );
    }
    Some(trace.decide(Cost { executor_ms, micros }, grade))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priced(price: f64, budget: Option<f64>) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.cost.executor_hour_price = Some(price);
        policy.cost.budget_per_run = budget;
        policy
    }

    #[test]
    fn executor_hours_times_their_price() {
        let prices = Prices::of(&priced(0.24, Some(1.0)));
        assert_eq!(prices.run(10, 1_800_000), Some(1_200_000));
        assert_eq!(prices.run(1, 1), Some(1), "what is used is never free");
        assert!(prices.affords(10, 1_500_000) && !prices.affords(10, 1_500_001));
        assert_eq!(Prices::of(&ResolvedPolicy::default()).run(10, 1_800_000), None);
        assert_eq!(Prices::of(&priced(1e9, None)).run(u32::MAX, u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn the_account_says_by_how_much_a_budget_is_missed() {
        let cost = run_cost(&priced(2.0, Some(9.5)), 5, 3_600_000, Grade::B).unwrap();
        assert_eq!((cost.value.micros, cost.value.executor_ms), (10_000_000, 18_000_000));
        assert!(cost.trace.notes.iter().any(|note| note.contains("by 0.50 USD")), "{}", cost.trace.render(""));
        assert_eq!(run_cost(&ResolvedPolicy::default(), 5, 3_600_000, Grade::B), None);
    }
}
