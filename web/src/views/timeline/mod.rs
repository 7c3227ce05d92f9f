//! The controller on a load: executors come and go as the policy says, and every move that it makes or a guard holds back has its account.

mod chart;
mod load_form;
mod moments;
mod play;

use std::rc::Rc;

use yew::prelude::*;

use crate::parts::chart_view::ChartView;
use crate::parts::prepared::{nothing_decided, use_prepared};
use crate::route::{Route, View};
use crate::simulation::{Load, examples};
use crate::state::{Action, use_page};

use load_form::LoadForm;
use moments::Moments;
use play::{Play, Playing, use_play};

/// The most waves that an address holds.
const WAVES_IN_ADDRESS: usize = 40;

/// The load that an address holds.
fn of_route(route: &Route) -> Option<Load> {
    sparkwright_core::json::from_slice::<Load>(route.get("load")?.as_bytes()).ok().map(Load::within_reach)
}

/// The load to begin with.
fn first() -> Load {
    let (_, load) = examples().remove(0);
    load
}

/// The view.
#[component]
pub fn Timeline() -> Html {
    let page = use_page();
    let load = use_state(|| of_route(&page.route).unwrap_or_else(first));
    {
        // Going back and forth in the history changes the address.
        let load = load.clone();
        use_effect_with(of_route(&page.route), move |asked| {
            if let Some(asked) = asked.as_ref().filter(|asked| **asked != *load) {
                load.set(asked.clone());
            }
        });
    }
    let prepared = use_prepared();
    let played = use_play(prepared.clone().ok(), (*load).clone());
    let change = {
        let (page, load) = (page.clone(), load.clone());
        Callback::from(move |next: Load| {
            let next = next.within_reach();
            let fits = next.waves.len() <= WAVES_IN_ADDRESS && next != first();
            let written = fits.then(|| serde_json::to_string(&next).ok()).flatten();
            let query = written.map(|text| ("load".to_owned(), text)).into_iter().collect();
            load.set(next);
            page.dispatch(Action::Go(Route { view: View::Timeline, rest: String::new(), query }));
        })
    };
    let results = match &prepared {
        Err(why) => nothing_decided(why, &page.environment),
        Ok(_) => html! { <Results playing={played} /> },
    };
    html! {
        <div class="explore timeline">
            <LoadForm load={(*load).clone()} on_change={change} />
            <div class="results">
                <h1 class="hidden">{ format!("The controller of {} on this load", page.environment) }</h1>
                { results }
                <p class="muted">{"The cluster is a model: every task takes the same time, an executor comes a fixed time after it was asked for, and one that is let go is gone at once. What is asked for, and what is held back, is the policy's."}</p>
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ResultsProperties {
    playing: Rc<Playing>,
}

#[component]
fn Results(properties: &ResultsProperties) -> Html {
    let page = use_page();
    let Playing { progress, done, failed } = &*properties.playing;
    let bounds = page
        .document
        .policy(&page.environment)
        .map(|policy| (policy.autoscaling.min_executors, policy.autoscaling.max_executors));
    let spec = use_memo((done.clone(), page.environment.clone(), bounds), |(done, environment, bounds)| {
        done.as_ref().map(|play: &Rc<Play>| chart::spec(play, environment, *bounds))
    });
    html! {
        <>
            <p class="progress" role="status" aria-live="polite">
                if let Some(progress) = progress {
                    <progress max="100" value={format!("{:.0}", progress * 100.0)} aria-label="How much of the load is played"></progress>
                    <span class="muted">{"Playing the load …"}</span>
                } else if let Some(play) = done {
                    <span class="muted">{ play.summary() }</span>
                }
            </p>
            if let Some(error) = failed { <p class="refused" role="alert">{ format!("The controller gave no decision: {error}") }</p> }
            if let Some(spec) = &*spec { <ChartView spec={spec.clone()} /> }
            if let Some(play) = done { <Moments play={play.clone()} /> }
        </>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_survives_the_address_and_rubbish_is_passed_over() {
        let load = examples().remove(1).1;
        let text = serde_json::to_string(&load).unwrap_or_default();
        let route = Route { view: View::Timeline, rest: String::new(), query: vec![("load".into(), text)] };
        assert_eq!(of_route(&Route::parse(&route.fragment())), Some(load));
        for text in ["", "{}", "[1]", "{\"waves\": \"many\"}"] {
            let route = Route { query: vec![("load".into(), text.into())], ..route.clone() };
            assert_eq!(of_route(&route), None, "{text}");
        }
    }
}
