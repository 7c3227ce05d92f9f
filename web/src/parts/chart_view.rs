//! A chart with its picture and its table.

use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::chart::Spec;
use crate::shell::{self, Chart};
use crate::state::{Action, use_page};

/// Properties of [`ChartView`].
#[derive(Properties, PartialEq)]
pub struct ChartProperties {
    /// What it shows.
    pub spec: Spec,
    /// Who is told which place was picked.
    #[prop_or_default]
    pub on_pick: Option<Callback<usize>>,
}

/// A chart that is there, with what it calls back.
struct Mounted {
    chart: Chart,
    _on_pick: Closure<dyn FnMut(f64)>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.chart.end();
    }
}

/// A chart.
#[component]
pub fn ChartView(properties: &ChartProperties) -> Html {
    let page = use_page();
    let host = use_node_ref();
    let mounted = use_mut_ref(|| None::<Mounted>);
    // The chart is made once, and who is told changes with what is shown.
    let on_pick = use_mut_ref(|| None::<Callback<usize>>);
    on_pick.borrow_mut().clone_from(&properties.on_pick);
    {
        let (host, mounted) = (host.clone(), mounted.clone());
        use_effect_with((), move |()| {
            if let Some(host) = host.cast::<web_sys::HtmlElement>() {
                let chart = shell::new_chart(&host);
                let told = Closure::<dyn FnMut(f64)>::new(move |index: f64| {
                    let tell = on_pick.borrow().clone();
                    if let Some(tell) = tell {
                        tell.emit(index as usize);
                    }
                });
                chart.set_on_pick(told.as_ref());
                *mounted.borrow_mut() = Some(Mounted { chart, _on_pick: told });
            }
            move || {
                mounted.borrow_mut().take();
            }
        });
    }
    {
        let mounted = mounted.clone();
        use_effect_with(properties.spec.clone(), move |spec| {
            if let (Some(mounted), Ok(spec)) = (&*mounted.borrow(), serde_json::to_string(spec)) {
                mounted.chart.draw(&spec);
            }
        });
    }
    let copy = Callback::from(move |_| {
        let page = page.clone();
        let chart = mounted.borrow().as_ref().map(|mounted| mounted.chart.clone());
        spawn_local(async move {
            let Some(chart) = chart else { return };
            let (error, told) = match shell::copy_chart(chart).await {
                Ok(true) => (false, "the chart is copied as an image".to_owned()),
                Ok(false) => (false, "the chart was saved as chart.png: this browser copies no images".to_owned()),
                Err(why) => (true, format!("the chart could not be copied: {why}")),
            };
            page.dispatch(Action::Tell(error, told));
        });
    });
    html! {
        <figure class="chart">
            <div class="chart-host" ref={host}></div>
            <figcaption class="chart-foot">
                <span class="muted">{ &properties.spec.description }</span>
                <button type="button" class="quiet" onclick={copy}>{"Copy as image"}</button>
            </figcaption>
        </figure>
    }
}
