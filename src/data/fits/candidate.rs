//! What the keywords of a cutout say of its candidate, as gmadet, O'TRAIN, STDPipe and others
//! write them: the one place where they are looked up.
//!
//! # Which header
//! 1. An image in the primary HDU, or a file without another header: that one.
//! 2. A multi-extension file whose primary header describes the candidate (it has any of
//!    [`OF_CANDIDATE`]): the primary header alone, as O'TRAIN reads it. STDPipe writes the
//!    header of the whole exposure into each extension, where RA, DEC and FWHM are the
//!    exposure's.
//! 3. Otherwise (`.fits.fz`, whose primary HDU is empty): the headers of the images that are
//!    read. A keyword with different values in them describes none of them and is unknown.
//!
//! What a candidate has from its exposure (filter, date, telescope) is looked up in all of
//! them, in the order primary, images.

use std::path::Path;

use super::angles::{from_date, sexagesimal};
use super::cards::{Cards, Field, TWO_TO_53};
use super::hdus::{Checked, Fault};
use crate::data::Candidate;
use crate::data::columns::known;

/// The filter of a multi-extension cutout that names none, as O'TRAIN calls it.
const NO_FILTER: &str = "Clear";

/// Modified Julian date = Julian date - this, in days.
const MJD_EPOCH: f64 = 2_400_000.5;

/// Keywords of which a header that describes a candidate has one at least.
const OF_CANDIDATE: [&str; 17] = [
    "CANDID",
    "NAME",
    "OBJECTID",
    "EDGE",
    "RA",
    "DEC",
    "XPOS",
    "YPOS",
    "MAG",
    "MAGERR",
    "MAG_CALIB",
    "MAG_CALIB_ERR",
    "MAG_CALIB_UNC",
    "FWHM",
    "FWHMPSF",
    "DRB",
    "RB",
];

/// What the headers say.
#[derive(Debug)]
pub struct Described {
    /// Of the candidate.
    pub candidate: Candidate,
    /// Keywords that O'TRAIN demands for training and that are not there.
    pub missing: Vec<&'static str>,
    /// What a user should know of it.
    pub remarks: Vec<String>,
}

/// What the keywords say of the candidate in the file `path`. `images` are the headers of the
/// images that are read, but for the primary one, and `extensions` those of all images behind
/// it; a file that is `alone` has no named extension.
///
/// A file with one HDU, or with EDGE in its primary header, is a gmadet cutout:
/// O'TRAIN demands EDGE and CANDID. Other multi-extension files (STDPipe) have
/// fallbacks: `mag_calib` before MAG, CANDID, NAME or the file's name, and
/// "Clear" for the filter.
///
/// # Errors
/// If EDGE is neither true nor false, or RA or DEC is no angle.
pub fn describe(
    path: &Path,
    primary: &Cards,
    images: &[&Cards],
    extensions: &[&Cards],
    alone: bool,
) -> Checked<Described> {
    let described = OF_CANDIDATE.iter().any(|name| primary.get(name).is_some());
    let own = match described || images.is_empty() {
        true => vec![primary],
        false => images.to_vec(),
    };
    let mut header = Header {
        own,
        primary,
        images: images.to_vec(),
        remarks: Vec::new(),
    };
    let has_position = ["RA", "DEC"].iter().any(|name| primary.get(name).is_some());
    for name in ["CANDID", "RA", "DEC"] {
        let there = images.iter().any(|cards| cards.value(name).is_some());
        // STDPipe copies the position of the exposure into every extension.
        let own = primary.get(name).is_some() || (name != "CANDID" && has_position);
        if described && there && !own {
            header.remark(format!(
                "{name} of the image extension is not used, because the primary header describes \
                 the candidate"
            ));
        }
    }
    header.candidate(path, extensions, alone || primary.value("EDGE").is_some())
}

struct Header<'a> {
    /// Those that describe the candidate.
    own: Vec<&'a Cards>,
    primary: &'a Cards,
    images: Vec<&'a Cards>,
    remarks: Vec<String>,
}

impl<'a> Header<'a> {
    fn candidate(mut self, path: &Path, extensions: &[&Cards], gmadet: bool) -> Checked<Described> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let edge = self.edge(extensions)?;
        let candid = self.get("CANDID");
        let mut missing = Vec::new();
        if gmadet {
            let demanded = [("EDGE", edge.is_none()), ("CANDID", candid.is_none())];
            let gone = demanded.iter().filter(|(_, gone)| *gone);
            missing.extend(gone.map(|(key, _)| *key));
        }
        let id = self.id("CANDID").or_else(|| self.id("NAME"));
        let mags = match gmadet {
            true => ["MAG", "mag_calib"],
            false => ["mag_calib", "MAG"],
        };
        let filter = match self.of_exposure("FILTER") {
            Some(filter) => filter,
            None if gmadet => String::new(),
            None => {
                self.remark(format!(
                    "there is no FILTER, and the filter is called {NO_FILTER}, as in O'TRAIN"
                ));
                NO_FILTER.into()
            }
        };
        let (ra, dec) = self.position()?;
        let candidate = Candidate {
            id_is_place: id.is_none(),
            id: id.unwrap_or_else(|| name.to_string_lossy().into_owned()),
            object: self.id("OBJECTID").unwrap_or_default(),
            mag: self.number(&mags),
            mag_err: self.number(&["MAGERR", "mag_calib_err", "mag_calib_unc"]),
            filter,
            fwhm: self.number(&["FWHM"]),
            fwhm_psf: self.number(&["FWHMPSF"]),
            ra,
            dec,
            mjd: self.mjd(),
            x: self.plain("XPOS"),
            y: self.plain("YPOS"),
            parent: self.get("FILE").and_then(Field::text).unwrap_or_default(),
            telescope: self.of_exposure("TELESCOP").unwrap_or_default(),
            survey_score: self.number(&["DRB", "RB"]),
            edge,
            file: path.display().to_string(),
        };
        Ok(Described {
            candidate,
            missing,
            remarks: self.remarks,
        })
    }

    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// The value of a keyword of the candidate.
    fn get(&mut self, name: &str) -> Option<&'a Field> {
        let own = self.own.clone();
        self.agreed(&own, name)
    }

    /// The value of a keyword of the candidate's exposure.
    fn get_of_exposure(&mut self, name: &str) -> Option<&'a Field> {
        let (primary, images) = (self.primary, self.images.clone());
        let found = self.agreed(&[primary], name);
        found.or_else(|| self.agreed(&images, name))
    }

    fn of_exposure(&mut self, name: &str) -> Option<String> {
        self.get_of_exposure(name)?.text()
    }

    /// The value of `name` in `headers`, if it is the same in all that have one.
    fn agreed(&mut self, headers: &[&'a Cards], name: &str) -> Option<&'a Field> {
        let mut found: Option<&Field> = None;
        for cards in headers {
            if cards.twice(name).is_some() {
                self.remark(format!(
                    "{name} stands in one header with different values, of which the first is used"
                ));
            }
            let Some(field) = cards.value(name) else {
                continue;
            };
            if found.is_some_and(|first| first.text() != field.text()) {
                self.remark(format!(
                    "{name} differs between the images of one file and counts as unknown"
                ));
                return None;
            }
            found = Some(field);
        }
        found
    }

    /// An id as text. A float that is no exact whole number is none, with a remark: the file's
    /// name tells candidates apart.
    fn id(&mut self, name: &str) -> Option<String> {
        let field = self.get(name)?;
        let is_bare = matches!(field, Field::Bare(_));
        let float = match field {
            Field::Bare(token) => token.parse::<i128>().is_err(),
            Field::Text(text) => text.contains('.'),
            Field::Undefined => false,
        };
        let number = field.number().filter(|_| float);
        let why = match number {
            Some(x) if x.abs() >= TWO_TO_53 => "a float of 2^53 or more",
            Some(x) if is_bare && x.fract() != 0.0 => "no whole number",
            _ => return field.text(),
        };
        self.remark(format!(
            "{name} is {why}, which cannot tell candidates apart, and is not used as an id; write \
             it as text or as a whole number"
        ));
        None
    }

    /// EDGE of the candidate's own header, else of any image `extensions`: only cutouts have
    /// this keyword.
    fn edge(&mut self, extensions: &[&Cards]) -> Checked<Option<bool>> {
        let own = self.get("EDGE").map(edge_of).transpose()?;
        let mut theirs = None;
        for field in extensions.iter().filter_map(|cards| cards.value("EDGE")) {
            theirs = Some(theirs == Some(true) || edge_of(field)?);
        }
        match (own, theirs) {
            (None, Some(_)) => {
                self.remark(
                    "EDGE of the image extension counts: the primary header has none".into(),
                );
            }
            (Some(false), Some(true)) => self.remark(
                "EDGE is true in an image extension and false in the header that describes the \
                 candidate, which counts"
                    .into(),
            ),
            _ => {}
        }
        Ok(own.or(theirs))
    }

    /// A number; NaN if there is none, with a remark if there is something else.
    fn number_of(&mut self, name: &str, field: &Field) -> f64 {
        match field.number() {
            Some(number) if number.is_finite() => number,
            Some(_) => f64::NAN,
            None => {
                if !says_nothing(field) {
                    self.remark(format!("{name} is no number and counts as unknown"));
                }
                f64::NAN
            }
        }
    }

    /// The first of these that is a known number, or NaN.
    fn number(&mut self, names: &[&str]) -> f64 {
        for name in names {
            if let Some(field) = self.get(name) {
                let number = known(self.number_of(name, field));
                if !number.is_nan() {
                    return number;
                }
            }
        }
        f64::NAN
    }

    /// A number of which 99 is a value like any other; NaN if there is none.
    fn plain(&mut self, name: &str) -> f64 {
        let field = self.get(name);
        field.map_or(f64::NAN, |field| self.number_of(name, field))
    }

    /// RA and Dec in degrees; NaN where they are not known.
    fn position(&mut self) -> Checked<(f64, f64)> {
        let ra = self.angle("RA", 15.0)?;
        let dec = self.angle("DEC", 1.0)?;
        // No declination: what writers put where they know none.
        if matches!(dec.abs(), 99.0 | 999.0) {
            return Ok((f64::NAN, f64::NAN));
        }
        for (name, value, most) in [("RA", ra, 360.0), ("DEC", dec, 90.0)] {
            if value.abs() > most {
                let found = format!("{name} = {value}");
                return Err(Fault::new(found, format!("degrees, {most} at most")));
            }
        }
        Ok((ra, dec))
    }

    /// Degrees, or sexagesimal with `unit` degrees to the first number.
    fn angle(&mut self, name: &str, unit: f64) -> Checked<f64> {
        let Some(field) = self.get(name) else {
            return Ok(f64::NAN);
        };
        if let Some(number) = field.number() {
            return Ok(if number.is_finite() { number } else { f64::NAN });
        }
        if says_nothing(field) {
            return Ok(f64::NAN);
        }
        let text = field.text().unwrap_or_default();
        sexagesimal(&text, unit).ok_or_else(|| {
            Fault::new(
                format!("{name} = {}", field.written()),
                "degrees, or a text such as 10:12:33.1 (hours for RA)",
            )
        })
    }

    fn mjd(&mut self) -> f64 {
        for (names, epoch) in [
            (&["MJD", "MJD-OBS", "MJD_OBS"][..], 0.0),
            (&["JD", "HJD", "BJD", "OBSJD"][..], MJD_EPOCH),
        ] {
            for name in names {
                if let Some(field) = self.get_of_exposure(name) {
                    let number = self.number_of(name, field);
                    if !number.is_nan() {
                        return number - epoch;
                    }
                }
            }
        }
        let Some(field) = self.get_of_exposure("DATE-OBS") else {
            return f64::NAN;
        };
        let date = field.text().unwrap_or_default();
        from_date(&date).unwrap_or_else(|| {
            if !says_nothing(field) {
                self.remark("DATE-OBS is no date that is understood and counts as unknown".into());
            }
            f64::NAN
        })
    }
}

/// Whether a text stands for a value that is not known.
fn says_nothing(field: &Field) -> bool {
    let text = field.text().unwrap_or_default().to_ascii_uppercase();
    matches!(
        text.as_str(),
        "" | "N/A" | "NA" | "NAN" | "NONE" | "NULL" | "-" | "--" | "UNKNOWN" | "INDEF"
    )
}

/// What EDGE says.
fn edge_of(field: &Field) -> Checked<bool> {
    field.logical().ok_or_else(|| {
        Fault::new(
            format!(
                "EDGE = {}, which is neither true nor false",
                field.written()
            ),
            "T or F, 1 or 0, 'True' or 'False', 'yes' or 'no'",
        )
    })
}
