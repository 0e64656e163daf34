//! The score in the header of a copy of each FITS cutout; all else stays byte for
//! byte, but for a CHECKSUM of that header, which is made right again.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use fitsio_pure::header::{Card, format_card};
use fitsio_pure::value::Value;
use fitsio_pure::{CARD_SIZE, checksum, gzip};
use rayon::prelude::*;

use super::Scored;
use crate::data::atomic::{Temporary, folder_beside};
use crate::data::claims;
use crate::data::fits::checksums;
use crate::data::fits::hdus::parts;
use crate::data::folder::has_fits_name;
use crate::data::writer_fits::check_folder;
use crate::{Error, Result};

/// Bytes of a block of a FITS file.
const BLOCK: usize = 2880;

/// The longest text that one card holds.
const LONGEST_TEXT: usize = 68;

/// A folder of copies that is there when [`finish`](Self::finish) was called, and
/// not before.
#[derive(Debug)]
pub struct FitsCopies {
    place: Temporary,
    folder: PathBuf,
    model: String,
    written: usize,
}

impl FitsCopies {
    /// Copies to go to `folder`, which is new or empty. `model` names what gave the
    /// scores.
    pub fn new(folder: &Path, model: &str) -> Result<FitsCopies> {
        check_folder(folder)?;
        claims::check(folder)?;
        Ok(FitsCopies {
            place: folder_beside(folder)?,
            folder: folder.to_path_buf(),
            model: model.to_string(),
            written: 0,
        })
    }

    /// Copies those of `rows` that were read from FITS files of their own.
    pub fn write(&mut self, rows: &[Scored]) -> Result<()> {
        let own = |row: &&Scored| {
            let file = Path::new(&row.candidate.file);
            !(row.failed && row.score.is_nan()) && has_fits_name(file) && file.is_file()
        };
        let rows: Vec<&Scored> = rows.iter().filter(own).collect();
        rows.par_iter().try_for_each(|row| self.copy(row))?;
        self.written += rows.len();
        Ok(())
    }

    /// Puts the folder in its place; how many copies there are.
    pub fn finish(self) -> Result<usize> {
        let folder = &self.folder;
        if folder.exists() {
            std::fs::remove_dir(folder).map_err(Error::io("replace", folder))?;
        }
        std::fs::rename(self.place.path(), folder).map_err(Error::io("create", folder))?;
        Ok(self.written)
    }

    fn copy(&self, row: &Scored) -> Result<()> {
        let file = Path::new(&row.candidate.file);
        let bytes = std::fs::read(file).map_err(Error::io("read", file))?;
        let broken = |found: String| {
            let expected = "a header that a score can be written into";
            Error::input(file, "header", found, expected)
        };
        let copy = match gzip::is_gzip(&bytes) {
            true => {
                let whole = gzip::decompress(&bytes).map_err(|e| broken(e.to_string()))?;
                gzip::compress(&with_score(&whole, row, &self.model).map_err(broken)?, 6)
            }
            false => with_score(&bytes, row, &self.model).map_err(broken)?,
        };
        let failed = |e| Error::io("write", &self.folder)(e);
        let name = file.file_name().unwrap_or(OsStr::new("cutout.fits"));
        // Cutouts of several folders may have one name.
        for again in 0.. {
            let mut new = OpenOptions::new();
            let path = self.place.path().join(match again {
                0 => name.to_os_string(),
                _ => OsStr::new(&format!("{again}_{}", name.to_string_lossy())).into(),
            });
            match new.write(true).create_new(true).open(&path) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(e)),
                Ok(mut out) => return out.write_all(&copy).map_err(failed),
            }
        }
        Ok(())
    }
}

/// The FITS file `bytes` with the cards RBSCORE, RBCLASS and RBMODEL in its first
/// header: in the place of older ones, else before END.
pub fn with_score(bytes: &[u8], row: &Scored, model: &str) -> Result<Vec<u8>, String> {
    let cards = bytes.as_chunks::<CARD_SIZE>().0;
    let end = cards
        .iter()
        .position(|card| card.trim_ascii_end() == b"END")
        .ok_or("no END")?;
    let data = ((end + 1) * CARD_SIZE).next_multiple_of(BLOCK);
    if data > bytes.len() {
        return Err("an incomplete block".into());
    }
    let model: String = model
        .chars()
        .map(|c| if matches!(c, ' '..='~') { c } else { '_' })
        .take(LONGEST_TEXT)
        .collect();
    let text = |text: &str| Value::String(text.into());
    let mut new = vec![
        card(
            "RBCLASS",
            text(row.decision.name()),
            "by the model's threshold",
        ),
        card("RBMODEL", text(&model), ""),
    ];
    if !row.score.is_nan() {
        new.insert(
            0,
            card("RBSCORE", Value::Float(row.score), "P(real), by rbgpu"),
        );
    }
    let mut header: Vec<[u8; CARD_SIZE]> = cards[..end].to_vec();
    // A score of another time is none of this one.
    header.retain(|card| !(row.score.is_nan() && &card[..8] == b"RBSCORE "));
    for card in new {
        match header.iter_mut().find(|old| old[..8] == card[..8]) {
            Some(old) => *old = card,
            None => header.push(card),
        }
    }
    let mut out = header.concat();
    out.extend_from_slice(b"END");
    out.resize(out.len().next_multiple_of(BLOCK), b' ');
    let header_end = out.len();
    out.extend_from_slice(&bytes[data..]);
    restamp(bytes, &mut out, &header, header_end);
    Ok(out)
}

fn card(name: &str, value: Value, comment: &str) -> [u8; CARD_SIZE] {
    let mut keyword = [b' '; 8];
    keyword[..name.len()].copy_from_slice(name.as_bytes());
    format_card(&Card {
        keyword,
        value: Some(value),
        comment: (!comment.is_empty()).then(|| comment.to_string()),
    })
}

/// Makes CHECKSUM of the first HDU of `out` right: with sixteen zeros in its place the sum of
/// all words is what the text must make up for. One that was wrong, empty or no text in
/// `old` stays as it is: a new one would hide the damage.
fn restamp(old: &[u8], out: &mut [u8], header: &[[u8; CARD_SIZE]], header_end: usize) {
    let Ok(parts) = parts(old, Path::new("")) else {
        return;
    };
    let checked = parts[0].cards.value("CHECKSUM").is_some();
    let place = header.iter().position(|card| &card[..8] == b"CHECKSUM");
    let Some(place) = place.filter(|_| checked && checksums::checksum_is_right(old, &parts[0]))
    else {
        return;
    };
    let end = header_end + parts[0].hdu.data_len.next_multiple_of(BLOCK);
    // A string begins at byte 11 of its card; the sum counts words of 4 bytes.
    let text = place * CARD_SIZE + 11;
    out[text..text + 16].fill(b'0');
    let sum = checksums::sum_of(out, 0, end);
    let new = checksum::encode_checksum(sum, true);
    out[text..text + 16].copy_from_slice(&new);
}
