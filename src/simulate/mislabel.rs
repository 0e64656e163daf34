//! Labels that are wrong on purpose, of the two kinds that Ayyar et al. (2022, Sect. 4.3, Fig. 6)
//! found in theirs: transients that nobody knew of among the artefacts, which had been drawn
//! from all detections, and injected sources that fell on a saturated star or a bad part of the
//! detector, where nobody can see them.
//!
//! The labels are those of a survey without mistakes; at the places that are chosen the
//! candidate is another one, from a generator of its own.

use std::path::Path;

use super::Survey;
use super::bogus::{self, Demand, bad_columns};
use super::candidate::{Detection, attempt, detected};
use super::canvas::{Canvas, REACH};
use super::config::SurveyConfig;
use super::field;
use super::frame::{Frame, Layers};
use super::kind::Kind;
use super::random::{Random, chance, generator, log_uniform, uniform};
use crate::data::Candidate;
use crate::data::labels::{Decided, LabelRow, write_labels_with};
use crate::data::split::first_of_shuffled;
use crate::{Error, Result};

/// What makes the generators of planted candidates others than those of the survey.
const SALT: u64 = 0x006d_6973_6c61_6265;
/// Share of the hidden sources that fell on a saturated star.
const ON_STARS: f64 = 0.8;
/// A source is hidden where it raises the detection filter's response by less than this
/// part of what the artefact alone gives, or by less than so many sigmas.
const HIDDEN: (f64, f64) = (0.1, 1.5);
/// How far a star lies from the source that fell on it, in pixels.
const ON: f64 = 2.0;
/// Signal-to-noise of bad columns.
const COLUMNS: [f64; 2] = [80.0, 800.0];

/// How a label came to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A real source left among the artefacts: labelled bogus.
    RealAmongBogus,
    /// A source injected where it cannot be seen: labelled real.
    InjectedOnArtefact,
}

impl Mistake {
    /// In a word, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Mistake::RealAmongBogus => "real_among_bogus",
            Mistake::InjectedOnArtefact => "injected_on_artefact",
        }
    }

    /// The label that such a candidate has: 1 real, 0 bogus.
    pub fn label(self) -> u8 {
        u8::from(self == Mistake::InjectedOnArtefact)
    }
}

/// A candidate whose label is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Which.
    pub row: usize,
    /// How it came about.
    pub mistake: Mistake,
}

/// Writes what every candidate of `survey` is in truth, as a label file: `label` is the truth, `was`
/// the label that the survey gives, `planted` says how that came to be wrong and `kind` what the
/// candidate is.
pub fn write_truth(path: &Path, survey: &Survey) -> Result<()> {
    let set = &survey.dataset;
    let given = set.labels.as_ref().expect("a simulated survey has labels");
    let mut planted = vec![String::new(); set.len()];
    for wrong in &survey.planted {
        planted[wrong.row] = wrong.mistake.name().into();
    }
    let row = |row: usize| LabelRow {
        id: set.candidates[row].id.clone(),
        label: Some(survey.truth[row]),
        was: Some(given[row]),
        decision: match survey.truth[row] == given[row] {
            true => Decided::Untouched,
            false => Decided::Flipped,
        },
        by: "simulation".into(),
        pixels: None,
    };
    let rows: Vec<LabelRow> = (0..set.len()).map(row).collect();
    let kinds = survey.kinds.iter().map(|kind| kind.name().into()).collect();
    write_labels_with(path, &rows, &[("planted", planted), ("kind", kinds)])
}

/// Which candidates are to have a wrong label, of those with `labels`; ascending.
pub(super) fn choose(config: &SurveyConfig, labels: &[u8]) -> Result<Vec<Planted>> {
    let wanted = (config.wrong_labels * labels.len() as f64).round();
    let among_bogus = (wanted * config.wrong_bogus).round() as usize;
    let counts = [
        (Mistake::RealAmongBogus, among_bogus),
        (Mistake::InjectedOnArtefact, wanted as usize - among_bogus),
    ];
    let mut planted = Vec::with_capacity(wanted as usize);
    for (mistake, count) in counts {
        let label = mistake.label();
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == label).collect();
        if rows.len() < count {
            let expected = format!("no more than {} of label {label}", rows.len());
            return Err(Error::config("wrong_labels", count.to_string(), expected));
        }
        first_of_shuffled(&mut rows, count, config.seed ^ SALT);
        planted.extend(rows.into_iter().map(|row| Planted { row, mistake }));
    }
    planted.sort_by_key(|planted| planted.row);
    Ok(planted)
}

/// Simulates the candidate that is `planted` into `out` (H, W, C), and says what it is in truth.
pub(super) fn plant(
    config: &SurveyConfig,
    planted: &Planted,
    out: &mut [f32],
) -> (Kind, Candidate) {
    let mut random = generator(config.seed ^ SALT, planted.row as u64);
    let random = &mut random;
    match planted.mistake {
        Mistake::RealAmongBogus => {
            // Nobody knows its magnitude but from the difference image, as of an artefact.
            let unknown = |random: &mut Random| {
                let found = attempt(config, Kind::Real, random);
                let flux = found.signal_to_noise * found.flux_noise;
                Detection {
                    mag: config.magnitude(flux),
                    ..found
                }
            };
            let candidate = detected(config, planted.row, random, out, unknown);
            (Kind::Real, candidate)
        }
        Mistake::InjectedOnArtefact => {
            let kind = match chance(random, ON_STARS) {
                true => Kind::Saturated,
                false => Kind::HotColumn,
            };
            let hidden = |random: &mut Random| hidden(config, kind, random);
            (kind, detected(config, planted.row, random, out, hidden))
        }
    }
}

/// A source injected onto an artefact; found if the pipeline detects something at its place, and
/// the source itself cannot be seen.
fn hidden(config: &SurveyConfig, kind: Kind, random: &mut Random) -> Detection {
    let frame = Frame::draw(config, random);
    let middle = frame.side / 2;
    let mut layers = Layers::new(frame.side);
    field::add_stars(config, &frame, &mut layers.both, random);
    let mut demand = Demand::default();
    match kind {
        Kind::Saturated => {
            bogus::saturated(config, &frame, &mut layers, ON, random);
            demand.mask_saturated = chance(random, 0.3);
        }
        _ => {
            let strength = log_uniform(random, COLUMNS[0], COLUMNS[1]);
            let artefact = bad_columns(frame.side, random);
            bogus::place(config, &frame, &mut layers, &artefact, strength, REACH);
        }
    }
    let mag = field::magnitude(random, config.magnitudes, config.magnitude_slope);
    let [x, y] = [(); 2].map(|()| middle as f64 + uniform(random, -0.5, 0.5));
    let mut with = layers.clone();
    let (flux, faintest) = (config.flux(mag), field::faintest(&frame));
    frame.sharp.add(&mut with.search, x, y, flux, faintest);
    // The same noise without the source says what it adds.
    let mut images = frame.observe(config, &with, None, &mut random.clone());
    let mut without = frame.observe(config, &layers, None, random);
    demand.apply(config, &mut images);
    demand.apply(config, &mut without);
    let response = |image: &Canvas| {
        let found = image.brightest(frame.sigma(), middle, middle, REACH);
        found.flux / frame.flux_noise
    };
    let mut added = images.difference.clone();
    added.add(&without.difference, -1.0);
    let mut negative = without.difference.clone();
    negative.scale(-1.0);
    let artefact = response(&without.difference).max(response(&negative));
    let seen = response(&added);
    let peak = images
        .difference
        .brightest(frame.sigma(), middle, middle, REACH);
    let signal_to_noise = peak.flux / frame.flux_noise;
    Detection {
        x: peak.x,
        y: peak.y,
        mag,
        signal_to_noise,
        flux_noise: frame.flux_noise,
        fwhm: frame.fwhm,
        found: signal_to_noise >= config.threshold && seen < (HIDDEN.0 * artefact).max(HIDDEN.1),
        images,
    }
}
