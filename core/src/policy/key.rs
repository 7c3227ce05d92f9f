//! A policy key as data: its type, range, unit, default and meaning in one place. The structs that the rules read, the
//! checks of a policy file, its schema, forms and reference page all come from this.

use alloc::string::String;
use alloc::vec::Vec;

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number in an inclusive range.
    Whole {
        /// The smallest value allowed.
        least: u64,
        /// The largest value allowed.
        most: u64,
    },
    /// A finite number in an inclusive range; null where it may be left out.
    Real {
        /// The smallest value allowed.
        least: f64,
        /// The largest value allowed.
        most: f64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A size of memory as Spark writes it (`4g`, `512m`); null for "decided by the rules".
    Memory,
    /// Free text; null where it may be left out.
    Text,
    /// A list of texts.
    TextList,
}

/// One key of a policy file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The section it stands in, as `autoscaling.guards`.
    pub section: &'static str,
    /// Its name within the section.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The unit of the value; empty where there is none.
    pub unit: &'static str,
    /// The built-in default, as written in a policy file.
    pub default: &'static str,
    /// What it means, for the person who writes the file.
    pub doc: &'static str,
}

impl Key {
    /// The key's full path within an `optimization` block, as `autoscaling.max_executors`.
    #[must_use]
    pub fn path(&self) -> String {
        [self.section, self.name].join(".")
    }
}

/// A Rust type that a policy value can have.
pub(super) trait KeyType {
    /// The kind that a key of this type has when its declaration names no range.
    const KIND: Kind;
}

/// `kind` with its range narrowed to `least..=most`, for the kinds that have one.
pub(super) const fn ranged(kind: Kind, least: f64, most: f64) -> Kind {
    match kind {
        Kind::Whole { .. } => Kind::Whole { least: least as u64, most: most as u64 },
        Kind::Real { .. } => Kind::Real { least, most },
        other => other,
    }
}

impl KeyType for u32 {
    const KIND: Kind = Kind::Whole { least: 0, most: u32::MAX as u64 };
}
impl KeyType for f64 {
    const KIND: Kind = Kind::Real { least: f64::MIN, most: f64::MAX };
}
impl KeyType for Option<f64> {
    const KIND: Kind = f64::KIND;
}
impl KeyType for bool {
    const KIND: Kind = Kind::Flag;
}
impl KeyType for Option<String> {
    const KIND: Kind = Kind::Text;
}
impl KeyType for String {
    const KIND: Kind = Kind::Text;
}
impl KeyType for Option<crate::units::Bytes> {
    const KIND: Kind = Kind::Memory;
}
impl KeyType for Vec<String> {
    const KIND: Kind = Kind::TextList;
}

/// Declares a section of the policy: its struct, its defaults and its rows in the key table.
macro_rules! section {
    (
        $(#[$meta:meta])* $name:ident at $path:literal, keys $keys:ident {
            $( #[doc = $doc:literal] $field:ident : $type:ty = $default:expr
               $(; from $least:literal to $most:literal)? $(; unit $unit:literal)? , )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(default)]
        pub struct $name { $( #[doc = $doc] pub $field: $type, )* }

        impl Default for $name {
            fn default() -> Self { Self { $( $field: $default, )* } }
        }

        $crate::members::read_over_defaults!($name { $($field,)* });

        /// The keys of this section, in the order of its fields.
        pub const $keys: &[$crate::policy::key::Key] = &[
            $( $crate::policy::key::Key {
                section: $path,
                name: stringify!($field),
                kind: section!(@kind $type $(, $least, $most)?),
                unit: section!(@unit $($unit)?),
                default: stringify!($default),
                doc: $doc,
            }, )*
        ];
    };
    (@unit $unit:literal) => { $unit };
    (@unit) => { "" };
    (@kind $type:ty, $least:literal, $most:literal) => {
        $crate::policy::key::ranged(<$type as $crate::policy::key::KeyType>::KIND, $least as f64, $most as f64)
    };
    (@kind $type:ty) => { <$type as $crate::policy::key::KeyType>::KIND };
}

/// Declares a word-valued key type: the enum with its words in a policy file, and its kind.
macro_rules! choice {
    ( $(#[$meta:meta])* $name:ident { $($variants:tt)+ } ) => {
        $crate::words::words! { $(#[$meta])* $name { $($variants)+ } }

        impl $crate::policy::key::KeyType for $name {
            const KIND: $crate::policy::key::Kind = $crate::policy::key::Kind::Choice(Self::WORDS);
        }
    };
}

pub(super) use {choice, section};
