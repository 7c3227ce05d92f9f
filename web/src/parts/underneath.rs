//! What is told when something else has changed the file that is open.

use yew::prelude::*;

use crate::saving;
use crate::served_file::take_theirs;
use crate::state::{Action, use_page};

/// The word that the file is another by now, and what can be done: neither text is lost.
#[component]
pub fn Underneath() -> Html {
    let page = use_page();
    let Some(on_disk) = page.underneath.clone() else {
        // What is announced has to be there before it has words.
        return html! { <div class="underneath" role="status"></div> };
    };
    let name = &on_disk.name;
    let told = if on_disk.text.is_none() {
        format!("{name} is no longer there: something else has moved or removed it. Your text is still here.")
    } else {
        format!("{name} was changed on disk by something else.")
    };
    let show = {
        let (page, on_disk) = (page.clone(), on_disk.clone());
        Callback::from(move |_| saving::compare(&page, &on_disk))
    };
    let take = {
        let (page, on_disk) = (page.clone(), on_disk.clone());
        Callback::from(move |_| take_theirs(&page, &on_disk))
    };
    let keep = {
        let page = page.clone();
        Callback::from(move |_| page.dispatch(Action::KeepMine))
    };
    html! {
        <div class="underneath" role="status">
            <p>{ told }</p>
            <button type="button" onclick={show}>{"Show the difference"}</button>
            if on_disk.text.is_some() { <button type="button" onclick={take}>{"Take the file's"}</button> }
            <button type="button" onclick={keep}>{"Keep mine"}</button>
        </div>
    }
}
