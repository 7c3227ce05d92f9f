//! The decisions of a plan, each with its grade and the way to its account.

use sparkwright_core::error::ErrorBody;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::stage::PlanStageAnswer;
use sparkwright_core::trace::{Decision, render_micros, render_ms};
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

/// A decision as a card.
fn card<T>(title: &str, value: String, unit: &str, decision: &Decision<T>) -> Html {
    let spoken = if unit.is_empty() { value.clone() } else { format!("{value} {unit}") };
    let why = Why::of(title, spoken, decision);
    html! {
        <li class="card" data-decision={title.to_lowercase().replace(' ', "_")}>
            <h3>{ title }</h3>
            <p class="value"><strong>{ value }</strong>{" "}<span class="unit">{ unit }</span></p>
            <p class="foot">{ grade(decision.grade) }<WhyButton why={why} /></p>
        </li>
    }
}

/// The cards.
#[component]
pub fn PlanCards(properties: &PlanCardsProperties) -> Html {
    let page = use_page();
    let plan = &properties.plan;
    let currency =
        page.document.policy(&page.environment).map(|policy| policy.cost.currency.clone()).unwrap_or_default();
    let plural = |n: u32, one: &str| if n == 1 { one.to_owned() } else { format!("{one}s") };
    let cache = plan.cache.value.level.map_or("not kept".to_owned(), |level| level.word().to_owned());
    let table = &plan.temp_table.value;
    let files = if table.files > 0 { plural(table.files, &format!("of {} file", table.files)) } else { String::new() };
    let mut cards = vec![
        card(
            "Executors",
            plan.executors.value.to_string(),
            &format!("of {} to {}", plan.min_executors, plan.max_executors),
            &plan.executors,
        ),
        card("Executors at the start", plan.initial_executors.value.to_string(), "", &plan.initial_executors),
        card(
            "Cores of an executor",
            plan.executor_cores.value.to_string(),
            &plural(plan.executor_cores.value, "core"),
            &plan.executor_cores,
        ),
        card("Heap of an executor", plan.executor_memory_bytes.value.to_string(), "", &plan.executor_memory_bytes),
        card(
            "Memory beside the heap",
            plan.executor_overhead_bytes.value.to_string(),
            "",
            &plan.executor_overhead_bytes,
        ),
        card("Heap of the driver", plan.driver_memory_bytes.value.to_string(), "", &plan.driver_memory_bytes),
        card("Shuffle partitions", plan.shuffle_partitions.value.to_string(), "", &plan.shuffle_partitions),
        card("Cache", cache, "", &plan.cache),
        card("Temp table", table.kind.word().replace('_', " "), &files, &plan.temp_table),
    ];
    if let Some(time) = &plan.run_time {
        let between = match (time.value.low_ms, time.value.high_ms) {
            (Some(low), Some(high)) => format!("between {} and {}", render_ms(low), render_ms(high)),
            _ => String::new(),
        };
        cards.push(card("Run time", render_ms(time.value.run_ms), &between, time));
    }
    if let Some(cost) = &plan.cost {
        cards.push(card("Cost", render_micros(cost.value.micros), &currency, cost));
    }
    let copy = {
        let (page, plan) = (page.clone(), plan.clone());
        Callback::from(move |_| {
            // As `sparkwright plan --json` prints it.
            let json = serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n";
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
    let table = &stage.temp_table.value;
    let layout = match (table.files, table.partitioning.word()) {
        (0, _) => String::new(),
        (files, "none") => format!("of {files} files"),
        (files, by) => format!("of {files} files, partitioned by {by}"),
    };
    let data = &stage.data.value;
    let in_memory = data.estimated_memory_bytes.map_or_else(String::new, |bytes| format!("{bytes} in memory"));
    let mut cards = vec![
        card("Stage data", data.category.word().replace('_', " "), &in_memory, &stage.data),
        card("Stage executors", stage.executors.value.to_string(), "", &stage.executors),
        card("Stage shuffle partitions", stage.shuffle_partitions.value.to_string(), "", &stage.shuffle_partitions),
        card(
            "Advisory partition size",
            stage.advisory_partition_bytes.value.to_string(),
            "",
            &stage.advisory_partition_bytes,
        ),
        card(
            "Broadcast threshold",
            stage.broadcast_threshold_bytes.value.to_string(),
            "",
            &stage.broadcast_threshold_bytes,
        ),
        card(
            "Stage cache",
            stage.cache.value.level.map_or("not kept".to_owned(), |level| level.word().to_owned()),
            "",
            &stage.cache,
        ),
        card("Stage temp table", table.kind.word().replace('_', " "), &layout, &stage.temp_table),
    ];
    if let Some(time) = &stage.run_time {
        cards.push(card("Stage run time", render_ms(time.value.run_ms), "", time));
    }
    if let Some(cost) = &stage.cost {
        cards.push(card("Stage cost", render_micros(cost.value.micros), currency, cost));
    }
    html! { <><h2>{"The stage"}</h2><ul class="cards">{ for cards }</ul></> }
}
