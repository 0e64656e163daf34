//! Folders of the Dark Energy Survey's autoscan stamps: `temp123.gif`,
//! `srch123.gif` and `diff123.gif` (or .fits) are the template, search and
//! difference of candidate 123. What is artifact and what is not stands in
//! `autoscan_features*.csv` in the same folder. The survey's release has 2.7
//! million stamps in folders of folders; two levels are looked through.

mod features;
mod find;
mod stamp;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use features::Features;
use find::{Stamps, Triplet};
use stamp::Stamp;

pub(super) use find::has_stamps;

use super::channels::Names;
use super::options::{LabelPolarity, ReadOptions};
use super::rows::{Cutout, Failed, Row, Rows};
use super::{Candidate, Channel, CutoutShape};
use crate::{Error, Result};

/// How the name of a stamp begins.
fn prefix(channel: Channel) -> &'static str {
    match channel {
        Channel::Template => "temp",
        Channel::Search => "srch",
        Channel::Difference => "diff",
    }
}

/// The candidates of a folder of stamps.
pub(super) struct OfStamps {
    stamps: Stamps,
    features: Features,
    /// Images that are read.
    channels: Names,
    demanding: bool,
    next: usize,
    notices: Vec<String>,
}

/// The candidates of the folder at `path`, ordered by their numbers.
pub(super) fn rows(path: &Path, options: &ReadOptions) -> Result<OfStamps> {
    let (stamps, mut notices) = find::stamps(path)?;
    let tables = match &options.labels {
        Some(table) => vec![table.clone()],
        None => tables(path)?,
    };
    if tables.is_empty() && options.input_must_have_labels() {
        let expected = "autoscan_features*.csv with columns ID and OBJECT_TYPE there, or \
                        --labels FILE";
        let found = "stamps without a table of labels";
        return Err(Error::input(path, "labels", found, expected));
    }
    let real_is_one = options.label_polarity == LabelPolarity::RealIsOne;
    let mut features = Features::new(real_is_one);
    for table in &tables {
        features.read(table)?;
    }
    if !tables.is_empty() {
        let known = |triplet: &&Triplet| features.get(triplet.number).is_some();
        let (labelled, total) = (
            stamps.triplets.iter().filter(known).count(),
            stamps.triplets.len(),
        );
        if labelled < total {
            notices.push(format!(
                "{} of {total} candidates of {} have no row in the table of labels",
                total - labelled,
                path.display()
            ));
        }
        if labelled < features.len() {
            notices.push(format!(
                "{} of {} rows of the table of labels have no stamps in {}",
                features.len() - labelled,
                features.len(),
                path.display()
            ));
        }
    }
    let channels = options.images().unwrap_or(&Channel::ALL);
    Ok(OfStamps {
        stamps,
        features,
        channels: channels.into(),
        demanding: options.input_must_have_labels(),
        next: 0,
        notices,
    })
}

/// The tables of labels in a folder, by name.
fn tables(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        if name.starts_with("autoscan_features") && plain.ends_with(".csv") {
            tables.push(entry.path());
        }
    }
    tables.sort();
    Ok(tables)
}

impl OfStamps {
    fn row(&self, triplet: &Triplet) -> Row {
        let candidate = Candidate {
            id: triplet.id(),
            ..Candidate::default()
        };
        let label = self.features.get(triplet.number);
        match label {
            None if self.demanding => {
                return Row::left_out(candidate, "no row in the table of labels");
            }
            Some(None) if self.demanding => {
                return Row::left_out(candidate, "undecided in the table of labels");
            }
            _ => {}
        }
        match self.cutout(triplet, candidate.clone()) {
            Ok(cutout) if cutout.candidate.edge == Some(true) => Row::at_edge(cutout.candidate),
            Ok(cutout) => Row::of(cutout),
            Err(why) => Row::Failed(Box::new(Failed {
                candidate,
                why,
                unreadable: true,
            })),
        }
    }

    fn cutout(&self, triplet: &Triplet, candidate: Candidate) -> Result<Cutout, String> {
        let mut stamps: Vec<Stamp> = Vec::with_capacity(self.channels.len());
        for &channel in self.channels.iter() {
            let path = self.stamps.path(triplet, channel)?;
            let stamp = Stamp::read(&path).map_err(|error| error.to_string())?;
            if let Some(first) = stamps.first()
                && first.size != stamp.size
            {
                let ([h, w], [height, width]) = (stamp.size, first.size);
                return Err(format!(
                    "{}: found {h}x{w} pixels, expected {height}x{width} as in the {}",
                    path.display(),
                    self.channels[0]
                ));
            }
            stamps.push(stamp);
        }
        let channels = stamps.len();
        let [height, width] = stamps.first().map_or([0, 0], |stamp| stamp.size);
        let mut values = vec![0.0; height * width * channels];
        let mut known = candidate;
        let mut remarks = Vec::new();
        for (at, stamp) in stamps.into_iter().enumerate() {
            stamp.put(&mut values, at, channels);
            remarks.extend(stamp.remarks);
            // FITS stamps may have keywords; those of the last image, the difference.
            if let Some(from) = stamp.candidate {
                known = Candidate {
                    id: known.id,
                    id_is_place: false,
                    file: String::new(),
                    ..from
                };
            }
        }
        let label = self.features.describe(triplet.number, &mut known);
        Ok(Cutout {
            candidate: known,
            label,
            channels: Some(self.channels.clone()),
            shape: CutoutShape {
                height,
                width,
                channels,
            },
            values,
            remarks,
        })
    }
}

impl Rows for OfStamps {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        let all = &self.stamps.triplets;
        let end = all.len().min(self.next.saturating_add(most));
        let rows = all[self.next..end].par_iter().map(|one| self.row(one));
        let rows = rows.collect();
        self.next = end;
        Ok(rows)
    }

    fn expected(&self) -> Option<usize> {
        Some(self.stamps.triplets.len())
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}
