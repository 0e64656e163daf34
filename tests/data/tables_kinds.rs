//! Tables as astronomers have them: every format that is read, and damaged ones.

use std::path::Path;

use rbgpu::data::labels::LabelFile;
use rbgpu::data::table::is_table;

use super::says;

const FIRST: &str = "1074092621215010000";
const SECOND: &str = "1074092621215010001";

fn blocks(cards: &[String], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for card in cards.iter().map(String::as_str).chain(["END"]) {
        bytes.extend(format!("{card:<80}").into_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

/// A binary table: names and forms of its columns, more cards, the number of rows, their bytes.
type Table<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], usize, &'a [u8]);

/// A FITS file of binary tables.
fn fits(tables: &[Table]) -> Vec<u8> {
    let primary = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ];
    let mut bytes = blocks(&primary.map(String::from), &[]);
    for (columns, more, rows, data) in tables {
        let mut cards = vec![
            "XTENSION= 'BINTABLE'".to_string(),
            "BITPIX  =                    8".into(),
            "NAXIS   =                    2".into(),
            format!(
                "NAXIS1  = {:>20}",
                data.len().checked_div(*rows).unwrap_or(0)
            ),
            format!("NAXIS2  = {rows:>20}"),
            "PCOUNT  =                    0".into(),
            "GCOUNT  =                    1".into(),
            format!("TFIELDS = {:>20}", columns.len()),
        ];
        for (i, (name, form)) in (1..).zip(*columns) {
            cards.push(format!("TTYPE{i:<3}= '{name:<8}'"));
            cards.push(format!("TFORM{i:<3}= '{form:<8}'"));
        }
        cards.extend(more.iter().map(|card| card.to_string()));
        bytes.extend(blocks(&cards, data));
    }
    bytes
}

/// Ids of 64 bits and labels of 16, two rows.
fn long_ids() -> Vec<u8> {
    let mut data = Vec::new();
    for (id, label) in [(FIRST, 1_i16), (SECOND, 0)] {
        data.extend(id.parse::<i64>().unwrap().to_be_bytes());
        data.extend(label.to_be_bytes());
    }
    data
}

const COLUMNS: &[(&str, &str)] = &[("id", "1K"), ("label", "1I")];

fn votable(data: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<!-- VOTABLE --><VOTABLE version='1.4' \
         xmlns='http://www.ivoa.net/xml/VOTable/v1.3'><RESOURCE><TABLE nrows='2'>\
         <FIELD name='id' datatype='long'/><FIELD name='label' datatype='short'>\
         <VALUES null='-9'/></FIELD><DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )
}

fn table_data() -> String {
    votable(&format!(
        "<TABLEDATA><TR><TD>{FIRST}</TD><TD>1</TD></TR>\n<TR><TD>{SECOND}</TD><TD>0</TD></TR></TABLEDATA>"
    ))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for piece in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..piece.len()].copy_from_slice(piece);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i > piece.len() { '=' } else { letter });
        }
    }
    text
}

/// What a label file of these bytes says.
fn labels(dir: &Path, name: &str, bytes: &[u8]) -> rbgpu::Result<LabelFile> {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    LabelFile::read(&path)
}

#[test]
fn label_tables_of_astronomy_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let csv = format!("id,label\n{FIRST},1\n{SECOND},0\n");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{csv}");
        text.encode_utf16().flat_map(bytes).collect()
    };
    let whole = fits(&[(COLUMNS, &[], 2, &long_ids())]);
    let with_nulls: Vec<u8> = long_ids()
        .chunks(10)
        .flat_map(|row| [&[0], row].concat())
        .collect();
    let stream = |name: &str, bytes: &[u8]| {
        let text = base64(bytes);
        votable(&format!(
            "<{name}><STREAM encoding='base64'>\n{text}\n</STREAM></{name}>"
        ))
    };
    let unsigned: Vec<u8> = long_ids()
        .chunks(10)
        .flat_map(|row| [&[row[0] ^ 0x80], &row[1..]].concat())
        .collect();
    let header = [("flux", "1D")];
    let empty_header: &[u8] = &1.0_f64.to_be_bytes();
    for (name, bytes) in [
        ("lf.csv", csv.clone().into_bytes()),
        ("cr.csv", csv.replace('\n', "\r").into_bytes()),
        ("crlf.csv", csv.replace('\n', "\r\n").into_bytes()),
        ("utf16le.csv", utf16(u16::to_le_bytes)),
        ("utf16be.csv", utf16(u16::to_be_bytes)),
        ("bom.csv", format!("\u{feff}{csv}").into_bytes()),
        (
            "zipped.csv.gz",
            fitsio_pure::gzip::compress(csv.as_bytes(), 6),
        ),
        ("t.fits", whole.clone()),
        ("t.fits.gz", fitsio_pure::gzip::compress(&whole, 6)),
        ("named-otherwise.tbl", whole),
        (
            "unsigned.fits",
            fits(&[(COLUMNS, &["TZERO1  =  9223372036854775808"], 2, &unsigned)]),
        ),
        // As SExtractor has it: a header as a table of its own before the one that is meant.
        (
            "ldac.fits",
            fits(&[
                (&header, &[], 1, empty_header),
                (COLUMNS, &[], 2, &long_ids()),
            ]),
        ),
        ("t.vot", table_data().into_bytes()),
        (
            "t.xml",
            table_data()
                .replace("<TD>1</TD>", "<TD><![CDATA[1]]></TD>")
                .into_bytes(),
        ),
        ("binary.vot", stream("BINARY", &long_ids()).into_bytes()),
        ("binary2.vot", stream("BINARY2", &with_nulls).into_bytes()),
    ] {
        let file = labels(dir.path(), name, &bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(file.get(FIRST), Some(Some(1)), "{name}");
        assert_eq!(file.get(SECOND), Some(Some(0)), "{name}");
    }
    assert!(is_table(&dir.path().join("t.fits")) && is_table(&dir.path().join("t.fits.gz")));
}

#[test]
fn typed_cells_mean_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    // Text that is padded, a logical that is not known, and a null.
    let rows: Vec<u8> = [&b"a b \0T"[..], b"c\0\0\0\0F", b"d    \0"].concat();
    let columns = [("candid", "5A"), ("label", "1L")];
    let file = labels(dir.path(), "l.fits", &fits(&[(&columns, &[], 3, &rows)])).unwrap();
    assert_eq!(file.get("a b"), Some(Some(1)));
    assert_eq!(file.get("c"), Some(Some(0)));
    assert_eq!(file.get("d"), None, "nothing is said of it");
    let null = ["TNULL2  =                    0"];
    let file = labels(
        dir.path(),
        "n.fits",
        &fits(&[(COLUMNS, &null, 2, &long_ids())]),
    )
    .unwrap();
    assert_eq!((file.get(FIRST), file.get(SECOND)), (Some(Some(1)), None));
    let null = table_data().replace("<TD>1</TD>", "<TD>-9</TD>");
    let file = labels(dir.path(), "n.vot", null.as_bytes()).unwrap();
    assert_eq!((file.get(FIRST), file.get(SECOND)), (None, Some(Some(0))));
}

#[test]
fn tables_of_astronomy_that_cannot_be_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let floats: Vec<u8> = [1.5e18_f64, 2.0]
        .iter()
        .flat_map(|v| [&v.to_be_bytes()[..], &[0, 1]].concat())
        .collect();
    let double = [("id", "1D"), ("label", "1I")];
    let pair = [("id", "2I"), ("label", "1I")];
    let twice = fits(&[
        (COLUMNS, &[], 2, &long_ids()),
        (COLUMNS, &[], 2, &long_ids()),
    ]);
    let mut cut = fits(&[(COLUMNS, &[], 2000, &long_ids().repeat(1000))]);
    cut.truncate(3 * 2880);
    let floating = table_data().replace("'long'", "'double'");
    for (name, bytes, parts) in [
        (
            "d.fits",
            fits(&[(&double, &[], 2, &floats)]),
            &["row 1, column id", "2^53"][..],
        ),
        (
            "a.fits",
            fits(&[(&pair, &[], 2, &long_ids()[..12])]),
            &["column id", "one number"],
        ),
        ("2.fits", twice, &["HDU 1 and HDU 2", "one table"]),
        ("c.fits", cut, &["truncated"]),
        ("i.fits", fits(&[]), &["no table extension", "BINTABLE"]),
        (
            "f.vot",
            floating.into_bytes(),
            &["row 1, column id", "2^53"],
        ),
        (
            "cut.vot",
            table_data().split("</TR>\n").next().unwrap().into(),
            &["may be truncated"],
        ),
        (
            "short.vot",
            table_data().replace("nrows='2'", "nrows='3'").into_bytes(),
            &["2 rows", "3 (nrows)"],
        ),
        (
            "cell.vot",
            table_data().replace("<TD>0</TD>", "").into_bytes(),
            &["row 2", "1 cells", "2, as there are fields"],
        ),
        (
            "label.vot",
            table_data().replace("<TD>1<", "<TD>7<").into_bytes(),
            &["label in row 1", "7"],
        ),
        (
            "l1.csv",
            b"id,label\ncaf\xe9,1\n".to_vec(),
            &["no UTF-8", "UTF-16"],
        ),
    ] {
        let error = labels(dir.path(), name, &bytes).unwrap_err().to_string();
        says(&error, &[&[name], parts].concat());
    }
}

#[test]
fn no_damage_makes_a_reader_of_tables_panic() {
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};
    let dir = tempfile::tempdir().unwrap();
    let nulls: Vec<u8> = long_ids()
        .chunks(10)
        .flat_map(|row| [&[0], row].concat())
        .collect();
    let text = base64(&nulls);
    let binary = votable(&format!(
        "<BINARY2><STREAM encoding='base64'>{text}</STREAM></BINARY2>"
    ));
    let texts = [("id", "1PA(19)"), ("label", "1I")];
    let mut heap = Vec::new();
    heap.extend([0, 0, 0, 3, 0, 0, 0, 0, 0, 1]);
    let wholes = [
        ("m.fits", fits(&[(COLUMNS, &[], 2, &long_ids())])),
        ("h.fits", fits(&[(&texts, &[], 1, &heap)])),
        ("m.vot", table_data().into_bytes()),
        ("b.vot", binary.into_bytes()),
    ];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(13);
    let mut below = |n: usize| (rng.next_u64() % n as u64) as usize;
    for (name, whole) in wholes {
        for round in 0..400 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(below(whole.len())),
                1 => (0..=below(4)).for_each(|_| bytes[below(whole.len())] ^= 1 << below(8)),
                _ => {
                    let at = below(whole.len());
                    bytes[at] = [0, 0xff, b'9', b'-', b'<', b'P', b'X', b'('][below(8)];
                }
            }
            // An error or a table, and no more.
            let _ = labels(dir.path(), name, &bytes);
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_in_every_codec() {
    use std::sync::Arc;

    use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    use parquet::data_type::{DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let dir = tempfile::tempdir().unwrap();
    let write = |path: &Path, codec, double: bool| {
        let id = if double { "DOUBLE" } else { "INT64" };
        let schema = format!("message m {{ REQUIRED {id} id; REQUIRED INT32 label; }}");
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let properties = WriterProperties::builder().set_compression(codec).build();
        let file = std::fs::File::create(path).unwrap();
        let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = file.next_row_group().unwrap();
        let ids = [FIRST, SECOND].map(|id| id.parse::<i64>().unwrap());
        let mut column = group.next_column().unwrap().unwrap();
        match double {
            true => column
                .typed::<DoubleType>()
                .write_batch(&ids.map(|id| id as f64), None, None)
                .unwrap(),
            false => column
                .typed::<Int64Type>()
                .write_batch(&ids, None, None)
                .unwrap(),
        };
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int32Type>()
            .write_batch(&[1, 0], None, None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
    };
    for (name, codec) in [
        ("none", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
        ("lz4", Compression::LZ4),
        ("lz4_raw", Compression::LZ4_RAW),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
    ] {
        let path = dir.path().join(format!("{name}.parquet"));
        write(&path, codec, false);
        let file = LabelFile::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(file.get(FIRST), Some(Some(1)), "{name}");
        assert_eq!(file.get(SECOND), Some(Some(0)), "{name}");
    }
    let path = dir.path().join("double.parquet");
    write(&path, Compression::SNAPPY, true);
    let error = LabelFile::read(&path).unwrap_err().to_string();
    says(
        &error,
        &["row 1, column id", "2^53 or more", "integers or text"],
    );
}
