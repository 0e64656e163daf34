//! VOTable 1.4: <https://ivoa.net/documents/VOTable/20191021/>

use std::io::{self, Write};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::columns::{self, COLUMNS, Column, Kind};
use super::{ScoreWriter, Scored};
use crate::{Error, Result};

/// The elements around the rows.
const AROUND: [&str; 5] = ["VOTABLE", "RESOURCE", "TABLE", "DATA", "TABLEDATA"];

/// A VOTable with its rows as text; what is not known is an empty cell.
pub struct VoTable<'a, W: Write> {
    xml: Writer<W>,
    path: &'a Path,
}

impl<'a, W: Write> VoTable<'a, W> {
    pub fn new(out: W, path: &'a Path, score_name: &str) -> Result<VoTable<'a, W>> {
        let mut table = VoTable {
            xml: Writer::new(out),
            path,
        };
        let begun = table.begin(score_name);
        begun.map_err(Error::io("write", path))?;
        Ok(table)
    }

    fn begin(&mut self, score_name: &str) -> io::Result<()> {
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        self.xml.write_event(Event::Decl(declaration))?;
        for name in AROUND {
            let mut element = BytesStart::new(name);
            match name {
                "VOTABLE" => {
                    element.push_attribute(("version", "1.4"));
                    element.push_attribute(("xmlns", "http://www.ivoa.net/xml/VOTable/v1.3"));
                }
                "RESOURCE" => element.push_attribute(("type", "results")),
                "TABLE" => element.push_attribute(("name", "scores")),
                "DATA" => {
                    for column in &COLUMNS {
                        self.field(column, score_name)?;
                    }
                }
                _ => {}
            }
            self.xml.write_event(Event::Start(element))?;
            self.newline()?;
        }
        Ok(())
    }

    fn field(&mut self, column: &Column, score_name: &str) -> io::Result<()> {
        let name = valid(columns::name(column, score_name));
        let mut field = BytesStart::new("FIELD");
        field.push_attribute(("name", name.as_str()));
        field.push_attribute(("ucd", column.ucd));
        let datatype = match column.kind {
            Kind::Text => "unicodeChar",
            Kind::Number => "double",
            Kind::Label => "short",
            Kind::Flag => "boolean",
        };
        field.push_attribute(("datatype", datatype));
        if column.kind == Kind::Text {
            field.push_attribute(("arraysize", "*"));
        }
        if !column.unit.is_empty() {
            field.push_attribute(("unit", column.unit));
        }
        self.xml.write_event(Event::Start(field))?;
        self.element("DESCRIPTION", column.about)?;
        self.xml.write_event(Event::End(BytesEnd::new("FIELD")))?;
        self.newline()
    }

    fn element(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.xml.write_event(Event::Start(BytesStart::new(name)))?;
        self.xml.write_event(Event::Text(BytesText::new(text)))?;
        self.xml.write_event(Event::End(BytesEnd::new(name)))
    }

    fn newline(&mut self) -> io::Result<()> {
        self.xml.get_mut().write_all(b"\n")
    }

    fn rows(&mut self, rows: &[Scored]) -> io::Result<()> {
        for row in rows {
            self.xml.write_event(Event::Start(BytesStart::new("TR")))?;
            for column in &COLUMNS {
                let text = columns::text((column.value)(row)).unwrap_or_default();
                self.element("TD", &valid(&text))?;
            }
            self.xml.write_event(Event::End(BytesEnd::new("TR")))?;
            self.newline()?;
        }
        self.xml.get_mut().flush()
    }

    fn end(&mut self) -> io::Result<()> {
        for name in AROUND.iter().rev() {
            self.xml.write_event(Event::End(BytesEnd::new(*name)))?;
            self.newline()?;
        }
        self.xml.get_mut().flush()
    }
}

impl<W: Write> ScoreWriter for VoTable<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        self.rows(rows).map_err(Error::io("write", self.path))
    }

    fn finish(&mut self) -> Result<()> {
        self.end().map_err(Error::io("write", self.path))
    }
}

/// Text with what XML cannot hold, not even escaped, replaced.
fn valid(text: &str) -> String {
    let allowed = |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    let or_replaced = |c: char| {
        if allowed(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    text.chars().map(or_replaced).collect()
}
