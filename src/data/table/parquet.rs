//! Parquet, flat columns of numbers, texts and flags.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::{Choose, Table, builders, finished};
use crate::data::caught::caught;
use crate::data::ids::{F16_BITS, F32_BITS, F64_BITS};
use crate::{Error, Result};

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    // The crate trusts a footer that may be broken.
    caught(|| read_trusting(path, choose)).unwrap_or_else(|| {
        let found = "data that the Parquet reader fails on";
        Err(Error::input(path, "file", found, "a whole Parquet file"))
    })
}

fn read_trusting(path: &Path, choose: Choose) -> Result<Table> {
    let wrong = |e: ParquetError| Error::input(path, "file", e.to_string(), "a Parquet file");
    let file = File::open(path).map_err(Error::io("open", path))?;
    let reader = SerializedFileReader::new(file).map_err(wrong)?;
    let root = reader.metadata().file_metadata().schema().clone();
    let fields: Vec<Arc<Type>> = root.get_fields().to_vec();
    let names: Vec<String> = fields.iter().map(|f| f.name().to_string()).collect();
    let (places, mut builders) = builders(&names, choose)?;
    if let Some(&nested) = places.iter().find(|&&at| fields[at].is_group()) {
        let place = format!("column {}", names[nested]);
        return Err(Error::input(path, place, "a nested column", "a flat one"));
    }
    // A projection keeps the file's order, whatever was asked for.
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places[i]);
    order.dedup_by_key(|i| places[*i]);
    let wanted = order.iter().map(|&i| fields[places[i]].clone());
    let projection = Type::group_type_builder(root.name())
        .with_fields(wanted.collect())
        .build()
        .map_err(wrong)?;
    let mut rows = 0;
    for row in reader.get_row_iter(Some(projection)).map_err(wrong)? {
        let row = row.map_err(wrong)?;
        rows += 1;
        for (position, (name, field)) in row.get_column_iter().enumerate() {
            let place = places[order[position]];
            let place_of = || format!("row {rows}");
            for (&at, builder) in places.iter().zip(&mut builders) {
                if at != place {
                    continue;
                }
                match number(field) {
                    Some((value, bits)) => builder.number(value, bits, path, &place_of)?,
                    None => match field {
                        Field::Null => builder.text("", path, &place_of)?,
                        Field::Str(text) => builder.text(text, path, &place_of)?,
                        Field::Bytes(bytes) => {
                            let text = bytes.as_utf8().map_err(|_| {
                                let place = format!("row {rows}, column {name}");
                                Error::input(path, place, "bytes that are no UTF-8", "a text")
                            })?;
                            builder.text(text, path, &place_of)?;
                        }
                        Field::Long(n) => builder.text(&n.to_string(), path, &place_of)?,
                        Field::ULong(n) => builder.text(&n.to_string(), path, &place_of)?,
                        Field::Bool(flag) => {
                            builder.text(&u8::from(*flag).to_string(), path, &place_of)?;
                        }
                        _ => {
                            let place = format!("row {rows}, column {name}");
                            let expected = "a number or a text";
                            return Err(Error::input(path, place, field.to_string(), expected));
                        }
                    },
                }
            }
        }
    }
    Ok(finished(path, rows, builders))
}

/// Numbers that an f64 holds, with the bits of fraction of their type; integers of 64 bits may
/// be ids and go by their digits.
fn number(field: &Field) -> Option<(f64, u32)> {
    Some(match field {
        Field::Byte(n) => (f64::from(*n), F64_BITS),
        Field::Short(n) => (f64::from(*n), F64_BITS),
        Field::Int(n) => (f64::from(*n), F64_BITS),
        Field::UByte(n) => (f64::from(*n), F64_BITS),
        Field::UShort(n) => (f64::from(*n), F64_BITS),
        Field::UInt(n) => (f64::from(*n), F64_BITS),
        Field::Float16(n) => (f64::from(f32::from(*n)), F16_BITS),
        Field::Float(n) => (f64::from(*n), F32_BITS),
        Field::Double(n) => (*n, F64_BITS),
        _ => return None,
    })
}
