//! Decisions as data: an answer is declared once, and everything that shows, records or applies its decisions goes by the declaration.
//!
//! A declaration names the member, its title, its unit and the Spark keys that it sets. From it follow the answer's struct and schema
//! (`answer!`) and [`Answer::decisions`]: the record, the command, the page and the Python package list what that gives and
//! nothing of their own. `core/tests/decisions.rs` holds answers to it.

mod declared;
mod listed;
mod made;
mod value;

pub use declared::Declared;
pub use listed::Listed;
pub use made::{Made, Set, Told};
pub use value::Value;

use alloc::vec::Vec;

/// An answer that holds decisions.
pub trait Answer {
    /// The decisions that it may hold, in the order in which people read them.
    const DECISIONS: &'static [Declared];

    /// The decisions that it holds, in that order.
    fn decisions(&self) -> Vec<Made<'_>>;
}

/// Declares an answer: its struct, and which of its members are decisions.
///
/// A member with a title is a decision: `member: Decision<T>` or `Option<Decision<T>>`, `= "Title" in Unit`, then the keys that it
/// sets. `as name` gives it another name than the member's. The struct's `confs` tells which keys were set.
macro_rules! answer {
    (
        $(#[$meta:meta])*
        $name:ident at $point:ident {
            $(
                $(#[$of:meta])*
                $member:ident: $type:ty $(= $title:literal $(as $alias:literal)? in $unit:ident $(sets [$($key:ident),+ $(,)?])?)?;
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name {
            $( $(#[$of])* pub $member: $type, )+
        }

        impl $crate::decision::Answer for $name {
            const DECISIONS: &'static [$crate::decision::Declared] = &[
                $( $( $crate::decision::Declared {
                    point: $crate::abi::DecisionPoint::$point,
                    name: $crate::decision::name_of!($member $($alias)?),
                    title: $title,
                    unit: $crate::trace::Unit::$unit,
                    sets: &[$( $($crate::confs::$key),+ )?],
                }, )? )+
            ];

            fn decisions(&self) -> alloc::vec::Vec<$crate::decision::Made<'_>> {
                use $crate::decision::{Confs as _, Member as _};
                let said = [$( $( { let _ = $title; self.$member.said() }, )? )+];
                let set = |key: &str| self.value_of(key);
                Self::DECISIONS
                    .iter()
                    .zip(said)
                    .filter_map(|(declared, said)| Some($crate::decision::Made::new(declared, said?, set)))
                    .collect()
            }
        }
    };
}

/// The name of a decision: its member's, unless it has another.
macro_rules! name_of {
    ($member:ident) => {
        stringify!($member)
    };
    ($member:ident $alias:literal) => {
        $alias
    };
}

pub(crate) use made::{Confs, Member, Said};
pub(crate) use {answer, name_of};
