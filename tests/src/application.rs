//! A Spark application as a bounded process whose output is kept.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::command::{PATIENCE, gather, line, tail};
use crate::processes::Group;
use crate::venv::Venv;
use crate::{Error, Result};

/// A command to run: `spark-submit`, `sparkwright submit`, `python job.py`.
#[derive(Debug)]
pub struct Application {
    command: Command,
    deadline: Duration,
}

/// What came of an [`Application`].
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How it ended; by a signal when the deadline was over.
    pub status: ExitStatus,
    /// From the start to the end of the process.
    pub wall: Duration,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
}

/// An application that runs.
#[derive(Debug)]
pub struct Running {
    group: Group,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    began: Instant,
    deadline: Duration,
}

impl Application {
    /// Any program, on the Spark of `venv`, with ten minutes to end.
    #[must_use]
    pub fn new(program: impl AsRef<OsStr>, venv: &Venv) -> Self {
        let mut command = Command::new(program);
        command.envs(venv.environment()).stdin(Stdio::null());
        Self { command, deadline: Duration::from_secs(600) }
    }

    /// `spark-submit` of `venv`.
    #[must_use]
    pub fn spark_submit(venv: &Venv) -> Self {
        Self::new(venv.spark_command("spark-submit"), venv)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds `--conf key=value`.
    #[must_use]
    pub fn conf(self, key: &str, value: impl std::fmt::Display) -> Self {
        self.arg("--conf").arg(format!("{key}={value}"))
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in `folder`.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it in place of a shell that has run `words`, as `ulimit -n 64`.
    #[must_use]
    pub fn after_shell(mut self, words: &str) -> Self {
        let mut shell = Command::new("bash");
        shell
            .arg("-c")
            .arg(format!("{words} && exec \"$0\" \"$@\""))
            .arg(self.command.get_program())
            .args(self.command.get_args());
        shell.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
        if let Some(folder) = self.command.get_current_dir() {
            shell.current_dir(folder);
        }
        self.command = shell;
        self
    }

    /// How long it may take before its whole process group is ended.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The command line, for people.
    #[must_use]
    pub fn line(&self) -> String {
        line(&self.command)
    }

    /// Starts it. Each line of standard output is handed to `say` as it comes.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut self, say: impl Fn(&str) + Send + 'static) -> Result<Running> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut group = Group::start(&mut self.command, PATIENCE)?;
        let stdout = gather(group.child().stdout.take(), say);
        let stderr = gather(group.child().stderr.take(), |_| {});
        Ok(Running { group, stdout, stderr, began, deadline: self.deadline })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When the program cannot be started; an application that fails is an [`Outcome`].
    pub fn run(self) -> Result<Outcome> {
        self.start(|_| {})?.finish()
    }
}

impl Running {
    /// Its process, which leads its process group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// Waits for the end, or ends it when its time is over.
    ///
    /// # Errors
    /// When the system does not tell how it ended.
    pub fn finish(mut self) -> Result<Outcome> {
        let left = self.deadline.saturating_sub(self.began.elapsed());
        let unknown = Error::io("cannot wait for", Path::new("the application"));
        let (status, timed_out) = match self.group.wait(left) {
            Ok(Some(status)) => (status, false),
            Ok(None) => {
                self.group.stop();
                (self.group.child().wait().map_err(unknown)?, true)
            }
            Err(error) => return Err(unknown(error)),
        };
        let wall = self.began.elapsed();
        // Whatever it left in its group may hold the pipes open for ever.
        self.group.stop();
        let stdout = self.stdout.join().unwrap_or_default();
        let stderr = self.stderr.join().unwrap_or_default();
        Ok(Outcome { stdout, stderr, status, wall, timed_out })
    }
}

impl Outcome {
    /// The exit code, `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// An error with the end of the output, unless the application ended with 0.
    ///
    /// # Errors
    /// [`Error::Command`] when it did not.
    pub fn succeeded(self, doing: &str) -> Result<Self> {
        if self.status.success() && !self.timed_out {
            return Ok(self);
        }
        let ended = if self.timed_out {
            format!("the deadline after {} s", self.wall.as_secs())
        } else {
            self.status.to_string()
        };
        let output = [tail(&self.stdout), tail(&self.stderr)].join("\n");
        Err(Error::Command { doing: doing.to_owned(), command: "the application".to_owned(), ended, output })
    }
}
