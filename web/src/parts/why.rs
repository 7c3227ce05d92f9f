//! The account of a number: rule, formula, inputs, bounds, what would change it.

use gloo::utils::document;
use sparkwright_core::trace::{Grade, Scalar, Trace};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::shell;
use crate::state::{Action, Why, use_page};

/// How well founded a number is, as a letter with its meaning.
pub fn grade(grade: Grade) -> Html {
    let class = match grade {
        Grade::A => "grade-a",
        Grade::B => "grade-b",
        Grade::C => "grade-c",
    };
    html! { <span class={classes!("grade", class)} title={grade.meaning()}>{ format!("{grade:?}") }<span class="hidden">{ format!(": {}", grade.meaning()) }</span></span> }
}

/// Properties of [`WhyButton`].
#[derive(Properties, PartialEq)]
pub struct WhyButtonProperties {
    /// What it opens.
    pub why: Why,
}

/// Opens the account of a number.
#[component]
pub fn WhyButton(properties: &WhyButtonProperties) -> Html {
    let page = use_page();
    let open = page.why.as_ref().is_some_and(|open| **open == properties.why);
    let click = {
        let (page, why) = (page.clone(), properties.why.clone());
        Callback::from(move |_| page.dispatch(Action::Why((!open).then(|| why.clone()))))
    };
    html! {
        <button type="button" class="why" aria-expanded={open.to_string()} aria-controls="why" onclick={click}>
            {"Why"}<span class="hidden">{ format!(" {} is {}", properties.why.title, properties.why.value) }</span>
        </button>
    }
}

/// The account that is open.
#[component]
pub fn WhyPanel() -> Html {
    let page = use_page();
    let panel = use_node_ref();
    let opener = use_mut_ref(|| None::<HtmlElement>);
    {
        let panel = panel.clone();
        use_effect_with(page.why.clone(), move |why| {
            // Whoever reads the account comes back to the number that it is of.
            let to = if why.is_some() {
                let from = document().active_element().and_then(|it| it.dyn_into::<HtmlElement>().ok());
                *opener.borrow_mut() = from;
                panel.cast::<HtmlElement>()
            } else {
                opener.borrow_mut().take()
            };
            if let Some(to) = to {
                let _ = to.focus();
            }
        });
    }
    let Some(why) = page.why.clone() else { return html! {} };
    let close = {
        let page = page.clone();
        Callback::from(move |_| page.dispatch(Action::Why(None)))
    };
    let copy = {
        let (page, why) = (page.clone(), why.clone());
        Callback::from(move |_| {
            let (page, text) = (page.clone(), format!("{}: {}\n{}", why.title, why.value, why.trace.render("  ")));
            wasm_bindgen_futures::spawn_local(async move {
                let told = match shell::copy_text(&text).await {
                    Ok(()) => (false, "the account is copied".to_owned()),
                    Err(why) => (true, format!("the account could not be copied: {why}")),
                };
                page.dispatch(Action::Tell(told.0, told.1));
            });
        })
    };
    html! {
        <aside id="why" class="why-panel" aria-label={format!("Why {} is {}", why.title, why.value)} tabindex="-1" ref={panel}>
            <header>
                <h2>{ &why.title }</h2>
                <button type="button" class="quiet" onclick={close} aria-label="Close the account">{"×"}</button>
            </header>
            <p class="value"><strong>{ &why.value }</strong>{ grade(why.grade) }<span class="muted">{ why.grade.meaning() }</span></p>
            { account(&why.trace) }
            <p><button type="button" onclick={copy}>{"Copy as text"}</button></p>
        </aside>
    }
}

fn account(trace: &Trace) -> Html {
    let inputs = trace.inputs.iter().map(|input| {
        html! { <tr><th scope="row">{ &*input.name }</th><td>{ input.value.render(input.unit) }</td><td class="muted">{ &*input.from }</td></tr> }
    });
    let unbounded = (trace.unbounded != Scalar::Unknown).then(|| {
        html! { <p>{"Computed: "}<strong>{ trace.unbounded.render(trace.unit) }</strong></p> }
    });
    let bounds = trace.bounds.iter().map(|bound| {
        let (before, after) = (bound.before.render(trace.unit), bound.after.render(trace.unit));
        let came = if bound.changed() { format!("{before} → {after}") } else { "held already".to_owned() };
        html! {
            <tr class={classes!(bound.changed().then_some("changed"))}>
                <th scope="row">{ &*bound.name }</th><td>{ bound.limit.render(trace.unit) }</td><td>{ came }</td>
            </tr>
        }
    });
    let notes = trace.notes.iter().map(|note| html! { <li>{ &**note }</li> });
    let flips = trace.flips.iter().map(|flip| html! { <li>{ flip.render(trace.unit) }</li> });
    html! {
        <>
            <p class="rule"><code>{ &*trace.rule }</code></p>
            <p>{ &*trace.formula }</p>
            if !trace.inputs.is_empty() {
                <h3>{"From"}</h3>
                <table><thead class="hidden"><tr><th scope="col">{"Input"}</th><th scope="col">{"Value"}</th><th scope="col">{"Where it comes from"}</th></tr></thead><tbody>{ for inputs }</tbody></table>
            }
            { unbounded.unwrap_or_default() }
            if !trace.bounds.is_empty() {
                <h3>{"Bounds"}</h3>
                <table><thead class="hidden"><tr><th scope="col">{"Bound"}</th><th scope="col">{"Limit"}</th><th scope="col">{"What it did"}</th></tr></thead><tbody>{ for bounds }</tbody></table>
            }
            if !trace.notes.is_empty() { <ul>{ for notes }</ul> }
            if !trace.flips.is_empty() { <><h3>{"It would be different"}</h3><ul>{ for flips }</ul></> }
        </>
    }
}
