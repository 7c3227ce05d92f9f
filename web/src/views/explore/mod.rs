//! What a job would start with, and why: facts on the left, decisions on the right, at once.

mod charts;
mod confs;
mod facts_form;
mod memory;
mod plan_cards;

use std::rc::Rc;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::error::ErrorBody;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::stage::PlanStageAnswer;
use yew::prelude::*;

use crate::clock;
use crate::job::Job;
use crate::module::Prepared;
use crate::parts::prepared::{nothing_decided, use_prepared};
use crate::state::{Action, use_page};

use charts::Charts;
use confs::Confs;
use facts_form::FactsForm;
use memory::MemoryPicture;
use plan_cards::PlanCards;

/// What is decided of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The launch plan.
    pub launch: Result<PlanLaunchAnswer, ErrorBody>,
    /// The plan of the stage, where the job is one.
    pub stage: Option<Result<PlanStageAnswer, ErrorBody>>,
}

fn decide(prepared: &Prepared, job: &Job) -> Decided {
    let (now_ms, offset) = clock::now();
    Decided {
        launch: prepared.ask(DecisionPoint::PlanLaunch, &job.launch_question(now_ms, offset)),
        stage: job.stage.map(|_| prepared.ask(DecisionPoint::PlanStage, &job.stage_question(now_ms, offset))),
    }
}

/// The view.
#[component]
pub fn Explore() -> Html {
    let page = use_page();
    let prepared = use_prepared();
    let job = page.job.clone();
    let decided = use_memo((prepared.clone(), job.clone()), |(prepared, job)| {
        prepared.as_ref().ok().map(|prepared| Rc::new(decide(prepared, job)))
    });
    let change = {
        let page = page.clone();
        Callback::from(move |job: Job| page.dispatch(Action::Job(job)))
    };
    let results = match (&prepared, &*decided) {
        (Err(why), _) => nothing_decided(why, &page.environment),
        (_, Some(decided)) => html! { <Results decided={decided.clone()} /> },
        _ => html! {},
    };
    html! {
        <div class="explore">
            <FactsForm job={(*job).clone()} on_change={change} />
            <div class="results">
                <h1 class="hidden">{ format!("Decisions for {}", page.environment) }</h1>
                { results }
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ResultsProperties {
    decided: Rc<Decided>,
}

#[component]
fn Results(properties: &ResultsProperties) -> Html {
    match &properties.decided.launch {
        Err(error) => html! {
            <>
                <p class="refused" role="alert"><strong>{ if error.code == "denied" { "The policy forbids this run. " } else { "There is no plan. " } }</strong>{ error.to_string() }</p>
                <Charts />
            </>
        },
        Ok(plan) => html! {
            <>
                <PlanCards plan={plan.clone()} stage={properties.decided.stage.clone()} />
                <MemoryPicture plan={plan.clone()} />
                <Charts plan={plan.clone()} />
                <Confs plan={plan.clone()} />
            </>
        },
    }
}
