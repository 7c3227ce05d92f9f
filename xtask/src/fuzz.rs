//! `cargo xtask fuzz`: tries what nobody thought of on the policy reader and on each decision point.
//!
//! The corpus of a target is `fuzz/corpus/<target>.jsonl`, a line an input: text, or its bytes where it is none. It grows by what reaches
//! new code; the tests of `core/policy` replay it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;
use sparkwright_tests::command::bounded_output;
use sparkwright_tests::{Error, paths};

use crate::console;
use crate::setup;

const TARGETS: [&str; 9] = [
    "policy_file",
    "condition",
    "load",
    "plan_launch",
    "plan_stage",
    "plan_query",
    "control",
    "plan_cleanup",
    "review",
];
/// Longer inputs find nothing that shorter ones don't, more slowly.
const LONGEST_INPUT: usize = 4096;
/// A corpus keeps its shortest inputs up to this size, so that the tests stay quick.
const LARGEST_CORPUS: usize = 400_000;

/// Runs the fuzz targets, keeps what they found of new code, and fails on the first input that breaks a promise.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Which targets; all when none is given.
    targets: Vec<String>,
    /// How long each runs.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many run at a time.
    #[arg(long, default_value_t = 1)]
    at_once: usize,
}

impl Fuzz {
    pub(crate) fn run(self) -> Result<()> {
        if let Some(unknown) = self.targets.iter().find(|name| !TARGETS.contains(&name.as_str())) {
            bail!("there is no fuzz target `{unknown}`; there are {}", TARGETS.join(", "));
        }
        let ready = bounded_output("asking cargo-fuzz", &mut cargo(&["--version"]), Duration::from_secs(60));
        if ready.is_err() {
            return Err(Error::Missing {
                what: "`cargo +nightly fuzz` does not run".to_owned(),
                wanted: "a nightly compiler and cargo-fuzz",
                get: "rustup toolchain install nightly && cargo install cargo-fuzz".to_owned(),
            }
            .into());
        }
        let targets: Vec<&str> = TARGETS
            .into_iter()
            .filter(|name| self.targets.is_empty() || self.targets.iter().any(|wanted| wanted == name))
            .collect();
        setup::show(cargo(&["build", "--sanitizer", "none", "--target-dir"]).arg(folder("build")))?;
        for group in targets.chunks(self.at_once.max(1)) {
            console::say(&format!("fuzzing {} for {} minutes", group.join(", "), self.minutes));
            std::thread::scope(|scope| {
                let running: Vec<_> =
                    group.iter().map(|target| scope.spawn(|| fuzz(target, self.minutes * 60))).collect();
                running.into_iter().try_for_each(|thread| match thread.join() {
                    Ok(done) => done,
                    Err(_) => bail!("a thread of this command panicked"),
                })
            })?;
        }
        Ok(())
    }
}

/// `cargo fuzz` with arguments, on the compiler that it needs.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg("+nightly").arg("fuzz").args(arguments).current_dir(paths::workspace());
    // What cargo tells the commands that it runs is about another compiler.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

fn folder(name: &str) -> PathBuf {
    paths::target().join("fuzz").join(name)
}

fn corpus_file(target: &str) -> PathBuf {
    paths::workspace().join("fuzz/corpus").join(target).with_extension("jsonl")
}

/// Runs one target, then keeps the inputs that reach most with least.
fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let (corpus, least) = (folder("corpus").join(target), folder("least").join(target));
    unpack(target, &corpus)?;
    let log = folder(target).with_extension("log");
    let bounds = [format!("-max_len={LONGEST_INPUT}"), "-timeout=10".into(), "-rss_limit_mb=2048".into()];
    let run = |folders: &[&Path], options: &[String]| -> Result<bool> {
        let out = fs::File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(binary(target));
        command.args(&bounds).args(options).args(folders);
        command.arg(format!("-artifact_prefix={}/{target}-", paths::workspace().join("fuzz/artifacts").display()));
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(out).status()?.success())
    };
    fs::create_dir_all(paths::workspace().join("fuzz/artifacts"))?;
    let _ = fs::remove_file(&log);
    if !run(&[&corpus], &[format!("-max_total_time={seconds}"), "-print_final_stats=1".into()])? {
        bail!("{target} broke a promise; see {} and fuzz/artifacts", log.display());
    }
    let _ = fs::remove_dir_all(&least);
    fs::create_dir_all(&least)?;
    if !run(&[&least, &corpus], &["-merge=1".into()])? {
        bail!("the corpus of {target} could not be merged; see {}", log.display());
    }
    let kept = pack(target, &least)?;
    let text = fs::read_to_string(&log).unwrap_or_default();
    let executed = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    console::say(&format!("{target}: {} runs, no finding; {kept} inputs kept", executed.unwrap_or("some").trim()));
    Ok(())
}

fn binary(target: &str) -> PathBuf {
    folder("build").join("x86_64-unknown-linux-gnu/release").join(target)
}

/// Puts each input of a kept corpus into a file of its own.
fn unpack(target: &str, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let kept = fs::read_to_string(corpus_file(target)).unwrap_or_default();
    for (number, line) in kept.lines().enumerate() {
        let bytes = match serde_json::from_str(line).with_context(|| format!("line {} of {target}", number + 1))? {
            Value::String(text) => text.into_bytes(),
            bytes => serde_json::from_value(bytes)?,
        };
        fs::write(to.join(format!("kept-{number}")), bytes)?;
    }
    Ok(())
}

/// Writes the inputs of a folder as a kept corpus, the shortest first; gives their number.
fn pack(target: &str, from: &Path) -> Result<usize> {
    let mut inputs: Vec<Vec<u8>> =
        fs::read_dir(from)?.map(|entry| fs::read(entry?.path())).collect::<std::io::Result<_>>()?;
    inputs.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    let file = corpus_file(target);
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    let mut out = std::io::BufWriter::new(fs::File::create(&file)?);
    let (mut kept, mut size) = (0, 0);
    for input in inputs {
        let line = match String::from_utf8(input) {
            Ok(text) => serde_json::to_string(&text)?,
            Err(bytes) => serde_json::to_string(bytes.as_bytes())?,
        };
        size += line.len() + 1;
        if size > LARGEST_CORPUS {
            break;
        }
        writeln!(out, "{line}")?;
        kept += 1;
    }
    out.flush()?;
    Ok(kept)
}
