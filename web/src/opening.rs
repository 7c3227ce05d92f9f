//! What a file holds that is opened: a run, or else a policy.

use serde_json::error::Category;
use sparkwright_record::{NotARun, Run};

use crate::route::{Route, View};
use crate::state::{Action, Handle, OpenRun, Opened};

/// Reads a `run.json`.
///
/// # Errors
/// It is none, is cut, or was written by a newer version.
pub fn opened_run(name: &str, text: &str) -> Result<OpenRun, String> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err("it is empty: open a run.json of the folder `runs`".to_owned());
    }
    match Run::read(text.as_bytes()) {
        Ok(run) => Ok(OpenRun { from: name.to_owned(), run }),
        Err(NotARun::Malformed(error)) if error.classify() == Category::Eof => Err(format!(
            "it ends in the middle, at line {}: it was cut on its way, copy the whole file again",
            error.line()
        )),
        Err(NotARun::Malformed(error)) => {
            Err(format!("{error}: a run.json was expected, as Sparkwright leaves one in `runs/<application id>/`"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Takes in a file, whatever it holds: a run, or else a policy.
pub fn open_any(page: &Handle, name: String, text: String) {
    if name.ends_with(".json") {
        match opened_run(&name, &text) {
            Ok(run) => {
                let rest = run.run.application.id.clone();
                page.dispatch(Action::Run(Box::new(run)));
                page.dispatch(Action::Go(Route { view: View::Runs, rest, ..Route::default() }));
            }
            // A policy may be written in JSON, too.
            Err(_) if is_policy(&text) => page.dispatch(Action::Open(Opened::of(name, text))),
            Err(why) => page.dispatch(Action::Tell(true, format!("{name} can't be opened: {why}"))),
        }
    } else {
        page.dispatch(Action::Open(Opened::of(name, text)));
    }
}

fn is_policy(json: &str) -> bool {
    let read = sparkwright_core::json::from_slice::<serde_json::Value>(json.as_bytes());
    read.is_ok_and(|it| it.get("environments").is_some() || it.get("global_optimization").is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sparkwright_record::{ApplicationIdentity, FORMAT};

    fn json() -> String {
        let application = ApplicationIdentity { id: "app-1".into(), name: "nightly".into(), ..Default::default() };
        serde_json::to_string(&Run { format: FORMAT, application, ..Run::default() }).unwrap()
    }

    #[test]
    fn a_run_is_opened_with_where_it_came_from() {
        let open = opened_run("run.json", &format!("\u{feff}{}", json())).unwrap();
        assert_eq!((open.from.as_str(), open.run.application.id.as_str()), ("run.json", "app-1"));
    }

    #[test]
    fn what_is_no_run_is_told_with_what_to_do() {
        let json = json();
        let cut = json.get(..json.len() / 2).unwrap();
        let newer = json.replace(&format!("\"format\":{FORMAT}"), &format!("\"format\":{}", FORMAT + 1));
        for (text, words) in [
            ("", "it is empty"),
            (cut, "cut on its way"),
            (newer.as_str(), "use a newer sparkwright"),
            ("{\"name\": \"package\"}", "it has no `format`"),
            ("not json", "a run.json was expected"),
            ("[1, 2]", "a run.json was expected"),
        ] {
            let why = opened_run("x.json", text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
