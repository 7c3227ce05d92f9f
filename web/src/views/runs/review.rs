//! What a run's time went to, and what would have made it shorter.

use serde_json::Value;
use sparkwright_core::trace::{Decision, render_micros, render_ms};
use sparkwright_record::{RunState, percent};
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
    let priced = report.cost.as_ref().map(|cost| (cost.value.micros, review.currency.as_str()));
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
            { review.found.as_ref().map_or_else(|| older(&run.application.id), |it| found(it, priced)) }
        </section>
    }
}

/// What a record of an older version has is less than what its event log says.
fn older(id: &str) -> Html {
    html! { <p class="empty">{"An older version recorded this run. "}<code>{ format!("sparkwright review {id}") }</code>{" says what its time went to, and what would have made it shorter."}</p> }
}

const NOTHING: &Value = &Value::Null;

/// A member of an object.
fn of<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(NOTHING)
}

/// A text of an object.
fn text(object: &Value, name: &str) -> String {
    of(object, name).as_str().unwrap_or_default().to_owned()
}

/// A time of an object, in milliseconds.
fn time(object: &Value, name: &str) -> String {
    render_ms(of(object, name).as_u64().unwrap_or(0))
}

fn objects(object: &Value, name: &str) -> Vec<Value> {
    of(object, name).as_array().cloned().unwrap_or_default()
}

fn found(found: &Value, cost: Option<(u64, &str)>) -> Html {
    html! {
        <>
            <p><strong>{ text(found, "answer") }</strong></p>
            <h3>{"What its time went to"}</h3>
            { causes(found) }
            <h3>{"What would have made it shorter, by replay"}</h3>
            { advice(found) }
            { executor_time(found, cost) }
        </>
    }
}

/// What the executors' time went to, and what of so much each part cost.
fn executor_time(found: &Value, cost: Option<(u64, &str)>) -> Html {
    let time = of(found, "executor_time");
    let ms = |it: &Value, name: &str| of(it, name).as_f64().unwrap_or(0.0);
    let whole_ms = ms(time, "whole_ms");
    if whole_ms <= 0.0 {
        return Html::default();
    }
    let mut parts: Vec<(String, f64)> =
        objects(time, "work").iter().map(|it| (title(it), ms(it, "executor_ms"))).collect();
    for (what, name) in
        [("other queries and jobs", "others_ms"), ("idle, with cached blocks", "pinned_ms"), ("idle", "idle_ms")]
    {
        parts.push((what.to_owned(), ms(time, name)));
    }
    let rows = parts.into_iter().filter(|(_, ms)| *ms > 0.0).map(|(what, ms)| {
        let share = ms / whole_ms;
        let cost = cost.map(|(micros, currency)| {
            html! { <td>{ format!("{} {currency}", render_micros((micros as f64 * share) as u64)) }</td> }
        });
        html! { <tr><th scope="row">{ what }</th><td>{ render_ms(ms as u64) }</td><td>{ percent(share) }</td>{ cost.unwrap_or_default() }</tr> }
    });
    let rows = rows.collect();
    let heads = ["Query or job", "Executor time", "Of all", "Cost"];
    let shown = if cost.is_some() { &heads[..] } else { &heads[..3] };
    html! {
        <>
            <h3>{ format!("What the executors' time went to, {} in all", render_ms(whole_ms as u64)) }</h3>
            { table("Executor time", shown, rows) }
        </>
    }
}

/// A query or a job, and where the program asked for it.
fn title(work: &Value) -> String {
    let what = text(work, "what");
    let comma = if what.is_empty() { "" } else { ", " };
    let (kind, number) =
        if work.get("query").is_some() { ("query", of(work, "query")) } else { ("job", of(work, "job")) };
    format!("{kind} {number}{comma}{what}")
}

/// A table with these heads.
pub fn table(label: &'static str, heads: &[&'static str], rows: Vec<Html>) -> Html {
    html! {
        <div class="table-scroll" tabindex="0" role="region" aria-label={label}>
            <table>
                <thead><tr>{ for heads.iter().map(|head| html! { <th scope="col">{ *head }</th> }) }</tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}

fn causes(found: &Value) -> Html {
    let rows = objects(found, "causes").into_iter().map(|it| {
        let evidence: Vec<&str> =
            of(&it, "evidence").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        html! {
            <tr>
                <th scope="row">{ text(&it, "title") }</th><td>{ text(&it, "where") }</td>
                <td>{ time(&it, "time_ms") }</td><td>{ percent(of(&it, "share").as_f64().unwrap_or(0.0)) }</td>
                <td class="about">{ evidence.join(" ") }</td>
            </tr>
        }
    });
    table("Causes", &["Cause", "Where", "Time", "Of the run", "Evidence"], rows.collect())
}

fn advice(found: &Value) -> Html {
    let least = percent(of(found, "advice_from_share").as_f64().unwrap_or(0.0));
    let rows: Vec<Html> = objects(found, "advice")
        .into_iter()
        .map(|it| {
            let gain = of(&it, "gain_ms");
            html! {
                <tr>
                    <th scope="row"><code>{ text(&it, "key") }</code></th><td>{ of(&it, "now").to_string() }</td><td>{ of(&it, "set_to").to_string() }</td>
                    <td>{ format!("{}, between {} and {}", time(gain, "expected"), time(gain, "low"), time(gain, "high")) }</td>
                    <td class="about">{ text(&it, "because") }</td>
                </tr>
            }
        })
        .collect();
    match of(found, "unknown").as_str() {
        Some(why) => html! { <p class="empty">{ format!("Nothing is known of other sizes: {why}") }</p> },
        None if rows.is_empty() => {
            html! { <p class="empty">{ format!("No key is known that would have saved {least} of it.") }</p> }
        }
        None => table("Advice", &["Key", "Now", "Set to", "Saves", "Because"], rows),
    }
}
