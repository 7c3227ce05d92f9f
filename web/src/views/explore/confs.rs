//! The Spark configurations of a plan, to be copied.

use sparkwright_core::launch::PlanLaunchAnswer;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::shell;
use crate::state::{Action, use_page};

/// A way to write configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    CommandLine,
    Defaults,
    Python,
}

impl Form {
    const ALL: [(Self, &'static str); 3] =
        [(Self::CommandLine, "--conf lines"), (Self::Defaults, "spark-defaults.conf"), (Self::Python, "Python")];

    fn write(self, plan: &PlanLaunchAnswer) -> String {
        let confs = plan.confs.iter().map(|(key, conf)| (key.as_str(), conf.value.as_str()));
        match self {
            Self::CommandLine => {
                confs.map(|(key, value)| format!("--conf {key}={value}")).collect::<Vec<_>>().join(" \\\n")
            }
            Self::Defaults => confs.map(|(key, value)| format!("{key} {value}\n")).collect(),
            Self::Python => {
                let lines: String = confs.map(|(key, value)| format!("    .config({key:?}, {value:?})\n")).collect();
                format!("spark = (\n    SparkSession.builder\n{lines}    .getOrCreate()\n)\n")
            }
        }
    }
}

/// Properties of [`Confs`].
#[derive(Properties, PartialEq)]
pub struct ConfsProperties {
    /// The plan.
    pub plan: PlanLaunchAnswer,
}

/// The configurations.
#[component]
pub fn Confs(properties: &ConfsProperties) -> Html {
    let page = use_page();
    let form = use_state(|| Form::CommandLine);
    let text = form.write(&properties.plan);
    let tabs = Form::ALL.into_iter().map(|(which, name)| {
        let click = {
            let form = form.clone();
            Callback::from(move |_| form.set(which))
        };
        html! { <button type="button" class="tab" aria-pressed={(*form == which).to_string()} onclick={click}>{ name }</button> }
    });
    let copy = {
        let text = text.clone();
        Callback::from(move |_| {
            let (page, text) = (page.clone(), text.clone());
            spawn_local(async move {
                let (error, told) = match shell::copy_text(&text).await {
                    Ok(()) => (false, "the configurations are copied".to_owned()),
                    Err(why) => (true, format!("the configurations could not be copied: {why}")),
                };
                page.dispatch(Action::Tell(error, told));
            });
        })
    };
    let reasons = properties.plan.confs.iter().map(|(key, conf)| {
        html! { <tr><th scope="row"><code>{ key }</code></th><td><code>{ &conf.value }</code></td><td class="muted">{ &*conf.because }</td></tr> }
    });
    html! {
        <section class="confs" aria-label="Spark configurations">
            <h2>{"Spark configurations"}</h2>
            <div class="tabs" role="group" aria-label="Written as">{ for tabs }<button type="button" onclick={copy}>{"Copy"}</button></div>
            <pre tabindex="0" aria-label="The configurations">{ text }</pre>
            <details><summary>{"Why each of them"}</summary><div class="table-scroll" tabindex="0" role="region" aria-label="Reasons"><table><tbody>{ for reasons }</tbody></table></div></details>
        </section>
    }
}
