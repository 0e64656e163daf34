//! The formats of `rbgpu score`, read back, and the copies of FITS files that carry
//! their scores.

use std::collections::HashMap;

use serde_json::Value;

use super::Desk;
use super::fixtures::{fits, fits_without_data, npz};
use super::scores::{COLUMNS, rows};

/// A desk with a folder of FITS files: two good ones with everything in their
/// headers (one has an awkward name), one broken, one cut off by the edge.
fn with_night() -> Desk {
    let desk = Desk::with_model();
    let cards = [
        "CANDID  = 'a \"b\" <c>'",
        "MAG     =                18.25",
        "MAGERR  =                  0.1",
        "FILTER  = 'g       '",
        "FWHM    =                  2.5",
        "FWHMPSF =                 2.25",
        "RA      =          150.1234567",
        "DEC     =               -2.125",
        "MJD     =             58768.25",
        "XPOS    =                100.5",
        "YPOS    =                200.5",
        "FILE    = 'parent image.fits'",
    ];
    desk.write("new/1 one.fits", fits(16, |p| p as f32, &cards));
    let more: Vec<String> = (0..28).map(|i| format!("KEY{i:<5}= {i:>20}")).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    desk.write("new/2.fits", fits(16, |p| (p % 7) as f32, &more));
    desk.write("new/3.fits", fits_without_data());
    let edge = "EDGE    = 'True    '";
    desk.write("new/4.fits", fits(16, |p| p as f32, &[edge]));
    desk
}

/// Scores the night into `out`; what the CSV of the same says.
fn score(desk: &Desk, arguments: &str) -> Vec<HashMap<String, String>> {
    let line = "score model.safetensors new --device cpu";
    let csv = desk.run(line);
    assert_eq!(csv.code, 3, "{}", csv.err);
    let ran = desk.run(&format!("{line} {arguments}"));
    assert_eq!(ran.code, 3, "{}", ran.err);
    rows(&csv.out)
}

#[test]
fn csv_holds_all_that_is_known() {
    let desk = with_night();
    let rows = score(&desk, "-o s.csv");
    assert_eq!(desk.text("s.csv").lines().next().unwrap(), COLUMNS);
    let one = &rows[0];
    for (column, value) in [
        ("id", "a \"b\" <c>"),
        ("mag", "18.25"),
        ("mag_err", "0.1"),
        ("filter", "g"),
        ("fwhm", "2.5"),
        ("fwhm_psf", "2.25"),
        ("ra", "150.1234567"),
        ("dec", "-2.125"),
        ("mjd", "58768.25"),
        ("x", "100.5"),
        ("y", "200.5"),
        ("parent", "parent image.fits"),
        ("edge", "false"),
        ("file", "new/1 one.fits"),
        ("label", ""),
        ("error", ""),
    ] {
        assert_eq!(one[column], value, "{column}");
    }
    assert_eq!(rows[1]["mag"], "", "not known");
    assert_eq!(rows[2]["decision"], "unscored");
    assert_eq!(rows[3]["edge"], "true");
}

/// A cell of a CSV as JSON has it.
fn as_json(column: &str, cell: &str) -> Value {
    match column {
        _ if cell.is_empty() => Value::Null,
        "id" | "decision" | "object" | "filter" | "parent" | "file" | "error" => cell.into(),
        _ => serde_json::from_str(cell).unwrap(),
    }
}

#[test]
fn json_lines() {
    let desk = with_night();
    let rows = score(&desk, "-o s.jsonl");
    let text = desk.text("s.jsonl");
    assert_eq!(text.lines().count(), rows.len());
    for (line, row) in text.lines().zip(&rows) {
        let object: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), row.len());
        for (column, cell) in row {
            assert_eq!(object[column], as_json(column, cell), "{column}");
        }
    }
}

/// A cell of Parquet as JSON has it.
#[cfg(feature = "parquet")]
fn json((name, field): (&String, &parquet::record::Field)) -> (String, Value) {
    use parquet::record::Field;
    let value = match field {
        Field::Null => Value::Null,
        // astropy reads no column of texts with nulls.
        Field::Str(text) if text.is_empty() => Value::Null,
        Field::Bool(flag) => (*flag).into(),
        Field::Int(label) => (*label).into(),
        Field::Double(number) => (*number).into(),
        Field::Str(text) => text.as_str().into(),
        other => panic!("{name}: {other:?}"),
    };
    (name.clone(), value)
}

#[cfg(feature = "parquet")]
#[test]
fn parquet() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let desk = with_night();
    let rows = score(&desk, "-o s.parquet");
    let file = std::fs::File::open(desk.path("s.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let names = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<&str> = names.iter().map(|field| field.name()).collect();
    assert_eq!(names.join(","), COLUMNS);
    let found: Vec<_> = reader.get_row_iter(None).unwrap().collect();
    assert_eq!(found.len(), rows.len());
    for (found, row) in found.into_iter().zip(&rows) {
        let found: HashMap<String, Value> = found.unwrap().get_column_iter().map(json).collect();
        for (column, cell) in row {
            let (found, expected) = (&found[column], as_json(column, cell));
            match (found.as_f64(), expected.as_f64()) {
                // A CSV has the shortest digits of an f32, Parquet all of them.
                (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-7 * b.abs(), "{column}"),
                _ => assert_eq!(*found, expected, "{column}"),
            }
        }
    }
}

#[test]
fn votable() {
    use quick_xml::events::Event;
    let desk = with_night();
    let rows = score(&desk, "-o s.xml");
    let text = desk.text("s.xml");
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut names, mut cells, mut inside) = (Vec::new(), Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(e) if e.name().as_ref() == "FIELD" => {
                let name = e.try_get_attribute("name").unwrap().unwrap();
                names.push(name.value.into_owned());
            }
            Event::Start(e) if e.name().as_ref() == "TD" => {
                inside = true;
                cells.push(String::new());
            }
            Event::End(e) if e.name().as_ref() == "TD" => inside = false,
            Event::Text(e) if inside => *cells.last_mut().unwrap() += &e,
            Event::GeneralRef(e) if inside => {
                let name = format!("&{};", &*e);
                let cell = cells.last_mut().unwrap();
                *cell += &quick_xml::escape::unescape(&name).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(names.join(","), COLUMNS);
    assert_eq!(cells.len(), rows.len() * names.len());
    for (cells, row) in cells.chunks(names.len()).zip(&rows) {
        for (name, cell) in names.iter().zip(cells) {
            assert_eq!(*cell, row[name], "{name}");
        }
    }
    for part in [
        "unit=\"deg\"",
        "ucd=\"pos.eq.ra;meta.main\"",
        "datatype=\"double\"",
    ] {
        assert!(text.contains(part), "no {part}");
    }
}

/// Read again by what reads tables, which sees types.
#[test]
fn fits_and_ecsv() {
    use rbgpu::data::table::{Cells, Kind, read};
    let desk = with_night();
    for name in ["s.fits", "s.ecsv"] {
        let rows = score(&desk, &format!("-o {name}"));
        let every = |names: &[String]| {
            assert_eq!(names.join(","), COLUMNS);
            Ok((0..names.len()).map(|at| (at, Kind::Word)).collect())
        };
        let table = read(&desk.path(name), &every).unwrap();
        assert_eq!(table.rows, rows.len());
        for (name, cells) in COLUMNS.split(',').zip(&table.columns) {
            let Cells::Words(cells) = cells else {
                panic!("{name}: {cells:?}")
            };
            for (cell, row) in cells.iter().zip(&rows) {
                let expected = row[name].as_str();
                match (cell.parse::<f64>(), expected.parse::<f64>()) {
                    (Ok(a), Ok(b)) => assert!((a - b).abs() <= 1e-7 * b.abs(), "{name}"),
                    // No label, and a logical.
                    (Ok(a), Err(_)) if name == "label" => assert_eq!(a, -1.0),
                    (Ok(a), Err(_)) => assert_eq!(a != 0.0, expected == "true", "{name}"),
                    _ => assert_eq!(cell.to_lowercase(), expected.to_lowercase(), "{name}"),
                }
            }
        }
    }
    let bytes = desk.read("s.fits");
    for card in [
        "TUNIT5  = 'mag     '",
        "TUNIT10 = 'deg     '",
        "EXTNAME = 'SCORES  '",
    ] {
        let found = bytes.chunks(80).any(|c| c.starts_with(card.as_bytes()));
        assert!(found, "{card}");
    }
    let text = desk.text("s.ecsv");
    assert!(text.starts_with("# %ECSV 1.0\n") && text.contains("unit: deg, datatype: float64"));
}

#[test]
fn the_table_of_otrain() {
    let desk = with_night();
    let rows = score(&desk, "-o infer_results.dat");
    let text = desk.text("infer_results.dat");
    let lines: Vec<&str> = text.lines().collect();
    let header = "# filename RA Dec originalFile Xpos Ypos mag magerr FWHM FWHMPSF cand_ID label0 \
                  label1";
    assert_eq!(lines[0], header);
    assert_eq!(lines.len(), 3, "those without a score are not in it");
    let start = "\"new/1 one.fits\" 150.1234567 -2.125 \"parent image.fits\" 100.5 200.5 18.25 \
                 0.1 2.5 2.25 \"a \"\"b\"\" <c>\" ";
    let labels = lines[1].strip_prefix(start).expect(lines[1]);
    let labels: Vec<f64> = labels.split(' ').map(|l| l.parse().unwrap()).collect();
    assert_eq!(labels[1], rows[0]["rb_score"].parse::<f64>().unwrap());
    assert!((labels[0] + labels[1] - 1.0).abs() < 1e-7);
    let start = "new/2.fits nan nan \"\" nan nan nan nan nan nan 7 ";
    assert!(lines[2].starts_with(start), "{}", lines[2]);
    let ran = desk.run("score model.safetensors new --device cpu --format otrain");
    assert_eq!(ran.out, text);
    ran.says(&["2 without a score are not in O'TRAIN's table"]);
}

#[test]
fn formats_that_cannot_be() {
    let desk = Desk::with_model();
    let line = "score model.safetensors set.npz --device cpu";
    let parts = ["--format", "csv, jsonl, parquet, votable, otrain"];
    desk.refuses(&format!("{line} --format xlsx"), 2, &parts);
    for out in ["s", "s.txt", "s.hdf5"] {
        desk.refuses(
            &format!("{line} -o {out}"),
            2,
            &["--out", out, ".fits", "--format"],
        );
        assert!(!desk.path(out).exists());
    }
    for name in ["ra", "id", "error"] {
        desk.refuses(&format!("{line} --score-name {name}"), 2, &["--score-name"]);
    }
}

/// The cards of the first header, and what stands behind it.
pub fn header(bytes: &[u8]) -> (Vec<String>, &[u8]) {
    let cards = bytes
        .chunks(80)
        .map(|c| String::from_utf8(c.to_vec()).unwrap());
    let cards: Vec<String> = cards.take_while(|card| card.trim_end() != "END").collect();
    let end = ((cards.len() + 1) * 80).next_multiple_of(2880);
    assert!(
        bytes[(cards.len() + 1) * 80..end]
            .iter()
            .all(|&b| b == b' ')
    );
    (cards, &bytes[end..])
}

#[test]
fn copies_with_the_score_in_the_header() {
    let desk = with_night();
    let rows = score(&desk, "-o s.csv --fits-copies copies");
    let mut names: Vec<_> = std::fs::read_dir(desk.path("copies"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["1 one.fits", "2.fits", "4.fits"],
        "the broken one is not copied"
    );
    for (name, row) in [("1 one.fits", 0), ("2.fits", 1), ("4.fits", 3)] {
        let (before, after) = (
            desk.read(&format!("new/{name}")),
            desk.read(&format!("copies/{name}")),
        );
        let ((old, old_data), (new, new_data)) = (header(&before), header(&after));
        assert_eq!(new[..old.len()], old, "{name}");
        assert!(old_data == new_data, "{name}");
        let row = &rows[row];
        let value = |key: &str| {
            let card = new[old.len()..].iter().find(|card| card.starts_with(key))?;
            let value = card[10..].split('/').next().unwrap().trim();
            Some(value.trim_matches('\'').trim().to_string())
        };
        assert_eq!(value("RBCLASS =").as_deref(), Some(&*row["decision"]));
        assert!(
            value("RBMODEL =")
                .unwrap()
                .starts_with("model.safetensors crc32 ")
        );
        let score = value("RBSCORE =").map(|text| text.parse::<f64>().unwrap() as f32);
        assert_eq!(score, row["rb_score"].parse().ok(), "{name}");
    }
    // 31 cards and END leave room for 4; 35 of them for none.
    let grown = |name: &str| {
        desk.read(&format!("copies/{name}")).len() - desk.read(&format!("new/{name}")).len()
    };
    assert_eq!([grown("1 one.fits"), grown("2.fits")], [0, 2880]);
    // Scored again, the cards are replaced.
    let again = "score model.safetensors copies --device cpu -o t.csv --fits-copies again";
    desk.run(again).done();
    assert!(desk.read("again/2.fits") == desk.read("copies/2.fits"));
    let line = "score model.safetensors new --device cpu -o t.csv --fits-copies copies";
    desk.refuses(line, 1, &["copies", "files in it"]);
}

#[test]
fn what_failed_leaves_no_copies() {
    let desk = with_night();
    let line = "score model.safetensors new --device cpu --strict -o s.csv --fits-copies copies";
    desk.refuses(line, 1, &["3.fits"]);
}

/// A cutout of an array that has no finite pixel has a row too.
#[test]
fn a_blank_row_of_an_array() {
    let desk = Desk::with_model();
    let values = (0..3 * 256).map(|i| {
        if i / 256 == 1 {
            f32::NAN
        } else {
            (i % 11) as f32
        }
    });
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    let array = super::fixtures::npy("<f4", "(3, 16, 16, 1)", &bytes);
    desk.write("three.npy", &array);
    npz(&desk.path("three.npz"), &[("cube", array)]);
    for input in ["three.npy", "three.npz"] {
        let ran = desk.run(&format!("score model.safetensors {input} --device cpu"));
        let rows = rows(&ran.done().out);
        assert_eq!(rows.len(), 3, "{input}");
        assert_eq!(rows[1]["error"], "no finite pixel");
        assert_eq!(rows[1]["decision"], "unscored");
        assert_eq!(rows[0]["error"], "");
    }
}
