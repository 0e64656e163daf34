//! Which candidates are real, by a catalogue of true positions.

use crate::data::Candidate;
use crate::data::truth::{Place, Radius, Truth};
use crate::{Error, Result};

/// Sorts candidates: real within a radius of a true position, bogus elsewhere.
#[derive(Debug)]
pub struct Sorter<'a> {
    truth: &'a Truth,
    radius: Radius,
    /// Which positions have a candidate.
    found: Vec<bool>,
    /// Candidates that had a label already.
    pub replaced: usize,
}

impl Sorter<'_> {
    /// By the positions of `truth`, which must be of the kind that `radius` is for.
    pub fn new(truth: &Truth, radius: Radius) -> Result<Sorter<'_>> {
        if !truth.answers(radius) {
            let (found, expected) = match radius {
                Radius::Arcsec(_) => ("no RA and Dec", "them, or a --radius in pixels such as 2px"),
                Radius::Pixels(_) => ("no x and y", "them, or a --radius in arc seconds"),
            };
            return Err(Error::input(truth.path(), "columns", found, expected));
        }
        Ok(Sorter {
            found: vec![false; truth.len()],
            truth,
            radius,
            replaced: 0,
        })
    }

    /// 1 real, 0 bogus; why it cannot be said otherwise.
    pub fn label(&mut self, candidate: &Candidate) -> Result<u8, String> {
        let known = match self.radius {
            Radius::Arcsec(_) => candidate.ra.is_finite() && candidate.dec.is_finite(),
            Radius::Pixels(_) => candidate.x.is_finite() && candidate.y.is_finite(),
        };
        match self.radius {
            Radius::Arcsec(_) if !known => {
                return Err("no RA and Dec to compare with the truth's".into());
            }
            Radius::Pixels(_) if !known => {
                return Err("no x and y to compare with the truth's".into());
            }
            Radius::Pixels(_) if self.truth.names_images() && candidate.parent.is_empty() => {
                return Err("no name of its image to compare with the truth's".into());
            }
            _ => {}
        }
        let place = Place {
            ra: candidate.ra,
            dec: candidate.dec,
            x: candidate.x,
            y: candidate.y,
            image: &candidate.parent,
        };
        let near = self.truth.matches(&place, self.radius);
        if let Some(near) = near {
            self.found[near.row] = true;
        }
        Ok(u8::from(near.is_some()))
    }

    /// What a user should know in the end.
    pub fn notices(&self) -> Vec<String> {
        let (total, found) = (self.found.len(), self.found.iter().filter(|f| **f).count());
        let mut notices = vec![format!(
            "{found} of {total} positions in {} have a candidate near them, {} have none",
            self.truth.path().display(),
            total - found
        )];
        if self.replaced > 0 {
            notices.push(format!(
                "{} candidates had labels, which the truth replaces",
                self.replaced
            ));
        }
        notices
    }
}
