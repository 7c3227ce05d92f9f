//! What the user should know, one line each, until it is taken away.

use yew::prelude::*;

use crate::state::{Action, use_page};

/// The notices, and a word where the policy module can't be had.
#[component]
pub fn Notices() -> Html {
    let page = use_page();
    let lines = page.notices.iter().map(|notice| {
        let dismiss = {
            let (page, number) = (page.clone(), notice.number);
            Callback::from(move |_| page.dispatch(Action::Dismiss(number)))
        };
        html! {
            <li key={notice.number} class={classes!("notice", notice.error.then_some("error"))}>
                <span>{ &notice.text }</span>
                <button type="button" class="quiet" onclick={dismiss} aria-label="Dismiss this message">{"×"}</button>
            </li>
        }
    });
    let failed = match &page.module {
        crate::state::Module::Failed(why) => html! {
            <li class="notice error">{ format!("policy.wasm could not be loaded, so nothing can be decided: {why}. Reload the page; texts can still be edited and saved.") }</li>
        },
        _ => html! {},
    };
    html! { <ul class="notices" role="status" aria-live="polite">{ failed }{ for lines }</ul> }
}
