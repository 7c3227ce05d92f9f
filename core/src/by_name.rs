//! Values by name, in the order of their names: what an object with free names is in JSON.
//!
//! There are few of them, so a sorted list is as fast as a tree, and its code a tenth of a tree's for each type of value.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::marker::PhantomData;
use core::{fmt, ops, slice};

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// More names than this are no question of ours; it bounds the time that unsorted names take.
pub const MOST_NAMES: usize = 10_000;

/// Values by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByName<T>(Vec<(String, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ByName<T> {
    /// No values.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }

    /// Gives `name` a value; the value that it had is lost.
    pub fn insert(&mut self, name: String, value: T) {
        let place = match self.0.last() {
            // Names come sorted as a rule.
            Some((last, _)) if *last >= name => self.place(&name),
            _ => Err(self.0.len()),
        };
        match place {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        let at = self.place(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether `name` has a value.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.into_iter()
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, by name.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<T> ops::Index<&str> for ByName<T> {
    type Output = T;

    /// # Panics
    /// When `name` has no value.
    #[allow(clippy::panic, reason = "as the maps of the standard library")]
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(value) => value,
            None => panic!("there is no `{name}`"),
        }
    }
}

impl<T> FromIterator<(String, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        let mut named = Self::new();
        named.extend(entries);
        named
    }
}

impl<T> Extend<(String, T)> for ByName<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl<T> IntoIterator for ByName<T> {
    type Item = (String, T);
    type IntoIter = vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a ByName<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = core::iter::Map<slice::Iter<'a, (String, T)>, fn(&'a (String, T)) -> (&'a String, &'a T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = ByName<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ByName<T>, A::Error> {
                let mut named = ByName::new();
                while let Some(name) = members.next_key::<String>()? {
                    if named.len() >= MOST_NAMES {
                        return Err(A::Error::custom("there are too many names"));
                    }
                    named.insert(name, members.next_value()?);
                }
                Ok(named)
            }
        }
        reader.deserialize_map(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_a_tree_would_be(entries in prop::collection::vec(("[a-d]{0,2}", any::<u8>()), 0..40), asked in "[a-d]{0,2}") {
            let tree: BTreeMap<String, u8> = entries.iter().cloned().collect();
            let named: ByName<u8> = entries.into_iter().collect();
            prop_assert_eq!(named.get(&asked), tree.get(&asked));
            prop_assert_eq!(named.contains_key(&asked), tree.contains_key(&asked));
            prop_assert_eq!(named.len(), tree.len());
            prop_assert!(named.iter().eq(tree.iter()));
            let json = serde_json::to_string(&named).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(serde_json::from_str::<ByName<u8>>(&json).unwrap(), named);
        }
    }

    #[test]
    fn the_last_of_several_values_counts_and_names_are_bounded() {
        let named: ByName<u8> = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).unwrap();
        assert_eq!((named["a"], named["b"]), (2, 3));
        let many: BTreeMap<String, u8> = (0..=MOST_NAMES).map(|n| (n.to_string(), 0)).collect();
        assert!(serde_json::from_str::<ByName<u8>>(&serde_json::to_string(&many).unwrap()).is_err());
        assert!(serde_json::from_str::<ByName<u8>>("[]").is_err());
    }
}
