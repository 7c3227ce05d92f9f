//! Modules of others are compiled in a process of their own, whose time and memory the system bounds.
//!
//! No limit on the size of a module bounds what its compiler takes: 512 KB of loops in one another take 20 s, 64 KB of one function with
//! many variables and blocks longer still, and 100,000 empty functions 200 MB. Our own module, of 540 KB of code, takes 1.5 s and 45 MB.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use wasmtime::{Engine, Module};

use super::code_size::CodeSize;
use super::error::EngineError;
use super::inspect::MAX_MODULE_BYTES;
use super::settings::{self, Kind};

/// The hidden command that [`from_stdin`] is behind, and its option for an engine that counts fuel.
const COMMAND: &str = "compile";
const METERED: &str = "--metered";
/// The same for an engine that has no address space to reserve.
const RATIONED: &str = "--rationed";

/// Processor time that a module may take to compile, in seconds.
const MOST_SECONDS: u64 = 10;
/// Memory that it may take meanwhile.
const MOST_MIB: u64 = 1024;
/// What the compiled form of a module may have, in bytes.
pub(super) const MOST_COMPILED_BYTES: u64 = 64 << 20;

/// How the compiling process says that the module is at fault; its reason is what it wrote.
const WRONG_MODULE: i32 = 2;

/// Has `program`, which is this program, compile a module in a process of its own.
pub(super) fn apart(
    program: &Path,
    kind: Kind,
    engine: &Engine,
    bytes: &[u8],
    code: CodeSize,
) -> Result<Module, EngineError> {
    let not_compiled = |reason: String| EngineError::NotCompiled { reason, code };
    let (status, written) = run(program, kind, bytes)
        .map_err(|error| not_compiled(format!("`{}` can't be run: {error}", program.display())))?;
    match status.code() {
        Some(0) => deserialize(engine, &written).map_err(|error| not_compiled(error.to_string())),
        Some(WRONG_MODULE) => Err(EngineError::Invalid { reason: String::from_utf8_lossy(&written).into_owned() }),
        _ => Err(not_compiled(why_ended(status))),
    }
}

fn run(program: &Path, kind: Kind, bytes: &[u8]) -> io::Result<(ExitStatus, Vec<u8>)> {
    let options = [(METERED, kind.metered), (RATIONED, !kind.reserve)];
    let mut child = Command::new(program)
        .arg(COMMAND)
        .args(options.into_iter().filter_map(|(option, wanted)| wanted.then_some(option)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // All of the module is read there before anything is written. What can't be passed on shows in how the process ends.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(bytes));
    let mut written = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MOST_COMPILED_BYTES).read_to_end(&mut written)?;
    }
    Ok((child.wait()?, written))
}

fn why_ended(status: ExitStatus) -> String {
    let by = |signal: Signal| status.signal() == Some(signal.as_raw());
    if by(Signal::XCPU) || by(Signal::KILL) {
        format!("its compiler was not done after {MOST_SECONDS} s of processor time")
    } else if by(Signal::ABORT) {
        format!("its compiler had use for more than {MOST_MIB} MiB of memory")
    } else {
        format!("its compiler ended with {status}")
    }
}

/// Compiles the module on standard input to standard output, within the limits; gives whether it could be: else the reason was written.
///
/// # Errors
/// Standard input can't be read, or standard output not written.
pub fn from_stdin(metered: bool, rationed: bool) -> io::Result<bool> {
    // No core file is left by a limit that is met.
    for (resource, most) in [(Resource::Core, 0), (Resource::Cpu, MOST_SECONDS), (Resource::Data, MOST_MIB << 20)] {
        let hard = getrlimit(resource).maximum;
        let most = hard.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: hard })?;
    }
    let mut bytes = Vec::new();
    io::stdin().take(MAX_MODULE_BYTES as u64).read_to_end(&mut bytes)?;
    let compiled =
        settings::engine(Kind { metered, reserve: !rationed }).and_then(|engine| engine.precompile_module(&bytes));
    let (fine, written) = match compiled {
        Ok(code) if code.len() as u64 >= MOST_COMPILED_BYTES => {
            let most = MOST_COMPILED_BYTES >> 20;
            (false, format!("its compiled form has {} bytes; at most {most} MiB are run", code.len()).into_bytes())
        }
        Ok(code) => (true, code),
        Err(error) => (false, format!("{error:#}").into_bytes()),
    };
    io::stdout().write_all(&written)?;
    io::stdout().flush()?;
    Ok(fine)
}

/// Compiled code, ready to run.
///
/// It must come from this very program: out of its cache, where that was checked, or from the process that it had compile.
#[allow(unsafe_code, reason = "compiled code can't be checked, only its origin can")]
pub(super) fn deserialize(engine: &Engine, code: &[u8]) -> io::Result<Module> {
    // SAFETY: `code` is what `Module::serialize` or `Engine::precompile_module` gave. Either it comes from a file that only this user can
    // write to, in a folder of which the same is true, under a name that only `Cache::put` gives, and its digest says that it is whole; or through a
    // pipe from a process that runs this very program and ended well. Whoever can forge that is this user already. That version and settings
    // fit is checked by wasmtime.
    unsafe { Module::deserialize(engine, code) }.map_err(io::Error::other)
}
