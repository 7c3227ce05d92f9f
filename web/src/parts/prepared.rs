//! The policy of an environment, loaded into an instance of the module.

use std::rc::Rc;

use sparkwright_core::error::ErrorBody;
use yew::prelude::*;

use crate::module::Prepared;
use crate::state::{Module, use_page};

/// Why nothing is decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Without {
    /// The module is on its way.
    Module,
    /// The policy of the environment has errors.
    Policy,
    /// The file is pinned to another module.
    Pinned {
        /// SHA-256 of the module that it names.
        wanted: String,
        /// SHA-256 of the module that the page has.
        has: String,
    },
    /// The module refuses the policy.
    Refused(ErrorBody),
}

/// The environment's policy, ready to be asked.
#[hook]
pub fn use_prepared() -> Result<Rc<Prepared>, Without> {
    let page = use_page();
    let has = match &page.module {
        Module::Ready { sha256, .. } => Some(sha256.clone()),
        _ => None,
    };
    let wanted = page.document.file.module_sha256().map(str::to_owned);
    let policy = page.document.policy(&page.environment);
    let memo = use_memo((has, wanted, policy), |(has, wanted, policy)| {
        let has = has.as_ref().ok_or(Without::Module)?;
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != has) {
            return Err(Without::Pinned { wanted: wanted.clone(), has: has.clone() });
        }
        let policy = policy.as_ref().ok_or(Without::Policy)?;
        Prepared::of(policy).map(Rc::new).map_err(Without::Refused)
    });
    (*memo).clone()
}

/// The first figures of a digest.
fn short(sha256: &str) -> String {
    sha256.get(..12).unwrap_or(sha256).to_owned()
}

/// What is shown where nothing is decided.
pub fn nothing_decided(why: &Without, environment: &str) -> Html {
    match why {
        Without::Module => html! { <p class="empty" aria-busy="true">{"Loading policy.wasm …"}</p> },
        Without::Policy => html! {
            <p class="empty">
                { format!("The policy of {environment} has errors, so nothing is decided. ") }
                <a href="#/policy">{"See them in the text"}</a>
            </p>
        },
        Without::Pinned { wanted, has } => html! {
            <p class="empty error">
                { "The file is pinned to policy.wasm " }<code title={format!("SHA-256 {wanted}")}>{ short(wanted) }</code>
                { " (`policy_module.sha256`), and this page has " }<code title={format!("SHA-256 {has}")}>{ short(has) }</code>
                { ": nothing is decided here, as the host refuses it too. Name this page's module there, or use the Sparkwright that brings the other." }
            </p>
        },
        Without::Refused(error) => html! { <p class="empty error">{ error.to_string() }</p> },
    }
}
