//! Enums whose values are words: in JSON, in policy files, in addresses and forms, the same word everywhere.

/// Declares an enum, the word of each of its values, and the ways between the two.
macro_rules! words {
    ( $(#[$meta:meta])* $name:ident { $( $(#[$of_variant:meta])* $variant:ident = $word:literal ),+ $(,)? } ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $( $(#[$of_variant])* #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// Every word, in the order of the declaration.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The word for it, as everything that is written names it.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $( Self::$variant => $word, )+ } }

            /// The value that `word` names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> { match word { $( $word => Some(Self::$variant), )+ _ => None } }
        }
    };
}

pub(crate) use words;
