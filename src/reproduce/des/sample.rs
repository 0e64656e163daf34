//! The candidates of the experiments: simulated, with wrong labels planted among them, or a
//! user's own.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::scale::Scale;
use crate::data::Dataset;
use crate::data::labels::LabelFile;
use crate::forest::{FeatureTable, TableOptions, features};
use crate::simulate::{Kind, Survey, SurveyConfig, survey};
use crate::{Error, Result};

/// What the experiments are done on.
#[derive(Debug)]
pub struct Sample {
    /// Stamps with their labels as they are given.
    pub data: Arc<Dataset>,
    /// The labels that are right, where these are known: a simulation.
    pub truth: Option<Vec<u8>>,
    /// What the expert says of each candidate: the truth, or a user's repaired labels; `None`
    /// where nobody has looked yet.
    pub repaired: Option<Vec<u8>>,
    /// Which candidates somebody looked at before `repaired`, where that is a file's; `None` in a
    /// simulation, where the expert looks at what model 1 contradicts.
    pub looked: Option<Vec<bool>>,
    /// Whether the forest's features were measured of the stamps alone.
    pub measured: bool,
    /// What the forest sees, row by row as `data`.
    pub features: FeatureTable,
    /// Where the candidates are from, for a sentence.
    pub origin: String,
    /// Who repaired labels, for the beginning of one.
    pub expert: String,
}

/// A camera like DECam at the Blanco telescope: 0.263 arcsec per pixel, 200 s in i, injected
/// sources that are mostly well above the limit. The paper's networks are nearly always right
/// (AUC 0.994), so the simulated survey has few candidates that nature does not tell apart.
fn decam(count: usize, seed: u64) -> SurveyConfig {
    let usual = SurveyConfig::triplets();
    let mut mix: BTreeMap<Kind, f64> = usual.mix.clone();
    mix.insert(Kind::NoisePeak, 0.01);
    SurveyConfig {
        count,
        seed,
        pixel_scale: 0.263,
        zero_point: 25.5,
        exposure: 200.0,
        gain: 1.0,
        read_noise: 7.0,
        saturation: 180_000.0,
        sky_brightness: 20.7,
        seeing: [0.8, 1.4],
        filter: "i".into(),
        magnitudes: [19.0, 23.2],
        threshold: 6.0,
        mix,
        ..usual
    }
}

/// The live survey of Sect. 4.6: another filter, worse seeing, a template of fewer exposures,
/// fainter sources, seven bogus candidates for each real one.
pub(super) fn live_survey(count: usize, seed: u64) -> Result<Survey> {
    let base = decam(count, seed);
    survey(&SurveyConfig {
        exposure: 60.0,
        seeing: [1.0, 1.9],
        template_frames: 3,
        filter: "g".into(),
        magnitudes: [18.5, 22.6],
        threshold: 5.0,
        real_fraction: 1.0 / 8.0,
        ..base
    })
}

impl Sample {
    /// A simulated survey of which some labels are wrong.
    pub fn simulated(scale: &Scale, seed: u64) -> Result<Sample> {
        let config = SurveyConfig {
            wrong_labels: scale.wrong_labels,
            ..decam(scale.candidates, seed)
        };
        let made = survey(&config)?;
        let truth = made.truth;
        let origin = format!(
            "simulated as for DECam (seed {seed}, {} arcsec per pixel, {} s in {}, seeing {} to {} \
             arcsec, sources of {} to {} mag)",
            config.pixel_scale,
            config.exposure,
            config.filter,
            config.seeing[0],
            config.seeing[1],
            config.magnitudes[0],
            config.magnitudes[1]
        );
        let rows: Vec<usize> = (0..made.dataset.len()).collect();
        Ok(Sample {
            features: features::measure(&made.dataset, &rows, &|_| {})?,
            data: Arc::new(made.dataset),
            repaired: Some(truth.clone()),
            looked: None,
            measured: true,
            truth: Some(truth),
            origin,
            expert: "An expert who is always right".into(),
        })
    }

    /// A user's own stamps. `table` has what the forest sees (as autoscan_features.csv); without
    /// it what the stamps give is measured. `repaired` has labels after people have looked;
    /// candidates that it does not name, or calls undecided, keep theirs.
    pub fn of(
        data: Dataset,
        table: Option<&Path>,
        repaired: Option<&LabelFile>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Sample> {
        let Some(labels) = &data.labels else {
            let expected = "labels";
            return Err(Error::input(&data.source, "labels", "none", expected));
        };
        let (mut new, mut looked) = (None, None);
        if let Some(file) = repaired {
            let said = file.said_of(&data)?;
            let both = || said.iter().zip(labels);
            let label = |(said, &label): (&Option<(Option<u8>, bool)>, &u8)| {
                said.and_then(|(label, _)| label).unwrap_or(label)
            };
            let seen = |(said, &label): (&Option<(Option<u8>, bool)>, &u8)| {
                said.is_some_and(|(new, seen)| seen || new.is_some_and(|new| new != label))
            };
            new = Some(both().map(label).collect());
            looked = Some(both().map(seen).collect());
        }
        let features = match table {
            Some(path) => aligned(&data, path)?,
            None => {
                let rows: Vec<usize> = (0..data.len()).collect();
                features::measure(&data, &rows, progress)?
            }
        };
        Ok(Sample {
            origin: format!("read from {}", data.source.display()),
            truth: None,
            expert: "Whoever made the file of repaired labels".into(),
            measured: table.is_none(),
            features,
            repaired: new,
            looked,
            data: Arc::new(data),
        })
    }

    /// The labels as they are given.
    pub fn labels(&self) -> &[u8] {
        self.data.labels.as_deref().expect("looked at when made")
    }

    /// Which labels are wrong, where that is known.
    pub fn wrong(&self) -> Option<Vec<bool>> {
        let truth = self.truth.as_ref()?;
        let both = truth.iter().zip(self.labels());
        Some(both.map(|(truth, label)| truth != label).collect())
    }
}

/// The rows of a table of features in the order of the candidates; one that it does not have has
/// no feature.
fn aligned(data: &Dataset, path: &Path) -> Result<FeatureTable> {
    let table = FeatureTable::read(path, &TableOptions::default())?;
    // Stamps may be named 00123, and the table's ID be 123.
    let plain = |id: &str| id.trim_start_matches('0').to_string();
    let places: HashMap<String, usize> = table.ids.iter().map(|id| plain(id)).zip(0..).collect();
    let width = table.names.len();
    let mut values = Vec::with_capacity(data.len() * width);
    let mut found = 0;
    for candidate in &data.candidates {
        match places.get(&plain(&candidate.id)) {
            Some(&row) => {
                values.extend_from_slice(table.row(row));
                found += 1;
            }
            None => values.extend(std::iter::repeat_n(f32::NAN, width)),
        }
    }
    if found == 0 {
        let first = data.candidates.first().map_or("", |c| &c.id);
        let found = format!("none of the candidates, the first of which is '{first}'");
        return Err(Error::input(
            path,
            "ID",
            found,
            "the features of these candidates",
        ));
    }
    let ids = data.candidates.iter().map(|c| c.id.clone()).collect();
    FeatureTable::new(PathBuf::from(path), table.names, ids, values)
}
