//! What a module is, read off its bytes without running or compiling it.
//!
//! Everything that can be refused is refused here, before the compiler sees a byte of a module that wants more than to
//! compute.

use serde::Serialize;
use sparkwright_core::abi::{self, Description, Metadata};
use wasmparser::{CompositeInnerType, Encoding, ExternalKind, FuncType, MemoryType, Parser, Payload, TypeRef};

use super::code_size::CodeSize;
use super::error::EngineError;
use crate::digest::sha256_hex;

/// The largest module that is read, in bytes.
pub const MAX_MODULE_BYTES: usize = 4 * 1024 * 1024;

/// Names that a module may import or export: each is shown, with a type that one byte of the module may name.
const MOST_NAMES: usize = 1_000;

const PAGE_BYTES: u64 = 65_536;

/// The exports of the contract with their types.
const CONTRACT: [(&str, &str); 7] = [
    ("memory", "memory"),
    ("abi_version", "() -> i32"),
    ("alloc", "(i32) -> i32"),
    ("free", "(i32, i32) -> ()"),
    ("load", "(i32, i32) -> i64"),
    ("eval", "(i32, i32, i32, i32) -> i64"),
    ("describe", "() -> i64"),
];

/// Something that a module wants from its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The module that it is wanted from.
    pub module: String,
    /// Its name.
    pub name: String,
    /// `function`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
}

/// Something that a module offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// The type of a function, as `(i32) -> i64`; else `memory`, `table`, `global` or `tag`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The size of a module's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemorySize {
    /// What it has from the start, in bytes.
    pub minimum_bytes: u64,
    /// What it may grow to by its own account, in bytes; unlimited when absent.
    pub maximum_bytes: Option<u64>,
}

/// Why a module is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// [`EngineError::code`].
    pub code: &'static str,
    /// The error in words.
    pub message: String,
}

/// A module as `sparkwright inspect` shows it; a module that is refused is shown as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its size in bytes.
    pub size: usize,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// What it wants from its host; empty for a policy module.
    pub imports: Vec<Import>,
    /// What it offers.
    pub exports: Vec<Export>,
    /// The size of its memory.
    pub memory: Option<MemorySize>,
    /// How much code it has.
    pub code: CodeSize,
    /// Whether it runs something as soon as it is started.
    pub has_start: bool,
    /// What its metadata section says.
    pub metadata: Option<Metadata>,
    /// The version of the contract that it answered with; absent when it wasn't run.
    pub abi_version: Option<i32>,
    /// What it answered about itself; absent when it wasn't run.
    pub description: Option<Description>,
    /// Why it is refused; absent when it isn't.
    pub refusal: Option<Refusal>,
}

impl Inspection {
    /// Reads a module, and says whether its bytes alone are reason to refuse it.
    pub(super) fn read(bytes: &[u8], pinned: Option<&str>) -> (Self, Result<(), EngineError>) {
        let mut module = Self {
            size: bytes.len(),
            sha256: sha256_hex(bytes),
            imports: Vec::new(),
            exports: Vec::new(),
            memory: None,
            code: CodeSize::default(),
            has_start: false,
            metadata: None,
            abi_version: None,
            description: None,
            refusal: None,
        };
        let checked = module.check(bytes, pinned);
        if let Err(error) = &checked {
            module.refuse(error);
        }
        (module, checked)
    }

    /// Notes why the module is refused.
    pub(super) fn refuse(&mut self, error: &EngineError) {
        self.refusal = Some(Refusal { code: error.code(), message: error.to_string() });
    }

    fn check(&mut self, bytes: &[u8], pinned: Option<&str>) -> Result<(), EngineError> {
        if bytes.len() > MAX_MODULE_BYTES {
            return Err(EngineError::ModuleTooLarge { size: bytes.len(), limit: MAX_MODULE_BYTES });
        }
        // The sections are read before the pin is compared, so that a refused module can be shown.
        let memories = if bytes.starts_with(b"\0asm") {
            self.read_sections(bytes)
        } else {
            Err(EngineError::NotAModule { found: looks_like(bytes) })
        };
        self.check_pin(pinned)?;
        self.check_contract(&memories?)
    }

    fn check_pin(&self, pinned: Option<&str>) -> Result<(), EngineError> {
        let Some(pin) = pinned else { return Ok(()) };
        let wanted = pin.trim().trim_start_matches("sha256:").to_ascii_lowercase();
        if wanted.len() != 64 || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EngineError::BadPin { pin: pin.to_owned() });
        }
        if wanted == self.sha256 {
            Ok(())
        } else {
            Err(EngineError::WrongHash { found: self.sha256.clone(), pinned: wanted })
        }
    }

    fn check_contract(&self, memories: &[MemoryType]) -> Result<(), EngineError> {
        if !self.imports.is_empty() {
            return Err(EngineError::HasImports {
                imports: self.imports.iter().map(|import| format!("{}.{}", import.module, import.name)).collect(),
            });
        }
        if let Some(metadata) = &self.metadata
            && metadata.abi != abi::VERSION
        {
            return Err(EngineError::WrongVersion { found: metadata.abi, wanted: abi::VERSION });
        }
        for (name, wanted) in CONTRACT {
            match self.exports.iter().find(|export| export.name == name) {
                None => return Err(EngineError::MissingExport { name, wanted }),
                Some(export) if export.kind != wanted => {
                    return Err(EngineError::WrongExport { name, found: export.kind.clone(), wanted });
                }
                Some(_) => {}
            }
        }
        if let [memory] = memories
            && (memory.memory64 || memory.shared || memory.page_size_log2.is_some())
        {
            return Err(EngineError::WrongExport {
                name: "memory",
                found: "a 64-bit, shared or oddly paged memory".to_owned(),
                wanted: "memory",
            });
        }
        match self.memory {
            Some(memory) if memory.minimum_bytes > abi::MAX_MEMORY_BYTES as u64 => {
                Err(EngineError::MemoryTooLarge { minimum: memory.minimum_bytes, limit: abi::MAX_MEMORY_BYTES as u64 })
            }
            _ => Ok(()),
        }
    }

    /// Reads every section but the code; gives the memories that the module defines.
    fn read_sections(&mut self, bytes: &[u8]) -> Result<Vec<MemoryType>, EngineError> {
        let mut tables = Tables::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(invalid)? {
                Payload::Version { encoding: Encoding::Component, .. } => {
                    return Err(EngineError::NotAModule { found: "a WebAssembly component" });
                }
                Payload::CodeSectionEntry(body) => self.code.add(body.range().len()),
                Payload::StartSection { .. } => self.has_start = true,
                Payload::CustomSection(section) if section.name() == abi::SECTION => {
                    // A section that can't be read says nothing; `abi_version` is what counts.
                    self.metadata = serde_json::from_slice(section.data()).ok();
                }
                payload => self.read_section(payload, &mut tables)?,
            }
        }
        self.memory = tables.memories.first().map(|memory| MemorySize {
            minimum_bytes: memory.initial.saturating_mul(PAGE_BYTES),
            maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(PAGE_BYTES)),
        });
        Ok(tables.memories)
    }

    fn read_section(&mut self, payload: Payload<'_>, tables: &mut Tables) -> Result<(), EngineError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for sub in group.map_err(invalid)?.into_types() {
                        tables.types.push(match sub.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                few("imports", section.count())?;
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    if let TypeRef::Func(index) | TypeRef::FuncExact(index) = import.ty {
                        tables.functions.push(index);
                    }
                    if let TypeRef::Memory(memory) = import.ty {
                        tables.memories.push(memory);
                    }
                    self.imports.push(Import {
                        module: import.module.to_owned(),
                        name: import.name.to_owned(),
                        kind: match import.ty {
                            TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
                            TypeRef::Table(_) => "table",
                            TypeRef::Memory(_) => "memory",
                            TypeRef::Global(_) => "global",
                            TypeRef::Tag(_) => "tag",
                        },
                    });
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    tables.functions.push(index.map_err(invalid)?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    tables.memories.push(memory.map_err(invalid)?);
                }
            }
            Payload::ExportSection(section) => {
                few("exports", section.count())?;
                for export in section {
                    let export = export.map_err(invalid)?;
                    self.exports.push(Export {
                        name: export.name.to_owned(),
                        kind: match export.kind {
                            ExternalKind::Func | ExternalKind::FuncExact => tables.signature(export.index),
                            ExternalKind::Table => "table".to_owned(),
                            ExternalKind::Memory => "memory".to_owned(),
                            ExternalKind::Global => "global".to_owned(),
                            ExternalKind::Tag => "tag".to_owned(),
                        },
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The index spaces that say which type an export has.
#[derive(Default)]
struct Tables {
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    memories: Vec<MemoryType>,
}

impl Tables {
    /// The type of a function, as `(i32) -> i64`.
    fn signature(&self, function: u32) -> String {
        let known = usize::try_from(function)
            .ok()
            .and_then(|index| self.functions.get(index))
            .and_then(|index| self.types.get(usize::try_from(*index).ok()?))
            .and_then(Option::as_ref);
        let Some(function) = known else {
            return "a function of unknown type".to_owned();
        };
        let list = |types: &[wasmparser::ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match function.results() {
            [one] => format!("({}) -> {one}", list(function.params())),
            many => format!("({}) -> ({})", list(function.params()), list(many)),
        }
    }
}

/// Refuses a module with more names than are shown.
fn few(what: &str, count: u32) -> Result<(), EngineError> {
    match usize::try_from(count) {
        Ok(count) if count <= MOST_NAMES => Ok(()),
        _ => Err(EngineError::Invalid { reason: format!("it has {count} {what}; at most {MOST_NAMES} are read") }),
    }
}

fn invalid(error: wasmparser::BinaryReaderError) -> EngineError {
    EngineError::Invalid { reason: format!("{} at byte {}", error.message(), error.offset()) }
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    if bytes.is_empty() {
        "an empty file"
    } else if bytes.starts_with(b"\x7fELF") {
        "compiled code for one machine"
    } else if text.starts_with(b"(module") || text.starts_with(b";;") {
        "WebAssembly in text form"
    } else {
        "some other file"
    }
}
