//! The decisions of a run, each with the way to its account.

use std::collections::BTreeMap;

use sparkwright_core::trace::render_ms;
use sparkwright_record::{RecordedDecision, Run};
use yew::prelude::*;

use crate::parts::field::Choice;
use crate::parts::why::{WhyButton, grade};
use crate::state::Why;
use crate::views::runs::overview::RunProperties;

/// How many rows are shown at once.
const ROWS: usize = 200;

/// Which decisions are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Filter {
    point: String,
    name: String,
    applied: String,
    words: String,
}

impl Filter {
    fn lets_through(&self, decision: &RecordedDecision) -> bool {
        let one_of = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let words = self.words.trim().to_lowercase();
        let outcome = decision.outcome.as_deref().unwrap_or_default();
        one_of(&self.point, &decision.point)
            && one_of(&self.name, &decision.name)
            && one_of(&self.applied, if decision.applied { "yes" } else { "no" })
            && (words.is_empty()
                || [decision.subject.as_str(), outcome].iter().any(|text| text.to_lowercase().contains(&words)))
    }
}

/// The decisions that are shown, in their order.
fn filtered<'a>(run: &'a Run, filter: &Filter) -> Vec<&'a RecordedDecision> {
    run.decisions.iter().filter(|decision| filter.lets_through(decision)).collect()
}

/// A decision point as people read it.
fn point_title(point: &str) -> String {
    point.replace('_', " ")
}

/// The words that occur, to choose from, each with its title.
fn choices<'a>(words: impl Iterator<Item = (&'a str, String)>, all: &'static str) -> Vec<(AttrValue, AttrValue)> {
    let words: BTreeMap<&str, String> = words.collect();
    let words = words.into_iter().map(|(word, title)| (AttrValue::from(word.to_owned()), AttrValue::from(title)));
    std::iter::once((AttrValue::from(""), AttrValue::from(all))).chain(words).collect()
}

/// The decisions.
#[component]
pub fn Decisions(properties: &RunProperties) -> Html {
    let filter = use_state(Filter::default);
    let rows = use_state(|| ROWS);
    let run = &properties.open.run;
    let set = |change: fn(&mut Filter, String)| {
        let (filter, rows) = (filter.clone(), rows.clone());
        Callback::from(move |word: String| {
            let mut next = (*filter).clone();
            change(&mut next, word);
            filter.set(next);
            rows.set(ROWS);
        })
    };
    let search = {
        let set = set(|filter, words| filter.words = words);
        Callback::from(move |event: InputEvent| {
            set.emit(event.target_unchecked_into::<web_sys::HtmlInputElement>().value())
        })
    };
    let more = {
        let rows = rows.clone();
        Callback::from(move |_| rows.set(*rows + ROWS))
    };
    if run.decisions.is_empty() {
        return html! { <section class="decisions" aria-label="Decisions"><h2>{"Decisions"}</h2><p class="empty">{"No decision was made yet: the first are made when the application starts, and at its first query."}</p></section> };
    }
    let found = filtered(run, &filter);
    let applied: Vec<(AttrValue, AttrValue)> = [("", "applied or not"), ("yes", "applied"), ("no", "not applied")]
        .map(|(word, name)| (word.into(), name.into()))
        .to_vec();
    let left_out = match run.decisions_left_out {
        0 => String::new(),
        more => format!("; {more} more were made and not kept"),
    };
    html! {
        <section class="decisions" aria-label="Decisions">
            <h2>{"Decisions"}</h2>
            <div class="filters">
                <Choice id="decision-point" label="Decision point" choices={choices(run.decisions.iter().map(|it| (&*it.point, point_title(&it.point))), "any point")} chosen={filter.point.clone()} on_choose={set(|filter, word| filter.point = word)} />
                <Choice id="decision-name" label="What" choices={choices(run.decisions.iter().map(|it| (&*it.name, it.title().into_owned())), "anything")} chosen={filter.name.clone()} on_choose={set(|filter, word| filter.name = word)} />
                <Choice id="decision-applied" label="Applied" choices={applied} chosen={filter.applied.clone()} on_choose={set(|filter, word| filter.applied = word)} />
                <div class="field">
                    <label for="decision-words">{"Find in subject or outcome"}</label>
                    <input id="decision-words" type="search" value={filter.words.clone()} oninput={search} autocomplete="off" />
                </div>
            </div>
            <p class="muted" role="status">{ format!("{} of {} decisions{left_out}", found.len(), run.decisions.len()) }</p>
            if found.is_empty() {
                <p class="empty">{"No decision is like this: choose less above."}</p>
            } else {
                <div class="table-scroll" tabindex="0" role="region" aria-label="Decisions over time">
                    <table>
                        <thead><tr>
                            <th scope="col" class="number">{"No."}</th><th scope="col" class="number">{"After"}</th><th scope="col">{"What"}</th><th scope="col">{"About"}</th>
                            <th scope="col" class="number">{"Value"}</th><th scope="col">{"Grade"}</th><th scope="col">{"Applied"}</th><th scope="col">{"Outcome"}</th><th scope="col"><span class="hidden">{"Why"}</span></th>
                        </tr></thead>
                        <tbody>{ for found.iter().take(*rows).map(|decision| row(run, decision)) }</tbody>
                    </table>
                </div>
            }
            if found.len() > *rows { <p><button type="button" onclick={more}>{ format!("Show {} more", ROWS.min(found.len() - *rows)) }</button></p> }
        </section>
    }
}

fn row(run: &Run, decision: &RecordedDecision) -> Html {
    let (what, value) = (decision.title().into_owned(), decision.rendered_value());
    let why = Why {
        title: format!("{what} of {}", decision.subject),
        value: value.clone(),
        grade: decision.grade,
        trace: decision.trace.clone(),
    };
    let about = match decision.execution {
        Some(execution) => format!("{}, query {execution}", decision.subject),
        None => decision.subject.clone(),
    };
    // A tick of the controller that changed nothing is kept for what held it back.
    let came_of_it = match (&decision.outcome, decision.held.first()) {
        (Some(outcome), _) => html! { outcome },
        (None, Some(held)) => {
            html! { <span class="muted">{ format!("held back by {}: {}", held.guard, held.because) }</span> }
        }
        (None, None) => html! {},
    };
    html! {
        <tr key={decision.number} class={classes!((!decision.applied).then_some("not-applied"))}>
            <td class="number">{ decision.number.to_string() }</td>
            <td class="number">{ render_ms(decision.at_ms.saturating_sub(run.started_ms)) }</td>
            <th scope="row">{ what }<br /><span class="muted">{ point_title(&decision.point) }</span></th>
            <td class="about">{ about }</td>
            <td class="number"><strong>{ value }</strong></td>
            <td>{ grade(decision.grade) }</td>
            <td>{ if decision.applied { "yes" } else { "no" } }</td>
            <td class="about">{ came_of_it }</td>
            <td><WhyButton why={why} /></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::tests::run;

    #[test]
    fn filters_hold_together() {
        let mut run = run(&[(0, 0, 0), (10, 400, 8), (20, 100, 8)]);
        for (decision, number) in run.decisions.iter_mut().zip(1..) {
            decision.number = number;
            decision.applied = number > 1;
            decision.outcome = (number == 3).then(|| "Two executors came".to_owned());
        }
        let numbers = |filter: Filter| filtered(&run, &filter).iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!(numbers(Filter::default()), [1, 2, 3]);
        assert_eq!(numbers(Filter { applied: "no".into(), ..Filter::default() }), [1]);
        assert_eq!(numbers(Filter { words: " two EXECUTORS ".into(), ..Filter::default() }), [3]);
        assert_eq!(numbers(Filter { applied: "yes".into(), words: "application".into(), ..Filter::default() }), [2, 3]);
        assert!(numbers(Filter { point: "plan_query".into(), ..Filter::default() }).is_empty());
        let points = choices(run.decisions.iter().map(|it| (&*it.point, point_title(&it.point))), "any point");
        assert_eq!(points.len(), 2);
    }
}
