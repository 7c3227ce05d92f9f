//! The executors of a run over its time, and the work that they had.

use std::collections::BTreeSet;

use sparkwright_record::{ExecutorEvent, Run};
use yew::prelude::*;

use crate::chart::{Across, Axis, Mark, Series, Spec};
use crate::parts::chart_view::ChartView;
use crate::recorded::{Seen, seen};
use crate::views::runs::overview::{RunProperties, wall_ms};

/// More marks than these are not told apart.
const MOST_MARKS: usize = 200;

/// Executors that came or went, each with how many there were then.
fn counted(run: &Run) -> impl Iterator<Item = &ExecutorEvent> {
    run.executors.iter().filter(|event| event.change != "asked")
}

/// Executors times the time that they were there; unknown where none came or went.
pub fn executor_ms(run: &Run) -> Option<u64> {
    counted(run).next()?;
    let end = run.started_ms.saturating_add(wall_ms(run));
    let mut sum = 0_u64;
    let mut before: Option<&ExecutorEvent> = None;
    for event in counted(run) {
        if let Some(before) = before {
            sum = sum.saturating_add(u64::from(before.count).saturating_mul(event.at_ms.saturating_sub(before.at_ms)));
        }
        before = Some(event);
    }
    let last = before.map_or(0, |event| u64::from(event.count).saturating_mul(end.saturating_sub(event.at_ms)));
    Some(sum.saturating_add(last))
}

/// The value that holds at each of the times: the last that was known before.
fn held_at(times: &[u64], mut known: Vec<(u64, f64)>) -> Vec<Option<f64>> {
    known.sort_by_key(|(at, _)| *at);
    let last_until = |time: u64| known.partition_point(|(at, _)| *at <= time).checked_sub(1);
    times.iter().map(|time| last_until(*time).and_then(|at| known.get(at)).map(|(_, value)| *value)).collect()
}

/// The chart of a run; nothing where its executors never changed and nobody looked at them.
fn spec(run: &Run) -> Option<Spec> {
    let after = |at_ms: u64| at_ms.saturating_sub(run.started_ms);
    let seen = seen(run);
    if run.executors.is_empty() && seen.is_empty() {
        return None;
    }
    let times: BTreeSet<u64> = run
        .executors
        .iter()
        .map(|event| after(event.at_ms))
        .chain(seen.iter().map(|moment| moment.after_ms))
        .chain([0, wall_ms(run)])
        .collect();
    let times: Vec<u64> = times.into_iter().collect();
    let of_seen =
        |value: fn(&Seen) -> u64| seen.iter().map(|moment| (moment.after_ms, value(moment) as f64)).collect::<Vec<_>>();
    let present: Vec<(u64, f64)> = if counted(run).next().is_some() {
        counted(run).map(|event| (after(event.at_ms), f64::from(event.count))).collect()
    } else {
        of_seen(|moment| moment.executors)
    };
    let asked = run.executors.iter().filter(|event| event.change == "asked");
    let wanted: Vec<(u64, f64)> = if seen.is_empty() {
        asked.map(|event| (after(event.at_ms), f64::from(event.count))).collect()
    } else {
        of_seen(|moment| moment.target)
    };
    let line = |label: &str, colour, dash, axis, known| Series {
        label: label.to_owned(),
        colour,
        dash,
        axis,
        values: held_at(&times, known),
    };
    let mut series = vec![line("executors", 0, false, "y", present)];
    if !wanted.is_empty() {
        series.push(line("target", 2, true, "y", wanted));
    }
    if !seen.is_empty() {
        series.push(line("pending tasks", 1, false, "y2", of_seen(|moment| moment.pending)));
        series.push(line("running tasks", 4, false, "y2", of_seen(|moment| moment.running)));
    }
    let held = seen.iter().filter(|moment| moment.held).map(|moment| Mark {
        x: moment.after_ms as f64,
        label: "held back by a guard".to_owned(),
        kind: "held",
    });
    let faults =
        run.faults.iter().map(|fault| Mark { x: after(fault.at_ms) as f64, label: "fault".to_owned(), kind: "event" });
    Some(Spec {
        kind: "step",
        title: "Executors over the run".to_owned(),
        description: "Tasks are as the controller saw them when it last decided something new; triangles are moments at which a guard held it back.".to_owned(),
        x: Across { axis: Axis::new("Since the start", "ms"), values: times.iter().map(|time| *time as f64).collect() },
        y: Axis::new("Executors", "executors"),
        y2: (!seen.is_empty()).then(|| Axis::new("Tasks", "none")),
        series,
        bands: Vec::new(),
        marks: held.chain(faults).take(MOST_MARKS).collect(),
    })
}

/// Executors over time.
#[component]
pub fn OverTime(properties: &RunProperties) -> Html {
    let body = match spec(&properties.open.run) {
        Some(spec) => html! { <ChartView spec={spec} /> },
        None => {
            html! { <p class="empty">{"No executor came or went, and no controller looked: a local master has none to move, and a fixed number of executors stays as it is."}</p> }
        }
    };
    html! { <section class="over-time" aria-label="Executors over time"><h2>{"Over time"}</h2>{ body }</section> }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::recorded::tests::run as controlled;

    fn event(at_ms: u64, change: &'static str, count: u32) -> ExecutorEvent {
        ExecutorEvent { at_ms, change: change.into(), executor: String::new(), count, reason: String::new() }
    }

    #[test]
    fn executor_time_is_counted_from_the_first_to_the_end() {
        let run = Run {
            started_ms: 1_000,
            ended_ms: Some(11_000),
            executors: vec![
                event(1_000, "asked", 9),
                event(2_000, "added", 1),
                event(4_000, "added", 2),
                event(10_000, "removed", 1),
            ],
            ..Run::default()
        };
        assert_eq!(executor_ms(&run), Some(2_000 + 2 * 6_000 + 1_000));
        assert_eq!(executor_ms(&Run::default()), None);
    }

    #[test]
    fn a_value_holds_until_the_next() {
        assert_eq!(held_at(&[0, 1, 2, 3], vec![(3, 7.0), (1, 5.0)]), [None, Some(5.0), Some(5.0), Some(7.0)]);
    }

    #[test]
    fn the_chart_has_what_the_controller_saw() {
        let spec = spec(&controlled(&[(0, 0, 0), (10, 400, 8), (20, 100, 8)])).unwrap();
        assert_eq!(spec.x.values, [0.0, 10_000.0, 20_000.0, 90_000.0]);
        let pending = spec.series.iter().find(|it| it.label == "pending tasks").unwrap();
        assert_eq!(pending.values, [Some(0.0), Some(400.0), Some(100.0), Some(100.0)]);
        assert!(spec.y2.is_some());
        assert_eq!(super::spec(&Run::default()), None);
    }
}
