//! What stands beside the pixels in a cube, in columns: a survey's candidates
//! take less room so, and arrays are written column by column.

use super::Candidate;

/// Texts of many candidates, one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
    /// Characters of the longest.
    longest: usize,
}

impl Texts {
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
        self.longest = self.longest.max(text.chars().count());
    }

    pub fn get(&self, row: usize) -> &str {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.all[from..self.ends[row]]
    }

    /// Whether all are empty.
    pub fn is_blank(&self) -> bool {
        self.longest == 0
    }
}

/// Metadata of candidates by column.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// CANDID.
    pub ids: Texts,
    pub objects: Texts,
    pub filters: Texts,
    pub parents: Texts,
    pub telescopes: Texts,
    pub mags: Vec<f64>,
    pub mag_errs: Vec<f64>,
    pub fwhms: Vec<f64>,
    pub fwhms_psf: Vec<f64>,
    pub ras: Vec<f64>,
    pub decs: Vec<f64>,
    pub mjds: Vec<f64>,
    pub xs: Vec<f64>,
    pub ys: Vec<f64>,
}

impl Beside {
    /// The columns of `candidates`.
    pub fn of<'a>(candidates: impl IntoIterator<Item = &'a Candidate>) -> Beside {
        let mut beside = Beside::default();
        candidates.into_iter().for_each(|one| beside.push(one));
        beside
    }

    pub fn push(&mut self, candidate: &Candidate) {
        self.ids.push(&candidate.id);
        self.objects.push(&candidate.object);
        self.filters.push(&candidate.filter);
        self.parents.push(&candidate.parent);
        self.telescopes.push(&candidate.telescope);
        self.mags.push(candidate.mag);
        self.mag_errs.push(candidate.mag_err);
        self.fwhms.push(candidate.fwhm);
        self.fwhms_psf.push(candidate.fwhm_psf);
        self.ras.push(candidate.ra);
        self.decs.push(candidate.dec);
        self.mjds.push(candidate.mjd);
        self.xs.push(candidate.x);
        self.ys.push(candidate.y);
    }

    /// What O'TRAIN's cubes have no place for, by the name of its array in rbgpu's.
    pub fn extra_texts(&self) -> [(&'static str, &Texts); 3] {
        [
            ("objects", &self.objects),
            ("parents", &self.parents),
            ("telescopes", &self.telescopes),
        ]
    }

    /// The same of numbers.
    pub fn extra_numbers(&self) -> [(&'static str, &[f64]); 6] {
        [
            ("ras", &self.ras),
            ("decs", &self.decs),
            ("mjds", &self.mjds),
            ("xs", &self.xs),
            ("ys", &self.ys),
            ("fwhms_psf", &self.fwhms_psf),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let mut texts = Texts::default();
        assert!(texts.is_blank());
        ["", "Å–名", "x", ""]
            .iter()
            .for_each(|text| texts.push(text));
        assert!(!texts.is_blank());
        assert_eq!(
            [0, 1, 2, 3].map(|row| texts.get(row)),
            ["", "Å–名", "x", ""]
        );
    }
}
