//! Controls with a name, a unit and a hint.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// Properties of [`Choice`].
#[derive(Properties, PartialEq)]
pub struct ChoiceProperties {
    /// Its id, unique on the page.
    pub id: AttrValue,
    /// What is chosen.
    pub label: AttrValue,
    /// The choices: word and name.
    pub choices: Vec<(AttrValue, AttrValue)>,
    /// The word that is chosen.
    pub chosen: AttrValue,
    /// Who is told.
    pub on_choose: Callback<String>,
    /// What it means.
    #[prop_or_default]
    pub hint: AttrValue,
}

/// One of several words.
#[component]
pub fn Choice(properties: &ChoiceProperties) -> Html {
    let change = {
        let tell = properties.on_choose.clone();
        Callback::from(move |event: Event| tell.emit(event.target_unchecked_into::<HtmlSelectElement>().value()))
    };
    let options = properties.choices.iter().map(|(word, name)| {
        html! { <option value={word.clone()} selected={*word == properties.chosen}>{ name.clone() }</option> }
    });
    html! {
        <div class="field">
            <label for={properties.id.clone()} title={properties.hint.clone()}>{ properties.label.clone() }</label>
            <select id={properties.id.clone()} onchange={change}>{ for options }</select>
        </div>
    }
}

/// Properties of [`Words`].
#[derive(Properties, PartialEq)]
pub struct WordsProperties {
    /// Its id, unique on the page.
    pub id: AttrValue,
    /// What is written.
    pub label: AttrValue,
    /// What stands there.
    pub value: AttrValue,
    /// An example.
    #[prop_or_default]
    pub placeholder: AttrValue,
    /// The unit, behind the field.
    #[prop_or_default]
    pub unit: AttrValue,
    /// What it means.
    #[prop_or_default]
    pub hint: AttrValue,
    /// What is wrong with it; empty where nothing is.
    #[prop_or_default]
    pub wrong: AttrValue,
    /// Whether the label is for screen readers alone.
    #[prop_or_default]
    pub label_hidden: bool,
    /// Who is told, once the user is done with the field.
    pub on_change: Callback<String>,
}

/// A line of text.
#[component]
pub fn Words(properties: &WordsProperties) -> Html {
    let change = {
        let tell = properties.on_change.clone();
        Callback::from(move |event: Event| tell.emit(event.target_unchecked_into::<HtmlInputElement>().value()))
    };
    let wrong = !properties.wrong.is_empty();
    let told_by = format!("{}-told", properties.id);
    html! {
        <div class={classes!("field", wrong.then_some("wrong"))}>
            <label for={properties.id.clone()} title={properties.hint.clone()} class={classes!(properties.label_hidden.then_some("hidden"))}>{ properties.label.clone() }</label>
            <span class="with-unit">
                <input id={properties.id.clone()} value={properties.value.clone()} placeholder={properties.placeholder.clone()} onchange={change}
                    aria-invalid={wrong.to_string()} aria-describedby={told_by.clone()} autocomplete="off" spellcheck="false" />
                if !properties.unit.is_empty() { <span class="unit">{ properties.unit.clone() }</span> }
            </span>
            <span class="told" id={told_by}>{ properties.wrong.clone() }</span>
        </div>
    }
}
