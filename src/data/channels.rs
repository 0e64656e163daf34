//! The images of a cutout by name: what an input says or a user declares, which of them are
//! chosen, and which a model takes.
//!
//! Images without names stay without: no order is assumed. `--planes` declares names,
//! `--channels` chooses among names.

use std::fmt;
use std::path::Path;
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
    /// Every channel, in the order of DES triples, in which alerts are read too.
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
                "image",
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

/// The images of a cutout as text: their names, or how many there are.
pub fn described(have: Option<&[Channel]>, count: usize) -> String {
    match (have, count) {
        (Some(have), _) => names(have),
        (None, 1) => "one image without a name".into(),
        (None, n) => format!("{n} images without names"),
    }
}

/// An error if `asked` has an image twice; `option` is the flag.
pub fn each_once(option: &str, asked: &[Channel]) -> Result<()> {
    let twice = |i: &usize| asked[..*i].contains(&asked[*i]);
    match (0..asked.len()).find(twice) {
        Some(i) => {
            let found = format!("{} twice", asked[i]);
            Err(Error::config(option, found, "each image once"))
        }
        None => Ok(()),
    }
}

/// What the images of a cutout are and what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What there is.
    pub found: String,
    /// What is needed, and what to do.
    pub expected: String,
}

impl Mismatch {
    fn new(found: impl Into<String>, expected: impl Into<String>) -> Mismatch {
        Mismatch {
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// As an error about the input at `path`.
    pub fn at(self, path: impl AsRef<Path>) -> Error {
        Error::input(path, "images", self.found, self.expected)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

/// Places of the `wanted` images among a cutout's `count`, called `have`. Images without names
/// cannot be chosen.
pub fn choose(
    have: Option<&[Channel]>,
    count: usize,
    wanted: &[Channel],
) -> std::result::Result<Vec<usize>, Mismatch> {
    let Some(have) = have else {
        let expected = format!(
            "names to choose {} by: declare the images in their order, such as --planes {}",
            names(wanted),
            example(count)
        );
        return Err(Mismatch::new(described(None, count), expected));
    };
    let place = |channel: &Channel| have.iter().position(|other| other == channel);
    let places: Option<Vec<usize>> = wanted.iter().map(place).collect();
    places.ok_or_else(|| {
        let found = format!("only {}", names(have));
        Mismatch::new(found, format!("the images {}", names(wanted)))
    })
}

/// What `--planes` may look like for `count` images.
fn example(count: usize) -> &'static str {
    match count {
        1 => "difference",
        2 => "search,template",
        _ => "search,template,difference",
    }
}

/// The names of a cutout's `count` images, called `have`, once `planes` are declared. Names that
/// contradict the input's own are an error.
pub fn declared(
    have: Option<&[Channel]>,
    count: usize,
    planes: &[Channel],
) -> std::result::Result<Names, Mismatch> {
    match have {
        Some(have) if have == planes => Ok(planes.into()),
        Some(have) => {
            let expected = format!(
                "{}, as --planes says: the input names its images; leave out --planes, and choose \
                 with --channels",
                names(planes)
            );
            Err(Mismatch::new(names(have), expected))
        }
        None if count == planes.len() => Ok(planes.into()),
        None => {
            let found = described(None, count);
            let expected = format!("{}: --planes names {}", planes.len(), names(planes));
            Err(Mismatch::new(found, expected))
        }
    }
}

/// What is said of an input's images; the fields of [`ReadOptions`](super::ReadOptions).
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub planes: Option<Vec<Channel>>,
    pub channels: Option<Vec<Channel>>,
    pub model_images: Option<Vec<Channel>>,
}

impl Asked {
    /// Names and places of the images that are asked for among `count`, called `have`; `None`
    /// where they stay as they are.
    pub fn choose(
        &self,
        have: Option<&Names>,
        count: usize,
    ) -> std::result::Result<Option<(Names, Vec<usize>)>, Mismatch> {
        let planes = self.planes.as_ref();
        let planes = planes.map(|planes| declared(have.map(|have| &have[..]), count, planes));
        let names = planes.transpose()?.or_else(|| have.cloned());
        let wanted = match (&self.channels, &self.model_images) {
            (Some(wanted), _) => Some(wanted),
            (None, wanted) => wanted.as_ref().filter(|_| names.is_some()),
        };
        match (wanted, names) {
            (Some(wanted), names) => {
                let places = choose(names.as_deref(), count, wanted)?;
                Ok(Some((wanted[..].into(), places)))
            }
            (None, names) => Ok(names.map(|names| (names, (0..count).collect()))),
        }
    }
}

/// The images that a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Their names in order; `None` where nobody said.
    pub names: Option<Vec<Channel>>,
    /// How many.
    pub count: usize,
    /// Whether the names are a guess made at import.
    pub guessed: bool,
}

impl Takes {
    /// What a user should know of it: that the order is a guess.
    pub fn notice(&self) -> Option<String> {
        let guess = self.names.as_ref().filter(|_| self.guessed)?;
        Some(format!(
            "the order of the model's images is GUESSED: {}; cutouts without names go in as they \
             are. Say the right order with --channels, or import again with it",
            names(guess)
        ))
    }

    /// Places of the model's images among a cutout's `count`, called `have`; `None` where the
    /// cutout is taken as it is.
    ///
    /// Names are matched by name. Where only one side has names: a single image has no order and
    /// is taken; several are an error, except that a guess does not overrule images without names.
    pub fn places(
        &self,
        have: Option<&[Channel]>,
        count: usize,
    ) -> std::result::Result<Option<Vec<usize>>, Mismatch> {
        let wrong = |expected: String| Err(Mismatch::new(described(have, count), expected));
        let alone = count == 1 && self.count == 1;
        match (&self.names, have) {
            (Some(wanted), Some(_)) => {
                let places = choose(have, count, wanted)?;
                let same = places.iter().copied().eq(0..count);
                Ok((!same).then_some(places))
            }
            (Some(_), None) if alone || (self.guessed && count == self.count) => Ok(None),
            (Some(wanted), None) if count == 1 => {
                wrong(format!("{}, which the model takes", names(wanted)))
            }
            (Some(wanted), None) => wrong(format!(
                "names, since the model takes {}: declare the images in their order, such as \
                 --planes {}",
                names(wanted),
                example(count)
            )),
            (None, Some(_)) if alone => Ok(None),
            (None, Some(_)) => wrong(format!(
                "the model's order: it takes {} and was made without their names; choose them in \
                 that order, such as --channels {}",
                described(None, self.count),
                example(self.count)
            )),
            (None, None) if count == self.count => Ok(None),
            (None, None) => wrong(format!(
                "{}, as the model takes (--planes declares the images, --channels chooses)",
                self.count
            )),
        }
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
    /// The same candidates with their images called `planes`. Names that contradict the input's
    /// own, or are not one for each image, are an error.
    pub fn with_planes(mut self, planes: &[Channel]) -> Result<Dataset> {
        let names = declared(self.channels.as_deref(), self.shape.channels, planes)
            .map_err(|mismatch| mismatch.at(&self.source))?;
        self.channels = Some(names);
        Ok(self)
    }

    /// Refuses an input that does not have the images that are asked for.
    pub(super) fn check_asked(&self, asked: &Asked) -> Result<()> {
        let chosen = asked.choose(self.channels.as_ref(), self.shape.channels);
        let chosen = chosen.map_err(|mismatch| mismatch.at(&self.source));
        chosen.map(drop)
    }

    /// The same candidates with the images that are asked for.
    pub(super) fn with_asked(self, asked: &Asked) -> Result<Dataset> {
        let chosen = asked
            .choose(self.channels.as_ref(), self.shape.channels)
            .map_err(|mismatch| mismatch.at(&self.source))?;
        Ok(match chosen {
            Some((names, places)) => self.picked(places, &names),
            None => self,
        })
    }

    /// The same candidates with the images `wanted`, in that order. What the set does not have
    /// by name is an error.
    pub fn with_channels(self, wanted: &[Channel]) -> Result<Dataset> {
        let places = choose(self.channels.as_deref(), self.shape.channels, wanted)
            .map_err(|mismatch| mismatch.at(&self.source))?;
        Ok(self.picked(places, wanted))
    }

    /// The same candidates with the images that a model takes; those that it cannot take are an
    /// error, see [`Takes::places`].
    pub fn for_model(self, takes: &Takes) -> Result<Dataset> {
        let places = takes
            .places(self.channels.as_deref(), self.shape.channels)
            .map_err(|mismatch| mismatch.at(&self.source))?;
        match (places, &takes.names) {
            (Some(places), Some(wanted)) => Ok(self.picked(places, wanted)),
            _ => Ok(self),
        }
    }

    fn picked(mut self, places: Vec<usize>, wanted: &[Channel]) -> Dataset {
        self.channels = Some(wanted.into());
        let whole = self.shape;
        if places.iter().copied().eq(0..whole.channels) {
            return self;
        }
        self.shape.channels = wanted.len();
        self.pixels = Box::new(Picked {
            inner: self.pixels,
            whole,
            places,
        });
        self
    }
}

/// Names of a cutout's images, shared by all the candidates of a source.
pub type Names = Arc<[Channel]>;
