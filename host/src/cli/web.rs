//! `sparkwright web`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::Args;

use super::{Failure, print};
use crate::launch::policy_source::PolicyError;
use crate::record;
use crate::web::{Watch, WebError, WebOptions, WebServer};

/// The policy file that is opened where none is named and there is one.
const USUAL_FILE: &str = "config.yaml";
/// Each of these says that the session has a browser to open: a display of Linux, Windows around it, or the user's word.
const DISPLAYS: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"];

/// Opens a policy in the browser: edit it, see at once what it would decide and why, look at runs and follow them.
///
/// The page is served to this user of this machine alone and sends nothing anywhere. Saving in it writes the policy file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright web                            config.yaml of this folder, or else the default policy
  sparkwright web team.yaml --port 8080      at an address that stays
  sparkwright web --watch                    follow the run that goes on, or the next to begin
  sparkwright web team.yaml --watch last     the newest run, also when it is over

From another machine: `ssh -L 8080:127.0.0.1:8080 HOST`, and open the same address there. The page answers to
no other name.")]
pub struct Web {
    /// The policy file; config.yaml of this folder when left out, or the default policy inside this program where there is none.
    file: Option<PathBuf>,
    /// The port to listen on; a free one when left out.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Follow a run in the page: its id, the start of it, its folder, or `last`. Without a name the one that goes on, or the next to begin.
    #[arg(long, value_name = "RUN")]
    watch: Option<Option<String>>,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Only print the address.
    #[arg(long)]
    no_open: bool,
}

impl Web {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let watch = match &self.watch {
            None => None,
            Some(None) => Some(Watch::Live),
            Some(Some(name)) => Some(Watch::Folder(record::find(&self.record, name).map_err(|error| {
                let help = if Path::new(name).is_file() {
                    "the name behind --watch is a run; a policy file stands before it"
                } else {
                    "`sparkwright runs` lists the runs; --watch without a name waits for the next"
                };
                Failure::from(error).help(help)
            })?)),
        };
        let usual = Path::new(USUAL_FILE);
        let policy = self.file.or_else(|| usual.exists().then(|| usual.to_owned()));
        let server = WebServer::bind(WebOptions { policy, record: self.record, watch, port: self.port })?;
        let asked_to_end = server.asked_to_end()?;
        print(&format!("the page is at {} (Ctrl-C ends it)\n", server.url()));
        if !self.no_open && has_browser() {
            let url = server.url();
            // What opens it may wait for the page, which is answered from here on.
            thread::spawn(move || {
                if let Err(error) = open::that_detached(url) {
                    eprintln!("sparkwright: no browser could be opened ({error}): open the address above in one");
                }
            });
        }
        server.serve(asked_to_end)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether there is someone at a screen to open a page for.
fn has_browser() -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && DISPLAYS.iter().any(is_set)
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Policy(error @ PolicyError::Unreadable { .. }) => Self::new(error.to_string())
                .help("name a policy file that is there, or leave it out for the default policy"),
            WebError::Policy(error) => error.into(),
            WebError::Port { port: 1.., .. } => {
                Self::new(error.to_string()).help("leave --port out for a free one, or name another")
            }
            other => Self::new(other.to_string()),
        }
    }
}
