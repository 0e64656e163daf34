//! What an architecture search draws from: a description in TOML (DES Sect. 4.1).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::nn::Training;
use crate::{Error, Result};

/// The space that is searched where nobody gives one.
pub const DEFAULT: &str = include_str!("space.toml");

/// How a network makes its maps smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shrink {
    /// The largest of each window, after a block of convolutions.
    MaxPool,
    /// The mean of each window, after a block.
    AvgPool,
    /// A stride in the last convolution of a block.
    Stride,
}

/// Where a network may have a dropout layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Behind every block of convolutions.
    Blocks,
    /// Between the maps and the dense layers.
    Flatten,
    /// Behind every dense layer but the last.
    Dense,
}

/// The last activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One unit.
    Sigmoid,
    /// Two units.
    Softmax,
}

/// A search space: lists to draw from, and ranges [from, to] with both ends in them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Convolutions of a network.
    pub convolutions: [usize; 2],
    /// Convolutions before the maps get smaller.
    pub per_block: [usize; 2],
    /// Filters of a convolution; drawn by their logarithm.
    pub filters: [usize; 2],
    /// What the filters are multiplied with from one block to the next.
    pub widening: Vec<f64>,
    /// Pixels of a convolution's window.
    pub kernel: [usize; 2],
    /// How maps get smaller.
    pub shrink: Vec<Shrink>,
    /// By how much: window of pooling, or stride.
    pub by: [usize; 2],
    /// Whether batch normalisation follows every convolution and hidden dense layer.
    pub batch_norm: Vec<bool>,
    /// Where dropout may be; each place is in or out by itself.
    pub dropout: Vec<Place>,
    /// The rate of each dropout layer.
    pub dropout_rate: [f64; 2],
    /// Hidden dense layers.
    pub dense: [usize; 2],
    /// Units of each; drawn by their logarithm.
    pub units: [usize; 2],
    /// The last activation.
    pub head: Vec<Head>,
    /// Adam's η; drawn by its logarithm.
    pub learning_rate: [f64; 2],
    /// A network with more parameters is drawn again.
    pub most_parameters: usize,
    /// A network that needs more multiplications and additions to score a cutout, in millions,
    /// is drawn again.
    pub most_mflops: f64,
    /// How the networks are trained, but for the learning rate.
    #[serde(default)]
    pub training: Training,
}

impl Space {
    /// The default space, or the one in the file `path`.
    pub fn read(path: Option<&Path>) -> Result<Space> {
        let Some(path) = path else {
            return Space::parse(DEFAULT, Path::new("the default space"));
        };
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Space::parse(&text, path)
    }

    /// Reads a description; `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Space> {
        let space: Space = toml::from_str(text).map_err(|e| {
            let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
            let place = e.span().map_or("the file".into(), |span| {
                format!("line {}", line(span.start))
            });
            let expected = "a search space, as --print-space shows one";
            Error::input(path, place, e.message(), expected)
        })?;
        space.check(path)?;
        Ok(space)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let require = |holds: bool, what: &str, found: String, expected: &str| match holds {
            true => Ok(()),
            false => Err(Error::input(path, what, found, expected)),
        };
        let whole = [
            ("convolutions", self.convolutions, 1, 64),
            ("per_block", self.per_block, 1, 64),
            ("filters", self.filters, 1, 4096),
            ("kernel", self.kernel, 1, 64),
            ("by", self.by, 2, 16),
            ("dense", self.dense, 0, 16),
            ("units", self.units, 1, 65536),
        ];
        for (what, [low, high], least, most) in whole {
            let holds = least <= low && low <= high && high <= most;
            let expected = format!("[from, to], from {least} to {most}");
            require(holds, what, format!("[{low}, {high}]"), &expected)?;
        }
        let [low, high] = self.dropout_rate;
        let holds = 0.0 < low && low <= high && high < 1.0;
        let found = format!("[{low}, {high}]");
        require(
            holds,
            "dropout_rate",
            found,
            "[from, to], above 0 and below 1",
        )?;
        let [low, high] = self.learning_rate;
        let holds = 0.0 < low && low <= high && high <= 1.0;
        let found = format!("[{low}, {high}]");
        require(
            holds,
            "learning_rate",
            found,
            "[from, to], above 0 and at most 1",
        )?;
        let fits = |w: &f64| (0.1..=10.0).contains(w);
        let holds = !self.widening.is_empty() && self.widening.iter().all(fits);
        let found = format!("{:?}", self.widening);
        require(
            holds,
            "widening",
            found,
            "one factor or more, from 0.1 to 10",
        )?;
        let lists = [
            ("shrink", self.shrink.len()),
            ("batch_norm", self.batch_norm.len()),
            ("head", self.head.len()),
        ];
        for (what, len) in lists {
            require(
                len > 0,
                what,
                "nothing to draw from".into(),
                "one choice or more",
            )?;
        }
        let most = self.most_mflops;
        require(
            most > 0.0,
            "most_mflops",
            most.to_string(),
            "a number above 0",
        )
    }
}
