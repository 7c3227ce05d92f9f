//! The exports of the contract, the allocator and the metadata section.
#![allow(
    unsafe_code,
    reason = "exports by name and buffers by address can't be had without; each use says why it is sound"
)]

extern crate alloc;

use alloc::alloc::{Layout, alloc as allocate, dealloc};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ptr;

use sparkwright_core::abi::{self, Loaded, codes};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::evaluate::{self, Prepared};

const NAME: &str = "sparkwright-policy";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One instance serves one application; a few policies at a time are for comparing them.
const MAX_POLICIES: usize = 16;

const METADATA_JSON: &str =
    concat!(r#"{"name":"sparkwright-policy","version":""#, env!("CARGO_PKG_VERSION"), r#"","abi":1}"#);

// SAFETY: the name is no section of WebAssembly's own; on this target it makes a custom section, which holds plain bytes
// and is never executed.
#[allow(clippy::indexing_slicing, reason = "by the compiler, which refuses a place that is not there")]
#[used]
#[unsafe(link_section = "sparkwright")]
static METADATA: [u8; METADATA_JSON.len()] = {
    let mut bytes = [0; METADATA_JSON.len()];
    let (mut place, text) = (0, METADATA_JSON.as_bytes());
    while place < bytes.len() {
        bytes[place] = text[place];
        place += 1;
    }
    bytes
};

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The policies that were loaded; the handle of one is its place, counted from 1.
struct Policies(UnsafeCell<Vec<Prepared>>);

// SAFETY: this target has no threads, and the contract has an instance used by one caller at a time.
unsafe impl Sync for Policies {}

static POLICIES: Policies = Policies(UnsafeCell::new(Vec::new()));

#[unsafe(no_mangle)]
extern "C" fn abi_version() -> i32 {
    abi::VERSION
}

#[unsafe(no_mangle)]
extern "C" fn alloc(len: usize) -> *mut u8 {
    if len == 0 || len > abi::MAX_INPUT_BYTES {
        return ptr::null_mut();
    }
    match Layout::from_size_align(len, 1) {
        // SAFETY: the size is not 0.
        Ok(layout) => unsafe { allocate(layout) },
        Err(_) => ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn free(ptr: *mut u8, len: usize) {
    if ptr.is_null() || len == 0 {
        return;
    }
    if let Ok(layout) = Layout::from_size_align(len, 1) {
        // SAFETY: by the contract, `ptr` and `len` are those of one `alloc` or of one answer, both of which were allocated
        // with this layout, and are given back once.
        unsafe { dealloc(ptr, layout) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn load(ptr: *const u8, len: usize) -> u64 {
    // SAFETY: the contract's promise on inputs.
    let json = unsafe { input(ptr, len) };
    // SAFETY: no other reference lives: no call runs within another, and none keeps one.
    let policies = unsafe { &mut *POLICIES.0.get() };
    give(
        load_into(policies, json)
            .map_or_else(|error| evaluate::error_envelope(&error), |loaded| evaluate::ok_envelope(&loaded)),
    )
}

fn load_into(policies: &mut Vec<Prepared>, json: &[u8]) -> Result<Loaded, ErrorBody> {
    if policies.len() >= MAX_POLICIES {
        return Err(ErrorBody::new(
            codes::TOO_MANY_POLICIES,
            alloc::format!("{MAX_POLICIES} policies are loaded, and no more can be"),
        ));
    }
    policies.push(Prepared::from_json(json)?);
    Ok(Loaded { handle: i32::try_from(policies.len()).unwrap_or(i32::MAX) })
}

#[unsafe(no_mangle)]
extern "C" fn eval(handle: i32, point: i32, ptr: *const u8, len: usize) -> u64 {
    // SAFETY: the contract's promise on inputs.
    let json = unsafe { input(ptr, len) };
    // SAFETY: no other reference lives: no call runs within another, and none keeps one.
    let policies = unsafe { &*POLICIES.0.get() };
    let prepared = usize::try_from(handle).ok().and_then(|handle| policies.get(handle.checked_sub(1)?));
    give(match prepared {
        Some(prepared) => evaluate::evaluate_number(prepared, point, json),
        None => evaluate::error_envelope(&ErrorBody::new(
            codes::UNKNOWN_HANDLE,
            alloc::format!("no policy was loaded under the handle {handle}"),
        )),
    })
}

#[unsafe(no_mangle)]
extern "C" fn describe() -> u64 {
    give(evaluate::describe(NAME, VERSION))
}

/// The input at `ptr`.
///
/// # Safety
/// `len` bytes at `ptr` are the caller's and aren't written during the call; `len` 0 goes with any `ptr`.
unsafe fn input<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    if ptr.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise; every byte of linear memory is initialised, and a length above half of it traps.
    unsafe { core::slice::from_raw_parts(ptr, len) }
}

/// Hands an answer over to the caller, who frees it.
fn give(answer: Vec<u8>) -> u64 {
    // A boxed slice has just its length as its layout, which is what `free` gives back.
    let answer = alloc::boxed::Box::leak(answer.into_boxed_slice());
    let (ptr, len) = (answer.as_mut_ptr() as usize, answer.len());
    // Addresses and lengths have 32 bits on this target.
    abi::pack(ptr as u32, len as u32)
}
