//! A resolved policy, as the policy module loads it.
#![no_main]

libfuzzer_sys::fuzz_target!(|policy: &[u8]| sparkwright_fuzz::checks::load(policy));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    sparkwright_fuzz::mutate(data, size, most, seed)
});
