//! What the person at the terminal sees while something takes its time.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Says one line. On standard error, as standard output is for results.
pub(crate) fn say(line: &str) {
    eprintln!("{}", dim(&format!("  {line}")));
}

/// A step that takes more than a moment: a spinner on a terminal, plain lines elsewhere.
pub(crate) struct Step {
    title: String,
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Step {
    /// Begins a step.
    pub(crate) fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}");
            let bar = ProgressBar::new_spinner().with_message(title.clone());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            eprintln!("  {title} ...");
        }
        Self { title, bar, began: Instant::now() }
    }

    /// A handle for threads that tell how far the step is.
    pub(crate) fn news(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let (bar, title) = (self.bar.clone(), self.title.clone());
        move |line| match &bar {
            Some(bar) => bar.set_message(format!("{title}: {line}")),
            None => eprintln!("    {line}"),
        }
    }

    /// Ends the step with how long it took.
    pub(crate) fn end(self) {
        let seconds = self.began.elapsed().as_secs_f64();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        eprintln!("  {} {}", self.title, dim(&format!("[{seconds:.1} s]")));
    }
}

/// Less prominent, on a terminal.
pub(crate) fn dim(text: &str) -> String {
    styled(text, "2", io::stderr().is_terminal())
}

/// A heading on standard output.
pub(crate) fn heading(text: &str) -> String {
    styled(text, "1", io::stdout().is_terminal())
}

fn styled(text: &str, code: &str, terminal: bool) -> String {
    if terminal && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
