//! Runs that were recorded: what each was, what was decided in it, what came of it, and how two of them differ; and jobs over their runs.

mod address;
mod compare;
mod decisions;
mod job;
mod jobs;
mod list;
mod over_time;
mod overview;
mod review;

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::opening::open_any;
use crate::route::{Route, View};
use crate::state::{Action, OpenRun, use_page};
use crate::{server, shell};

use address::address;
use compare::Compare;
use decisions::Decisions;
use job::JobOverTime;
use jobs::ServedJobs;
use list::ServedRuns;
use over_time::OverTime;
use overview::{Faults, Overview, called};
use review::Review;

/// The view.
#[component]
pub fn Runs() -> Html {
    let page = use_page();
    let with = use_state(|| None::<String>);
    let rest = page.route.rest.clone();
    let named = page.runs.iter().find(|open| open.run.application.id == rest);
    let job = page.route.get("job").filter(|_| server::is_there()).map(str::to_owned);
    let shown = named.or_else(|| page.runs.last()).filter(|_| job.is_none()).cloned();
    {
        // A link to a run of this server opens it.
        let missing = (!rest.is_empty() && named.is_none() && server::is_there()).then(|| rest.clone());
        let page = page.clone();
        use_effect_with(missing, move |missing| {
            if let Some(id) = missing.clone() {
                spawn_local(async move {
                    if let Err(why) = server::open(&page, &id).await {
                        page.dispatch(Action::Tell(true, format!("the run {id} could not be opened: {why}")));
                    }
                });
            }
        });
    }
    let open = {
        let page = page.clone();
        Callback::from(move |_| {
            let page = page.clone();
            spawn_local(async move {
                match shell::open_file(".json").await {
                    Ok(Some((name, text))) => open_any(&page, name, text),
                    Ok(None) => {}
                    Err(why) => page.dispatch(Action::Tell(true, format!("the run could not be opened: {why}"))),
                }
            });
        })
    };
    let tabs = page.runs.iter().enumerate().map(|(at, open)| {
        let id = &open.run.application.id;
        let current = shown.as_ref().is_some_and(|shown| shown.run.application.id == *id).then_some("page");
        let close = {
            let (page, id) = (page.clone(), id.clone());
            Callback::from(move |_| {
                server::unfollow(&id);
                if page.route.rest == id {
                    // Its address would open it again.
                    page.dispatch(Action::Go(Route { view: View::Runs, ..Route::default() }));
                }
                page.dispatch(Action::CloseRun(at));
            })
        };
        html! {
            <li key={id.clone()}>
                <a href={address(&page, id, None)} aria-current={current} title={format!("{id}, from {}", open.from)}>{ called(&open.run) }<span class="muted">{ format!(" {id}") }</span></a>
                <button type="button" class="quiet" onclick={close} aria-label={format!("Close the run {id}")}>{"×"}</button>
            </li>
        }
    });
    let body = match (&job, &shown) {
        (Some(name), _) => html! { <JobOverTime key={name.clone()} name={name.clone()} /> },
        (None, None) => html! { <Empty /> },
        (None, Some(open)) => {
            let other = with.as_deref().and_then(|id| page.runs.iter().find(|it| it.run.application.id == id));
            let other = other.filter(|other| other.run.application.id != open.run.application.id).cloned();
            let choose = {
                let with = with.clone();
                Callback::from(move |id: String| with.set((!id.is_empty()).then_some(id)))
            };
            html! { <OneRun key={open.run.application.id.clone()} open={open.clone()} {other} on_compare={choose} /> }
        }
    };
    html! {
        <section class="runs">
            <div class="runs-head">
                <h1>{"Runs"}</h1>
                <button type="button" onclick={open}>{"Open a run.json"}</button>
            </div>
            if !page.runs.is_empty() { <ul class="open-runs" aria-label="Open runs">{ for tabs }</ul> }
            if server::is_there() { <ServedRuns is_open={page.runs.is_empty() && job.is_none()} /><ServedJobs /> }
            { body }
        </section>
    }
}

/// What to do where no run is open.
#[component]
fn Empty() -> Html {
    html! {
        <div class="empty">
            <p>{"No run is open. Every application that Sparkwright steers leaves a record of what was decided in it, and why:"}</p>
            <ol>
                <li>{"Start it with "}<code>{"sparkwright submit app.py"}</code>{"; with "}<code>{"--mode shadow"}</code>{" it only decides and records."}</li>
                <li>{"Open "}<code>{"runs/<application id>/run.json"}</code>{" with the button above, or drop it anywhere on this page."}</li>
                <li>{"Or start "}<code>{"sparkwright web"}</code>{" in that folder: it lists the runs here and follows those that go on."}</li>
            </ol>
            <p>{"The file stays in this browser; nothing is sent."}</p>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct OneRunProperties {
    open: Rc<OpenRun>,
    other: Option<Rc<OpenRun>>,
    on_compare: Callback<String>,
}

/// A run, from its identity to its last decision.
#[component]
fn OneRun(properties: &OneRunProperties) -> Html {
    let OneRunProperties { open, other, on_compare } = properties;
    html! {
        <article class="run" data-run={open.run.application.id.clone()}>
            <Overview open={open.clone()} />
            <Faults open={open.clone()} />
            <OverTime open={open.clone()} />
            <Review open={open.clone()} />
            <Compare open={open.clone()} other={other.clone()} on_choose={on_compare.clone()} />
            <Decisions open={open.clone()} />
        </article>
    }
}
