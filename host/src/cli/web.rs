//! `sparkwright web`.

use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;

use super::store_options::StoreOptions;
use super::terminal::{is_interactive, note, print};
use super::{Exit, Failure};
use crate::record;
use crate::web::{Watch, WebError, WebOptions, WebServer};

/// The policy file that is opened where none is named and there is one.
const USUAL_FILE: &str = "config.yaml";
/// Each of these says that the session has a browser to open: a display of Linux, Windows around it, or the user's word.
const DISPLAYS: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"];

/// Opens a policy in the browser: edit it, see what it would decide and why, look at recorded and running applications, and at the jobs of a store.
///
/// The page is served only to this user on this machine and sends nothing anywhere. Saving in it writes the policy file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright web                            config.yaml of this folder, or else the default policy
  sparkwright web team.yaml --port 8080      always at the same address
  sparkwright web --watch                    follow the running application, or the next one
  sparkwright web team.yaml --watch last     show the newest run, even if it has ended
  sparkwright web --store s3://team/lessons  also its jobs, run by run, and their next runs

From another machine: `ssh -L 8080:127.0.0.1:8080 HOST`, then open http://127.0.0.1:8080 there. Other host names are refused.")]
pub struct Web {
    /// Policy file; if not given, config.yaml of this folder, or the built-in default policy if there is none.
    file: Option<PathBuf>,
    /// Port to listen on; any free one if not given.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Follow a run: its id, the beginning of its id, its folder, or `last`; without a value the running one, or the next to start.
    #[arg(long, value_name = "RUN")]
    watch: Option<Option<String>>,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the address only; open no browser.
    #[arg(long)]
    no_open: bool,
}

impl Web {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let watch = match &self.watch {
            None => None,
            Some(None) => Some(Watch::Live),
            Some(Some(name)) => Some(Watch::Folder(record::find(&self.record, name).map_err(|error| {
                let help = if Path::new(name).is_file() {
                    "--watch takes a run; a policy file stands before it"
                } else {
                    "`sparkwright runs` lists the runs; --watch without a name waits for the next"
                };
                Failure::from(error).help(help)
            })?)),
        };
        let usual = Path::new(USUAL_FILE);
        let policy = self.file.or_else(|| usual.exists().then(|| usual.to_owned()));
        let store = self.store.given()?;
        let server = WebServer::bind(WebOptions { policy, record: self.record, store, watch, port: self.port })?;
        let asked_to_end = server.asked_to_end().map_err(WebError::System)?;
        print(&format!("the page is at {} (Ctrl-C ends it)\n", server.url()));
        if !self.no_open && has_browser() {
            let url = server.url();
            // What opens it may wait for the page, which is answered from here on.
            thread::spawn(move || {
                if let Err(error) = open::that_detached(url) {
                    note(&format!("no browser could be opened ({error}): open the address above in one"));
                }
            });
        }
        server.serve(asked_to_end).map_err(WebError::System)?;
        Ok(Exit::Fine)
    }
}

/// Whether there is someone at a screen to open a page for.
fn has_browser() -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_interactive() && DISPLAYS.iter().any(is_set)
}
