//! Maps as .npy and a row per candidate as CSV, written as they come.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;

use crate::data::Decision;
use crate::data::atomic::atomic_write;
use crate::data::claims;
use crate::data::results::UNFINISHED;
use crate::explain::{Explained, Maps, Question, Sample, images};
use crate::train::Classifier;
use crate::{Error, Result};

const CSV: &str = "explain.csv";
const JSON: &str = "explain.json";

/// All that there may be in the folder, explain.json last.
pub const ENTRIES: [&str; 11] = [
    "grad-cam.npy",
    "saliency.npy",
    "occlusion.npy",
    "grad-cam",
    "saliency",
    "occlusion",
    "grad-cam.png",
    "saliency.png",
    "occlusion.png",
    CSV,
    JSON,
];

/// The folder, as it is claimed before the work.
pub const FOLDER: claims::Folder = claims::Folder {
    what: "an earlier explanation",
    ours: |dir| dir.join(JSON).is_file(),
    is_whole: |dir| dir.join(JSON).is_file() && !dir.join(UNFINISHED).exists(),
    mixed: false,
};

/// Maps of one kind on their way to a .npy: how many there will be is not known before
/// the end, and they need not fit into memory.
struct Array {
    path: PathBuf,
    /// Nameless: gone with the program.
    values: BufWriter<File>,
    /// Of one map, (h, w) or (H, W, C).
    shape: Vec<usize>,
    count: usize,
}

impl Array {
    fn new(folder: &Path, name: &str) -> Result<Array> {
        let path = folder.join(name);
        let file = tempfile::tempfile_in(folder).map_err(Error::io("create", &path))?;
        Ok(Array {
            path,
            values: BufWriter::with_capacity(1 << 20, file),
            shape: Vec::new(),
            count: 0,
        })
    }

    fn add(&mut self, maps: &Maps, shape: &[usize]) -> Result<()> {
        self.shape = shape.to_vec();
        self.count += maps.len();
        let bytes = maps.values.iter().flat_map(|v| v.to_le_bytes());
        let bytes: Vec<u8> = bytes.collect();
        let written = self.values.write_all(&bytes);
        written.map_err(Error::io("write", &self.path))
    }

    fn finish(self) -> Result<()> {
        let Array {
            path,
            values,
            shape,
            count,
        } = self;
        let mut values = values
            .into_inner()
            .map_err(|e| Error::io("write", &path)(e.into_error()))?;
        values.rewind().map_err(Error::io("read", &path))?;
        let axes: Vec<u64> = [count].iter().chain(&shape).map(|&n| n as u64).collect();
        atomic_write(&path, |out| {
            let dtype = "<f4".parse().map_err(std::io::Error::other)?;
            npyz::WriteOptions::new_header_only()
                .dtype(npyz::DType::Plain(dtype))
                .shape(&axes)
                .writer(&mut *out)
                .write_header_only()?;
            std::io::copy(&mut values, out).map(|_| ())
        })
    }
}

/// The files of one run.
pub struct Files {
    grad_cam: Option<Array>,
    saliency: Option<Array>,
    occlusion: Option<Array>,
    csv: PathBuf,
    rows: Vec<Vec<String>>,
    question: Question,
    threshold: f64,
    layer: Option<String>,
    /// (H, W, C) of the network.
    input: [usize; 3],
}

impl Files {
    /// In `folder`.
    pub fn new(folder: &Path, classifier: &Classifier, question: &Question) -> Result<Files> {
        let array = |wanted: bool, name: &str| wanted.then(|| Array::new(folder, name)).transpose();
        let layers = &classifier.file().model.plan().layers;
        let layer = question.grad_cam.map(|layer| layers[layer].name.clone());
        let mut header = vec!["id", "label", "rb_score", "decision", "class", "of"];
        let shares: Vec<String> = images(classifier)
            .iter()
            .map(|image| format!("share_{image}"))
            .collect();
        if layer.is_some() {
            header.extend(["layer", "grad_cam_largest"]);
        }
        if question.saliency {
            header.push("saliency_largest");
            header.extend(shares.iter().map(String::as_str));
        }
        if question.occlusion.is_some() {
            header.extend([
                "occlusion_largest_drop",
                "occlusion_row",
                "occlusion_column",
            ]);
        }
        let csv = folder.join(CSV);
        Ok(Files {
            grad_cam: array(layer.is_some(), "grad-cam.npy")?,
            saliency: array(question.saliency, "saliency.npy")?,
            occlusion: array(question.occlusion.is_some(), "occlusion.npy")?,
            csv,
            rows: vec![header.into_iter().map(String::from).collect()],
            question: *question,
            threshold: classifier.threshold(),
            layer,
            input: classifier.file().model.plan().input,
        })
    }

    /// Adds `samples` and what was found of them.
    pub fn write(&mut self, samples: &[Sample], found: &Explained) -> Result<()> {
        if let (Some(array), Some(maps)) = (&mut self.grad_cam, &found.grad_cam) {
            array.add(maps, &maps.shape[..2])?;
        }
        if let (Some(array), Some(maps)) = (&mut self.saliency, &found.saliency) {
            array.add(maps, &maps.shape)?;
        }
        if let (Some(array), Some(maps)) = (&mut self.occlusion, &found.occlusion) {
            array.add(maps, &maps.shape[..2])?;
        }
        for (i, sample) in samples.iter().enumerate() {
            let row = self.row(i, sample, found);
            self.rows.push(row);
        }
        Ok(())
    }

    fn row(&self, i: usize, sample: &Sample, found: &Explained) -> Vec<String> {
        let score = found.scores[i];
        let mut row = vec![
            sample.candidate.id.clone(),
            sample
                .label
                .map_or_else(String::new, |label| label.to_string()),
            score.to_string(),
            Decision::at(self.threshold, score).to_string(),
            found.classes[i].to_string(),
            self.question.of.to_string(),
        ];
        if let (Some(layer), Some(maps)) = (&self.layer, &found.grad_cam) {
            row.extend([layer.clone(), maps.largest[i].to_string()]);
        }
        if let Some(maps) = &found.saliency {
            row.push(maps.largest[i].to_string());
            row.extend(found.shares[i].iter().map(f64::to_string));
        }
        if let (Some(patch), Some(maps)) = (self.question.occlusion, &found.occlusion) {
            let map = maps.get(i);
            let best = (0..map.len()).max_by(|&a, &b| map[a].total_cmp(&map[b]));
            let best = best.expect("a map has a place");
            let (across, [height, width, _]) = (maps.shape[1], self.input);
            row.extend([
                map[best].to_string(),
                patch.places(height)[best / across].to_string(),
                patch.places(width)[best % across].to_string(),
            ]);
        }
        row
    }

    /// Writes what was kept back.
    pub fn finish(self) -> Result<()> {
        for array in [self.grad_cam, self.saliency, self.occlusion] {
            array.map(Array::finish).transpose()?;
        }
        atomic_write(&self.csv, |out| {
            let mut csv = csv::Writer::from_writer(out);
            for row in &self.rows {
                csv.write_record(row)?;
            }
            csv.flush()
        })
    }
}

/// Writes explain.json.
pub fn write_json(folder: &Path, value: &serde_json::Value) -> Result<()> {
    atomic_write(folder.join(JSON), |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}
