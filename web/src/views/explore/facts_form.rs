//! The facts of the job that is explored.

use sparkwright_core::facts::{History, Manager, NextUseKind, ProcessingType, StageType};
use sparkwright_core::policy::OptimizationTarget;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;
use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::job::{Job, MANAGERS, bytes_at, manager_of, slider_of};
use crate::parts::field::{Choice, Words};

/// Properties of [`FactsForm`].
#[derive(Properties, PartialEq)]
pub struct FactsProperties {
    /// The job.
    pub job: Job,
    /// Who is told of another.
    pub on_change: Callback<Job>,
}

/// A word as people read it.
fn spoken(word: &str) -> String {
    word.replace('_', " ")
}

fn choices(words: &[&'static str], none: Option<&'static str>) -> Vec<(AttrValue, AttrValue)> {
    let none = none.map(|name| (AttrValue::from(""), AttrValue::from(name)));
    none.into_iter().chain(words.iter().map(|word| (AttrValue::from(*word), AttrValue::from(spoken(word))))).collect()
}

/// A size as it is written back into the field: to the last byte, in the largest decimal unit that holds it in whole figures.
fn written_size(bytes: Bytes) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    let bytes = bytes.get();
    for (unit, size) in UNITS {
        if bytes >= size && bytes.is_multiple_of(size / 1_000) {
            let (whole, thousandths) = (bytes / size, bytes % size / (size / 1_000));
            let fraction = format!(".{thousandths:03}");
            return format!("{whole}{}{unit}", fraction.trim_end_matches('0').trim_end_matches('.'));
        }
    }
    bytes.to_string()
}

/// The form.
#[component]
pub fn FactsForm(properties: &FactsProperties) -> Html {
    let wrong_size = use_state(String::new);
    let wrong_history = use_state(String::new);
    let job = &properties.job;
    let tell = |change: fn(&mut Job, String)| {
        let (job, on_change) = (job.clone(), properties.on_change.clone());
        Callback::from(move |text: String| {
            let mut next = job.clone();
            change(&mut next, text);
            on_change.emit(next);
        })
    };
    let slide = {
        let (job, on_change) = (job.clone(), properties.on_change.clone());
        Callback::from(move |event: InputEvent| {
            let place: u32 = event.target_unchecked_into::<HtmlInputElement>().value().parse().unwrap_or(0);
            on_change.emit(Job { input_bytes: Some(bytes_at(place)), ..job.clone() });
        })
    };
    let size = {
        let (job, on_change, wrong) = (job.clone(), properties.on_change.clone(), wrong_size.clone());
        Callback::from(move |text: String| {
            if text.trim().is_empty() {
                wrong.set(String::new());
                on_change.emit(Job { input_bytes: None, ..job.clone() });
                return;
            }
            match written_facts::size(&text) {
                Ok(bytes) => {
                    wrong.set(String::new());
                    on_change.emit(Job { input_bytes: Some(bytes), ..job.clone() });
                }
                Err(why) => wrong.set(why),
            }
        })
    };
    let history = {
        let (job, on_change, wrong) = (job.clone(), properties.on_change.clone(), wrong_history.clone());
        Callback::from(move |event: Event| {
            let text = event.target_unchecked_into::<HtmlTextAreaElement>().value();
            let read = if text.trim().is_empty() {
                Ok(History::default())
            } else {
                sparkwright_core::json::from_slice(text.as_bytes())
            };
            match read {
                Ok(history) => {
                    wrong.set(String::new());
                    on_change.emit(Job { history, ..job.clone() });
                }
                Err(error) => wrong.set(format!("this is not a history as `sparkwright history` prints it: {error}")),
            }
        })
    };
    let history_text = if job.history == History::default() {
        String::new()
    } else {
        serde_json::to_string_pretty(&job.history).unwrap_or_default()
    };
    let at = job.input_bytes.map_or(0, slider_of);
    let said = job.input_bytes.map_or_else(|| "unknown".to_owned(), written_size);
    let whole = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
    html! {
        <form class="facts" aria-label="Facts of the job" onsubmit={Callback::from(|event: SubmitEvent| event.prevent_default())}>
            <h2>{"The job"}</h2>
            <div class="size">
                <Words id="input-size" label="Input size" value={job.input_bytes.map_or_else(String::new, written_size)} placeholder="unknown" wrong={(*wrong_size).clone()}
                    hint="100GB, 1.5TB or 64MiB (GB are 10^9 bytes, GiB 2^30); empty where nobody knows" on_change={size} />
                <input id="size-slider" type="range" min="0" max="1000" step="1" value={at.to_string()} oninput={slide} aria-label="Size slider, from 1 MB to 100 TB" aria-valuetext={said} />
            </div>
            <Choice id="processing" label="Workload" choices={choices(ProcessingType::WORDS, None)} chosen={job.processing.word()}
                on_choose={tell(|job, word| job.processing = ProcessingType::from_word(&word).unwrap_or_default())} />
            <Choice id="target" label="Optimize for" choices={choices(OptimizationTarget::WORDS, Some("the policy's"))} chosen={job.target.map_or("", OptimizationTarget::word)}
                on_choose={tell(|job, word| job.target = OptimizationTarget::from_word(&word))} />
            <Words id="uses" label="Result read" unit="times" value={whole(job.uses.map(u64::from))} placeholder="by its kind"
                on_change={tell(|job, text| job.uses = text.trim().parse().ok())} />
            <h2>{"As a stage of a pipeline"}</h2>
            <Choice id="stage" label="Stage" choices={choices(StageType::WORDS, Some("a whole job"))} chosen={job.stage.map_or("", StageType::word)}
                on_choose={tell(|job, word| job.stage = StageType::from_word(&word))} />
            if job.stage.is_some() {
                <Words id="rows" label="Rows" value={whole(job.rows)} placeholder="unknown" on_change={tell(|job, text| job.rows = text.trim().parse().ok())} />
                <Words id="skew" label="Key skew" unit="× the median" value={job.key_skew.map_or_else(String::new, |skew| skew.to_string())} placeholder="unknown"
                    hint="the largest group of its key over the median group" on_change={tell(|job, text| job.key_skew = text.trim().parse().ok().filter(|skew: &f64| skew.is_finite() && *skew >= 1.0))} />
                <Choice id="next" label="Read next by" choices={choices(NextUseKind::WORDS, Some("unknown"))} chosen={job.next.map_or("", NextUseKind::word)}
                    on_choose={tell(|job, word| job.next = NextUseKind::from_word(&word))} />
            }
            <h2>{"The cluster"}</h2>
            <Choice id="manager" label="Runs on" choices={choices(&MANAGERS.map(Manager::word), None)} chosen={job.manager.word()}
                on_choose={tell(|job, word| job.manager = manager_of(&word))} />
            <Words id="nodes" label="Machines" value={job.nodes.clone()} placeholder="4x16x64GiB" wrong={job.machines().err().unwrap_or_default()}
                hint="COUNTxCORESxMEMORY, several with a comma between; empty for a plan on paper" on_change={tell(|job, text| job.nodes = text.trim().to_owned())} />
            <details class="history" open={!history_text.is_empty()}>
                <summary>{"Earlier runs"}</summary>
                <div class={classes!("field", (!wrong_history.is_empty()).then_some("wrong"))}>
                    <label for="history">{"As "}<code>{"sparkwright history"}</code>{" prints them"}</label>
                    <textarea id="history" rows="6" onchange={history} value={history_text} spellcheck="false" placeholder={"{\"runs\": [{\"executors\": 4, \"run_ms\": 600000}]}"} aria-describedby="history-told" />
                    <span class="told" id="history-told">{ (*wrong_history).clone() }</span>
                </div>
            </details>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for (bytes, text) in [
            (100_000_000_000, "100GB"),
            (1_500_000, "1.5MB"),
            (123_456, "123.456KB"),
            (1_234_567, "1234.567KB"),
            (7, "7"),
            (0, "0"),
        ] {
            assert_eq!(written_size(Bytes(bytes)), text);
            assert_eq!(written_facts::size(text), Ok(Bytes(bytes)));
        }
    }
}
