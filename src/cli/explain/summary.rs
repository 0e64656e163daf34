//! The averages: what is printed and what explain.json holds.

use serde_json::{Value, json};

use crate::cli::terminal;
use crate::explain::{Asked, Class, Explained, Of, Patch, Question, images};
use crate::train::Classifier;

/// Sums over some candidates.
#[derive(Clone, Debug, Default)]
struct Group {
    count: usize,
    score: f64,
    shares: Vec<f64>,
    /// Candidates whose Grad-CAM has no positive value.
    dark: usize,
    /// Of each candidate's largest drop.
    drop: f64,
}

impl Group {
    fn add(&mut self, found: &Explained, i: usize) {
        self.count += 1;
        self.score += found.scores[i];
        if let Some(shares) = found.shares.get(i) {
            self.shares.resize(shares.len(), 0.0);
            self.shares
                .iter_mut()
                .zip(shares)
                .for_each(|(s, v)| *s += v);
        }
        if let Some(maps) = &found.grad_cam {
            self.dark += usize::from(maps.is_dark(i));
        }
        if let Some(maps) = &found.occlusion {
            let largest = maps.get(i).iter().copied().fold(f32::MIN, f32::max);
            self.drop += f64::from(largest);
        }
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.count.max(1) as f64
    }
}

/// What was found over all candidates.
pub struct Summary {
    images: Vec<String>,
    layer: Option<(String, [usize; 2])>,
    saliency: bool,
    patch: Option<Patch>,
    asked: Asked,
    of: Of,
    /// Of those asked about as real, as bogus.
    groups: [Group; 2],
    all: Group,
    /// What was left out, and why.
    pub left_out: Vec<[String; 2]>,
    /// How the candidates were drawn, if they were.
    pub chosen: Option<String>,
}

impl Summary {
    /// Of nothing yet.
    pub fn new(classifier: &Classifier, question: &Question) -> Summary {
        let layers = &classifier.file().model.plan().layers;
        let layer = question.grad_cam.map(|i| {
            let output = &layers[i].output;
            (layers[i].name.clone(), [output[0], output[1]])
        });
        Summary {
            images: images(classifier),
            layer,
            saliency: question.saliency,
            patch: question.occlusion,
            asked: question.class,
            of: question.of,
            groups: Default::default(),
            all: Group::default(),
            left_out: Vec::new(),
            chosen: None,
        }
    }

    /// Adds some candidates.
    pub fn add(&mut self, found: &Explained) {
        for (i, class) in found.classes.iter().enumerate() {
            self.all.add(found, i);
            self.groups[usize::from(*class == Class::Bogus)].add(found, i);
        }
    }

    /// Candidates so far.
    pub fn count(&self) -> usize {
        self.all.count
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Group)> {
        let names = ["real", "bogus"];
        let groups = names.into_iter().zip(&self.groups);
        [("all", &self.all)].into_iter().chain(groups)
    }

    /// The averages, by the class that was asked about.
    pub fn table(&self) -> String {
        let mut header: Vec<String> = ["class", "candidates", "P(real)"].map(String::from).into();
        if self.saliency && self.images.len() > 1 {
            header.extend(self.images.iter().map(|image| format!("share {image}")));
        }
        if self.patch.is_some() {
            header.push(format!("largest drop of {}", self.of_text()));
        }
        let mut rows = vec![header];
        for (name, group) in self.named().filter(|(_, group)| group.count > 0) {
            let mut row = vec![
                name.to_string(),
                group.count.to_string(),
                format!("{:.3}", group.mean(group.score)),
            ];
            if self.saliency && self.images.len() > 1 {
                let shares = group.shares.iter().map(|s| group.mean(*s));
                row.extend(shares.map(|share| format!("{share:.3}")));
            }
            if self.patch.is_some() {
                row.push(format!("{:.3}", group.mean(group.drop)));
            }
            rows.push(row);
        }
        terminal::table(&rows)
    }

    fn of_text(&self) -> &'static str {
        match self.of {
            Of::Probability => "P(class)",
            Of::Logit => "the logit",
        }
    }

    /// Says which maps have nothing.
    pub fn dark(&self) -> Option<String> {
        let (layer, _) = self.layer.as_ref()?;
        let (dark, count) = (self.all.dark, self.all.count);
        (dark > 0).then(|| {
            format!(
                "Grad-CAM of {layer} is 0 everywhere for {dark} of {count}: nothing in its maps speaks \
                 for the class that was asked about"
            )
        })
    }

    /// All of it.
    pub fn json(&self, model: &str) -> Value {
        let groups: serde_json::Map<String, Value> = self
            .named()
            .filter(|(_, group)| group.count > 0)
            .map(|(name, group)| (name.to_string(), self.group_json(group)))
            .collect();
        let asked = match self.asked {
            Asked::Predicted => "predicted",
            Asked::Always(class) => class.name(),
        };
        let left_out: Vec<Value> = self
            .left_out
            .iter()
            .map(|[what, why]| json!({ "candidate": what, "why": why }))
            .collect();
        let mut all = json!({
            "model": model,
            "class": asked,
            "of": self.of.name(),
            "images": self.images,
            "averages": groups,
            "left_out": left_out,
        });
        if let Some(chosen) = &self.chosen {
            all["chosen"] = chosen.as_str().into();
        }
        if let Some((layer, shape)) = &self.layer {
            all["grad_cam"] = json!({ "layer": layer, "shape": shape, "without_a_positive_value": self.all.dark });
        }
        if let Some(patch) = self.patch {
            let hidden = patch.channel.map(|channel| self.images[channel].clone());
            all["occlusion"] = json!({
                "size": patch.size,
                "stride": patch.stride,
                "hides": hidden.unwrap_or_else(|| "all images".into()),
                "fill": "the median of the image, after normalisation",
            });
        }
        all
    }

    fn group_json(&self, group: &Group) -> Value {
        let mut value = json!({
            "candidates": group.count,
            "score": group.mean(group.score),
        });
        if self.saliency {
            let shares = self.images.iter().zip(&group.shares);
            let shares: serde_json::Map<String, Value> = shares
                .map(|(image, share)| (image.clone(), group.mean(*share).into()))
                .collect();
            value["saliency_shares"] = shares.into();
        }
        if self.patch.is_some() {
            value["largest_drop"] = group.mean(group.drop).into();
        }
        value
    }
}
