//! What candidates have in common: a name, or their pixels.

use rayon::prelude::*;

use super::Name;
use crate::data::labels::pixels_mark;
use crate::data::{Candidate, Dataset};
use crate::{Error, Result};

/// The id of a candidate, where its input gave it one.
pub fn own_id(candidate: &Candidate) -> &str {
    match candidate.id_is_place {
        true => "",
        false => &candidate.id,
    }
}

/// Whether a name stands for none.
pub fn is_blank(name: &str) -> bool {
    const NONE: [&str; 8] = ["0", "-1", "none", "null", "nan", "n/a", "--", "unknown"];
    let name = name.trim();
    name.is_empty() || NONE.iter().any(|none| none.eq_ignore_ascii_case(name))
}

/// The rows of each name that several have.
pub fn of_name(count: usize, name: Name<'_>) -> Vec<Vec<usize>> {
    let name = |row: usize| name(row).trim();
    // Sorted rather than hashed: a row number for each of ten million is little.
    let mut rows: Vec<usize> = (0..count).filter(|&row| !is_blank(name(row))).collect();
    rows.par_sort_unstable_by(|&a, &b| name(a).cmp(name(b)).then(a.cmp(&b)));
    repeated(&rows, |a, b| name(a) == name(b))
}

fn repeated(sorted: &[usize], same: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    sorted
        .chunk_by(|&a, &b| same(a, b))
        .filter(|run| run.len() > 1)
        .map(<[usize]>::to_vec)
        .collect()
}

/// The rows of each cutout that is there several times.
pub fn of_pixels(set: &Dataset) -> Result<Vec<Vec<usize>>> {
    let all: Vec<usize> = (0..set.len()).collect();
    let marks = pixel_marks(set, &all)?;
    let mut rows = all;
    rows.par_sort_unstable_by_key(|&row| (marks[row], row));
    // Among millions some have the same mark by chance.
    let alike = repeated(&rows, |a, b| marks[a] == marks[b]);
    let compared: Vec<Vec<Vec<usize>>> = alike
        .into_par_iter()
        .map(|run| same_pixels(set, &run))
        .collect::<Result<_>>()?;
    Ok(compared.into_iter().flatten().collect())
}

/// Of rows with one mark those that are the same in truth.
fn same_pixels(set: &Dataset, run: &[usize]) -> Result<Vec<Vec<usize>>> {
    let read = |row: usize| {
        let mut values = vec![0.0; set.shape.len()];
        set.pixels.read(row, &mut values)?;
        Ok::<Vec<f32>, Error>(values)
    };
    let equal = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let mut kinds: Vec<(Vec<f32>, Vec<usize>)> = Vec::new();
    for &row in run {
        let values = read(row)?;
        let kind = kinds
            .iter_mut()
            .find(|(first, _)| first.iter().zip(&values).all(|(a, b)| equal(a, b)));
        match kind {
            Some((_, rows)) => rows.push(row),
            None => kinds.push((values, vec![row])),
        }
    }
    kinds.retain(|(values, rows)| rows.len() > 1 && has_contrast(values));
    Ok(kinds.into_iter().map(|(_, rows)| rows).collect())
}

/// Whether two pixels differ, where there are two. Cutouts that are blank or constant are equal
/// without being of one source: they say nothing of each other.
fn has_contrast(values: &[f32]) -> bool {
    if values.len() == 1 {
        return true;
    }
    let mut finite = values.iter().filter(|value| value.is_finite());
    let first = finite.next();
    finite.any(|value| Some(value) != first)
}

/// [`pixels_mark`] of the cutouts `rows` of `set`, in that order: one pass, in parallel.
pub fn pixel_marks(set: &Dataset, rows: &[usize]) -> Result<Vec<u32>> {
    /// Rows that are read before a mapped file may leave memory again.
    const PIECE: usize = 8192;
    let mut marks = Vec::with_capacity(rows.len());
    for piece in rows.chunks(PIECE) {
        let own: Vec<u32> = piece
            .par_iter()
            .map_init(
                || vec![0.0; set.shape.len()],
                |values, &row| {
                    set.pixels.read(row, values)?;
                    Ok(pixels_mark(values))
                },
            )
            .collect::<Result<_>>()?;
        marks.extend(own);
        if rows.len() == set.len() {
            set.pixels.pass(piece.last().map_or(0, |last| last + 1));
        }
    }
    Ok(marks)
}
