//! A sheet per method, and a picture per candidate where that is asked for.

use std::path::{Path, PathBuf};

use super::Method;
use crate::explain::{Class, Explained, Of, Patch, Question, Sample, images, spread};
use crate::report::overlay::{Panel, Scale, Strip, brightest, colors, overlay, sheet, stamp};
use crate::train::Classifier;
use crate::{Error, Result};

/// Candidates on a sheet, beyond which it would be too large to look at.
const MOST: usize = 48;

/// What is drawn of one method.
struct Sheet {
    method: Method,
    path: PathBuf,
    strips: Vec<Strip>,
}

/// The pictures of one run.
pub struct Pictures {
    sheets: Vec<Sheet>,
    folder: PathBuf,
    each: bool,
    /// (H, W, C) of the network.
    input: [usize; 3],
    images: Vec<String>,
    patch: Option<Patch>,
    of: Of,
    layer: String,
    /// Candidates so far.
    count: usize,
}

impl Pictures {
    /// In `folder`.
    pub fn new(
        folder: &Path,
        classifier: &Classifier,
        question: &Question,
        each: bool,
    ) -> Result<Pictures> {
        let model = &classifier.file().model;
        let wanted = [
            (Method::GradCam, question.grad_cam.is_some()),
            (Method::Saliency, question.saliency),
            (Method::Occlusion, question.occlusion.is_some()),
        ];
        let sheets = wanted.into_iter().filter(|(_, wanted)| *wanted);
        let sheets = sheets.map(|(method, _)| {
            if each {
                let folder = folder.join(method.name());
                std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            }
            Ok(Sheet {
                method,
                path: folder.join(format!("{}.png", method.name())),
                strips: Vec::new(),
            })
        });
        let layer = question
            .grad_cam
            .map(|i| model.plan().layers[i].name.clone());
        Ok(Pictures {
            sheets: sheets.collect::<Result<_>>()?,
            folder: folder.to_path_buf(),
            each,
            input: model.plan().input,
            images: images(classifier),
            patch: question.occlusion,
            of: question.of,
            layer: layer.unwrap_or_default(),
            count: 0,
        })
    }

    /// Draws some candidates.
    pub fn add(&mut self, samples: &[Sample], found: &Explained) -> Result<()> {
        for (i, sample) in samples.iter().enumerate() {
            let drawn = self.count < MOST;
            for at in 0..self.sheets.len() {
                if !drawn && !self.each {
                    continue;
                }
                let method = self.sheets[at].method;
                let strip = self.strip(method, sample, found, i);
                if self.each {
                    let name = format!("{}_{}.png", self.count, safe(&sample.candidate.id));
                    let path = self.folder.join(method.name()).join(name);
                    let strips = std::slice::from_ref(&strip);
                    sheet(strips, scale(method), &self.meaning(method))?.save(path)?;
                }
                if drawn {
                    self.sheets[at].strips.push(strip);
                }
            }
            self.count += 1;
        }
        Ok(())
    }

    /// Writes the sheets; says how many candidates are on each.
    pub fn finish(self) -> Result<usize> {
        for one in &self.sheets {
            let meaning = self.meaning(one.method);
            sheet(&one.strips, scale(one.method), &meaning)?.save(&one.path)?;
        }
        Ok(if self.each {
            self.count
        } else {
            self.count.min(MOST)
        })
    }

    /// What 1 is in the colours of a method.
    fn meaning(&self, method: Method) -> String {
        let of = match self.of {
            Of::Probability => "P(class)",
            Of::Logit => "the class' logit",
        };
        let what = match method {
            Method::GradCam => format!("Grad-CAM of {}, each by its maximum", self.layer),
            Method::Saliency => {
                let shares = match self.images.len() {
                    1 => "",
                    _ => "; %: an image's share of the sum",
                };
                format!("|gradient of {of}|, each by its 99.5th percentile{shares}")
            }
            Method::Occlusion => format!("drop of {of} when hidden, each by its largest"),
        };
        format!("{what}; images as the network gets them")
    }

    fn strip(&self, method: Method, sample: &Sample, found: &Explained, i: usize) -> Strip {
        let [height, width, channels] = self.input;
        let name = |channel: usize| match self.images.len() == channels {
            true => self.images[channel].clone(),
            // Side by side in one.
            false => self.images.join(", "),
        };
        let stamps: Vec<_> = (0..channels)
            .map(|channel| stamp(&sample.values, self.input, channel))
            .collect();
        // The difference is where the candidate is seen.
        let shown = self.images.iter().position(|image| image == "difference");
        let shown = shown
            .filter(|&shown| shown < channels)
            .unwrap_or(channels - 1);
        let mut panels: Vec<Panel> = (stamps.iter().enumerate())
            .map(|(channel, image)| Panel {
                heading: name(channel),
                image: image.clone(),
            })
            .collect();
        let mut add = |heading: String, image| panels.push(Panel { heading, image });
        let class = found.classes[i];
        // Of the class that is asked about.
        let p = match class {
            Class::Real => found.scores[i],
            Class::Bogus => 1.0 - found.scores[i],
        };
        let mut caption = format!("P({class}) {}", short(p));
        match (method, &found.grad_cam, &found.saliency, &found.occlusion) {
            (Method::GradCam, Some(maps), ..) => {
                let [h, w, _] = maps.shape;
                let map = maps.get(i);
                add(format!("{h}x{w}"), colors(map, [h, w], Scale::Heat));
                add(
                    "overlay".into(),
                    overlay(map, [h, w], &stamps[shown], Scale::Heat),
                );
                if maps.is_dark(i) {
                    caption += ": no evidence here";
                }
            }
            (Method::Saliency, _, Some(maps), _) => {
                let map: Vec<f32> = maps.get(i).iter().map(|v| v.abs()).collect();
                // A pixel or two would leave all others dark.
                let top = brightest(&map);
                for channel in 0..channels {
                    let one = map[channel..].iter().step_by(channels);
                    let one: Vec<f32> = one.map(|v| v / top).collect();
                    let image = colors(&one, [height, width], Scale::Heat);
                    let heading = match self.images.len() == channels && channels > 1 {
                        true => format!("{:.0}%", 100.0 * found.shares[i][channel]),
                        false => "gradient".into(),
                    };
                    add(heading, image);
                }
            }
            (Method::Occlusion, _, _, Some(maps)) => {
                let map = maps.get(i);
                let patch = self.patch.expect("it was asked for");
                let scaled = |values: &[f32]| -> Vec<f32> {
                    let top = values.iter().fold(0.0_f32, |top, v| top.max(v.abs()));
                    let top = if top > 0.0 { top } else { 1.0 };
                    values.iter().map(|v| v / top).collect()
                };
                let [h, w, _] = maps.shape;
                add(
                    format!("{h}x{w}"),
                    colors(&scaled(map), [h, w], Scale::Signed),
                );
                let each = scaled(&spread(map, patch, self.input));
                let image = overlay(&each, [height, width], &stamps[shown], Scale::Signed);
                add("overlay".into(), image);
                let most = map.iter().copied().fold(f32::MIN, f32::max);
                caption += &format!(", drop {}", short(f64::from(most)));
            }
            _ => unreachable!("what was asked for was found"),
        }
        Strip {
            title: sample.candidate.id.clone(),
            caption,
            real: sample.label.map(|label| label == 1),
            panels,
        }
    }
}

fn scale(method: Method) -> Scale {
    match method {
        Method::GradCam | Method::Saliency => Scale::Heat,
        Method::Occlusion => Scale::Signed,
    }
}

/// Three digits, and those that count of small numbers.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        v if v.abs() < 0.001 => format!("{v:.0e}"),
        v => format!("{v:.3}"),
    }
}

/// An id as part of a file's name.
fn safe(id: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = id.chars().map(|c| if kept(c) { c } else { '_' }).collect();
    name.chars().take(80).collect()
}
