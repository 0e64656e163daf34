//! Which images of a cutout it takes: all three, search and template, the difference alone
//! (O'TRAIN Sect. 8.1 after Gieseke et al. 2017; Acero-Cuellar et al. 2022).

use std::str::FromStr;
use std::sync::Arc;

use super::run::each_once;
use super::size::{named, repeated};
use super::{Run, View};
use crate::data::channels::{choose, described};
use crate::data::{Channel, Dataset, Split};
use crate::train::Config;
use crate::{Error, Result};

/// Some images of a cutout, in an order: "search+template".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images(pub Vec<Channel>);

impl FromStr for Images {
    type Err = Error;

    fn from_str(text: &str) -> Result<Images> {
        let wrong = |found: String| {
            let expected = "sets such as template+search+difference,search+template,difference";
            Err(Error::config("--sets", found, expected))
        };
        let mut images = Vec::new();
        for name in text.split('+') {
            match Channel::called(name) {
                Some(channel) if images.contains(&channel) => {
                    return wrong(format!("{channel} twice in '{text}'"));
                }
                Some(channel) => images.push(channel),
                None => return wrong(format!("'{text}'")),
            }
        }
        Ok(Images(images))
    }
}

impl std::fmt::Display for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|channel| channel.name()).collect();
        f.write_str(&names.join("+"))
    }
}

/// `data` if its images have names, by which every set is picked; else an error.
pub fn with_names(data: Dataset) -> Result<Dataset> {
    match &data.channels {
        None => {
            let found = described(None, data.shape.channels);
            let expected = "names: declare the images in their order, such as --planes \
                            template,search,difference";
            Err(Error::input(&data.source, "images", found, expected))
        }
        Some(_) => Ok(data),
    }
}

/// The papers' sets that the data have the images for.
pub fn all(data: &Dataset) -> Vec<Images> {
    use Channel::{Difference, Search, Template};
    let sets = [
        vec![Template, Search, Difference],
        vec![Search, Template],
        vec![Difference],
    ];
    let count = data.shape.channels;
    let has = |set: &Vec<Channel>| choose(data.channels.as_deref(), count, set).is_ok();
    sets.into_iter().filter(has).map(Images).collect()
}

/// One run for each of `sets` and repeat, all repeats of a set after one another and all on
/// the same split. A set that the data do not
/// have is an error.
pub fn runs(
    base: &Config,
    data: &Dataset,
    split: &Arc<Split>,
    sets: &[Images],
    repeats: usize,
) -> Result<Vec<Run>> {
    for set in sets {
        choose(data.channels.as_deref(), data.shape.channels, &set.0)
            .map_err(|mismatch| mismatch.at(&data.source))?;
    }
    each_once("--sets", "set", sets)?;
    let all = repeated(base, repeats);
    let of_set = |set: &Images| {
        let set = set.clone();
        all.iter().map(move |(repeat, config)| {
            let view = View::Images(set.0.clone());
            named(format!("{set}-r{repeat}"), config, view, split.clone())
        })
    };
    Ok(sets.iter().flat_map(of_set).collect())
}
