//! Long containers, gzipped ones and tar files as streams: a thread reads and
//! unpacks them while the cores decode what came before.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use tar::EntryType;

use super::container::Containers;
use super::{AVRO, GZIP, Gunzip, MOST_BYTES, Piece, SMALL, START, folder, is_tar, unreadable};
use crate::Error;
use crate::data::caught::caught;

/// Pieces that are handed over at a time, by number and by bytes.
const BATCH: (usize, usize) = (64, 1 << 22);

/// Gzip in gzip that is looked into.
const DEEPEST: usize = 2;

/// What comes out of the file called `name`.
/// `bare` says that packets may come without a container.
pub fn stream(
    name: String,
    label: Option<u8>,
    reader: Box<dyn BufRead + Send>,
    bare: bool,
) -> Box<dyn Iterator<Item = Piece> + Send> {
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        let mut out = Out {
            sender,
            batch: Vec::new(),
            bytes: 0,
            bare,
        };
        // It ends early when nobody listens any more. A panic of a parser would end it as if
        // the archive were over.
        let pumped = caught(|| pump(&name, label, reader, &mut out, 0)).unwrap_or_else(|| {
            let found = "data that their reader fails on";
            let error = Error::input(&name, "archive", found, "a whole archive");
            out.failed(&name, &error)
        });
        let _ = pumped.and_then(|()| out.flush());
    });
    Box::new(receiver.into_iter().flatten())
}

/// That nobody wants to hear more.
struct Unwanted;

type Sent = std::result::Result<(), Unwanted>;

struct Out {
    sender: SyncSender<Vec<Piece>>,
    batch: Vec<Piece>,
    bytes: usize,
    bare: bool,
}

impl Out {
    fn send(&mut self, piece: Piece) -> Sent {
        self.bytes += piece.bytes();
        self.batch.push(piece);
        match self.batch.len() >= BATCH.0 || self.bytes >= BATCH.1 {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn failed(&mut self, name: &str, error: &Error) -> Sent {
        self.send(Piece::Failed(Box::new(unreadable(name, error))))
    }

    fn flush(&mut self) -> Sent {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.sender.send(batch).map_err(|_| Unwanted)
    }
}

fn pump(
    name: &str,
    label: Option<u8>,
    mut reader: Box<dyn BufRead + Send>,
    out: &mut Out,
    depth: usize,
) -> Sent {
    let mut start = Vec::new();
    let read = reader.by_ref().take(START as u64).read_to_end(&mut start);
    if let Err(error) = read {
        return out.failed(name, &Error::io("read", name)(error));
    }
    let (gzip, tar) = (start.starts_with(GZIP), is_tar(&start));
    // An archive without a member is only zeros, but another one may follow it.
    let zeros = !start.is_empty() && start.iter().all(|&byte| byte == 0) && depth > 0;
    let empty = start.is_empty() && depth > 0;
    let bare = out.bare && !start.starts_with(AVRO);
    let reader: Box<dyn BufRead + Send> = Box::new(Cursor::new(start).chain(reader));
    if gzip && depth < DEEPEST {
        let inside = BufReader::with_capacity(1 << 16, Gunzip::new(reader));
        pump(name, label, Box::new(inside), out, depth + 1)
    } else if tar || zeros {
        members(name, label, reader, out)
    } else if empty {
        Ok(())
    } else if bare {
        whole(name, label, reader, out)
    } else {
        blocks(name, label, reader, out)
    }
}

/// A packet without a container.
fn whole(name: &str, label: Option<u8>, reader: impl BufRead, out: &mut Out) -> Sent {
    let mut bytes = Vec::new();
    match reader.take(1 + MOST_BYTES as u64).read_to_end(&mut bytes) {
        Err(error) => out.failed(name, &Error::io("read", name)(error)),
        Ok(read) if read > MOST_BYTES => {
            let found = format!("more than {MOST_BYTES} bytes");
            out.failed(name, &Error::input(name, "packet", found, "one packet"))
        }
        Ok(_) => out.send(Piece::Whole(name.to_string(), label, bytes)),
    }
}

/// The blocks of a container.
fn blocks(name: &str, label: Option<u8>, mut reader: impl BufRead, out: &mut Out) -> Sent {
    let mut containers = Containers::new(name.to_string(), label);
    loop {
        match containers.next(&mut reader) {
            Ok(None) => return Ok(()),
            Ok(Some((container, block))) => out.send(Piece::Block(container, block))?,
            Err(error) => return out.failed(name, &error),
        }
    }
}

/// The members of a tar file.
fn members(name: &str, label: Option<u8>, reader: impl Read, out: &mut Out) -> Sent {
    let broken = |last: &str, error: String| {
        let place = match last {
            "" => "first member".to_string(),
            last => format!("behind member {last}"),
        };
        let expected = "a whole archive; it may be truncated";
        Error::input(name, place, error, expected)
    };
    let mut archive = tar::Archive::new(reader);
    // Archives that `cat` joined each end with zeros.
    archive.set_ignore_zeros(true);
    let mut last = String::new();
    let mut others = 0;
    // Raw: long names would be read without a limit to their length.
    let entries = match archive.entries() {
        Ok(entries) => entries.raw(true),
        Err(error) => return out.failed(name, &broken(&last, error.to_string())),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return out.failed(name, &broken(&last, error.to_string())),
        };
        let own = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        let length = entry.size();
        let place = format!("{name}/{}", own.trim_start_matches("./"));
        last = own;
        let hidden = last.rsplit('/').next().is_some_and(|n| n.starts_with('.'));
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) || hidden {
            continue;
        }
        let fits = folder::has_fits_name(Path::new(&last));
        let mut start = Vec::new();
        let read = entry.by_ref().take(START as u64).read_to_end(&mut start);
        if !fits && !start.starts_with(AVRO) && !last.to_lowercase().ends_with(".avro") {
            others += 1;
        } else if read.is_ok() && length > SMALL && !fits {
            let reader = BufReader::new(Cursor::new(start).chain(entry));
            blocks(&place, label, reader, out)?;
            continue;
        } else if length > MOST_BYTES as u64 {
            let error = Error::input(&place, "member", format!("{length} bytes"), "a cutout");
            out.failed(&place, &error)?;
        } else {
            let read = read.and_then(|_| entry.read_to_end(&mut start));
            let problem = match read {
                Err(error) => Some(error.to_string()),
                Ok(_) if start.len() as u64 != length => {
                    Some(format!("{} of {length} bytes of {last}", start.len()))
                }
                Ok(_) => None,
            };
            match problem {
                None => out.send(Piece::Whole(place, label, start))?,
                Some(found) => return out.failed(name, &broken(&last, found)),
            }
        }
    }
    if others > 0 {
        out.send(Piece::Notice(format!(
            "{others} members of {name} are neither alerts nor FITS files and were not read"
        )))?;
    }
    Ok(())
}
