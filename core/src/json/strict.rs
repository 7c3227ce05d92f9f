//! JSON read as the contract means it: an object is an object, and a word is a word.
//!
//! serde lets a list of values stand for an object's members in their order, and `{"speed": null}` for the word `"speed"`.
//! No host writes questions like that, so a question that looks so is a mistake and not a question. Leaving those forms
//! out also makes the module a quarter smaller: each would be compiled for every type.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};

/// Reads a `T` from the whole of `json`; what has a list in an object's place, or an enum's variant with data, is no `T`.
///
/// # Errors
/// What is wrong with it.
pub fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(Strict(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// A reader, list, object or seed of which everything below is read strictly too.
struct Strict<T>(T);

macro_rules! as_it_is {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
                self.0.$method(visitor)
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    as_it_is! {
        deserialize_any deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_option(Strict(visitor))
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_seq(Strict(visitor))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(Strict(visitor))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_str(Word(visitor, PhantomData))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(reader))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(elements))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(members))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(reader))
    }
}

/// One of a few words.
struct Word<'de, V>(V, PhantomData<&'de ()>);

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    #[inline]
    fn visit_str<E: Error>(self, word: &str) -> Result<V::Value, E> {
        self.0.visit_enum(word.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use super::from_slice;
    use crate::units::Bytes;
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Speed {
        Fast,
        Slow,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Thing {
        name: String,
        speed: Option<Speed>,
        size: Option<Bytes>,
        share: f64,
        inner: Vec<Thing>,
        named: BTreeMap<String, Thing>,
    }

    fn read(json: &str) -> Result<Thing, String> {
        from_slice(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn good_json_is_read_as_ever() {
        for json in [
            "{}",
            r#" {"name":"ä\u00e4\"","speed":"fast","size":7,"share":1.5,"unknown":[{"x":[]}]} "#,
            r#"{"speed":null,"size":null,"inner":[{"speed":"slow"},{}],"named":{"a":{"share":2},"b":{"inner":[{}]}}}"#,
            r#"{"size":18446744073709551615}"#,
        ] {
            assert_eq!(read(json).as_ref(), Ok(&serde_json::from_str(json).expect("it is good")), "{json}");
        }
    }

    #[test]
    fn other_forms_are_refused_at_any_depth() {
        for (json, why) in [
            ("[]", "invalid type: sequence, expected struct Thing"),
            (r#"{"inner":[["x"]]}"#, "invalid type: sequence, expected struct Thing"),
            (r#"{"named":{"a":[]}}"#, "invalid type: sequence, expected struct Thing"),
            (r#"{"speed":{"fast":null}}"#, "invalid type: map, expected enum Speed"),
            (r#"{"inner":[{"speed":{"slow":null}}]}"#, "invalid type: map, expected enum Speed"),
            (r#"{"speed":"faster"}"#, "unknown variant `faster`, expected `fast` or `slow`"),
            (r#"{"size":1.5}"#, "invalid type: floating point `1.5`, expected u64"),
            (r#"{"name":1,"name":2}"#, "invalid type: integer `1`, expected a string"),
            (r#"{"share":1,"share":2}"#, "duplicate field `share`"),
            ("{} {}", "trailing characters"),
            ("", "EOF while parsing a value"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.starts_with(why), "{json}: {error}");
        }
    }
}
