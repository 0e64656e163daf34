//! What stands in a row of scores.

use super::Scored;

/// The score's column, unless it is given another name.
pub const SCORE: &str = "rb_score";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// 0 or 1, a label.
    Label,
    /// True or false.
    Flag,
}

/// One cell; what is not known is NaN, `None` or an empty text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of a column of text.
    Text(&'a str),
    /// Of a column of numbers.
    Number(f64),
    /// Of a column of labels.
    Label(Option<u8>),
    /// Of a column of flags.
    Flag(Option<bool>),
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// In VOUnits; empty where there is none.
    pub unit: &'static str,
    /// What it is, in the Virtual Observatory's words (UCD1+).
    pub ucd: &'static str,
    /// What it is, in ours.
    pub about: &'static str,
    /// Its cell of a row.
    pub value: for<'a> fn(&'a Scored) -> Value<'a>,
}

const fn column(
    name: &'static str,
    kind: Kind,
    [unit, ucd, about]: [&'static str; 3],
    value: for<'a> fn(&'a Scored) -> Value<'a>,
) -> Column {
    Column {
        name,
        kind,
        unit,
        ucd,
        about,
        value,
    }
}

/// Every column, in order.
#[rustfmt::skip]
pub const COLUMNS: [Column; 21] = [
    column("id", Kind::Text, ["", "meta.id;meta.main", "The candidate"], |s| Value::Text(&s.candidate.id)),
    column(SCORE, Kind::Number, ["", "stat.probability", "P(real)"], |s| Value::Number(s.score)),
    column("decision", Kind::Text, ["", "meta.code.class", "real, bogus or unscored, at the model's threshold"], |s| Value::Text(s.decision.name())),
    column("object", Kind::Text, ["", "meta.id", "The object that it is a detection of"], |s| Value::Text(&s.candidate.object)),
    column("mag", Kind::Number, ["mag", "phot.mag", "Magnitude"], |s| Value::Number(s.candidate.mag)),
    column("mag_err", Kind::Number, ["mag", "stat.error;phot.mag", "Its error"], |s| Value::Number(s.candidate.mag_err)),
    column("filter", Kind::Text, ["", "meta.id;instr.filter", "Filter band"], |s| Value::Text(&s.candidate.filter)),
    column("fwhm", Kind::Number, ["pixel", "phys.angSize", "Full width at half maximum of the source"], |s| Value::Number(s.candidate.fwhm)),
    column("fwhm_psf", Kind::Number, ["pixel", "instr.det.psf", "Full width at half maximum of the point spread function"], |s| Value::Number(s.candidate.fwhm_psf)),
    column("ra", Kind::Number, ["deg", "pos.eq.ra;meta.main", "Right ascension"], |s| Value::Number(s.candidate.ra)),
    column("dec", Kind::Number, ["deg", "pos.eq.dec;meta.main", "Declination"], |s| Value::Number(s.candidate.dec)),
    column("mjd", Kind::Number, ["d", "time.epoch", "Modified Julian date, on the time scale of the input"], |s| Value::Number(s.candidate.mjd)),
    column("x", Kind::Number, ["pixel", "pos.cartesian.x;instr.det", "Column in the parent image"], |s| Value::Number(s.candidate.x)),
    column("y", Kind::Number, ["pixel", "pos.cartesian.y;instr.det", "Row in the parent image"], |s| Value::Number(s.candidate.y)),
    column("parent", Kind::Text, ["", "meta.id;meta.file", "The image that the cutout is from"], |s| Value::Text(&s.candidate.parent)),
    column("telescope", Kind::Text, ["", "instr.tel", "The telescope"], |s| Value::Text(&s.candidate.telescope)),
    column("edge", Kind::Flag, ["", "meta.code.qual", "Whether the edge of the image cuts it off"], |s| Value::Flag(s.candidate.edge)),
    column("survey_score", Kind::Number, ["", "stat.probability", "The survey's own score (drb, rb, reliability)"], |s| Value::Number(s.candidate.survey_score)),
    column("file", Kind::Text, ["", "meta.id;meta.file", "The file that it was read from"], |s| Value::Text(&s.candidate.file)),
    column("label", Kind::Label, ["", "meta.code.class", "1 real, 0 bogus, where the input says"], |s| Value::Label(s.label)),
    column("error", Kind::Text, ["", "meta.note", "Why there is no score"], |s| Value::Text(&s.error)),
];

/// What column `column` is called where the score is called `score_name`.
pub fn name<'a>(column: &'a Column, score_name: &'a str) -> &'a str {
    match column.name {
        SCORE => score_name,
        other => other,
    }
}

/// A number as text; `None` for NaN. What the devices and most files hold is f32,
/// whose shortest digits are fewer.
pub fn number(value: f64) -> Option<String> {
    match value as f32 {
        _ if value.is_nan() => None,
        short if f64::from(short) == value => Some(short.to_string()),
        _ => Some(value.to_string()),
    }
}

/// A cell as text; `None` where it is not known.
pub fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => (!text.is_empty()).then(|| text.to_string()),
        Value::Number(value) => number(value),
        Value::Label(label) => label.map(|label| label.to_string()),
        Value::Flag(flag) => flag.map(|flag| flag.to_string()),
    }
}
