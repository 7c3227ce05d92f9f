//! The page on which a policy is edited, explored, explained and shared.
//!
//! It decides nothing: every number comes from `policy.wasm`, the very bytes that the host runs ([`module`]). What is written here reads
//! policy files ([`document`]), keeps what the user looks at in the address ([`route`], [`job`]), plays an application through the
//! controller ([`simulation`]) and draws. The browser itself (module, editor, charts, files, workers) is reached through [`shell`].

pub mod app;
pub mod chart;
pub mod clock;
pub mod difference;
pub mod document;
pub mod drafts;
pub mod edit;
pub mod examples;
pub mod job;
pub mod jobs;
pub mod kept;
pub mod key_text;
pub mod module;
pub mod opening;
pub mod parts;
pub mod recorded;
pub mod route;
pub mod saving;
pub mod served_file;
pub mod server;
pub mod shell;
pub mod simulation;
pub mod state;
pub mod views;

/// Shows the page in the element `#app` of the document.
///
/// # Panics
/// There is no such element.
pub fn open() {
    let root = gloo::utils::document().get_element_by_id("app");
    #[allow(clippy::expect_used, reason = "the page's own HTML has it")]
    let root = root.expect("the page has an element #app");
    root.set_inner_html("");
    yew::Renderer::<app::App>::with_root(root).render();
}
