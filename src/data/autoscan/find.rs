//! Which stamps there are. Millions of names are not kept, only what they say.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::prefix;
use crate::data::Channel;
use crate::data::folder::has_fits_name;
use crate::{Error, Result};

/// Folders within folders that are looked through.
const DEPTH: usize = 2;

/// What a stamp's name says.
struct Name<'a> {
    channel: Channel,
    digits: &'a str,
    number: u64,
    ending: &'a str,
}

/// `diff00123.gif`: the difference of 123, of which "00123" are the digits.
fn parse(name: &str) -> Option<Name<'_>> {
    let (start, ending) = name.split_once('.')?;
    let called = |channel: &Channel| start.strip_prefix(prefix(*channel));
    let channel = Channel::ALL.into_iter().find(|c| called(c).is_some())?;
    let digits = called(&channel)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    let is_stamp = ending.eq_ignore_ascii_case("gif") || has_fits_name(Path::new(name));
    is_stamp.then_some(Name {
        channel,
        digits,
        number,
        ending,
    })
}

/// Whether the folder at `path` holds stamps, or folders in it do. One of FITS
/// files and one of `true/` and `false/` is something else.
pub fn has_stamps(path: &Path) -> bool {
    let plain = |folder: &str| path.join(folder).is_dir();
    !plain("true") && !plain("false") && looks(path, DEPTH)
}

fn looks(folder: &Path, deeper: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let mut folders = Vec::new();
    let (mut fits, mut table) = (false, false);
    let mut numbers: HashMap<u64, Channel> = HashMap::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(stamp) = parse(name) {
            // One FITS file may be called diff9.fits by chance.
            let other = |before: Channel| before != stamp.channel;
            let known = numbers.insert(stamp.number, stamp.channel);
            if stamp.ending.eq_ignore_ascii_case("gif") || known.is_some_and(other) {
                return true;
            }
        }
        table |= name.starts_with("autoscan_features");
        fits |= has_fits_name(Path::new(name));
        if deeper > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    if table && !numbers.is_empty() {
        return true;
    }
    !fits && folders.iter().any(|folder| looks(folder, deeper - 1))
}

/// Where one stamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    folder: u32,
    ending: u32,
}

/// The stamps of one candidate.
#[derive(Clone, Copy, Debug)]
pub struct Triplet {
    /// Its number.
    pub number: u64,
    /// Digits that the number is written with.
    digits: usize,
    /// By [`Channel::ALL`].
    places: [Option<Place>; 3],
}

impl Triplet {
    /// The number as the names have it.
    pub fn id(&self) -> String {
        format!("{:0width$}", self.number, width = self.digits)
    }
}

/// All stamps of a folder.
#[derive(Debug)]
pub struct Stamps {
    folders: Vec<PathBuf>,
    endings: Vec<String>,
    /// By number.
    pub triplets: Vec<Triplet>,
}

impl Stamps {
    /// The path of one stamp, or which one is not there.
    pub fn path(&self, triplet: &Triplet, channel: Channel) -> Result<PathBuf, String> {
        let name = |ending: &str| format!("{}{}.{ending}", prefix(channel), triplet.id());
        match triplet.places[channel as usize] {
            Some(place) => {
                let ending = &self.endings[place.ending as usize];
                Ok(self.folders[place.folder as usize].join(name(ending)))
            }
            None => {
                let other = triplet.places.iter().flatten().next();
                let other = other.expect("a triplet has a stamp");
                let ending = &self.endings[other.ending as usize];
                let folder = self.folders[other.folder as usize].display();
                Err(format!("no {} in {folder}", name(ending)))
            }
        }
    }
}

/// One stamp's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    number: u64,
    digits: usize,
    place: Place,
    channel: u8,
}

/// Lists the stamps under `path`, with what a user should know of them.
pub fn stamps(path: &Path) -> Result<(Stamps, Vec<String>)> {
    let mut listing = Listing::default();
    listing.add(path, DEPTH)?;
    let Listing {
        folders,
        endings,
        mut found,
        others,
    } = listing;
    let mut notices = Vec::new();
    if others > 0 {
        let name = path.display();
        notices.push(format!(
            "{others} entries of {name} are no stamps and were not read"
        ));
    }
    found.sort_unstable();
    let mut triplets = Vec::with_capacity(found.len() / 3);
    let mut twice = 0;
    for same in found.chunk_by(|a, b| (a.number, a.digits) == (b.number, b.digits)) {
        // One candidate, if its stamps lie in one folder or none is there twice.
        let unique = (0..3).all(|c| same.iter().filter(|one| one.channel == c).count() <= 1);
        let groups: Vec<&[Found]> = match unique {
            true => vec![same],
            false => same
                .chunk_by(|a, b| a.place.folder == b.place.folder)
                .collect(),
        };
        for group in groups {
            let mut triplet = Triplet {
                number: group[0].number,
                digits: group[0].digits,
                places: [None; 3],
            };
            for one in group {
                let place = &mut triplet.places[one.channel as usize];
                let is_gif = |p: &Place| endings[p.ending as usize].eq_ignore_ascii_case("gif");
                twice += usize::from(place.is_some());
                if place.is_none_or(|there| !is_gif(&there)) {
                    *place = Some(one.place);
                }
            }
            triplets.push(triplet);
        }
    }
    if twice > 0 {
        notices.push(format!(
            "{twice} stamps are there in two formats: where one is .gif, that was read"
        ));
    }
    let stamps = Stamps {
        folders,
        endings,
        triplets,
    };
    Ok((stamps, notices))
}

#[derive(Default)]
struct Listing {
    folders: Vec<PathBuf>,
    endings: Vec<String>,
    found: Vec<Found>,
    others: usize,
}

impl Listing {
    fn add(&mut self, folder: &Path, deeper: usize) -> Result<()> {
        let index = self.folders.len() as u32;
        self.folders.push(folder.to_path_buf());
        let mut within = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let entry = entry.map_err(Error::io("read", folder))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(stamp) = parse(&name) {
                let ending = self.ending(stamp.ending);
                self.found.push(Found {
                    number: stamp.number,
                    digits: stamp.digits.len(),
                    place: Place {
                        folder: index,
                        ending,
                    },
                    channel: stamp.channel as u8,
                });
            } else if deeper > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                within.push(entry.path());
            } else if !name.starts_with('.') && !name.starts_with("autoscan_features") {
                self.others += 1;
            }
        }
        within.sort();
        within
            .iter()
            .try_for_each(|folder| self.add(folder, deeper - 1))
    }

    fn ending(&mut self, ending: &str) -> u32 {
        let known = self.endings.iter().position(|other| other == ending);
        let at = known.unwrap_or_else(|| {
            self.endings.push(ending.to_string());
            self.endings.len() - 1
        });
        at as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stamps() {
        let of = |name: &str| parse(name).map(|n| (n.channel, n.number, n.digits.len()));
        assert_eq!(of("temp123.gif"), Some((Channel::Template, 123, 3)));
        assert_eq!(of("srch0007.fits"), Some((Channel::Search, 7, 4)));
        assert_eq!(of("diff9.fits.gz"), Some((Channel::Difference, 9, 1)));
        assert_eq!(of("diff9.GIF"), Some((Channel::Difference, 9, 1)));
        for other in [
            "temp.gif",
            "diff12.png",
            "differ12.gif",
            "diff-1.gif",
            "diff99999999999999999999999.gif",
            "science1.fits",
            "temp1",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
