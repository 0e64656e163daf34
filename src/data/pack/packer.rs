//! Takes candidates in, and writes them when it has them all.

use std::collections::HashMap;
use std::path::Path;

use super::sort::Sorter;
use super::spool::Spool;
use super::{Dtype, Format, PackOptions, Packed, Step, balance};
use crate::data::beside::Beside;
use crate::data::channels::{Names, described, names};
use crate::data::rows::{Cutout, Row};
use crate::data::writer::{Contents, CubeKind, write_contents};
use crate::data::writer_triple::write_triple;
use crate::data::{Channel, CutoutShape, Skipped, size};
use crate::{Error, Result};

/// What has been read.
pub struct Packer<'a> {
    options: PackOptions,
    /// What says the labels, if the input does not.
    sorter: Option<Sorter<'a>>,
    spool: Spool,
    beside: Beside,
    /// 1 real, 0 bogus, -1 undecided or nothing said.
    labels: Vec<i8>,
    /// Of the first.
    channels: Option<Names>,
    skipped: Vec<Skipped>,
    /// What a user should know.
    pub notices: Vec<String>,
}

impl<'a> Packer<'a> {
    /// Nothing yet; pixels will wait beside `out`.
    pub fn new(out: &Path, options: PackOptions, sorter: Option<Sorter<'a>>) -> Result<Packer<'a>> {
        Ok(Packer {
            options,
            sorter,
            spool: Spool::beside(out)?,
            beside: Beside::default(),
            labels: Vec::new(),
            channels: None,
            skipped: Vec::new(),
            notices: Vec::new(),
        })
    }

    /// A triple does not name its images: three are read as DES has them.
    fn check_order(&self, count: usize) -> Result<()> {
        let named = self.channels.as_deref();
        if self.options.format != Format::Triple || count != 3 || named == Some(&Channel::ALL[..]) {
            return Ok(());
        }
        let expected = format!("{} in a DES triple", names(&Channel::ALL));
        let option = match named {
            Some(_) => "--channels",
            None => "--planes",
        };
        Err(Error::config(option, described(named, count), expected))
    }

    /// One more.
    pub fn take(&mut self, row: Row) -> Result<()> {
        let cutout = match row {
            Row::Cutout(cutout) => *cutout,
            Row::Failed(failed) => {
                self.skipped.push(Skipped {
                    what: failed.candidate.place().to_string(),
                    why: failed.why,
                    unreadable: failed.unreadable,
                    count: 1,
                });
                return Ok(());
            }
        };
        if self.labels.is_empty() {
            self.channels = cutout.channels.clone();
            self.check_order(cutout.shape.channels)?;
        } else if cutout.channels != self.channels {
            let why = match self.channels.as_deref() {
                Some(before) => format!(
                    "found {}, expected {}, as in those before (--planes declares the images, \
                     --channels chooses)",
                    described(cutout.channels.as_deref(), cutout.shape.channels),
                    names(before)
                ),
                None => format!(
                    "found {}, expected images without names, as those before (--planes names \
                     them)",
                    described(cutout.channels.as_deref(), cutout.shape.channels)
                ),
            };
            return self.leave_out(cutout.candidate.place(), why);
        }
        let (shape, values) = match self.options.cutout_size {
            None => (cutout.shape, cutout.values),
            Some(wanted) => match cropped(&cutout, wanted) {
                Some(cropped) => cropped,
                None => {
                    let why = format!(
                        "its size, {} (H x W x images), is smaller than {wanted} one way and \
                         larger the other",
                        cutout.shape
                    );
                    return self.leave_out(cutout.candidate.place(), why);
                }
            },
        };
        let label = match &mut self.sorter {
            None => cutout.label,
            Some(sorter) => {
                sorter.replaced += usize::from(cutout.label.is_some());
                match sorter.label(&cutout.candidate) {
                    Ok(label) => Some(label),
                    Err(why) => return self.leave_out(cutout.candidate.place(), why),
                }
            }
        };
        self.spool.push(shape, &values)?;
        self.beside.push(&cutout.candidate);
        self.labels.push(label.map_or(-1, |label| label as i8));
        Ok(())
    }

    /// A cutout that was read and does not fit.
    fn leave_out(&mut self, what: &str, why: String) -> Result<()> {
        let what = what.to_string();
        if self.options.strict {
            return Err(Error::Candidate {
                candidate: what,
                why,
            });
        }
        self.skipped.push(Skipped {
            what,
            why,
            unreadable: true,
            count: 1,
        });
        Ok(())
    }

    /// The size that most have (of two that are as common the larger), or the one asked for.
    fn shape(&self, out: &Path) -> Result<CutoutShape> {
        let mut counts: HashMap<CutoutShape, usize> = HashMap::new();
        for row in 0..self.spool.len() {
            *counts.entry(self.spool.shape(row)).or_default() += 1;
        }
        let area = |shape: &CutoutShape| (shape.len(), shape.height, shape.width);
        let usual = counts
            .into_iter()
            .max_by_key(|(shape, count)| (*count, area(shape)));
        let Some((mut shape, _)) = usual else {
            let why = self.skipped.first().map_or(String::new(), |s| {
                format!("; the first: {}: {}", s.what, s.why)
            });
            let found = format!("no usable cutout among {}{why}", self.skipped.len());
            return Err(Error::input(out, "cutouts", found, "at least one"));
        };
        if let Some(size) = self.options.cutout_size {
            (shape.height, shape.width) = (size, size);
        }
        Ok(shape)
    }

    /// Writes all of it to `out`.
    pub fn finish(mut self, out: &Path, mut step: impl FnMut(Step)) -> Result<Packed> {
        let shape = self.shape(out)?;
        self.notices
            .extend(self.sorter.iter().flat_map(Sorter::notices));
        let mut rows = Vec::with_capacity(self.labels.len());
        let mut padded = 0;
        for row in 0..self.labels.len() {
            let own = self.spool.shape(row);
            if size::fits(own, shape) {
                rows.push(row);
                padded += usize::from(own != shape);
            } else {
                let id = self.beside.ids.get(row).to_string();
                let why = format!(
                    "its size is {own} (H x W x images), where most are {shape} (--cutout-size \
                     and --planes or --channels make them alike)"
                );
                self.leave_out(&id, why)?;
            }
        }
        if padded > 0 {
            let notice = size::notice(padded, rows.len(), shape);
            self.notices.push(notice);
        }
        self.balance(&mut rows)?;
        let labels: Vec<i8> = rows.iter().map(|&row| self.labels[row]).collect();
        let count = |label: i8| labels.iter().filter(|&&other| other == label).count();
        let counts = [count(1), count(0), count(-1)];
        let labelled = counts[0] + counts[1] > 0;
        self.tell(&rows, labelled, counts[2]);
        let bytes = self.bytes(&rows, shape)?;

        let contents = Contents {
            shape,
            channels: self.channels.as_deref(),
            bytes,
            labels: labelled.then_some(&labels[..]),
            beside: &self.beside,
            rows: &rows,
        };
        step(Step::Writing(rows.len()));
        let mut spooled = self.spool.finish()?;
        let pixels = |write: &mut dyn FnMut(&[u8]) -> Result<()>| {
            for &row in &rows {
                write(spooled.read(row, shape, bytes)?)?;
                step(Step::Written(1));
            }
            Ok(())
        };
        match self.options.format {
            Format::Cube => write_contents(out, &contents, CubeKind::Training, pixels)?,
            Format::Triple => write_triple(out, &contents, pixels)?,
        }
        Ok(Packed {
            count: rows.len(),
            shape,
            channels: self.channels,
            bytes,
            labels: labelled.then_some(counts),
            skipped: self.skipped,
            notices: self.notices,
        })
    }

    /// Keeps of `rows` what the share of real ones asks for.
    fn balance(&mut self, rows: &mut Vec<usize>) -> Result<()> {
        let Some(share) = self.options.frac_true else {
            return Ok(());
        };
        let of = |label: i8| {
            let all = rows.iter().copied();
            all.filter(|&row| self.labels[row] == label)
                .collect::<Vec<_>>()
        };
        let (real, bogus) = (of(1), of(0));
        if real.is_empty() || bogus.is_empty() {
            let found = format!("{share} of {} real and {} bogus", real.len(), bogus.len());
            return Err(Error::config("--frac-true", found, "some labelled of both"));
        }
        let before = rows.len();
        *rows = balance::choose(real, bogus, share, self.options.seed);
        if rows.is_empty() {
            let found = format!("{share}, which keeps nothing");
            return Err(Error::config("--frac-true", found, "more candidates"));
        }
        let kept = rows.iter().filter(|&&row| self.labels[row] == 1).count();
        self.notices.push(format!(
            "{} of {before} candidates were chosen for the balance: {:.4} of them are real",
            rows.len(),
            kept as f64 / rows.len() as f64
        ));
        Ok(())
    }

    fn tell(&mut self, rows: &[usize], labelled: bool, undecided: usize) {
        if !labelled {
            let notice = "no candidate has a label: there will be none in what is written";
            self.notices.push(notice.into());
        } else if undecided > 0 {
            self.notices.push(format!(
                "{undecided} of {} candidates have no label and get -1, undecided, which training \
                 leaves out",
                rows.len()
            ));
        }
        let beside = &self.beside;
        let numbers = [&beside.mags, &beside.mag_errs, &beside.fwhms];
        let more = beside.extra_numbers().into_iter().map(|(_, values)| values);
        let any = numbers
            .into_iter()
            .map(Vec::as_slice)
            .chain(more)
            .any(|values| values.iter().any(|v| !v.is_nan()));
        if self.options.format == Format::Triple && (any || !beside.filters.is_blank()) {
            let notice =
                "a DES triple has no place for magnitudes, filters and positions: a cube has";
            self.notices.push(notice.into());
        }
    }

    /// Whether the pixels are written as bytes.
    fn bytes(&self, rows: &[usize], shape: CutoutShape) -> Result<bool> {
        let is_byte = |row: &usize| self.spool.is_bytes(*row) && self.spool.shape(*row) == shape;
        match (self.options.dtype, self.options.format) {
            (Dtype::F32, _) | (Dtype::Auto, Format::Cube) => Ok(false),
            (Dtype::Auto, Format::Triple) => Ok(rows.iter().all(is_byte)),
            (Dtype::U8, _) => match rows.iter().find(|row| !is_byte(row)) {
                None => Ok(true),
                Some(&row) => Err(Error::Candidate {
                    candidate: self.beside.ids.get(row).to_string(),
                    why:
                        "found pixels that are no whole numbers from 0 to 255, expected bytes for \
                          --dtype u8"
                            .into(),
                }),
            },
        }
    }
}

/// The middle of a cutout; the whole of one that is smaller.
fn cropped(cutout: &Cutout, wanted: usize) -> Option<(CutoutShape, Vec<f32>)> {
    let shape = cutout.shape;
    let square = CutoutShape {
        height: wanted,
        width: wanted,
        ..shape
    };
    match size::crop(&cutout.values, shape, wanted) {
        Some(values) => Some((square, values)),
        None => size::fits(shape, square).then(|| (shape, cutout.values.clone())),
    }
}
