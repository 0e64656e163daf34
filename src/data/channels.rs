//! The images of a cutout by name, and choosing among them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CutoutShape, Dataset, Pixels};
use crate::{Error, Result};

/// One image of a cutout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The sky before: what is subtracted (reference).
    Template,
    /// The sky now: what it is subtracted from (science, new).
    Search,
    /// Search less template.
    Difference,
}

impl Channel {
    /// Every channel, in the order that DES uses and that a file without names is
    /// taken to have.
    pub const ALL: [Channel; 3] = [Channel::Template, Channel::Search, Channel::Difference];

    /// "template", "search" or "difference".
    pub fn name(self) -> &'static str {
        match self {
            Channel::Template => "template",
            Channel::Search => "search",
            Channel::Difference => "difference",
        }
    }

    /// The channel that a survey calls `name`, in any case.
    pub fn called(name: &str) -> Option<Channel> {
        match name.trim().to_ascii_lowercase().as_str() {
            "template" | "temp" | "tmpl" | "templ" | "ref" | "reference" => Some(Channel::Template),
            "search" | "srch" | "science" | "sci" | "image" | "new" | "target" => {
                Some(Channel::Search)
            }
            "difference" | "diff" | "diffim" | "sub" | "subtracted" | "subtraction" => {
                Some(Channel::Difference)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Channel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Channel::called(text).ok_or_else(|| {
            Error::config(
                "--channels",
                format!("'{text}'"),
                "template, search or difference, in any order, with commas between",
            )
        })
    }
}

/// `channels` as text: "template, search".
pub fn names(channels: &[Channel]) -> String {
    let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
    names.join(", ")
}

/// The images of a cutout that are wanted, by their place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For each wanted image, which of the cutout's it is.
    pub places: Vec<usize>,
    /// Whether the cutout does not name its images, so that this follows the convention.
    pub guessed: bool,
}

/// Which of a cutout's `count` images, called `have` where they have names, are
/// the `wanted` ones. Images without names are taken to be the wanted ones if
/// there are as many, and template, search and difference if there are three;
/// otherwise this says what there is.
pub fn choose(
    have: Option<&[Channel]>,
    count: usize,
    wanted: &[Channel],
) -> std::result::Result<Choice, String> {
    let Some(have) = have else {
        let places = match count {
            n if n == wanted.len() => (0..n).collect(),
            3 => wanted.iter().map(|&channel| channel as usize).collect(),
            1 => return Err("one image".into()),
            n => return Err(format!("{n} images without names")),
        };
        return Ok(Choice {
            places,
            guessed: true,
        });
    };
    let place = |channel: &Channel| have.iter().position(|other| other == channel);
    let places: Option<Vec<usize>> = wanted.iter().map(place).collect();
    match places {
        Some(places) => Ok(Choice {
            places,
            guessed: false,
        }),
        None => Err(format!("only {}", names(have))),
    }
}

/// The images `places` of a cutout of `count` images, in that order.
pub(super) fn pick(values: &[f32], count: usize, places: &[usize]) -> Vec<f32> {
    let pixel = |pixel: &[f32]| places.iter().map(|&at| pixel[at]).collect::<Vec<f32>>();
    values.chunks_exact(count).flat_map(pixel).collect()
}

/// Some images of another source's candidates.
#[derive(Debug)]
struct Picked {
    inner: Box<dyn Pixels>,
    whole: CutoutShape,
    places: Vec<usize>,
}

impl Pixels for Picked {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let mut values = vec![0.0; self.whole.len()];
        self.inner.read(index, &mut values)?;
        out.copy_from_slice(&pick(&values, self.whole.channels, &self.places));
        Ok(())
    }
}

impl Dataset {
    /// The same candidates with the images `wanted`, in that order. What the set
    /// does not have is an error; where names were guessed, a notice says so.
    pub fn with_channels(mut self, wanted: &[Channel]) -> Result<Dataset> {
        let count = self.shape.channels;
        let choice = choose(self.channels.as_deref(), count, wanted).map_err(|found| {
            let expected = format!("the images {}", names(wanted));
            Error::input(&self.source, "images", found, expected)
        })?;
        self.channels = Some(wanted.to_vec().into());
        self.notices.extend(choice.notice(count, wanted));
        if choice.places.iter().copied().eq(0..count) {
            return Ok(self);
        }
        let whole = self.shape;
        self.shape.channels = wanted.len();
        self.pixels = Box::new(Picked {
            inner: self.pixels,
            whole,
            places: choice.places,
        });
        Ok(self)
    }
}

impl Choice {
    /// What a user should know of it, if it was guessed and there is more than one way.
    pub fn notice(&self, count: usize, wanted: &[Channel]) -> Option<String> {
        let order = match (self.guessed, count == wanted.len()) {
            (false, _) => return None,
            (true, true) if count == 1 => return None,
            (true, true) => names(wanted),
            (true, false) => names(&Channel::ALL),
        };
        Some(format!(
            "the {count} images of a cutout have no names and were taken to be {order}"
        ))
    }
}

/// Names of a cutout's images, shared by all the candidates of a source.
pub type Names = Arc<[Channel]>;
