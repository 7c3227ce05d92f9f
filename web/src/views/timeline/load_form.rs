//! The load that is played: the work, wave by wave, and the cluster.

use std::ops::RangeInclusive;
use std::str::FromStr;

use sparkwright_core::trace::render_ms;
use yew::prelude::*;

use crate::parts::field::{Choice, Words};
use crate::recorded::load_of;
use crate::simulation::{
    Load, MOST_CORES, MOST_EXECUTORS, MOST_SECONDS, MOST_START_SECONDS, MOST_TASKS, TASK_SECONDS, Wave, examples,
};
use crate::state::use_page;

/// More waves than these are told, and not shown as fields.
const MOST_FIELDS: usize = 40;

/// Properties of [`LoadForm`].
#[derive(Properties, PartialEq)]
pub struct LoadProperties {
    /// The load.
    pub load: Load,
    /// Who is told of another.
    pub on_change: Callback<Load>,
}

/// A number within its range.
fn number<T: FromStr + PartialOrd + std::fmt::Display>(text: &str, range: &RangeInclusive<T>) -> Result<T, String> {
    let read = text.trim().parse::<T>().ok().filter(|number| range.contains(number));
    read.ok_or_else(|| format!("a number from {} to {} is wanted", range.start(), range.end()))
}

/// Properties of [`Figure`].
#[derive(Properties, PartialEq)]
struct FigureProperties {
    id: AttrValue,
    label: AttrValue,
    #[prop_or_default]
    unit: AttrValue,
    #[prop_or_default]
    label_hidden: bool,
    value: f64,
    least: f64,
    most: f64,
    /// Whether only whole numbers are taken.
    #[prop_or(true)]
    whole: bool,
    on_change: Callback<f64>,
}

/// A number of the load.
#[component]
fn Figure(properties: &FigureProperties) -> Html {
    let wrong = use_state(String::new);
    let change = {
        let (wrong, tell, whole) = (wrong.clone(), properties.on_change.clone(), properties.whole);
        let (least, most) = (properties.least, properties.most);
        Callback::from(move |text: String| {
            let read = if whole {
                number(&text, &(least as u32..=most as u32)).map(f64::from)
            } else {
                number(&text, &(least..=most))
            };
            match read {
                Ok(number) => {
                    wrong.set(String::new());
                    tell.emit(number);
                }
                Err(why) => wrong.set(why),
            }
        })
    };
    html! {
        <Words id={properties.id.clone()} label={properties.label.clone()} label_hidden={properties.label_hidden} unit={properties.unit.clone()}
            value={properties.value.to_string()} wrong={(*wrong).clone()} on_change={change} />
    }
}

/// The form.
#[component]
pub fn LoadForm(properties: &LoadProperties) -> Html {
    let page = use_page();
    let load = &properties.load;
    let change = |change: fn(&mut Load, u32)| {
        let (load, tell) = (load.clone(), properties.on_change.clone());
        Callback::from(move |number: f64| {
            let mut next = load.clone();
            change(&mut next, number as u32);
            tell.emit(next);
        })
    };
    let mut sources: Vec<(AttrValue, AttrValue, Load)> = examples()
        .into_iter()
        .map(|(name, load)| (AttrValue::from(format!("example {name}")), AttrValue::from(name), load))
        .collect();
    sources.extend(page.runs.iter().filter_map(|open| {
        let app = &open.run.application;
        let name = format!("the run {} {}", app.name, app.id);
        Some((AttrValue::from(format!("run {}", app.id)), AttrValue::from(name), load_of(&open.run)?))
    }));
    let chosen = sources.iter().find(|(_, _, it)| it == load).map(|(word, _, _)| word.clone()).unwrap_or_default();
    let of_run = chosen.starts_with("run ");
    let choices: Vec<(AttrValue, AttrValue)> = std::iter::once((AttrValue::from(""), AttrValue::from("as set below")))
        .chain(sources.iter().map(|(word, name, _)| (word.clone(), name.clone())))
        .collect();
    let choose = {
        let tell = properties.on_change.clone();
        Callback::from(move |word: String| {
            if let Some((_, _, load)) = sources.iter().find(|(known, _, _)| **known == *word) {
                tell.emit(load.clone());
            }
        })
    };
    html! {
        <form class="facts" aria-label="The load" onsubmit={Callback::from(|event: SubmitEvent| event.prevent_default())}>
            <h2>{"The load"}</h2>
            <Choice id="load" label="Load" choices={choices} chosen={chosen} on_choose={choose} />
            if of_run { <p class="muted">{"From what the run's controller saw when it decided: tasks that came and ended in between are missing."}</p> }
            <Waves load={load.clone()} on_change={properties.on_change.clone()} />
            <Figure id="load-seconds" label="Look at" unit={format!("s, {}", render_ms(u64::from(load.seconds) * 1_000))} value={f64::from(load.seconds)} least={1.0} most={f64::from(MOST_SECONDS)}
                on_change={change(|load, number| load.seconds = number)} />
            <h2>{"The cluster"}</h2>
            <Figure id="load-executors" label="Executors at the start" value={f64::from(load.executors)} least={0.0} most={f64::from(MOST_EXECUTORS)}
                on_change={change(|load, number| load.executors = number)} />
            <Figure id="load-cores" label="Cores of each" value={f64::from(load.cores)} least={1.0} most={f64::from(MOST_CORES)}
                on_change={change(|load, number| load.cores = number)} />
            <Figure id="load-start" label="An executor starts in" unit="s" value={f64::from(load.start_seconds)} least={0.0} most={f64::from(MOST_START_SECONDS)}
                on_change={change(|load, number| load.start_seconds = number)} />
        </form>
    }
}

/// A change of the load by a number.
type Change = Box<dyn Fn(&mut Load, f64)>;

/// The waves as fields.
#[component]
fn Waves(properties: &LoadProperties) -> Html {
    let LoadProperties { load, on_change } = properties;
    let tasks: u64 = load.waves.iter().map(|wave| u64::from(wave.tasks)).sum();
    if load.waves.len() > MOST_FIELDS {
        return html! { <p>{ format!("{} waves, {tasks} tasks in all", load.waves.len()) }</p> };
    }
    let with = |change: Change| {
        let (load, tell) = (load.clone(), on_change.clone());
        Callback::from(move |number: f64| {
            let mut next = load.clone();
            change(&mut next, number);
            tell.emit(next);
        })
    };
    let rows = load.waves.iter().enumerate().map(|(at, wave)| {
        let of_wave = |change: fn(&mut Wave, f64)| {
            with(Box::new(move |load: &mut Load, number| {
                if let Some(wave) = load.waves.get_mut(at) {
                    change(wave, number);
                }
            }))
        };
        let remove = with(Box::new(move |load: &mut Load, _| {
            if at < load.waves.len() {
                load.waves.remove(at);
            }
        }));
        let name = at + 1;
        html! {
            <tr key={at}>
                <td><Figure id={format!("wave-{at}-at")} label={format!("Wave {name} comes after, seconds")} label_hidden=true value={f64::from(wave.at_seconds)} least={0.0} most={f64::from(MOST_SECONDS)}
                    on_change={of_wave(|wave, number| wave.at_seconds = number as u32)} /></td>
                <td><Figure id={format!("wave-{at}-tasks")} label={format!("Wave {name}, tasks")} label_hidden=true value={f64::from(wave.tasks)} least={0.0} most={f64::from(MOST_TASKS)}
                    on_change={of_wave(|wave, number| wave.tasks = number as u32)} /></td>
                <td><Figure id={format!("wave-{at}-seconds")} label={format!("Wave {name}, seconds of a task")} label_hidden=true whole=false value={wave.task_seconds} least={*TASK_SECONDS.start()} most={*TASK_SECONDS.end()}
                    on_change={of_wave(|wave, number| wave.task_seconds = number)} /></td>
                <td><button type="button" class="quiet" onclick={move |_| remove.emit(0.0)} aria-label={format!("Remove wave {name}")}>{"×"}</button></td>
            </tr>
        }
    });
    let add = with(Box::new(|load: &mut Load, _| {
        let last = load.waves.last().copied();
        let next = last.map_or(Wave { at_seconds: 30, tasks: 100, task_seconds: 5.0 }, |last| Wave {
            at_seconds: last.at_seconds + 60,
            ..last
        });
        load.waves.push(next);
    }));
    html! {
        <div class="waves">
            <table>
                <caption class="hidden">{"Work that arrives, wave by wave"}</caption>
                <thead><tr><th scope="col">{"After, s"}</th><th scope="col">{"Tasks"}</th><th scope="col">{"Each, s"}</th><th scope="col"><span class="hidden">{"Remove"}</span></th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            if load.waves.is_empty() { <p class="empty">{"No work arrives: add a wave."}</p> }
            <button type="button" onclick={move |_| add.emit(0.0)}>{"Add a wave"}</button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_their_range_are_told() {
        assert_eq!(number(" 12 ", &(0..=20_u32)), Ok(12));
        assert_eq!(number("2.5", &(0.1..=9.0)), Ok(2.5));
        for text in ["", "-1", "21", "2.5", "many", "1e3"] {
            assert_eq!(number(text, &(0..=20_u32)).unwrap_err(), "a number from 0 to 20 is wanted", "{text}");
        }
        assert!(number("NaN", &(0.1..=9.0)).is_err());
    }
}
