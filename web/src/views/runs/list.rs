//! The runs that the server has.

use sparkwright_core::trace::render_ms;
use sparkwright_record::RunState;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::clock::on_the_wall;
use crate::route::{Route, View};
use crate::server::{self, ServedRun};
use crate::state::{Action, use_page};
use crate::views::runs::overview::state_word;

/// Properties of [`ServedRuns`].
#[derive(Properties, PartialEq)]
pub struct ServedRunsProperties {
    /// Whether the list begins unfolded.
    pub is_open: bool,
}

/// The list, with a way to open each.
#[component]
pub fn ServedRuns(properties: &ServedRunsProperties) -> Html {
    let page = use_page();
    let known = use_state(|| None::<Result<Vec<ServedRun>, String>>);
    let look = {
        let known = known.setter();
        move || {
            let known = known.clone();
            spawn_local(async move { known.set(Some(server::runs().await)) });
        }
    };
    {
        let look = look.clone();
        use_effect_with(page.runs.len(), move |_| look());
    }
    let again = Callback::from(move |_| look());
    let body = match &*known {
        None => html! { <p class="empty" aria-busy="true">{"Asking for the runs …"}</p> },
        Some(Err(why)) => html! { <p class="empty error" role="alert">{ why }</p> },
        Some(Ok(runs)) if runs.is_empty() => {
            html! { <p class="empty">{"The server's folder has no run yet. It is listed here as soon as an application that Sparkwright steers has begun: look again then."}</p> }
        }
        Some(Ok(runs)) => {
            let rows = runs.iter().map(|run| {
                let open = {
                    let (page, id) = (page.clone(), run.id.clone());
                    Callback::from(move |_| {
                        let (page, id) = (page.clone(), id.clone());
                        spawn_local(async move {
                            match server::open(&page, &id).await {
                                Ok(rest) => page.dispatch(Action::Go(Route { view: View::Runs, rest, ..Route::default() })),
                                Err(why) => page.dispatch(Action::Tell(true, format!("the run {id} could not be opened: {why}"))),
                            }
                        });
                    })
                };
                let act = if run.state == RunState::Running { "Follow" } else { "Open" };
                html! {
                    <tr key={run.id.clone()}>
                        <th scope="row">{ &run.name }<br /><code class="muted">{ &run.id }</code></th>
                        <td>{ state_word(run.state) }</td>
                        <td>{ on_the_wall(run.started_ms) }</td>
                        <td class="number">{ render_ms(run.updated_ms.saturating_sub(run.started_ms)) }</td>
                        <td><button type="button" onclick={open}>{ act }<span class="hidden">{ format!(" the run {}", run.id) }</span></button></td>
                    </tr>
                }
            });
            html! {
                <div class="table-scroll" tabindex="0" role="region" aria-label="Runs of the server">
                    <table>
                        <thead><tr><th scope="col">{"Run"}</th><th scope="col">{"State"}</th><th scope="col">{"Began"}</th><th scope="col" class="number">{"Lasted"}</th><th scope="col"><span class="hidden">{"Open"}</span></th></tr></thead>
                        <tbody>{ for rows }</tbody>
                    </table>
                </div>
            }
        }
    };
    html! {
        <details class="served-runs" open={properties.is_open}>
            <summary>{"Runs on this machine"}</summary>
            <div aria-live="polite">{ body }</div>
            <p><button type="button" class="quiet" onclick={again}>{"Look again"}</button></p>
        </details>
    }
}
