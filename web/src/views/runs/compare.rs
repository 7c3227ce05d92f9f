//! Two runs side by side.

use std::rc::Rc;

use sparkwright_core::trace::{render_micros, render_ms};
use sparkwright_record::Run;
use yew::prelude::*;

use crate::parts::field::Choice;
use crate::state::{OpenRun, use_page};
use crate::views::runs::over_time::executor_ms;
use crate::views::runs::overview::called;

/// Properties of [`Compare`].
#[derive(Properties, PartialEq)]
pub struct CompareProperties {
    /// The run that is shown.
    pub open: Rc<OpenRun>,
    /// The run beside it.
    pub other: Option<Rc<OpenRun>>,
    /// Who is told which run is to stand beside it: its id, or nothing.
    pub on_choose: Callback<String>,
}

/// A figure of a run; absent where the run doesn't have it.
struct Figure {
    name: &'static str,
    of: fn(&Run) -> Option<u64>,
    shown: fn(u64) -> String,
}

fn plain(value: u64) -> String {
    value.to_string()
}

/// The figures in which runs are compared.
const FIGURES: [Figure; 13] = [
    Figure { name: "Took", of: |run| Some(run.took_ms()), shown: render_ms },
    Figure { name: "Executors times time", of: executor_ms, shown: render_ms },
    Figure { name: "Executors at the most", of: |run| counts(run).max(), shown: plain },
    Figure {
        name: "Cost",
        of: |run| Some(run.review.as_ref()?.answer.report.cost.as_ref()?.value.micros),
        shown: render_micros,
    },
    Figure { name: "Tasks", of: |run| Some(run.totals.tasks), shown: plain },
    Figure { name: "Failed tasks", of: |run| Some(run.totals.failed_tasks), shown: plain },
    Figure { name: "Task time", of: |run| Some(run.totals.task_ms), shown: render_ms },
    Figure { name: "Stages", of: |run| Some(run.review.as_ref()?.answer.report.stages), shown: plain },
    Figure { name: "Queries planned", of: |run| Some(run.totals.questions), shown: plain },
    Figure { name: "Query planning delay", of: |run| Some(run.totals.held_up_ms), shown: render_ms },
    Figure { name: "Decisions", of: |run| Some(run.decisions.len() as u64 + run.decisions_left_out), shown: plain },
    Figure {
        name: "Applied decisions",
        of: |run| Some(run.decisions.iter().filter(|it| it.applied).count() as u64),
        shown: plain,
    },
    Figure { name: "Faults", of: |run| Some(run.faults.iter().map(|fault| fault.times).sum()), shown: plain },
];

fn counts(run: &Run) -> impl Iterator<Item = u64> {
    run.executors.iter().filter(|event| event.change != "asked").map(|event| u64::from(event.count))
}

/// By how much the second value is more or less than the first.
fn difference(first: u64, second: u64, shown: fn(u64) -> String) -> String {
    if first == second {
        return "the same".to_owned();
    }
    let sign = if second > first { "+" } else { "−" };
    let share = if first > 0 {
        let percent = (second as f64 - first as f64) / first as f64 * 100.0;
        format!(" ({sign}{:.0} %)", percent.abs())
    } else {
        String::new()
    };
    format!("{sign}{}{share}", shown(first.abs_diff(second)))
}

/// The comparison.
#[component]
pub fn Compare(properties: &CompareProperties) -> Html {
    let page = use_page();
    let shown = &properties.open.run;
    let others: Vec<&Rc<OpenRun>> =
        page.runs.iter().filter(|it| it.run.application.id != shown.application.id).collect();
    if others.is_empty() {
        return html! {
            <section class="compare-runs" aria-label="Comparison">
                <h2>{"Beside another run"}</h2>
                <p class="empty">{"Open a second run to see both side by side."}</p>
            </section>
        };
    }
    let choices: Vec<(AttrValue, AttrValue)> = std::iter::once((AttrValue::from(""), AttrValue::from("no other run")))
        .chain(others.iter().map(|it| {
            let id = &it.run.application.id;
            (AttrValue::from(id.clone()), AttrValue::from(format!("{} {id}", called(&it.run))))
        }))
        .collect();
    let chosen = properties.other.as_ref().map(|it| it.run.application.id.clone()).unwrap_or_default();
    let table = properties.other.as_ref().map(|other| side_by_side(&other.run, shown));
    html! {
        <section class="compare-runs" aria-label="Comparison">
            <h2>{"Beside another run"}</h2>
            <Choice id="compare-with" label="Compare with" choices={choices} chosen={chosen} on_choose={properties.on_choose.clone()} />
            <div aria-live="polite">{ table.unwrap_or_default() }</div>
        </section>
    }
}

fn side_by_side(first: &Run, second: &Run) -> Html {
    let rows = FIGURES.iter().map(|figure| {
        let (one, two) = ((figure.of)(first), (figure.of)(second));
        let cell = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), figure.shown);
        let change = one.zip(two).map_or_else(String::new, |(one, two)| difference(one, two, figure.shown));
        html! {
            <tr key={figure.name}>
                <th scope="row">{ figure.name }</th>
                <td class="number">{ cell(one) }</td><td class="number">{ cell(two) }</td><td class="number">{ change }</td>
            </tr>
        }
    });
    let words = |name: &'static str, one: String, two: String| {
        let change = if one == two { "the same" } else { "another" };
        html! { <tr><th scope="row">{ name }</th><td>{ one }</td><td>{ two }</td><td class="number">{ change }</td></tr> }
    };
    let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
    let head = |run: &Run| html! { <th scope="col" class="number">{ called(run) }<br /><code class="muted">{ &run.application.id }</code></th> };
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Two runs side by side">
            <table>
                <thead><tr><th scope="col">{"Figure"}</th>{ head(first) }{ head(second) }<th scope="col" class="number">{"Change"}</th></tr></thead>
                <tbody>
                    { for rows }
                    { words("Policy", short(&first.policy.resolved_sha256), short(&second.policy.resolved_sha256)) }
                    { words("Module", short(&first.module.sha256), short(&second.module.sha256)) }
                    { words("Mode", first.mode.clone(), second.mode.clone()) }
                </tbody>
            </table>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_direction_and_its_share() {
        assert_eq!(difference(60_000, 45_000, render_ms), "−15.0 s (−25 %)");
        assert_eq!(difference(2, 5, plain), "+3 (+150 %)");
        assert_eq!(difference(0, 5, plain), "+5");
        assert_eq!(difference(5, 5, plain), "the same");
    }
}
