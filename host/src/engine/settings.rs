//! wasmtime's settings: the same for whoever compiles a module and whoever runs it.

use rustix::process::{Resource, getrlimit};
use sparkwright_core::abi;
use wasmtime::{Config, Enabled, Engine, OptLevel, PoolingAllocationConfig};

/// The most elements that all tables of an instance may have.
pub(super) const MAX_TABLE_ELEMENTS: usize = 16 * 1024;

/// Instances that can be alive at a time.
const MAX_INSTANCES: u32 = 64;

/// The stack of a running module.
const STACK_BYTES: usize = 512 * 1024;

/// Memory of a finished instance that is wiped and kept rather than given back to the system.
const KEEP_RESIDENT: usize = 512 * 1024;

/// What engines of ours differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Whether work is counted as fuel.
    pub(super) metered: bool,
    /// Whether address space for a whole 32-bit memory an instance is reserved.
    pub(super) reserve: bool,
}

/// An engine of that kind.
pub(super) fn engine(kind: Kind) -> wasmtime::Result<Engine> {
    Engine::new(&config(kind))
}

fn config(kind: Kind) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(abi::MAX_MEMORY_BYTES)
        .max_unused_warm_slots(4)
        // Where the kernel can say which pages were written (Linux 6.7), only those are wiped.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 * 1024);
    let mut config = Config::new();
    config
        .allocation_strategy(pool)
        .epoch_interruption(true)
        .consume_fuel(kind.metered)
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK_BYTES)
        // Nobody reads a module's backtrace; without names there is nothing to read.
        .wasm_backtrace_max_frames(None)
        // Off: whatever may give different results on different machines, and whatever no policy module needs.
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    if !kind.reserve {
        config.memory_reservation(abi::MAX_MEMORY_BYTES as u64).memory_guard_size(64 * 1024);
    }
    // What a memory begins with is mapped out of a file that is in memory only, and `ulimit -f` counts that too.
    config.memory_init_cow(getrlimit(Resource::Fsize).current.is_none());
    config
}
