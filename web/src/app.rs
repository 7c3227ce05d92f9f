//! The page as a whole: what it remembers, where it is, what it shows.

use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use sparkwright_policy::DEFAULT_POLICY;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::document::Document;
use crate::drafts::{self, Draft, Held};
use crate::kept::NotKept;
use crate::opening::open_any;
use crate::parts::header::Header;
use crate::parts::notices::Notices;
use crate::parts::save_dialog::SaveDialog;
use crate::parts::underneath::Underneath;
use crate::parts::why::WhyPanel;
use crate::route::{LINK_VERSION, Route, View};
use crate::state::{Action, Handle, Module, Opened, State};
use crate::views::environments::Environments;
use crate::views::explore::Explore;
use crate::views::policy::PolicyView;
use crate::views::runs::Runs;
use crate::views::timeline::Timeline;
use crate::{served_file, shell};

/// How long the text has to stand still before it is kept.
const KEEP_AFTER_MS: u32 = 250;

/// The fragment of the address.
fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

/// What the page opens with: what was kept, else the default policy.
fn first_state(draft: Option<&Draft>) -> State {
    let (name, text) = draft.map_or(("config.yaml", DEFAULT_POLICY), |draft| (&draft.name, &draft.text));
    let document = Document::read(name, text);
    let saved = (!draft.is_some_and(|draft| draft.unsaved)).then(|| Rc::clone(&document.text));
    State::new(document, saved, Route::parse(&fragment()))
}

/// A document as the browser keeps it.
fn draft_of(opened: &Opened, unsaved: bool) -> Draft {
    Draft {
        name: opened.name.clone(),
        text: opened.text.to_string(),
        unsaved,
        served: opened.served.is_some(),
        base: opened.served.as_ref().and_then(|file| file.base.clone()),
        at_ms: js_sys::Date::now(),
        held: Held::Open,
    }
}

/// Opens the policy that a link holds.
fn open_link(page: Handle, route: &Route) {
    let Some(packed) = route.get("policy").map(str::to_owned) else { return };
    let version = route.get("v").map_or(Some(LINK_VERSION), |text| text.parse().ok());
    if version.is_none_or(|version| version > LINK_VERSION) {
        let told = "this link was made by a newer version of Sparkwright: update, or ask for the policy as a file";
        page.dispatch(Action::Tell(true, told.to_owned()));
        return;
    }
    let name = route.get("name").unwrap_or("shared.yaml").to_owned();
    spawn_local(async move {
        match shell::unpack(&packed).await {
            Ok(text) => {
                page.dispatch(Action::Open(Opened::of(name, text)));
                page.dispatch(Action::Tell(
                    false,
                    "the policy of the link is open; a text of your own stays in the list `Start from …`".to_owned(),
                ));
            }
            Err(why) => page.dispatch(Action::Tell(true, format!("the link does not hold a whole policy: {why}"))),
        }
    });
}

/// What happens once, when the page opens.
fn begin(page: &Handle, draft: Option<Draft>) -> impl FnOnce() + use<> {
    let module = page.clone();
    spawn_local(async move {
        module.dispatch(Action::Module(match shell::load_module().await {
            Ok((sha256, bytes)) => Module::Ready { sha256, bytes },
            Err(why) => Module::Failed(why),
        }));
    });
    open_link(page.clone(), &Route::parse(&fragment()));
    served_file::begin(page.clone(), draft);
    let looks = served_file::watch(page);
    let keeps = keep_drafts(page);

    let went = page.clone();
    let listener = EventListener::new(&window(), "hashchange", move |_| {
        let route = Route::parse(&fragment());
        if route.get("policy").is_some() {
            open_link(went.clone(), &route);
        }
        went.dispatch(Action::Go(route));
    });
    let dropped = page.clone();
    let on_drop = Closure::<dyn FnMut(String, String)>::new(move |name, text| open_any(&dropped, name, text));
    shell::on_drop(on_drop.as_ref().unchecked_ref());
    let fault = page.clone();
    let on_fault = Closure::<dyn FnMut(String)>::new(move |what: String| {
        fault.dispatch(Action::Tell(true, format!("something went wrong in the page: {what}")));
    });
    shell::set_on_fault(on_fault.as_ref().unchecked_ref());
    move || drop((listener, on_drop, on_fault, looks, keeps))
}

/// Keeps what is not saved when the page is left, asks before that, and knows what other tabs keep.
fn keep_drafts(page: &Handle) -> [EventListener; 4] {
    let told = |page: &Handle| page.dispatch(Action::Drafts(drafts::of_others()));
    told(page);
    let page = page.clone();
    let others = EventListener::new(&window(), "storage", move |_| told(&page));
    let leaves = EventListener::new(&window(), "pagehide", |_| drafts::leave());
    let comes_back = EventListener::new(&window(), "pageshow", |event| {
        let persisted = js_sys::Reflect::get(event, &"persisted".into());
        if persisted.is_ok_and(|it| it.is_truthy()) {
            drafts::come_back();
        }
    });
    let asks = EventListener::new_with_options(
        &window(),
        "beforeunload",
        EventListenerOptions::enable_prevent_default(),
        |event| {
            if drafts::is_unsaved() {
                event.prevent_default();
                // What browsers before 2024 ask by.
                let _ = js_sys::Reflect::set(event, &"returnValue".into(), &true.into());
            }
        },
    );
    [others, leaves, comes_back, asks]
}

/// The page.
#[component]
pub fn App() -> Html {
    let draft = use_memo((), |()| drafts::begin());
    let page = use_reducer(|| first_state((*draft).as_ref()));
    {
        let (page, draft) = (page.clone(), draft.clone());
        use_effect_with((), move |()| begin(&page, (*draft).clone()));
    }
    {
        let tell = page.clone();
        use_effect_with((page.as_opened(), page.unsaved()), move |(opened, unsaved)| {
            drafts::note(draft_of(opened, *unsaved));
            let keep = Timeout::new(KEEP_AFTER_MS, move || {
                let told = match drafts::keep() {
                    Ok(()) => return,
                    Err(NotKept::TooMuch) => {
                        "this text is too large for the browser to keep: save it as a file before you leave"
                    }
                    Err(NotKept::Forbidden) => {
                        "this browser keeps nothing for the page: save your text as a file before you leave"
                    }
                };
                tell.dispatch(Action::Tell(true, told.to_owned()));
            });
            move || drop(keep)
        });
    }
    use_effect_with(page.earlier.clone(), |earlier| {
        for earlier in earlier.iter().filter(|earlier| earlier.unsaved) {
            drafts::set_aside(draft_of(&earlier.opened, true));
        }
    });
    use_effect_with(page.address().fragment(), |address| {
        if *address != fragment()
            && let Ok(history) = window().history()
        {
            // Choices within a view take the place of those before them; going to another view is a step that can be gone back.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
        }
    });
    use_effect_with((page.route.view, page.document.name.clone()), |(view, name)| {
        gloo::utils::document().set_title(&format!("{} - {name} - Sparkwright", view.title()));
    });
    let close_why = {
        let page = page.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" && page.why.is_some() {
                page.dispatch(Action::Why(None));
            }
        })
    };
    let view = match page.route.view {
        View::Policy => html! { <PolicyView /> },
        View::Environments => html! { <Environments /> },
        View::Explore => html! { <Explore /> },
        View::Timeline => html! { <Timeline /> },
        View::Runs => html! { <Runs /> },
    };
    html! {
        <ContextProvider<Handle> context={page.clone()}>
            <div class="page" onkeydown={close_why}>
                <a class="skip" href="#main" onclick={skip_to_main()}>{"Skip to the content"}</a>
                <Header />
                <Underneath />
                <Notices />
                <div class={classes!("body", page.why.is_some().then_some("with-why"))}>
                    <main id="main" tabindex="-1">{ view }</main>
                    <WhyPanel />
                </div>
                <SaveDialog />
            </div>
        </ContextProvider<Handle>>
    }
}

/// Goes to the content without touching the address, which holds the view.
fn skip_to_main() -> Callback<MouseEvent> {
    Callback::from(|event: MouseEvent| {
        event.prevent_default();
        let main = gloo::utils::document().get_element_by_id("main");
        if let Some(main) = main.and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = main.focus();
        }
    })
}
