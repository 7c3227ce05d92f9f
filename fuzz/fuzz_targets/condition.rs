//! The condition of a rule.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| sparkwright_fuzz::checks::condition(text));
