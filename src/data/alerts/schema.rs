//! A writer's schema, checked once and shared by the containers that have it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use apache_avro::Schema;
use apache_avro::schema::{DecimalSchema, InnerDecimalSchema, Name, RecordField, UuidSchema};

use super::MOST_BYTES;
use super::container::Container;
use super::survey;
use crate::{Error, Result};

/// Schemas that are kept; a night has one or two.
const KEPT: usize = 8;

/// Records, lists and unions within each other that are believed.
const DEEPEST: usize = 64;

/// Values without a byte (null outside a union) in a record that are believed.
const MOST_EMPTY: usize = 256;

/// A schema that a packet can be read with.
#[derive(Debug)]
pub struct Checked {
    /// As the library parsed it.
    pub schema: Schema,
}

/// One schema as JSON, with what came of it.
type Known = (Arc<[u8]>, Arc<std::result::Result<Checked, String>>);

/// Schemas that were met, so that a night's packets parse theirs once.
#[derive(Default)]
pub struct Schemas(Mutex<Vec<Known>>);

impl Schemas {
    /// The schema of `container`.
    pub fn get(&self, container: &Container) -> Result<SharedSchema> {
        let json = &container.schema;
        let found = {
            let known = self.0.lock().unwrap_or_else(|e| e.into_inner());
            known.iter().find(|k| k.0 == *json).map(|k| k.1.clone())
        };
        let found = found.unwrap_or_else(|| {
            let parsed = Arc::new(parse(json));
            let mut known = self.0.lock().unwrap_or_else(|e| e.into_inner());
            if known.len() >= KEPT {
                known.remove(0);
            }
            known.push((json.clone(), parsed.clone()));
            parsed
        });
        if let Err(found) = found.as_ref() {
            return Err(Error::input(
                &container.name,
                "schema",
                found.clone(),
                ALERT,
            ));
        }
        Ok(SharedSchema(found))
    }
}

/// A schema that was found good.
pub struct SharedSchema(Arc<std::result::Result<Checked, String>>);

impl std::ops::Deref for SharedSchema {
    type Target = Checked;

    fn deref(&self) -> &Checked {
        match self.0.as_ref() {
            Ok(checked) => checked,
            Err(_) => unreachable!("made of a good one"),
        }
    }
}

/// What the schema of a packet must be.
pub const ALERT: &str = "an alert packet: a record candidate (ZTF, DECam) or diaSource (Rubin) with \
                         an id, a position, a time, a magnitude and a filter, and cutouts beside it";

/// The schema in `json`, checked.
pub fn parse(json: &[u8]) -> Found<Checked> {
    let text = std::str::from_utf8(json).map_err(|e| format!("no text ({e})"))?;
    let schema = Schema::parse_str(text).map_err(|e| format!("no schema ({e})"))?;
    let Schema::Record(record) = &schema else {
        return Err("no record".into());
    };
    if Walk::default().size(&schema)?.empty > MOST_EMPTY {
        return Err("more than 256 fields that take no byte".into());
    }
    match survey::fault(&schema, &record.fields) {
        Some(fault) => Err(fault),
        None => Ok(Checked { schema }),
    }
}

/// What a value of a schema takes.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Bytes at least.
    least: usize,
    /// Values that take none.
    empty: usize,
    /// Records, lists and unions within each other.
    height: usize,
}

impl Size {
    fn of(bytes: usize) -> Found<Size> {
        match bytes > MOST_BYTES {
            true => Err(format!("a value of {bytes} bytes")),
            false => Ok(Size {
                least: bytes,
                empty: usize::from(bytes == 0),
                height: 0,
            }),
        }
    }

    /// Something with such values inside.
    fn around(self, inner: usize) -> Found<Size> {
        let height = inner + 1;
        match height > DEEPEST {
            true => Err(format!("values within values, more than {DEEPEST} deep")),
            false => Ok(Size { height, ..self }),
        }
    }
}

pub type Found<T> = std::result::Result<T, String>;

/// A walk through a schema, that finds what a reader would go on at without end:
/// records that hold themselves, and lists of values that take no byte. Each
/// named type is walked once.
#[derive(Default)]
struct Walk<'a> {
    sizes: HashMap<&'a Name, Size>,
}

impl<'a> Walk<'a> {
    fn size(&mut self, schema: &'a Schema) -> Found<Size> {
        let (name, size) = match schema {
            // Defined before, or a record that is not at its end yet.
            Schema::Ref { name } => {
                let size = self.sizes.get(name).copied();
                return size.ok_or_else(|| format!("a record {name} that holds itself"));
            }
            Schema::Null => (None, Size::of(0)?),
            Schema::Float => (None, Size::of(4)?),
            Schema::Double => (None, Size::of(8)?),
            Schema::Fixed(of)
            | Schema::Duration(of)
            | Schema::Uuid(UuidSchema::Fixed(of))
            | Schema::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Fixed(of),
                ..
            }) => (Some(&of.name), Size::of(of.size)?),
            Schema::Enum(of) => (Some(&of.name), Size::of(1)?),
            Schema::Array(array) => {
                let item = self.size(&array.items)?;
                if item.least == 0 {
                    return Err("a list of values that take no byte".into());
                }
                (None, Size::of(1)?.around(item.height)?)
            }
            Schema::Map(map) => {
                let value = self.size(&map.types)?;
                (None, Size::of(1)?.around(value.height)?)
            }
            Schema::Union(union) => (None, self.union(union.variants())?),
            Schema::Record(record) => (Some(&record.name), self.record(&record.fields)?),
            _ => (None, Size::of(1)?),
        };
        if let Some(name) = name {
            self.sizes.insert(name, size);
        }
        Ok(size)
    }

    fn union(&mut self, variants: &'a [Schema]) -> Found<Size> {
        let (mut empty, mut height) = (0, 0);
        for variant in variants {
            let size = self.size(variant)?;
            height = height.max(size.height);
            // The number of the variant is a byte: null is not for nothing here.
            if !matches!(variant, Schema::Null) {
                empty = empty.max(size.empty);
            }
        }
        let size = Size {
            least: 1,
            empty,
            height: 0,
        };
        size.around(height)
    }

    fn record(&mut self, fields: &'a [RecordField]) -> Found<Size> {
        let (mut sum, mut height) = (Size::default(), 0);
        for field in fields {
            let size = self.size(&field.schema)?;
            sum.least = sum.least.saturating_add(size.least);
            sum.empty = sum.empty.saturating_add(size.empty);
            height = height.max(size.height);
        }
        sum.empty += usize::from(sum.least == 0);
        sum.around(height)
    }
}
