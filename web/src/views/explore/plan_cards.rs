//! The decisions of a plan, each with its grade and the way to its account.

use sparkwright_core::decision::{Answer as _, Listed, Made};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::stage::PlanStageAnswer;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::parts::why::{WhyButton, grade};
use crate::shell;
use crate::state::{Action, Why, use_page};

/// Properties of [`PlanCards`].
#[derive(Properties, PartialEq)]
pub struct PlanCardsProperties {
    /// The launch plan.
    pub plan: PlanLaunchAnswer,
    /// The plan of the stage.
    pub stage: Option<Result<PlanStageAnswer, ErrorBody>>,
}

/// A decision as a card; `of` stands before its title and its name.
fn card(made: &Made<'_>, of: Option<&str>, currency: &str) -> Html {
    let (title, name) = match of {
        Some(of) => (format!("{of} {}", lower(made.title)), format!("{}_{}", of.to_lowercase(), made.name)),
        None => (made.title.to_owned(), made.name.to_owned()),
    };
    let text = made.text(currency);
    let (value, beside) = text.split_once(", ").unwrap_or((&text, ""));
    let why = Why { title: title.clone(), value: text.clone(), grade: made.grade, trace: made.trace.clone() };
    html! {
        <li class="card" data-decision={name}>
            <h3>{ title }</h3>
            <p class="value"><strong>{ value.to_owned() }</strong>{" "}<span class="unit">{ beside.to_owned() }</span></p>
            <p class="foot">{ grade(made.grade) }<WhyButton why={why} /></p>
        </li>
    }
}

/// A title behind another word.
fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The cards.
#[component]
pub fn PlanCards(properties: &PlanCardsProperties) -> Html {
    let page = use_page();
    let plan = &properties.plan;
    let currency =
        page.document.policy(&page.environment).map(|policy| policy.cost.currency.clone()).unwrap_or_default();
    let decisions = plan.decisions();
    let cards = decisions.iter().map(|made| card(made, None, &currency));
    let copy = {
        let (page, plan, currency) = (page.clone(), plan.clone(), currency.clone());
        Callback::from(move |_| {
            // As `sparkwright plan --json` prints it.
            let json = serde_json::to_string_pretty(&Listed::of(&plan, &currency)).unwrap_or_default() + "\n";
            let page = page.clone();
            spawn_local(async move {
                let (error, told) = match shell::copy_text(&json).await {
                    Ok(()) => (false, "the plan is copied as JSON".to_owned()),
                    Err(why) => (true, format!("the plan could not be copied: {why}")),
                };
                page.dispatch(Action::Tell(error, told));
            });
        })
    };
    let stage = properties.stage.as_ref().map(|stage| stage_cards(stage, &currency));
    html! {
        <section class="plan" aria-label="The plan">
            <h2 class="hidden">{"The plan"}</h2>
            <ul class="cards">{ for cards }</ul>
            { stage.unwrap_or_default() }
            <p><button type="button" onclick={copy} title="as `sparkwright plan --json` prints it">{"Copy as JSON"}</button></p>
        </section>
    }
}

fn stage_cards(stage: &Result<PlanStageAnswer, ErrorBody>, currency: &str) -> Html {
    let stage = match stage {
        Ok(stage) => stage,
        Err(error) => return html! { <p class="refused">{ format!("There is no plan for the stage: {error}") }</p> },
    };
    let decisions = stage.decisions();
    let cards = decisions.iter().map(|made| card(made, Some("Stage"), currency));
    html! { <><h2>{"The stage"}</h2><ul class="cards">{ for cards }</ul></> }
}
