//! The moments at which the controller said something new, each with the way to its account.

use std::rc::Rc;

use sparkwright_core::trace::render_ms;
use yew::prelude::*;

use crate::parts::why::WhyButton;
use crate::state::Why;
use crate::views::timeline::play::{New, Play};

/// How many rows are shown at once.
const ROWS: usize = 100;

/// Which moments are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Moved,
    Held,
}

impl Which {
    const ALL: [(Self, &'static str); 3] = [(Self::All, "All"), (Self::Moved, "Moved"), (Self::Held, "Held back")];

    fn lets_through(self, new: &New) -> bool {
        match self {
            Self::All => true,
            Self::Moved => new.before != Some(new.target.value) || new.removed > 0,
            Self::Held => !new.held.is_empty(),
        }
    }
}

/// Properties of [`Moments`].
#[derive(Properties, PartialEq)]
pub struct MomentsProperties {
    /// The play.
    pub play: Rc<Play>,
}

/// The moments.
#[component]
pub fn Moments(properties: &MomentsProperties) -> Html {
    let which = use_state(|| Which::All);
    let rows = use_state(|| ROWS);
    let tabs = Which::ALL.into_iter().map(|(it, name)| {
        let count = properties.play.news.iter().filter(|new| it.lets_through(new)).count();
        let click = {
            let (which, rows) = (which.clone(), rows.clone());
            Callback::from(move |_| {
                which.set(it);
                rows.set(ROWS);
            })
        };
        html! { <button type="button" class="tab" aria-pressed={(*which == it).to_string()} onclick={click}>{ format!("{name} ({count})") }</button> }
    });
    let more = {
        let rows = rows.clone();
        Callback::from(move |_| rows.set(*rows + ROWS))
    };
    let found: Vec<&New> = properties.play.news.iter().filter(|new| which.lets_through(new)).collect();
    html! {
        <section class="moments" aria-label="Moments of the controller">
            <h2>{"What the controller said"}</h2>
            <div class="tabs" role="group" aria-label="Moments that are shown">{ for tabs }</div>
            if found.is_empty() {
                <p class="empty">{"There is no such moment: with more work, or tighter bounds, there are."}</p>
            } else {
                <div class="table-scroll" tabindex="0" role="region" aria-label="Moments">
                    <table>
                        <thead><tr><th scope="col" class="number">{"After"}</th><th scope="col" class="number">{"Target"}</th><th scope="col">{"What"}</th><th scope="col"><span class="hidden">{"Why"}</span></th></tr></thead>
                        <tbody>{ for found.iter().take(*rows).map(|new| row(new)) }</tbody>
                    </table>
                </div>
            }
            if found.len() > *rows { <p><button type="button" onclick={more}>{ format!("Show {} more", ROWS.min(found.len() - *rows)) }</button></p> }
        </section>
    }
}

fn row(new: &New) -> Html {
    let after = match new.at_seconds {
        0 => "the start".to_owned(),
        seconds => render_ms(u64::from(seconds) * 1_000),
    };
    let (value, before) = (new.target.value, new.before.unwrap_or(new.target.value));
    let moved = match value.cmp(&before) {
        std::cmp::Ordering::Greater => format!("{} more", value - before),
        std::cmp::Ordering::Less => format!("{} fewer", before - value),
        std::cmp::Ordering::Equal => "stays".to_owned(),
    };
    let removed = if new.removed > 0 { format!(", {} decommissioning", new.removed) } else { String::new() };
    let held = new.held.iter().map(|held| {
        html! { <li><code>{ &*held.guard }</code>{ format!(" held it back from {}: {}", held.wanted, held.because) }</li> }
    });
    let why = Why::of(format!("Executors after {after}"), format!("{value} executors"), &new.target);
    html! {
        <tr key={new.at_seconds} class={classes!((!new.held.is_empty()).then_some("held"))}>
            <th scope="row" class="number">{ after }</th>
            <td class="number"><strong>{ value }</strong></td>
            <td>
                { format!("{moved}{removed}") }
                if !new.held.is_empty() { <ul>{ for held }</ul> }
            </td>
            <td><WhyButton why={why} /></td>
        </tr>
    }
}
