//! Run time and cost of the chosen job over the number of executors.
//!
//! Each point is a plan of the module for a policy that allows that number of executors and no other.

use std::rc::Rc;

use serde_json::json;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::trace::Grade;
use yew::prelude::*;

use crate::chart::{Across, Axis, Band, Mark, Series, Spec};
use crate::clock;
use crate::job::Job;
use crate::parts::chart_view::ChartView;
use crate::parts::swept::{Outcome, use_swept};
use crate::shell::{Sweep, Swept};
use crate::state::{Module, use_page};

/// The most points: each is a policy of its own.
const MOST_POINTS: u32 = 60;
/// What is taken from each plan.
const PICK: [&str; 5] = [
    "executors.value",
    "run_time.value.run_ms",
    "run_time.value.low_ms",
    "run_time.value.high_ms",
    "cost.value.micros",
];

/// Properties of [`ByExecutors`].
#[derive(Properties, PartialEq)]
pub struct ByExecutorsProperties {
    /// The plan at the chosen size.
    pub plan: PlanLaunchAnswer,
}

/// Numbers of executors from 1 to the most that the policy allows, `chosen` among them.
fn numbers(most: u32, chosen: u32) -> Vec<u32> {
    let points = most.clamp(1, MOST_POINTS);
    let spread = |at: u32| (u64::from(most - 1) * u64::from(at) / u64::from((points - 1).max(1))) as u32 + 1;
    let mut numbers: Vec<u32> = (0..points).map(spread).chain((1..=most).contains(&chosen).then_some(chosen)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A policy that allows one number of executors only.
fn pinned(policy: &ResolvedPolicy, executors: u32) -> String {
    let mut policy = policy.clone();
    policy.autoscaling.min_executors = executors;
    policy.autoscaling.max_executors = executors;
    String::from_utf8(policy.brief_json()).unwrap_or_default()
}

fn sweep(policy: &ResolvedPolicy, job: &Job, numbers: &[u32]) -> Sweep {
    let (now_ms, offset) = clock::now();
    let policies: Vec<String> = numbers.iter().map(|executors| pinned(policy, *executors)).collect();
    Sweep {
        lane: "by executors",
        policies: format!("[{}]", policies.join(",")),
        point: DecisionPoint::PlanLaunch.number(),
        question: json!(job.launch_question(now_ms, offset)).to_string(),
        path: "job.input_bytes",
        values: json!([job.input_bytes]).to_string(),
        pick: json!(PICK).to_string(),
    }
}

/// A plan at a number of executors.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    executors: u32,
    run_ms: f64,
    low_ms: Option<f64>,
    high_ms: Option<f64>,
    micros: Option<f64>,
}

/// The points with a run time. A rule of the policy, or too small a cluster, may give other numbers than were asked for: those say nothing.
fn points(numbers: &[u32], swept: &Swept) -> Vec<Point> {
    let of = |(executors, rows): (&u32, &Vec<Vec<Option<f64>>>)| {
        let [planned, run_ms, low_ms, high_ms, micros] = rows.first()?.as_slice() else { return None };
        (*planned == Some(f64::from(*executors))).then_some(())?;
        Some(Point { executors: *executors, run_ms: (*run_ms)?, low_ms: *low_ms, high_ms: *high_ms, micros: *micros })
    };
    numbers.iter().zip(&swept.series).filter_map(of).collect()
}

/// The chart of the points.
fn spec(points: &[Point], chosen: u32, target_ms: f64, currency: &str) -> Spec {
    let line = |label: &str, colour: usize, dash: bool, axis: &'static str, value: &dyn Fn(&Point) -> Option<f64>| {
        Series { label: label.to_owned(), colour, dash, axis, values: points.iter().map(value).collect() }
    };
    let mut series = vec![line("run time", 0, false, "y", &|point| Some(point.run_ms))];
    if points.iter().any(|point| point.low_ms.is_some()) {
        series.push(line("hardly shorter", 7, true, "y", &|point| point.low_ms));
        series.push(line("hardly longer", 7, true, "y", &|point| point.high_ms));
    }
    let has_cost = points.iter().any(|point| point.micros.is_some());
    if has_cost {
        series.push(line("cost", 1, false, "y2", &|point| point.micros.map(|micros| micros / 1e6)));
    }
    let cost = if currency.is_empty() { "Cost".to_owned() } else { format!("Cost, {currency}") };
    let what = if has_cost { "Run time and cost" } else { "Run time" };
    Spec {
        kind: "line",
        title: format!("{what} by number of executors"),
        description: "Each point is a plan that may have this number of executors and no other.".to_owned(),
        x: Across {
            axis: Axis::new("Executors", "executors"),
            values: points.iter().map(|point| f64::from(point.executors)).collect(),
        },
        y: Axis::new("Run time", "ms"),
        y2: has_cost.then(|| Axis::new(cost, "money")),
        series,
        bands: vec![Band { label: "target time".to_owned(), from: None, to: Some(target_ms) }],
        marks: vec![Mark { x: f64::from(chosen), label: "the plan".to_owned(), kind: "chosen" }],
    }
}

/// Run time and cost over the number of executors.
#[component]
pub fn ByExecutors(properties: &ByExecutorsProperties) -> Html {
    let page = use_page();
    let plan = &properties.plan;
    let is_ready = matches!(page.module, Module::Ready { .. });
    let policy = page.document.policy(&page.environment);
    let chosen = plan.executors.value;
    let has_time = plan.run_time.is_some();
    let asked = use_memo(
        (is_ready, policy.clone(), page.job.clone(), chosen, has_time),
        |(is_ready, policy, job, chosen, has_time)| {
            let policy = policy.as_ref().filter(|_| *is_ready && *has_time)?;
            let numbers = numbers(policy.autoscaling.max_executors, *chosen);
            Some(Rc::new((sweep(policy, job, &numbers), (numbers, *chosen))))
        },
    );
    let swept = use_swept((*asked).clone());
    let took = match &*swept {
        Outcome::Found(_, swept) => Some(format!("{:.1}", swept.ms)),
        _ => None,
    };
    let body = match (&*swept, &plan.run_time, &policy) {
        (_, None, _) | (_, _, None) => html! {
            <p class="empty">{"How long this job takes is not known, so there is nothing to draw: say how much it reads, or paste its earlier runs (as `sparkwright history` prints them) under The cluster, Earlier runs."}</p>
        },
        (Outcome::Failed(why), ..) => html! { <p class="empty error">{ why }</p> },
        (Outcome::Waiting, ..) => {
            html! { <p class="empty" aria-busy="true">{"Asking the policy for every number of executors …"}</p> }
        }
        (Outcome::Found((numbers, chosen), swept), Some(time), Some(policy)) => {
            let points = points(numbers, swept);
            let target_ms = policy.autoscaling.target_processing_time_minutes * 60_000.0;
            let note = match (time.grade, plan.cost.is_some()) {
                (Grade::C, _) => {
                    "An estimate from the input size. With earlier runs it would be a prediction: paste them under Earlier runs."
                }
                (_, false) => {
                    "Cost is shown where the policy has a price of an executor-hour (`cost.executor_hour_price`)."
                }
                _ => "",
            };
            if points.is_empty() {
                let why = swept.errors.iter().flatten().next().map_or_else(String::new, |why| format!(": {why}"));
                html! { <p class="empty">{ format!("No number of executors can be asked for alone here{why}.") }</p> }
            } else {
                html! {
                    <>
                        <ChartView spec={spec(&points, *chosen, target_ms, &policy.cost.currency)} />
                        if !note.is_empty() { <p class="muted">{ note }</p> }
                    </>
                }
            }
        }
    };
    html! {
        <section class="charts" aria-label="Time and cost by executors" data-sweep-ms={took}>
            <h2>{"By number of executors"}</h2>
            { body }
        </section>
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_numbers_reach_from_one_to_the_most_and_hold_the_chosen_one() {
        assert_eq!(numbers(1, 1), [1]);
        assert_eq!(numbers(4, 3), [1, 2, 3, 4]);
        assert_eq!(numbers(4, 9), [1, 2, 3, 4]);
        let many = numbers(10_000, 137);
        assert!(many.len() <= MOST_POINTS as usize + 1 && many.contains(&137));
        assert_eq!((many[0], many[many.len() - 1]), (1, 10_000));
    }

    #[test]
    fn a_pinned_policy_allows_one_number() {
        let policy: ResolvedPolicy = serde_json::from_str(&pinned(&ResolvedPolicy::default(), 7)).unwrap();
        assert_eq!((policy.autoscaling.min_executors, policy.autoscaling.max_executors), (7, 7));
    }

    #[test]
    fn plans_of_other_numbers_say_nothing() {
        let row = |executors, run_ms, micros| vec![vec![Some(executors), run_ms, None, None, micros]];
        let swept = Swept {
            series: vec![
                row(1.0, Some(9e4), Some(2e6)),
                row(2.0, Some(5e4), Some(3e6)),
                row(2.0, Some(5e4), None),
                row(4.0, None, None),
            ],
            errors: vec![None; 4],
            ms: 1.0,
        };
        let points = points(&[1, 2, 3, 4], &swept);
        assert_eq!(points.iter().map(|it| it.executors).collect::<Vec<_>>(), [1, 2]);
        let spec = spec(&points, 2, 6e4, "EUR");
        assert_eq!(spec.y2.unwrap().label, "Cost, EUR");
        assert_eq!(spec.series.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["run time", "cost"]);
        assert_eq!(spec.series[1].values, [Some(2.0), Some(3.0)]);
    }
}
