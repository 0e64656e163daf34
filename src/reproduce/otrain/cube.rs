//! The data cubes: simulated, or the user's own (Makhlouf et al. 2022, Sect. 5.3, Table 3).

use std::path::PathBuf;
use std::sync::Arc;

use super::Request;
use crate::data::{Dataset, Split};
use crate::reproduce::telescopes::{CUBES, Telescope};
use crate::reproduce::words::slug;
use crate::simulate::{Kind, Survey, SurveyConfig, survey};
use crate::train::Config;
use crate::{Error, Result};

/// Pixels across to which larger cutouts are cropped for training (Sect. 5.3.1) ...
pub(super) const CROPPED: usize = 32;
/// ... where they are larger than the largest that the paper trains on (Sect. 8.1).
pub(super) const LARGEST: usize = 48;

/// One data cube.
pub(super) struct Cube {
    /// What it is called: "JAST-gmadet".
    pub name: String,
    /// The same for files and ids; no two alike.
    pub slug: String,
    /// Which of the paper's it is.
    pub telescope: Option<Telescope>,
    /// How it was simulated; `None` for a user's own.
    pub simulated: Option<SurveyConfig>,
    /// What each candidate is in truth; empty for a user's own.
    pub kinds: Vec<Kind>,
    /// The cutouts at their own size.
    pub whole: Arc<Dataset>,
    /// The cutouts as the network is trained on them.
    pub data: Arc<Dataset>,
    /// Which are for training and which for validation.
    pub split: Arc<Split>,
    /// What the split keeps together, and what is strange about labels.
    pub notices: Vec<String>,
}

impl Cube {
    /// 1 real, 0 bogus.
    pub fn labels(&self) -> &[u8] {
        self.data.labels.as_deref().expect("split by label")
    }

    /// Whether the cutouts were cropped for training.
    pub fn is_cropped(&self) -> bool {
        self.data.shape != self.whole.shape
    }

    /// The figure in the paper that shows how its training went.
    pub fn figure(&self) -> Option<&'static str> {
        self.telescope.map(|telescope| telescope.figure)
    }

    fn new(
        name: String,
        telescope: Option<Telescope>,
        simulated: Option<SurveyConfig>,
        whole: Arc<Dataset>,
        config: &Config,
    ) -> Result<Cube> {
        let side = whole.shape.height.max(whole.shape.width);
        let data = match side > LARGEST {
            true => {
                let least = whole.shape.height.min(whole.shape.width);
                Arc::new(whole.cropped(CROPPED.min(least))?)
            }
            false => whole.clone(),
        };
        let made = Split::grouped(&data, config.split, config.seed, config.group)?;
        let split = made.split;
        if split.validation.is_empty() {
            let expected = "a validation part, which chooses the threshold";
            return Err(Error::input(&whole.source, "its split", "none", expected));
        }
        Ok(Cube {
            slug: slug(&name),
            name,
            telescope,
            simulated,
            kinds: Vec::new(),
            whole,
            data,
            split: Arc::new(split),
            notices: made.notices,
        })
    }
}

/// The cubes of a request, in the paper's order and then in the user's.
pub(super) fn all(request: &Request, config: &Config) -> Result<Vec<Cube>> {
    let mut cubes = Vec::new();
    if request.given.is_empty() {
        for (i, telescope) in CUBES.iter().enumerate() {
            let scale = &request.scale;
            let count = if i == 0 {
                scale.first
            } else {
                scale.candidates
            };
            // Other fields for each telescope.
            let seed = request.seed.wrapping_add(1000 * i as u64);
            let simulated = telescope.survey(count, seed);
            let Survey {
                dataset: mut made,
                kinds,
                ..
            } = survey(&simulated)?;
            made.source = PathBuf::from(format!("{}, simulated", telescope.name));
            let whole = Arc::new(made);
            let name = telescope.name.to_string();
            let cube = Cube::new(name, Some(*telescope), Some(simulated), whole, config)?;
            cubes.push(Cube { kinds, ..cube });
        }
        return Ok(cubes);
    }
    for (name, whole) in &request.given {
        let telescope = Telescope::named(name);
        let name = telescope.map_or(name.clone(), |t| t.name.to_string());
        if whole.shape.channels != 1 {
            let expected = "one image per cutout, the difference, as O'TRAIN takes it";
            let found = whole.shape.to_string();
            return Err(Error::input(&whole.source, "cutouts", found, expected));
        }
        cubes.push(Cube::new(name, telescope, None, whole.clone(), config)?);
    }
    let place = |cube: &Cube| {
        let known = |t: &Telescope| CUBES.iter().position(|c| c.name == t.name);
        cube.telescope
            .as_ref()
            .and_then(known)
            .unwrap_or(CUBES.len())
    };
    cubes.sort_by_key(place);
    for (i, cube) in cubes.iter().enumerate() {
        let twice = cubes[..i].iter().any(|other| other.slug == cube.slug);
        if twice || cube.slug.is_empty() {
            let found = format!("a cube called '{}'", cube.name);
            let expected = "names with letters or digits that no two cubes share";
            return Err(Error::config("--data", found, expected));
        }
    }
    Ok(cubes)
}
