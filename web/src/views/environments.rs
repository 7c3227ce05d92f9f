//! The environments side by side.

use sparkwright_core::policy::keys;
use sparkwright_policy::{Code, Severity};
use yew::prelude::*;

use crate::document::{built_in_value, digest_of, value_of};
use crate::key_text::shown;
use crate::parts::counted::counted;
use crate::route::View;
use crate::state::{Action, use_page};

/// The view.
#[component]
pub fn Environments() -> Html {
    let page = use_page();
    let all = use_state(|| false);
    let document = &page.document;
    let toggle = {
        let all = all.clone();
        Callback::from(move |event: Event| {
            all.set(event.target_unchecked_into::<web_sys::HtmlInputElement>().checked());
        })
    };
    let heads = document.environments.iter().map(|it| {
        let digest = it.policy.as_ref().map(|policy| digest_of(policy)).unwrap_or_default();
        let short = digest.get(..12).unwrap_or("has errors").to_owned();
        let name = if it.name.is_empty() { "built in".to_owned() } else { it.name.clone() };
        let is_default = document.file.default_environment() == Some(it.name.as_str());
        html! {
            <th scope="col">
                { name }
                if is_default { <span class="muted">{" (default)"}</span> }
                <br /><code class="muted" title={format!("SHA-256 of the resolved policy: {digest}")}>{ short }</code>
            </th>
        }
    });
    let mut hidden = 0;
    let rows: Vec<Html> = keys()
        .filter_map(|key| {
            let values: Vec<_> = document
                .environments
                .iter()
                .map(|it| it.policy.as_ref().ok().and_then(|policy| value_of(policy, key)))
                .collect();
            let first = values.iter().flatten().next().map(|value| value.json.clone());
            let differs = values.iter().flatten().any(|value| Some(&value.json) != first.as_ref());
            let changed = first.is_some_and(|value| value != built_in_value(key)) || differs;
            if !changed && !*all {
                hidden += 1;
                return None;
            }
            let cells = values.iter().map(|value| match value {
                Some(value) => {
                    let text = shown(key, &value.json);
                    let text = if text.is_empty() { "–".to_owned() } else { text };
                    html! { <td><span class="cell">{ text }</span> <span class={classes!("origin", value.layer.word().replace(' ', "-"))}>{ value.layer.word() }</span></td> }
                }
                None => html! { <td class="muted">{"?"}</td> },
            });
            Some(html! {
                <tr key={key.path()} class={classes!(differs.then_some("differs"))}>
                    <th scope="row" title={key.doc}><code>{ key.path() }</code> <span class="muted">{ key.unit }</span>{ differs.then_some(html! { <span class="hidden">{" differs"}</span> }) }</th>
                    { for cells }
                </tr>
            })
        })
        .collect();
    let lints: Vec<Html> = document
        .diagnostics
        .iter()
        .filter(|it| matches!(it.code, Code::NotExercised | Code::WithoutEffect | Code::RuleNeverApplies | Code::BoundsCross))
        .map(|it| {
            let class = if it.severity == Severity::Advice { "advice" } else { "warning" };
            let go = {
                let (page, line, column) = (page.clone(), it.line, it.column);
                Callback::from(move |event: MouseEvent| {
                    event.prevent_default();
                    let mut there = (*page).clone();
                    there.route.view = View::Policy;
                    page.dispatch(Action::Go(there.address()));
                    page.dispatch(Action::Reveal(line.max(1), column.max(1)));
                })
            };
            html! { <li class={class}><a href="#/policy" onclick={go}>{ format!("line {}", it.line) }</a>{ format!(": {}", it.message) }{ if it.help.is_empty() { String::new() } else { format!(" — {}", it.help) } }</li> }
        })
        .collect();
    let errors = document.counts().0;
    html! {
        <section class="environments">
            <h1>{"Environments side by side"}</h1>
            if errors > 0 { <p class="error">{ format!("{} in the text: environments with errors show no values.", counted(errors, "error")) }</p> }
            <div class="field inline">
                <input id="all-keys" type="checkbox" checked={*all} onchange={toggle} />
                <label for="all-keys">{ if *all { "All keys".to_owned() } else { format!("Show the {hidden} keys that are the built-in value everywhere, too") } }</label>
            </div>
            if rows.is_empty() {
                <p class="empty">{"Every key has its built-in value in every environment."}</p>
            } else {
                <div class="table-scroll" tabindex="0" role="region" aria-label="Values of the environments">
                    <table class="compare"><thead><tr><th scope="col">{"Key"}</th>{ for heads }</tr></thead><tbody>{ for rows }</tbody></table>
                </div>
            }
            <p class="muted">{"Rows that differ between environments are marked with a bar."}</p>
            <h2>{"Probably unintended"}</h2>
            if lints.is_empty() { <p class="empty">{"Nothing: no setting is without effect or active only in production."}</p> } else { <ul class="lints">{ for lints }</ul> }
        </section>
    }
}
