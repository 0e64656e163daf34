//! Catalogues of true positions as tables.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::{Pair, Truth};
use crate::data::exposure::stem;
use crate::data::options::refuse_lfs_pointer;
use crate::data::table::{self, Cells, Content, Kind, column};
use crate::{Error, Result};

/// Names of columns, in any case.
const RA: &[&str] = &[
    "ra",
    "ra_deg",
    "raj2000",
    "_raj2000",
    "alpha_j2000",
    "radeg",
];
const DEC: &[&str] = &[
    "dec",
    "dec_deg",
    "dej2000",
    "_dej2000",
    "delta_j2000",
    "decdeg",
    "decl",
];
const X: &[&str] = &["x", "xpos", "x_image", "xpix"];
const Y: &[&str] = &["y", "ypos", "y_image", "ypix"];
const IMAGE: &[&str] = &["image", "originalfile", "parent", "filename", "file"];

/// What a catalogue must have, for messages.
const COLUMNS: &str = "columns RA and Dec, or x and y";

impl Truth {
    /// Reads a table ([`table`]) with a line of names: that of `rbgpu simulate --into`, or any with
    /// columns RA and Dec in degrees, or x and y in pixels (also Xpos, Ypos), or both, and
    /// maybe image (originalFile, filename). Text is separated by commas, semicolons, tabs or
    /// blanks; lines that begin with `#` are comments, but the names may stand in the first of
    /// them.
    pub fn read(path: impl AsRef<Path>) -> Result<Truth> {
        let path = path.as_ref();
        refuse_lfs_pointer(path)?;
        if table::recognise(path)? != Content::Text {
            return Truth::of_table(path);
        }
        let mut text = String::new();
        let read = table::open_text(path)?.read_to_string(&mut text);
        read.map_err(table::not_text(path))?;
        Truth::parse(&text, path)
    }

    /// Reads a table that is no text with lines.
    fn of_table(path: &Path) -> Result<Truth> {
        let there = Cell::new([false; 3]);
        let choose = |names: &[String]| {
            let both = |a, b| column(names, a).zip(column(names, b));
            let (sky, pixels, image) = (both(RA, DEC), both(X, Y), column(names, IMAGE));
            if sky.is_none() && pixels.is_none() {
                let found = names.join(", ");
                return Err(Error::input(path, "columns", found, COLUMNS));
            }
            there.set([sky.is_some(), pixels.is_some(), image.is_some()]);
            let places = [sky, pixels].into_iter().flatten();
            let places = places.flat_map(|(a, b)| [(a, Kind::Number), (b, Kind::Number)]);
            Ok(places.chain(image.map(|at| (at, Kind::Word))).collect())
        };
        let table = table::read(path, &choose)?;
        let (mut numbers, mut images) = (Vec::new(), Vec::new());
        for cells in table.columns {
            match cells {
                Cells::Numbers(values) => numbers.push(values),
                Cells::Words(words) => images = words,
            }
        }
        let [has_sky, has_pixels, named] = there.get();
        let mut truth = Truth::none(path, named);
        let mut put = |row: usize| {
            let pair = |at: usize| {
                let (a, b) = (numbers[at][row], numbers[at + 1][row]);
                (a.is_finite() && b.is_finite()).then_some((a, b))
            };
            let sky = has_sky.then(|| pair(0)).flatten();
            let pixels = has_pixels
                .then(|| pair(if has_sky { 2 } else { 0 }))
                .flatten();
            let image = images.get(row).map_or("", String::as_str);
            truth.put(
                &format!("row {}", row + 1),
                (sky, pixels),
                image,
                "no number",
            )
        };
        (0..table.rows).try_for_each(&mut put)?;
        truth.sort();
        Ok(truth)
    }

    /// No positions yet.
    fn none(path: &Path, named: bool) -> Truth {
        Truth {
            path: path.to_path_buf(),
            len: 0,
            sky: Vec::new(),
            sky_by_image: HashMap::new(),
            pixels: HashMap::new(),
            named,
        }
    }

    /// Reads a table from memory; `path` names it in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Truth> {
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| !line.trim().is_empty());
        // A comment may speak of RA and Dec, so a line of its own comes first.
        let names_both = |line: &str| {
            let fields = split(line.trim_start_matches(['#', ' ']));
            let both = |a, b| column(&fields, a).zip(column(&fields, b)).is_some();
            both(RA, DEC) || both(X, Y)
        };
        let plain = |line: &str| !line.trim_start().starts_with('#');
        let header = lines
            .clone()
            .find(|(line, _)| plain(line) && names_both(line))
            .or_else(|| lines.clone().find(|(line, _)| names_both(line)));
        let expected = COLUMNS;
        let Some((header, at)) = header else {
            let first = lines.next().map_or("no line", |(line, _)| line);
            let found: String = first.chars().take(80).collect();
            return Err(Error::input(path, "line of names", found, expected));
        };
        let names = split(header.trim_start_matches(['#', ' ']));
        let both = |a, b| column(&names, a).zip(column(&names, b));
        let (sky, pixels) = (both(RA, DEC), both(X, Y));
        if sky.is_none() && pixels.is_none() {
            return Err(Error::input(
                path,
                format!("line {at}"),
                names.join(", "),
                expected,
            ));
        }
        let image = column(&names, IMAGE);
        let mut truth = Truth::none(path, image.is_some());
        for (line, number) in lines {
            if number <= at || line.trim_start().starts_with('#') {
                continue;
            }
            let fields = split(line);
            let place = format!("line {number}");
            if fields.len() != names.len() {
                let found = format!("{} fields", fields.len());
                let expected = format!("{}, as there are names", names.len());
                return Err(Error::input(path, place, found, expected));
            }
            let pair = |columns: Option<(usize, usize)>| {
                let number = |at: usize| fields[at].parse().ok().filter(|v: &f64| v.is_finite());
                columns.and_then(|(a, b)| number(a).zip(number(b)))
            };
            let image = image.map_or("", |at| fields[at].as_str());
            truth.put(
                &place,
                (pair(sky), pair(pixels)),
                image,
                &format!("'{line}'"),
            )?;
        }
        truth.sort();
        Ok(truth)
    }

    /// Adds a row; an error if it is no position. `row` stands for it in messages.
    fn put(
        &mut self,
        place: &str,
        (sky, pixels): (Pair, Pair),
        image: &str,
        row: &str,
    ) -> Result<()> {
        if sky.is_none() && pixels.is_none() {
            let expected = "a position in numbers (degrees or pixels)";
            return Err(Error::input(&self.path, place, row, expected));
        }
        if let Some((ra, dec)) = sky
            && !((-360.0..=360.0).contains(&ra) && (-90.0..=90.0).contains(&dec))
        {
            let found = format!("RA = {ra}, Dec = {dec}");
            return Err(Error::input(&self.path, place, found, "degrees"));
        }
        self.add(sky, pixels, stem(image).to_string());
        Ok(())
    }
}

/// The fields of a line; quotes go, blanks separate where nothing else does.
fn split(line: &str) -> Vec<String> {
    let separator = [',', ';', '\t'].into_iter().find(|c| line.contains(*c));
    let fields: Vec<String> = match separator {
        Some(separator) => {
            let mut reader = csv::ReaderBuilder::new();
            let reader = reader.has_headers(false).delimiter(separator as u8);
            let mut records = reader.from_reader(line.as_bytes()).into_records();
            // A text in memory has no other error than bytes that are no text.
            let record = records.next().and_then(|record| record.ok());
            record
                .unwrap_or_default()
                .iter()
                .map(String::from)
                .collect()
        }
        None => line.split_whitespace().map(String::from).collect(),
    };
    fields
        .into_iter()
        .map(|field| field.trim().to_string())
        .collect()
}
