//! Comparison of bytes, eight at a time.
//!
//! Nothing is done as often as comparing names: of members, of keys, of rules. The compiler's own `memcmp` goes byte by byte on this target; a
//! decision takes 3 to 6 % less time with this one.
#![allow(unsafe_code, reason = "the compiler calls it by name and gives it addresses; each use says why it is sound")]

use core::cmp::Ordering;

const WORD: usize = size_of::<u64>();

/// The C library's `memcmp`. The compiler's own gives way to any other; being called by name, it is among the module's exports too.
///
/// # Safety
/// `length` bytes can be read at `left` and at `right`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut at = 0;
    while at + WORD <= length {
        // SAFETY: the word ends within the caller's `length` bytes, and is read at any alignment.
        let (a, b) =
            unsafe { (left.add(at).cast::<u64>().read_unaligned(), right.add(at).cast::<u64>().read_unaligned()) };
        if a != b {
            // The first byte that differs counts, and it is the highest of a big-endian number.
            return sign(u64::from_be(a).cmp(&u64::from_be(b)));
        }
        at += WORD;
    }
    while at < length {
        // SAFETY: within the caller's `length` bytes.
        let (a, b) = unsafe { (left.add(at).read(), right.add(at).read()) };
        if a != b {
            return sign(a.cmp(&b));
        }
        at += 1;
    }
    0
}

const fn sign(order: Ordering) -> i32 {
    order as i32
}
