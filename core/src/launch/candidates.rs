//! Which of several clusters a job is for: by the time and the cost that the plan on each of them predicts.
//!
//! A cluster comes into question where an executor fits its machines. Of those that end the job in the target time and within the budget
//! the cheapest is taken (with the target `speed` the fastest); where none does, the fastest within the budget; where the
//! budget pays for none, the cheapest. A time or a cost that nobody can predict counts as met, and as the worst of all when compared.

use alloc::string::String;
use alloc::vec::Vec;

use super::clusters::{CandidatePlan, ClusterChoice};
use super::contract::{PlanLaunchAnswer, PlanLaunchInput};
use crate::cost::Prices;
use crate::error::ErrorBody;
use crate::facts::ClusterFacts;
use crate::policy::{OptimizationTarget, ResolvedPolicy};
use crate::trace::{Grade, Trace, Unit};
use crate::units::floor_u64;

/// More candidates than this are not looked at.
pub const MOST_CANDIDATES: usize = 64;

/// Plans the job on the best of the question's candidates; `plan_on` plans it on one of them.
///
/// # Errors
/// `does_not_fit` when it fits none of them, with what each said.
pub(super) fn plan_on_best(
    policy: &ResolvedPolicy,
    input: &PlanLaunchInput,
    plan_on: impl Fn(&ResolvedPolicy, &PlanLaunchInput, &ClusterFacts) -> Result<PlanLaunchAnswer, ErrorBody>,
) -> Result<PlanLaunchAnswer, ErrorBody> {
    let target = input.job.target.unwrap_or(policy.pipeline.optimization_target);
    let target_ms = floor_u64(policy.autoscaling.target_processing_time_minutes * 60_000.0);
    let mut best: Option<((u8, [u64; 3]), String, PlanLaunchAnswer)> = None;
    let mut candidates = Vec::new();
    for candidate in input.candidates.iter().take(MOST_CANDIDATES) {
        let mut policy = policy.clone();
        if let Some(micros) = candidate.executor_hour_micros {
            policy.cost.executor_hour_price = Some(micros as f64 / 1e6);
        }
        let mut told = CandidatePlan {
            name: candidate.name.clone(),
            executors: 0,
            run_ms: None,
            micros: None,
            in_time: false,
            in_budget: false,
            refused: None,
        };
        let cluster = ClusterFacts {
            nodes: candidate.nodes.clone(),
            quota_cores: candidate.quota_cores,
            ..input.cluster.clone()
        };
        match plan_on(&policy, input, &cluster) {
            Ok(plan) => {
                told.executors = plan.executors.value;
                told.run_ms = plan.run_time.as_ref().map(|time| time.value.run_ms);
                told.micros = plan.cost.as_ref().map(|cost| cost.value.micros);
                told.in_time = told.run_ms.is_none_or(|ms| ms <= target_ms);
                told.in_budget = told.run_ms.is_none_or(|ms| Prices::of(&policy).affords(told.executors, ms));
                let rank = rank(&told, target);
                // The first of equals stays.
                if best.as_ref().is_none_or(|(best, ..)| rank < *best) {
                    best = Some((rank, told.name.clone(), plan));
                }
            }
            Err(error) => told.refused = Some(error.message),
        }
        candidates.push(told);
    }
    let Some((_, name, mut plan)) = best else {
        let told = candidates.iter().map(|it| [&it.name, ": ", it.refused.as_deref().unwrap_or_default()].concat());
        let told: Vec<String> = told.collect();
        return Err(ErrorBody::new("does_not_fit", ["no cluster holds it; ", &told.join("; ")].concat()));
    };
    let trace = Trace::new(
        "cluster",
        "the cheapest that ends in the target time and within the budget (for speed the fastest); else the fastest within the budget, else \
         the cheapest",
        Unit::None,
    )
    .input("optimization target", target.word(), Unit::None, policy.origin("pipeline.optimization_target"))
    .input("target time", target_ms, Unit::Milliseconds, policy.origin("autoscaling.target_processing_time_minutes"))
    .input("budget of a run", Prices::of(policy).budget_micros, Unit::Micros, policy.origin("cost.budget_per_run"))
    .input("clusters", candidates.len() as u64, Unit::None, "asked")
    .unbounded(name.clone());
    let grade = plan.run_time.as_ref().map_or(Grade::C, |time| time.grade);
    plan.clusters = Some(ClusterChoice { cluster: trace.decide(name, grade), candidates });
    Ok(plan)
}

/// The order of candidates, the best first: what they meet, then time and cost in the order in which they count.
fn rank(plan: &CandidatePlan, target: OptimizationTarget) -> (u8, [u64; 3]) {
    let time = plan.run_ms.unwrap_or(u64::MAX);
    // Without a price executor time is what is paid.
    let cost = plan.micros.unwrap_or_else(|| time.saturating_mul(u64::from(plan.executors)));
    let (time_first, cost_first) = ([time, cost], [cost, time]);
    let (class, [first, second]) = match (plan.in_time, plan.in_budget) {
        (true, true) if target == OptimizationTarget::Speed => (0, time_first),
        (true, true) => (0, cost_first),
        (false, true) => (1, time_first),
        (_, false) => (2, cost_first),
    };
    (class, [first, second, u64::from(plan.executors)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{JobFacts, NodeFacts};
    use crate::launch::{ClusterCandidate, plan_launch};
    use crate::units::Bytes;
    use alloc::string::ToString as _;
    use alloc::vec;
    use proptest::prelude::*;

    fn cluster(name: &str, count: u32, price: u64) -> ClusterCandidate {
        let nodes = vec![NodeFacts { count, cores: 4, memory_bytes: Bytes::gib(16) }];
        ClusterCandidate { name: name.into(), nodes, quota_cores: None, executor_hour_micros: Some(price) }
    }

    fn policy(minutes: f64, budget: Option<f64>, target: OptimizationTarget) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = 1;
        policy.autoscaling.max_executors = 50;
        policy.autoscaling.target_processing_time_minutes = minutes;
        policy.cost.budget_per_run = budget;
        policy.pipeline.optimization_target = target;
        policy
    }

    /// 225 GiB are 4 h of one core: an hour on one executor of four cores.
    fn job(candidates: Vec<ClusterCandidate>) -> PlanLaunchInput {
        let job = JobFacts { input_bytes: Some(Bytes::gib(225)), ..JobFacts::default() };
        PlanLaunchInput { job, candidates, ..PlanLaunchInput::default() }
    }

    fn chosen(policy: &ResolvedPolicy) -> (alloc::string::String, u32) {
        let all = vec![cluster("small", 2, 100_000), cluster("large", 30, 300_000), cluster("middle", 10, 200_000)];
        let plan = plan_launch(policy, &job(all)).unwrap();
        (plan.clusters.unwrap().cluster.value, plan.executors.value)
    }

    #[test]
    fn time_and_money_choose() {
        use OptimizationTarget::{Balanced, Speed};
        // Half an hour: two executors are enough, and cheapest.
        assert_eq!(chosen(&policy(30.0, None, Balanced)), ("small".into(), 2));
        // Six minutes: ten are wanted, which two clusters have.
        assert_eq!(chosen(&policy(6.0, None, Balanced)), ("middle".into(), 10));
        // Two minutes: only one has 30.
        assert_eq!(chosen(&policy(2.0, None, Balanced)), ("large".into(), 30));
        // A minute: none has 60; the fastest is nearest.
        assert_eq!(chosen(&policy(1.0, None, Balanced)), ("large".into(), 30));
        // For speed the fastest of those that are in time, whatever it costs.
        assert_eq!(chosen(&policy(6.0, None, Speed)).0, "middle");
        // 0.15 pays for the small one alone, though it is late.
        assert_eq!(chosen(&policy(6.0, Some(0.15), Balanced)).0, "small");
        // Nothing pays: the cheapest.
        assert_eq!(chosen(&policy(6.0, Some(0.000_001), Balanced)).0, "small");
    }

    #[test]
    fn what_fits_nowhere_says_what_each_cluster_lacks() {
        let mut question = job(vec![cluster("a", 1, 1), cluster("b", 1, 1)]);
        question.history.task_peak_bytes = Some(Bytes::gib(64));
        let error = plan_launch(&policy(6.0, None, OptimizationTarget::Balanced), &question).unwrap_err();
        assert_eq!(error.code, "does_not_fit");
        assert!(error.message.contains("a: an executor needs") && error.message.contains("b: "), "{}", error.message);
        question.candidates.push(cluster("c", 1, 1));
        question.candidates.last_mut().unwrap().nodes.first_mut().unwrap().memory_bytes = Bytes::gib(1024);
        let plan = plan_launch(&policy(6.0, None, OptimizationTarget::Balanced), &question).unwrap();
        let choice = plan.clusters.unwrap();
        assert_eq!(choice.cluster.value, "c");
        assert!(choice.candidates.first().unwrap().refused.is_some());
    }

    proptest! {
        #[test]
        fn nothing_that_meets_both_is_beaten_by_what_does_not(
            sizes in prop::collection::vec((1..60_u32, 1..1_000_000_u64), 1..6), minutes in 1..60_u32, budget in 1..2_000_u32, target in 0..4_usize,
        ) {
            use OptimizationTarget::{Balanced, Memory, Quality, Speed};
            let all = sizes.iter().enumerate().map(|(n, (count, price))| cluster(&n.to_string(), *count, *price)).collect();
            let target = [Balanced, Memory, Quality, Speed][target];
            let policy = policy(f64::from(minutes), Some(f64::from(budget) / 1_000.0), target);
            let choice = plan_launch(&policy, &job(all)).unwrap().clusters.unwrap();
            let at = choice.candidates.iter().find(|plan| plan.name == choice.cluster.value).unwrap();
            for other in &choice.candidates {
                prop_assert!((at.in_time && at.in_budget) || !(other.in_time && other.in_budget));
                prop_assert!(at.in_budget || !other.in_budget);
                if (at.in_time, at.in_budget) == (other.in_time, other.in_budget) && target != Speed && at.in_time && at.in_budget {
                    prop_assert!(at.micros <= other.micros);
                }
            }
        }
    }
}
