//! Questions of `plan_query`.
#![no_main]

use sparkwright_core::abi::DecisionPoint;

libfuzzer_sys::fuzz_target!(|question: &[u8]| sparkwright_fuzz::checks::ask(DecisionPoint::PlanQuery, question));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    sparkwright_fuzz::mutate(data, size, most, seed)
});
