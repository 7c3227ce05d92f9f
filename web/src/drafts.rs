//! The texts that the browser keeps until they are saved: one of each tab, and those that others took the place of.
//!
//! Each tab keeps its text under a name of its own, so that two tabs never write over each other. While a tab is open it holds its
//! name in memory; what it leaves for its next load is the name alone. A copy of a tab has none and takes a new one.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::kept::{self, NotKept};

/// What the names of kept texts begin with.
pub const DRAFT: &str = "sparkwright.draft.";
/// Where a tab that is loaded again finds its name.
const TAB: &str = "sparkwright.tab";
/// Where versions before kept the one text of all tabs, its name and its base.
const ONE_OF_ALL: [&str; 3] = ["sparkwright.policy", "sparkwright.policy-name", "sparkwright.policy-base"];
/// The most texts that are kept after others took their place.
const MOST_SET_ASIDE: usize = 20;

/// Who has a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// A tab that is open, or was lost.
    Open,
    /// Nobody since its tab was closed.
    Closed,
    /// Nobody: another took its place.
    Aside,
}

/// A text that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The file's name.
    pub name: String,
    /// The text.
    pub text: String,
    /// Whether it is not saved.
    pub unsaved: bool,
    /// Whether it is the text of the server's file.
    pub served: bool,
    /// The digest of the file that it began as, where that is the server's.
    pub base: Option<String>,
    /// When it was kept, Unix time.
    pub at_ms: f64,
    /// Who has it.
    pub held: Held,
}

/// A text that is kept, with the name that it is kept under.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The name.
    pub id: String,
    /// The text.
    pub draft: Draft,
}

/// This tab.
#[derive(Debug, Default)]
struct Tab {
    id: String,
    /// What it has now.
    now: Option<Draft>,
}

thread_local! {
    static TAB_NOW: RefCell<Tab> = RefCell::default();
}

/// Which of the kept texts a tab opens with: its own, or else the newest that was closed.
fn of_tab<'a>(all: &'a [(String, Draft)], left: Option<&str>) -> Option<&'a (String, Draft)> {
    let own = all.iter().find(|(id, _)| Some(id.as_str()) == left);
    let closed = all.iter().filter(|(_, draft)| draft.held == Held::Closed);
    own.or_else(|| closed.max_by(|(_, one), (_, other)| one.at_ms.total_cmp(&other.at_ms)))
}

/// Those of the other texts that are worth nothing to anybody: saved ones, and the oldest of too many.
fn worthless<'a>(all: &'a [(String, Draft)], own: &str) -> Vec<&'a str> {
    let (mut aside, others): (Vec<_>, Vec<_>) =
        all.iter().filter(|(id, _)| id != own).partition(|(_, draft)| draft.held == Held::Aside);
    aside.sort_by(|(_, one), (_, other)| other.at_ms.total_cmp(&one.at_ms));
    let saved = others.into_iter().filter(|(_, draft)| !draft.unsaved);
    aside.into_iter().skip(MOST_SET_ASIDE).chain(saved).map(|(id, _)| id.as_str()).collect()
}

/// The text of all tabs, as versions before kept it.
fn of_versions_before() -> Option<Draft> {
    let [text, name, base] = ONE_OF_ALL.map(kept::get);
    let draft = Draft {
        name: name.unwrap_or_else(|| "config.yaml".to_owned()),
        text: text?,
        unsaved: true,
        served: base.is_some(),
        base,
        at_ms: js_sys::Date::now(),
        held: Held::Closed,
    };
    ONE_OF_ALL.into_iter().for_each(kept::remove);
    Some(draft)
}

fn fresh_id() -> String {
    // Some of the digits that a random number has.
    format!("{:x}", (js_sys::Math::random() * 2f64.powi(52)) as u64)
}

/// Makes this tab one with a name, and gives the text that it opens with.
pub fn begin() -> Option<Draft> {
    let left = kept::take_of_tab(TAB);
    let mut all: Vec<(String, Draft)> = kept::all(DRAFT);
    all.extend(of_versions_before().map(|draft| (fresh_id(), draft)));
    let found = of_tab(&all, left.as_deref()).cloned();
    let id = found.as_ref().map(|(id, _)| id.clone()).or(left).unwrap_or_else(fresh_id);
    for id in worthless(&all, &id) {
        kept::remove(&format!("{DRAFT}{id}"));
    }
    let draft = found.map(|(_, draft)| Draft { held: Held::Open, ..draft });
    TAB_NOW.with_borrow_mut(|tab| *tab = Tab { id, now: draft.clone() });
    // Nobody else takes it from now on.
    let _ = keep();
    draft
}

/// Takes note of what the tab has now. It is kept by [`keep`], or when the tab is left.
pub fn note(draft: Draft) {
    TAB_NOW.with_borrow_mut(|tab| tab.now = Some(draft));
}

/// Keeps what was noted last.
///
/// # Errors
/// It is not kept.
pub fn keep() -> Result<(), NotKept> {
    TAB_NOW.with_borrow(|tab| match &tab.now {
        Some(draft) => kept::set_json(&format!("{DRAFT}{}", tab.id), draft),
        None => Ok(()),
    })
}

fn set_held(held: Held) {
    TAB_NOW.with_borrow_mut(|tab| {
        if let Some(draft) = &mut tab.now {
            draft.held = held;
        }
    });
    // Whoever leaves was told before that it is not kept.
    let _ = keep();
}

/// The tab is left: to be closed, to be loaded again, or to be shown again as it is.
pub fn leave() {
    set_held(Held::Closed);
    TAB_NOW.with_borrow(|tab| kept::leave_for_tab(TAB, &tab.id));
}

/// The tab is shown again as it was left.
pub fn come_back() {
    let _ = kept::take_of_tab(TAB);
    set_held(Held::Open);
}

/// Whether what was noted last is not saved.
#[must_use]
pub fn is_unsaved() -> bool {
    TAB_NOW.with_borrow(|tab| tab.now.as_ref().is_some_and(|draft| draft.unsaved))
}

/// Keeps a text that another took the place of.
pub fn set_aside(draft: Draft) {
    let mut hasher = DefaultHasher::new();
    (&draft.name, &draft.text).hash(&mut hasher);
    // It stays in the list of this visit in any case.
    let _ = kept::set_json(&format!("{DRAFT}aside-{:x}", hasher.finish()), &Draft { held: Held::Aside, ..draft });
}

/// The texts of other tabs and of earlier visits that are not saved, the newest first.
#[must_use]
pub fn of_others() -> Vec<Rc<Kept>> {
    let own = TAB_NOW.with_borrow(|tab| tab.id.clone());
    let mut all: Vec<(String, Draft)> = kept::all(DRAFT);
    all.retain(|(id, draft)| *id != own && draft.unsaved);
    all.sort_by(|(_, one), (_, other)| other.at_ms.total_cmp(&one.at_ms));
    all.into_iter().map(|(id, draft)| Rc::new(Kept { id, draft })).collect()
}

/// A text that nobody has is this tab's from now on; an open tab's stays with it.
pub fn take(kept: &Kept) {
    if kept.draft.held != Held::Open {
        kept::remove(&format!("{DRAFT}{}", kept.id));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn draft(id: &str, at_ms: f64, held: Held, unsaved: bool) -> (String, Draft) {
        let (name, text) = ("team.yaml".to_owned(), format!("text: {id}\n"));
        (id.to_owned(), Draft { name, text, unsaved, served: false, base: None, at_ms, held })
    }

    #[test]
    fn a_tab_opens_with_its_own_text_or_the_newest_that_nobody_has() {
        let all = [
            draft("first", 1.0, Held::Closed, true),
            draft("second", 2.0, Held::Closed, true),
            draft("other tab", 3.0, Held::Open, true),
            draft("aside", 4.0, Held::Aside, true),
        ];
        let of = |left| of_tab(&all, left).unwrap().0.as_str();
        assert_eq!((of(Some("first")), of(None), of(Some("gone"))), ("first", "second", "second"));
        assert_eq!(of(Some("other tab")), "other tab", "whoever was left it has it");
        assert_eq!(of_tab(all.get(2..).unwrap(), None), None);
    }

    #[test]
    fn what_is_not_saved_stays_and_what_was_set_aside_stays_for_a_while() {
        let mut all = vec![
            draft("own", 1.0, Held::Open, false),
            draft("saved", 2.0, Held::Closed, false),
            draft("unsaved", 3.0, Held::Closed, true),
            draft("other tab", 3.0, Held::Open, true),
        ];
        assert_eq!(worthless(&all, "own"), ["saved"]);
        all.extend((0..30).map(|at| draft(&format!("aside {at}"), f64::from(at), Held::Aside, true)));
        let gone = worthless(&all, "own");
        assert_eq!(gone.len(), 11);
        assert!(gone.contains(&"aside 9") && !gone.contains(&"aside 10"), "{gone:?}");
    }
}
