//! The policy as text and as forms: two views of one document.

use sparkwright_core::policy::key::{Key, Kind};
use sparkwright_core::policy::{Layer, keys};
use sparkwright_policy::{Diagnostic, Severity};
use yew::prelude::*;

use crate::document::{built_in_value, value_of};
use crate::edit::{Place, reset, set};
use crate::key_text::{read, shown};
use crate::parts::counted::counted;
use crate::parts::editor_view::EditorView;
use crate::parts::field::{Choice, Words};
use crate::state::{Action, Changer, Handle, use_page};

/// The layer that forms write to where it is not an environment.
const GLOBAL: &str = "\u{0}global";

/// The view.
#[component]
pub fn PolicyView() -> Html {
    html! {
        <div class="policy">
            <h1 class="hidden">{"The policy"}</h1>
            <section class="text-side" aria-label="Policy as text">
                <EditorView />
                <Problems />
            </section>
            <Forms />
        </div>
    }
}

/// The problems of the text, each a way to its place.
#[component]
fn Problems() -> Html {
    let page = use_page();
    let (errors, warnings) = page.document.counts();
    let lines = page.document.diagnostics.iter().map(|it| problem(&page, it));
    let summary = match (errors, warnings, page.document.diagnostics.len()) {
        (0, 0, 0) => "No problem found".to_owned(),
        (errors, warnings, all) => {
            format!(
                "{} · {} · {}",
                counted(errors, "error"),
                counted(warnings, "warning"),
                counted(all - errors - warnings, "note")
            )
        }
    };
    html! {
        <details class="problems" open={errors > 0}>
            <summary><span role="status">{ summary }</span></summary>
            <ol>{ for lines }</ol>
        </details>
    }
}

fn problem(page: &Handle, it: &Diagnostic) -> Html {
    let class = match it.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    };
    let (line, column) = (it.line, it.column);
    let go = {
        let page = page.clone();
        Callback::from(move |_| page.dispatch(Action::Reveal(line.max(1), column.max(1))))
    };
    let expected = if it.expected.is_empty() { String::new() } else { format!(" — expected {}", it.expected) };
    let help = if it.help.is_empty() { String::new() } else { format!(" — {}", it.help) };
    html! {
        <li class={class}>
            <button type="button" class="quiet" onclick={go}>
                <span class="where">{ if line > 0 { format!("{line}:{column}") } else { String::new() } }</span>
                <span class="hidden">{ format!("{class}: ") }</span>
                { format!("{}{expected}{help}", it.message) }
            </button>
        </li>
    }
}

/// Every key as a control, section by section, for one layer.
#[component]
fn Forms() -> Html {
    let page = use_page();
    let layer = use_state(|| None::<String>);
    let find = use_state(String::new);
    let chosen = (*layer).clone().unwrap_or_else(|| page.environment.clone());
    let known =
        chosen == GLOBAL || page.document.environments.iter().any(|it| it.name == chosen && !it.name.is_empty());
    let chosen = if known { chosen } else { GLOBAL.to_owned() };
    let mut layers: Vec<(AttrValue, AttrValue)> = page
        .document
        .environments
        .iter()
        .filter(|it| !it.name.is_empty())
        .map(|it| (it.name.clone().into(), it.name.clone().into()))
        .collect();
    layers.push((GLOBAL.into(), "every environment".into()));
    let choose = {
        let layer = layer.clone();
        Callback::from(move |name: String| layer.set(Some(name)))
    };
    let search = {
        let find = find.clone();
        Callback::from(move |event: InputEvent| {
            find.set(event.target_unchecked_into::<web_sys::HtmlInputElement>().value());
        })
    };
    let wanted = find.to_lowercase();
    let mut sections: Vec<(&str, Vec<&'static Key>)> = Vec::new();
    for key in keys()
        .filter(|key| wanted.is_empty() || key.path().contains(&wanted) || key.doc.to_lowercase().contains(&wanted))
    {
        match sections.last_mut() {
            Some((section, keys)) if *section == key.section => keys.push(key),
            _ => sections.push((key.section, vec![key])),
        }
    }
    let nothing = sections
        .is_empty()
        .then(|| html! { <p class="empty">{ format!("No key has `{}` in its name or meaning.", *find) }</p> });
    let sections = sections.into_iter().map(|(section, keys)| {
        let knobs =
            keys.into_iter().map(|key| html! { <Knob key={key.path()} path={key.path()} layer={chosen.clone()} /> });
        html! {
            <fieldset class="knobs"><legend><code>{ section }</code></legend>{ for knobs }</fieldset>
        }
    });
    html! {
        <section class="forms" aria-label="Policy as forms">
            <div class="forms-head">
                <Choice id="layer" label="Values for" choices={layers} chosen={chosen.clone()} on_choose={choose} />
                <div class="field">
                    <label for="find-key">{"Find a key"}</label>
                    <input id="find-key" type="search" value={(*find).clone()} oninput={search} autocomplete="off" />
                </div>
            </div>
            { nothing.unwrap_or_default() }
            { for sections }
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct KnobProperties {
    path: String,
    layer: String,
}

/// One key: its control, its unit, where its value comes from, and the way back to the layer below.
#[component]
fn Knob(properties: &KnobProperties) -> Html {
    let page = use_page();
    let wrong = use_state(String::new);
    let Some(key) = keys().find(|key| key.path() == properties.path) else { return html! {} };
    let environment = (properties.layer != GLOBAL).then(|| properties.layer.clone());
    let written = page.document.file.written(environment.as_deref(), &properties.path).map(|it| it.value.clone());
    let (value, origin) = match (&environment, written.clone()) {
        (Some(name), _) => match page.document.policy(name).and_then(|policy| value_of(&policy, key)) {
            Some(value) => (value.json, value.layer),
            None => (written.clone().unwrap_or_else(|| built_in_value(key)), Layer::BuiltIn),
        },
        (None, Some(value)) => (value, Layer::Global),
        (None, None) => (built_in_value(key), Layer::BuiltIn),
    };
    let change = {
        let (page, wrong, environment) = (page.clone(), wrong.clone(), environment.clone());
        Callback::from(move |text: String| match read(key, &text) {
            Ok(value) => {
                let place = environment.as_deref().map_or(Place::Global, Place::Environment);
                match set(&page.document.text, &page.document.file, place, key, &value) {
                    Ok(text) => {
                        wrong.set(String::new());
                        page.dispatch(Action::Text(text, Changer::Other));
                    }
                    Err(refused) => wrong.set(refused.to_string()),
                }
            }
            Err(why) => wrong.set(why),
        })
    };
    let back = written.is_some().then(|| {
        let click = {
            let (page, environment, wrong) = (page.clone(), environment.clone(), wrong.clone());
            Callback::from(move |_| {
                let place = environment.as_deref().map_or(Place::Global, Place::Environment);
                match reset(&page.document.text, &page.document.file, place, key) {
                    Ok(text) => page.dispatch(Action::Text(text, Changer::Other)),
                    Err(refused) => wrong.set(refused.to_string()),
                }
            })
        };
        let below = if environment.is_some() { "the value for every environment" } else { "the built-in value" };
        html! { <button type="button" class="quiet" onclick={click} title={format!("Back to {below}")}>{"Reset"}<span class="hidden">{ format!(" {} to {below}", properties.path) }</span></button> }
    });
    let id = format!("knob-{}", properties.path.replace('.', "-"));
    let control = match key.kind {
        Kind::Flag => choice_of(&id, key, &["true", "false"], &shown(key, &value), change),
        Kind::Choice(words) => choice_of(&id, key, words, &shown(key, &value), change),
        _ => html! {
            <Words id={id.clone()} label={key.name} hint={key.doc} unit={key.unit} value={shown(key, &value)} wrong={(*wrong).clone()} on_change={change}
                placeholder={if matches!(key.kind, Kind::TextList) { "a, b" } else { "" }} />
        },
    };
    html! {
        <div class="knob">
            { control }
            <span class={classes!("origin", origin.word().replace(' ', "-"))}>{ origin.word() }</span>
            { back.unwrap_or_default() }
            <p class="doc">{ key.doc }</p>
        </div>
    }
}

fn choice_of(id: &str, key: &'static Key, words: &[&'static str], chosen: &str, change: Callback<String>) -> Html {
    let choices: Vec<(AttrValue, AttrValue)> =
        words.iter().map(|word| (AttrValue::from(*word), AttrValue::from(*word))).collect();
    html! { <Choice id={id.to_owned()} label={key.name} hint={key.doc} choices={choices} chosen={chosen.to_owned()} on_choose={change} /> }
}
