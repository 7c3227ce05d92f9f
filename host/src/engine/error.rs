//! What can go wrong between the host and a policy module, each thing with its own name.

use sparkwright_core::error::ErrorBody;

use super::code_size::CodeSize;

/// Why a module was refused, or why a call of it gave no answer.
///
/// Nothing here is ever a decision: whoever gets one leaves Spark as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// This machine can't run WebAssembly as the engine wants it.
    #[error("the WebAssembly engine can't be set up: {reason}")]
    Setup {
        /// What the engine said.
        reason: String,
    },

    /// The module is larger than the engine reads.
    #[error("the module has {size} bytes; at most {limit} are read")]
    ModuleTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest size read.
        limit: usize,
    },
    /// The pin isn't a SHA-256.
    #[error("the pin `{pin}` is no SHA-256; write its 64 hexadecimal digits, as `sparkwright inspect` prints them")]
    BadPin {
        /// What stands there.
        pin: String,
    },
    /// The module isn't the pinned one.
    #[error(
        "the module's SHA-256 is {found}, but {pinned} is pinned; install the pinned module, or pin this one after looking at it with `sparkwright inspect`"
    )]
    WrongHash {
        /// The module's hash.
        found: String,
        /// The hash that is wanted.
        pinned: String,
    },
    /// The bytes aren't a core WebAssembly module.
    #[error("this is {found}, not a WebAssembly module; give the path of a policy module such as `policy.wasm`")]
    NotAModule {
        /// What it looks like.
        found: &'static str,
    },
    /// The module is damaged, or uses parts of WebAssembly that are switched off.
    #[error("the module isn't valid here: {reason}")]
    Invalid {
        /// What the parser or compiler said.
        reason: String,
    },
    /// The module takes too much to compile.
    #[error(
        "the module can't be compiled: {reason}. It has {code}; split its largest functions, have it optimized, or take the module that came with this host"
    )]
    NotCompiled {
        /// What the compiler met.
        reason: String,
        /// How much code there is.
        code: CodeSize,
    },
    /// The module wants something from its host.
    #[error(
        "the module imports {}; a policy module imports nothing, so that it can only compute: build it for wasm32-unknown-unknown without bindings", list(.imports)
    )]
    HasImports {
        /// `module.name` of each import.
        imports: Vec<String>,
    },
    /// An export of the contract isn't there.
    #[error("the module doesn't export `{name}`; wanted is {wanted}")]
    MissingExport {
        /// The export.
        name: &'static str,
        /// Its type by the contract.
        wanted: &'static str,
    },
    /// An export of the contract has another type.
    #[error("the module exports `{name}` as {found}; wanted is {wanted}")]
    WrongExport {
        /// The export.
        name: &'static str,
        /// Its type in the module.
        found: String,
        /// Its type by the contract.
        wanted: &'static str,
    },
    /// The module wants more memory at the start than it is granted at all.
    #[error("the module starts with {minimum} bytes of memory; at most {limit} are granted")]
    MemoryTooLarge {
        /// What it wants.
        minimum: u64,
        /// What it may have.
        limit: u64,
    },
    /// The module speaks another version of the contract.
    #[error(
        "the module speaks version {found} of the contract, this host version {wanted}; take the module that came with this host"
    )]
    WrongVersion {
        /// The module's version.
        found: i32,
        /// The host's version.
        wanted: i32,
    },

    /// The module answered that the policy can't be used.
    #[error("the module refuses the policy: {0}")]
    PolicyRefused(ErrorBody),

    /// No instance could be made.
    #[error("the module can't be started: {reason}")]
    NotStarted {
        /// What the engine said.
        reason: String,
    },
    /// The input is longer than the contract allows; the module never saw it.
    #[error("the input has {length} bytes; at most {limit} are passed on")]
    InputTooLarge {
        /// Its length in bytes.
        length: usize,
        /// The longest input.
        limit: usize,
    },
    /// The question has no JSON form; the module never saw it.
    #[error("the question can't be written as JSON: {reason}")]
    BadQuestion {
        /// What the serializer said.
        reason: String,
    },
    /// `alloc` had no memory for the input.
    #[error("the module has no memory for an input of {length} bytes")]
    NoMemory {
        /// The length asked for.
        length: usize,
    },
    /// The module trapped: a bug of the module.
    #[error("the module trapped in `{call}`: {trap}")]
    Trapped {
        /// The export that was called; `start` for the start function.
        call: &'static str,
        /// The kind of trap.
        trap: String,
    },
    /// The module was still running at its deadline.
    #[error("the module was still running in `{call}` after {limit_ms} ms and was stopped")]
    TimedOut {
        /// The export that was called; `start` for the start function.
        call: &'static str,
        /// The time that it had.
        limit_ms: u64,
    },
    /// The module used up the instructions that it was given.
    #[error("the module used up its {fuel} units of fuel in `{call}` and was stopped")]
    OutOfFuel {
        /// The export that was called; `start` for the start function.
        call: &'static str,
        /// The fuel that it had.
        fuel: u64,
    },
    /// A pointer that the module gave doesn't lie in its memory.
    #[error("`{call}` of the module gave {length} bytes at {pointer}, outside its {memory} bytes of memory")]
    OutOfBounds {
        /// The export that was called.
        call: &'static str,
        /// The place.
        pointer: u32,
        /// The length.
        length: u32,
        /// The size of the memory.
        memory: usize,
    },
    /// The answer is longer than the contract allows; it wasn't read.
    #[error("`{call}` of the module answered with {length} bytes; at most {limit} are read")]
    AnswerTooLarge {
        /// The export that was called.
        call: &'static str,
        /// The length.
        length: u32,
        /// The longest answer.
        limit: usize,
    },
    /// The answer isn't what the contract says.
    #[error("`{call}` of the module answered with something other than the contract's JSON: {reason}")]
    Rubbish {
        /// The export that was called.
        call: &'static str,
        /// What the parser said.
        reason: String,
    },
}

impl EngineError {
    /// The kind of error in one word of snake case, for records and programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "engine_setup",
            Self::ModuleTooLarge { .. } => "module_too_large",
            Self::BadPin { .. } => "bad_pin",
            Self::WrongHash { .. } => "wrong_hash",
            Self::NotAModule { .. } => "not_a_module",
            Self::Invalid { .. } => "invalid_module",
            Self::NotCompiled { .. } => "not_compiled",
            Self::HasImports { .. } => "has_imports",
            Self::MissingExport { .. } => "missing_export",
            Self::WrongExport { .. } => "wrong_export",
            Self::MemoryTooLarge { .. } => "memory_too_large",
            Self::WrongVersion { .. } => "wrong_version",
            Self::PolicyRefused(_) => "policy_refused",
            Self::NotStarted { .. } => "not_started",
            Self::InputTooLarge { .. } => "input_too_large",
            Self::BadQuestion { .. } => "bad_question",
            Self::NoMemory { .. } => "no_memory",
            Self::Trapped { .. } => "trapped",
            Self::TimedOut { .. } => "timed_out",
            Self::OutOfFuel { .. } => "out_of_fuel",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::Rubbish { .. } => "rubbish",
        }
    }

    /// Whether the module as it is will never do: asking again is of no use.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::ModuleTooLarge { .. }
                | Self::BadPin { .. }
                | Self::WrongHash { .. }
                | Self::NotAModule { .. }
                | Self::Invalid { .. }
                | Self::HasImports { .. }
                | Self::MissingExport { .. }
                | Self::WrongExport { .. }
                | Self::MemoryTooLarge { .. }
                | Self::WrongVersion { .. }
        )
    }
}

/// The first names of a list, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
