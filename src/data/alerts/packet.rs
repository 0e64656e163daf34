//! The fields of one record that are of use; the rest is walked over.

use std::fmt;

use apache_avro::reader::datum::GenericDatumReader;
use serde::de::{EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::survey;
use crate::data::columns::known;

/// A value of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// Null, or something that is of no use.
    Nothing,
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A stamp.
    Bytes(Vec<u8>),
    /// Fields by name.
    Record(Packet),
}

/// A record's fields that were kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet(Vec<(&'static str, Field)>);

impl Packet {
    /// The field of this name, if the schema has it.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|f| f.0 == name).map(|f| &f.1)
    }

    /// The record of this name.
    pub fn record(&self, name: &str) -> Option<&Packet> {
        match self.field(name) {
            Some(Field::Record(packet)) => Some(packet),
            _ => None,
        }
    }

    /// The first of these that is a number, or NaN.
    pub fn number(&self, names: &[&str]) -> f64 {
        let one = |name: &&str| match self.field(name)? {
            Field::Integer(n) => Some(*n as f64),
            Field::Number(x) => Some(*x),
            _ => None,
        };
        let mut all = names.iter().filter_map(one);
        all.find(|x| !x.is_nan()).unwrap_or(f64::NAN)
    }

    /// [`number`](Self::number), of which 99 and -999 stand for an unknown one.
    pub fn known(&self, names: &[&str]) -> f64 {
        let value = known(self.number(names));
        if value == -999.0 { f64::NAN } else { value }
    }

    /// The first of these that is a text or a whole number other than 0, or nothing.
    pub fn text(&self, names: &[&str]) -> String {
        let one = |name: &&str| match self.field(name)? {
            Field::Integer(0) => None,
            Field::Integer(n) => Some(n.to_string()),
            Field::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        names.iter().find_map(one).unwrap_or_default()
    }
}

/// The next record of `bytes`.
pub fn read(reader: &GenericDatumReader, bytes: &mut &[u8]) -> Result<Packet, String> {
    let start = bytes.len();
    let field = reader.read_deser(bytes).map_err(|e| e.to_string())?;
    match field {
        _ if bytes.len() == start => Err("no byte of it".into()),
        Field::Record(packet) => Ok(packet),
        _ => Err("something else than a record".into()),
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(Keep)
    }
}

/// Takes what it is given; of a record the fields that are of use.
struct Keep;

impl<'de> Visitor<'de> for Keep {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of an alert")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field, E> {
        Ok(Field::Nothing)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Field, E> {
        Ok(Field::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Field, E> {
        Ok(Field::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Field, E> {
        Ok(Field::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Field, E> {
        Ok(Field::Text(value))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Field, E> {
        Ok(Field::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Field::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Known>()? {
            match name.0 {
                Some(name) => fields.push((name, map.next_value()?)),
                None => {
                    map.next_value::<Skipped>()?;
                }
            }
        }
        Ok(Field::Record(Packet(fields)))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, of: A) -> Result<Field, A::Error> {
        let (symbol, variant) = of.variant::<Symbol>()?;
        variant.unit_variant()?;
        Ok(Field::Text(symbol.0))
    }
}

/// A field's name, if it is one of those that are kept.
struct Known(Option<&'static str>);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Known, D::Error> {
        deserializer.deserialize_identifier(Name(|name: &str| {
            let place = survey::FIELDS.binary_search(&name).ok();
            Known(place.map(|place| survey::FIELDS[place]))
        }))
    }
}

/// One of the symbols of an enum.
struct Symbol(String);

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Symbol, D::Error> {
        deserializer.deserialize_identifier(Name(|name: &str| Symbol(name.into())))
    }
}

/// Makes something of a name.
struct Name<F>(F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<T, E> {
        Ok(self.0(name))
    }
}

/// A value that nobody wants. (Serde's IgnoredAny does not walk over Avro's enums
/// and field names.)
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Skipped, D::Error> {
        deserializer.deserialize_any(Skipped)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skipped, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skipped, A::Error> {
        while map.next_key::<Known>()?.is_some() {
            map.next_value::<Skipped>()?;
        }
        Ok(Skipped)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, of: A) -> Result<Skipped, A::Error> {
        of.variant::<Symbol>()?.1.unit_variant()?;
        Ok(Skipped)
    }
}
