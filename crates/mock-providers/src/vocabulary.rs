//! The words of an enumeration, taken from the type itself, so that whoever lists them cannot forget one.

use serde::{
    Deserialize, Deserializer,
    de::{
        Visitor,
        value::{Error, StrDeserializer},
    },
    forward_to_deserialize_any,
};

/// Takes the variants that a derived reader names and reads nothing.
struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        Err(serde::de::Error::custom("only listening"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("no enumeration"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What the variants of an enumeration are called in JSON; none for another type.
pub(crate) fn words_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut words: &'static [&'static str] = &[];
    // It never succeeds: the words are what is wanted.
    let _heard = T::deserialize(Listener(&mut words)).is_err();
    words
}

/// The variant of that name.
pub(crate) fn named<'de, T: Deserialize<'de>>(word: &'de str) -> Option<T> {
    T::deserialize(StrDeserializer::<Error>::new(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alipay::AlipayOddity, settings::WechatSigner};

    #[test]
    fn the_words_are_those_that_are_read() {
        let words = words_of::<WechatSigner>();
        assert_eq!(words, ["merchant", "certificate", "public_key", "mixed", "certificates_mixed"]);
        assert_eq!(named("mixed"), Some(WechatSigner::Mixed));
        assert_eq!(named::<WechatSigner>("other"), None);
        assert!(words_of::<AlipayOddity>().contains(&"no_fund_change"));
        assert!(words_of::<String>().is_empty());
    }
}
