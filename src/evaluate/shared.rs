//! What candidates have in common with those that a model was fitted to: an object, or pixels.

use std::collections::HashSet;

use super::held_out::{Asked, Parts};
use crate::Result;
use crate::data::groups::{is_blank, pixel_marks};
use crate::data::{Dataset, Part};

impl Parts {
    /// What to say of the candidates `rows` that were not in the training part of the model
    /// `name`, but show an object that was, or are a repeated cutout of it. Nothing where nobody
    /// knows, or there are no pixels.
    pub fn shared(&self, name: &str, asked: &Asked, rows: &[usize]) -> Result<Option<String>> {
        let Some(data) = asked.data else {
            return Ok(None);
        };
        let in_training = |row: &usize| self.of[*row] == Some(Part::Train);
        let rows: Vec<usize> = rows.iter().copied().filter(|r| !in_training(r)).collect();
        let trained: Vec<usize> = (0..self.of.len()).filter(in_training).collect();
        if rows.is_empty() || (trained.is_empty() && self.training.is_empty()) {
            return Ok(None);
        }
        let object = |row: usize| data.candidates[row].object.trim();
        let mut objects: HashSet<&str> = trained.iter().map(|&row| object(row)).collect();
        objects.extend(self.training.objects.iter().map(String::as_str));
        let marks = self.marks_of_training(data, &trained)?;
        let known = marks.len() as f64;
        let own = pixel_marks(data, &rows)?;
        let (mut all, mut by_object, mut by_pixels) = (0, 0, 0);
        for (&row, mark) in rows.iter().zip(own) {
            let same_object = !is_blank(object(row)) && objects.contains(object(row));
            let same_pixels = marks.contains(&mark);
            by_object += usize::from(same_object);
            by_pixels += usize::from(same_pixels);
            all += usize::from(same_object || same_pixels);
        }
        if all == 0 {
            return Ok(None);
        }
        // CRC-32 are equal by chance once in 2^32 comparisons.
        let chance = rows.len() as f64 * known / 2f64.powi(32);
        let chance = match chance >= 0.5 && by_pixels > 0 {
            true => format!(", some {chance:.0} of these by chance"),
            false => String::new(),
        };
        Ok(Some(format!(
            "{all} of {} candidates share an object or pixels with the training part of {name} \
             ({by_object} an object, {by_pixels} the CRC-32 of their pixels{chance}): these results \
             are too good (--group object, in training, keeps objects in one part)",
            rows.len()
        )))
    }

    /// Marks of the training part: those that its split has, and those of its candidates here.
    fn marks_of_training(&self, data: &Dataset, trained: &[usize]) -> Result<HashSet<u32>> {
        let mut marks = self.training.pixels.clone();
        // Read anew only if they are not known, or are of other images than these.
        let first = pixel_marks(data, &trained[..trained.len().min(1)])?;
        if first.iter().any(|mark| !marks.contains(mark)) {
            marks.extend(pixel_marks(data, trained)?);
        }
        Ok(marks)
    }
}
