//! Tables as text.

use std::io::{BufRead, Read};
use std::path::Path;

use super::content::{not_text, open_text};
use super::{Builder, Choose, Table, builders, finished};
use crate::{Error, Result};

/// Bytes of a line of names that are believed.
const LONGEST_LINE: u64 = 1 << 20;

/// Reads a table with a line of names, separated by commas, tabs, semicolons or blanks
/// (as the line of names is). Lines above it that begin with `#` are comments, but the names may
/// stand in the first line behind a `#`, as astropy's commented header has them.
pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    let mut file = open_text(path)?;
    let mut number = 0;
    let mut commented = None;
    let names = loop {
        let mut line = String::new();
        // Without an end to it, it is none of names.
        let read = file.by_ref().take(LONGEST_LINE).read_line(&mut line);
        if read.map_err(not_text(path))? == 0 {
            match commented.take() {
                // A header alone: a table of no rows.
                Some(names) => break names,
                None => {
                    let expected = "a table with a line of names";
                    return Err(Error::input(path, "file", "no line of names", expected));
                }
            }
        }
        number += 1;
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            // ECSV's comments are no header, and the names stand below them.
            if number == 1 && !comment.trim_start().starts_with('%') {
                let names = comment.trim();
                let found = Separator::of(names);
                // Behind a sentence stands another header.
                if next_is_data(&mut file, path, found, names)? {
                    break names.to_string();
                }
                commented = Some(names.to_string());
            }
            continue;
        }
        if !line.is_empty() {
            break line.to_string();
        }
    };
    let separator = Separator::of(&names);
    let names = separator.split(&names);
    let (places, builders) = builders(&names, choose)?;
    let rest = Rest {
        path,
        names: names.len(),
        places,
        builders,
        number,
    };
    match separator {
        Separator::Blanks => rest.blanks(file),
        Separator::Char(c) => rest.separated(file, c),
    }
}

/// Whether the next line has as many fields as `names` and is no comment.
fn next_is_data(
    file: &mut impl BufRead,
    path: &Path,
    separator: Separator,
    names: &str,
) -> Result<bool> {
    let buffer = file.fill_buf().map_err(not_text(path))?;
    let line = buffer.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let fields = separator.split(line.trim());
    Ok(!line.trim_start().starts_with('#') && fields.len() == separator.split(names).len())
}

#[derive(Clone, Copy)]
enum Separator {
    Char(u8),
    Blanks,
}

impl Separator {
    fn of(names: &str) -> Separator {
        let found = [b',', b'\t', b';']
            .into_iter()
            .find(|&c| names.as_bytes().contains(&c));
        // A single name has none: then commas do no harm.
        match found {
            Some(c) => Separator::Char(c),
            None if names.contains(' ') => Separator::Blanks,
            None => Separator::Char(b','),
        }
    }

    fn split(self, line: &str) -> Vec<String> {
        match self {
            Separator::Blanks => blank_fields(line),
            Separator::Char(c) => {
                let mut reader = csv::ReaderBuilder::new();
                let reader = reader.has_headers(false).delimiter(c);
                let mut records = reader.from_reader(line.as_bytes()).into_records();
                // A text in memory has no other error than bytes that are no text.
                let record = records.next().and_then(|record| record.ok());
                let record = record.unwrap_or_default();
                record.iter().map(|field| field.trim().into()).collect()
            }
        }
    }
}

/// Fields between blanks; one in double quotes may hold blanks, and a quote as two.
fn blank_fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            fields.push(rest[..end].to_string());
            rest = rest[end..].trim_start();
            continue;
        };
        let mut field = String::new();
        let mut chars = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((at, c)) = chars.next() {
            match (c, chars.peek()) {
                ('"', Some((_, '"'))) => {
                    field.push('"');
                    chars.next();
                }
                ('"', _) => {
                    end = at + 1;
                    break;
                }
                _ => field.push(c),
            }
        }
        fields.push(field);
        rest = quoted[end..].trim_start();
    }
    fields
}

/// The lines below the names.
struct Rest<'a> {
    path: &'a Path,
    names: usize,
    places: Vec<usize>,
    builders: Vec<Builder>,
    /// Lines so far.
    number: u64,
}

impl Rest<'_> {
    fn blanks(mut self, file: impl BufRead) -> Result<Table> {
        let mut rows = 0;
        for line in file.lines() {
            let line = line.map_err(not_text(self.path))?;
            self.number += 1;
            let number = self.number;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields = blank_fields(&line);
            if fields.len() != self.names {
                return Err(self.wrong_count(number, fields.len()));
            }
            for (&at, builder) in self.places.iter().zip(&mut self.builders) {
                builder.text(&fields[at], self.path, &|| format!("line {number}"))?;
            }
            rows += 1;
        }
        Ok(finished(self.path, rows, self.builders))
    }

    fn separated(mut self, file: impl Read, separator: u8) -> Result<Table> {
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).delimiter(separator);
        // No comments any more: an id may begin with #.
        let mut reader = reader.flexible(true).from_reader(file);
        let mut record = csv::ByteRecord::new();
        let mut rows = 0;
        let (path, before) = (self.path, self.number);
        loop {
            let more = reader
                .read_byte_record(&mut record)
                .map_err(|e| Error::io("read", path)(std::io::Error::other(e)))?;
            if !more {
                break;
            }
            let line = before + record.position().map_or(0, csv::Position::line);
            if record.len() == 1 && record[0].trim_ascii().is_empty() {
                continue;
            }
            if record.len() != self.names {
                return Err(self.wrong_count(line, record.len()));
            }
            for (&at, builder) in self.places.iter().zip(&mut self.builders) {
                let cell = std::str::from_utf8(&record[at]).map_err(|_| {
                    let place = format!("line {line}");
                    let expected = "text as UTF-8, or as UTF-16 with a byte order mark";
                    Error::input(path, place, "bytes that are no UTF-8", expected)
                })?;
                builder.text(cell, path, &|| format!("line {line}"))?;
            }
            rows += 1;
        }
        Ok(finished(path, rows, self.builders))
    }

    fn wrong_count(&self, line: u64, found: usize) -> Error {
        let expected = format!("{}, as there are names", self.names);
        Error::input(
            self.path,
            format!("line {line}"),
            format!("{found} fields"),
            expected,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::blank_fields;

    #[test]
    fn fields_between_blanks_as_astropy_quotes_them() {
        assert_eq!(blank_fields("a  b c"), ["a", "b", "c"]);
        assert_eq!(
            blank_fields(r#""my file" "" "a ""b""" 7"#),
            ["my file", "", r#"a "b""#, "7"]
        );
    }
}
