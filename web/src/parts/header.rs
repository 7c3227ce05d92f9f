//! The head of the page: where one is, which environment is looked at, the file, and what decides.

use std::rc::Rc;

use gloo::utils::{document, window};
use sparkwright_policy::DEFAULT_POLICY;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::clock::on_the_wall;
use crate::drafts::{self, Draft, Held, Kept};
use crate::examples::EXAMPLES;
use crate::kept;
use crate::opening::open_any;
use crate::parts::field::Choice;
use crate::route::{LINK_VERSION, Route, View};
use crate::saving;
use crate::served_file;
use crate::server;
use crate::shell;
use crate::state::{Action, Handle, Module, Opened, ServedFile, use_page};

/// What the words begin with by which the user's own texts are chosen.
const MINE: &str = "mine:";
/// Where the browser keeps the choice between light and dark.
const KEPT_THEME: &str = "sparkwright.theme";
/// The longest address that browsers and chat programs are known to carry whole.
const LONGEST_LINK: usize = 30_000;

/// The head of the page.
#[component]
pub fn Header() -> Html {
    let page = use_page();
    let views = View::ALL.into_iter().map(|view| {
        let mut there = (*page).clone();
        there.route = Route { view, ..Route::default() };
        let current = (view == page.route.view).then_some("page");
        html! { <li><a href={there.address().fragment()} aria-current={current}>{ view.title() }</a></li> }
    });
    let environments: Vec<(AttrValue, AttrValue)> = page
        .document
        .environments
        .iter()
        .map(|it| {
            let shown = if it.name.is_empty() { "(built in)".to_owned() } else { it.name.clone() };
            (it.name.clone().into(), shown.into())
        })
        .collect();
    let choose = {
        let page = page.clone();
        Callback::from(move |name| page.dispatch(Action::Environment(name)))
    };
    html! {
        <header class="head">
            <a class="brand" href="#/policy"><img src="./icon.svg" alt="" width="24" height="24" />{"Sparkwright"}</a>
            <nav aria-label="Views"><ul>{ for views }</ul></nav>
            <Choice id="environment" label="Environment" choices={environments} chosen={page.environment.clone()} on_choose={choose} />
            <FileMenu />
            <ThemeButton />
            <ModuleFacts />
        </header>
    }
}

/// What decides: the module's size and digest.
#[component]
fn ModuleFacts() -> Html {
    let page = use_page();
    match &page.module {
        Module::Ready { sha256, bytes } => {
            let short = sha256.get(..12).unwrap_or(sha256).to_owned();
            let title = format!(
                "policy.wasm, {bytes} bytes, SHA-256 {sha256}: the host runs the same bytes (`sparkwright inspect`)"
            );
            html! { <span class="module" title={title} data-sha256={sha256.clone()}>{"policy.wasm "}<code>{ short }</code></span> }
        }
        Module::Loading => html! { <span class="module" aria-busy="true">{"policy.wasm …"}</span> },
        Module::Failed(_) => html! { <span class="module error">{"no policy.wasm"}</span> },
    }
}

/// Light, dark or as the system has it.
#[component]
fn ThemeButton() -> Html {
    let theme = use_state(|| kept::get(KEPT_THEME).unwrap_or_else(|| "system".to_owned()));
    use_effect_with((*theme).clone(), |theme| {
        if let Some(root) = document().document_element() {
            let _ = match theme.as_str() {
                "system" => root.remove_attribute("data-theme"),
                other => root.set_attribute("data-theme", other),
            };
        }
        // A browser that keeps nothing shows the system's.
        let _ = kept::set(KEPT_THEME, theme);
    });
    let next = match theme.as_str() {
        "system" => "light",
        "light" => "dark",
        _ => "system",
    };
    let click = {
        let theme = theme.clone();
        Callback::from(move |_| theme.set(next.to_owned()))
    };
    html! {
        <button type="button" class="quiet" onclick={click} aria-label={format!("Colours: {}. Change to {next}", *theme)} title={format!("Colours: {}", *theme)}>
            { match theme.as_str() { "light" => "☀", "dark" => "☾", _ => "◐" } }
        </button>
    }
}

/// What can be done with the file.
#[component]
fn FileMenu() -> Html {
    let page = use_page();
    let open = act(&page, |page| async move {
        match shell::open_file(".yaml,.yml,.json").await {
            Ok(Some((name, text))) => open_any(&page, name, text),
            Ok(None) => {}
            Err(why) => page.dispatch(Action::Tell(true, format!("the file could not be opened: {why}"))),
        }
    });
    let save = act(&page, |page| async move { saving::begin(&page).await });
    let reload = act(&page, |page| async move { served_file::reload(&page).await });
    let share = act(&page, |page| async move { copy_link(&page).await });
    let mine = of_mine(&page);
    let choices = std::iter::once(("", "Start from …"))
        .chain([("default", "The default policy")])
        .chain(EXAMPLES.iter().map(|example| (example.file, example.title)))
        .map(|(word, name)| (AttrValue::from(word), AttrValue::from(name)))
        .chain(mine.iter().enumerate().map(|(at, it)| (format!("{MINE}{at}").into(), it.title.clone().into())))
        .collect::<Vec<_>>();
    let start = {
        let page = page.clone();
        Callback::from(move |word: String| {
            let example = EXAMPLES.iter().find(|example| example.file == word);
            let mine = word.strip_prefix(MINE).and_then(|at| mine.get(at.parse::<usize>().ok()?));
            match (word.as_str(), example, mine) {
                ("default", ..) => page.dispatch(Action::Open(Opened::of("config.yaml", DEFAULT_POLICY))),
                (_, Some(example), _) => page.dispatch(Action::Open(Opened::of(example.file, example.text))),
                (.., Some(mine)) => {
                    if let Some(kept) = &mine.kept {
                        drafts::take(kept);
                    }
                    page.dispatch(Action::Open(mine.opened.clone()));
                    page.dispatch(Action::Drafts(drafts::of_others()));
                }
                _ => {}
            }
        })
    };
    let unsaved = page.unsaved().then_some(
        html! { <span title="not saved since the last change">{"•"}<span class="hidden">{" not saved"}</span></span> },
    );
    html! {
        <div class="file" role="group" aria-label="Policy file">
            <span class="file-name" title={page.document.name.clone()}>{ &page.document.name }{ unsaved.unwrap_or_default() }</span>
            <button type="button" onclick={open}>{"Open"}</button>
            <button type="button" onclick={save}>{"Save"}</button>
            if page.served.is_some() { <button type="button" onclick={reload} title="the file as it is on disk; your text stays in the list">{"Reload"}</button> }
            <button type="button" onclick={share}>{"Copy link"}</button>
            <Choice id="start" label="Examples" choices={choices} chosen="" on_choose={start} />
        </div>
    }
}

/// A text of the user's that can be opened again.
struct Mine {
    title: String,
    opened: Opened,
    /// Where the browser keeps it, if that is where it is from.
    kept: Option<Rc<Kept>>,
}

/// The user's texts that can be opened again: of this visit, of other tabs, of visits before.
fn of_mine(page: &Handle) -> Vec<Mine> {
    let mut all: Vec<Mine> = Vec::new();
    for earlier in &page.earlier {
        let name = &earlier.opened.name;
        let title = match all.iter().filter(|it| it.opened.name == *name).count() {
            0 => format!("{name}, as it was before"),
            more => format!("{name}, as it was {} texts before", more + 1),
        };
        all.push(Mine { title, opened: earlier.opened.clone(), kept: None });
    }
    for kept in &page.drafts {
        let Draft { name, text, base, served, held, .. } = &kept.draft;
        if *page.document.text == **text || all.iter().any(|it| *it.opened.text == **text) {
            continue;
        }
        let whose = if *held == Held::Open { "in another tab" } else { "from an earlier visit" };
        let title = format!("{name}, not saved, {whose}, {}", on_the_wall(kept.draft.at_ms as u64));
        let served = (*served && server::is_there()).then(|| ServedFile { base: base.clone() });
        all.push(Mine {
            title,
            opened: Opened { name: name.clone(), text: text.as_str().into(), saved: None, served },
            kept: Some(Rc::clone(kept)),
        });
    }
    all
}

/// A click that does something that takes its time.
fn act<F: Future<Output = ()> + 'static>(page: &Handle, what: impl Fn(Handle) -> F + 'static) -> Callback<MouseEvent> {
    let page = page.clone();
    Callback::from(move |_| spawn_local(what(page.clone())))
}

/// Copies a link that holds the whole policy and what is looked at.
async fn copy_link(page: &Handle) {
    let packed = match shell::pack(&page.document.text).await {
        Ok(packed) => packed,
        Err(why) => {
            page.dispatch(Action::Tell(true, format!("no link could be made: {why}")));
            return;
        }
    };
    let mut route = page.address();
    route.query.push(("v".to_owned(), LINK_VERSION.to_string()));
    route.query.push(("name".to_owned(), page.document.name.clone()));
    route.query.push(("policy".to_owned(), packed));
    let location = window().location();
    let address = [location.origin(), location.pathname(), location.search()].map(Result::unwrap_or_default).concat();
    let link = address + &route.fragment();
    let length = link.len();
    let (error, told) = match shell::copy_text(&link).await {
        Ok(()) if length > LONGEST_LINK => {
            (false, format!("the link is copied; at {length} characters some programs may cut it: the file is safer"))
        }
        Ok(()) => (false, "the link is copied: it holds the whole policy and this view".to_owned()),
        Err(why) => (true, format!("the link could not be copied: {why}")),
    };
    page.dispatch(Action::Tell(error, told));
}
