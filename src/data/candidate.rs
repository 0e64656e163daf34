//! What is known of a candidate besides its pixels.

/// What is known of one candidate besides its pixels. Numbers that a file does
/// not give are NaN, strings empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// CANDID, or the file's name, or the row.
    pub id: String,
    /// Whether the id is only where the candidate is in its input, its row or the file's name,
    /// for want of one: that of another input is another candidate's.
    pub id_is_place: bool,
    /// The object that it is a detection of: objectId, OBJECTID.
    pub object: String,
    /// Magnitude.
    pub mag: f64,
    /// Its error, in magnitudes.
    pub mag_err: f64,
    /// Filter band.
    pub filter: String,
    /// Full width at half maximum of the source, in pixels.
    pub fwhm: f64,
    /// Full width at half maximum of the image's point spread function, in pixels.
    pub fwhm_psf: f64,
    /// Right ascension, in degrees.
    pub ra: f64,
    /// Declination, in degrees.
    pub dec: f64,
    /// When the image was taken: modified Julian date, in days, on the time scale of the file.
    pub mjd: f64,
    /// Column in the image that the cutout is from, in pixels, as the file counts them.
    pub x: f64,
    /// Row in that image, in pixels.
    pub y: f64,
    /// The image that the cutout is from, as the file names it (O'TRAIN: originalFile).
    pub parent: String,
    /// The telescope, as the file names it (FITS: TELESCOP).
    pub telescope: String,
    /// The survey's own real/bogus score, from 0 to 1, if it gave one: ZTF's drb, or rb in
    /// packets before it; Rubin's reliability. Nothing here uses it; it is there to compare with.
    pub survey_score: f64,
    /// Whether the cutout was cut off by the edge of the image; `None` where nothing is said.
    pub edge: Option<bool>,
    /// The file that it was read from; empty for a row of an array.
    pub file: String,
}

impl Default for Candidate {
    /// Nothing known: numbers NaN, strings empty.
    fn default() -> Self {
        Candidate {
            id: String::new(),
            id_is_place: false,
            object: String::new(),
            mag: f64::NAN,
            mag_err: f64::NAN,
            filter: String::new(),
            fwhm: f64::NAN,
            fwhm_psf: f64::NAN,
            ra: f64::NAN,
            dec: f64::NAN,
            mjd: f64::NAN,
            x: f64::NAN,
            y: f64::NAN,
            parent: String::new(),
            telescope: String::new(),
            survey_score: f64::NAN,
            edge: None,
            file: String::new(),
        }
    }
}

impl Candidate {
    /// Where it comes from, for messages: its file if it has one, else its id.
    pub fn place(&self) -> &str {
        match self.file.as_str() {
            "" => &self.id,
            file => file,
        }
    }
}
