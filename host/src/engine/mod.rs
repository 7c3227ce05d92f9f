//! The engine: runs a policy module under wasmtime, and lets nothing out of it but an answer.
//!
//! # How a decision crosses the border
//!
//! 1. [`PolicyEngine::load_module`] reads the module's bytes. Whatever can be refused is refused before anything is
//!    compiled: another SHA-256 than the pinned one, any import, an export of the contract that is missing or has another type,
//!    another version, too large. Then the module is compiled, others than our own in a process that is held to limits (`compiler`), or its
//!    compiled form taken from a folder of this user's.
//! 2. [`prepared`] has the module look at a policy. The [`Prepared`] that comes of it is the only thing that makes a [`Session`].
//! 3. [`Session::eval`] copies the question into a buffer that the module gave out, calls `eval` with a time limit, and reads
//!    the answer where it stands. It *takes* the session and gives it back with the answer; a question that fails leaves no
//!    session behind. [`RestartingSession`] starts a fresh one for the next question.
//!
//! The contract itself, for whoever writes a module, is `sparkwright_core::abi`.
//!
//! # Why that is safe
//!
//! A module can compute and nothing else: the linker is empty and modules with imports never reach it, so there is no file, clock, socket or
//! environment that it could get at. Its memory is its own and ends at 16 MiB; its stack is bounded; its time is bounded by a
//! clock thread of the engine's ([`Budget`]), also in its start function. What it says is not believed: pointers and lengths are
//! checked without wrapping against its memory and the contract's limits before a byte is copied. A trap, a timeout or
//! rubbish is an [`EngineError`] of its own kind and never a decision.
//!
//! The same bytes give the same answers on every machine: NaN bits are made canonical, threads, SIMD and every other part of WebAssembly
//! whose results may differ or that policy modules have no use for are switched off. With [`EngineOptions::metered`] the work is
//! counted as fuel, which is the same everywhere too.

mod cache;
mod code_size;
pub(crate) mod compiler;
mod envelope;
mod error;
mod inspect;
mod instance;
mod linked;
mod module;
mod prepared;
pub(crate) mod probe;
mod runtime;
mod session;
mod settings;
mod ticker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sparkwright_core::steering as limits;
use wasmtime::Module;

use crate::assets::POLICY_MODULE_SHA256;
pub use crate::digest::sha256_hex;
pub use code_size::CodeSize;
pub use error::EngineError;
pub use inspect::{Export, Import, Inspection, MAX_MODULE_BYTES, MemorySize, Refusal};
pub use linked::Compiled;
pub use module::{PolicyModule, Prepared};
pub use prepared::{module_bytes, prepared, prepared_by, this_program};
pub use runtime::Budget;
pub use session::{RestartingSession, Session};

use cache::Cache;
use runtime::EngineInner;
use settings::Kind;
use ticker::Ticker;

/// How an engine is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Where compiled modules are kept between starts; nowhere when absent.
    pub cache_dir: Option<PathBuf>,
    /// The file of the `sparkwright` command, which compiles modules other than its own in a process whose time and memory are bounded. When
    /// absent, all are compiled in this process, in whatever time and memory it takes.
    pub compiler: Option<PathBuf>,
    /// Whether work is counted as fuel: for tests, replay and every figure that is shown. Costs about a tenth of the speed.
    pub metered: bool,
    /// How exact deadlines are.
    pub tick: Duration,
    /// What starting a module, loading a policy or describing may cost.
    pub setup: Budget,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            compiler: None,
            metered: false,
            tick: Duration::from_millis(5),
            setup: Budget::millis(limits::SETUP_MODULE_MS),
        }
    }
}

/// Runs policy modules. One a process is enough: it is cheap to clone and used from any thread.
#[derive(Clone)]
pub struct PolicyEngine {
    inner: Arc<EngineInner>,
}

impl std::fmt::Debug for PolicyEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyEngine").field("kind", &self.inner.kind).finish_non_exhaustive()
    }
}

impl PolicyEngine {
    /// An engine set up by `options`.
    ///
    /// # Errors
    /// [`EngineError::Setup`] where this machine can't run one.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let setup_error = |reason: String| EngineError::Setup { reason };
        // Reserved address space makes bounds checks free. Where it is rationed (`ulimit -v`), they are made in code.
        let kind = |reserve| Kind { metered: options.metered, reserve };
        let (kind, engine) = settings::engine(kind(true))
            .map(|engine| (kind(true), engine))
            .or_else(|_| settings::engine(kind(false)).map(|engine| (kind(false), engine)))
            .map_err(|error| setup_error(format!("{error:#}")))?;
        let ticker = Ticker::start(engine.clone(), options.tick).map_err(|error| setup_error(error.to_string()))?;
        let cache = options
            .cache_dir
            .map(|folder| Cache::open(&folder).map_err(|error| format!("the folder {} {error}", folder.display())));
        Ok(Self {
            inner: Arc::new(EngineInner {
                ticker,
                engine,
                kind,
                cache,
                compiler: options.compiler,
                setup: options.setup,
            }),
        })
    }

    /// Makes a module ready to run, unless it is to be refused.
    ///
    /// # Errors
    /// Why it is refused: [`EngineError::is_refusal`], or any failure of asking for its version.
    pub fn load_module(&self, bytes: &[u8], pinned_sha256: Option<&str>) -> Result<PolicyModule, EngineError> {
        let (inspection, checked) = Inspection::read(bytes, pinned_sha256);
        checked?;
        let (module, compiled) = self.compile(bytes, &inspection)?;
        PolicyModule::new(Arc::clone(&self.inner), &module, compiled, inspection)
    }

    /// All there is to say about a module, and why it is refused if it is. Runs it only if it isn't.
    #[must_use]
    pub fn inspect(&self, bytes: &[u8], pinned_sha256: Option<&str>) -> Inspection {
        let (mut inspection, checked) = Inspection::read(bytes, pinned_sha256);
        if checked.is_err() {
            return inspection;
        }
        let asked = self.load_module(bytes, pinned_sha256).and_then(|module| {
            inspection.abi_version = module.inspection().abi_version;
            module.describe()
        });
        match asked {
            Ok(description) => inspection.description = Some(description),
            Err(error) => inspection.refuse(&error),
        }
        inspection
    }

    fn compile(&self, bytes: &[u8], inspection: &Inspection) -> Result<(Module, Compiled), EngineError> {
        let (engine, sha256) = (&self.inner.engine, inspection.sha256.as_str());
        let compile = || match &self.inner.compiler {
            Some(program) if sha256 != POLICY_MODULE_SHA256.as_str() => {
                compiler::apart(program, self.inner.kind, engine, bytes, inspection.code)
            }
            _ => Module::from_binary(engine, bytes)
                .map_err(|error| EngineError::Invalid { reason: format!("{error:#}") }),
        };
        let cache = match &self.inner.cache {
            None => return Ok((compile()?, Compiled::Now)),
            Some(Err(why)) => return Ok((compile()?, Compiled::NowBecause(why.clone()))),
            Some(Ok(cache)) => cache,
        };
        let spoiled = match cache.get(engine, sha256) {
            Ok(Some(module)) => return Ok((module, Compiled::FromCache)),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let module = compile()?;
        let compiled = match (cache.put(engine, sha256, &module), spoiled) {
            (Ok(()), None) => Compiled::NowAndKept,
            (Ok(()), Some(why)) => {
                Compiled::NowBecause(format!("the compiled module in the cache {why}; it was replaced"))
            }
            (Err(why), _) => Compiled::NowBecause(format!("the compiled module can't be kept: {why}")),
        };
        Ok((module, compiled))
    }
}
