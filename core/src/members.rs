//! Reads an object's members over the defaults of a struct: what is absent keeps its default, what is unknown is skipped.
//!
//! It is what `#[serde(default)]` does, in half the code: that holds every member aside until all are read, for each struct anew. The
//! module is a tenth smaller for it.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

/// The name of a member, as its place among the names; their number for one that is none of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    /// All names, in the order in which they are written.
    pub(crate) names: &'static [&'static str],
    /// Where to look first: after the last member that was read.
    pub(crate) from: usize,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<usize, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let (before, after) = self.names.split_at_checked(self.from).unwrap_or((self.names, &[]));
        let place = |among: &[&str]| among.iter().position(|known| *known == name);
        let found = place(after).map(|at| self.from + at).or_else(|| place(before));
        Ok(found.unwrap_or(self.names.len()))
    }
}

/// The members that were read already.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Whether the member at this place is read for the first time.
    pub(crate) const fn first(&mut self, at: usize) -> bool {
        let bit = 1_u64 << at;
        let first = self.0 & bit == 0;
        self.0 |= bit;
        first
    }
}

/// Implements `Deserialize` for a struct with defaults.
macro_rules! read_over_defaults {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
                enum Place { $($field,)* }
                const NAMES: &[&str] = &[$(stringify!($field),)*];
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<$name, A::Error> {
                        // All places fit one word of marks.
                        const { assert!(NAMES.len() < 64) };
                        let mut value = $name::default();
                        // Every member is among the names.
                        let $name { $($field: _,)* } = &value;
                        let mut seen = $crate::members::Seen::default();
                        let mut name = $crate::members::Name { names: NAMES, from: 0 };
                        while let Some(at) = members.next_key_seed(name)? {
                            name.from = at + 1;
                            match at {
                                $(at if at == Place::$field as usize => {
                                    if !seen.first(at) {
                                        return Err(serde::de::Error::duplicate_field(stringify!($field)));
                                    }
                                    value.$field = members.next_value()?;
                                })*
                                _ => {
                                    members.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(value)
                    }
                }
                reader.deserialize_struct(stringify!($name), NAMES, Members)
            }
        }
    };
}

pub(crate) use read_over_defaults;
