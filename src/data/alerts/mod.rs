//! Alert packets as ZTF and Rubin (LSST) send them: Avro containers with the
//! metadata of a candidate and its stamps as FITS files.
//!
//! | file | what it does |
//! |---|---|
//! | `container` | Avro's container format, block by block |
//! | `schema`, `given` | a writer's schema, checked once and shared; one in a file of its own |
//! | `packet` | the fields of one record that are of use |
//! | `survey` | ZTF's and Rubin's names for what a [`Candidate`](super::Candidate) holds |
//! | `stamps` | the FITS files inside, as one cutout |
//! | `archive` | containers and tar files as streams |
//!
//! What is read: a container with any number of packets (codecs null, deflate
//! and snappy), a gzipped one, a packet without its schema where [`PacketSchema`] has it (as Kafka
//! carries it, with or without the five bytes of the wire format), and a .tar or .tar.gz of these, as ZTF's public
//! archive ships a night; also several of these one after the other in one file, as `cat` makes
//! it. Archives are streams: nothing is unpacked to disk and
//! memory does not grow with their length. FITS cutouts in an archive are read
//! too, as from a folder.
//!
//! Only the wanted stamps are decoded (template, search and difference in this
//! order if nothing is said). A packet without one of them is a row that failed.
//! Where the stamps of a packet differ in size, those that are smaller get NaN at
//! the bottom and right, see [`size::pad`](super::size::pad).

mod archive;
mod container;
mod given;
mod packet;
mod schema;
mod stamps;
mod survey;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use self::container::{Block, Container, Containers};
pub use self::given::PacketSchema;
use self::schema::Schemas;
use super::Channel;
use super::folder;
use super::gunzip::{GZIP, Gunzip};
use super::options::ReadOptions;
use super::rows::{Blob, Row, Rows};
use crate::{Error, Result};

/// Bytes of one thing in an input (a block, a stamp, a schema) that are believed.
const MOST_BYTES: usize = 1 << 26;

/// Files and archive members up to this size are read at once; larger ones block
/// by block.
const SMALL: u64 = 1 << 20;

/// How an Avro container begins.
const AVRO: &[u8] = b"Obj\x01";

/// Where a tar file says so: at byte 257.
const TAR: &[u8] = b"ustar";

/// Bytes that tell what a file is.
const START: usize = 512;

/// Names of files that are alerts whatever they hold: a broken one costs its row.
const ENDINGS: [&str; 4] = [".avro", ".tar", ".tar.gz", ".tgz"];

/// Whether the file at `path` is one of these, by what it holds; also by its name.
pub(super) fn is_alerts(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    if ENDINGS.iter().any(|end| name.ends_with(end)) {
        return true;
    }
    let start = File::open(path).and_then(start_of);
    start.is_ok_and(|start| is_start(&start))
}

/// Whether a file that begins with `start` is one of these.
pub(super) fn is_start(start: &[u8]) -> bool {
    let mut inside = Vec::new();
    if start.starts_with(GZIP) {
        // What came before the end of these bytes is kept.
        let _ = Gunzip::new(start).read_to_end(&mut inside);
    }
    [start, &inside].iter().any(|s| is_avro(s) || is_tar(s))
}

fn start_of(file: File) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    // Gzip needs more than it gives for the first bytes of a packet.
    file.take(4 * START as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn is_avro(start: &[u8]) -> bool {
    start.starts_with(AVRO)
}

fn is_tar(start: &[u8]) -> bool {
    start.get(257..).is_some_and(|rest| rest.starts_with(TAR))
}

/// The candidates of `files`, each with the label of its folder, if it has one.
pub(super) fn rows(
    files: Vec<(PathBuf, Option<u8>)>,
    options: &ReadOptions,
) -> Result<Box<dyn Rows>> {
    if let Some((path, _)) = files.iter().find(|(_, label)| label.is_none())
        && options.input_must_have_labels()
    {
        let expected = "labels too: folders true/ and false/ of packets, or a cube";
        return Err(Error::input(path, "labels", "alert packets", expected));
    }
    let bare = options.schema.is_some();
    let pieces = files
        .into_iter()
        .flat_map(move |(path, label)| pieces(path, label, bare));
    Ok(decoded(Box::new(pieces), options))
}

/// The candidates that come out of `reader`, which is called `name`; they have no labels.
pub(super) fn rows_of(
    name: &str,
    reader: Box<dyn BufRead + Send>,
    options: &ReadOptions,
) -> Result<Box<dyn Rows>> {
    if options.input_must_have_labels() {
        let expected = "labels too: folders true/ and false/ of packets, or a cube";
        return Err(Error::input(name, "labels", "alert packets", expected));
    }
    let pieces = archive::stream(name.to_string(), None, reader, options.schema.is_some());
    Ok(decoded(pieces, options))
}

fn decoded(pieces: Box<dyn Iterator<Item = Piece> + Send>, options: &ReadOptions) -> Box<dyn Rows> {
    Box::new(Alerts {
        pieces,
        reader: Reader {
            schemas: Schemas::default(),
            given: options.schema.clone(),
            channels: options.images().map(<[_]>::to_vec),
        },
        notices: Vec::new(),
    })
}

/// A file as it is, if it is small; else what comes out of it, read by a thread.
fn pieces(path: PathBuf, label: Option<u8>, bare: bool) -> Box<dyn Iterator<Item = Piece> + Send> {
    let small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= SMALL);
    let plain = File::open(&path)
        .and_then(start_of)
        .is_ok_and(|start| !start.starts_with(GZIP) && !is_tar(&start));
    if small && plain {
        return Box::new(std::iter::once(Piece::File(path, label)));
    }
    match File::open(&path) {
        Ok(file) => {
            let name = path.display().to_string();
            archive::stream(
                name,
                label,
                Box::new(BufReader::with_capacity(1 << 16, file)),
                bare,
            )
        }
        Err(error) => {
            let error = Error::io("open", &path)(error);
            let row = unreadable(&path.display().to_string(), &error);
            Box::new(std::iter::once(Piece::Failed(Box::new(row))))
        }
    }
}

/// What one core decodes at a time.
enum Piece {
    /// A container that is still on disk.
    File(PathBuf, Option<u8>),
    /// A file in memory, a container or FITS: its name and bytes.
    Whole(String, Option<u8>, Vec<u8>),
    /// A block of a container.
    Block(Container, Block),
    /// Where nothing could be read.
    Failed(Box<Row>),
    /// Something that a user should know.
    Notice(String),
}

impl Piece {
    /// Bytes that it holds or is going to.
    fn bytes(&self) -> usize {
        match self {
            Piece::File(..) => SMALL as usize / 4,
            Piece::Whole(_, _, bytes) => bytes.len(),
            Piece::Block(_, block) => block.bytes.len(),
            Piece::Failed(_) | Piece::Notice(_) => 0,
        }
    }

    /// Candidates in it, as far as is known before it is read.
    fn count(&self) -> usize {
        match self {
            Piece::Block(_, block) => block.count,
            Piece::Notice(_) => 0,
            _ => 1,
        }
    }
}

/// The candidates of pieces that are decoded in parallel.
struct Alerts {
    pieces: Box<dyn Iterator<Item = Piece> + Send>,
    reader: Reader,
    notices: Vec<String>,
}

impl Rows for Alerts {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        loop {
            let (mut now, mut count, mut bytes) = (Vec::new(), 0usize, 0);
            while count < most.max(1) && bytes < MOST_BYTES {
                match self.pieces.next() {
                    Some(Piece::Notice(notice)) => self.notices.push(notice),
                    Some(piece) => {
                        count = count.saturating_add(piece.count());
                        bytes += piece.bytes();
                        now.push(piece);
                    }
                    None => break,
                }
            }
            if now.is_empty() {
                return Ok(Vec::new());
            }
            let reader = &self.reader;
            let rows = now
                .into_par_iter()
                .flat_map_iter(|piece| reader.read(piece));
            let rows: Vec<Row> = rows.collect();
            // A container without a packet is not the end.
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

/// What every piece is read with.
struct Reader {
    schemas: Schemas,
    /// That of packets without one.
    given: Option<Arc<PacketSchema>>,
    channels: Option<Vec<Channel>>,
}

impl Reader {
    fn read(&self, piece: Piece) -> Vec<Row> {
        match piece {
            Piece::Failed(row) => vec![*row],
            Piece::Notice(_) => Vec::new(),
            Piece::Block(container, block) => self.block(&container, &block),
            Piece::File(path, label) => match std::fs::read(&path) {
                Ok(bytes) => self.container(path.display().to_string(), label, &bytes),
                Err(error) => {
                    let error = Error::io("read", &path)(error);
                    vec![unreadable(&path.display().to_string(), &error)]
                }
            },
            Piece::Whole(name, label, bytes) if folder::has_fits_name(Path::new(&name)) => {
                let blob = Blob {
                    path: name.into(),
                    bytes: Some(bytes),
                    label,
                };
                vec![folder::cutout(blob, self.channels.as_deref(), false)]
            }
            Piece::Whole(name, label, bytes) => self.container(name, label, &bytes),
        }
    }

    /// A whole container, or a packet alone.
    fn container(&self, name: String, label: Option<u8>, mut bytes: &[u8]) -> Vec<Row> {
        if let Some(given) = self.given.as_ref().filter(|_| !is_avro(bytes)) {
            return vec![match given.packet(&name, bytes) {
                Ok(packet) => survey::row(&packet, (&name, label), self.images(), ""),
                Err(error) => unreadable(&name, &error),
            }];
        }
        let mut rows = Vec::new();
        let mut containers = Containers::new(name.clone(), label);
        loop {
            match containers.next(&mut bytes) {
                Ok(None) => return rows,
                Ok(Some((container, block))) => rows.extend(self.block(&container, &block)),
                Err(error) => {
                    rows.push(unreadable(&name, &error));
                    return rows;
                }
            }
        }
    }

    fn block(&self, container: &Container, block: &Block) -> Vec<Row> {
        let schema = match self.schemas.get(container) {
            Ok(schema) => schema,
            // Once for the container, not for each of its blocks.
            Err(error) if block.is_first() => return vec![unreadable(&container.name, &error)],
            Err(_) => return Vec::new(),
        };
        container.packets(block, &schema, |packet, place| {
            let file = (&container.name[..], container.label);
            survey::row(packet, file, self.images(), place)
        })
    }

    fn images(&self) -> &[Channel] {
        self.channels.as_deref().unwrap_or(&Channel::ALL)
    }
}

/// The row of a file, or of what is left of one, that cannot be read.
fn unreadable(name: &str, error: &Error) -> Row {
    Row::broken_file(Path::new(name), error)
}
