//! What a file is, by what it holds, and its text, whatever it is encoded in.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytesBuilder;

use crate::data::npy::printable;
use crate::data::options::open_unpacked;
use crate::{Error, Result};

/// What a table may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// CSV and the like.
    Text,
    /// One object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// A numpy array.
    Npy,
    /// A FITS file.
    Fits,
    /// The Virtual Observatory's XML.
    VoTable,
}

/// What is read, for messages.
pub const READ: &str = "a table as CSV, ECSV, JSON lines, Parquet, VOTable or FITS binary table";

/// Bytes that say what a file is.
const START: u64 = 1 << 16;

/// What `path` holds, unpacked if it is gzip. Tables that are not read are refused by name.
pub fn recognise(path: &Path) -> Result<Content> {
    let packed = crate::data::options::first_bytes(path)?.starts_with(&[0x1f, 0x8b]);
    let start = start_of(&mut open_unpacked(path)?, path)?;
    let refused = |found: &str| Err(Error::input(path, "file", found, READ));
    let inside = |found: &str| {
        let expected = format!("it as it is, not in gzip; {READ}");
        Err(Error::input(path, "file", found, expected))
    };
    let binary = match &start[..] {
        [b'P', b'A', b'R', b'1', ..] if packed => return inside("Parquet in gzip"),
        [b'P', b'A', b'R', b'1', ..] => Some(Content::Parquet),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] if packed => return inside("a .npy in gzip"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Content::Npy),
        [0x89, b'H', b'D', b'F', ..] => return refused("HDF5"),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return refused("a zip file, such as .xlsx or .npz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return refused("a file packed with zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return refused("a file packed with xz"),
        start if start.starts_with(b"BZh") => return refused("a file packed with bzip2"),
        start if start.starts_with(b"ARROW1") => return refused("Arrow IPC (Feather)"),
        start if start.starts_with(b"Obj\x01") => return refused("Avro"),
        start if start.starts_with(b"SIMPLE  =") => Some(Content::Fits),
        _ => None,
    };
    if let Some(content) = binary {
        return Ok(content);
    }
    let mut text = open_text(path)?;
    let start = text.fill_buf().map_err(not_text(path))?;
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let is_json = ["jsonl", "ndjson"].contains(&ending.to_ascii_lowercase().as_str());
    Ok(match start.trim_ascii_start() {
        [b'{', ..] => Content::JsonLines,
        [b'[', ..] => {
            let found = "a JSON array";
            let expected = "JSON lines, one object a line (pandas: orient='records', lines=True)";
            return Err(Error::input(path, "file", found, expected));
        }
        [b'<', ..] => {
            let is = |name: &[u8]| start.windows(name.len()).any(|part| part == name);
            match is(b"VOTABLE") {
                true => Content::VoTable,
                false => return refused("XML or HTML without a VOTABLE"),
            }
        }
        [b'\\' | b'|', ..] => {
            let expected = format!(
                "{READ}; in Python astropy.table.Table.read(x, format='ascii.ipac').write(y.ecsv)"
            );
            return Err(Error::input(path, "file", "an IPAC table", expected));
        }
        _ if is_json => Content::JsonLines,
        start if start.contains(&0) => {
            let found = format!("bytes that are no text ({})", printable(start));
            let expected = format!("{READ}; text as UTF-8, or as UTF-16 with a byte order mark");
            return Err(Error::input(path, "file", found, expected));
        }
        _ => Content::Text,
    })
}

/// The first bytes of a stream, as many as there are at once.
fn start_of(stream: &mut impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = stream.by_ref().take(START).read_to_end(&mut start);
    read.map_err(Error::io("read", path))?;
    Ok(start)
}

/// A file as UTF-8 text: unpacked if it is gzip, decoded if it begins with the byte order mark
/// of UTF-16, without a mark of UTF-8, and with line feeds where lines end in carriage returns
/// alone. Its first buffer holds as much of the beginning as says what it is.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead>> {
    let mut text = DecodeReaderBytesBuilder::new()
        .utf8_passthru(true)
        .strip_bom(true)
        .build(open_unpacked(path)?);
    let mut start = start_of(&mut text, path)?;
    // Old Macs ended lines so. A text with both has carriage returns in its cells.
    let old_mac = start.contains(&b'\r') && !start.contains(&b'\n');
    let whole: Box<dyn Read> = match old_mac {
        true => {
            to_line_feeds(&mut start);
            Box::new(Cursor::new(start).chain(LineFeeds(text)))
        }
        false => Box::new(Cursor::new(start).chain(text)),
    };
    Ok(Box::new(BufReader::with_capacity(START as usize, whole)))
}

fn to_line_feeds(bytes: &mut [u8]) {
    let returns = bytes.iter_mut().filter(|byte| **byte == b'\r');
    returns.for_each(|byte| *byte = b'\n');
}

/// A stream with line feeds for carriage returns.
struct LineFeeds<R>(R);

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(out)?;
        to_line_feeds(&mut out[..count]);
        Ok(count)
    }
}

/// The error of a text that cannot be read: bytes that are no UTF-8 are the file's fault, not
/// the system's.
pub fn not_text(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::input(
            path,
            "file",
            "bytes that are no UTF-8",
            "text as UTF-8, or as UTF-16 with a byte order mark",
        ),
        _ => Error::io("read", path)(error),
    }
}
