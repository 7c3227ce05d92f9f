//! What a run's time went to, and what would have made it shorter.

use sparkwright_core::trace::{Decision, render_micros, render_ms};
use sparkwright_record::{Found, FoundCause, RunState, percent};
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
            { review.found.as_ref().map_or_else(|| older(&run.application.id), found) }
        </section>
    }
}

/// What a record of an older version has is less than what its event log says.
fn older(id: &str) -> Html {
    html! { <p class="empty">{"An older version recorded this run. "}<code>{ format!("sparkwright review {id}") }</code>{" says what its time went to, and what would have made it shorter."}</p> }
}

fn found(found: &Found) -> Html {
    html! {
        <>
            <p><strong>{ &found.answer }</strong></p>
            <h3>{"What its time went to"}</h3>
            { causes(&found.causes) }
            <h3>{"What would have made it shorter, by replay"}</h3>
            { advice(found) }
        </>
    }
}

fn causes(causes: &[FoundCause]) -> Html {
    let rows = causes.iter().map(|it| {
        html! {
            <tr key={&*it.cause}>
                <th scope="row">{ &it.title }</th><td>{ &it.r#where }</td>
                <td class="number">{ render_ms(it.time_ms) }</td><td class="number">{ percent(it.share) }</td>
                <td class="about">{ it.evidence.join(" ") }</td>
            </tr>
        }
    });
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Causes">
            <table>
                <thead><tr><th scope="col">{"Cause"}</th><th scope="col">{"Where"}</th><th scope="col" class="number">{"Time"}</th><th scope="col" class="number">{"Of the run"}</th><th scope="col">{"Evidence"}</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}

fn advice(found: &Found) -> Html {
    if let Some(why) = &found.unknown {
        return html! { <p class="empty">{ format!("Nothing is known of other sizes: {why}") }</p> };
    }
    if found.advice.is_empty() {
        return html! { <p class="empty">{ format!("No key is known that would have saved {} of it.", percent(found.advice_from_share)) }</p> };
    }
    let time = |ms: i64| render_ms(u64::try_from(ms).unwrap_or(0));
    let rows = found.advice.iter().map(|it| {
        let gain = it.gain_ms;
        html! {
            <tr key={&*it.key}>
                <th scope="row"><code>{ &it.key }</code></th><td class="number">{ it.now.to_string() }</td><td class="number">{ it.set_to.to_string() }</td>
                <td class="number">{ time(gain.expected) }</td><td>{ format!("between {} and {}", time(gain.low), time(gain.high)) }</td><td class="about">{ &it.because }</td>
            </tr>
        }
    });
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Advice">
            <table>
                <thead><tr><th scope="col">{"Key"}</th><th scope="col" class="number">{"Now"}</th><th scope="col" class="number">{"Set to"}</th><th scope="col" class="number">{"Saves"}</th><th scope="col">{"Nine of ten"}</th><th scope="col">{"Because"}</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}
