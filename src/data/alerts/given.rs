//! The schema of packets that come without one, from a file of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::util::max_allocation_bytes;
use serde_json::Value;

use super::MOST_BYTES;
use super::packet::{self, Packet};
use super::schema::{ALERT, Checked, parse};
use crate::{Error, Result};

/// What stands before a packet in Kafka: 0, and the number of its schema as u32.
const WIRE: usize = 5;

/// A schema for packets that come without theirs.
#[derive(Debug)]
pub struct PacketSchema {
    path: PathBuf,
    checked: Checked,
}

impl PacketSchema {
    /// Reads an .avsc file, or a folder of them of which one is the packet's and the others
    /// define the records in it, as Rubin ships them.
    ///
    /// # Errors
    /// Where a file is no JSON, no schema is that of an alert packet, or a record in it is
    /// defined nowhere.
    pub fn read(path: &Path) -> Result<PacketSchema> {
        // Once for the process: what the library may allocate for one value.
        max_allocation_bytes(MOST_BYTES);
        let mut all = Definitions::default();
        for file in files(path)? {
            let text = std::fs::read_to_string(&file).map_err(Error::io("read", &file))?;
            let value: Value = serde_json::from_str(&text).map_err(|e| {
                Error::input(&file, "schema", e.to_string(), "an Avro schema as JSON")
            })?;
            match value {
                Value::Array(several) => several.into_iter().for_each(|one| all.add(one)),
                one => all.add(one),
            }
        }
        let refused = |found: String| Error::input(path, "schema", found, ALERT);
        let packet = all.packet().map_err(refused)?;
        let json = all.whole(packet).to_string();
        let checked = parse(json.as_bytes()).map_err(refused)?;
        Ok(PacketSchema {
            path: path.to_path_buf(),
            checked,
        })
    }

    /// The packet that `bytes`, which are called `name`, hold.
    pub(super) fn packet(&self, name: &str, bytes: &[u8]) -> Result<Packet> {
        let refused = |found: String| {
            let expected = format!("one packet of the schema in {}", self.path.display());
            Error::input(name, "packet", found, expected)
        };
        if bytes.len() > MOST_BYTES {
            return Err(refused(format!("{} bytes", bytes.len())));
        }
        let reader = GenericDatumReader::builder(&self.checked.schema).build();
        let reader = reader.map_err(|e| refused(e.to_string()))?;
        let read = |mut rest: &[u8]| {
            let packet = packet::read(&reader, &mut rest)?;
            match rest.len() {
                0 => Ok(packet),
                n => Err(format!("{n} bytes behind it")),
            }
        };
        let framed = bytes.first() == Some(&0) && bytes.len() > WIRE;
        match framed.then(|| read(&bytes[WIRE..])) {
            Some(Ok(packet)) => Ok(packet),
            // A packet without the five bytes may begin with a 0 too.
            Some(Err(found)) => read(bytes).map_err(|_| refused(found)),
            None => read(bytes).map_err(refused),
        }
    }
}

/// The file, or the .avsc files of a folder by name.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::io("read", path))? {
        let file = entry.map_err(Error::io("read", path))?.path();
        if file.extension().is_some_and(|end| end == "avsc") {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => {
            let expected = "the .avsc files of a packet and of the records in it";
            Err(Error::input(path, "folder", "no .avsc file", expected))
        }
        false => Ok(files),
    }
}

/// Named types of several files, by full name.
#[derive(Default)]
struct Definitions(BTreeMap<String, Value>);

impl Definitions {
    fn add(&mut self, one: Value) {
        if let Some(name) = full_name(&one, "") {
            self.0.insert(name, one);
        }
    }

    /// The name of the record that is a packet.
    fn packet(&self) -> std::result::Result<&str, String> {
        let is_packet = |one: &Value| {
            let fields = one.get("fields").and_then(Value::as_array);
            let mut names = fields.into_iter().flatten().filter_map(|f| f.get("name"));
            names.any(|name| name == "candidate" || name == "diaSource")
        };
        let mut all = self.0.iter().filter(|(_, one)| is_packet(one));
        match (all.next(), all.next()) {
            (Some((name, _)), None) => Ok(name),
            (Some((a, _)), Some((b, _))) => Err(format!("several packets: {a}, {b}")),
            (None, _) => {
                let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
                Err(match names.is_empty() {
                    true => "no record".into(),
                    false => format!("only {}", names.join(", ")),
                })
            }
        }
    }

    /// The schema `name` with every other one in the place where it is first used.
    fn whole(&self, name: &str) -> Value {
        let mut done = vec![name.to_string()];
        self.put(&self.0[name], "", &mut done)
    }

    fn put(&self, of: &Value, space: &str, done: &mut Vec<String>) -> Value {
        match of {
            Value::String(name) => {
                let full = match name.contains('.') || space.is_empty() {
                    true => name.clone(),
                    false => format!("{space}.{name}"),
                };
                let known = [&full, name].into_iter().find(|n| self.0.contains_key(*n));
                match known {
                    Some(known) if !done.contains(known) => {
                        done.push(known.clone());
                        self.put(&self.0[known], "", done)
                    }
                    Some(known) => Value::String(known.clone()),
                    None => of.clone(),
                }
            }
            Value::Array(all) => all.iter().map(|one| self.put(one, space, done)).collect(),
            Value::Object(map) => {
                let full = full_name(of, space);
                let inner = full.as_deref().and_then(|name| name.rsplit_once('.'));
                let space = inner.map_or(space, |(space, _)| space).to_string();
                let mut map = map.clone();
                for key in ["type", "items", "values"] {
                    if let Some(value) = map.get_mut(key) {
                        *value = self.put(value, &space, done);
                    }
                }
                for field in map
                    .get_mut("fields")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    if let Some(kind) = field.get_mut("type") {
                        *kind = self.put(kind, &space, done);
                    }
                }
                Value::Object(map)
            }
            other => other.clone(),
        }
    }
}

/// The full name of a named type that stands in `space`.
fn full_name(of: &Value, space: &str) -> Option<String> {
    let name = of.get("name")?.as_str()?;
    let space = of.get("namespace").and_then(Value::as_str).unwrap_or(space);
    Some(match name.contains('.') || space.is_empty() {
        true => name.to_string(),
        false => format!("{space}.{name}"),
    })
}
