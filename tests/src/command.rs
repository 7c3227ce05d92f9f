//! Any command as a bounded process: what it tells, or why it failed.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::processes::Group;
use crate::{Error, Result};

/// How long an application has to end after SIGTERM. A driver with executors needs a few seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Reads a pipe to its end in a thread of its own, line by line.
pub(crate) fn gather(
    pipe: Option<impl Read + Send + 'static>,
    say: impl Fn(&str) + Send + 'static,
) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut whole = String::new();
        let Some(pipe) = pipe else { return whole };
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            say(text.trim_end());
            whole.push_str(&text);
            line.clear();
        }
        whole
    })
}

/// Runs a command to its end; its output is only seen when it fails.
///
/// # Errors
/// When it cannot be started or does not end with 0.
pub fn must_succeed(doing: &str, command: &mut Command) -> Result<()> {
    output_of(doing, command).map(drop)
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or does not end with 0.
pub fn output_of(doing: &str, command: &mut Command) -> Result<String> {
    bounded_output(doing, command, Duration::from_secs(3600))
}

/// [`output_of`] for a command that may hang: its process group is ended after `limit`.
///
/// # Errors
/// When it cannot be started, does not end in time or does not end with 0.
pub fn bounded_output(doing: &str, command: &mut Command, limit: Duration) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut group = Group::start(command, PATIENCE)?;
    let stdout = gather(group.child().stdout.take(), |_| {});
    let stderr = gather(group.child().stderr.take(), |_| {});
    let status = group.wait(limit).map_err(Error::io("cannot wait for", command.get_program().as_ref()))?;
    group.stop();
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    match status {
        Some(status) if status.success() => Ok(stdout),
        ended => Err(Error::Command {
            doing: doing.to_owned(),
            command: line(command),
            ended: ended.map_or_else(
                || format!("nothing for {} s and was ended", began.elapsed().as_secs()),
                |status| status.to_string(),
            ),
            output: [tail(&stdout), tail(&stderr)].join("\n"),
        }),
    }
}

/// A program on the PATH, if it is there.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A command line, for people.
pub(crate) fn line(command: &Command) -> String {
    let words: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_owned).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// The last lines of an output, indented.
pub(crate) fn tail(text: &str) -> String {
    const LINES: usize = 25;
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines.iter().skip(from).map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}
