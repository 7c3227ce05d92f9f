//! The jobs of the server's store.

use sparkwright_core::trace::render_ms;
use sparkwright_record::how_it_ended;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::clock::on_the_wall;
use crate::jobs::{self, Jobs};
use crate::state::use_page;
use crate::views::runs::address::address;

/// The list, with the address of each; folded while one is open, or where there is none.
#[component]
pub fn ServedJobs() -> Html {
    let page = use_page();
    let known = use_state(|| None::<Result<Jobs, String>>);
    let look = {
        let known = known.setter();
        move || {
            known.set(None);
            let known = known.clone();
            spawn_local(async move { known.set(Some(jobs::all().await)) });
        }
    };
    {
        let look = look.clone();
        use_effect_with((), move |()| look());
    }
    let has_some = matches!(&*known, Some(Ok(jobs)) if !jobs.jobs.is_empty()) || matches!(&*known, Some(Err(_)));
    let body = match &*known {
        None => html! { <p class="empty" aria-busy="true">{"Asking the store for its jobs …"}</p> },
        Some(Err(why)) => html! { <p class="empty error" role="alert">{ why }</p> },
        Some(Ok(Jobs { no_store: Some(why), .. })) => html! { <p class="empty">{ why }</p> },
        Some(Ok(Jobs { jobs, .. })) if jobs.is_empty() => {
            html! { <p class="empty">{"No run has left a lesson in the store yet."}</p> }
        }
        Some(Ok(Jobs { jobs, .. })) => {
            let rows = jobs.iter().map(|row| {
                let last = &row.last;
                html! {
                    <tr key={row.job.clone()}>
                        <th scope="row"><a href={address(&page, "", Some(&row.job))}>{ &row.job }</a></th>
                        <td class="number">{ row.runs.to_string() }</td>
                        <td>{ on_the_wall(last.started_ms) }</td>
                        <td>{ how_it_ended(last.ended, last.run.lacked) }</td>
                        <td class="number">{ render_ms(last.run.run_ms) }</td>
                    </tr>
                }
            });
            html! {
                <div class="table-scroll" tabindex="0" role="region" aria-label="Jobs of the store">
                    <table>
                        <thead><tr><th scope="col">{"Job"}</th><th scope="col" class="number">{"Runs"}</th><th scope="col">{"Last run"}</th><th scope="col">{"Ended"}</th><th scope="col" class="number">{"Run time"}</th></tr></thead>
                        <tbody>{ for rows }</tbody>
                    </table>
                </div>
            }
        }
    };
    let is_asking = known.is_none();
    let again = Callback::from(move |_| look());
    html! {
        <details open={has_some && page.route.get("job").is_none()}>
            <summary>{"Jobs over time"}</summary>
            <div aria-live="polite">{ body }</div>
            <p><button type="button" class="quiet" disabled={is_asking} onclick={again}>{"Look again"}</button></p>
        </details>
    }
}
