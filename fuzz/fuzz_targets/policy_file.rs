//! A policy file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sparkwright_fuzz::checks::policy_file(text));
