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
    /// The module refuses the policy.
    Refused(ErrorBody),
}

/// The environment's policy, ready to be asked.
#[hook]
pub fn use_prepared() -> Result<Rc<Prepared>, Without> {
    let page = use_page();
    let ready = matches!(page.module, Module::Ready { .. });
    let policy = page.document.policy(&page.environment);
    let memo = use_memo((ready, policy), |(ready, policy)| {
        if !ready {
            return Err(Without::Module);
        }
        let policy = policy.as_ref().ok_or(Without::Policy)?;
        Prepared::of(policy).map(Rc::new).map_err(Without::Refused)
    });
    (*memo).clone()
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
        Without::Refused(error) => html! { <p class="empty error">{ error.to_string() }</p> },
    }
}
