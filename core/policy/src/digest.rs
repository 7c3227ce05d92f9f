//! SHA-256, the name of a policy: of the bytes that its author wrote, and of what they resolve to.

use core::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use sparkwright_core::policy::ResolvedPolicy;

/// The SHA-256 of `bytes` in 64 lower-case hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String has no way to fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The canonical form of a resolved policy: JSON with the keys in the order of the key table and no blanks. The same policy
/// has the same bytes on every platform.
#[must_use]
pub fn canonical(policy: &ResolvedPolicy) -> String {
    // INVARIANT: every number of a resolved policy is finite and every map key is text, so JSON can hold it.
    serde_json::to_string(policy).unwrap_or_default()
}

/// The SHA-256 of a resolved policy's canonical form.
#[must_use]
pub fn resolved_digest(policy: &ResolvedPolicy) -> String {
    digest(canonical(policy).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1, and the empty text.
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn the_canonical_form_comes_back_as_it_was() {
        let policy = ResolvedPolicy::default();
        let text = canonical(&policy);
        assert!(text.starts_with(r#"{"environment":"","autoscaling":{"enable_autoscaling":true"#), "{text}");
        assert_eq!(serde_json::from_str::<ResolvedPolicy>(&text).ok(), Some(policy));
    }
}
