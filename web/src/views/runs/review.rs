//! What held a run up, and what would help.

use sparkwright_core::review::{Bottleneck, Recommendation};
use sparkwright_core::trace::{Decision, Grade, Unit, render_micros, render_ms};
use sparkwright_record::{RunState, spoken};
use yew::prelude::*;

use crate::parts::why::{WhyButton, grade};
use crate::state::Why;
use crate::views::runs::overview::RunProperties;

/// The review.
#[component]
pub fn Review(properties: &RunProperties) -> Html {
    let run = &properties.open.run;
    let Some(review) = &run.review else {
        let why = if run.state == RunState::Running {
            "A run is reviewed when it has ended."
        } else {
            "This run has no review: it needs Spark's event log. `sparkwright review` makes one of an event log at any time."
        };
        return html! { <section class="review" aria-label="Review"><h2>{"Review"}</h2><p class="empty">{ why }</p></section> };
    };
    let (answer, report) = (&review.answer, &review.answer.report);
    let trend = answer.trend.value.word().replace('_', " ");
    let cost = report.cost.as_ref().map(|Decision { value, grade: of, trace }| {
        let shown = format!("{} {}", render_micros(value.micros), review.currency);
        let why = Why { title: "Cost of the run".to_owned(), value: shown.clone(), grade: *of, trace: trace.clone() };
        html! { <div><dt>{"It cost"}</dt><dd><span class="figure">{ shown }</span>{" "}{ grade(*of) }{" "}<WhyButton why={why} /></dd></div> }
    });
    let used = report.slots_used.map(|used| {
        html! { <div><dt>{"Slots used"}</dt><dd><span class="figure">{ format!("{:.0} %", used * 100.0) }</span>{" "}<span class="muted">{"of their time"}</span></dd></div> }
    });
    html! {
        <section class="review" aria-label="Review">
            <h2>{"Review"}</h2>
            <dl class="figures">
                <div><dt>{"Stages"}</dt><dd><span class="figure">{ report.stages.to_string() }</span>{" "}<span class="muted">{ format!("in {}; on average {}, the longest {}", render_ms(report.total_ms), render_ms(report.average_stage_ms), render_ms(report.slowest_stage_ms)) }</span></dd></div>
                { used.unwrap_or_default() }
                { cost.unwrap_or_default() }
                <div><dt>{"Trend"}</dt><dd><span class="figure">{ &trend }</span>{" "}{ grade(answer.trend.grade) }{" "}<WhyButton why={Why::of("Trend", trend.clone(), &answer.trend)} /></dd></div>
            </dl>
            <h3>{"What held it up"}</h3>
            { bottlenecks(&answer.bottlenecks) }
            <h3>{"What would help"}</h3>
            { recommendations(&answer.recommendations) }
        </section>
    }
}

fn bottlenecks(found: &[Bottleneck]) -> Html {
    if found.is_empty() {
        return html! { <p class="empty">{"Nothing held it up for more than a twentieth of its time."}</p> };
    }
    let rows = found.iter().enumerate().map(|(at, it)| {
        let kind = spoken(it.kind);
        let stage = if it.stage.is_empty() { "the whole run" } else { &it.stage };
        // What was measured in the run has the best grade.
        let why = Why { title: format!("{kind}, {stage}"), value: render_ms(it.lost_ms), grade: Grade::A, trace: it.trace.clone() };
        html! {
            <tr key={at}>
                <th scope="row">{ kind }</th><td>{ stage.to_owned() }</td>
                <td class="number">{ render_ms(it.lost_ms) }</td><td class="number">{ format!("{:.0} %", it.share * 100.0) }</td>
                <td><WhyButton why={why} /></td>
            </tr>
        }
    });
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Bottlenecks">
            <table>
                <thead><tr><th scope="col">{"What"}</th><th scope="col">{"Where"}</th><th scope="col" class="number">{"Lost at most"}</th><th scope="col" class="number">{"Of the run"}</th><th scope="col"><span class="hidden">{"Why"}</span></th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}

fn recommendations(advice: &[Recommendation]) -> Html {
    if advice.is_empty() {
        return html! { <p class="empty">{"No change of the policy or of Spark's settings is known to help."}</p> };
    }
    let rows = advice.iter().enumerate().map(|(at, it)| {
        let value = it.value.as_ref().map_or_else(|| "–".to_owned(), |value| value.render(Unit::None));
        let stage = if it.stage.is_empty() { "the whole run" } else { &it.stage };
        html! {
            <tr key={at}>
                <th scope="row"><code>{ &*it.key }</code></th><td><code>{ value }</code></td><td class="about">{ &it.because }</td>
                <td>{ stage.to_owned() }</td><td class="number">{ render_ms(it.saves_at_most_ms) }</td>
            </tr>
        }
    });
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Recommendations">
            <table>
                <thead><tr><th scope="col">{"Key"}</th><th scope="col">{"Set to"}</th><th scope="col">{"Because"}</th><th scope="col">{"Where"}</th><th scope="col" class="number">{"Saves at most"}</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}
