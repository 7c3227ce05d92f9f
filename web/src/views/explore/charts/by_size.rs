//! A decision over the size of the input, a line for each environment of the file.

use std::rc::Rc;

use serde_json::json;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::{Bytes, GIB};
use yew::prelude::*;

use crate::chart::{Across, Axis, Band, Mark, Series, Spec};
use crate::clock;
use crate::job::{Job, LEAST_BYTES, MOST_BYTES, bytes_at};
use crate::parts::chart_view::ChartView;
use crate::parts::swept::{Outcome, use_swept};
use crate::shell::{Sweep, Swept};
use crate::state::{Action, Module, use_page};

/// How many sizes are asked about.
const POINTS: u32 = 300;
/// How many colours charts have.
const COLOURS: usize = 8;

/// A decision that a chart can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Executors,
    Partitions,
    Heap,
}

impl Shown {
    const ALL: [Self; 3] = [Self::Executors, Self::Partitions, Self::Heap];

    const fn title(self) -> &'static str {
        match self {
            Self::Executors => "Executors",
            Self::Partitions => "Shuffle partitions",
            Self::Heap => "Executor memory",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Executors => "executors",
            Self::Partitions => "partitions",
            // Decided in binary units, which the axis of bytes doesn't have.
            Self::Heap => "none",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Executors => "executors.value",
            Self::Partitions => "shuffle_partitions.value",
            Self::Heap => "executor_memory_bytes.value",
        }
    }

    fn axis(self) -> Axis {
        let label = if self == Self::Heap { "Executor memory, GiB" } else { self.title() };
        Axis::new(label, self.unit())
    }

    fn scaled(self, value: f64) -> f64 {
        if self == Self::Heap { value / GIB as f64 } else { value }
    }
}

/// An environment with its place in the file, which gives it its colour.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    name: String,
    place: usize,
}

/// The sizes that are asked about, even in the logarithm.
fn sizes() -> Vec<u64> {
    (0..POINTS).map(|at| bytes_at((1000 * at).div_ceil(POINTS - 1)).get()).collect()
}

/// Several policies asked about some sizes.
fn sweep(lane: &'static str, policies: &[(Line, Rc<ResolvedPolicy>)], job: &Job, sizes: &[u64]) -> (Sweep, Vec<Line>) {
    let (now_ms, offset) = clock::now();
    let briefs: Vec<String> =
        policies.iter().map(|(_, policy)| String::from_utf8(policy.brief_json()).unwrap_or_default()).collect();
    let sweep = Sweep {
        lane,
        policies: format!("[{}]", briefs.join(",")),
        point: DecisionPoint::PlanLaunch.number(),
        question: json!(job.launch_question(now_ms, offset)).to_string(),
        path: "job.input_bytes",
        values: json!(sizes).to_string(),
        pick: json!(Shown::ALL.map(Shown::path)).to_string(),
    };
    (sweep, policies.iter().map(|(line, _)| line.clone()).collect())
}

/// What is found of each line at the chosen size.
struct Chosen<'a> {
    bytes: Bytes,
    swept: Option<&'a Swept>,
}

/// The picked number of a policy at a place.
fn picked(swept: &Swept, policy: usize, at: usize, shown: Shown) -> Option<f64> {
    let row = swept.series.get(policy)?.get(at)?;
    row.get(Shown::ALL.iter().position(|it| *it == shown)?).copied().flatten().map(|value| shown.scaled(value))
}

/// The chart: the lines, the bounds of the environment that is looked at, and the chosen size.
fn spec(
    shown: Shown,
    lines: &[Line],
    swept: &Swept,
    chosen: Option<&Chosen<'_>>,
    environment: &str,
    bounds: Option<(u32, u32)>,
) -> Spec {
    let mut sizes: Vec<(u64, Option<usize>)> =
        sizes().into_iter().enumerate().map(|(at, size)| (size, Some(at))).collect();
    let extra =
        chosen.filter(|chosen| chosen.swept.is_some() && sizes.iter().all(|(size, _)| *size != chosen.bytes.get()));
    if let Some(extra) = extra {
        sizes.push((extra.bytes.get(), None));
        sizes.sort_unstable();
    }
    let series = lines.iter().enumerate().map(|(policy, line)| Series {
        label: line.name.clone(),
        colour: line.place % COLOURS,
        // Where lines lie upon each other, the one that is looked at shows between the dashes.
        dash: line.name != environment && lines.len() > 1,
        axis: "y",
        values: sizes
            .iter()
            .map(|(_, at)| match at {
                Some(at) => picked(swept, policy, *at, shown),
                None => picked(chosen.and_then(|chosen| chosen.swept)?, policy, 0, shown),
            })
            .collect(),
    });
    let band = bounds.filter(|_| shown == Shown::Executors).map(|(least, most)| Band {
        label: format!("{environment} executors"),
        from: Some(f64::from(least)),
        to: Some(f64::from(most)),
    });
    let mark = chosen.map(|chosen| Mark { x: chosen.bytes.get() as f64, label: "this job".to_owned(), kind: "chosen" });
    Spec {
        kind: "line",
        title: format!("{} by size of the input", shown.title()),
        description:
            "What each environment of the file decides at each size. A click, or Enter, takes the size for the job."
                .to_owned(),
        x: Across {
            axis: Axis { label: "Input".to_owned(), unit: "bytes", log: true },
            values: sizes.iter().map(|(size, _)| *size as f64).collect(),
        },
        y: shown.axis(),
        y2: None,
        series: series.collect(),
        bands: band.into_iter().collect(),
        marks: mark.into_iter().collect(),
    }
}

/// Decisions over the size of the input.
#[component]
pub fn BySize() -> Html {
    let page = use_page();
    let shown = use_state(|| Shown::Executors);
    let is_ready = matches!(page.module, Module::Ready { .. });
    let policies: Vec<(Line, Rc<ResolvedPolicy>)> = page
        .document
        .environments
        .iter()
        .enumerate()
        .filter_map(|(place, it)| {
            let name = if it.name.is_empty() { "built in".to_owned() } else { it.name.clone() };
            Some((Line { name, place }, it.policy.as_ref().ok()?.clone()))
        })
        .collect();
    let left_out = page.document.environments.len() - policies.len();
    let any_size = Job { input_bytes: None, ..(*page.job).clone() };
    let everywhere = use_memo((is_ready, policies.clone(), any_size.clone()), |(is_ready, policies, job)| {
        (*is_ready && !policies.is_empty()).then(|| Rc::new(sweep("by size", policies, job, &sizes())))
    });
    let here = use_memo((is_ready, policies, any_size, page.job.input_bytes), |(is_ready, policies, job, bytes)| {
        let bytes = bytes.filter(|bytes| (LEAST_BYTES..=MOST_BYTES).contains(&(bytes.get() as f64)))?;
        let (sweep, lines) = sweep("at the size", policies, job, &[bytes.get()]);
        (*is_ready && !policies.is_empty()).then(|| Rc::new((sweep, (bytes, lines))))
    });
    let swept = use_swept((*everywhere).clone());
    let at_size = use_swept((*here).clone());
    let spec = everywhere.as_ref().as_ref().and_then(|_| {
        let Outcome::Found(lines, swept) = &*swept else { return None };
        let found = match &*at_size {
            Outcome::Found((bytes, known), found) if Some(*bytes) == page.job.input_bytes && known == lines => {
                Some(found)
            }
            _ => None,
        };
        let chosen = page.job.input_bytes.map(|bytes| Chosen { bytes, swept: found });
        let environment = page.document.environment(&page.environment)?;
        let bounds =
            environment.policy.as_ref().ok().map(|it| (it.autoscaling.min_executors, it.autoscaling.max_executors));
        let name = if environment.name.is_empty() { "built in" } else { &environment.name };
        Some(spec(*shown, lines, swept, chosen.as_ref(), name, bounds))
    });
    let values: Vec<u64> =
        spec.as_ref().map(|spec| spec.x.values.iter().map(|size| *size as u64).collect()).unwrap_or_default();
    let pick = use_callback((page.clone(), values), |at: usize, (page, values)| {
        if let Some(bytes) = values.get(at) {
            page.dispatch(Action::Job(Job { input_bytes: Some(Bytes(*bytes)), ..(*page.job).clone() }));
        }
    });
    let tabs = Shown::ALL.into_iter().map(|which| {
        let click = {
            let shown = shown.clone();
            Callback::from(move |_| shown.set(which))
        };
        html! { <button type="button" class="tab" aria-pressed={(*shown == which).to_string()} onclick={click}>{ which.title() }</button> }
    });
    let (took, problems) = match &*swept {
        Outcome::Found(lines, swept) => (Some(format!("{:.1}", swept.ms)), problems(lines, &swept.errors)),
        Outcome::Failed(why) => (None, vec![why.clone()]),
        Outcome::Waiting => (None, Vec::new()),
    };
    let body = match spec {
        Some(spec) => html! { <ChartView spec={spec} on_pick={pick} /> },
        None if everywhere.is_some() && problems.is_empty() => {
            html! { <p class="empty" aria-busy="true">{"Asking the policy at every size …"}</p> }
        }
        None => {
            html! { <p class="empty">{"There is no line to draw: see what is wrong with the policy in its text."}</p> }
        }
    };
    html! {
        <section class="charts" aria-label="Decisions by size" data-sweep-ms={took}>
            <h2>{"By size of the input"}</h2>
            <div class="tabs" role="group" aria-label="What the chart shows">{ for tabs }</div>
            { body }
            if left_out > 0 { <p class="muted">{ format!("{left_out} environments have errors and no line.") }</p> }
            { for problems.into_iter().map(|text| html! { <p class="muted">{ text }</p> }) }
        </section>
    }
}

/// Where lines have gaps, and why.
fn problems(lines: &[Line], errors: &[Option<String>]) -> Vec<String> {
    lines
        .iter()
        .zip(errors)
        .filter_map(|(line, error)| Some(format!("{} has no plan at some sizes: {}", line.name, error.as_ref()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn lines() -> [Line; 2] {
        ["small", "large"].map(|name| Line { name: name.to_owned(), place: usize::from(name == "large") })
    }

    fn swept(points: usize, executors: [f64; 2]) -> Swept {
        let rows = |n: f64| vec![vec![Some(n), Some(200.0), Some(GIB as f64 * 4.0)]; points];
        Swept { series: executors.map(rows).to_vec(), errors: vec![None, None], ms: 1.0 }
    }

    #[test]
    fn the_sizes_go_from_a_megabyte_to_a_hundred_terabytes() {
        let sizes = sizes();
        assert_eq!(sizes.len(), POINTS as usize);
        assert_eq!((sizes[0], sizes[sizes.len() - 1]), (1_000_000, 100_000_000_000_000));
        assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_chosen_size_has_its_own_point_on_every_line() {
        let everywhere = swept(POINTS as usize, [3.0, 20.0]);
        let here = swept(1, [4.0, 19.0]);
        let chosen = Chosen { bytes: Bytes(123_456_789), swept: Some(&here) };
        let spec = spec(Shown::Executors, &lines(), &everywhere, Some(&chosen), "large", Some((2, 20)));
        let at = spec.x.values.iter().position(|x| *x == 123_456_789.0).unwrap();
        assert!(spec.x.values.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((spec.series[0].values[at], spec.series[1].values[at]), (Some(4.0), Some(19.0)));
        assert_eq!((spec.series[0].values[at - 1], spec.series[1].values[at + 1]), (Some(3.0), Some(20.0)));
        assert_eq!((spec.series[0].dash, spec.series[1].dash), (true, false));
        assert_eq!((spec.bands[0].from, spec.bands[0].to), (Some(2.0), Some(20.0)));
        assert_eq!(spec.marks[0].kind, "chosen");
    }

    #[test]
    fn heaps_are_in_binary_units_and_have_no_bounds() {
        let spec = spec(Shown::Heap, &lines(), &swept(POINTS as usize, [1.0, 1.0]), None, "small", Some((1, 2)));
        assert_eq!(spec.series[0].values[0], Some(4.0));
        assert!(spec.bands.is_empty() && spec.marks.is_empty());
        assert_eq!(spec.x.values.len(), POINTS as usize);
    }
}
