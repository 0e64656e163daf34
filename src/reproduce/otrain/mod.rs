//! O'TRAIN's experiments (Makhlouf et al. 2022, A&A 664 A81): its network trained on five cubes of
//! four telescopes, judged and drawn as in the paper.
//!
//! | file | what it does |
//! |---|---|
//! | `scale` | how large the experiments are |
//! | `cube` | the data cubes: simulated, or the user's own |
//! | `trained` | the trainings on one cube, judged (Table 5, Figs. 10 and 11) |
//! | `sizes` | the same network on larger and smaller cutouts (Fig. 12) |
//! | `cams` | what a network looked at (Figs. 9 and 13) |
//! | `claims` | what the paper says, and whether it is so here |
//! | `tables`, `sections`, `diagnosis`, `studies` | the page |

mod cams;
mod claims;
mod cube;
mod diagnosis;
mod scale;
mod sections;
mod sizes;
mod studies;
mod tables;
mod trained;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use self::cube::Cube;
use self::sizes::Cutouts;
use self::trained::Trained;
use super::watch::{Watcher, begin};
use super::{folder, words};
use crate::backend::Device;
use crate::data::Dataset;
use crate::nn::Architecture;
use crate::report::{Holds, PaperPage};
use crate::study;
use crate::train::{Config, Precision, Progress, Residence, Settings};
use crate::{Error, Result};

pub use scale::Scale;

/// What is to be run.
#[derive(Debug)]
pub struct Request {
    /// The user's own cubes, with labels, one image per cutout, under the paper's names or any
    /// others; without any, the paper's five are simulated.
    pub given: Vec<(String, Arc<Dataset>)>,
    /// How large the experiments are.
    pub scale: Scale,
    /// Of everything that is random.
    pub seed: u64,
    /// Where to train.
    pub device: Device,
    /// What a gpu calculates in.
    pub precision: Precision,
    /// The report's folder, claimed as [`folder::FOLDER`].
    pub out: PathBuf,
    /// Whether trainings that an earlier run left there are done again.
    pub fresh: bool,
    /// The command that was given, for the report.
    pub command: String,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The paper's claims in a few words, and whether they hold.
    pub claims: Vec<(String, Holds)>,
    /// Each cube with its MCC at the best threshold.
    pub cubes: Vec<(String, f64)>,
}

/// All that was done.
struct Done<'a> {
    request: &'a Request,
    config: Config,
    cubes: Vec<Cube>,
    trained: Vec<Trained>,
    cutouts: Option<Cutouts>,
}

/// Runs the experiments and writes the report into `request.out`. Trainings that an earlier run
/// with the same settings has finished there are not done again.
pub fn run(request: &Request, watcher: &mut dyn Watcher) -> Result<Summary> {
    let config = config(request)?;
    watcher.step("making the data cubes", 0.0, None)?;
    let cubes = cube::all(request, &config)?;
    for cube in &cubes {
        let notices = cube.notices.iter();
        notices.for_each(|text| watcher.notice(&format!("{}: {text}", cube.name)));
    }
    let plans: Vec<trained::Plan> = cubes
        .iter()
        .map(|cube| trained::plan(cube, request, &config))
        .collect::<Result<_>>()?;
    let cutouts = sizes::plan(&cubes, request, &config)?;
    let cost = |runs: &[study::Run], data: &Dataset| -> f64 {
        runs.iter().map(|run| run.cost(data.shape)).sum()
    };
    let each: Vec<f64> = cubes
        .iter()
        .zip(&plans)
        .map(|(cube, plan)| cost(&plan.runs, &cube.data))
        .collect();
    let last = cutouts
        .as_ref()
        .map_or(0.0, |plan| cost(&plan.runs, &plan.data));
    let total: f64 = each.iter().sum::<f64>() + last;

    let mut trained = Vec::new();
    for (i, (cube, plan)) in cubes.iter().zip(plans).enumerate() {
        let later = each[i + 1..].iter().sum::<f64>() + last;
        let work = Work {
            name: cube.name.clone(),
            rest: each[i] + later,
            total,
        };
        trained.push(trained::conduct(
            cube,
            plan,
            request,
            later,
            &mut Steps {
                watcher: &mut *watcher,
                work,
            },
        )?);
    }
    let cutouts = match cutouts {
        Some(plan) => {
            let work = Work {
                name: format!("{} by cutout size", plan.cube),
                rest: last,
                total,
            };
            Some(sizes::conduct(
                plan,
                request,
                &mut Steps {
                    watcher: &mut *watcher,
                    work,
                },
            )?)
        }
        None => None,
    };
    let done = Done {
        request,
        config,
        cubes,
        trained,
        cutouts,
    };
    begin(watcher, "drawing", 1.0)?;
    report(&done, watcher)
}

/// The network's published settings, but for what the scale changes: all epochs are done, as in the
/// paper, whatever the validation loss does.
fn config(request: &Request) -> Result<Config> {
    let architecture = Architecture::named("otrain")?;
    let published = architecture.training.batch_size;
    let mut config = Settings {
        epochs: request.scale.epochs,
        // The paper's, however few candidates there are.
        batch_size: Some(request.scale.batch_size.unwrap_or(published)),
        patience: Some(0),
        seed: request.seed,
        ..Settings::default()
    }
    .check(architecture)?;
    config.precision = request.precision;
    Ok(config)
}

/// Draws and writes everything.
fn report(done: &Done, watcher: &mut dyn Watcher) -> Result<Summary> {
    let out = &done.request.out;
    let mut maps: Vec<cams::Seen> = done
        .cubes
        .iter()
        .zip(&done.trained)
        .map(|(cube, trained)| cams::seen(cube, trained))
        .collect::<Result<_>>()?;
    let claims = claims::claims(done, &maps);
    let mut page = PaperPage {
        title: "O'TRAIN (Makhlouf et al. 2022), run again".into(),
        facts: sections::facts(done),
        notices: sections::notices(done),
        summary: claims::summary(done, &claims),
        sections: sections::sections(done, &mut maps)?,
        claims,
        files: Vec::new(),
    };
    let name = |cube: &Cube| format!("{}.safetensors", cube.slug);
    let models = |made: &Path| {
        let models = made.join(folder::MODELS);
        std::fs::create_dir_all(&models).map_err(Error::io("create", &models))?;
        let mut trained = done.cubes.iter().zip(&done.trained);
        trained.try_for_each(|(cube, trained)| {
            trained.classifier.file().write(&models.join(name(cube)))
        })
    };
    for cube in &done.cubes {
        let name = name(cube);
        let what = format!("the network trained on {}", cube.name);
        page.files
            .push((format!("{}/{name}", folder::MODELS), what));
    }
    let evaluations = done.cubes.iter().zip(&done.trained);
    let evaluations = evaluations.map(|(c, t)| (c.name.clone(), json!(t.evaluation)));
    let by_size = done.cubes.iter().zip(&done.trained);
    let by_size = by_size.map(|(c, t)| (c.name.clone(), json!(t.records())));
    let about = page
        .facts
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)));
    let numbers = json!({
        "about": about.collect::<serde_json::Map<_, _>>(),
        "notices": page.notices,
        "claims": page.claims,
        "tables": page.tables().collect::<Vec<_>>(),
        "evaluations": evaluations.collect::<serde_json::Map<_, _>>(),
        "by_training_set": by_size.collect::<serde_json::Map<_, _>>(),
        "by_cutout_size": done.cutouts.as_ref().map(Cutouts::records),
    });
    folder::write(out, &mut page, &numbers, &models, &[], &|_, _| ())?;
    // All that they hold is in the report or in the models.
    let runs = out.join(folder::RUNS);
    if let Err(error) = std::fs::remove_dir_all(&runs) {
        watcher.notice(&format!("{}: {error}", runs.display()));
    }
    let mcc = |t: &Trained| t.judged().confusion.mcc();
    Ok(Summary {
        claims: page
            .claims
            .iter()
            .map(|c| (c.said.clone(), c.holds))
            .collect(),
        cubes: done
            .cubes
            .iter()
            .zip(&done.trained)
            .map(|(c, t)| (c.name.clone(), mcc(t)))
            .collect(),
    })
}

/// A study among others.
struct Work {
    name: String,
    /// What it and those behind it cost, as [`study::Run::cost`] has it.
    rest: f64,
    /// What all of them cost.
    total: f64,
}

/// Passes on what a study says.
struct Steps<'a> {
    watcher: &'a mut dyn Watcher,
    work: Work,
}

impl Steps<'_> {
    fn run(&self, standing: &study::Standing) -> String {
        format!(
            "{}: {} ({} of {})",
            self.work.name, standing.run, standing.number, standing.of
        )
    }
}

impl study::Watcher for Steps<'_> {
    fn step(&mut self, standing: &study::Standing, progress: &Progress) -> Result<()> {
        let open = self.work.rest * (1.0 - standing.done);
        let done = if self.work.total > 0.0 {
            1.0 - open / self.work.total
        } else {
            1.0
        };
        let what = format!(
            "{}, epoch {} of {}",
            self.run(standing),
            progress.epoch,
            progress.epochs
        );
        self.watcher.step(&what, done, standing.left)
    }

    fn epoch(
        &mut self,
        standing: &study::Standing,
        record: &crate::judge::EpochRecord,
        _best: bool,
    ) {
        let what = self.run(standing);
        self.watcher.epoch(&what, record);
    }

    fn finished(&mut self, standing: &study::Standing, record: &study::Record, again: bool) {
        let how = match record.reported() {
            Some(m) => format!(
                "accuracy {}, MCC {}",
                words::three(m.accuracy),
                words::three(m.mcc)
            ),
            None => record.note.clone().unwrap_or_else(|| "no network".into()),
        };
        let before = if again { " (done before)" } else { "" };
        let line = format!("{}: {how}{before}", self.run(standing));
        self.watcher.finished(&line);
    }

    fn notice(&mut self, text: &str) {
        self.watcher.notice(&format!("{}: {text}", self.work.name));
    }

    fn interrupted(&mut self) -> bool {
        self.watcher.interrupted()
    }
}

/// How a study keeps its pixels, and the time between checkpoints within an epoch.
fn keeping() -> (Residence, Duration) {
    (Residence::Auto, Duration::from_secs(300))
}
