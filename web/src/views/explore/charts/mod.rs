//! The decisions as charts: over the size of the input for every environment, and over the number of executors.

mod by_executors;
mod by_size;

use sparkwright_core::launch::PlanLaunchAnswer;
use yew::prelude::*;

use by_executors::ByExecutors;
use by_size::BySize;

/// Properties of [`Charts`].
#[derive(Properties, PartialEq)]
pub struct ChartsProperties {
    /// The plan at the chosen size, where there is one.
    #[prop_or_default]
    pub plan: Option<PlanLaunchAnswer>,
}

/// The charts.
#[component]
pub fn Charts(properties: &ChartsProperties) -> Html {
    html! {
        <>
            <BySize />
            if let Some(plan) = &properties.plan { <ByExecutors plan={plan.clone()} /> }
        </>
    }
}
