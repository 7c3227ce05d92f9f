//! What a run was, its sums, and what went wrong.

use std::rc::Rc;

use sparkwright_core::trace::render_ms;
use sparkwright_core::units::Bytes;
use sparkwright_record::{Run, RunState};
use yew::prelude::*;

use crate::clock::on_the_wall;
use crate::document::{Document, digest_of};
use crate::state::{Module, OpenRun, use_page};

/// Properties of the parts of a run.
#[derive(Properties, PartialEq)]
pub struct RunProperties {
    /// The run.
    pub open: Rc<OpenRun>,
}

/// How far a run is, in words.
#[must_use]
pub const fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Ended => "ended",
        RunState::HostLost => "host lost",
    }
}

/// What a run is called: its application's name, or else its id.
#[must_use]
pub fn called(run: &Run) -> String {
    if run.application.name.is_empty() { run.application.id.clone() } else { run.application.name.clone() }
}

/// How long a run took, or has taken.
#[must_use]
pub fn wall_ms(run: &Run) -> u64 {
    run.ended_ms.unwrap_or(run.updated_ms).saturating_sub(run.started_ms)
}

/// Microseconds as people read them.
fn render_us(us: u64) -> String {
    if us < 1_000_000 { format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10) } else { render_ms(us / 1_000) }
}

/// The environment of the text whose policy is the run's, if one is.
fn same_policy(document: &Document, run: &Run) -> Option<String> {
    let same = |policy: &Rc<_>| digest_of(policy) == run.policy.resolved_sha256;
    let found = document.environments.iter().find(|it| it.policy.as_ref().is_ok_and(same))?;
    Some(found.name.clone())
}

/// A figure with its name.
fn figure(name: &str, value: impl Into<String>, more: impl Into<String>) -> Html {
    html! { <div><dt>{ name.to_owned() }</dt><dd><span class="figure">{ value.into() }</span>{" "}<span class="muted">{ more.into() }</span></dd></div> }
}

/// A digest, short, whole in its title.
fn digest(sha256: &str) -> Html {
    html! { <code title={format!("SHA-256 {sha256}")}>{ sha256.get(..12).unwrap_or(sha256).to_owned() }</code> }
}

/// What the run was.
#[component]
pub fn Overview(properties: &RunProperties) -> Html {
    let page = use_page();
    let run = &properties.open.run;
    let (app, policy, totals) = (&run.application, &run.policy, &run.totals);
    let file = if policy.file.is_empty() { "the embedded default policy" } else { &policy.file };
    let now = match same_policy(&page.document, run) {
        Some(environment) if environment.is_empty() => "the policy in the editor is the same".to_owned(),
        Some(environment) => format!("the same as {environment} in the editor now"),
        None => "no environment in the editor has this policy now".to_owned(),
    };
    let module = match &page.module {
        Module::Ready { sha256, .. } if *sha256 == run.module.sha256 => "the module of this page",
        Module::Ready { .. } => "another module than this page's",
        _ => "",
    };
    let mode = match run.mode.as_str() {
        "shadow" => "shadow: decisions recorded, nothing applied",
        "act" => "act: decisions applied",
        other => other,
    };
    let asked = format!("{} without a decision", totals.undecided);
    let trips = totals.round_trips.map(|trips| {
        let more = format!(
            "median; 99 of 100 within {}, the longest {}",
            render_us(trips.p99_us),
            render_us(trips.longest_us)
        );
        figure("Decision latency", render_us(trips.p50_us), more)
    });
    html! {
        <section class="overview" aria-label="What the run was">
            <h2>{ called(run) }{" "}<span class={classes!("state", state_word(run.state).replace(' ', "-"))} aria-live="polite">{ state_word(run.state) }</span></h2>
            if run.state == RunState::HostLost { <p class="muted">{"The host was lost before the application ended: the application went on by itself, and what it did then is not here."}</p> }
            <dl class="figures">
                { figure(if run.state == RunState::Ended { "Took" } else { "So far" }, render_ms(run.took_ms()), format!("from {}", on_the_wall(run.started_ms))) }
                { figure("Tasks", totals.tasks.to_string(), format!("{} failed, {} of task time", totals.failed_tasks, render_ms(totals.task_ms))) }
                { figure("Queries planned", totals.questions.to_string(), asked) }
                { trips.unwrap_or_default() }
                { figure("Controller ticks", totals.ticks.to_string(), format!("{} decisions kept, {} left out", run.decisions.len(), run.decisions_left_out)) }
                { figure("Events taken in", totals.events.to_string(), format!("{} lost", totals.events_lost)) }
                { figure("Overhead", render_ms(totals.held_up_ms), format!("added to query planning; {} of CPU time in the driver, {} in the host", render_ms(totals.plugin_cpu_ms), render_ms(totals.host_cpu_ms))) }
            </dl>
            <dl class="facts-of-run">
                <div><dt>{"Application"}</dt><dd><code>{ &app.id }</code></dd></div>
                <div><dt>{"Spark"}</dt><dd>{ format!("{} on {}, Java {}", app.spark, app.master, app.java) }</dd></div>
                <div><dt>{"Mode"}</dt><dd>{ mode.to_owned() }</dd></div>
                <div><dt>{"Policy"}</dt><dd>{ format!("{file}, environment {}, ", policy.environment) }{ digest(&policy.resolved_sha256) }{" "}<span class="muted">{ now }</span></dd></div>
                <div><dt>{"Module"}</dt><dd>{ digest(&run.module.sha256) }{" "}<span class="muted">{ module }</span></dd></div>
            </dl>
            { cached(run) }
        </section>
    }
}

/// The plans that were cached without being asked for.
fn cached(run: &Run) -> Html {
    if run.cached_plans.is_empty() {
        return html! {};
    }
    let rows = run.cached_plans.iter().map(|plan| {
        let gone = match plan.dropped_ms {
            Some(ms) => format!("after {}: {}", render_ms(ms.saturating_sub(plan.cached_ms)), plan.why),
            None => "kept to the end".to_owned(),
        };
        html! {
            <tr key={format!("{} {}", plan.id, plan.cached_ms)}>
                <th scope="row">{ &plan.subject }</th><td>{ &plan.level }</td>
                <td class="number">{ Bytes(plan.memory_bytes).to_string() }</td><td class="number">{ Bytes(plan.disk_bytes).to_string() }</td>
                <td class="number">{ plan.uses.to_string() }</td><td>{ gone }</td>
            </tr>
        }
    });
    html! {
        <details>
            <summary>{ format!("Plans cached automatically: {}", run.cached_plans.len()) }</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Cached plans">
                <table>
                    <thead><tr><th scope="col">{"Plan"}</th><th scope="col">{"Level"}</th><th scope="col" class="number">{"In memory"}</th><th scope="col" class="number">{"On disk"}</th><th scope="col" class="number">{"Read by"}</th><th scope="col">{"Released"}</th></tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        </details>
    }
}

/// What went wrong.
#[component]
pub fn Faults(properties: &RunProperties) -> Html {
    let run = &properties.open.run;
    if run.faults.is_empty() {
        return html! {};
    }
    let lines = run.faults.iter().map(|fault| {
        let times = if fault.times > 1 { format!(" ({} times)", fault.times) } else { String::new() };
        html! { <li>{ format!("after {}: {}{times}", render_ms(fault.at_ms.saturating_sub(run.started_ms)), fault.what) }</li> }
    });
    html! {
        <section class="faults" aria-label="What went wrong">
            <h2>{"What went wrong"}</h2>
            <ul>{ for lines }</ul>
        </section>
    }
}
