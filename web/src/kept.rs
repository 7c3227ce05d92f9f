//! What the browser keeps of the page between visits.
//!
//! Storage may be forbidden or full: then the page works as well and keeps nothing.

use gloo::utils::window;
use serde::{Deserialize, Serialize};
use web_sys::Storage;

/// Why something is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The browser lets this page keep nothing.
    Forbidden,
    /// It is more than there is room for.
    TooMuch,
}

fn storage() -> Option<Storage> {
    // Where it is forbidden, asking for it throws.
    window().local_storage().ok().flatten()
}

/// The text that is kept under a name.
#[must_use]
pub fn get(name: &str) -> Option<String> {
    let json = storage()?.get_item(name).ok()??;
    sparkwright_core::json::from_slice(json.as_bytes()).ok()
}

/// Keeps a text under a name.
///
/// # Errors
/// It is not kept.
pub fn set(name: &str, text: &str) -> Result<(), NotKept> {
    set_json(name, &text)
}

/// Keeps a value under a name.
///
/// # Errors
/// It is not kept.
pub fn set_json(name: &str, value: &impl Serialize) -> Result<(), NotKept> {
    let storage = storage().ok_or(NotKept::Forbidden)?;
    let json = serde_json::to_string(value).map_err(|_| NotKept::TooMuch)?;
    storage.set_item(name, &json).map_err(|_| NotKept::TooMuch)
}

/// Everything that is kept under names with this beginning, as far as it can be read: what follows in the name, and the value.
#[must_use]
pub fn all<T: for<'de> Deserialize<'de>>(beginning: &str) -> Vec<(String, T)> {
    let Some(storage) = storage() else { return Vec::new() };
    let names = (0..storage.length().unwrap_or_default()).filter_map(|at| storage.key(at).ok().flatten());
    let value = |name: String| {
        let json = storage.get_item(&name).ok()??;
        Some((name.strip_prefix(beginning)?.to_owned(), sparkwright_core::json::from_slice(json.as_bytes()).ok()?))
    };
    names.filter(|name| name.starts_with(beginning)).filter_map(value).collect()
}

/// Keeps what is under a name no longer.
pub fn remove(name: &str) {
    if let Some(storage) = storage() {
        // Without storage there is nothing to remove.
        let _ = storage.remove_item(name);
    }
}

/// What this tab alone was left, once: a copy of the tab, which has its storage too, finds it gone.
#[must_use]
pub fn take_of_tab(name: &str) -> Option<String> {
    let storage = window().session_storage().ok().flatten()?;
    let text = storage.get_item(name).ok()??;
    storage.remove_item(name).ok()?;
    Some(text)
}

/// Leaves a text for this tab alone, for when it is loaded again.
pub fn leave_for_tab(name: &str, text: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        // A tab that is left nothing opens as a new one.
        let _ = storage.set_item(name, text);
    }
}
