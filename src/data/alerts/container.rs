//! Avro's container format: a header with the schema, then blocks of records.
//!
//! The library reads every value. The frame around the blocks is walked here, so
//! that blocks are decoded in parallel, a long file is never held whole, and no
//! length in a file is believed before its bytes are there.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::str::FromStr;
use std::sync::Arc;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::util::max_allocation_bytes;
use apache_avro::{Codec, Schema};

use super::packet::{self, Packet};
use super::schema::Checked;
use super::{AVRO, MOST_BYTES, unreadable};
use crate::data::npy;
use crate::data::rows::Row;
use crate::{Error, Result};

/// Bytes at the end of each block.
const MARKER: usize = 16;

/// What a container's header says.
#[derive(Clone)]
pub struct Container {
    /// Its path, or its archive's with its name in it behind.
    pub name: String,
    /// The label of its candidates, where its folder says so.
    pub label: Option<u8>,
    /// The schema as JSON.
    pub schema: Arc<[u8]>,
    codec: Codec,
    marker: [u8; MARKER],
}

/// Records that were written together.
pub struct Block {
    /// How many it says there are.
    pub count: usize,
    /// How many stand before it in the container.
    pub first: usize,
    /// How many stand before the container in its file.
    pub before: usize,
    /// The records, as the codec packed them.
    pub bytes: Vec<u8>,
}

impl Block {
    /// Whether it is the first of its container.
    pub fn is_first(&self) -> bool {
        self.first == 0
    }

    /// How many records stand before it in the file.
    fn place(&self) -> usize {
        self.before.saturating_add(self.first)
    }
}

/// The containers of a file, one after the other: more than one where files were joined by
/// `cat`.
pub struct Containers {
    name: String,
    label: Option<u8>,
    current: Option<Container>,
    /// Records of the current one and of those before it that were passed.
    first: usize,
    before: usize,
}

impl Containers {
    /// Those of the file `name`, from its beginning.
    pub fn new(name: String, label: Option<u8>) -> Containers {
        Containers {
            name,
            label,
            current: None,
            first: 0,
            before: 0,
        }
    }

    /// The next block with its container; `None` at the end of the file.
    pub fn next(&mut self, reader: &mut impl BufRead) -> Result<Option<(Container, Block)>> {
        loop {
            let container = match &self.current {
                Some(container) => container,
                None => {
                    let name = self.name.clone();
                    self.current
                        .insert(Container::begin(name, self.label, reader)?)
                }
            };
            let place = (self.before, self.first);
            match container.next(reader, place)? {
                Next::Block(block) => {
                    self.first = self.first.saturating_add(block.count);
                    return Ok(Some((container.clone(), block)));
                }
                Next::Container => {
                    self.before = self.before.saturating_add(self.first);
                    self.first = 0;
                    self.current = None;
                }
                Next::End => return Ok(None),
            }
        }
    }
}

/// What follows in a container.
enum Next {
    Block(Block),
    /// The header of another container.
    Container,
    End,
}

impl Container {
    /// Reads the header.
    fn begin(name: String, label: Option<u8>, reader: &mut impl BufRead) -> Result<Container> {
        // Once for the process: what the library may allocate for one value.
        max_allocation_bytes(MOST_BYTES);
        let refused = |place: &str, found: String, expected: &str| {
            Error::input(&name, place.to_string(), found, expected)
        };
        let start =
            take(reader, AVRO.len()).map_err(|e| refused("start of the file", e, AVRO_TEXT))?;
        if start != AVRO {
            return Err(not_avro(&name, start, reader));
        }
        let map = Schema::map(Schema::Bytes).build();
        let header = match value(&map, reader) {
            Ok(Value::Map(map)) => map,
            Ok(_) => HashMap::new(),
            Err(e) => return Err(refused("header", e, "Avro's schema and codec")),
        };
        let text = |key: &str| match header.get(key) {
            Some(Value::Bytes(bytes)) => Some(&bytes[..]),
            _ => None,
        };
        let schema = text("avro.schema")
            .ok_or_else(|| refused("header", "no avro.schema".into(), "the schema"))?;
        let codec = match text("avro.codec") {
            None => Codec::Null,
            Some(codec) => std::str::from_utf8(codec)
                .ok()
                .and_then(|codec| Codec::from_str(codec).ok())
                .ok_or_else(|| {
                    let found = format!("codec {}", npy::printable(codec));
                    refused("header", found, "null, deflate or snappy")
                })?,
        };
        let marker = take(reader, MARKER).map_err(|e| refused("header", e, "a marker"))?;
        Ok(Container {
            schema: schema.into(),
            codec,
            marker: marker.try_into().unwrap_or_default(),
            name,
            label,
        })
    }

    /// What comes next, behind `first` records of this container and `before` in others.
    fn next(&self, reader: &mut impl BufRead, (before, first): (usize, usize)) -> Result<Next> {
        let refused = |found: String| {
            let place = format!("block behind record {}", before.saturating_add(first));
            let expected = "a whole container; it may be truncated";
            Error::input(&self.name, place, found, expected)
        };
        let rest = reader.fill_buf().map_err(|e| refused(e.to_string()))?;
        match rest.first() {
            None => return Ok(Next::End),
            // No block begins so: it would have -40 records.
            Some(byte) if *byte == AVRO[0] => return Ok(Next::Container),
            Some(_) => {}
        }
        let count = long(reader).map_err(refused)?;
        let length = long(reader).map_err(refused)?;
        let sensible = |n: i64, most: usize| usize::try_from(n).ok().filter(|&n| n <= most);
        let (Some(count), Some(length)) = (
            // A record has a byte at least.
            sensible(count, MOST_BYTES),
            sensible(length, MOST_BYTES),
        ) else {
            return Err(refused(format!("{count} records in {length} bytes")));
        };
        let bytes = take(reader, length).map_err(refused)?;
        let marker = take(reader, MARKER).map_err(refused)?;
        if marker != self.marker {
            return Err(refused("another marker than the header's".into()));
        }
        Ok(Next::Block(Block {
            count,
            first,
            before,
            bytes,
        }))
    }

    /// The records of `block`, each as `row` makes one of it and of the words
    /// that say which record it is (none for the only one). Behind a record that
    /// cannot be read no other is found: one row stands for the rest.
    pub fn packets(
        &self,
        block: &Block,
        schema: &Checked,
        row: impl Fn(&Packet, &str) -> Row,
    ) -> Vec<Row> {
        let failed = |place: String, found: String| {
            let expected = "a record of the container's schema";
            vec![unreadable(
                &self.name,
                &Error::input(&self.name, place, found, expected),
            )]
        };
        let mut bytes = block.bytes.clone();
        if let Err(error) = self.codec.decompress(&mut bytes) {
            return failed(
                format!("block behind record {}", block.place()),
                error.to_string(),
            );
        }
        let reader = match GenericDatumReader::builder(&schema.schema).build() {
            Ok(reader) => reader,
            Err(error) => return failed("schema".into(), error.to_string()),
        };
        let mut rest = &bytes[..];
        let mut rows = Vec::new();
        for index in 0..block.count {
            let number = block.place().saturating_add(index + 1);
            let left = block.count - index - 1;
            match packet::read(&reader, &mut rest) {
                Ok(packet) => {
                    let alone = block.place() == 0 && block.count == 1;
                    let place = if alone {
                        String::new()
                    } else {
                        format!("record {number}: ")
                    };
                    rows.push(row(&packet, &place));
                }
                Err(found) => {
                    let place = match left {
                        0 => format!("record {number}"),
                        _ => format!("record {number} and the {left} behind it"),
                    };
                    rows.extend(failed(place, found));
                    return rows;
                }
            }
        }
        if !rest.is_empty() {
            let place = format!("block behind record {}", block.place());
            let found = format!("{} bytes behind its {} records", rest.len(), block.count);
            rows.extend(failed(place, found));
        }
        rows
    }
}

const AVRO_TEXT: &str = "an Avro container (Obj, then 1)";

/// What stands there instead of a container.
fn not_avro(name: &str, mut start: Vec<u8>, reader: &mut impl BufRead) -> Error {
    start.extend(reader.fill_buf().unwrap_or_default().iter().take(60));
    if start.starts_with(crate::data::options::LFS) {
        return crate::data::options::lfs_error(name.as_ref());
    }
    if let [0, a, b, c, d, ..] = start[..] {
        let number = u32::from_be_bytes([a, b, c, d]);
        let found = format!("a packet without its schema (Kafka's wire format, schema {number})");
        let expected = format!(
            "{AVRO_TEXT}, which has its schema with it; for this one give the schema: --schema \
             FILE.avsc, or a folder of .avsc files"
        );
        return Error::input(name, "start of the file", found, expected);
    }
    let found = npy::printable(&start);
    Error::input(name, "start of the file", found, AVRO_TEXT)
}

/// `count` bytes, or how many there were.
fn take(reader: &mut impl BufRead, count: usize) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = reader.take(count as u64).read_to_end(&mut bytes);
    read.map_err(|e| e.to_string())?;
    match bytes.len() {
        n if n == count => Ok(bytes),
        0 if count == AVRO.len() => Err("an empty file".into()),
        n => Err(format!("{n} bytes where there should be {count}")),
    }
}

fn value(schema: &Schema, reader: &mut impl Read) -> std::result::Result<Value, String> {
    let datum = GenericDatumReader::builder(schema).build();
    let value = datum.and_then(|datum| datum.read_value(reader));
    value.map_err(|e| e.to_string())
}

fn long(reader: &mut impl Read) -> std::result::Result<i64, String> {
    match value(&Schema::Long, reader)? {
        Value::Long(n) => Ok(n),
        other => Err(format!("{other:?}")),
    }
}
