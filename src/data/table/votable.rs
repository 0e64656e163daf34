//! VOTables: <https://ivoa.net/documents/VOTable/>. XML is read by quick-xml as a stream.

use std::io::BufRead;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::builder::{Builder, Place, of_chosen};
use super::content::open_text;
use super::votable_binary::{self, Binary};
use super::{Choose, Table, finished, several};
use crate::data::ids::{F32_BITS, F64_BITS};
use crate::{Error, Result};

/// Columns that are believed.
const MOST_FIELDS: usize = 10_000;

/// What a FIELD says of a column.
#[derive(Clone, Debug, Default)]
pub struct Field {
    pub name: String,
    /// boolean, short, int, long, float, double, char, ….
    pub datatype: String,
    /// Empty for one value.
    pub arraysize: String,
    /// The text that stands for no value.
    pub null: Option<String>,
}

impl Field {
    /// Whether each cell is text.
    pub fn is_text(&self) -> bool {
        matches!(self.datatype.as_str(), "char" | "unicodeChar")
    }

    /// Whether a cell is one value, or a text.
    fn is_scalar(&self) -> bool {
        self.is_text() || matches!(self.arraysize.as_str(), "" | "1")
    }

    /// Adds a cell of TABLEDATA.
    fn put(&self, cell: &str, builder: &mut Builder, path: &Path, row: Place) -> Result<()> {
        if self.is_text() {
            return builder.text(cell, path, row);
        }
        let cell = cell.trim();
        if cell.is_empty() || self.null.as_deref() == Some(cell) {
            return builder.text("", path, row);
        }
        match self.datatype.as_str() {
            "boolean" => match cell.to_ascii_lowercase().as_str() {
                "t" | "true" | "1" => builder.text("1", path, row),
                "f" | "false" | "0" => builder.text("0", path, row),
                "?" => builder.text("", path, row),
                _ => builder.text(cell, path, row),
            },
            "float" | "double" => {
                let bits = if self.datatype == "float" {
                    F32_BITS
                } else {
                    F64_BITS
                };
                match cell.parse() {
                    Ok(value) => builder.number(value, bits, path, row),
                    Err(_) => builder.text(cell, path, row),
                }
            }
            // Integers may be hexadecimal.
            _ => match cell
                .strip_prefix("0x")
                .map(|hex| u64::from_str_radix(hex, 16))
            {
                Some(Ok(value)) => builder.text(&value.to_string(), path, row),
                _ => builder.text(cell, path, row),
            },
        }
    }
}

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    let mut reader = Reader::from_reader(open_text(path)?);
    reader.config_mut().expand_empty_elements = true;
    let read = Parser {
        path,
        reader,
        buffer: Vec::new(),
    };
    read.tables(choose)
}

struct Parser<'a, R> {
    path: &'a Path,
    reader: Reader<R>,
    buffer: Vec<u8>,
}

/// What happens in a table as far as it matters.
enum Element {
    Begin(String, Attributes),
    End(String),
    Text(String),
    /// The end of the file.
    Over,
}

/// The attributes that are looked at.
type Attributes = Vec<(String, String)>;

fn attribute(attributes: &Attributes, name: &str) -> Option<String> {
    let found = attributes.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.trim().to_string())
}

impl<R: BufRead> Parser<'_, R> {
    fn wrong(&self, found: impl Into<String>, expected: &str) -> Error {
        let place = format!("byte {}", self.reader.buffer_position());
        Error::input(self.path, place, found, expected)
    }

    fn next(&mut self) -> Result<Element> {
        loop {
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event.into_owned(),
                Err(e) => return Err(self.wrong(e.to_string(), "a whole VOTable")),
            };
            let text = |text: String| Ok(Element::Text(text));
            return match event {
                Event::Start(start) => {
                    let attributes = attributes(&start);
                    let name = start.local_name().as_ref().to_string();
                    match attributes {
                        Ok(attributes) => Ok(Element::Begin(name, attributes)),
                        Err(e) => Err(self.wrong(e, "a whole VOTable")),
                    }
                }
                Event::End(end) => Ok(Element::End(end.local_name().as_ref().to_string())),
                Event::Text(part) => text(part.xml10_content().into_owned()),
                Event::CData(part) => text(part.into_inner().into_owned()),
                Event::GeneralRef(reference) => match resolved(&reference) {
                    Some(part) => text(part),
                    None => {
                        let found = format!("&{};", &*reference);
                        Err(self.wrong(found, "an entity of XML"))
                    }
                },
                Event::Eof => Ok(Element::Over),
                _ => continue,
            };
        }
    }

    /// Reads to the end, the table with the wanted columns on the way.
    fn tables(mut self, choose: Choose) -> Result<Table> {
        let mut fields: Vec<Field> = Vec::new();
        let mut found: Option<(usize, Table)> = None;
        let mut refused = None;
        let (mut count, mut depth) = (0, 0_usize);
        let mut rows = None;
        loop {
            match self.next()? {
                Element::Begin(name, attributes) => {
                    depth += 1;
                    match name.as_str() {
                        "TABLE" => {
                            count += 1;
                            fields.clear();
                            rows = attribute(&attributes, "nrows");
                        }
                        "FIELD" if fields.len() >= MOST_FIELDS => {
                            return Err(self.wrong("more than 10,000 fields", "fewer"));
                        }
                        "FIELD" => fields.push(Field {
                            name: attribute(&attributes, "name")
                                .or_else(|| attribute(&attributes, "ID"))
                                .unwrap_or_default(),
                            datatype: attribute(&attributes, "datatype").unwrap_or_default(),
                            arraysize: attribute(&attributes, "arraysize").unwrap_or_default(),
                            null: None,
                        }),
                        "VALUES" => {
                            if let Some(field) = fields.last_mut() {
                                field.null = attribute(&attributes, "null");
                            }
                        }
                        "DATA" => {
                            let names: Vec<String> =
                                fields.iter().map(|field| field.name.clone()).collect();
                            let table = format!("table {count}");
                            match choose(&names) {
                                Ok(_) if found.is_some() => {
                                    let first = found.map_or(0, |(first, _)| first);
                                    return Err(several(
                                        self.path,
                                        &[format!("table {first}"), table],
                                    ));
                                }
                                Ok(chosen) => {
                                    let data = self.data(&fields, &names, &chosen)?;
                                    check_rows(self.path, rows.as_deref(), data.rows)?;
                                    found = Some((count, data));
                                    // Its end was read.
                                    depth -= 1;
                                }
                                Err(error) => refused = refused.or(Some(error)),
                            }
                        }
                        _ => {}
                    }
                }
                Element::End(_) => depth = depth.saturating_sub(1),
                Element::Text(_) => {}
                Element::Over if depth > 0 => {
                    return Err(self.wrong("its end", "a whole VOTable; it may be truncated"));
                }
                Element::Over => break,
            }
        }
        match (found, refused) {
            (Some((_, table)), _) => Ok(table),
            (None, Some(error)) => Err(error),
            (None, None) => {
                let found = "a VOTable without a TABLE that has DATA";
                Err(Error::input(self.path, "file", found, "one with rows"))
            }
        }
    }

    /// What stands in DATA, to its end.
    fn data(
        &mut self,
        fields: &[Field],
        names: &[String],
        chosen: &[(usize, super::Kind)],
    ) -> Result<Table> {
        let (places, mut builders) = of_chosen(names, chosen);
        for &at in &places {
            let field = &fields[at];
            if !field.is_scalar() {
                let found = format!("arrays of {}", field.datatype);
                let place = format!("column {}", field.name);
                return Err(Error::input(
                    self.path,
                    place,
                    found,
                    "one value in each row",
                ));
            }
        }
        let mut rows = 0;
        loop {
            match self.next()? {
                Element::Begin(name, _) => match name.as_str() {
                    "TABLEDATA" => {
                        rows = self.table_data(fields, &places, &mut builders)?;
                    }
                    "BINARY" | "BINARY2" => {
                        let bytes = self.stream()?;
                        let binary = Binary {
                            path: self.path,
                            fields,
                            places: &places,
                            nulls: name == "BINARY2",
                        };
                        rows = votable_binary::read(&binary, &bytes, &mut builders)?;
                    }
                    "FITS" => {
                        let found = "FITS inside a VOTable";
                        return Err(self.wrong(found, "TABLEDATA, BINARY or BINARY2"));
                    }
                    _ => {}
                },
                Element::End(name) if name == "DATA" => break,
                Element::End(_) | Element::Text(_) => {}
                Element::Over => {
                    return Err(self.wrong("its end", "a whole VOTable; it may be truncated"));
                }
            }
        }
        Ok(finished(self.path, rows, builders))
    }

    fn table_data(
        &mut self,
        fields: &[Field],
        places: &[usize],
        builders: &mut [Builder],
    ) -> Result<usize> {
        let mut rows = 0;
        let mut cells: Vec<String> = Vec::with_capacity(fields.len());
        let mut inside = false;
        loop {
            match self.next()? {
                Element::Begin(name, attributes) => match name.as_str() {
                    "TR" => cells.clear(),
                    "TD" if cells.len() >= fields.len() => {
                        let found = format!("more than {} cells", fields.len());
                        let place = format!("row {}", rows + 1);
                        return Err(Error::input(self.path, place, found, "as many as fields"));
                    }
                    "TD" => {
                        if let Some(encoding) = attribute(&attributes, "encoding") {
                            let found = format!("a cell in {encoding}");
                            return Err(self.wrong(found, "cells as text"));
                        }
                        inside = true;
                        cells.push(String::new());
                    }
                    _ => {}
                },
                Element::Text(text) if inside => {
                    if let Some(cell) = cells.last_mut() {
                        *cell += &text;
                    }
                }
                Element::Text(_) => {}
                Element::End(name) => match name.as_str() {
                    "TD" => inside = false,
                    "TR" => {
                        rows += 1;
                        let place = || format!("row {rows}");
                        if cells.len() != fields.len() {
                            let found = format!("{} cells", cells.len());
                            let expected = format!("{}, as there are fields", fields.len());
                            return Err(Error::input(self.path, place(), found, expected));
                        }
                        for (&at, builder) in places.iter().zip(builders.iter_mut()) {
                            fields[at].put(&cells[at], builder, self.path, &place)?;
                        }
                    }
                    "TABLEDATA" => return Ok(rows),
                    _ => {}
                },
                Element::Over => {
                    return Err(self.wrong("its end", "a whole VOTable; it may be truncated"));
                }
            }
        }
    }

    /// The text of the STREAM in BINARY.
    fn stream(&mut self) -> Result<String> {
        let mut base64 = String::new();
        loop {
            match self.next()? {
                Element::Begin(name, attributes) if name == "STREAM" => {
                    let encoding = attribute(&attributes, "encoding");
                    if attribute(&attributes, "href").is_some()
                        || encoding.as_deref() != Some("base64")
                    {
                        let found = "rows in another file, or not in base64";
                        return Err(self.wrong(found, "a STREAM in base64"));
                    }
                }
                Element::Begin(..) => {}
                Element::Text(text) => {
                    base64.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
                }
                Element::End(name) if name == "BINARY" || name == "BINARY2" => return Ok(base64),
                Element::End(_) => {}
                Element::Over => {
                    return Err(self.wrong("its end", "a whole VOTable; it may be truncated"));
                }
            }
        }
    }
}

/// An error if a table has other rows than it says.
fn check_rows(path: &Path, said: Option<&str>, found: usize) -> Result<()> {
    match said.and_then(|said| said.parse::<usize>().ok()) {
        Some(said) if said != found => {
            let found = format!("{found} rows");
            let expected = format!("{said} (nrows); the file may be truncated");
            Err(Error::input(path, "TABLE", found, expected))
        }
        _ => Ok(()),
    }
}

fn attributes(start: &BytesStart) -> std::result::Result<Attributes, String> {
    let mut attributes = Attributes::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|e| e.to_string())?;
        attributes.push((attribute.key.as_ref().to_string(), value.into_owned()));
    }
    Ok(attributes)
}

/// What `&name;` or `&#number;` stands for.
fn resolved(reference: &BytesRef) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => Some(c.to_string()),
        Ok(None) => quick_xml::escape::resolve_predefined_entity(reference).map(String::from),
        Err(_) => None,
    }
}
