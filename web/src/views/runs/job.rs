//! A job over time: what its runs took, and what the next one starts with.

use sparkwright_core::lesson::RunEnd;
use sparkwright_core::trace::render_ms;
use sparkwright_core::units::Bytes;
use sparkwright_record::{how_it_ended, percent};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::chart::{Across, Axis, Mark, Series, Spec};
use crate::clock::on_the_wall;
use crate::jobs::{self, Decided, JobRun, OneJob};
use crate::parts::chart_view::ChartView;
use crate::parts::why::{WhyButton, grade};
use crate::state::{Why, use_page};
use crate::views::runs::address::address;
use crate::views::runs::review::table;

/// Properties of [`JobOverTime`].
#[derive(Properties, PartialEq)]
pub struct JobProperties {
    /// Its name.
    pub name: String,
}

/// The chart of runs, of which the newest comes first: what each took, from the oldest to the newest.
fn spec(runs: &[JobRun]) -> Spec {
    let places = || (1_u32..).zip(runs.iter().rev());
    let line = |label: &str, colour, axis, value: fn(&JobRun) -> u64| Series {
        label: label.to_owned(),
        colour,
        dash: false,
        axis,
        values: places().map(|(_, run)| Some(value(run) as f64)).collect(),
    };
    let failed = places().filter(|(_, run)| run.ended == RunEnd::Failed);
    Spec {
        kind: "line",
        title: "Run time and executor time".to_owned(),
        description: "Each place is a run, from the oldest to the newest. Executor time is the executors times the time that they were held. Runs that failed are marked.".to_owned(),
        x: Across { axis: Axis::new("Run", "runs"), values: places().map(|(place, _)| f64::from(place)).collect() },
        y: Axis::new("Run time", "ms"),
        y2: Some(Axis::new("Executor time", "ms")),
        series: vec![
            line("run time", 0, "y", |run| run.run.run_ms),
            line("executor time", 1, "y2", |run| run.executor_ms),
        ],
        bands: Vec::new(),
        marks: failed.map(|(place, _)| Mark { x: f64::from(place), label: "failed".to_owned(), kind: "event" }).collect(),
    }
}

/// A size; a dash where it is unknown.
fn size(bytes: Option<Bytes>) -> String {
    bytes.map_or_else(|| "–".to_owned(), |bytes| bytes.to_string())
}

fn row(it: &JobRun) -> Html {
    let run = &it.run;
    html! {
        <tr>
            <th scope="row">{ on_the_wall(it.started_ms) }</th>
            <td>{ how_it_ended(it.ended, run.lacked) }</td>
            <td>{ size(run.input_bytes.or(run.scanned_bytes)) }</td>
            <td>{ render_ms(run.run_ms) }</td>
            <td>{ run.executors.to_string() }</td>
            <td>{ render_ms(it.executor_ms) }</td>
            <td>{ size(run.executor_heap_bytes) }</td>
            <td>{ run.gc_share.map_or_else(|| "–".to_owned(), percent) }</td>
            <td>{ size(run.spilled_bytes) }</td>
        </tr>
    }
}

fn decided(it: &Decided) -> Html {
    let why = Why { title: it.title.clone(), value: it.text.clone(), grade: it.grade, trace: it.trace.clone() };
    html! {
        <tr>
            <th scope="row">{ &it.title }</th><td><strong>{ &it.text }</strong></td>
            <td>{ grade(it.grade) }{" "}<span class="muted">{ it.grade.meaning() }</span></td>
            <td class="about">{ &it.why }{" "}<WhyButton why={why} /></td>
        </tr>
    }
}

fn shown(job: &OneJob) -> Html {
    let next = match &job.next {
        Some(next) => table(
            "The next run",
            &["Decision", "Value", "How sure", "Why"],
            next.decisions.iter().map(decided).collect(),
        ),
        None => {
            let why = job.next_unknown.as_deref().unwrap_or_default();
            html! { <p class="empty">{ format!("It is not known: {why}") }</p> }
        }
    };
    let heads =
        ["Started", "Ended", "Input", "Run time", "Executors", "Executor time", "Executor memory", "GC", "Spilled"];
    html! {
        <>
            if job.runs.len() > 1 { <ChartView spec={spec(&job.runs)} /> }
            <h3>{"What the next run starts with"}</h3>
            <p class="muted">{"By the policy file of the server, in its default environment."}</p>
            { next }
            <h3>{"Its runs"}</h3>
            { table("Runs of the job", &heads, job.runs.iter().map(row).collect()) }
        </>
    }
}

/// The job.
#[component]
pub fn JobOverTime(properties: &JobProperties) -> Html {
    let page = use_page();
    let known = use_state(|| None::<Result<OneJob, String>>);
    {
        let known = known.setter();
        use_effect_with(properties.name.clone(), move |name| {
            let name = name.clone();
            spawn_local(async move { known.set(Some(jobs::one(&name).await)) });
        });
    }
    let body = match &*known {
        None => html! { <p class="empty" aria-busy="true">{"Asking the store for its runs …"}</p> },
        Some(Err(why)) => html! { <p class="empty error" role="alert">{ why }</p> },
        Some(Ok(job)) => shown(job),
    };
    html! {
        <section class="job" aria-label="Job over time">
            <div class="runs-head"><h2>{ &properties.name }</h2><a href={address(&page, "", None)}>{"Back to runs and jobs"}</a></div>
            { body }
        </section>
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::jobs::tests::run;

    #[test]
    fn the_chart_goes_from_the_oldest_run_to_the_newest_and_marks_those_that_failed() {
        let spec = spec(&[run(3_000, 30, "well"), run(2_000, 20, "failed"), run(1_000, 10, "unknown")]);
        assert_eq!(spec.x.values, [1.0, 2.0, 3.0]);
        let values: Vec<Vec<f64>> =
            spec.series.iter().map(|it| it.values.iter().flatten().copied().collect()).collect();
        assert_eq!(values, [[10.0, 20.0, 30.0], [40.0, 80.0, 120.0]]);
        assert_eq!(spec.marks.iter().map(|mark| mark.x).collect::<Vec<_>>(), [2.0]);
    }
}
