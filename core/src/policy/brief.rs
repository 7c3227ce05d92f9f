//! A policy as JSON, and as what `load` of the policy module needs to read of it: what is built in is left out.

use alloc::vec::Vec;

use serde_json::Value;

use super::ResolvedPolicy;
use crate::abi::codes;
use crate::json::read;

impl ResolvedPolicy {
    /// This policy as JSON for `load`, without the values that are the defaults, since those are in the module: every fresh
    /// instance reads it, and a policy differs from the defaults in a few keys only.
    #[must_use]
    pub fn brief_json(&self) -> Vec<u8> {
        let mut brief = self.values();
        leave_out(&mut brief, &Self::default().values());
        serde_json::to_vec(&brief).unwrap_or_default()
    }

    /// Every key's value, in an object for each section.
    ///
    /// By way of the text: a policy has many members, and each more serializer of them is a hundredth of the page.
    #[must_use]
    pub fn values(&self) -> Value {
        serde_json::to_string(self).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// The policy that has these values, what is missing being as built in; none when a value is not of its key's type.
    ///
    /// Read as a module reads one: another reader of so many members would be another hundredth of the page.
    #[must_use]
    pub fn of_values(values: &Value) -> Option<Self> {
        read(&serde_json::to_vec(values).ok()?, codes::BAD_POLICY).ok()
    }
}

fn leave_out(from: &mut Value, what: &Value) {
    if let (Value::Object(from), Value::Object(what)) = (from, what) {
        from.retain(|key, mine| {
            let Some(default) = what.get(key) else { return true };
            leave_out(mine, default);
            mine != default && !(default.is_object() && mine.as_object().is_some_and(|left| left.is_empty()))
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString as _;

    use super::*;
    use crate::policy::{CacheStrategy, Layer};

    #[test]
    fn the_built_in_policy_needs_no_words() {
        assert_eq!(ResolvedPolicy::default().brief_json(), b"{}");
    }

    #[test]
    fn what_is_left_out_is_what_the_reader_fills_in() {
        let mut policy = ResolvedPolicy { environment: "production".into(), ..ResolvedPolicy::default() };
        policy.temp_tables.cache_strategy = CacheStrategy::Never;
        policy.autoscaling.executor_scaling_factor = 0.1 + 0.2;
        policy.temp_tables.cache_queries_except.clear();
        policy.temp_tables.cache_queries_except.push("staging".into());
        policy.origins.insert("temp_tables.cache_strategy".to_string(), Layer::Override);
        let brief = policy.brief_json();
        assert!(brief.len() < 300, "{}", alloc::string::String::from_utf8_lossy(&brief));
        assert_eq!(serde_json::from_slice::<ResolvedPolicy>(&brief).unwrap(), policy);
    }
}
