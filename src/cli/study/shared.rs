//! What every study does: opens data and device, goes on in its folder, writes its table and
//! figure.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::super::Done;
use super::super::args::{Common, Reading};
use super::super::outputs::Outputs;
use super::super::signals;
use super::super::terminal::{Terminal, table};
use super::super::training::{Training, checkpoint_interval};
use super::watch::Watch;
use crate::Result;
use crate::backend::Device;
use crate::data::atomic::atomic_write;
use crate::data::{Dataset, Split};
use crate::nn::Architecture;
use crate::report::{Drawing, Figure, StudyPage, Trained, study_page};
use crate::study::folder::CLAIM;
use crate::study::{AT_MDR, Folder, Record, Run, Study, Table, settings};
use crate::train::{Config, Session};

/// Arguments of every study.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Shared {
    /// As for train: a cube, a folder with true/ and false/ FITS files, …; without it, a survey is
    /// simulated
    #[arg(value_name = "DATA")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the table, the figure and the runs; a stopped study resumes there [default:
    /// study-size, study-cutout, …]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Delete what an earlier study left in DIR and start over
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub training: Training,
    /// Minutes between checkpoints within an epoch; there is one after every epoch
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    pub checkpoint_every: f64,
    #[command(flatten)]
    pub reading: Reading,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: Common,
}

/// What a study works on.
pub struct Opened<'a> {
    /// "size": the subcommand.
    kind: &'static str,
    pub out: PathBuf,
    arguments: &'a Shared,
    pub terminal: Terminal,
    pub device: Device,
    pub data: Arc<Dataset>,
    pub split: Arc<Split>,
    pub config: Config,
    interval: Duration,
    /// For as long as anything is written.
    _outputs: Outputs,
}

/// What a study found.
pub struct Found {
    pub table: Table,
    /// Columns to print, with their heads.
    pub printed: Vec<(&'static str, &'static str)>,
    /// `None` where no run gave a network.
    pub drawing: Option<Drawing>,
    /// What to see in it, and which figure of which paper it is.
    pub caption: &'static str,
    /// What else belongs into the JSON.
    pub more: Value,
    /// What else a user should know, under the table.
    pub words: Vec<String>,
}

/// A number of repeats.
pub fn repeats(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1000) => Ok(count),
        _ => Err("expected from 1 to 1000".into()),
    }
}

impl Shared {
    /// Reads the data and splits them; `change` may give the data names, or whatever a study
    /// needs.
    pub fn open(
        &self,
        kind: &'static str,
        architecture: Architecture,
        change: impl FnOnce(Dataset) -> Result<Dataset>,
    ) -> Result<Opened<'_>> {
        let terminal = self.common.terminal();
        signals::catch(terminal)?;
        let mut config = self.training.settings(&self.common).check(architecture)?;
        let interval = checkpoint_interval(self.checkpoint_every)?;
        let out = self.out.clone();
        let out = out.unwrap_or_else(|| PathBuf::from(format!("study-{kind}")));
        let mut outputs = Outputs::going_on(self.fresh, &self.inputs, &terminal);
        outputs.folder(&out, &CLAIM)?;
        let device = self.common.open(&terminal)?;
        config.precision = self.common.precision_on(&device);
        let input = config.architecture.input;
        let read = self
            .training
            .read(&self.inputs, &self.reading, input, &terminal)?;
        let said = read.notices.len();
        let data = change(read)?;
        let new = data.notices.iter().skip(said);
        new.for_each(|notice| terminal.notice(notice));
        let made = Split::grouped(&data, config.split, config.seed, config.group)?;
        made.notices.iter().for_each(|text| terminal.notice(text));
        let split = made.split;
        let (real, bogus) = data.class_counts();
        terminal.notice(&format!(
            "{real} real and {bogus} bogus cutouts of {}; {} for training, {} for validation, {} for test; on {}",
            data.shape,
            split.train.len(),
            split.validation.len(),
            split.test.len(),
            device.name()
        ));
        let data = Arc::new(data);
        let session = Session::new(config.clone(), &device, data.clone(), split.clone());
        match kind {
            // Every network of a search has its own rate.
            "architecture" => {
                terminal.notice(&session.start_line_with("learning rates drawn"));
                terminal.warnings(&session);
            }
            _ => terminal.start(&session),
        }
        if split.test.is_empty() {
            terminal.notice(
                "no test part: the numbers are those of the validation part, which chose epochs \
                 and thresholds (--split 70/10/20 holds one out)",
            );
        }
        Ok(Opened {
            kind,
            out,
            arguments: self,
            terminal,
            device,
            data,
            split: Arc::new(split),
            config,
            interval,
            _outputs: outputs,
        })
    }
}

impl Opened<'_> {
    /// Goes on in the study's folder, or makes it; `varied` is what the study's own arguments
    /// say. `work` does `of` runs.
    pub fn conduct<T>(
        &self,
        varied: Value,
        of: usize,
        work: impl FnOnce(&mut Study) -> Result<T>,
    ) -> Result<T> {
        let residence = self.arguments.training.resident;
        let (data, split) = (self.data.as_ref(), self.split.as_ref());
        let (where_, what) = ((&self.device, residence), (data, split));
        let settings = settings(self.kind, varied, &self.config, what, where_)?;
        let folder = Folder::open(&self.out, &settings, self.arguments.fresh)?;
        let mut watch = Watch::new(self.terminal);
        let how = (residence, self.interval);
        let data = self.data.clone();
        let mut study = Study::new(folder, data, &self.device, how, of, &mut watch);
        work(&mut study)
    }

    /// As [`conduct`](Self::conduct), of runs that are known from the beginning.
    pub fn conduct_all(&self, varied: Value, runs: &[Run]) -> Result<Vec<Record>> {
        let shape = self.data.shape;
        // All of them would be rows without a number.
        if runs.iter().all(|run| run.plan(shape).is_err()) {
            runs.iter()
                .try_for_each(|run| run.plan(shape).map(|_| ()))?;
        }
        self.warn_of_few_steps(runs);
        self.conduct(varied, runs.len(), |study| study.conduct(runs, 0.0))
    }

    /// Says where a batch that was chosen leaves few steps of a training part that is smaller
    /// than the whole.
    fn warn_of_few_steps(&self, runs: &[Run]) {
        let session = |run: &Run| {
            let (config, split) = (run.config.clone(), run.split.as_ref().clone());
            Session::new(config, &self.device, self.data.clone(), split)
        };
        let whole = self.split.train.len();
        let smaller = runs.iter().filter(|run| run.split.train.len() < whole);
        let smallest = smaller.min_by_key(|run| run.split.train.len());
        let warning = smallest.and_then(|run| Some((run, session(run).few_steps()?)));
        if let Some((run, warning)) = warning {
            self.terminal
                .notice(&format!("{}: warning: {warning}", run.name));
        }
    }

    /// Writes table and figure, and prints the table.
    pub fn finish(&self, mut found: Found) -> Result<Done> {
        signals::finishing();
        let path = |end: &str| self.out.join(format!("study.{end}"));
        found.table.write_csv(&path("csv"))?;
        let all = json!({
            "study": self.kind,
            "data": self.data.source,
            "measured_on": self.part(),
            "mdr": AT_MDR,
            "more": found.more,
            "runs": found.table.json(),
        });
        let text = serde_json::to_string_pretty(&all).expect("plain data");
        atomic_write(path("json"), |out| {
            std::io::Write::write_all(out, format!("{text}\n").as_bytes())
        })?;
        if let Some(drawing) = &found.drawing {
            drawing.save(path("svg"))?;
            drawing.save(path("png"))?;
        }
        self.write_page(&mut found)?;
        self.print(&found, &text)?;
        Ok(Done::reading(&self.data))
    }

    /// Table and figure as one file for the browser.
    fn write_page(&self, found: &mut Found) -> Result<()> {
        let beside = |name: &str, what: &str| (name.to_string(), what.to_string());
        let mut files = vec![
            beside("study.csv", "every number, a row for each training"),
            beside("study.json", "the same as JSON"),
        ];
        let figure = found.drawing.take().map(|drawing| Figure {
            name: format!("study-{}", self.kind),
            // The picture has its own title in it.
            title: "Figure".into(),
            caption: found.caption.into(),
            drawing,
        });
        if figure.is_some() {
            files.push(beside("study.svg", "the figure"));
            files.push(beside("study.png", "the figure"));
        }
        let parts = [&self.split.train, &self.split.validation, &self.split.test];
        let [train, validation, test] = parts.map(Vec::len);
        let facts = [
            ("Data", self.data.source.display().to_string()),
            ("Network", self.config.architecture.name.clone()),
            (
                "Cutouts",
                format!("{} of {}", self.data.len(), self.data.shape),
            ),
            (
                "Parts",
                format!("{train} training, {validation} validation, {test} test"),
            ),
            ("Device", self.device.name()),
        ];
        let page = study_page(&StudyPage {
            title: format!("rbgpu study {}", self.kind),
            facts: facts.map(|(name, value)| (name.into(), value)).to_vec(),
            notices: found.words.clone(),
            table: &found.table.text(&found.printed),
            figure: figure.as_ref(),
            files,
        })?;
        found.drawing = figure.map(|figure| figure.drawing);
        atomic_write(self.out.join("study.html"), |out| {
            std::io::Write::write_all(out, page.as_bytes())
        })
    }

    fn print(&self, found: &Found, json: &str) -> Result<()> {
        if self.arguments.json {
            return self.terminal.result(json);
        }
        if self.arguments.common.quiet {
            return Ok(());
        }
        let mut text = table(&found.table.text(&found.printed));
        text += "\n";
        for words in &found.words {
            text += &format!("\n{words}");
        }
        let out = self.out.display();
        text += &match found.drawing {
            Some(_) => format!("\n{out}/study.html, study.csv, study.json, study.svg, study.png"),
            None => {
                format!("\n{out}/study.html, study.csv, study.json; no run gave a network to draw")
            }
        };
        self.terminal.result(&text)
    }

    /// What the numbers are measured on: "test", or "validation" where there is no test part.
    pub fn part(&self) -> &'static str {
        match self.split.test.is_empty() {
            true => "validation",
            false => "test",
        }
    }

    /// "otrain on cube.npz".
    pub fn title(&self) -> String {
        let data = self.data.source.display().to_string();
        // The end of a path says more than its beginning.
        let short = match data.char_indices().rev().nth(44) {
            Some((at, _)) => format!("…{}", &data[at..]),
            None => data,
        };
        format!("{} on {short}", self.config.architecture.name)
    }

    /// What the numbers are of, and what fails.
    pub fn words(&self, records: &[&Record]) -> Vec<String> {
        let part = match self.split.test.is_empty() {
            true => "validation part, which chose epochs and thresholds too",
            false => "test part; epochs and thresholds were chosen on the validation part",
        };
        let mut words = vec![format!("measured on the {part}")];
        let noted = records.iter().filter_map(|record| {
            let note = record.note.as_ref()?;
            Some(format!("{}: {note}", record.run))
        });
        words.extend(noted);
        words
    }
}

/// A record as a point of a figure.
pub fn trained(x: f64, record: &Record) -> Trained {
    let of = |pick: fn(&crate::study::Measures) -> f64| record.reported().map_or(f64::NAN, pick);
    Trained {
        x,
        delta_accuracy: record.delta_accuracy.unwrap_or(f64::NAN),
        accuracy: of(|m| m.accuracy),
        f1: of(|m| m.f1),
        mcc: of(|m| m.mcc),
    }
}
