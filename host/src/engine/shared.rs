//! What every instance of a module shares, found out once.

use std::sync::Arc;

use wasmtime::{InstancePre, Module, ModuleExport, StoreLimits};

use super::EngineInner;
use super::error::EngineError;
use super::inspect::Inspection;

/// What every instance of a module shares.
pub(super) struct Shared {
    pub(super) engine: Arc<EngineInner>,
    pub(super) pre: InstancePre<StoreLimits>,
    pub(super) exports: Exports,
    pub(super) inspection: Inspection,
    pub(super) compiled: Compiled,
}

/// Where each export stands, looked up once.
pub(super) struct Exports {
    pub(super) memory: ModuleExport,
    pub(super) abi_version: ModuleExport,
    pub(super) alloc: ModuleExport,
    pub(super) free: ModuleExport,
    pub(super) load: ModuleExport,
    pub(super) eval: ModuleExport,
    pub(super) describe: ModuleExport,
}

impl Exports {
    pub(super) fn of(module: &Module) -> Result<Self, EngineError> {
        let find = |name: &'static str| {
            module
                .get_export_index(name)
                // Can't happen: the inspection found it.
                .ok_or(EngineError::MissingExport { name, wanted: name })
        };
        Ok(Self {
            memory: find("memory")?,
            abi_version: find("abi_version")?,
            alloc: find("alloc")?,
            free: find("free")?,
            load: find("load")?,
            eval: find("eval")?,
            describe: find("describe")?,
        })
    }
}

/// Where a module's compiled code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiled {
    /// Compiled now; no cache was asked for.
    Now,
    /// Compiled now and kept for the next start.
    NowAndKept,
    /// Compiled now; the cache couldn't be used, which says why.
    NowBecause(String),
    /// Taken from the cache.
    FromCache,
}
