//! What the browser keeps of the page between visits.
//!
//! Storage may be forbidden or full: then the page works as well and keeps nothing.

use gloo::utils::window;
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
    serde_json::from_str(&json).ok()
}

/// Keeps a text under a name.
///
/// # Errors
/// It is not kept.
pub fn set(name: &str, text: &str) -> Result<(), NotKept> {
    let storage = storage().ok_or(NotKept::Forbidden)?;
    // A text always has a JSON form.
    let json = serde_json::to_string(text).map_err(|_| NotKept::TooMuch)?;
    storage.set_item(name, &json).map_err(|_| NotKept::TooMuch)
}
