//! The page as a whole: what it remembers, where it is, what it shows.

use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use sparkwright_policy::DEFAULT_POLICY;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::document::Document;
use crate::kept::NotKept;
use crate::opening::open_any;
use crate::parts::header::Header;
use crate::parts::notices::Notices;
use crate::parts::why::WhyPanel;
use crate::route::{LINK_VERSION, Route, View};
use crate::state::{Action, Handle, Module, State};
use crate::views::environments::Environments;
use crate::views::explore::Explore;
use crate::views::policy::PolicyView;
use crate::views::runs::Runs;
use crate::views::timeline::Timeline;
use crate::{kept, server, shell};

/// Where the browser keeps the text between visits.
const KEPT_TEXT: &str = "sparkwright.policy";
/// Where it keeps the file's name.
const KEPT_NAME: &str = "sparkwright.policy-name";
/// How long the text has to stand still before it is kept.
const KEEP_AFTER_MS: u32 = 250;

/// The fragment of the address.
fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

/// What the page opens with: what was kept, else the default policy.
fn first_state() -> State {
    let text = kept::get(KEPT_TEXT);
    let name = kept::get(KEPT_NAME);
    let document = match text {
        Some(text) => Document::read(name.as_deref().unwrap_or("config.yaml"), &text),
        None => Document::read("config.yaml", DEFAULT_POLICY),
    };
    State::new(document, Route::parse(&fragment()))
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
                page.dispatch(Action::Open(name, text));
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
fn begin(page: &Handle) -> impl FnOnce() + use<> {
    let module = page.clone();
    spawn_local(async move {
        module.dispatch(Action::Module(match shell::load_module().await {
            Ok((sha256, bytes)) => Module::Ready { sha256, bytes },
            Err(why) => Module::Failed(why),
        }));
    });
    open_link(page.clone(), &Route::parse(&fragment()));
    server::begin(page.clone());

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
    move || drop((listener, on_drop, on_fault))
}

/// The page.
#[component]
pub fn App() -> Html {
    let page = use_reducer(first_state);
    {
        let page = page.clone();
        use_effect_with((), move |()| begin(&page));
    }
    {
        let tell = page.clone();
        let shown = (page.document.name.clone(), Rc::clone(&page.document.text));
        use_effect_with(shown, move |(name, text)| {
            let (name, text) = (name.clone(), Rc::clone(text));
            let keep = Timeout::new(KEEP_AFTER_MS, move || {
                let told = match kept::set(KEPT_TEXT, &text).and_then(|()| kept::set(KEPT_NAME, &name)) {
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
                <Notices />
                <div class={classes!("body", page.why.is_some().then_some("with-why"))}>
                    <main id="main" tabindex="-1">{ view }</main>
                    <WhyPanel />
                </div>
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
