//! Arguments that mean the same in every subcommand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::terminal::Terminal;
use crate::backend::Device;
use crate::backend::gpu::GpuPrecision;
use crate::data::channels::each_once;
use crate::data::{
    self, Channel, Dataset, Heard, LabelPolarity, PacketSchema, ReadOptions, Skipped,
};
use crate::error::escape::one_line;
use crate::formats::ModelFile;
use crate::memory::{HEADROOM, left_in_group};
use crate::train::{Classifier, Precision};
use crate::{Error, Result};

/// What every subcommand that runs a network takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Device: auto (a real GPU if there is one, else cpu), gpu, cpu, or part of an adapter's
    /// name
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// GPU arithmetic precision: f32, or f16 (faster with matrix units; weights and sums stay
    /// f32)
    #[arg(long, default_value = "f32", value_name = "NAME")]
    pub precision: Precision,
    /// Limit on tensor memory on the device, in MiB; a larger batch is split
    #[arg(long, value_name = "MIB")]
    pub memory_limit: Option<u64>,
    /// Print errors only
    #[arg(long, short)]
    pub quiet: bool,
    /// Print more: a line per epoch, every skipped input
    #[arg(long, short)]
    pub verbose: bool,
}

impl Common {
    /// Where to print to.
    pub fn terminal(&self) -> Terminal {
        Terminal::new(self.quiet, self.verbose)
    }

    /// Opens the device; says so when it is not what might be expected.
    pub fn open(&self, terminal: &Terminal) -> Result<Device> {
        let device = self.open_unlimited(terminal)?;
        let asked = self.memory_limit.map(|mib| mib.saturating_mul(1 << 20));
        // A container's memory is not refused: whoever takes more is killed.
        let group = match device {
            Device::Cpu(_) => left_in_group().map(|left| left.saturating_sub(HEADROOM as u64)),
            _ => None,
        };
        device.limit_memory(asked.or(group));
        if self.precision_on(&device) != self.precision {
            terminal.notice("--precision f16 needs a gpu: calculating in f32");
        }
        Ok(device)
    }

    /// What is calculated in: f32 on a device that has no choice.
    pub fn precision_on(&self, device: &Device) -> Precision {
        match device {
            Device::Gpu(_) => self.precision,
            _ => Precision::F32,
        }
    }

    /// Refuses what cannot be had.
    pub fn check(&self) -> Result<()> {
        match (self.device.as_str(), self.precision) {
            ("cpu", Precision::F16) => Err(Error::config(
                "--precision",
                "f16 with --device cpu",
                "f32 there: f16 needs a gpu",
            )),
            _ => Ok(()),
        }
    }

    fn open_unlimited(&self, terminal: &Terminal) -> Result<Device> {
        self.check()?;
        let precision = match self.precision {
            Precision::F32 => GpuPrecision::F32,
            Precision::F16 => GpuPrecision::F16,
        };
        let (device, notice) = Device::open(&self.device, precision)?;
        if let Some(notice) = notice {
            terminal.notice(&notice);
        }
        Ok(device)
    }
}

/// How an input is read.
#[derive(Debug, Args)]
pub struct Reading {
    /// Keys of a .npz, such as cube=stamps or labels=label; may be repeated
    #[arg(long = "key", value_name = "NAME=KEY")]
    pub keys: Vec<String>,
    /// Key of a .npz with each cutout's part: 0 or train, 1 or validation, 2 or test
    #[arg(long, value_name = "KEY")]
    pub split_key: Option<String>,
    /// Meaning of label 1: auto (artifact in a DES triple, else real), real-is-one,
    /// real-is-zero
    #[arg(long, default_value = "auto", value_name = "WHICH")]
    pub label_polarity: LabelPolarity,
    /// Stop at the first unreadable file instead of skipping it
    #[arg(long)]
    pub strict: bool,
    /// Declare the images of each cutout, in order, for input that does not name them:
    /// template, search (or science), difference, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub planes: Vec<Channel>,
    /// Choose images of each cutout by name, in this order, such as template,search,difference;
    /// for a model without image names: the images it takes
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub channels: Vec<Channel>,
    /// Schema of alert packets without one, as in Kafka: an .avsc file, or a folder of them for
    /// nested records in separate files (Rubin)
    #[arg(long, value_name = "FILE|FOLDER")]
    pub schema: Option<PathBuf>,
    /// Labels that replace the input's own: a table with columns id and label (1 real, 0 bogus,
    /// -1 undecided), or DES' table of stamps (columns ID, OBJECT_TYPE) in place of the
    /// folder's autoscan_features*.csv
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Also train on FITS files without O'TRAIN's keywords CANDID and EDGE
    #[arg(long)]
    pub lenient: bool,
}

impl Reading {
    /// How to read; a model takes `model_images`, unless others are chosen.
    pub fn options(
        &self,
        labels_required: bool,
        model_images: Option<Vec<Channel>>,
    ) -> Result<ReadOptions> {
        each_once("--planes", &self.planes)?;
        each_once("--channels", &self.channels)?;
        let given = |names: &Vec<Channel>| (!names.is_empty()).then(|| names.clone());
        let mut keys = BTreeMap::new();
        for pair in &self.keys {
            let (name, key) = pair
                .split_once('=')
                .ok_or_else(|| Error::config("--key", pair, "NAME=KEY, such as cube=stamps"))?;
            keys.insert(name.to_string(), key.to_string());
        }
        Ok(ReadOptions {
            keys,
            split_key: self.split_key.clone(),
            label_polarity: self.label_polarity,
            labels_required,
            labels_kept: false,
            strict: self.strict,
            planes: given(&self.planes),
            schema: match &self.schema {
                Some(path) => Some(Arc::new(PacketSchema::read(path)?)),
                None => None,
            },
            channels: given(&self.channels),
            model_images,
            labels: self.labels.clone(),
            relabelled: None,
            lenient: self.lenient,
            heard: Heard::default(),
        })
    }

    /// Opens the inputs, and says what a user should know of them.
    pub fn open(
        &self,
        inputs: &[PathBuf],
        labels_required: bool,
        terminal: &Terminal,
    ) -> Result<Dataset> {
        self.open_with(inputs, labels_required, None, terminal)
    }

    /// `model`, told by `--channels` which images it takes if it does not know; a guess of them
    /// is said.
    pub fn told(&self, model: ModelFile, terminal: &Terminal) -> Result<ModelFile> {
        let model = match self.channels.is_empty() {
            true => model,
            false => model.with_channels(&self.channels)?,
        };
        if let Some(notice) = model.takes().notice() {
            terminal.notice(&notice);
        }
        Ok(model)
    }

    /// Opens the model at `path` on `device`, as [`told`](Self::told).
    pub fn classifier(
        &self,
        path: &Path,
        device: &Device,
        terminal: &Terminal,
    ) -> Result<Classifier> {
        Classifier::new(self.told(ModelFile::read(path, device)?, terminal)?)
    }

    /// As [`open`](Self::open); a model takes `model_images`, unless others are chosen.
    pub fn open_with(
        &self,
        inputs: &[PathBuf],
        labels_required: bool,
        model_images: Option<Vec<Channel>>,
        terminal: &Terminal,
    ) -> Result<Dataset> {
        let bar = terminal.bar(0, "reading");
        let shown = bar.clone();
        let options = ReadOptions {
            heard: Heard::by(move |read, of| {
                shown.set_length(of.unwrap_or(read) as u64);
                shown.set_position(read as u64);
            }),
            ..self.options(labels_required, model_images)?
        };
        let data = data::open(inputs, &options);
        bar.finish_and_clear();
        let data = data?;
        data.notices
            .iter()
            .for_each(|notice| terminal.notice(notice));
        report_skipped(&data.skipped, terminal);
        Ok(data)
    }
}

/// Unreadable files named before the rest is counted.
pub const NAMED: usize = 5;

fn left_out(what: &str, why: &str) -> String {
    format!("left out {}: {why}", one_line(what))
}

/// Says what was left out: broken files by name, the rest by the rule.
pub fn report_skipped(skipped: &[Skipped], terminal: &Terminal) {
    let (broken, by_rule): (Vec<_>, Vec<_>) = skipped.iter().partition(|s| s.unreadable);
    let named = if terminal.verbose() {
        broken.len()
    } else {
        NAMED
    };
    for skipped in broken.iter().take(named) {
        terminal.notice(&left_out(&skipped.what, &skipped.why));
    }
    if broken.len() > named {
        let more = broken.len() - named;
        terminal.notice(&format!(
            "left out {more} more that cannot be read (-v lists them)"
        ));
    }
    let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for skipped in by_rule {
        rules.entry(&skipped.why).or_default().push(&skipped.what);
    }
    for (why, all) in rules {
        match all[..] {
            [one] => terminal.notice(&left_out(one, why)),
            _ if terminal.verbose() => {
                for what in all {
                    terminal.notice(&left_out(what, why));
                }
            }
            _ => terminal.notice(&format!(
                "left out {} cutouts (-v lists them): {why}",
                all.len()
            )),
        }
    }
}
