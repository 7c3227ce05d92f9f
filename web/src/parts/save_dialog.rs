//! What is shown before a text is saved: how it differs from the file as it is now.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlDialogElement, HtmlElement};
use yew::prelude::*;

use crate::difference::{Change, Difference, Hunk, Line};
use crate::parts::counted::counted;
use crate::saving;
use crate::served_file::take_theirs;
use crate::state::{Action, Handle, Place, Saving, use_page};

/// The text that is about to be saved, if one is.
#[component]
pub fn SaveDialog() -> Html {
    let page = use_page();
    let dialog = use_node_ref();
    let first = use_node_ref();
    let difference = use_memo(page.saving.clone(), |saving| {
        let texts =
            saving.as_ref().map(|it| Difference::between(it.on_disk.text.as_deref().unwrap_or_default(), &it.mine));
        texts.unwrap_or_default()
    });
    {
        let (dialog, first) = (dialog.clone(), first.clone());
        use_effect_with(page.saving.clone(), move |saving| {
            let Some(dialog) = dialog.cast::<HtmlDialogElement>() else { return };
            match (saving.is_some(), dialog.open()) {
                // It is in the document, so that it can be shown.
                (true, false) => drop(dialog.show_modal()),
                // The browser gives the focus back to where it was.
                (false, true) => dialog.close(),
                _ => {}
            }
            if let (Some(_), Some(first)) = (saving, first.cast::<HtmlElement>()) {
                let _ = first.focus();
            }
        });
    }
    let cancel = {
        let page = page.clone();
        Callback::from(move |()| page.dispatch(Action::Saving(None)))
    };
    // Escape closes a dialog by itself.
    let closed = cancel.reform(|_: Event| ());
    // Escape is for the dialog alone, not for an account that is open behind it.
    let keys = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    let content = page.saving.as_ref().map(|saving| content(&page, saving, &difference, &cancel, &first));
    html! {
        <dialog class="saving" ref={dialog} onclose={closed} onkeydown={keys} aria-labelledby="saving-title" aria-describedby="saving-counts">
            { content.unwrap_or_default() }
        </dialog>
    }
}

/// What the dialog shows. The first button has the focus, so that Enter presses it.
fn content(
    page: &Handle,
    saving: &Rc<Saving>,
    difference: &Difference,
    cancel: &Callback<()>,
    first: &NodeRef,
) -> Html {
    let act = |what: fn(Handle, Saving)| {
        let (page, saving) = (page.clone(), Rc::clone(saving));
        Callback::from(move |_: MouseEvent| what(page.clone(), (*saving).clone()))
    };
    let save = act(|page, saving| spawn_local(async move { saving::write(&page, &saving).await }));
    let elsewhere = act(|page, _| {
        page.dispatch(Action::Saving(None));
        spawn_local(async move { saving::begin_elsewhere(&page).await });
    });
    let theirs = act(|page, saving| take_theirs(&page, &saving.on_disk));
    let name = &saving.on_disk.name;
    let is_there = saving.on_disk.text.is_some();
    let has_theirs = saving.changed && is_there && saving.place == Place::Server;
    let word = match (is_there, saving.changed, &saving.place) {
        (false, ..) => format!("{name} is no longer there: to save makes it anew."),
        (true, true, Place::Server) => {
            format!("{name} was changed by something else since your text began as it: to save undoes that, as shown.")
        }
        (true, true, Place::Picked) => {
            "This file has another text than the one that yours began as: to save replaces that, as shown.".to_owned()
        }
        (true, false, _) => String::new(),
    };
    let (primary, label) = match &saving.on_disk.read_only {
        Some(_) => (elsewhere, "Save a copy"),
        None => (save, "Save"),
    };
    html! {
        <>
            <header>
                <h2 id="saving-title">{ format!("Save {name}") }</h2>
                <p id="saving-counts">{ format!("{} against the file as it is now", counts(difference)) }</p>
            </header>
            if let Some(told) = &saving.told { <p class="told" role="alert">{ told }</p> }
            if !word.is_empty() { <p class="refused">{ word }</p> }
            if let Some(why) = &saving.on_disk.read_only { <p class="refused">{ format!("It can't be saved there: {why}.") }</p> }
            { lines(difference) }
            <footer>
                <button type="button" class="primary" ref={first.clone()} onclick={primary}>{ label }</button>
                if has_theirs { <button type="button" onclick={theirs}>{"Take the file's"}</button> }
                <button type="button" onclick={cancel.reform(|_: MouseEvent| ())}>{"Cancel"}</button>
            </footer>
        </>
    }
}

fn counts(difference: &Difference) -> String {
    format!("{} added, {} removed", counted(difference.added, "line"), counted(difference.removed, "line"))
}

/// The lines that differ, each with a sign, so that nobody has to tell the colours apart.
fn lines(difference: &Difference) -> Html {
    let hunks = difference.hunks.iter().map(hunk);
    let more = (difference.not_shown > 0).then(
        || html! { <p class="muted">{ format!("{} more are not shown.", counted(difference.not_shown, "line")) }</p> },
    );
    html! {
        <>
            <div class="difference" role="group" aria-label="Difference" tabindex="0">{ for hunks }</div>
            { more.unwrap_or_default() }
        </>
    }
}

fn hunk(hunk: &Hunk) -> Html {
    html! {
        <>
            <p class="place">{ format!("line {}", hunk.line) }</p>
            <ol>{ for hunk.lines.iter().map(line) }</ol>
        </>
    }
}

fn line(line: &Line) -> Html {
    let (class, sign, said) = match line.change {
        Change::Same => ("same", "", ""),
        Change::Removed => ("removed", "−", "removed: "),
        Change::Added => ("added", "+", "added: "),
    };
    let end = (!line.end.is_empty()).then(|| html! { <span class="end">{ line.end }</span> });
    html! {
        <li class={class}>
            <span class="sign" aria-hidden="true">{ sign }</span>
            <code><span class="hidden">{ said }</span>{ &line.text }{ end.unwrap_or_default() }</code>
        </li>
    }
}
