//! Parts of the tests in two lanes: one works through what starts Spark and watches its times, the other through what starts none; once both are
//! done, both work through the rest.
//!
//! A Spark that starts, or waits for an executor, leaves the machine idle; the lanes use that, and no more than two run at a time. What a part prints
//! goes to a file and is shown when the part fails, so that two of them never mix their lines.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::paths;
use sparkwright_tests::processes::Group;

use super::tally::Tally;
use crate::console;

/// What a part may take; the longest takes a third of it, and more the first time, when what programs do without Sparkwright is not kept yet.
const LIMIT: Duration = Duration::from_secs(3_600);
/// Between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(8);
/// Lines that are shown of a part that failed.
const MOST_LINES: usize = 1_500;

/// Which lane a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It starts Spark, and checks when something happens.
    Spark,
    /// It starts no Spark.
    Beside,
    /// It starts Spark and checks only what comes of it: after those two, two at a time.
    Either,
    /// After everything else, with nothing beside it: what it checks is about time.
    Alone,
}

/// Commands that are run one after the other until one fails.
#[derive(Debug)]
pub(super) struct Part {
    title: String,
    lane: Lane,
    commands: Vec<Command>,
    /// The exit code that says that no test was wanted.
    none_wanted: Option<i32>,
}

/// What came of a part.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its title.
    pub(super) title: String,
    /// What its output says of its tests.
    pub(super) tally: Tally,
    /// How long it took.
    pub(super) wall: Duration,
    /// Why it failed, if it did.
    pub(super) failed: Option<String>,
}

impl Part {
    /// A part of one command.
    pub(super) fn new(lane: Lane, title: impl Into<String>, command: Command) -> Self {
        Self { title: title.into(), lane, commands: vec![command], none_wanted: None }
    }

    /// Runs another command after those that it has.
    pub(super) fn then(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// Takes an exit code as the word that none of its tests was asked for.
    pub(super) fn none_wanted(mut self, code: Option<i32>) -> Self {
        self.none_wanted = code;
        self
    }

    /// What it is called in the account.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Sets an environment variable for its commands.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        for command in &mut self.commands {
            command.env(name, value);
        }
    }

    fn run(self) -> Result<Ended> {
        let log = log_file(&self.title);
        let began = Instant::now();
        fs::create_dir_all(log.parent().unwrap_or(&log)).with_context(|| format!("cannot make `{}`", log.display()))?;
        let out = File::create(&log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let mut failed = None;
        for mut command in self.commands {
            // Into a file: whatever outlives the command can't keep us waiting for the end of a pipe.
            command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out.try_clone()?);
            let mut group = Group::start(&mut command, PATIENCE)?;
            let status = group.wait(LIMIT)?;
            group.stop();
            failed = match status {
                Some(status) if status.success() || status.code().is_some() && status.code() == self.none_wanted => {
                    None
                }
                Some(status) => Some(status.to_string()),
                None => Some(format!("nothing for {} s and was ended", LIMIT.as_secs())),
            };
            if failed.is_some() {
                break;
            }
        }
        let output = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let ended = Ended { tally: Tally::of(&output), title: self.title, wall: began.elapsed(), failed };
        ended.tell(&output);
        Ok(ended)
    }
}

impl Ended {
    /// One line, or everything where it failed; in one piece, as another part may end at the same time.
    fn tell(&self, output: &str) {
        let line = format!("{}: {} [{:.1} s]", self.title, self.tally.sum(), self.wall.as_secs_f64());
        let Some(why) = &self.failed else { return console::say(&line) };
        let lines: Vec<&str> = output.lines().collect();
        let shown = lines
            .iter()
            .skip(lines.len().saturating_sub(MOST_LINES))
            .fold(String::new(), |text, line| text + line + "\n");
        eprintln!(
            "\n{shown}\n{line} FAILED: it ended with {why}; everything is in {}\n",
            log_file(&self.title).display()
        );
    }
}

fn log_file(title: &str) -> PathBuf {
    let name: String = title.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    paths::target().join("test-output").join(name).with_added_extension("log")
}

/// What is left to do.
struct Queue(Mutex<VecDeque<Part>>);

impl Queue {
    /// The next part of a lane.
    fn next(&self, lane: Lane) -> Option<Part> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = left.iter().position(|part| part.lane == lane)?;
        left.remove(at)
    }
}

/// Runs all parts; one that fails does not keep the others from telling what fails.
pub(super) fn run(parts: Vec<Part>) -> Result<Vec<Ended>> {
    let queue = Queue(Mutex::new(parts.into()));
    let work = |lane: Lane| -> Result<Vec<Ended>> { std::iter::from_fn(|| queue.next(lane)).map(Part::run).collect() };
    let mut ended = Vec::new();
    // Never a second Spark beside tests that watch the time.
    for lanes in [[Lane::Spark, Lane::Beside], [Lane::Either, Lane::Either]] {
        thread::scope(|scope| {
            for lane in lanes.map(|lane| scope.spawn(move || work(lane))) {
                match lane.join() {
                    Ok(done) => ended.extend(done?),
                    Err(_) => bail!("a lane of the tests panicked"),
                }
            }
            Ok(())
        })?;
    }
    let alone = queue.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    for part in alone {
        ended.push(part.run()?);
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(lane: Lane, title: &str, script: &str) -> Part {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Part::new(lane, title, command)
    }

    #[test]
    fn each_lane_does_its_own_in_order() {
        let parts = [
            (Lane::Either, "d"),
            (Lane::Spark, "a"),
            (Lane::Alone, "z"),
            (Lane::Spark, "b"),
            (Lane::Beside, "c"),
            (Lane::Either, "e"),
        ];
        let queue = Queue(Mutex::new(parts.map(|(lane, title)| shell(lane, title, "true")).into()));
        let next = |lane| queue.next(lane).map(|part| part.title);
        assert_eq!(next(Lane::Beside).as_deref(), Some("c"));
        assert_eq!(next(Lane::Beside), None, "no other Spark beside one whose times it would change");
        assert_eq!(next(Lane::Spark).as_deref(), Some("a"));
        assert_eq!(next(Lane::Spark).as_deref(), Some("b"));
        assert_eq!(next(Lane::Spark), None);
        assert_eq!(next(Lane::Either).as_deref(), Some("d"));
        assert_eq!(next(Lane::Either).as_deref(), Some("e"));
        assert_eq!(next(Lane::Either), None, "the last has to be alone");
    }

    #[test]
    fn a_failure_is_told_and_the_others_go_on() {
        let parts = vec![
            shell(
                Lane::Spark,
                "xtask's own: fails",
                "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored;'; exit 3",
            )
            .then(Command::new("false")),
            shell(Lane::Spark, "xtask's own: wants none", "exit 5").none_wanted(Some(5)),
            shell(
                Lane::Alone,
                "xtask's own: passes",
                "echo 'test a ... ok <0.500s>'; echo 'test result: ok. 1 passed; 0 failed;'",
            ),
        ];
        let mut ended = run(parts).unwrap();
        ended.sort_by(|a, b| a.title.cmp(&b.title));
        let told: Vec<_> = ended.iter().map(|it| (it.tally.passed, it.tally.failed, it.failed.is_some())).collect();
        assert_eq!(told, [(1, 2, true), (1, 0, false), (0, 0, false)]);
        assert_eq!(ended[1].tally.took["a"], Duration::from_millis(500));
    }
}
