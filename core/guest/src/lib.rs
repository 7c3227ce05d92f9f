//! policy.wasm: the decisions of `sparkwright-core` behind the contract of `sparkwright_core::abi`.
//!
//! Nothing is decided here. The exports turn pointer and length into bytes, call the core, and hand the answer's bytes
//! over. Built for another target than WebAssembly the crate is empty.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod compare;
#[cfg(target_arch = "wasm32")]
mod exports;
