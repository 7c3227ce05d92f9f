//! A sweep in the worker, asked again when its question changes.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::shell::{Sweep, Swept};

/// How a sweep stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// Nothing has come yet.
    Waiting,
    /// What was found, and what it is about.
    Found(T, Swept),
    /// Why there is nothing.
    Failed(String),
}

/// The newest answer to a sweep. It may still be the one before: what it is about comes with it.
#[hook]
pub fn use_swept<T: Clone + PartialEq + 'static>(asked: Option<Rc<(Sweep, T)>>) -> Rc<Outcome<T>> {
    let outcome = use_state(|| Rc::new(Outcome::Waiting));
    {
        let tell = outcome.setter();
        use_effect_with(asked, move |asked| {
            let Some(asked) = asked.clone() else { return };
            spawn_local(async move {
                let (sweep, about) = &*asked;
                match sweep.run().await {
                    Ok(Some(swept)) => tell.set(Rc::new(Outcome::Found(about.clone(), swept))),
                    // A newer one is on its way.
                    Ok(None) => {}
                    Err(why) => tell.set(Rc::new(Outcome::Failed(why))),
                }
            });
        });
    }
    (*outcome).clone()
}
